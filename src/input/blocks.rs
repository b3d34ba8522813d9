//! Reads files and pipes in blocks of whole lines, on a separate thread: the records of the stages.
//!
//! There are two line readers. This one serves streams: a stage processes a block as one batch without
//! copying lines, and a slow pipe must not block the stage, so a thread reads ahead. `lines` serves
//! histories and tables: it returns one line at a time with its byte offset, from which the line is read
//! memory later, and it allows lines of 256 MiB. Both use `decoding::decoded`.
//!
//! A line that is too long is skipped; only its beginning is kept in memory.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use memchr::{memchr, memmem, memrchr};

use super::lines::{ByteStream, MAX_SKIPPED_BYTES, decoded, endless, skip_byte_order_mark};
use super::opening;

pub use super::opening::Input;

/// Bytes per read. A pipe returns at most a quarter of it. From a file, a block holds enough cascades to
/// fit several at a time and still fits the cache of a core.
const BLOCK: usize = 256 * 1024;
/// Maximum number of blocks that are read ahead.
const READ_AHEAD: usize = 4;
/// Bytes of a long line that are examined and kept.
pub(crate) const HEAD: usize = 4096;
/// Maximum line length of a tweet, in bytes; real tweets are far shorter.
pub(crate) const MAX_TWEET_BYTES: usize = 1 << 20;

/// An item from the reading thread.
pub(crate) enum Block {
    /// Whole lines; the last line of an input may lack its newline.
    Lines {
        /// Index of the input.
        input: usize,
        /// Number of the first line, from 1.
        first_line: u64,
        /// Number of lines.
        lines: u64,
        /// The lines.
        content: Buffer,
    },
    /// A line that was skipped because of its length.
    TooLong {
        /// Index of the input.
        input: usize,
        /// Its line number, from 1.
        line: u64,
        /// Its number of bytes, without the newline.
        length: u64,
        /// Its beginning.
        head: Vec<u8>,
    },
    /// An input that could not be opened or read to its end.
    Failed(usize, io::Error),
}

/// A buffer whose first `used` bytes are valid. The remaining bytes are stale; they are not cleared, to
/// save time.
#[derive(Default)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    used: usize,
}

impl Buffer {
    /// A buffer with a copy of `bytes`, in memory that is reused.
    fn with(mut memory: Vec<u8>, bytes: &[u8]) -> Self {
        if memory.len() < bytes.len() {
            memory.resize(bytes.len(), 0);
        }
        memory[..bytes.len()].copy_from_slice(bytes);
        Self { memory, used: bytes.len() }
    }

    /// The valid bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[..self.used]
    }

    /// Free space for one block after the valid bytes.
    fn free_space(&mut self) -> &mut [u8] {
        let end = self.used + BLOCK;
        if self.memory.len() < end {
            self.memory.resize(end, 0);
        }
        &mut self.memory[self.used..end]
    }
}

/// Returns the memory of a processed block to the reading thread, unless it is empty or very large.
pub(crate) fn recycle(done: Buffer, (_, used): &Blocks) {
    if (1..=2 * BLOCK).contains(&done.memory.capacity()) {
        // The send fails when the reading thread has ended; the memory is then freed.
        let _ = used.send(done.memory);
    }
}

/// Opens an input, decompressed, behind its byte order mark.
fn open(input: &Input) -> io::Result<ByteStream> {
    let (mut content, _) = decoded(opening::open(input, BLOCK)?)?;
    skip_byte_order_mark(&mut content)?;
    Ok(content)
}

/// The receiver of blocks, and the sender that returns their memory.
pub(crate) type Blocks = (Receiver<Block>, Sender<Vec<u8>>);

/// Reads `inputs` one after the other on a new thread; `longest` is the maximum length of a line other
/// than a tweet, in bytes.
pub(crate) fn start(inputs: Vec<Input>, longest: usize) -> Blocks {
    let (to, blocks) = sync_channel(READ_AHEAD);
    let (recycled, memory) = channel();
    std::thread::spawn(move || {
        for (index, input) in inputs.iter().enumerate() {
            let mut blocks = LineBlocks::new(index, longest, &to, &memory);
            let ended = open(input).and_then(|mut content| blocks.read_all(&mut content));
            let open = match ended {
                Ok(open) => open,
                Err(error) => to.send(Block::Failed(index, error)).is_ok(),
            };
            if !open {
                return;
            }
        }
    });
    (blocks, recycled)
}

/// Whether a line with this beginning is a tweet or retweet.
fn begins_a_tweet(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    let Some(place) = memmem::find(head, b"\"type\"") else { return false };
    let value = head[place + 6..].trim_ascii_start();
    let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii_start();
    value.starts_with(b"\"tweet\"") || value.starts_with(b"\"retweet\"")
}

/// Maximum length of a line that begins with `head`, in bytes.
pub(crate) fn max_line_bytes(head: &[u8], longest: usize) -> usize {
    if begins_a_tweet(head) { MAX_TWEET_BYTES.min(longest) } else { longest }
}

/// Divides a stream of bytes into blocks that end with a newline.
struct LineBlocks<'a> {
    input: usize,
    longest: usize,
    to: &'a SyncSender<Block>,
    /// Memory of processed blocks.
    memory: &'a Receiver<Vec<u8>>,
    line: u64,
    /// The beginning of an incomplete line.
    carry: Buffer,
    /// Bytes read so far of a line that is being skipped; its beginning is in `carry`.
    skipped: Option<u64>,
}

impl<'a> LineBlocks<'a> {
    fn new(
        input: usize,
        longest: usize,
        to: &'a SyncSender<Block>,
        memory: &'a Receiver<Vec<u8>>,
    ) -> Self {
        Self { input, longest, to, memory, line: 1, carry: Buffer::default(), skipped: None }
    }

    /// Returns false when the receiver is closed.
    fn read_all(&mut self, content: &mut dyn Read) -> io::Result<bool> {
        loop {
            let mut block = std::mem::take(&mut self.carry);
            let carried = block.used;
            match content.read(block.free_space()) {
                Ok(0) => {
                    self.carry = block;
                    return Ok(self.end());
                }
                Ok(count) => block.used += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Emits the bytes before the error, including an incomplete line.
                    self.carry = block;
                    self.end();
                    return Err(error);
                }
            }
            if let Some(length) = self.skipped
                && length > MAX_SKIPPED_BYTES.max((self.longest as u64).saturating_mul(4))
            {
                self.end();
                return Err(endless(length));
            }
            let open = match self.skipped {
                Some(length) => self.skip(block, carried, length),
                None => self.cut(block, carried),
            };
            if !open {
                return Ok(false);
            }
        }
    }

    /// Sends the whole lines of `block`, whose first `carried` bytes contain no newline.
    fn cut(&mut self, mut block: Buffer, carried: usize) -> bool {
        let Some(last) = memrchr(b'\n', &block.bytes()[carried..]).map(|place| carried + place)
        else {
            self.carry = block;
            if self.carry.used > max_line_bytes(self.carry.bytes(), self.longest) {
                self.skipped = Some(self.carry.used as u64);
                self.carry.used = self.carry.used.min(HEAD);
                self.carry = Buffer::with(Vec::new(), self.carry.bytes());
            }
            return true;
        };
        let memory = self.memory.try_recv().unwrap_or_default();
        self.carry = Buffer::with(memory, &block.bytes()[last + 1..]);
        block.used = last + 1;
        self.send(block)
    }

    fn send(&mut self, content: Buffer) -> bool {
        let bytes = content.bytes();
        let torn = bytes.last().is_some_and(|last| *last != b'\n');
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u64 + u64::from(torn);
        let first_line = self.line;
        self.line += lines;
        let input = self.input;
        self.to.send(Block::Lines { input, first_line, lines, content }).is_ok()
    }

    /// Skips the rest of a long line, whose beginning is the first `carried` bytes.
    fn skip(&mut self, mut block: Buffer, carried: usize, length: u64) -> bool {
        let fresh = &block.bytes()[carried..];
        let Some(end) = memchr(b'\n', fresh) else {
            self.skipped = Some(length + fresh.len() as u64);
            block.used = carried;
            self.carry = block;
            return true;
        };
        let rest = Buffer::with(Vec::new(), &fresh[end + 1..]);
        let length = length + end as u64;
        block.used = carried;
        self.carry = block;
        self.send_too_long(length) && self.cut(rest, 0)
    }

    fn send_too_long(&mut self, length: u64) -> bool {
        self.skipped = None;
        let head = std::mem::take(&mut self.carry).bytes().to_vec();
        let (input, line) = (self.input, self.line);
        self.line += 1;
        self.to.send(Block::TooLong { input, line, length, head }).is_ok()
    }

    /// Sends the last line, which may lack its newline, at the end of the input.
    fn end(&mut self) -> bool {
        match self.skipped {
            Some(length) => self.send_too_long(length),
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
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;

    /// Returns its bytes in reads of random sizes.
    struct Pieces<'a>(&'a [u8], ChaCha8Rng);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(into.len()).min(1 << (self.1.next_u32() % 18));
            let (read, rest) = self.0.split_at(count);
            into[..count].copy_from_slice(read);
            self.0 = rest;
            Ok(count)
        }
    }

    /// Number, bytes and length of a line, and whether it was skipped.
    type Line = (u64, Vec<u8>, u64, bool);

    fn lines_of(bytes: &[u8], longest: usize, rng: ChaCha8Rng) -> Vec<Line> {
        let (to, from) = sync_channel(1_000_000);
        let (used, memory) = channel();
        let mut reader = LineBlocks::new(0, longest, &to, &memory);
        let blocks = (from, used);
        assert!(reader.read_all(&mut Pieces(bytes, rng)).unwrap());
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
                    recycle(content, &blocks);
                }
                Block::TooLong { line, length, head, .. } => found.push((line, head, length, true)),
                Block::Failed(..) => panic!("a read failed"),
            }
        }
        found
    }

    #[test]
    fn the_sizes_of_reads_do_not_change_the_lines() {
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
            // Below and above HEAD.
            let longest = [1000, 10_000][seed as usize % 2];
            let found = lines_of(&bytes, longest, rng);
            let all: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            assert_eq!(
                found.len(),
                all.len() - usize::from(all.last() == Some(&&[][..])),
                "seed {seed}"
            );
            for ((line, number), (found, head, length, skipped)) in all.iter().zip(1..).zip(&found)
            {
                assert_eq!((number, line.len() as u64), (*found, *length), "seed {seed}");
                assert!(
                    line.starts_with(head) && (*skipped || line.len() == head.len()),
                    "seed {seed}"
                );
                // A whole line in one block may exceed the limit; the stage refuses it.
                assert!(!skipped || line.len() > longest, "seed {seed}");
            }
        }
    }
}
