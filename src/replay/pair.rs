//! A pair of tables: the data, and an index that says which of its rows are a cascade.
//!
//! The data may have many millions of rows, so no more of it is held than the live cascades: one
//! pass finds where each cascade begins and ends, and it is read from there when its turn comes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::lines::without_end;
use super::table::{IndexRow, read_index};
use super::{Cascades, HistoryCascade, Refused, numbers};
use crate::cascade::Point;
use crate::record::Refusal;

/// The pair: `data` with time, magnitude and perhaps a message by position, `index` with first and last rows.
pub struct Pair {
    data: File,
    data_file: String,
    index_file: String,
    has_msg: bool,
    ranges: Vec<Range>,
    buffer: Vec<u8>,
}

/// The rows of a cascade, and where they stand.
struct Range {
    /// The line of the index.
    line: u64,
    /// The row of the index, from 1: the id of the cascade.
    row: u64,
    /// The first of the rows, from 1.
    first: u64,
    last: u64,
    offset: u64,
    bytes: u64,
}

impl Pair {
    /// Reads the index, and finds its rows in the data; rows that cannot be are refused.
    pub fn open(
        data: &Path,
        index: &Path,
        refuse: &mut dyn FnMut(Refused),
    ) -> Result<Self, Refused> {
        let data_file = data.display().to_string();
        let index_file = index.display().to_string();
        let unreadable = |error: io::Error| Refused::unreadable(&data_file, None, &error);
        let rows = read_index(index)?;
        let mut file = File::open(data).map_err(unreadable)?;
        let has_msg = header(&mut file).map_err(unreadable)?;
        let has_msg = has_msg.map_err(|refusal| Refused::at(&data_file, 1, refusal))?;
        let lines = lines_of(&rows);
        let (starts, total) = line_starts(&mut file, &lines).map_err(unreadable)?;
        let starts = lines.into_iter().zip(starts).collect();
        let mut ranges = Vec::new();
        let mut taken = BTreeMap::new();
        for row in rows {
            let line = row.line;
            match place(row, &starts, total, &mut taken) {
                Ok(range) => ranges.push(range),
                Err(refusal) => refuse(Refused::at(&index_file, line, refusal)),
            }
        }
        Ok(Self { data: file, data_file, index_file, has_msg, ranges, buffer: Vec::new() })
    }
}

/// The lines of the data, from 0, at which a cascade starts or the one before it has ended.
fn lines_of(rows: &[IndexRow]) -> Vec<u64> {
    let ranges = rows.iter().filter_map(|row| row.range.as_ref().ok());
    let mut lines: Vec<u64> = ranges.flat_map(|&(first, last)| [first, last + 1]).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Finds the rows of a cascade, which no earlier one has taken.
fn place(
    row: IndexRow,
    starts: &HashMap<u64, u64>,
    total: u64,
    taken: &mut BTreeMap<u64, (u64, u64)>,
) -> Result<Range, Refusal> {
    let IndexRow { line, row, range } = row;
    let (first, last) = range?;
    let refusal = |detail: String| Refusal::new("range", format!("row {row}: {detail}"));
    let rows = total - 1;
    if last > rows {
        return Err(refusal(format!(
            "rows {first} to {last} run past the end: the data has {rows}"
        )));
    }
    // Rows that are taken do not overlap, so only the last of those that start before can reach in.
    if let Some((start, (end, other))) = taken.range(..=last).next_back()
        && *end >= first
    {
        return Err(refusal(format!(
            "rows {first} to {last} overlap rows {start} to {end} of row {other}"
        )));
    }
    taken.insert(first, (last, row));
    let (offset, end) = (starts[&first], starts[&(last + 1)]);
    Ok(Range { line, row, first, last, offset, bytes: end - offset })
}

/// Checks the header of the data, and tells whether it has a column of messages.
fn header(data: &mut File) -> io::Result<Result<bool, Refusal>> {
    const LONGEST: u64 = 1 << 16;
    let mut line = Vec::new();
    BufReader::new(data.take(LONGEST)).read_until(b'\n', &mut line)?;
    let line = without_end(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line));
    let names: Vec<&[u8]> = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    let refusal = |detail: &str| Ok(Err(Refusal::new("field", detail)));
    if line.starts_with(&[0x1f, 0x8b]) {
        return refusal("gzip cannot be read by an index: unpack it first");
    }
    if names.iter().any(|name| numbers::field(name).is_some()) {
        return refusal("no header in the first line of the data");
    }
    match names[..] {
        [] | [_] => refusal("no second column: magnitude is missing"),
        [_, name, ..] if name.trim_ascii().eq_ignore_ascii_case(b"msg") => {
            refusal("the second column is \"msg\": magnitude is missing")
        }
        [_, _] => Ok(Ok(false)),
        [_, _, _] => Ok(Ok(true)),
        _ => refusal("more than three columns: time, magnitude and message are read"),
    }
}

/// Where the lines with these numbers (ascending, from 0) start, and how many lines there are.
///
/// One past the last line starts at the end of the file, as do all beyond it.
fn line_starts(data: &mut File, wanted: &[u64]) -> io::Result<(Vec<u64>, u64)> {
    let mut chunk = vec![0; 1 << 18];
    let mut starts = Vec::with_capacity(wanted.len());
    let (mut line, mut offset, mut last) = (0, 0, b'\n');
    data.seek(SeekFrom::Start(0))?;
    loop {
        let read = match data.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for end in memchr::memchr_iter(b'\n', &chunk[..read]) {
            line += 1;
            if wanted.get(starts.len()) == Some(&line) {
                starts.push(offset + end as u64 + 1);
            }
        }
        last = chunk[read - 1];
        offset += read as u64;
    }
    let total = if last == b'\n' { line } else { line + 1 };
    starts.resize(wanted.len(), offset);
    Ok((starts, total))
}

impl Cascades for Pair {
    fn count(&self) -> u64 {
        self.ranges.len() as u64
    }

    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused> {
        let range = &self.ranges[index as usize];
        let unreadable =
            |error| Refused::unreadable(&self.data_file, Some(range.first + 1), &error);
        self.data.seek(SeekFrom::Start(range.offset)).map_err(unreadable)?;
        self.buffer.resize(range.bytes as usize, 0);
        self.data.read_exact(&mut self.buffer).map_err(unreadable)?;
        cascade.cid.clear();
        cascade.cid.push_str(&range.row.to_string());
        cascade.msg.clear();
        cascade.t0 = None;
        cascade.points.clear();
        let lines = self.buffer.split_inclusive(|byte| *byte == b'\n');
        for (row, line) in (range.first..=range.last).zip(lines) {
            let msg = if row == range.first { Some(&mut cascade.msg) } else { None };
            let point = point(without_end(line), self.has_msg, msg);
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

    fn root_time(&self, _: u64) -> Option<f64> {
        None
    }

    fn dated(&self) -> bool {
        false
    }

    fn refused(&self, index: u64, refusal: Refusal) -> Refused {
        Refused::at(&self.index_file, self.ranges[index as usize].line, refusal)
    }
}

/// The event of a row; the message is stored where somebody wants it.
fn point(line: &[u8], has_msg: bool, msg: Option<&mut String>) -> Result<Point, Refusal> {
    let (time, rest) = cut(line).ok_or_else(|| Refusal::new("field", "no magnitude"))?;
    let (magnitude, text) =
        if has_msg { cut(rest).unwrap_or((rest, b"")) } else { (rest, &b""[..]) };
    let number = |field: &[u8], name: &str| {
        numbers::field(field).ok_or_else(|| {
            let field = String::from_utf8_lossy(field);
            Refusal::new("field", format!("the {name} is no number: {field:?}"))
        })
    };
    let (time, magnitude) = (number(time, "time")?, number(magnitude, "magnitude")?);
    if let Some(msg) = msg {
        *msg = message(text);
    }
    Point::checked(time, magnitude).map_err(|detail| Refusal::new("range", detail))
}

/// What stands before and after the first comma.
fn cut(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let comma = memchr::memchr(b',', line)?;
    Some((&line[..comma], &line[comma + 1..]))
}

/// A message as it stands, commas and all; out of its quotes where it is quoted as CSV has it.
fn message(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match quoted.map(|inner| inner.replace("\"\"", "\u{0}")) {
        Some(inner) if !inner.contains('"') => inner.replace('\u{0}', "\""),
        _ => text.into_owned(),
    }
}
