//! Sources of log messages: files and pipes that end, and files that are followed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use tweetoscope::record::{Kind, Log, Record, Refusal, read};
use tweetoscope::stage::log::{Level, from_text};
use tweetoscope::stream::lines::{Input, Lines, Options};
use tweetoscope::stream::{Rejects, Step, Transport};

use crate::flags::{CarrierArgs, InputArgs};

/// Messages of one input, in its own order.
pub(crate) struct Feed {
    queue: VecDeque<Log>,
    from: From,
    /// Returns where no input is available, instead of blocking.
    nonblocking: bool,
    /// The last read found no input; set until `wake`.
    asleep: bool,
}

enum From {
    Carrier(Box<dyn Transport>),
    Tail(Box<Tail>),
    Nothing(u64),
}

/// A feed of the messages of a transport that returns after a while without a message, as that of topics
/// does: the loop must move meanwhile, or the process counts as unhealthy.
pub(crate) fn carried(transport: impl Transport + 'static) -> Feed {
    let from = From::Carrier(Box::new(transport));
    Feed { queue: VecDeque::new(), from, nonblocking: true, asleep: false }
}

/// A feed for each input; a directory stands for its log files.
pub(crate) fn open(
    args: &CarrierArgs,
    follow: bool,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Vec<Feed>> {
    let mut feeds = Vec::new();
    for input in inputs(&args.files)? {
        let tail = match &input {
            Input::File(path) if follow && !input.has_compressed_name() => {
                Some(Tail::open(path.clone(), &args.input))
            }
            _ => None,
        };
        let from = match tail {
            Some(tail) => From::Tail(Box::new(tail?)),
            None => {
                let options = Options {
                    inputs: vec![input],
                    max_line_bytes: args.input.max_line,
                    dead_letter: args.input.dead_letter.clone(),
                    stop: Arc::clone(stop),
                };
                From::Carrier(Box::new(Lines::open(options, io::sink())?))
            }
        };
        feeds.push(Feed { queue: VecDeque::new(), from, nonblocking: follow, asleep: false });
    }
    Ok(feeds)
}

fn inputs(paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
            let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
            let is_log = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                name.ends_with(".log") || (name.contains(".log.") && !name.ends_with(".part"))
            };
            all.extend(files.filter(is_log));
        } else {
            all.push(path.clone());
        }
    }
    all.sort();
    // Without this check an empty directory would mean stdin.
    if all.is_empty() && !paths.is_empty() {
        anyhow::bail!(
            "{}: the directory contains no log files (*.log, *.log.*)",
            paths[0].display()
        );
    }
    Ok(Input::of(&all))
}

/// The message of a line: a log record or the text form; none for other records.
fn message(line: &[u8]) -> Result<Option<Log>, Refusal> {
    if line.trim_ascii_start().first() == Some(&b'{') {
        return match read(line, None, &[Kind::Log])?.record() {
            Some(Record::Log(mut log)) => {
                let level = Level::named(&log.level).ok_or_else(|| unknown_level(&log.level))?;
                // Other programs write WARN or NOTICE.
                level.name().clone_into(&mut log.level);
                Ok(Some(log))
            }
            _ => Ok(None),
        };
    }
    let Some(log) = from_text(&String::from_utf8_lossy(line)) else {
        let text = "the line is neither a log record nor a line of a text log";
        return Err(Refusal::new("field", text));
    };
    match Level::named(&log.level) {
        Some(_) => Ok(Some(log)),
        None => Err(unknown_level(&log.level)),
    }
}

/// The refusal of a message with a level of another program.
fn unknown_level(level: &str) -> Refusal {
    let levels = Level::ALL.map(Level::name).join(", ");
    let text = format!(
        "field \"level\": {level:?} is not a level; the levels are {levels}, and WARN, FATAL and \
         the names of syslog are read as the nearest of them"
    );
    Refusal::new("field", text)
}

impl Feed {
    /// Whether the queue is empty and more input may be available.
    pub(crate) fn is_dry(&self) -> bool {
        self.queue.is_empty() && !self.ended() && !self.asleep
    }

    /// Makes the feed read again.
    pub(crate) fn wake(&mut self) {
        self.asleep = false;
    }

    /// Whether no message will follow.
    pub(crate) fn ended(&self) -> bool {
        self.queue.is_empty() && matches!(self.from, From::Nothing(_))
    }

    /// Time of the next message.
    pub(crate) fn head(&self) -> Option<f64> {
        self.queue.front().map(|log| log.t)
    }

    /// The next message.
    pub(crate) fn pop(&mut self) -> Option<Log> {
        self.queue.pop_front()
    }

    /// How many lines were refused.
    pub(crate) fn rejected(&self) -> u64 {
        match &self.from {
            From::Carrier(carrier) => carrier.counts().rejected,
            From::Tail(tail) => tail.rejects.count(),
            From::Nothing(rejected) => *rejected,
        }
    }

    /// Reports the number of refused lines of a followed file, where not every one was reported.
    pub(crate) fn report_total(&self) {
        if let From::Tail(tail) = &self.from {
            tail.rejects.report_total();
        }
    }

    /// Reads until a message or the end; a nonblocking feed stops where no input is available.
    pub(crate) fn refill(&mut self) -> io::Result<()> {
        while self.is_dry() {
            let found = match &mut self.from {
                From::Carrier(carrier) => {
                    if !step(carrier.as_mut(), &mut self.queue)? {
                        self.from = From::Nothing(self.rejected());
                        return Ok(());
                    }
                    !self.queue.is_empty()
                }
                From::Tail(tail) => tail.poll(&mut self.queue)?,
                From::Nothing(_) => return Ok(()),
            };
            self.asleep = self.nonblocking && !found;
        }
        Ok(())
    }
}

/// The messages of the next block of lines; false at the end.
fn step(lines: &mut dyn Transport, queue: &mut VecDeque<Log>) -> io::Result<bool> {
    let mut refused = Vec::new();
    match lines.read()? {
        Step::End(_) => {
            lines.finish()?;
            return Ok(false);
        }
        Step::Record(_) => {}
        Step::Next(_, frames) => {
            for frame in frames {
                match message(frame.bytes) {
                    Ok(log) => queue.extend(log),
                    Err(refusal) => refused.push((frame.position, frame.bytes.to_vec(), refusal)),
                }
            }
        }
    }
    for (position, bytes, refusal) in refused {
        lines.reject(position, &bytes, &refusal)?;
    }
    Ok(true)
}

/// Bytes per read.
const CHUNK: usize = 64 * 1024;

/// A file that is followed while it grows, and across rotations.
struct Tail {
    path: PathBuf,
    file: File,
    identity: (u64, u64),
    offset: u64,
    /// The path names another file now; this one is read to its end first.
    leaving: bool,
    /// The beginning of an unfinished line.
    carry: Vec<u8>,
    /// The unfinished line is too long and will be refused.
    skipping: bool,
    longest: usize,
    line: u64,
    rejects: Rejects,
}

impl Tail {
    fn open(path: PathBuf, args: &InputArgs) -> anyhow::Result<Self> {
        let (file, identity) = opened(&path).with_context(|| path.display().to_string())?;
        let rejects = Rejects::new(args.dead_letter.as_deref())?;
        Ok(Self {
            path,
            file,
            identity,
            offset: 0,
            leaving: false,
            carry: Vec::new(),
            skipping: false,
            longest: args.max_line,
            line: 1,
            rejects,
        })
    }

    /// Reads what was appended; at the end of a file that was rotated or truncated, continues with
    /// the file that replaced it. False where there was no new input.
    fn poll(&mut self, queue: &mut VecDeque<Log>) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK];
        let count = self.file.read(&mut chunk)?;
        if count == 0 {
            self.open_successor()?;
            return Ok(false);
        }
        self.offset += count as u64;
        let mut rest = &chunk[..count];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.carry.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            self.end_line(queue)?;
        }
        self.carry.extend_from_slice(rest);
        if self.carry.len() > self.longest {
            self.carry.truncate(CHUNK.min(self.longest));
            self.skipping = true;
        }
        Ok(true)
    }

    fn end_line(&mut self, queue: &mut VecDeque<Log>) -> io::Result<()> {
        let line = std::mem::take(&mut self.carry);
        let place = format!("{}:{}", self.path.display(), self.line);
        self.line += 1;
        let message = match std::mem::take(&mut self.skipping) || line.len() > self.longest {
            true => Err(Refusal::new("size", "the line is longer than --max-line")),
            false if line.trim_ascii().is_empty() => Ok(None),
            false => message(&line),
        };
        match message {
            Ok(log) => queue.extend(log),
            Err(refusal) => self.rejects.add(&place, &line, &refusal)?,
        }
        Ok(())
    }

    fn open_successor(&mut self) -> io::Result<()> {
        // During a rotation there is no file of that name.
        let Ok((file, identity)) = opened(&self.path) else { return Ok(()) };
        let other = identity != self.identity;
        if !other && file.metadata()?.len() >= self.offset {
            return Ok(());
        }
        if other && !std::mem::replace(&mut self.leaving, true) {
            // The old file may have grown since its end was read.
            return Ok(());
        }
        self.leaving = false;
        (self.file, self.identity) = (file, identity);
        (self.offset, self.line, self.skipping) = (0, 1, false);
        self.carry.clear();
        Ok(())
    }
}

fn opened(path: &Path) -> io::Result<(File, (u64, u64))> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    Ok((file, (about.dev(), about.ino())))
}
