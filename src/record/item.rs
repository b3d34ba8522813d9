//! The result of reading a record.

use std::fmt;

use super::write::Record;
use crate::event::Event;

/// A record as it was read.
#[derive(Debug, PartialEq)]
pub enum Item<'a> {
    /// A tweet or retweet, borrowed from the bytes.
    Event(Event<'a>),
    /// Any other record of a kind that the reader takes.
    Record(Box<Record>),
    /// A valid record of another kind, which passes through as its bytes.
    Foreign,
}

impl Item<'_> {
    /// The record, unless it is an event or foreign.
    pub fn record(self) -> Option<Record> {
        match self {
            Self::Record(record) => Some(*record),
            Self::Event(_) | Self::Foreign => None,
        }
    }
}

/// Why a record was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason in a word, one of `json`, `type`, `field`, `range`, `size`.
    pub reason: &'static str,
    /// The reason in a sentence, for people.
    pub detail: String,
}

impl Refusal {
    /// A refusal for one of the reasons.
    pub fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Refusal {}

pub(super) fn json(error: serde_json::Error) -> Refusal {
    let reason = if error.is_data() { "field" } else { "json" };
    // A line is one record: the line number of serde_json would always be 1.
    let text = error.to_string();
    let text = text.split(" at line 1 column ").collect::<Vec<_>>().join(" at byte ");
    Refusal::new(reason, text)
}
