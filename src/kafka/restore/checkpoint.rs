//! The metadata of a committed offset: the checkpoint from which a replay restores the state.
//!
//! The committed offset and its metadata commit in one transaction with the output. A broker accepts
//! 4 KiB of metadata; a longer checkpoint is written to `collect_state` in the same transaction, and
//! the metadata contains its partition and offset there. The record exists as long as it is needed,
//! because compaction retains the newest record of a key.

use serde::{Deserialize, Serialize};

/// Number of bytes of metadata, at most; a broker rejects more than 4096.
const MAX_METADATA_BYTES: usize = 3072;

/// The version of metadata with a number of parts; a higher version is rejected.
const VERSION: u32 = 2;
/// The version without a number of parts, which older releases can read.
const VERSION_WITHOUT_PARTS: u32 = 1;

/// The text of a checkpoint, or where it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CheckpointText {
    /// In the metadata itself.
    Inline(String),
    /// In `collect_state`.
    Stored { partition: i32, offset: i64 },
}

/// A position from which a replay can start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The offset of the first record of the replay; once committed, the low watermark.
    pub(crate) offset: i64,
    /// The stage's checkpoint at that offset.
    pub(crate) text: CheckpointText,
    /// The offset in the topic of emitted records from which they are read back.
    pub(crate) emitted_from: Option<i64>,
}

/// The content of the metadata of an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) checkpoint: Checkpoint,
    /// Number of live parts in the changelog.
    pub(crate) parts: usize,
    /// The stage's [`output_options`](crate::stage::Recover::output_options).
    pub(crate) options: String,
}

/// The JSON object, with the names of docs/kafka.md.
#[derive(Serialize, Deserialize)]
struct Json {
    v: u32,
    #[serde(rename = "n")]
    partitions: i32,
    low: i64,
    #[serde(default, rename = "mark", skip_serializing_if = "Option::is_none")]
    inline: Option<String>,
    #[serde(default, rename = "kept", skip_serializing_if = "Option::is_none")]
    stored: Option<(i32, i64)>,
    #[serde(default, rename = "back", skip_serializing_if = "Option::is_none")]
    emitted_from: Option<i64>,
    #[serde(default, rename = "aside", skip_serializing_if = "is_zero")]
    parts: usize,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    options: String,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Why metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Another program set the offset.
    Foreign,
    /// The input had this other number of partitions.
    Partitions(i32),
    /// A higher version.
    Version(u32),
}

impl Metadata {
    /// The text of the metadata, for an input of so many partitions.
    pub(crate) fn to_text(&self, partitions: i32) -> String {
        let Checkpoint { offset: low, text, emitted_from } = self.checkpoint.clone();
        let (inline, stored) = match text {
            CheckpointText::Inline(text) => (Some(text), None),
            CheckpointText::Stored { partition, offset } => (None, Some((partition, offset))),
        };
        let (parts, options) = (self.parts, self.options.clone());
        let v = if parts == 0 { VERSION_WITHOUT_PARTS } else { VERSION };
        let json = Json { v, partitions, low, inline, stored, emitted_from, parts, options };
        serde_json::to_string(&json).expect("numbers and strings are JSON")
    }

    /// Parses the text, for an input of so many partitions.
    pub(crate) fn parse(text: &str, partitions: i32) -> Result<Self, Unusable> {
        let Ok(json) = serde_json::from_str::<Json>(text) else {
            return Err(Unusable::Foreign);
        };
        if ![VERSION_WITHOUT_PARTS, VERSION].contains(&json.v) {
            return Err(Unusable::Version(json.v));
        }
        if json.partitions != partitions {
            return Err(Unusable::Partitions(json.partitions));
        }
        let text = match json.stored {
            Some((partition, offset)) => CheckpointText::Stored { partition, offset },
            None => CheckpointText::Inline(json.inline.unwrap_or_default()),
        };
        let checkpoint = Checkpoint { offset: json.low, text, emitted_from: json.emitted_from };
        Ok(Self { checkpoint, parts: json.parts, options: json.options })
    }

    /// Whether the checkpoint must be stored in `collect_state`.
    pub(crate) fn is_too_long(&self, partitions: i32) -> bool {
        self.to_text(partitions).len() > MAX_METADATA_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_parsed_as_it_was_written() {
        let inline = CheckpointText::Inline(r#"[["a\"b",-1.5]]"#.to_owned());
        for text in [inline, CheckpointText::Stored { partition: 3, offset: 77 }] {
            for emitted_from in [None, Some(12)] {
                for parts in [0, 7] {
                    let text = text.clone();
                    let checkpoint = Checkpoint { offset: 9_000_000_000, text, emitted_from };
                    let options = ["", "--windows 10m"][parts % 2].to_owned();
                    let metadata = Metadata { checkpoint, parts, options };
                    let written = metadata.to_text(4);
                    assert_eq!(Metadata::parse(&written, 4), Ok(metadata));
                    assert_eq!(Metadata::parse(&written, 5), Err(Unusable::Partitions(4)));
                }
            }
        }
        assert_eq!(Metadata::parse("", 4), Err(Unusable::Foreign));
        let later = r#"{"v":3,"n":4,"low":1}"#;
        assert_eq!(Metadata::parse(later, 4), Err(Unusable::Version(3)));
    }

    #[test]
    fn the_text_of_metadata_is_fixed() {
        let text = CheckpointText::Inline("c".to_owned());
        let checkpoint = Checkpoint { offset: 5, text, emitted_from: Some(6) };
        let options = String::new();
        let metadata = Metadata { checkpoint: checkpoint.clone(), parts: 0, options };
        assert_eq!(metadata.to_text(4), r#"{"v":1,"n":4,"low":5,"mark":"c","back":6}"#);
        let text = CheckpointText::Stored { partition: 1, offset: 2 };
        let metadata = Metadata {
            checkpoint: Checkpoint { text, emitted_from: None, ..checkpoint },
            parts: 3,
            options: "--windows 10m".to_owned(),
        };
        assert_eq!(
            metadata.to_text(4),
            r#"{"v":2,"n":4,"low":5,"kept":[1,2],"aside":3,"options":"--windows 10m"}"#
        );
    }
}
