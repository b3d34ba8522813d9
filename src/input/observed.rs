//! How long recorded cascades were observed: the windows that they have, and whether their final size is known.
//!
//! A recording ends while some of its cascades still grow. What happens to them later is missing, which is not the same as
//! no further event.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// The durations, shared by a replay, which adds each cascade before its first event, and the stages after it.
pub type SharedDurations = Arc<Mutex<ObservedDurations>>;

/// The durations for which cascades were observed, where they matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedDurations {
    /// Windows in seconds, ascending.
    windows: Vec<u64>,
    /// Seconds without an event after which a cascade has ended.
    terminated: f64,
    /// Age at which a cascade has ended, in seconds.
    max_age: f64,
    /// The durations below the largest window, by the id of the cascade.
    short: HashMap<Box<str>, f64>,
    cascades: u64,
    left_out: BTreeMap<u64, u64>,
    unfinished: u64,
}

impl ObservedDurations {
    /// No cascades yet.
    pub fn new(windows: Vec<u64>, terminated: f64, max_age: f64) -> Self {
        Self { windows, terminated, max_age, ..Self::default() }
    }

    /// Adds a cascade with the age of its last event; durations are in seconds. A cascade that was observed for an
    /// unknown time is finished.
    pub fn add(&mut self, cid: &str, observed: Option<f64>, last: f64) {
        self.cascades += 1;
        let Some(observed) = observed else { return };
        for window in self.windows.iter().filter(|window| !is_observed(Some(observed), **window)) {
            *self.left_out.entry(*window).or_default() += 1;
        }
        if self.windows.last().is_some_and(|window| !is_observed(Some(observed), *window)) {
            self.short.insert(cid.into(), observed);
        }
        let is_used = self.windows.first().is_some_and(|it| is_observed(Some(observed), *it));
        let is_finished = observed >= self.max_age || observed - last >= self.terminated;
        self.unfinished += u64::from(is_used && !is_finished);
    }

    /// Whether the cascade was observed for that window.
    pub fn has(&self, cid: &str, window: u64) -> bool {
        is_observed(self.short.get(cid).copied(), window)
    }

    /// Number of cascades.
    pub fn cascades(&self) -> u64 {
        self.cascades
    }

    /// For each window in seconds, the number of cascades that were observed for less; only above 0.
    pub fn left_out(&self) -> &BTreeMap<u64, u64> {
        &self.left_out
    }

    /// Number of cascades, observed for the smallest window, whose recording ended before they can have ended: their size is
    /// a lower bound of the final size.
    pub fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// Seconds without an event after which a cascade has ended.
    pub fn terminated(&self) -> f64 {
        self.terminated
    }
}

/// Whether a cascade that was observed for that time, in seconds, was observed for the window.
pub fn is_observed(observed: Option<f64>, window: u64) -> bool {
    observed.is_none_or(|observed| observed >= window as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cascade_has_the_windows_that_it_was_observed_for() {
        let mut durations = ObservedDurations::new(vec![600, 3600], 1800.0, 86_400.0);
        durations.add("finished", None, 50.0);
        durations.add("short", Some(599.0), 50.0);
        durations.add("growing", Some(3599.0), 3000.0);
        durations.add("ended", Some(3600.0), 1800.0);
        durations.add("old", Some(86_400.0), 86_399.0);
        let has = |cid: &str| [600, 3600].map(|window| durations.has(cid, window));
        assert_eq!(has("finished"), [true, true]);
        assert_eq!(has("short"), [false, false]);
        assert_eq!(has("growing"), [true, false]);
        assert_eq!(has("ended"), [true, true]);
        assert_eq!(durations.left_out(), &BTreeMap::from([(600, 1), (3600, 2)]));
        assert_eq!((durations.cascades(), durations.unfinished()), (5, 1));
    }
}
