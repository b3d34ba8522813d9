//! The steps of the system, each a pure state machine: same records in, same records out.
//!
//! A stage does no I/O, sees no clock and no chance but a seed; `stream` feeds it.

pub mod collect;
pub mod dashboard;
pub mod evaluate;
pub mod fit;
pub mod log;
pub mod monitor;
pub mod predict;
pub mod system;
pub mod train;

mod clocks;
mod histogram;

pub use histogram::Histogram;

use std::collections::BTreeMap;

use crate::event::Event;
use crate::record::{Kind, Record};

/// What came in at one position of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRef<'a> {
    /// Where it stood in its input: ascending, unique; a replay starts from such a number.
    pub position: u64,
    /// What it says.
    pub body: Body<'a>,
}

impl RecordRef<'_> {
    /// A record that has no place in the input: it was made here, or stood beside it.
    pub fn beside(record: Record) -> Self {
        Self { position: 0, body: Body::Record(Box::new(record)) }
    }
}

/// The content of a record on its way into a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum Body<'a> {
    /// A tweet or retweet.
    Event(Event<'a>),
    /// Any other record of a kind that the stage takes.
    Record(Box<Record>),
    /// A record that the stage does not take: to be handed on, in its place, unchanged.
    Foreign(&'a [u8]),
}

/// What a stage writes: records of its own, and those of others that it hands on, in order.
#[derive(Debug, Default)]
pub struct Out {
    items: Vec<Outgoing>,
}

/// One record on its way out of a stage.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most are records, and they live for one batch")]
pub enum Outgoing {
    /// A record that the stage made.
    Record(Record),
    /// The bytes of a record that it handed on.
    Foreign(Vec<u8>),
}

impl Out {
    /// Writes a record.
    pub fn write(&mut self, record: Record) {
        self.items.push(Outgoing::Record(record));
    }

    /// Hands on a record of somebody else as the bytes that came.
    pub fn hand_on(&mut self, bytes: &[u8]) {
        self.items.push(Outgoing::Foreign(bytes.to_vec()));
    }

    /// Takes all that was written since the last call.
    pub fn take(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.items)
    }

    /// What was written since the last [`Out::take`].
    pub fn items(&self) -> &[Outgoing] {
        &self.items
    }
}

/// Whether the input is over because it is complete, or because somebody cut it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The files are read, the pipe is closed: nothing will follow.
    Complete,
    /// A signal, or a daemon that ends: more may follow elsewhere.
    Cut,
}

/// Counts by name and label; `stream` shows them, the stage knows nothing of metrics.
///
/// Of several labels the values stand together, separated by commas; a [`Histogram`] enters itself.
/// `("ready", check)` is no count: 1 where the stage can do its work, 0 where that check fails.
pub type Tally = BTreeMap<(&'static str, String), f64>;

/// A step of the system. Its law: any cut of the input into batches gives the same output.
pub trait Stage {
    /// The kinds it takes. It hands on every other record unchanged, as the bytes that came.
    const TAKES: &'static [Kind];

    /// Takes the next records, in order, and writes all that they make certain.
    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out);

    /// The input is over: writes what was still held back.
    fn on_end(&mut self, ending: Ending, out: &mut Out);

    /// What it counted so far.
    fn tally(&self) -> Tally;
}

/// A part of a stage's state that is written down, so that no replay has to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Which one: the position by which the stage knows it.
    pub id: u64,
    /// What it is.
    pub text: String,
}

/// A stage whose state can be found again by reading its input again, in silence, from a position
/// that it names: how a daemon survives a kill (docs/kafka.md calls that position the low watermark).
pub trait Recover: Stage {
    /// Kinds of its own output that must be read back, because they cannot be computed again.
    const READS_BACK: &'static [Kind] = &[];

    /// Whether it can do without the beginning of a replay where retention removed it.
    const STARTS_LATE: bool = false;

    /// Whether it writes parts of its state down.
    const SETS_ASIDE: bool = false;

    /// The smallest position that its state still depends on; `None` where it depends on none.
    fn oldest_needed(&self) -> Option<u64>;

    /// Whether a replay from `position`, which is not after the oldest needed, finds this state.
    fn can_start(&self, _position: u64) -> bool {
        true
    }

    /// No replay will start before this position any more.
    fn forget_before(&mut self, _position: u64) {}

    /// What a replay that starts after the last record could not find out; short, and valid for
    /// that place alone.
    fn mark(&self) -> String {
        String::new()
    }

    /// Starts from a mark, or, where it is empty, from nothing: whoever recovers calls it first.
    /// False where the mark is none of this stage's.
    fn resume(&mut self, mark: &str) -> bool {
        mark.is_empty()
    }

    /// Writes down the parts of its state that need positions before `before`, as they are ahead
    /// of the record at `now`: the oldest first, and at most `most` of them. From then on they
    /// need no such position: a replay gets them from [`Recover::take_back`].
    fn set_aside(&mut self, _before: u64, _now: u64, _most: usize) -> Vec<Aside> {
        Vec::new()
    }

    /// Writes down, once each, the parts of its state that no replay can find.
    fn write_down(&mut self) -> Vec<Aside> {
        Vec::new()
    }

    /// How many parts are written down, until they are outlived and forgotten.
    fn aside(&self) -> usize {
        0
    }

    /// The parts that no replay from `position` or later asks for.
    fn outlived(&self, _position: u64) -> Vec<u64> {
        Vec::new()
    }

    /// Takes back what was written down, after the mark and before a replay from `start`. False
    /// where it is none of this stage's.
    fn take_back(&mut self, aside: &[Aside], _start: u64) -> bool {
        aside.is_empty()
    }

    /// Learns, before a replay, what it once said.
    fn read_back(&mut self, _record: &Record) {}

    /// Told before and after a replay: what it writes in between is thrown away, so that costly
    /// work whose only effect is output may be left out.
    fn silence(&mut self, _silent: bool) {}
}
