//! From past or simulated cascades to the tweets that tell of them, on the clocks of sources.
//!
//! Where cascades come from is behind [`Cascades`]: [`history`] (JSON lines), [`pair`] (two CSV
//! files, read by index), [`table`] (one long CSV) and [`simulated`]. When their events happen is
//! decided in `schedule`, for all of them alike. Only what is live is in memory where the source
//! can be read in any order: the pair, the simulation, and histories in plain files.
//!
//! What is wrong with a cascade is a [`Refused`]: it is passed over, and the rest goes on.

pub mod history;
mod json;
mod lines;
pub mod pair;
mod plan;
mod ranges;
mod scene;
mod schedule;
pub mod simulated;
pub mod table;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod testing;

use std::fmt;
use std::ops::ControlFlow;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::cascade::Point;
use crate::event::Event;
use crate::record::{Refusal, Watermark};

pub use history::{History, HistoryLines, read_history};
pub use pair::Pair;
pub use plan::{Plan, PlanError, Timeline};
pub use simulated::{Drawn, Simulated};
pub use table::Table;

/// A cascade that is over: what a history tells of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryCascade {
    /// What the history calls it.
    pub cid: String,
    /// The text of the initial tweet.
    pub msg: String,
    /// When it began, in Unix seconds, where the history says so.
    pub t0: Option<f64>,
    /// Its events in time order, in seconds (or the file's unit) since the first, which is at 0.
    pub points: Vec<Point>,
}

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
    fn unreadable(file: &str, line: Option<u64>, error: &std::io::Error) -> Self {
        Self { file: file.to_owned(), line, reason: "file", detail: error.to_string() }
    }

    /// What is wrong with that line.
    fn at(file: &str, line: u64, refusal: Refusal) -> Self {
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

/// What a replay gives.
#[derive(Debug, PartialEq)]
pub enum Fed<'a> {
    /// A tweet or retweet.
    Event {
        /// What happened.
        event: Event<'a>,
        /// Real seconds after the first event before which it must not go out; 0 without a speed.
        due: f64,
    },
    /// A source is done: nothing of it will follow.
    Watermark(Watermark),
    /// A cascade was passed over.
    Refused(Refused),
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events that were given.
    pub events: u64,
    /// Cascades of which at least one event was given.
    pub cascades: u64,
    /// Cascades that were passed over.
    pub refused: u64,
    /// Whether it was cut off, by the limit or by the reader, before all sources were done.
    pub cut: bool,
}

/// Cascades about to be replayed.
pub struct Replay {
    cascades: Box<dyn Cascades + Send>,
    plan: Plan,
    real: bool,
}

impl Replay {
    /// Takes the cascades, and a plan that suits them.
    pub fn new(cascades: Box<dyn Cascades + Send>, plan: Plan) -> Result<Self, PlanError> {
        let real = plan.check(&*cascades)?;
        Ok(Self { cascades, plan, real })
    }

    /// How many cascades there are to replay.
    pub fn cascades(&self) -> u64 {
        self.cascades.count()
    }

    /// Whether the cascades are replayed at their true times.
    pub fn is_real(&self) -> bool {
        self.real
    }

    /// Gives all events in the order of their times, each source's watermark after its last event.
    ///
    /// Ends early where `feed` breaks. A source that is cut off by the limit is not done, so it
    /// sends no watermark: its cascades would be counted too small.
    pub fn run(self, feed: &mut dyn FnMut(Fed<'_>) -> ControlFlow<()>) -> Summary {
        schedule::run(self.cascades, &self.plan, self.real, feed)
    }
}

/// A stream of chance of a seed, unlike those with other numbers.
fn chance(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Draws evenly from [0, 1), in steps of 2^-53.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    (rng.next_u64() >> 11) as f64 * STEP
}
