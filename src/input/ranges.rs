//! Locates the cascades of an index in the data.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::index::IndexRow;
use super::time::TextTime;
use crate::record::Refusal;

/// The rows of a cascade and their location.
pub(super) struct Range {
    /// The line number in the index.
    pub(super) line: u64,
    /// The row of the index, from 1, which is the id of the cascade.
    pub(super) row: u64,
    /// The first row, from 1.
    pub(super) first: u64,
    /// The last row.
    pub(super) last: u64,
    /// Byte offset of the first row.
    pub(super) offset: u64,
    /// Number of bytes of the rows.
    pub(super) bytes: u64,
    /// The time of the root, where the index has it.
    pub(super) root: Option<TextTime>,
}

/// The rows of a cascade, with the line number of the index.
type Found = (u64, Result<Range, Refusal>);

/// Locates the rows of each cascade in one pass over the data, with its line number in the index. Rows
/// that belong to an earlier cascade are refused. The number of rows of the data is returned, too.
pub(super) fn find(data: &mut File, rows: Vec<IndexRow>) -> io::Result<(Vec<Found>, u64)> {
    let lines = lines_of(&rows);
    let (starts, total) = line_starts(data, &lines)?;
    let starts = lines.into_iter().zip(starts).collect();
    let mut taken = BTreeMap::new();
    let mut find = |index: IndexRow| {
        let (line, row) = (index.line, index.row);
        let found = place(index, &starts, total, &mut taken).map_err(|refusal| Refusal {
            detail: format!("row {row} of the index: {}", refusal.detail),
            ..refusal
        });
        (line, found)
    };
    Ok((rows.into_iter().map(&mut find).collect(), total.saturating_sub(1)))
}

/// The lines of the data, from 0, that start a cascade or follow the end of one.
fn lines_of(rows: &[IndexRow]) -> Vec<u64> {
    let ranges = rows.iter().filter_map(|row| row.range.as_ref().ok());
    let mut lines: Vec<u64> = ranges.flat_map(|&(first, last)| [first, last + 1]).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Locates the rows of a cascade; refuses rows of an earlier one.
fn place(
    row: IndexRow,
    starts: &HashMap<u64, u64>,
    total: u64,
    taken: &mut BTreeMap<u64, (u64, u64)>,
) -> Result<Range, Refusal> {
    let IndexRow { line, row, range, root } = row;
    let (first, last) = range?;
    let rows = total - 1;
    if last > rows {
        let detail = format!("end_ind {last} is above the {rows} rows of the data");
        return Err(Refusal::new("range", detail));
    }
    // The taken ranges do not overlap, so only the last one that starts at or before `last` can overlap.
    if let Some((start, (end, other))) = taken.range(..=last).next_back()
        && *end >= first
    {
        let detail = format!("rows {first} to {last} overlap rows {start} to {end} of row {other}");
        return Err(Refusal::new("range", detail));
    }
    taken.insert(first, (last, row));
    let (offset, end) = (starts[&first], starts[&(last + 1)]);
    Ok(Range { line, row, first, last, offset, bytes: end - offset, root })
}

/// Byte offsets of the lines with these numbers (ascending, from 0), and the number of lines.
///
/// Lines past the last one start at the end of the file.
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
