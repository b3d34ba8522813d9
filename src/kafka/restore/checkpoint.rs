//! Where a partition stands: the committed position, and from where its state is found again.
//!
//! Both travel as one: the position is the group's offset, the rest its metadata, so that they
//! commit with the output or not at all. A broker takes 4 KiB of metadata; what is longer goes as
//! one record to `collect_state`, in the same transaction, and the metadata says where it lies.
//! It lies there as long as it is needed: the newest record of its key survives compaction.

use serde::{Deserialize, Serialize};

/// Metadata beyond this goes to `collect_state`; a broker refuses more than 4096 bytes.
pub(crate) const MOST_METADATA: usize = 3072;

/// The form of the metadata; a later one is refused.
const VERSION: u32 = 2;
/// The form that knows nothing of parts that are set aside.
const WITHOUT_ASIDE: u32 = 1;

/// The mark of a replay's start: in the metadata, or where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Here(String),
    /// Partition and offset in `collect_state`.
    Kept(i32, i64),
}

/// Where a replay starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The low watermark: the first offset that is read again.
    pub(crate) low: i64,
    pub(crate) mark: Mark,
    /// From where what was said is read back.
    pub(crate) back: Option<i64>,
    /// How many parts of the state are set aside in `collect_state`.
    pub(crate) aside: usize,
}

/// What stands in the metadata of an offset.
#[derive(Serialize, Deserialize)]
struct Note {
    v: u32,
    /// Partitions of the input when this was committed.
    n: i32,
    low: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<(i32, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    back: Option<i64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    aside: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Why metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Nobody of ours wrote it: an operator's tool has set the offset.
    Foreign,
    /// The input had another number of partitions.
    Partitions(i32),
    /// A later form.
    Version(u32),
}

impl Start {
    /// The metadata that tells this start.
    pub(crate) fn note(&self, partitions: i32) -> String {
        let (mark, kept) = match &self.mark {
            Mark::Here(mark) => (Some(mark.clone()), None),
            Mark::Kept(partition, offset) => (None, Some((*partition, *offset))),
        };
        let (back, aside) = (self.back, self.aside);
        let v = if aside == 0 { WITHOUT_ASIDE } else { VERSION };
        let note = Note { v, n: partitions, low: self.low, mark, kept, back, aside };
        serde_json::to_string(&note).expect("numbers and strings are JSON")
    }

    /// The start that metadata tells.
    pub(crate) fn read(note: &str, partitions: i32) -> Result<Self, Unusable> {
        let Ok(note) = serde_json::from_str::<Note>(note) else {
            return Err(Unusable::Foreign);
        };
        if ![WITHOUT_ASIDE, VERSION].contains(&note.v) {
            return Err(Unusable::Version(note.v));
        }
        if note.n != partitions {
            return Err(Unusable::Partitions(note.n));
        }
        let mark = match note.kept {
            Some((partition, offset)) => Mark::Kept(partition, offset),
            None => Mark::Here(note.mark.unwrap_or_default()),
        };
        Ok(Self { low: note.low, mark, back: note.back, aside: note.aside })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back() {
        for mark in [Mark::Here(r#"[["a\"b",-1.5]]"#.to_owned()), Mark::Kept(3, 77)] {
            for back in [None, Some(12)] {
                for aside in [0, 7] {
                    let start = Start { low: 9_000_000_000, mark: mark.clone(), back, aside };
                    assert_eq!(Start::read(&start.note(4), 4), Ok(start.clone()));
                    assert_eq!(Start::read(&start.note(4), 5), Err(Unusable::Partitions(4)));
                }
            }
        }
        assert_eq!(Start::read("", 4), Err(Unusable::Foreign));
        let later = r#"{"v":3,"n":4,"low":1}"#;
        assert_eq!(Start::read(later, 4), Err(Unusable::Version(3)));
    }
}
