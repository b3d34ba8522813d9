//! The steps of the system, each a pure state machine: same records in, same records out.
//!
//! A stage does no I/O, reads no clock, and is random only by a seed; `stream` feeds it.

pub mod collect;
pub mod dashboard;
pub mod evaluate;
pub mod fit;
pub mod log;
pub mod monitor;
pub mod now;
pub mod predict;
pub mod system;
pub mod train;

mod clocks;
mod errors;
mod tally;

pub use tally::{Histogram, Tally};

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::record::{Item, Kind, Record, Refusal};

/// A record of the input, with its position.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRef<'a> {
    /// Its position in the input: ascending, unique; a replay starts at a position.
    pub position: u64,
    /// Its content.
    pub item: Item<'a>,
}

impl RecordRef<'_> {
    /// A record that is not from the input, such as a model: its position is 0.
    pub fn without_position(record: Record) -> Self {
        Self { position: 0, item: record.into() }
    }
}

/// The output of a stage: records that it emits and records that pass through, in order.
///
/// One record may determine millions of others, such as a watermark that closes all cascades. With a
/// sink, output is passed to it as it is made, and at most [`Out::MAX_HELD`] items are held.
#[derive(Default)]
pub struct Out {
    items: Vec<Outgoing>,
    refused: Vec<(u64, Refusal)>,
    sink: Option<SharedSink>,
}

/// Takes the output of a stage while the stage runs.
pub trait Sink: Send {
    /// Takes the next items. An error is kept, and returned by the owner of the sink afterwards.
    fn put(&mut self, items: Vec<Outgoing>);
}

/// A sink, shared between an output and the owner of the sink.
pub type SharedSink = Arc<Mutex<dyn Sink>>;

/// One record on its way out of a stage.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records, and they live for one batch"
)]
pub enum Outgoing {
    /// A record that the stage emits.
    Record(Record),
    /// The bytes of a record that passes through.
    Foreign(Vec<u8>),
}

impl Out {
    /// Number of items that are held where there is a sink.
    pub const MAX_HELD: usize = 1024;

    /// An output that passes its items to `sink`; the last ones remain for [`Out::take`].
    pub fn to(sink: Option<SharedSink>) -> Self {
        Self { items: Vec::new(), refused: Vec::new(), sink }
    }

    /// Emits a record.
    pub fn write(&mut self, record: Record) {
        self.push(Outgoing::Record(record));
    }

    /// Lets the bytes of a foreign record pass through.
    pub fn pass_through(&mut self, bytes: &[u8]) {
        self.push(Outgoing::Foreign(bytes.to_vec()));
    }

    fn push(&mut self, item: Outgoing) {
        self.items.push(item);
        if self.items.len() >= Self::MAX_HELD
            && let Some(sink) = &self.sink
        {
            let items = std::mem::take(&mut self.items);
            sink.lock().unwrap_or_else(PoisonError::into_inner).put(items);
        }
    }

    /// Refuses the record of the input at that position, which the transport then rejects.
    pub fn refuse(&mut self, position: u64, refusal: Refusal) {
        self.refused.push((position, refusal));
    }

    /// Takes the refused records since the last call: their positions, in order, and the reasons.
    pub fn take_refused(&mut self) -> Vec<(u64, Refusal)> {
        std::mem::take(&mut self.refused)
    }

    /// Takes the output since the last call.
    pub fn take(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.items)
    }

    /// The output since the last [`Out::take`].
    pub fn items(&self) -> &[Outgoing] {
        &self.items
    }
}

/// Why the input is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The files are read, or the pipe is closed: no record follows.
    Complete,
    /// A signal stopped the process: more records may follow.
    Cut,
}

/// A step of the system. Invariant: the output does not depend on how the input is divided into batches.
pub trait Stage {
    /// The kinds it takes. Every other record passes through unchanged, byte for byte.
    const TAKES: &'static [Kind];

    /// Processes the next records, in order; emits every record that they determine.
    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out);

    /// The input is over: emits what was held back.
    fn on_end(&mut self, ending: Ending, out: &mut Out);

    /// The counts so far.
    fn tally(&self) -> Tally;
}

/// A record of a stage's changelog: a part of the state that is stored apart from the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The part: the position of the input record that it belongs to, unique among live parts.
    pub id: u64,
    /// The part as text, which replaces an earlier one; `None`: a tombstone.
    pub text: Option<String>,
}

/// Which parts of its state a stage spills to the changelog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// A replay should not start before this position: parts that need earlier input are spilled.
    pub oldest: u64,
    /// The position of the next record of the input.
    pub next: u64,
    /// At most this many parts are spilled for `oldest`, those with the oldest input first.
    pub max_parts: usize,
}

/// What is stored of a stage's state; empty for a new group.
#[derive(Debug, Default)]
pub struct Saved<'a> {
    /// The position of the first record of the replay.
    pub position: u64,
    /// The text of [`Recover::checkpoint`] at that position; empty where there is none.
    pub checkpoint: &'a str,
    /// The live parts of the changelog: id and text.
    pub parts: &'a [(u64, String)],
    /// The emitted records of the kinds in [`Restore::reads_back`], in the order of emission.
    pub emitted: Vec<Record>,
}

/// What the restore of a stage needs in addition to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The kinds of its own output that are read back, because a replay cannot compute them again.
    pub reads_back: &'static [Kind],
    /// Whether a replay may start late, where retention deleted the beginning of the input.
    pub starts_late: bool,
    /// Whether it writes changelog records.
    pub spills: bool,
    /// The kinds of its input that it joins by source, cascade and window: all records of a join must be
    /// in one partition.
    pub joins: &'static [Kind],
}

impl Restore {
    /// The input alone, from the position that the stage names.
    pub const FROM_INPUT: Self =
        Self { reads_back: &[], starts_late: false, spills: false, joins: &[] };
}

/// Stored state that a stage cannot restore: another stage wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incompatible {
    /// The text is not a checkpoint of this stage.
    Checkpoint,
    /// The part of the changelog with this id is not of this stage.
    Part(u64),
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("the checkpoint is of another command"),
            Self::Part(id) => write!(f, "changelog record {id} is of another command"),
        }
    }
}

impl std::error::Error for Incompatible {}

impl Saved<'_> {
    /// Succeeds where nothing is stored: for a stage that keeps no state.
    pub fn expect_empty(&self) -> Result<(), Incompatible> {
        match self.parts.first() {
            _ if !self.checkpoint.is_empty() => Err(Incompatible::Checkpoint),
            Some((id, _)) => Err(Incompatible::Part(*id)),
            None => Ok(()),
        }
    }
}

/// A stage whose state can be restored by a replay of its input after a crash (docs/kafka.md).
///
/// The replay feeds the input again from a low watermark, up to the last commit, with the output
/// suppressed. There are no default methods, so that a stage that wraps another forwards them all.
pub trait Recover: Stage {
    /// What the restore needs in addition to the input.
    const RESTORE: Restore;

    /// The options that decide what is emitted for records that a replay reads again, as they are
    /// given on the command line; empty where none does. Positions that were committed under other
    /// options are refused: a replay would rebuild another state than the one that was emitted.
    fn output_options(&self) -> String;

    /// The index of the latest of the `offered` positions (ascending, the last one at most the
    /// next position) from which a replay restores this state; `None` if there is none.
    fn replay_start(&self, offered: &[u64]) -> Option<usize>;

    /// The state that a replay from the next record on cannot compute; short, and valid for that
    /// position alone.
    fn checkpoint(&self) -> String;

    /// The changelog records to commit with the output so far: parts that no replay restores, once
    /// each; parts that would need a replay from before the limit; tombstones of parts that no
    /// replay reads any more.
    fn spill(&mut self, limit: Limit) -> Vec<Change>;

    /// Restores what is stored, before the first record. Called for a new group too: from then on
    /// the stage collects its changelog records; on a pipe it is not called.
    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible>;

    /// The last changelog records are committed, and no replay starts before `low` any more.
    fn committed(&mut self, low: u64);

    /// Called before and after a replay: output in between is suppressed, so that costly work
    /// whose only effect is output may be left out.
    fn replaying(&mut self, on: bool);
}
