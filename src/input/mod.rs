//! From bytes to cascades and lines: files and stdin, gzip, histories, tables.
//!
//! [`blocks`] reads records in blocks of whole lines; [`history`] reads JSON lines, one cascade a line;
//! [`pair`] reads two CSV files by index, [`table`] one long CSV. What is wrong with a cascade is a
//! [`Refused`]: it is skipped, and the rest is read.

pub mod blocks;
pub mod history;
mod lines;
pub mod pair;
mod ranges;
pub mod table;

use std::fmt;

use crate::record::Refusal;

pub use crate::record::HistoryCascade;
pub use history::{History, HistoryLines, read_history};
pub use pair::Pair;
pub use table::Table;

/// What was passed over, where it stands, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file, as it was named; empty for what stands in none.
    pub file: String,
    /// The line of that file, from 1; `None` where it is all of the file.
    pub line: Option<u64>,
    /// The reason in a word: those of [`Refusal`], or `file` where it cannot be read at all.
    pub reason: &'static str,
    /// The whole of it, for people.
    pub detail: String,
}

impl Refused {
    /// A file that cannot be read, or not on from that line.
    pub(crate) fn unreadable(file: &str, line: Option<u64>, error: &std::io::Error) -> Self {
        Self { file: file.to_owned(), line, reason: "file", detail: error.to_string() }
    }

    /// What is wrong with that line.
    pub(crate) fn at(file: &str, line: u64, refusal: Refusal) -> Self {
        let Refusal { reason, detail } = refusal;
        Self { file: file.to_owned(), line: Some(line), reason, detail }
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

/// Cascades by number, from 0; each is taken once at most, in any order.
pub trait Cascades {
    /// How many there are.
    fn count(&self) -> u64;

    /// Reads or draws one into `cascade`, whose memory it may use again.
    ///
    /// What is refused leaves nonsense in `cascade`.
    fn take(&mut self, index: u64, cascade: &mut HistoryCascade) -> Result<(), Refused>;

    /// When the cascade began, in Unix seconds, where that is known before it is taken.
    fn root_time(&self, index: u64) -> Option<f64>;

    /// Whether the source means its cascades to be replayed at their true times.
    fn dated(&self) -> bool {
        (0..self.count()).all(|index| self.root_time(index).is_some())
    }

    /// Whether the order of the cascades is one of chance already, so that shuffling adds nothing.
    fn shuffled(&self) -> bool {
        false
    }

    /// Which of the cascades with that id it is, from 1: a second `a` goes out as `a~2`.
    fn suffix(&self, _index: u64) -> u64 {
        1
    }

    /// A refusal that names where the cascade stands.
    fn refused(&self, index: u64, refusal: Refusal) -> Refused;
}
