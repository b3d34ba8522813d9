//! From cascades to a stream of tweets in the order of event time, on the clocks of sources.
//!
//! Cascades come from the readers of [`crate::input`] or from [`simulated`]. `schedule` decides when the
//! events of each happen. Where a source of cascades can be read in any order, only the open cascades are in
//! memory. A cascade that is refused is reported as a [`Refused`] and skipped.

mod live;
mod options;
mod schedule;
pub mod simulated;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::event::Event;
use crate::input::{Cascades, Refused, SharedDurations};
use crate::record::Watermark;

use live::{Control, LiveCascades};
use schedule::Schedule;

pub use live::Summary;
pub use options::{ReplayError, ReplayOptions, Timeline};
pub use simulated::{ParamRange, Simulated};

/// An item of a replay.
#[derive(Debug, PartialEq)]
pub enum ReplayItem<'a> {
    /// A tweet or retweet.
    Event {
        /// The event.
        event: Event<'a>,
        /// Real time at which to emit it, in seconds after the first event; 0 without a speed.
        due: f64,
        /// Seconds since the event of the source before it; 0 for the first.
        since: f64,
    },
    /// The end of a source: none of its events follow.
    Watermark(Watermark),
    /// A cascade that was refused and skipped.
    Refused(Refused),
}

/// A replay: yields events in the order of event time, then the watermark of each source.
pub struct Replay {
    live: LiveCascades,
    schedule: Schedule,
    options: ReplayOptions,
    real: bool,
    ended: bool,
}

impl Replay {
    /// A replay of `cascades`.
    ///
    /// # Errors
    /// An option is out of range, or the real timeline is requested and a cascade has no time.
    pub fn new(
        cascades: Box<dyn Cascades + Send>,
        options: ReplayOptions,
    ) -> Result<Self, ReplayError> {
        let real = options.check(&*cascades)?;
        let live = LiveCascades::new(cascades, &options);
        let schedule = Schedule::new(&live, &options, real);
        Ok(Self { live, schedule, options, real, ended: false })
    }

    /// Adds each cascade to `durations` before its first event.
    pub fn adding_to(mut self, durations: SharedDurations) -> Self {
        self.live.add_to(durations);
        self
    }

    /// Number of cascades to replay.
    pub fn cascades(&self) -> u64 {
        self.live.cascades().count()
    }

    /// Whether the cascades are replayed at their recorded times.
    pub fn is_real(&self) -> bool {
        self.real
    }

    /// Whether there is a next item: not at the end, nor at the limit of events.
    pub fn has_next(&mut self) -> bool {
        if let Some(source) = self.live.advance() {
            self.schedule.ended(source, &mut self.live);
        }
        while !self.live.has_control() && self.schedule.advance(&mut self.live, &self.options) {}
        let has_event = self.live.earliest().is_some();
        if !self.live.has_control() && !has_event {
            self.live.emit_ends();
        }
        self.ended = !has_event && !self.live.has_control();
        self.live.has_control() || has_event && !self.live.at_limit()
    }

    /// The next event, watermark or refused cascade; `None` at the end, and at the limit of events.
    ///
    /// A replay that the limit cuts off emits no final watermark: its cascades would be counted too small.
    #[expect(clippy::should_implement_trait, reason = "the item borrows from the replay")]
    pub fn next(&mut self) -> Option<ReplayItem<'_>> {
        if !self.has_next() {
            return None;
        }
        if let Some(control) = self.live.next_control() {
            return Some(match control {
                Control::Watermark(watermark) => ReplayItem::Watermark(watermark),
                Control::Refused(refused) => ReplayItem::Refused(refused),
            });
        }
        self.live.event()
    }

    /// Numbers of emitted items so far; `cut` is true until all are yielded.
    pub fn summary(&self) -> Summary {
        Summary { cut: !self.ended, ..self.live.summary() }
    }
}
