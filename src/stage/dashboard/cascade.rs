//! What the board remembers of one cascade.

use crate::record::{Alert, Serie};

/// Points kept of a growth curve: of every so many events one, of twice as many when there are more.
pub(super) const POINTS: usize = 256;
/// Alerts kept.
const ALERTS: usize = 32;
/// Characters kept of a text: nobody shows more.
const TEXT: usize = 500;

/// One cascade.
#[derive(Debug, Default)]
pub(super) struct Cascade {
    /// Time of the root, as far as it was seen.
    pub(super) start: Option<f64>,
    pub(super) msg: String,
    /// (time, events until then), ascending.
    pub(super) growth: Vec<(f64, u64)>,
    /// Kept are the points whose count it divides, the first and the newest; 0 is 1.
    stride: u64,
    /// Events seen one by one, or in a serie.
    pub(super) count: u64,
    /// The newest alert.
    pub(super) alert: Option<Alert>,
    /// (window, predicted size) of all alerts, as they came.
    pub(super) history: Vec<(u64, f64)>,
    /// The final size, once it is known.
    pub(super) ended: Option<u64>,
    /// When that was known.
    pub(super) ended_at: f64,
    /// The board's version when it was last heard of.
    pub(super) touched: u64,
}

impl Cascade {
    /// Its first event.
    pub(super) fn begin(&mut self, t: f64, msg: &str, version: u64) {
        self.start = Some(t);
        self.msg.clear();
        self.text(msg);
        // After a serie that told more, the root is no news.
        if self.count == 0 {
            self.grow(t, version);
        }
        self.touched = version;
    }

    /// One more event; what comes late counts from now on.
    pub(super) fn grow(&mut self, t: f64, version: u64) {
        self.touched = version;
        self.count += 1;
        let t = self.growth.last().map_or(t, |last| last.0.max(t));
        let stays = |stride: u64, count: u64| count == 1 || count.is_multiple_of(stride.max(1));
        self.growth.pop_if(|last| !stays(self.stride, last.1));
        if self.growth.len() == POINTS {
            self.stride = self.stride.max(1) * 2;
            self.growth.retain(|point| stays(self.stride, point.1));
        }
        self.growth.push((t, self.count));
    }

    /// The events of a window, unless more was seen already.
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

    /// A prediction; the newest wins, and of equal times the one that saw more.
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

    /// Time of the root: as it was seen, else as the alert tells (it is sent when the clock has
    /// just passed the window's end).
    pub(super) fn root(&self) -> Option<f64> {
        self.start.or(self.alert.as_ref().map(|alert| alert.t - alert.t_obs as f64))
    }

    /// Events known of: seen one by one, or told by the alert or at the end.
    pub(super) fn observed(&self) -> u64 {
        let told = self.alert.as_ref().map_or(0, |alert| alert.n_obs);
        self.count.max(told).max(self.ended.unwrap_or(0))
    }

    /// Events in each of `bins` equal stretches from the root until `now`.
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
