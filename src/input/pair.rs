//! A pair of tables: the data, and an index with the first and last row of each cascade.
//!
//! The data may have many millions of rows, so only live cascades are in memory: one pass locates each
//! cascade, and its rows are read when it begins.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::columns::{delimiter, is_mark, is_time};
use super::index::{Index, read_index};
use super::lines::without_end;
use super::ranges::{self, Range};
use super::time::{EARLIEST_UNIX, TextTime};
use super::{Cascades, HistoryCascade, Refused};
use crate::cascade::{Point, numbers};
use crate::record::Refusal;

/// A pair of tables: `data` has time, magnitude and an optional message by position, `index` has the
/// first and last rows.
pub struct Pair {
    data: File,
    data_file: String,
    index_file: String,
    columns: Columns,
    /// Seconds per unit of its times.
    unit: f64,
    /// Seconds that root times without an offset are ahead of UTC.
    utc_offset: f64,
    ranges: Vec<Range>,
    /// What was recognised, and rows that are not used.
    notes: Vec<String>,
    buffer: Vec<u8>,
}

impl Pair {
    /// Reads the index and locates its rows in the data.
    ///
    /// # Errors
    /// A file cannot be read, or lacks a valid header. Invalid rows of the index are reported to `refuse`.
    pub fn open(
        data: &Path,
        index: &Path,
        unit: f64,
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let data_file = data.display().to_string();
        let index_file = index.display().to_string();
        let unreadable = |error: io::Error| Refused::unreadable(&data_file, None, &error);
        let Index { rows, root_column } = read_index(index)?;
        let mut file = File::open(data).map_err(unreadable)?;
        let columns = header(&mut file).map_err(unreadable)?;
        let (columns, mapping) = columns.map_err(|refusal| Refused::at(&data_file, 1, refusal))?;
        let mut notes = vec![format!("{data_file}: columns divided by commas: {mapping}")];
        let mut ranges = Vec::new();
        let (found, all) = ranges::find(&mut file, rows).map_err(unreadable)?;
        for (line, found) in found {
            match found {
                Ok(range) => ranges.push(range),
                Err(refusal) => refuse(Refused::at(&index_file, line, refusal)),
            }
        }
        let used: u64 = ranges.iter().map(|it: &Range| it.last - it.first + 1).sum();
        if used < all {
            let [unused, all] = [all - used, all].map(numbers::grouped);
            notes.push(format!(
                "{data_file}: {unused} of {all} rows are in no cascade of {index_file} and are not read; its rows are counted \
                 from 1 after the header"
            ));
        }
        if let Some(column) = root_column {
            let lacking = ranges.iter().filter(|it| it.root.is_none()).count();
            notes.push(match lacking {
                0 => format!("{index_file}: t0={column}"),
                _ => format!(
                    "{index_file}: t0={column}, where {lacking} of {} rows have no time that can be read: give it as \
                     2018-10-10 20:19:24 (year, month, day) or as Unix seconds",
                    ranges.len()
                ),
            });
            let is_local = |it: &Range| matches!(it.root, Some(TextTime::Local(_)));
            if ranges.iter().any(is_local) {
                notes.push(format!(
                    "{index_file}: times without an offset from UTC have that of --utc-offset (default: UTC)"
                ));
            }
        }
        let (buffer, utc_offset) = (Vec::new(), 0.0);
        Ok(Self {
            data: file,
            data_file,
            index_file,
            columns,
            unit,
            utc_offset,
            ranges,
            notes,
            buffer,
        })
    }

    /// Sets how many seconds the root times without an offset are ahead of UTC.
    pub fn with_utc_offset(self, utc_offset: f64) -> Self {
        Self { utc_offset, ..self }
    }

    /// What was recognised and is not used, for people.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// The columns of the data: time and magnitude in either order, then perhaps messages.
#[derive(Clone, Copy)]
struct Columns {
    /// Whether a column without a name precedes them, as R writes row names.
    row_names: bool,
    magnitude_first: bool,
    has_msg: bool,
}

/// The name of a column without quotes.
fn name(column: &[u8]) -> String {
    let column = column.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\"")).unwrap_or(column);
    String::from_utf8_lossy(column.trim_ascii()).into_owned()
}

/// Checks the header of the data; returns a description of the columns, too. Columns are taken by the names that
/// tables may have where the header names a magnitude or a time, else by position: time, magnitude, message.
fn header(data: &mut File) -> io::Result<Result<(Columns, String), Refusal>> {
    const MAX_BYTES: u64 = 1 << 16;
    let mut line = Vec::new();
    BufReader::new(data.take(MAX_BYTES)).read_until(b'\n', &mut line)?;
    let line = without_end(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line));
    let mut names: Vec<String> =
        line.split(|byte| *byte == b',').map(|it| name(it.trim_ascii())).collect();
    let refusal = |detail: &str| Ok(Err(Refusal::new("field", detail)));
    if line.starts_with(&[0x1f, 0x8b]) {
        return refusal("data with an index cannot be gzip or zstd; decompress the file first");
    }
    let row_names = names.len() > 2 && names[0].is_empty();
    if row_names {
        names.remove(0);
    }
    if names.iter().any(|name| numbers::field(name.as_bytes()).is_some()) {
        return refusal("no header in the first line of the data");
    }
    let (first, second) = match &names[..] {
        [] | [_] => {
            let (delimiter, delimited) = delimiter(&String::from_utf8_lossy(line));
            return match delimiter {
                b',' => refusal("no second column: magnitude is missing"),
                _ => refusal(&format!(
                    "the columns are divided by {delimited}; write data with an index with commas"
                )),
            };
        }
        [_, name, ..] if name.eq_ignore_ascii_case("msg") => {
            return refusal("the second column is \"msg\": magnitude is missing");
        }
        [_, _, _, _, ..] => {
            return refusal(
                "more than three columns: time, magnitude and message are read; write these columns alone, in this order",
            );
        }
        [first, second, ..] => (first, second),
    };
    let magnitude_first = is_mark(first) && !is_mark(second) || is_time(second) && !is_time(first);
    let (time, magnitude) = if magnitude_first { (second, first) } else { (first, second) };
    let mut described = format!("t={time}, m={magnitude}");
    if let Some(third) = names.get(2) {
        // The third column is a text, also where it is named as another time beside those two.
        let are_named = is_time(time) && is_mark(magnitude);
        if (is_time(third) || is_mark(third)) && !are_named {
            return refusal(&format!(
                "the third column is {third:?}: time and magnitude are the first two columns; write the columns in this \
                 order"
            ));
        }
        described += &format!(", msg={third}");
    }
    Ok(Ok((Columns { row_names, magnitude_first, has_msg: names.len() == 3 }, described)))
}

impl Cascades for Pair {
    fn count(&self) -> u64 {
        self.ranges.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        let t0 = self.root_time(index);
        let range = &self.ranges[index as usize];
        let unreadable =
            |error| Refused::unreadable(&self.data_file, Some(range.first + 1), &error);
        self.data.seek(SeekFrom::Start(range.offset)).map_err(unreadable)?;
        self.buffer.resize(range.bytes as usize, 0);
        self.data.read_exact(&mut self.buffer).map_err(unreadable)?;
        cascade.cid.clear();
        cascade.cid.push_str(&range.row.to_string());
        cascade.msg.clear();
        (cascade.t0, cascade.observed) = (t0, None);
        cascade.points.clear();
        let lines = self.buffer.split_inclusive(|byte| *byte == b'\n');
        for (row, line) in (range.first..=range.last).zip(lines) {
            let msg = if row == range.first { Some(&mut cascade.msg) } else { None };
            let point = point(without_end(line), self.columns, self.unit, msg);
            cascade.points.push(point.map_err(|Refusal { reason, detail }| {
                let refusal = Refusal::new(reason, format!("row {row}: {detail}"));
                Refused::at(&self.data_file, row + 1, refusal)
            })?);
        }
        cascade.relative().map_err(|Refusal { reason, detail }| {
            let detail = format!("rows {} to {}: {detail}", range.first, range.last);
            Refused::at(&self.data_file, range.first + 1, Refusal { reason, detail })
        })
    }

    fn root_time(&self, index: u64) -> Option<f64> {
        let root = self.ranges[index as usize].root?;
        Some(root.unix(self.utc_offset)).filter(|time| *time >= EARLIEST_UNIX)
    }

    fn dated(&self) -> bool {
        let count = self.count();
        count > 0 && (0..count).all(|index| self.is_dated(index))
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        Refused::at(&self.index_file, self.ranges[index as usize].line, refusal)
    }
}

/// The event of a row; its message is stored in `msg`, if given.
fn point(
    line: &[u8],
    columns: Columns,
    unit: f64,
    msg: Option<&mut String>,
) -> Result<Point, Refusal> {
    let missing = || Refusal::new("field", "no magnitude");
    let line = if columns.row_names { cut(line).ok_or_else(missing)?.1 } else { line };
    let (first, rest) = cut(line).ok_or_else(missing)?;
    let (second, text) =
        if columns.has_msg { cut(rest).unwrap_or((rest, b"")) } else { (rest, &b""[..]) };
    let number = |field: &[u8], name: &str| {
        numbers::field(field).ok_or_else(|| {
            let field = String::from_utf8_lossy(field);
            Refusal::new("field", format!("the {name} is not a number: {field:?}"))
        })
    };
    let (time, magnitude) = if columns.magnitude_first { (second, first) } else { (first, second) };
    let (time, magnitude) = (number(time, "time")?, number(magnitude, "magnitude")?);
    if let Some(msg) = msg {
        *msg = message(text);
    }
    checked(time, magnitude, unit)
}

/// An event whose time is within the limits in seconds, and stays in the unit of the file.
fn checked(time: f64, magnitude: f64, unit: f64) -> Result<Point, Refusal> {
    let checked = Point::checked(time * unit, magnitude);
    let checked = checked.map_err(|detail| Refusal::new("range", detail))?;
    Ok(Point { time, ..checked })
}

/// The bytes before and after the first comma.
fn cut(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let comma = memchr::memchr(b',', line)?;
    Some((&line[..comma], &line[comma + 1..]))
}

/// The message of a row, commas included; a message quoted as in CSV is unquoted.
fn message(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.replace("\"\"", "").contains('"') => inner.replace("\"\"", "\""),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;
