//! Reads files and stdin: blocks of records, histories, tables and posts, plain or compressed.
//!
//! [`blocks`] reads records in blocks of whole lines; [`history`] reads JSON lines, one cascade per line;
//! [`pair`] reads two CSV files with an index, [`table`] reads one long CSV file, [`import`] reads posts of
//! platforms. [`open_cascades`] recognises the format. An invalid cascade is reported as a [`Refused`] and
//! skipped.

pub mod blocks;
mod cascades;
mod cell;
mod columns;
mod decoding;
mod gzip;
pub mod history;
pub mod import;
mod index;
mod lines;
mod observed;
mod opened;
mod opening;
pub mod pair;
#[cfg(feature = "parquet")]
mod parquet;
mod ranges;
mod rounded;
mod rows;
pub mod table;
mod time;
mod tweets;
mod unit;

#[cfg(test)]
mod cases;

use std::fmt;

use crate::record::Refusal;

pub use crate::record::HistoryCascade;
pub use cascades::{CascadeOptions, Content, content, open_cascades};
pub use columns::ColumnNames;
pub use history::{History, HistoryLines, read_history};
pub use observed::{ObservedDurations, SharedDurations, is_observed};
pub use pair::Pair;
pub use table::Table;
pub use time::GivenTime;
pub use tweets::Tweets;
pub use unit::TableOptions;

/// An input that was refused: where it is, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The path of the file as given; empty where there is no file.
    pub file: String,
    /// The line number, from 1; `None` for the whole file.
    pub line: Option<u64>,
    /// The reason: one of [`Refusal`], or `file` where the file cannot be read.
    pub reason: &'static str,
    /// The full message.
    pub detail: String,
    /// The beginning of the refused line or row; empty for a whole file, and where the line is not available.
    pub record: Vec<u8>,
}

impl Refused {
    /// An input, or a line of it, that was refused for a reason.
    pub(crate) fn new(file: &str, line: Option<u64>, reason: &'static str, detail: String) -> Self {
        Self { file: file.to_owned(), line, reason, detail, record: Vec::new() }
    }

    /// A file that cannot be read, from the given line on.
    pub(crate) fn unreadable(file: &str, line: Option<u64>, error: &std::io::Error) -> Self {
        Self::new(file, line, "file", error.to_string())
    }

    /// A refused line.
    pub(crate) fn at(file: &str, line: u64, refusal: Refusal) -> Self {
        Self::new(file, Some(line), refusal.reason, refusal.detail)
    }

    /// The same with the refused line, of which the beginning is kept.
    pub(crate) fn of(mut self, record: &[u8]) -> Self {
        const KEPT: usize = 4096;
        self.record = record[..record.len().min(KEPT)].to_vec();
        self
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => f.write_str(&self.detail),
            (file, None) => write!(f, "{file}: {}", self.detail),
            (file, Some(line)) => write!(f, "{file}:{line}: {}", self.detail),
        }
    }
}

impl std::error::Error for Refused {}

/// A source of cascades by index, from 0. Each cascade is taken at most once, in any order.
pub trait Cascades {
    /// Number of cascades.
    fn count(&self) -> u64;

    /// Reads or simulates a cascade into `cascade`, whose memory is reused.
    ///
    /// # Errors
    /// The cascade is refused; the content of `cascade` is then undefined.
    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused>;

    /// The time of the initial tweet in Unix seconds, where the source has it before the cascade is taken.
    fn root_time(&self, index: u64) -> Option<f64>;

    /// Whether a cascade has Unix times.
    fn is_dated(&self, index: u64) -> bool {
        self.root_time(index).is_some()
    }

    /// Whether the default timeline replays the cascades at their recorded times.
    fn dated(&self) -> bool {
        (0..self.count()).all(|index| self.is_dated(index))
    }

    /// The time of the last event in Unix seconds of the history lines that have Unix times; `unit`: seconds per unit
    /// of their times. `None` for other sources, which set [`HistoryCascade::observed`].
    fn last_event(&self, _unit: f64) -> Option<f64> {
        None
    }

    /// Whether the times are in seconds, whatever the unit of other inputs.
    fn in_seconds(&self) -> bool {
        false
    }

    /// Whether the order of the cascades is random already, so that they need no shuffling.
    fn shuffled(&self) -> bool {
        false
    }

    /// Number of the cascade among those with the same id, from 1: the second `a` is emitted as `a~2`.
    fn suffix(&self, _index: u64) -> u64 {
        1
    }

    /// The source of the cascade, where the input names one for each.
    fn source(&self, _index: u64) -> Option<&str> {
        None
    }

    /// A refusal with the location of the cascade.
    fn refused(&self, index: u64, refusal: Refusal) -> Refused;
}
