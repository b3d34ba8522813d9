//! The rows of a CSV table, with the lines of the file, and the quotes that are never closed.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use super::Refused;
use super::lines::{self, ByteStream};
use crate::record::Refusal;

/// The rows of a table, the header first.
pub(super) struct Rows {
    path: PathBuf,
    file: String,
    reader: Reader<Quotes>,
    /// Lines of the file before those that the reader reads.
    before: u64,
    row: ByteRecord,
}

impl Rows {
    pub(super) fn open(path: &Path) -> Result<Self, Refused> {
        Self::behind(path, 0)
    }

    /// The rows behind the first `lines` lines.
    fn behind(path: &Path, lines: u64) -> Result<Self, Refused> {
        let file = path.display().to_string();
        let unreadable = |error: io::Error| Refused::unreadable(&file, None, &error);
        let (mut input, _) = lines::open(path).map_err(unreadable)?;
        lines::skip_byte_order_mark(&mut input).map_err(unreadable)?;
        for _ in 0..lines {
            input.skip_until(b'\n').map_err(unreadable)?;
        }
        let reader = reader(Quotes::new(input));
        Ok(Self { path: path.to_owned(), file, reader, before: lines, row: ByteRecord::new() })
    }

    /// The next row; its position has the line of the file.
    ///
    /// # Errors
    /// With a line: the row is refused because a quote that opens there is never closed; the rows behind
    /// that line follow. Without a line: the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<&ByteRecord>, Refused> {
        loop {
            let found = self.reader.read_byte_record(&mut self.row);
            if !found.map_err(|error| unreadable(&self.file, error))? {
                return Ok(None);
            }
            if let Some(line) = self.reader.get_ref().unclosed
                && self.reader.position().byte() >= self.reader.get_ref().bytes
            {
                let line = self.before + line;
                *self = Self::behind(&self.path, line)?;
                let detail = "a quote opens here that is never closed; the row is refused";
                return Err(Refused::at(&self.file, line, Refusal::new("field", detail)));
            }
            if trim_end(&mut self.row, self.before) {
                return Ok(Some(&self.row));
            }
        }
    }
}

/// Drops the CR before the LF that ends a row; the csv crate would count lines wrongly if it took them for one
/// ending. Returns whether the row is more than an empty line.
fn trim_end(row: &mut ByteRecord, before: u64) -> bool {
    let mut position = row.position().cloned();
    if let Some(position) = &mut position {
        position.set_line(position.line() + before);
    }
    if row.iter().next_back().is_some_and(|last| last.ends_with(b"\r")) {
        let count = row.len();
        let fields = row.iter().enumerate();
        *row =
            fields.map(|(i, it)| if i + 1 == count { &it[..it.len() - 1] } else { it }).collect();
    }
    row.set_position(position);
    row.len() > 1 || row.get(0).is_some_and(|field| !field.is_empty())
}

/// The bytes of a table; follows its quotes as the csv crate does, which takes a file that ends within
/// quotes for whole.
struct Quotes {
    input: ByteStream,
    bytes: u64,
    line: u64,
    state: Quote,
    /// The line of the quote that was open at the end of the file.
    unclosed: Option<u64>,
}

/// Where a byte of a table stands.
#[derive(Clone, Copy)]
enum Quote {
    /// At the start of a field.
    Start,
    /// In a field without quotes, or behind the closing quote.
    Outside,
    /// In quotes that opened at this line.
    Inside(u64),
    /// Behind a quote within quotes: it closed the field, or is the first of two.
    Closing(u64),
}

impl Quotes {
    fn new(input: ByteStream) -> Self {
        Self { input, bytes: 0, line: 1, state: Quote::Start, unclosed: None }
    }
}

impl Read for Quotes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if read == 0
            && !buffer.is_empty()
            && let Quote::Inside(line) = self.state
        {
            self.unclosed = Some(line);
        }
        self.bytes += read as u64;
        for byte in &buffer[..read] {
            self.state = match (self.state, byte) {
                (Quote::Start, b'"') => Quote::Inside(self.line),
                (Quote::Inside(line), b'"') => Quote::Closing(line),
                (Quote::Closing(line), b'"') | (Quote::Inside(line), _) => Quote::Inside(line),
                (_, b',' | b'\n') => Quote::Start,
                _ => Quote::Outside,
            };
            self.line += u64::from(*byte == b'\n');
        }
        Ok(read)
    }
}

fn reader<R: Read>(input: R) -> Reader<R> {
    let terminator = Terminator::Any(b'\n');
    let mut builder = ReaderBuilder::new();
    builder.flexible(true).has_headers(false).terminator(terminator).from_reader(input)
}

/// A read error of a table. Rows of any length and content are accepted, so the cause is the file.
fn unreadable(file: &str, error: csv::Error) -> Refused {
    Refused::unreadable(file, error.position().map(csv::Position::line), &io::Error::from(error))
}
