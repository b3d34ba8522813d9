//! One cascade of the board.

use std::collections::VecDeque;

use super::growth::{Growth, POINTS};
use crate::record::{Alert, Interval, Serie};

/// Number of alerts that are kept.
const ALERTS: usize = 32;
/// Number of reasons of an alert that are kept.
const REASONS: usize = 3;
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

/// Events of a window: a lower bound of the observed events.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// In seconds.
    t_obs: u64,
    /// Number of events in it.
    events: u64,
    /// A time at which it was over.
    closed: f64,
}

/// The end of a cascade, from its `size` and `stat` records.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Event time of the newest record.
    pub(super) t: f64,
    /// The final size.
    pub(super) n_tot: u64,
}

/// One cascade.
#[derive(Debug, Default)]
pub(super) struct Cascade {
    /// Time of the root tweet, if it was read.
    root: Option<f64>,
    pub(super) msg: String,
    /// Events read one by one.
    read: Growth,
    /// The events of the largest window of which a serie was read, and the time of the first.
    serie: Option<(Window, Growth, f64)>,
    /// The largest window of which an alert was read.
    alerted: Option<Window>,
    /// The earliest t - T_obs of the alerts: the root is not later.
    before: Option<f64>,
    /// The newest alert.
    pub(super) alert: Option<Alert>,
    /// (window, predicted size) of the newest alerts, in the order of arrival.
    pub(super) history: VecDeque<(u64, f64)>,
    /// Set when it is over.
    pub(super) end: Option<End>,
    /// The version of the board at the last record of the cascade.
    pub(super) touched: u64,
}

impl Cascade {
    /// Its first event. A duplicate of the root is not another event.
    pub(super) fn begin(&mut self, t: f64, msg: &str, version: u64) {
        self.touched = version;
        if self.root.is_none() {
            self.root = Some(t);
            self.msg.clear();
            self.grow(t, version);
        }
        self.text(msg);
    }

    /// Adds an event.
    pub(super) fn grow(&mut self, t: f64, version: u64) {
        self.touched = version;
        self.read.add(t);
    }

    /// Adds the events of a window.
    pub(super) fn observe(&mut self, serie: &Serie, version: u64) {
        self.touched = version;
        self.text(&serie.msg);
        let Some(first) = serie.tweets.first().map(|it| it.time) else { return };
        let events = serie.tweets.len() as u64;
        let is_larger = |it: &Window| (serie.t_obs, events) > (it.t_obs, it.events);
        if self.serie.as_ref().is_none_or(|(held, ..)| is_larger(held)) {
            let closed = first + serie.t_obs as f64;
            let window = Window { t_obs: serie.t_obs, events, closed };
            let growth = Growth::of(serie.tweets.iter().map(|it| it.time));
            self.serie = Some((window, growth, first));
        }
    }

    /// Adds an alert; the newest one is shown, and of equal times that of the largest window.
    pub(super) fn predict(&mut self, alert: &Alert, version: u64) {
        self.touched = version;
        self.text(&alert.msg);
        let is_larger = |it: &Window| (alert.t_obs, alert.n_obs) > (it.t_obs, it.events);
        if self.alerted.as_ref().is_none_or(is_larger) {
            let (t_obs, events, closed) = (alert.t_obs, alert.n_obs, alert.t);
            self.alerted = Some(Window { t_obs, events, closed });
        }
        let newest = |held: &Alert| (alert.t, alert.t_obs) >= (held.t, held.t_obs);
        if self.alert.as_ref().is_none_or(newest) {
            let mut alert = Alert { msg: String::new(), ..alert.clone() };
            alert.curve.truncate(POINTS);
            alert.p_above.truncate(ALERTS);
            alert.reached_after.truncate(ALERTS);
            if let Some(explanation) = &mut alert.explanation {
                explanation.terms = Vec::new();
                explanation.reasons.truncate(REASONS);
                explanation.reasons.iter_mut().for_each(|it| *it = it.chars().take(TEXT).collect());
            }
            self.alert = Some(alert);
        }
        let root = alert.t - alert.t_obs as f64;
        self.before = Some(self.before.map_or(root, |held| held.min(root)));
        if self.history.len() == ALERTS {
            self.history.pop_front();
        }
        self.history.push_back((alert.t_obs, alert.n_tot));
    }

    /// Whether a newer alert is about another cascade of the same id: of one cascade, a later alert has
    /// a window that is not smaller, and not fewer events.
    pub(super) fn is_followed_by_another(&self, alert: &Alert) -> bool {
        let is_newest = self.alert.as_ref().is_some_and(|held| alert.t > held.t);
        let is_smaller = |it: Window| alert.t_obs < it.t_obs || alert.n_obs < it.events;
        self.end.is_none() && is_newest && self.alerted.is_some_and(is_smaller)
    }

    /// Its final size; of several the newest holds.
    pub(super) fn finish(&mut self, t: f64, n_tot: u64, version: u64) {
        self.touched = version;
        if self.end.is_none_or(|held| t >= held.t) {
            self.end = Some(End { t, n_tot });
        }
    }

    fn text(&mut self, msg: &str) {
        if self.msg.is_empty() {
            self.msg = msg.chars().take(TEXT).collect();
        }
    }

    /// Time of the root, from its tweet or a serie.
    fn start(&self) -> Option<f64> {
        self.root.or(self.serie.as_ref().map(|(.., first)| *first))
    }

    /// Time of the root; without it, an estimate from the alerts, each of which is emitted when the
    /// clock has passed the end of its window.
    pub(super) fn root(&self) -> Option<f64> {
        self.start().or(self.before)
    }

    /// Number of events: the final size where the cascade is over; else the distinct events, read
    /// one by one or in a window. Those of a window may have been read one by one too, those after
    /// it are not in the window.
    pub(super) fn observed(&self) -> u64 {
        if let Some(end) = self.end {
            return end.n_tot;
        }
        let start = self.start();
        let alerted = self.alerted.map(|it| Window {
            closed: start.map_or(it.closed, |start| start + it.t_obs as f64),
            ..it
        });
        let windows = alerted.into_iter().chain(self.serie.as_ref().map(|(window, ..)| *window));
        let distinct = windows.map(|it| it.events + self.read.after(it.closed));
        distinct.fold(self.read.since(start.unwrap_or(f64::NEG_INFINITY)), u64::max)
    }

    /// Predicted size, at least the observed events.
    pub(super) fn predicted(&self) -> Option<f64> {
        Some(self.alert.as_ref()?.n_tot.max(self.observed() as f64))
    }

    /// Whether more events were observed than the alert predicts.
    pub(super) fn is_exceeded(&self) -> bool {
        self.alert.as_ref().is_some_and(|alert| self.observed() as f64 > alert.n_tot)
    }

    /// The interval of the alert, extended to the predicted size; its ends are at least the observed
    /// events.
    pub(super) fn interval(&self) -> Option<Interval> {
        let (interval, observed) = (self.alert.as_ref()?.interval?, self.observed() as f64);
        let predicted = self.predicted()?;
        let low = interval.low.min(predicted).max(observed);
        Some(Interval { low, high: interval.high.max(predicted), ..interval })
    }

    /// (time, events until then), ascending.
    pub(super) fn growth(&self) -> Vec<(f64, u64)> {
        let start = self.start().unwrap_or(f64::NEG_INFINITY);
        let read = self.read.since(start);
        match &self.serie {
            Some((window, growth, _)) if window.events + self.read.after(window.closed) >= read => {
                let mut curve = growth.curve(f64::NEG_INFINITY, 0);
                curve.extend(self.read.curve_after(window.closed, window.events));
                curve
            }
            _ => self.read.curve(start, 0),
        }
    }

    /// Events in each of `bins` equal bins from the root until `now`.
    pub(super) fn spark(&self, now: f64, bins: usize) -> Vec<u64> {
        let growth = self.growth();
        let Some(first) = growth.first() else { return Vec::new() };
        let span = (now - first.0).max(f64::MIN_POSITIVE);
        let mut counts = vec![0; bins];
        let mut before = 0;
        for (t, count) in &growth {
            let bin = ((t - first.0) / span * bins as f64) as usize;
            counts[bin.min(bins - 1)] += count - before;
            before = *count;
        }
        counts
    }
}
