//! How many stats of a window existed at a time of a source.
//!
//! A stat of a cascade exists from the time on that its source's clock had when the cascade ended. Each source has
//! its own clock, so times of different sources are compared by the order in which their stats were received.

use std::collections::HashMap;

/// Times of a source that are kept; older ones count as the oldest of them.
const KEPT: usize = 100_000;

/// For each source, times in ascending order, and the number of stats of all sources before the first one of
/// each time.
#[derive(Debug, Default)]
pub(super) struct Received(HashMap<String, Vec<(f64, u64)>>);

impl Received {
    /// Adds a stat of that time, received after `before` others.
    pub(super) fn add(&mut self, source: &str, t: f64, before: u64) {
        if !self.0.contains_key(source) {
            self.0.insert(source.to_owned(), Vec::new());
        }
        let Some(times) = self.0.get_mut(source) else { return };
        if times.last().is_none_or(|(newest, _)| t > *newest) {
            times.push((t, before));
        }
        if times.len() == 2 * KEPT {
            times.drain(..KEPT);
        }
    }

    /// The number of stats that existed when the source's clock was `t`; `all` were received until now.
    pub(super) fn until(&self, source: &str, t: f64, all: u64) -> u64 {
        let Some(times) = self.0.get(source) else { return all };
        let later = times.partition_point(|(time, _)| *time <= t);
        times.get(later).map_or(all, |(_, before)| *before)
    }
}
