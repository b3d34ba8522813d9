//! One cascade of the board.

use crate::record::{Alert, Serie};

/// Largest number of points of a growth curve; at this number the stride doubles.
pub(super) const POINTS: usize = 256;
/// Number of alerts that are kept.
const ALERTS: usize = 32;
/// Number of characters that are kept of a text.
const TEXT: usize = 500;

/// A cascade's name: ids are unique within a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The feed.
    pub source: String,
    /// The cascade.
    pub cid: String,
}

/// One cascade.
#[derive(Debug, Default)]
pub(super) struct Cascade {
    /// Time of the root, if it was read.
    pub(super) start: Option<f64>,
    pub(super) msg: String,
    /// (time, events until then), ascending.
    pub(super) growth: Vec<(f64, u64)>,
    /// The points whose count it divides are kept, the first, and the newest; 0 means 1.
    stride: u64,
    /// Events read one by one, or in a serie.
    pub(super) count: u64,
    /// The newest alert.
    pub(super) alert: Option<Alert>,
    /// (window, predicted size) of the alerts, in the order of arrival.
    pub(super) history: Vec<(u64, f64)>,
    /// The final size, if it is over.
    pub(super) ended: Option<u64>,
    /// Event time of the `size` record.
    pub(super) ended_at: f64,
    /// The version of the board at the last record of the cascade.
    pub(super) touched: u64,
}

impl Cascade {
    /// Its first event.
    pub(super) fn begin(&mut self, t: f64, msg: &str, version: u64) {
        self.start = Some(t);
        self.msg.clear();
        self.text(msg);
        // A serie holds the root already.
        if self.count == 0 {
            self.grow(t, version);
        }
        self.touched = version;
    }

    /// Adds an event; a late event is entered at the newest time.
    pub(super) fn grow(&mut self, t: f64, version: u64) {
        self.touched = version;
        self.count += 1;
        let t = self.growth.last().map_or(t, |last| last.0.max(t));
        let is_kept = |stride: u64, count: u64| count == 1 || count.is_multiple_of(stride.max(1));
        self.growth.pop_if(|last| !is_kept(self.stride, last.1));
        if self.growth.len() == POINTS {
            self.stride = self.stride.max(1) * 2;
            self.growth.retain(|point| is_kept(self.stride, point.1));
        }
        self.growth.push((t, self.count));
    }

    /// Replaces the growth by the events of a window, if these are more.
    pub(super) fn observe(&mut self, serie: &Serie, version: u64) {
        self.touched = version;
        self.text(&serie.msg);
        self.start = self.start.or(serie.tweets.first().map(|first| first.time));
        if serie.tweets.len() as u64 > self.count {
            (self.count, self.stride, self.growth) = (0, 1, Vec::new());
            for point in &serie.tweets {
                self.grow(point.time, version);
            }
        }
    }

    /// Adds an alert; the newest one is shown, and of equal times that of the largest window.
    pub(super) fn predict(&mut self, alert: &Alert, version: u64) {
        self.touched = version;
        self.text(&alert.msg);
        let newest = |held: &Alert| (alert.t, alert.t_obs) >= (held.t, held.t_obs);
        if self.alert.as_ref().is_none_or(newest) {
            let mut alert = Alert { msg: String::new(), ..alert.clone() };
            alert.curve.truncate(POINTS);
            alert.p_above.truncate(ALERTS);
            self.alert = Some(alert);
        }
        if self.history.len() < ALERTS {
            self.history.push((alert.t_obs, alert.n_tot));
        }
    }

    fn text(&mut self, msg: &str) {
        if self.msg.is_empty() {
            self.msg = msg.chars().take(TEXT).collect();
        }
    }

    /// Time of the root; without it, an estimate from the alert, which is emitted when the clock has
    /// passed the end of the window.
    pub(super) fn root(&self) -> Option<f64> {
        self.start.or(self.alert.as_ref().map(|alert| alert.t - alert.t_obs as f64))
    }

    /// Observed events: read one by one, in the alert, or in the final size.
    pub(super) fn observed(&self) -> u64 {
        let in_alert = self.alert.as_ref().map_or(0, |alert| alert.n_obs);
        self.count.max(in_alert).max(self.ended.unwrap_or(0))
    }

    /// Events in each of `bins` equal bins from the root until `now`.
    pub(super) fn spark(&self, now: f64, bins: usize) -> Vec<u64> {
        let Some(first) = self.growth.first() else { return Vec::new() };
        let span = (now - first.0).max(f64::MIN_POSITIVE);
        let mut counts = vec![0; bins];
        let mut before = 0;
        for &(t, count) in &self.growth {
            let bin = ((t - first.0) / span * bins as f64) as usize;
            counts[bin.min(bins - 1)] += count - before;
            before = count;
        }
        counts
    }
}
