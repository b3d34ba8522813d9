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

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::event::Event;
use crate::input::{Cascades, Refused};
use crate::record::Watermark;

use scene::{Beside, Scene};
use schedule::Schedule;

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
    /// Whether it is not at its end: cut off by the limit or by the caller, before all sources were done.
    pub cut: bool,
}

/// A replay: yields events in the order of event time, each source's watermark after its last event.
pub struct Replay {
    scene: Scene,
    schedule: Schedule,
    plan: Plan,
    real: bool,
    ended: bool,
}

impl Replay {
    /// A replay of `cascades`.
    ///
    /// # Errors
    /// A plan that does not suit the cascades.
    pub fn new(cascades: Box<dyn Cascades + Send>, plan: Plan) -> Result<Self, PlanError> {
        let real = plan.check(&*cascades)?;
        let scene = Scene::new(cascades, &plan);
        let schedule = Schedule::new(&scene, &plan, real);
        Ok(Self { scene, schedule, plan, real, ended: false })
    }

    /// How many cascades there are to replay.
    pub fn cascades(&self) -> u64 {
        self.scene.cascades().count()
    }

    /// Whether the cascades are replayed at their true times.
    pub fn is_real(&self) -> bool {
        self.real
    }

    /// Whether there is a next item: not at the end, nor at the limit of events.
    pub fn has_next(&mut self) -> bool {
        if let Some(source) = self.scene.pass() {
            self.schedule.ended(source, &mut self.scene);
        }
        while !self.scene.has_beside() && self.schedule.advance(&mut self.scene, &self.plan) {}
        let has_event = self.scene.earliest().is_some();
        self.ended = !has_event && !self.scene.has_beside();
        self.scene.has_beside() || has_event && !self.scene.at_limit()
    }

    /// The next event, watermark or refused cascade; `None` at the end, and at the limit of events.
    ///
    /// A source that the limit cuts off emits no watermark: its cascades would be counted too small.
    #[expect(clippy::should_implement_trait, reason = "what it yields borrows from the replay")]
    pub fn next(&mut self) -> Option<Fed<'_>> {
        if !self.has_next() {
            return None;
        }
        if let Some(beside) = self.scene.beside() {
            return Some(match beside {
                Beside::Watermark(watermark) => Fed::Watermark(watermark),
                Beside::Refused(refused) => Fed::Refused(refused),
            });
        }
        self.scene.event().map(|(event, due)| Fed::Event { event, due })
    }

    /// What the replay did so far; `cut` until it has yielded all.
    pub fn summary(&self) -> Summary {
        Summary { cut: !self.ended, ..self.scene.summary() }
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
