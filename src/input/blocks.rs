//! Reads files and pipes in blocks of whole lines, on a thread of its own.
//!
//! Separate from `lines` because it knows bytes, not records: plain or gzip, lines of any length,
//! read errors in the middle. A line that is too long is passed over without being held.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use flate2::bufread::MultiGzDecoder;
use memchr::{memchr, memmem, memrchr};

/// Bytes asked for at once. A pipe gives a quarter of it; of a file it is enough that cascades are fitted
/// several at a time, and little enough to stay in a core's cache.
const BLOCK: usize = 256 * 1024;
/// Blocks that may wait for the stage.
const WAITING: usize = 4;
/// How much of a long line is looked at and kept.
pub(crate) const HEAD: usize = 4096;
/// Longest line of a tweet, in bytes; no honest one comes near.
pub(crate) const LONGEST_TWEET: usize = 1 << 20;

/// What the reading thread brings.
pub(crate) enum Block {
    /// Whole lines; the last may lack its newline at the end of a file.
    Lines {
        /// Which input, by its index.
        input: usize,
        /// Number of the first line, from 1.
        first_line: u64,
        /// How many lines there are.
        lines: u64,
        /// The lines.
        content: Filled,
    },
    /// A line that was passed over because of its length.
    TooLong {
        /// Which input.
        input: usize,
        /// Its number, from 1.
        line: u64,
        /// Its bytes, newline excluded.
        length: u64,
        /// Its beginning.
        head: Vec<u8>,
    },
    /// An input that could not be read, or not to its end.
    Failed(usize, io::Error),
}

/// Memory of which the beginning is in use. What is behind it is left from before: it need not be
/// cleared each time.
#[derive(Default)]
pub(crate) struct Filled {
    memory: Vec<u8>,
    used: usize,
}

impl Filled {
    /// These bytes, in memory that may be there already.
    fn with(mut memory: Vec<u8>, bytes: &[u8]) -> Self {
        if memory.len() < bytes.len() {
            memory.resize(bytes.len(), 0);
        }
        memory[..bytes.len()].copy_from_slice(bytes);
        Self { memory, used: bytes.len() }
    }

    /// What is in use.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[..self.used]
    }

    /// Room for a block behind it.
    fn room(&mut self) -> &mut [u8] {
        let end = self.used + BLOCK;
        if self.memory.len() < end {
            self.memory.resize(end, 0);
        }
        &mut self.memory[self.used..end]
    }
}

/// Hands the memory of a block that is done with to the next one, if it is worth it.
pub(crate) fn give_back(done: Filled, (_, used): &Blocks) {
    if (1..=2 * BLOCK).contains(&done.memory.capacity()) {
        // Where nobody reads any more, nobody needs it.
        let _ = used.send(done.memory);
    }
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, plain or gzip.
    File(PathBuf),
}

impl Input {
    /// `-` is standard input; no path at all is standard input alone.
    pub fn of(paths: &[PathBuf]) -> Vec<Self> {
        if paths.is_empty() {
            return vec![Self::Stdin];
        }
        let one = |path: &PathBuf| {
            if path == Path::new("-") { Self::Stdin } else { Self::File(path.clone()) }
        };
        paths.iter().map(one).collect()
    }

    /// Its name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        let raw: Box<dyn Read> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path)?),
        };
        plain(raw)
    }
}

/// The content of `raw`, unpacked where it is gzip (told by its first two bytes).
pub(crate) fn plain(raw: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut raw = BufReader::with_capacity(BLOCK, raw);
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    // One byte of a slow pipe is enough to know that it is no gzip.
    let head = raw.fill_buf()?;
    if head.starts_with(&GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(raw)));
    }
    // A byte order mark, as some editors write it, is no part of the first record.
    if head.starts_with(BYTE_ORDER_MARK) {
        raw.consume(BYTE_ORDER_MARK.len());
    }
    Ok(Box::new(raw))
}

/// Blocks that come, and where their memory goes when they are done with.
pub(crate) type Blocks = (Receiver<Block>, Sender<Vec<u8>>);

/// Starts to read `inputs` one after the other; `longest` bounds a line that is no tweet.
pub(crate) fn start(inputs: Vec<Input>, longest: usize) -> Blocks {
    let (to, from) = sync_channel(WAITING);
    let (used, again) = channel();
    std::thread::spawn(move || {
        for (index, input) in inputs.iter().enumerate() {
            let mut cutter = Cutter::new(index, longest, &to, &again);
            let ended = input.open().and_then(|mut content| cutter.read_all(&mut content));
            let told = match ended {
                Ok(going) => going,
                Err(error) => to.send(Block::Failed(index, error)).is_ok(),
            };
            if !told {
                return;
            }
        }
    });
    (from, used)
}

/// Whether a line that begins so is a tweet: then it has no right to a megabyte.
fn begins_a_tweet(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    let Some(place) = memmem::find(head, b"\"type\"") else { return false };
    let value = head[place + 6..].trim_ascii_start();
    let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii_start();
    value.starts_with(b"\"tweet\"") || value.starts_with(b"\"retweet\"")
}

/// How long a line that begins with `head` may be.
pub(crate) fn longest_of(head: &[u8], longest: usize) -> usize {
    if begins_a_tweet(head) { LONGEST_TWEET.min(longest) } else { longest }
}

/// Cuts a stream of bytes into blocks that end with a newline.
struct Cutter<'a> {
    input: usize,
    longest: usize,
    to: &'a SyncSender<Block>,
    /// Memory of blocks that are done with.
    again: &'a Receiver<Vec<u8>>,
    line: u64,
    /// The beginning of a line whose end is still to come.
    carry: Filled,
    /// Bytes of the line that is being passed over; its head is in `carry`.
    skipped: Option<u64>,
}

impl<'a> Cutter<'a> {
    fn new(
        input: usize,
        longest: usize,
        to: &'a SyncSender<Block>,
        again: &'a Receiver<Vec<u8>>,
    ) -> Self {
        Self { input, longest, to, again, line: 1, carry: Filled::default(), skipped: None }
    }

    /// False when nobody listens any more.
    fn read_all(&mut self, content: &mut dyn Read) -> io::Result<bool> {
        loop {
            let mut block = std::mem::take(&mut self.carry);
            let known = block.used;
            match content.read(block.room()) {
                Ok(0) => {
                    self.carry = block;
                    return Ok(self.end());
                }
                Ok(count) => block.used += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // What was whole before the fault is not lost; the torn line is named.
                    self.carry = block;
                    self.end();
                    return Err(error);
                }
            }
            let going = match self.skipped {
                Some(length) => self.skip(block, known, length),
                None => self.cut(block, known),
            };
            if !going {
                return Ok(false);
            }
        }
    }

    /// Sends the whole lines of `block`, of which the first `known` bytes have no newline.
    fn cut(&mut self, mut block: Filled, known: usize) -> bool {
        let Some(last) = memrchr(b'\n', &block.bytes()[known..]).map(|place| known + place) else {
            self.carry = block;
            if self.carry.used > longest_of(self.carry.bytes(), self.longest) {
                self.skipped = Some(self.carry.used as u64);
                self.carry.used = self.carry.used.min(HEAD);
                self.carry = Filled::with(Vec::new(), self.carry.bytes());
            }
            return true;
        };
        let memory = self.again.try_recv().unwrap_or_default();
        self.carry = Filled::with(memory, &block.bytes()[last + 1..]);
        block.used = last + 1;
        self.send(block)
    }

    fn send(&mut self, content: Filled) -> bool {
        let bytes = content.bytes();
        let torn = bytes.last().is_some_and(|last| *last != b'\n');
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u64 + u64::from(torn);
        let first_line = self.line;
        self.line += lines;
        let input = self.input;
        self.to.send(Block::Lines { input, first_line, lines, content }).is_ok()
    }

    /// Passes over what belongs to the long line, whose head is the first `known` bytes.
    fn skip(&mut self, mut block: Filled, known: usize, length: u64) -> bool {
        let fresh = &block.bytes()[known..];
        let Some(end) = memchr(b'\n', fresh) else {
            self.skipped = Some(length + fresh.len() as u64);
            block.used = known;
            self.carry = block;
            return true;
        };
        let rest = Filled::with(Vec::new(), &fresh[end + 1..]);
        let length = length + end as u64;
        block.used = known;
        self.carry = block;
        self.tell_too_long(length) && self.cut(rest, 0)
    }

    fn tell_too_long(&mut self, length: u64) -> bool {
        self.skipped = None;
        let head = std::mem::take(&mut self.carry).bytes().to_vec();
        let (input, line) = (self.input, self.line);
        self.line += 1;
        self.to.send(Block::TooLong { input, line, length, head }).is_ok()
    }

    /// The input is over: the last line may lack its newline.
    fn end(&mut self) -> bool {
        match self.skipped {
            Some(length) => self.tell_too_long(length),
            None if self.carry.used == 0 => true,
            None => {
                let last = std::mem::take(&mut self.carry);
                self.send(last)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// Gives its bytes in pieces of any size.
    struct Pieces<'a>(&'a [u8], ChaCha8Rng);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = self.0.len().min(into.len()).min(1 << (self.1.next_u32() % 18));
            let (now, later) = self.0.split_at(most.min(self.0.len()));
            into[..now.len()].copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    /// Number, bytes and length of a line, and whether it was passed over.
    type Line = (u64, Vec<u8>, u64, bool);

    fn lines_of(bytes: &[u8], longest: usize, rng: ChaCha8Rng) -> Vec<Line> {
        let (to, from) = sync_channel(1_000_000);
        let (used, again) = channel();
        let mut cutter = Cutter::new(0, longest, &to, &again);
        let blocks = (from, used);
        assert!(cutter.read_all(&mut Pieces(bytes, rng)).unwrap());
        drop(to);
        let mut found = Vec::new();
        while let Ok(block) = blocks.0.try_recv() {
            match block {
                Block::Lines { first_line, lines, content, .. } => {
                    let block = content.bytes();
                    let block = block.strip_suffix(b"\n").unwrap_or(block);
                    let split = block.split(|byte| *byte == b'\n').zip(first_line..);
                    let before = found.len() as u64;
                    found.extend(
                        split.map(|(line, number)| {
                            (number, line.to_vec(), line.len() as u64, false)
                        }),
                    );
                    assert_eq!(found.len() as u64 - before, lines);
                    give_back(content, &blocks);
                }
                Block::TooLong { line, length, head, .. } => found.push((line, head, length, true)),
                Block::Failed(..) => panic!("no read fails"),
            }
        }
        found
    }

    #[test]
    fn any_way_of_reading_gives_the_same_lines() {
        for seed in 0..60 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut bytes = Vec::new();
            for _ in 0..rng.next_u32() % 3000 {
                let length = rng.next_u32() % (1 << (rng.next_u32() % 15));
                let byte = if rng.next_u32().is_multiple_of(200) { 0xff } else { b'a' };
                bytes.extend(std::iter::repeat_n(byte, length as usize));
                bytes.push(b'\n');
            }
            bytes.pop();
            // Less than what is kept of a line, or more.
            let longest = [1000, 10_000][seed as usize % 2];
            let told = lines_of(&bytes, longest, rng);
            let all: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            assert_eq!(
                told.len(),
                all.len() - usize::from(all.last() == Some(&&[][..])),
                "seed {seed}"
            );
            for ((line, number), (told, head, length, passed)) in all.iter().zip(1..).zip(&told) {
                assert_eq!((number, line.len() as u64), (*told, *length), "seed {seed}");
                assert!(
                    line.starts_with(head) && (*passed || line.len() == head.len()),
                    "seed {seed}"
                );
                // Whether a line that came whole is too long is asked later.
                assert!(!passed || line.len() > longest, "seed {seed}");
            }
        }
    }
}
