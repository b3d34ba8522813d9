//! Reads histories and tables line by line, decoded, in bounded memory.
//!
//! There are two line readers. This one returns each line with its byte offset, so that a history can be
//! read again in another order, and reads on the thread of the caller. `blocks` reads records for
//! stages: whole blocks, ahead on a separate thread, with another limit for tweets.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::Refused;
pub(super) use super::decoding::{ByteStream, decoded};
use crate::record::Refusal;

/// Maximum length of a line, in bytes: a cascade of about ten million events.
pub(super) const MAX_LINE_BYTES: usize = 1 << 28;

/// Bytes without a newline after which an input is not read on: it is no text, such as /dev/zero. Where the
/// limit of a line is large, four times that.
pub(super) const MAX_SKIPPED_BYTES: u64 = 1 << 28;

/// The error of an input that has no newline in so many bytes.
pub(super) fn endless(bytes: u64) -> io::Error {
    let text = format!("no newline in {bytes} bytes: the input is no text of lines");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Opens a file; the second value is whether it is compressed or UTF-16.
pub(super) fn open(path: &Path) -> io::Result<(ByteStream, bool)> {
    decoded(Box::new(BufReader::with_capacity(1 << 17, File::open(path)?)))
}

/// UTF-8 byte order mark, as some editors write it before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes without a byte order mark at their beginning.
pub(super) fn without_byte_order_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// Skips a byte order mark at the current position.
pub(super) fn skip_byte_order_mark(input: &mut ByteStream) -> io::Result<()> {
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    Ok(())
}

/// One line, without its line ending.
pub(super) struct Line<'a> {
    /// Its line number, from 1.
    pub(super) number: u64,
    /// Its byte offset in the decompressed file.
    pub(super) offset: u64,
    /// Its content, truncated where it is longer than [`MAX_LINE_BYTES`].
    pub(super) bytes: &'a [u8],
    /// Whether it was truncated.
    pub(super) truncated: bool,
    /// Whether it ended with CR LF.
    pub(super) crlf: bool,
}

/// The lines of a stream. Lines end with LF or CR LF; the last line may lack its ending.
pub(super) struct Lines {
    input: ByteStream,
    number: u64,
    offset: u64,
    max_line_bytes: usize,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(input: ByteStream) -> Self {
        Self { input, number: 0, offset: 0, max_line_bytes: MAX_LINE_BYTES, buffer: Vec::new() }
    }

    /// Number of lines read so far.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Skips the rest of a line that is too long; returns its number of bytes.
    fn skip_line(&mut self) -> io::Result<u64> {
        let most = MAX_SKIPPED_BYTES.max(4 * self.max_line_bytes as u64);
        let mut skipped = 0;
        loop {
            let bytes = self.input.fill_buf()?;
            let end = memchr::memchr(b'\n', bytes);
            let count = end.map_or(bytes.len(), |end| end + 1);
            let over = end.is_some() || bytes.is_empty();
            self.input.consume(count);
            skipped += count as u64;
            if over {
                return Ok(skipped);
            }
            if skipped > most {
                return Err(endless(skipped));
            }
        }
    }

    /// The next line; a byte order mark before the first line is skipped.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let mut offset = self.offset;
        let limit = self.max_line_bytes as u64 + 1;
        let mut read = (&mut self.input).take(limit).read_until(b'\n', &mut self.buffer)? as u64;
        if read == 0 {
            return Ok(None);
        }
        let truncated = read == limit && self.buffer.last() != Some(&b'\n');
        if truncated {
            read += self.skip_line()?;
        }
        self.number += 1;
        self.offset += read;
        let crlf = self.buffer.ends_with(b"\r\n");
        let mut bytes = without_end(&self.buffer);
        if self.number == 1 {
            let marked = bytes.strip_prefix(BYTE_ORDER_MARK);
            offset += if marked.is_some() { BYTE_ORDER_MARK.len() as u64 } else { 0 };
            bytes = marked.unwrap_or(bytes);
        }
        Ok(Some(Line { number: self.number, offset, bytes, truncated, crlf }))
    }
}

/// The refusal of a line that was truncated.
pub(super) fn too_long() -> Refusal {
    Refusal::new("size", format!("the line is longer than {MAX_LINE_BYTES} bytes"))
}

/// Gives the lines of an input that are not blank to `take`, with their numbers; reports those to `refuse` that are too
/// long or that `take` refuses.
///
/// # Errors
/// The input cannot be read to its end.
pub(super) fn each_line(
    input: ByteStream,
    name: &str,
    refuse: &mut dyn FnMut(Refused),
    mut take: impl FnMut(u64, &[u8]) -> Result<(), Refusal>,
) {
    let mut lines = Lines::new(input);
    loop {
        let next = lines.number() + 1;
        let line = match lines.next() {
            Ok(line) => line,
            // The lines before are kept.
            Err(error) => {
                refuse(Refused::unreadable(name, Some(next), &error));
                return;
            }
        };
        let Some(Line { number, bytes, truncated, .. }) = line else { return };
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let taken = if truncated { Err(too_long()) } else { take(number, bytes) };
        taken.unwrap_or_else(|refusal| refuse(Refused::at(name, number, refusal).of(bytes)));
    }
}

/// A line without the LF or CR LF at its end.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn read(bytes: &[u8], max_line_bytes: usize) -> Vec<(u64, u64, Vec<u8>, bool)> {
        let (input, _) = decoded(Box::new(Cursor::new(bytes.to_vec()))).unwrap();
        let mut lines = Lines { max_line_bytes, ..Lines::new(input) };
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.number, line.offset, line.bytes.to_vec(), line.truncated));
        }
        assert_eq!(lines.number(), all.len() as u64);
        all
    }

    #[test]
    fn lines_have_the_content_and_offset_of_the_text() {
        for text in ["", "a", "a\n", "a\r\nb", "\n\n", "a\n\nbc\r\n\r\nd"] {
            let lines = read(text.as_bytes(), MAX_LINE_BYTES);
            let contents: Vec<_> = lines.iter().map(|(.., bytes, _)| bytes.clone()).collect();
            assert_eq!(
                contents,
                text.lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>()
            );
            for (_, offset, bytes, truncated) in lines {
                assert!(
                    !truncated && text.as_bytes()[offset as usize..].starts_with(&bytes),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_truncated_and_the_next_one_is_complete() {
        let lines = read(b"12345\n123456\n1234567890\n12", 5);
        let lines: Vec<_> =
            lines.iter().map(|(_, at, bytes, truncated)| (*at, &bytes[..], *truncated)).collect();
        assert_eq!(lines[0], (0, &b"12345"[..], false));
        assert!(lines[1].2 && lines[2].2);
        assert_eq!(lines[3], (24, &b"12"[..], false));
    }

    #[test]
    fn gzip_of_several_members_is_read_and_a_byte_order_mark_skipped() {
        let mut packed = Vec::new();
        for part in ["\u{feff}one\ntw", "o\n"] {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(part.as_bytes()).unwrap();
            packed.extend(gz.finish().unwrap());
        }
        let lines = read(&packed, MAX_LINE_BYTES);
        assert_eq!((lines[0].1, &lines[0].2[..]), (3, &b"one"[..]));
        assert_eq!((lines[1].1, &lines[1].2[..]), (7, &b"two"[..]));
    }
}
