//! JSON lines on stdin, stdout and files.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::Duration;

use memchr::memchr_iter;

use super::writer::Shared;
pub use super::writer::Writer;
pub(crate) use super::writer::named;
use super::{Counts, Frame, Rejects, Step, Transport};
pub use crate::input::blocks::Input;
use crate::input::blocks::{
    Block, Blocks, Buffer, HEAD, MAX_TWEET_BYTES, max_line_bytes, recycle, start,
};
use crate::record::{Refusal, keyed};
use crate::stage::{Ending, Outgoing, SharedSink, Tally};

/// Interval at which a blocked read checks the stop flag.
const STOP_CHECK: Duration = Duration::from_millis(50);
/// Number of checks after which a blocked read returns an empty step, so that observers see progress.
const STOP_CHECKS: u32 = 5;
/// Default maximum length of a line, in bytes.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// Options of [`Lines`].
pub struct Options {
    /// Inputs, read one after the other.
    pub inputs: Vec<Input>,
    /// Maximum length of a line in bytes; of a tweet at most 1 MiB.
    pub max_line_bytes: usize,
    /// File to which refused records are appended.
    pub dead_letter: Option<PathBuf>,
    /// Set by a signal; reading then ends.
    pub stop: Arc<AtomicBool>,
}

/// A callback with the number of bytes read since the last call.
pub type OnBytes = Box<dyn FnMut(u64)>;

/// A transport from lines of files or stdin to a writer.
pub struct Lines<W> {
    names: Vec<String>,
    max_line_bytes: usize,
    blocks: Blocks,
    stop: Arc<AtomicBool>,
    /// Whether an input could not be read to its end, so the end of the input is not the end of the stream.
    truncated: bool,
    block: Buffer,
    input: usize,
    /// Line number of the first line of the block in its file, and its position in the whole input.
    first_line: u64,
    position: u64,
    next_position: u64,
    to: Shared<W>,
    rejects: Rejects,
    counts: Counts,
    on_bytes: Option<OnBytes>,
}

impl<W: Write + Send + 'static> Lines<W> {
    /// Starts to read.
    ///
    /// # Errors
    /// A file does not exist (checked before anything is read), or the dead-letter file cannot be opened.
    pub fn open(options: Options, to: W) -> io::Result<Self> {
        for input in &options.inputs {
            if let Input::File(path) = input {
                std::fs::metadata(path).map_err(|error| named(&input.name(), &error))?;
            }
        }
        let rejects = Rejects::new(options.dead_letter.as_deref())?;
        Ok(Self {
            names: options.inputs.iter().map(Input::name).collect(),
            max_line_bytes: options.max_line_bytes,
            blocks: start(options.inputs, options.max_line_bytes),
            stop: options.stop,
            truncated: false,
            block: Buffer::default(),
            input: 0,
            first_line: 1,
            position: 0,
            next_position: 0,
            to: Shared::new(to),
            rejects,
            counts: Counts::default(),
            on_bytes: None,
        })
    }

    /// Sets a callback for the number of bytes of every block.
    pub fn on_bytes(&mut self, on_bytes: OnBytes) {
        self.on_bytes = Some(on_bytes);
    }

    /// The next block, or `None` at the end. Flushes the writer before it blocks.
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.blocks.0.try_recv() {
            Ok(block) => return Ok(Some(block)),
            Err(TryRecvError::Disconnected) => return Ok(None),
            Err(TryRecvError::Empty) => self.to.flush()?,
        }
        for _ in 0..STOP_CHECKS {
            match self.blocks.0.recv_timeout(STOP_CHECK) {
                Ok(block) => return Ok(Some(block)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => {
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let (input, first_line) = (self.input, self.first_line);
        Ok(Some(Block::Lines { input, first_line, lines: 0, content: Buffer::default() }))
    }

    fn place(&self, line: u64) -> String {
        format!("{}:{line}", self.names[self.input])
    }

    fn refuse_long_lines(&mut self) -> io::Result<()> {
        if self.block.bytes().len() <= MAX_TWEET_BYTES.min(self.max_line_bytes) {
            return Ok(());
        }
        let (_, long) = frames(self.block.bytes(), self.position, self.max_line_bytes);
        for (position, head, length) in long {
            self.too_long(self.first_line + (position - self.position), length as u64, &head)?;
        }
        Ok(())
    }

    fn too_long(&mut self, line: u64, length: u64, head: &[u8]) -> io::Result<()> {
        let limit = max_line_bytes(head, self.max_line_bytes);
        let remedy = match limit == self.max_line_bytes {
            true => "; raise --max-line, or give the file with --history",
            false => " for a tweet",
        };
        let text = format!("the line has {length} bytes; the maximum is {limit}{remedy}");
        self.counts.read += 1;
        self.rejects.add(&self.place(line), head, &Refusal::new("size", text))
    }
}

/// A line that is too long: its position, its beginning, its length in bytes.
type Long = (u64, Vec<u8>, usize);

/// The lines of a block, and those that are too long.
fn frames(bytes: &[u8], first: u64, limit: usize) -> (Vec<Frame<'_>>, Vec<Long>) {
    /// Bytes of a short line, to estimate the number of lines.
    const SHORT: usize = 64;
    // Validates the whole block at once. If it is not UTF-8, each line is validated separately.
    let text = simdutf8::basic::from_utf8(bytes).ok();
    let (mut frames, mut long) = (Vec::with_capacity(bytes.len() / SHORT), Vec::new());
    let (mut start, mut position) = (0, first);
    let short = MAX_TWEET_BYTES.min(limit);
    // The last line of a file may lack its newline.
    let last = bytes.last().is_some_and(|byte| *byte != b'\n').then_some(bytes.len());
    for end in memchr_iter(b'\n', bytes).chain(last) {
        let line = &bytes[start..end];
        if line.len() > short && line.len() > max_line_bytes(line, limit) {
            long.push((position, line[..line.len().min(HEAD)].to_vec(), line.len()));
        } else if !line.trim_ascii().is_empty() {
            let (key, line) = keyed(line);
            let text = text.and_then(|text| text.get(end - line.len()..end));
            frames.push(Frame { position, key, bytes: line, text });
        }
        (start, position) = (end + 1, position + 1);
    }
    (frames, long)
}

impl<W: Write + Send + 'static> Transport for Lines<W> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        loop {
            match self.next_block()? {
                None if self.truncated || self.stop.load(Ordering::Relaxed) => {
                    return Ok(Step::End(Ending::Cut));
                }
                None => return Ok(Step::End(Ending::Complete)),
                Some(Block::Failed(input, error)) => {
                    self.truncated = true;
                    let refusal =
                        Refusal::new("read", format!("cannot be read to its end: {error}"));
                    let name = self.names[input].clone();
                    self.rejects.add(&name, b"", &refusal)?;
                }
                Some(Block::TooLong { input, line, length, head }) => {
                    self.input = input;
                    self.next_position += 1;
                    self.too_long(line, length, &head)?;
                }
                Some(Block::Lines { input, first_line, lines, content }) => {
                    (self.input, self.first_line) = (input, first_line);
                    let processed = std::mem::replace(&mut self.block, content);
                    recycle(processed, &self.blocks);
                    self.position = self.next_position;
                    self.next_position += lines;
                    if let Some(on_bytes) = &mut self.on_bytes {
                        on_bytes(self.block.bytes().len() as u64);
                    }
                    self.refuse_long_lines()?;
                    let (frames, _) =
                        frames(self.block.bytes(), self.position, self.max_line_bytes);
                    self.counts.read += frames.len() as u64;
                    return Ok(Step::Next(Vec::new(), frames));
                }
            }
        }
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        self.to.write(&out)
    }

    fn sink(&self) -> Option<SharedSink> {
        Some(self.to.sink())
    }

    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        let line = self.first_line + (position - self.position);
        self.rejects.add(&self.place(line), bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.flush()?;
        self.rejects.report_total();
        Ok(())
    }

    fn counts(&self) -> Counts {
        Counts { rejected: self.rejects.count(), written: self.to.written(), ..self.counts }
    }

    fn tally(&self) -> Tally {
        self.rejects.tally()
    }
}
