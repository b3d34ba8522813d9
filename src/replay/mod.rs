//! From cascades to a stream of tweets in the order of event time, on the clocks of sources.
//!
//! Cascades come from the readers of [`crate::input`] or from [`simulated`]. `schedule` decides when the
//! events of each happen. Where a source of cascades can be read in any order, only the open cascades are in
//! memory. A cascade that is refused is reported as a [`Refused`] and skipped.

mod plan;
mod scene;
mod schedule;
pub mod simulated;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod testing;

use std::ops::ControlFlow;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::event::Event;
use crate::input::{Cascades, Refused};
use crate::record::Watermark;

pub use plan::{Plan, PlanError, Timeline};
pub use simulated::{Drawn, Simulated};

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
pub(crate) fn chance(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Draws evenly from [0, 1), in steps of 2^-53.
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    (rng.next_u64() >> 11) as f64 * STEP
}
