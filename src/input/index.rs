//! The index of a pair of CSV files: the rows of each cascade in the data.

use std::path::Path;

use csv::ByteRecord;

use super::rows::{next_place, reader, unclosed, unreadable};
use super::time::{self, EARLIEST_UNIX, TextTime};
use super::{Refused, lines};
use crate::cascade::numbers;
use crate::math;
use crate::record::Refusal;

/// A row of an index: the range of rows of one cascade in the data.
pub(super) struct IndexRow {
    /// The line number in the index.
    pub(super) line: u64,
    /// The row of the index, from 1.
    pub(super) row: u64,
    /// The first and last row in the data, or why the row is refused.
    pub(super) range: Result<(u64, u64), Refusal>,
    /// The time of the root, where the index has a column of it that can be read.
    pub(super) root: Option<TextTime>,
}

/// The rows of an index, and the name of its column of root times.
pub(super) struct Index {
    pub(super) rows: Vec<IndexRow>,
    pub(super) root_column: Option<&'static str>,
}

/// The column that evently writes the time of the root in.
const ROOT_TIME: &str = "tweet_time";

/// Reads an index: the columns `start_ind` and `end_ind`, or else the first two, and `tweet_time`.
pub(super) fn read_index(path: &Path) -> Result<Index, Refused> {
    let file = path.display().to_string();
    let (input, _) = lines::open(path).map_err(|e| Refused::unreadable(&file, None, &e))?;
    let (mut reader, places) = reader(input, b',');
    let header = reader.byte_headers().map_err(|error| unreadable(&file, error))?;
    next_place(&places);
    if header.len() < 2 || header.iter().any(|name| numbers::field(name).is_some()) {
        let why = "no header start_ind,end_ind in the first line of the index";
        return Err(Refused::at(&file, 1, Refusal::new("field", why)));
    }
    let place = |name: &[u8]| header.iter().position(|field| field == name);
    let columns = (place(b"start_ind").unwrap_or(0), place(b"end_ind").unwrap_or(1));
    let root = place(ROOT_TIME.as_bytes());
    let mut rows = Vec::new();
    let mut row = ByteRecord::new();
    loop {
        if !reader.read_byte_record(&mut row).map_err(|error| unreadable(&file, error))? {
            return Ok(Index { rows, root_column: root.map(|_| ROOT_TIME) });
        }
        let place = next_place(&places);
        let range = if place.unclosed { Err(unclosed()) } else { range(&row, columns) };
        let root = root.and_then(|column| root_time(row.get(column)?));
        rows.push(IndexRow { line: place.line, row: rows.len() as u64 + 1, range, root });
    }
}

/// A time in any form that tables may have; a number below the first Unix time is none.
fn root_time(field: &[u8]) -> Option<TextTime> {
    let Some(number) = numbers::field(field) else {
        return time::text_time(&String::from_utf8_lossy(field));
    };
    let seconds = number * time::guessed_unit(number).map_or(1.0, |(_, unit)| unit);
    (seconds >= EARLIEST_UNIX && seconds.is_finite()).then_some(TextTime::Unix(seconds))
}

fn range(row: &ByteRecord, columns: (usize, usize)) -> Result<(u64, u64), Refusal> {
    let whole = |column: usize| {
        let value = numbers::field(row.get(column).unwrap_or_default());
        let value =
            value.filter(|value| value.fract() == 0.0 && (1.0..math::EXACT_WHOLE).contains(value));
        value.map(|value| value as u64)
    };
    match (whole(columns.0), whole(columns.1)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        (Some(first), Some(last)) => Err(Refusal::new(
            "range",
            format!("the last row precedes the first: {first} to {last}"),
        )),
        _ => Err(Refusal::new("field", "the rows are not two integers of at least 1")),
    }
}
