//! JSON lines on stdin, stdout and files.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::Duration;

use memchr::memchr_iter;

use super::{Counts, Frame, Rejects, Step, Transport};
pub use crate::input::blocks::Input;
use crate::input::blocks::{
    Block, Blocks, Filled, HEAD, LONGEST_TWEET, give_back, longest_of, start,
};
use crate::record::Refusal;
use crate::stage::{Ending, Outgoing, Tally};

/// Bytes that are written at once.
const FULL: usize = 64 * 1024;
/// How often a waiting reader looks whether it was told to stop.
const LOOK: Duration = Duration::from_millis(50);
/// Looks after which a waiting reader comes back with nothing, to show that it lives.
const LOOKS: u32 = 5;
/// Longest line by default, in bytes.
pub const LONGEST: usize = 64 << 20;

/// What the lines come from, and what may stop them.
pub struct Options {
    /// Read one after the other.
    pub inputs: Vec<Input>,
    /// Longest line in bytes (a tweet's is 1 MiB at most).
    pub longest: usize,
    /// Where refused records are kept.
    pub dead_letter: Option<PathBuf>,
    /// Set by a signal: read no more.
    pub stop: Arc<AtomicBool>,
}

/// Told how many bytes were read since the last call.
pub type OnBytes = Box<dyn FnMut(u64)>;

/// Carries lines from files or stdin to a writer.
pub struct Lines<W> {
    names: Vec<String>,
    longest: usize,
    blocks: Blocks,
    stop: Arc<AtomicBool>,
    /// An input could not be read to its end: what follows from its end does not hold.
    torn: bool,
    block: Filled,
    input: usize,
    /// Number of the block's first line in its file, and its position in the whole input.
    first_line: u64,
    position: u64,
    next_position: u64,
    to: Writer<W>,
    rejects: Rejects,
    counts: Counts,
    on_bytes: Option<OnBytes>,
}

impl<W: Write> Lines<W> {
    /// Starts to read. A file that is missing is an error at once, before anything is read.
    pub fn open(options: Options, to: W) -> io::Result<Self> {
        for input in &options.inputs {
            if let Input::File(path) = input {
                std::fs::metadata(path).map_err(|error| named(&input.name(), &error))?;
            }
        }
        let rejects = match &options.dead_letter {
            None => Rejects::new(None),
            Some(path) => Rejects::new(Some(path))
                .map_err(|error| named(&format!("dead letters in {}", path.display()), &error)),
        }?;
        Ok(Self {
            names: options.inputs.iter().map(Input::name).collect(),
            longest: options.longest,
            blocks: start(options.inputs, options.longest),
            stop: options.stop,
            torn: false,
            block: Filled::default(),
            input: 0,
            first_line: 1,
            position: 0,
            next_position: 0,
            to: Writer::new(to),
            rejects,
            counts: Counts::default(),
            on_bytes: None,
        })
    }

    /// Has `on_bytes` told of every block that is read.
    pub fn tell_bytes(&mut self, on_bytes: OnBytes) {
        self.on_bytes = Some(on_bytes);
    }

    /// What was refused so far.
    pub fn rejects(&self) -> &Rejects {
        &self.rejects
    }

    /// The next block; what was written goes off before it waits. `None` at the end.
    fn next_block(&mut self) -> io::Result<Option<Block>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.blocks.0.try_recv() {
            Ok(block) => return Ok(Some(block)),
            Err(TryRecvError::Disconnected) => return Ok(None),
            Err(TryRecvError::Empty) => self.to.flush()?,
        }
        for _ in 0..LOOKS {
            match self.blocks.0.recv_timeout(LOOK) {
                Ok(block) => return Ok(Some(block)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => {
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let (input, first_line) = (self.input, self.first_line);
        Ok(Some(Block::Lines { input, first_line, lines: 0, content: Filled::default() }))
    }

    fn place(&self, line: u64) -> String {
        format!("{}:{line}", self.names[self.input])
    }

    fn refuse_long_lines(&mut self) -> io::Result<()> {
        if self.block.bytes().len() <= LONGEST_TWEET {
            return Ok(());
        }
        let (_, long) = frames(self.block.bytes(), self.position, self.longest);
        for (position, head, length) in long {
            self.too_long(self.first_line + (position - self.position), length as u64, &head)?;
        }
        Ok(())
    }

    fn too_long(&mut self, line: u64, length: u64, head: &[u8]) -> io::Result<()> {
        let limit = longest_of(head, self.longest);
        let text = format!("the line has {length} bytes, more than the {limit} that it may have");
        self.counts.read += 1;
        self.rejects.add(&self.place(line), head, &Refusal::new("size", text))
    }
}

/// A line that is too long: its position, its beginning, its length.
type Long = (u64, Vec<u8>, usize);

/// The lines of a block, and those that are too long.
fn frames(bytes: &[u8], first: u64, longest: usize) -> (Vec<Frame<'_>>, Vec<Long>) {
    /// Bytes of a short line; more are made room for where lines are shorter still.
    const SHORT: usize = 64;
    // All of it at once, where it is text as it should be; else each line is judged by itself.
    let text = simdutf8::basic::from_utf8(bytes).ok();
    let (mut frames, mut long) = (Vec::with_capacity(bytes.len() / SHORT), Vec::new());
    let (mut start, mut position) = (0, first);
    // The last line of a file may lack its end.
    let torn = bytes.last().is_some_and(|last| *last != b'\n').then_some(bytes.len());
    for end in memchr_iter(b'\n', bytes).chain(torn) {
        let line = &bytes[start..end];
        if line.len() > LONGEST_TWEET && line.len() > longest_of(line, longest) {
            long.push((position, line[..HEAD].to_vec(), line.len()));
        } else if !line.trim_ascii().is_empty() {
            let text = text.and_then(|text| text.get(start..end));
            frames.push(Frame { position, key: None, bytes: line, text });
        }
        (start, position) = (end + 1, position + 1);
    }
    (frames, long)
}

/// Writes lines in blocks.
pub struct Writer<W> {
    to: W,
    buffer: Vec<u8>,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// A writer that holds nothing back yet.
    pub fn new(to: W) -> Self {
        Self { to, buffer: Vec::with_capacity(FULL * 2), written: 0 }
    }

    /// Lines written so far, those still held back included.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes what a stage wrote.
    pub fn outgoing(&mut self, item: &Outgoing) -> io::Result<()> {
        self.line(|buffer| match item {
            Outgoing::Record(record) => record.write(buffer),
            Outgoing::Foreign(bytes) => buffer.extend_from_slice(bytes),
        })
    }

    /// Writes a line that `append` puts behind the buffer, without its newline.
    pub fn line(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        append(&mut self.buffer);
        self.buffer.push(b'\n');
        self.written += 1;
        if self.buffer.len() >= FULL { self.flush() } else { Ok(()) }
    }

    /// Sends off what is held back.
    pub fn flush(&mut self) -> io::Result<()> {
        let wrote = self.to.write_all(&self.buffer).and_then(|()| self.to.flush());
        self.buffer.clear();
        wrote.map_err(|error| named("stdout", &error))
    }
}

/// An error of the same kind that names what it happened to.
pub(crate) fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

impl<W: Write> Transport for Lines<W> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        loop {
            match self.next_block()? {
                None if self.torn || self.stop.load(Ordering::Relaxed) => {
                    return Ok(Step::End(Ending::Cut));
                }
                None => return Ok(Step::End(Ending::Complete)),
                Some(Block::Failed(input, error)) => {
                    self.torn = true;
                    let refusal = Refusal::new("read", format!("cannot be read further: {error}"));
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
                    let done = std::mem::replace(&mut self.block, content);
                    give_back(done, &self.blocks);
                    self.position = self.next_position;
                    self.next_position += lines;
                    if let Some(on_bytes) = &mut self.on_bytes {
                        on_bytes(self.block.bytes().len() as u64);
                    }
                    self.refuse_long_lines()?;
                    let (frames, _) = frames(self.block.bytes(), self.position, self.longest);
                    self.counts.read += frames.len() as u64;
                    return Ok(Step::Next(Vec::new(), frames));
                }
            }
        }
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        out.iter().try_for_each(|item| self.to.outgoing(item))
    }

    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        let line = self.first_line + (position - self.position);
        self.rejects.add(&self.place(line), bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.flush()?;
        self.rejects.tell();
        Ok(())
    }

    fn counts(&self) -> Counts {
        Counts { rejected: self.rejects.count(), written: self.to.written(), ..self.counts }
    }

    fn tally(&self) -> Tally {
        self.rejects.tally()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what would be system calls.
    struct Calls(usize, usize);

    impl Write for Calls {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            (self.0, self.1) = (self.0 + 1, self.1 + bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_blocks() {
        let mut writer = Writer::new(Calls(0, 0));
        for _ in 0..100_000 {
            writer.line(|buffer| buffer.extend_from_slice(b"a line of twenty-four..")).unwrap();
        }
        writer.flush().unwrap();
        let Calls(calls, bytes) = writer.to;
        assert_eq!(bytes, 2_400_000);
        assert!(calls <= bytes / FULL + 1, "{calls}");
    }
}
