//! The result of reading a record.

use std::fmt;

use serde_json::error::Category;

use super::write::Record;
use crate::event::Event;

/// A record as it was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Item<'a> {
    /// A tweet or retweet, borrowed from the bytes.
    Event(Event<'a>),
    /// Any other record of a kind that the reader takes.
    Record(Box<Record>),
    /// The bytes of a valid record of another kind, which passes through unchanged.
    Foreign(&'a [u8]),
}

impl Default for Item<'_> {
    /// The place of an item that is yet to be read.
    fn default() -> Self {
        Self::Foreign(&[])
    }
}

impl From<Record> for Item<'_> {
    fn from(record: Record) -> Self {
        match record {
            Record::Event(event) => Self::Event(event),
            other => Self::Record(Box::new(other)),
        }
    }
}

impl Item<'_> {
    /// The record, unless it is an event or foreign.
    pub fn record(self) -> Option<Record> {
        match self {
            Self::Record(record) => Some(*record),
            Self::Event(_) | Self::Foreign(_) => None,
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

/// The refusal of a line in another encoding.
pub(crate) const NOT_UTF_8: &str =
    "the line is not UTF-8; convert the file first, such as with iconv -f WINDOWS-1252 -t UTF-8";

/// The refusal of a line that is not the JSON that was expected.
pub(crate) fn json(error: serde_json::Error) -> Refusal {
    // A line is one record: the line number of serde_json would always be 1.
    let text = error.to_string();
    let mut text = text.split(" at line 1 column ").collect::<Vec<_>>().join(" at byte ");
    // serde names the Rust type.
    if let Some((before, rest)) = text.split_once("expected struct ") {
        let end = rest.find(|it: char| !it.is_alphanumeric()).unwrap_or(rest.len());
        text = format!("{before}expected an object{}", &rest[end..]);
    }
    match error.classify() {
        Category::Data => Refusal::new("field", text),
        Category::Eof => {
            let detail = format!(
                "not JSON: {text}: the line is cut off, or its object takes several lines; write one a line, such as with jq -c ."
            );
            Refusal::new("json", detail)
        }
        Category::Io | Category::Syntax => Refusal::new("json", format!("not JSON: {text}")),
    }
}
