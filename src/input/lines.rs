//! Files, plain or gzip, read line by line in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// The longest line that is read, in bytes: a cascade of some ten million events.
pub(super) const LONGEST: usize = 1 << 28;

/// A file that is read from its start to its end.
pub(super) type ByteStream = Box<dyn BufRead + Send>;

/// Opens a file and looks whether it is gzip (RFC 1952: it starts with 1f 8b); says so in the second place.
pub(super) fn open(path: &Path) -> io::Result<(ByteStream, bool)> {
    unpack(Box::new(BufReader::with_capacity(1 << 17, File::open(path)?)))
}

/// The text of `input`, which may be gzip: true in the second place where it is.
pub(super) fn unpack(mut input: ByteStream) -> io::Result<(ByteStream, bool)> {
    let packed = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    if !packed {
        return Ok((input, false));
    }
    Ok((Box::new(BufReader::with_capacity(1 << 17, MultiGzDecoder::new(input))), true))
}

/// One line, without its end.
pub(super) struct Line<'a> {
    /// Where it stands, from 1.
    pub(super) number: u64,
    /// Bytes of the file before it.
    pub(super) offset: u64,
    /// What it says; cut off where it is longer than [`LONGEST`].
    pub(super) bytes: &'a [u8],
    /// Whether it was cut off.
    pub(super) cut: bool,
}

/// The lines of a text. They end at LF or CR LF, the last one also at the end of the text.
pub(super) struct Lines {
    input: ByteStream,
    number: u64,
    offset: u64,
    longest: usize,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(input: ByteStream) -> Self {
        Self { input, number: 0, offset: 0, longest: LONGEST, buffer: Vec::new() }
    }

    /// How many lines were read.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line; a byte order mark before the first is no part of it.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let mut offset = self.offset;
        let most = self.longest as u64 + 1;
        let mut read = (&mut self.input).take(most).read_until(b'\n', &mut self.buffer)? as u64;
        if read == 0 {
            return Ok(None);
        }
        let cut = read == most && self.buffer.last() != Some(&b'\n');
        if cut {
            read += self.input.skip_until(b'\n')? as u64;
        }
        self.number += 1;
        self.offset += read;
        let mut bytes = without_end(&self.buffer);
        if self.number == 1 {
            let marked = bytes.strip_prefix(b"\xef\xbb\xbf");
            offset += if marked.is_some() { 3 } else { 0 };
            bytes = marked.unwrap_or(bytes);
        }
        Ok(Some(Line { number: self.number, offset, bytes, cut }))
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

    fn read(bytes: &[u8], longest: usize) -> Vec<(u64, u64, Vec<u8>, bool)> {
        let (input, _) = unpack(Box::new(Cursor::new(bytes.to_vec()))).unwrap();
        let mut lines = Lines { longest, ..Lines::new(input) };
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.number, line.offset, line.bytes.to_vec(), line.cut));
        }
        assert_eq!(lines.number(), all.len() as u64);
        all
    }

    #[test]
    fn lines_are_those_of_the_text_and_stand_where_they_say() {
        for text in ["", "a", "a\n", "a\r\nb", "\n\n", "a\n\nbc\r\n\r\nd"] {
            let lines = read(text.as_bytes(), LONGEST);
            let told: Vec<_> = lines.iter().map(|(.., bytes, _)| bytes.clone()).collect();
            assert_eq!(told, text.lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>());
            for (_, offset, bytes, cut) in lines {
                assert!(!cut && text.as_bytes()[offset as usize..].starts_with(&bytes), "{text:?}");
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_off_and_the_next_one_is_whole() {
        let lines = read(b"12345\n123456\n1234567890\n12", 5);
        let told: Vec<_> =
            lines.iter().map(|(_, at, bytes, cut)| (*at, &bytes[..], *cut)).collect();
        assert_eq!(told[0], (0, &b"12345"[..], false));
        assert!(told[1].2 && told[2].2);
        assert_eq!(told[3], (24, &b"12"[..], false));
    }

    #[test]
    fn gzip_in_several_members_and_a_byte_order_mark_are_seen_through() {
        let mut packed = Vec::new();
        for part in ["\u{feff}one\ntw", "o\n"] {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(part.as_bytes()).unwrap();
            packed.extend(gz.finish().unwrap());
        }
        let lines = read(&packed, LONGEST);
        assert_eq!((lines[0].1, &lines[0].2[..]), (3, &b"one"[..]));
        assert_eq!((lines[1].1, &lines[1].2[..]), (7, &b"two"[..]));
    }
}
