//! The rows of a CSV table as text, one after the other, with the lines of the file at which they begin.
//!
//! A quote that is never closed would turn the rest of the file into one text. Such a row ends with its line.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator, Trim, WriterBuilder};

use super::Refused;
use super::lines::{ByteStream, Lines};
use crate::record::Refusal;

/// Maximum number of bytes of a row that consists of several lines.
const MAX_ROW_BYTES: usize = 1 << 20;

/// A row that was read: the line at which it begins, from 1, and whether a quote that opens in it is not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowPlace {
    pub(super) line: u64,
    pub(super) unclosed: bool,
}

/// The places of the rows, in their order.
pub(super) type Places = Rc<RefCell<VecDeque<RowPlace>>>;

/// A reader of a table, and the places of its rows.
pub(super) fn reader(input: ByteStream, delimiter: u8) -> (Reader<Rows>, Places) {
    let (rows, places) = Rows::new(Lines::new(input), delimiter);
    let mut builder = ReaderBuilder::new();
    // `Rows` removes CR at the ends of rows.
    builder.flexible(true).trim(Trim::Headers).terminator(Terminator::Any(b'\n'));
    (builder.delimiter(delimiter).from_reader(rows), places)
}

/// The place of the row that was read.
pub(super) fn next_place(places: &Places) -> RowPlace {
    places.borrow_mut().pop_front().unwrap_or_default()
}

/// The refusal of a row with a quote that is not closed.
pub(super) fn unclosed() -> Refusal {
    Refusal::new(
        "field",
        "a quote opens in this line and is not closed; double each quote in a text",
    )
}

/// Why lines that end with CR alone are refused, and what to do.
pub(super) const CR_ALONE: &str =
    "the lines end with CR alone; convert them with tr '\\r' '\\n' <FILE >CONVERTED";

/// Refuses a header with CR inside: the lines of the file end with CR alone, so that all rows would be part of it.
pub(super) fn check_line_ends(header: &[u8]) -> Result<(), Refusal> {
    let header = header.trim_ascii_end();
    let quotes = |end: usize| memchr::memchr_iter(b'"', &header[..end]).count();
    match memchr::memchr(b'\r', header) {
        Some(end) if quotes(end).is_multiple_of(2) => Err(Refusal::new("field", CR_ALONE)),
        _ => Ok(()),
    }
}

/// A row as a line of CSV, for dead letters.
pub(super) fn row_text(row: &ByteRecord) -> Vec<u8> {
    let mut writer =
        WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_byte_record(row);
    let mut text = writer.into_inner().unwrap_or_default();
    text.truncate(text.trim_ascii_end().len());
    text
}

/// A read error of a table. Rows of any length and content are accepted, so the cause is the file.
pub(super) fn unreadable(file: &str, error: csv::Error) -> Refused {
    Refused::unreadable(file, error.position().map(csv::Position::line), &io::Error::from(error))
}

/// The text of a table in which each row ends with LF, blank lines are left out, and every quote is closed.
pub(super) struct Rows {
    lines: Lines,
    delimiter: u8,
    /// Number of fields of the first row.
    width: Option<usize>,
    /// Lines that were read ahead: number, content, and ending.
    ahead: VecDeque<(u64, Vec<u8>)>,
    /// The row that is read, and the number of its bytes that were read.
    row: Vec<u8>,
    read: usize,
    places: Places,
}

impl Rows {
    /// The rows of `lines`, and the queue of their places.
    pub(super) fn new(lines: Lines, delimiter: u8) -> (Self, Places) {
        let places = Places::default();
        let rows = Self {
            lines,
            delimiter,
            width: None,
            ahead: VecDeque::new(),
            row: Vec::new(),
            read: 0,
            places: Rc::clone(&places),
        };
        (rows, places)
    }

    /// The next line with its ending: one that was read ahead, or one of the file.
    fn line(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let Some(line) = self.lines.next()? else { return Ok(None) };
        if line.truncated {
            let text = format!("line {} is longer than 256 MiB", line.number);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let ending: &[u8] = if line.crlf { b"\r\n" } else { b"\n" };
        Ok(Some((line.number, [line.bytes, ending].concat())))
    }

    /// Reads the next row; false at the end.
    fn next_row(&mut self) -> io::Result<bool> {
        self.read = 0;
        loop {
            let Some((number, line)) = self.line()? else { return Ok(false) };
            self.row = line;
            if content(&self.row).is_empty() {
                continue;
            }
            let mut quotes = Quotes::of(content(&self.row), self.delimiter);
            let unclosed = quotes.open && !self.close(&mut quotes)?;
            self.width.get_or_insert(quotes.fields);
            let end = content(&self.row).len();
            self.row.truncate(end);
            if unclosed {
                self.row.push(b'"');
            }
            self.row.push(b'\n');
            self.places.borrow_mut().push_back(RowPlace { line: number, unclosed });
            return Ok(true);
        }
    }

    /// Appends the lines up to the end of a text in quotes. False, without a change of the row, where they are
    /// not the rest of a row: there is none, text follows the quote, or the number of fields is another.
    fn close(&mut self, quotes: &mut Quotes) -> io::Result<bool> {
        let mut whole = self.row.clone();
        let mut taken = VecDeque::new();
        let closed = loop {
            let Some((number, line)) = self.line()? else { break false };
            quotes.add(content(&line), self.delimiter);
            whole.extend_from_slice(&line);
            taken.push_back((number, line));
            if quotes.text_after_quote || whole.len() > MAX_ROW_BYTES {
                break false;
            }
            if !quotes.open {
                break self.width.is_none_or(|width| width == quotes.fields);
            }
        };
        if closed {
            self.row = whole;
        } else {
            taken.append(&mut self.ahead);
            self.ahead = taken;
        }
        Ok(closed)
    }
}

impl Read for Rows {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.row.len() && !self.next_row()? {
            self.row.clear();
            return Ok(0);
        }
        let count = into.len().min(self.row.len() - self.read);
        into[..count].copy_from_slice(&self.row[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

/// A line without its ending.
fn content(line: &[u8]) -> &[u8] {
    super::lines::without_end(line)
}

/// The quotes of a row, as the crate `csv` reads them.
struct Quotes {
    /// Whether a text in quotes continues on the next line.
    open: bool,
    /// Whether text other than a delimiter followed a closing quote, after the first line.
    text_after_quote: bool,
    /// Number of fields so far.
    fields: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Unquoted,
    Quoted,
    /// After a quote in quoted text: its end, or half of a doubled quote.
    Quote,
}

impl Quotes {
    fn of(line: &[u8], delimiter: u8) -> Self {
        let mut quotes = Self { open: false, text_after_quote: false, fields: 1 };
        quotes.add(line, delimiter);
        quotes.text_after_quote = false;
        quotes
    }

    fn add(&mut self, line: &[u8], delimiter: u8) {
        if !self.open && memchr::memchr(b'"', line).is_none() {
            self.fields += memchr::memchr_iter(delimiter, line).count();
            return;
        }
        let mut state = if self.open { State::Quoted } else { State::Start };
        for byte in line {
            state = match (state, *byte) {
                (State::Quoted, b'"') => State::Quote,
                (State::Quoted, _) | (State::Start | State::Quote, b'"') => State::Quoted,
                (_, byte) if byte == delimiter => {
                    self.fields += 1;
                    State::Start
                }
                (State::Quote, _) => {
                    self.text_after_quote = true;
                    State::Unquoted
                }
                (State::Start | State::Unquoted, _) => State::Unquoted,
            };
        }
        self.open = state == State::Quoted;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::random::seeded_rng;
    use crate::replay::testing::below;

    fn rows(text: &str) -> (String, Vec<(u64, bool)>) {
        let lines = Lines::new(Box::new(Cursor::new(text.as_bytes().to_vec())));
        let (mut rows, places) = Rows::new(lines, b',');
        let mut all = String::new();
        rows.read_to_string(&mut all).unwrap();
        let places = places.borrow().iter().map(|it| (it.line, it.unclosed)).collect();
        (all, places)
    }

    #[test]
    fn rows_begin_at_the_lines_of_the_file() {
        for end in ["\n", "\r\n"] {
            let text =
                ["a,b", "", "1,\"x", "y\"", "2,z", "", "3,\"\"\"\""].map(|it| it.to_owned() + end);
            let (all, places) = rows(&text.concat());
            assert_eq!(all, format!("a,b\n1,\"x{end}y\"\n2,z\n3,\"\"\"\"\n"));
            assert_eq!(places, [(1, false), (3, false), (5, false), (7, false)]);
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_ends_with_its_line() {
        for (rest, count) in [
            ("2,z\n3,z\n", 2),
            ("2,\"z\"\n3,z", 2),
            ("2,\",z\"\n3,\"\"\n", 2),
            ("2,z\n\n3,\"z\"\"\n4\"\n", 2),
        ] {
            let (all, places) = rows(&format!("a,b\n1,\"x\n{rest}"));
            assert!(all.starts_with("a,b\n1,\"x\"\n2,"), "{all}");
            assert_eq!(places[1], (2, true), "{rest}");
            assert_eq!(places.len(), 2 + count, "{rest}");
            assert!(places[2..].iter().all(|(_, unclosed)| !unclosed), "{rest}");
        }
        let (all, places) = rows("a,b\n1,\"x");
        assert_eq!((all.as_str(), &places[..]), ("a,b\n1,\"x\"\n", &[(1, false), (2, true)][..]));
    }

    #[test]
    fn the_crate_csv_reads_as_many_rows() {
        let parts = ["a", ",", "\"", "\"\"", "\n", "\n", ",\"", "\",", "\r\n", "é"];
        for seed in 0..20_000 {
            let rng = &mut seeded_rng(seed, 1);
            let text: String = (0..below(rng, 25))
                .map(|_| parts[below(rng, parts.len() as u64) as usize])
                .collect();
            let (all, places) = rows(&text);
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .terminator(csv::Terminator::Any(b'\n'))
                .from_reader(all.as_bytes());
            assert_eq!(reader.byte_records().count(), places.len(), "{text:?} as {all:?}");
        }
    }
}
