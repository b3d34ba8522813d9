//! Queries of the board: the ranking, and one cascade in full.

use std::collections::HashMap;

use super::board::Dashboard;
use super::cascade::{Cascade, Key};
use super::entry::{Change, Entry};
use super::query::Query;
use crate::record::Alert;

/// Number of bins of a sparkline.
const BINS: usize = 16;

/// A point of the predicted growth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Seconds since the root.
    pub age: f64,
    /// Expected events by then.
    pub events: f64,
    /// Lower edge of the band.
    pub low: f64,
    /// Upper edge of the band.
    pub high: f64,
}

/// One cascade in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// Its row.
    pub entry: Entry,
    /// (seconds since the root, events by then) as observed.
    pub growth: Vec<(f64, u64)>,
    /// The predicted growth; empty where the alert has no curve.
    pub continuation: Vec<Expected>,
    /// Sizes, and the age at which the alert expects each; `None`: never. A size up to the observed one
    /// is reached.
    pub reaches: Vec<(f64, Option<f64>)>,
    /// (window, predicted size) of its newest alerts, at most 32.
    pub history: Vec<(u64, f64)>,
    /// The largest contributions to the prediction, in words; empty where the alert has no explanation.
    pub reasons: Vec<String>,
}

impl Dashboard {
    /// Ranks of the cascades that have a prediction, with or without those that are over, by the
    /// predicted or observed size, whichever is larger; of equals the smaller key is first.
    pub(super) fn ranks(&self, ended: bool) -> HashMap<Key, usize> {
        let is_ranked = |(_, it): &(&Key, &Cascade)| ended || it.end.is_none();
        let sized = |(key, it): (&Key, &Cascade)| Some((it.predicted()?, key.clone()));
        let mut all: Vec<_> = self.cascades.iter().filter(is_ranked).filter_map(sized).collect();
        all.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
        all.into_iter().enumerate().map(|(place, (_, key))| (key, place + 1)).collect()
    }

    /// The first `max_rows` rows that match the query, in its order.
    pub fn top(&self, max_rows: usize, query: &Query) -> Vec<Entry> {
        let ranks = self.ranks(query.ended);
        let matching = |(key, it): (&Key, &Cascade)| {
            let rank = *ranks.get(key)?;
            let is_match = query.matches(key, &it.msg);
            is_match.then(|| self.entry(key, it, rank, query)).flatten()
        };
        let mut rows: Vec<_> = self.cascades.iter().filter_map(matching).collect();
        query.sort(&mut rows);
        rows.truncate(max_rows);
        for row in &mut rows {
            if let Some(cascade) = self.cascades.get(&row.key) {
                row.spark = cascade.spark(self.now(&row.key.source), BINS);
            }
        }
        rows
    }

    /// One cascade in full, if it has a prediction.
    pub fn detail(&self, key: &Key, above: Option<f64>) -> Option<Detail> {
        let cascade = self.cascades.get(key)?;
        let alert = cascade.alert.as_ref()?;
        let query = Query { above, ended: cascade.end.is_some(), ..Query::default() };
        let mut entry = self.entry(key, cascade, *self.ranks(query.ended).get(key)?, &query)?;
        entry.spark = cascade.spark(self.now(&key.source), BINS);
        let root = cascade.root().unwrap_or(0.0);
        let growth = cascade.growth().into_iter().map(|(t, count)| (t - root, count)).collect();
        let continuation = continuation(alert);
        // Without a curve there are the times of the alert alone.
        let reaches: Vec<_> = match continuation.is_empty() {
            true => reached(alert),
            false => {
                let sizes = sizes(alert).into_iter();
                sizes.map(|size| (size, reaches(&continuation, size))).collect()
            }
        };
        // A cascade that is over reaches no further size.
        let is_possible = |size: f64| cascade.end.is_none_or(|end| size <= end.n_tot as f64);
        let reaches =
            reaches.into_iter().map(|(size, age)| (size, age.filter(|_| is_possible(size))));
        let reaches = reaches.collect();
        let history = cascade.history.iter().copied().collect();
        let explanation = alert.explanation.as_deref();
        let reasons = explanation.map_or_else(Vec::new, |it| it.reasons.clone());
        Some(Detail { entry, growth, continuation, reaches, history, reasons })
    }

    fn now(&self, source: &str) -> f64 {
        self.clocks.of(source).unwrap_or(0.0)
    }

    fn entry(&self, key: &Key, it: &Cascade, rank: usize, query: &Query) -> Option<Entry> {
        let alert = it.alert.as_ref()?;
        let saved = self.saved_ranks.as_ref().map(|saved| &saved[usize::from(query.ended)]);
        let observed = it.observed();
        Some(Entry {
            key: key.clone(),
            rank,
            change: saved.map(|ranks| match ranks.get(key) {
                None => Change::New,
                Some(before) => Change::By(*before as i64 - rank as i64),
            }),
            msg: it.msg.clone(),
            observed,
            predicted: it.predicted()?,
            exceeded: it.is_exceeded(),
            interval: it.interval(),
            above: probability(alert, query.above).map(|(size, p)| {
                // What was observed is no longer a prediction.
                let is_over = it.end.is_some();
                (
                    size,
                    if observed as f64 > size {
                        1.0
                    } else if is_over {
                        0.0
                    } else {
                        p
                    },
                )
            }),
            age: it.root().map(|root| (self.now(&key.source) - root).max(0.0)),
            window: alert.t_obs,
            spark: Vec::new(),
            ended: it.end.map(|end| end.n_tot),
            status: alert.status.clone(),
            model: alert.model.clone(),
        })
    }
}

/// The size `above`, or else the smallest in the alert, with its probability.
fn probability(alert: &Alert, above: Option<f64>) -> Option<(f64, f64)> {
    let sizes = alert.p_above.iter().filter_map(|(size, p)| Some((size.parse::<f64>().ok()?, *p)));
    let mut matching = sizes.filter(|(size, _)| above.is_none_or(|above| *size == above));
    let first = matching.next()?;
    Some(matching.fold(first, |least, it| if it.0 < least.0 { it } else { least }))
}

/// The curve of the alert by age of the cascade; the band widens to the interval in proportion to
/// the growth.
fn continuation(alert: &Alert) -> Vec<Expected> {
    let observed = alert.n_obs as f64;
    let (low, high) = alert.interval.map_or((alert.n_tot, alert.n_tot), |it| (it.low, it.high));
    let growth = alert.n_tot - observed;
    let point = |(s, events): (f64, f64)| {
        let share = if growth > 0.0 { ((events - observed) / growth).clamp(0.0, 1.0) } else { 1.0 };
        Expected {
            age: alert.t_obs as f64 + s,
            events,
            low: observed + share * (low - observed).max(0.0),
            high: observed + share * (high - observed).max(0.0),
        }
    };
    if alert.curve.is_empty() {
        return Vec::new();
    }
    let points = alert.curve.iter().map(|it| (it.time, it.magnitude)).filter(|it| it.0 > 0.0);
    [(0.0, observed)].into_iter().chain(points).map(point).collect()
}

/// Sizes to show: those of the alert, and the last three round ones up to its prediction.
fn sizes(alert: &Alert) -> Vec<f64> {
    let in_alert = alert.p_above.iter().filter_map(|(size, _)| size.parse::<f64>().ok());
    let round = (0..12).flat_map(|i| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(i)));
    let on_the_way = round.filter(|size| (alert.n_obs as f64..=alert.n_tot).contains(size));
    let mut sizes: Vec<_> = on_the_way.collect();
    sizes.drain(..sizes.len().saturating_sub(3));
    sizes.extend(in_alert.take(3));
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    sizes
}

/// The sizes for which the alert holds a time, with the age at which each is expected.
fn reached(alert: &Alert) -> Vec<(f64, Option<f64>)> {
    let at = |(size, after): &(String, f64)| {
        Some((size.parse::<f64>().ok()?, Some(alert.t_obs as f64 + after)))
    };
    let mut sizes: Vec<_> = alert.reached_after.iter().filter_map(at).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    sizes
}

/// The age at which the expected growth reaches `size`.
fn reaches(continuation: &[Expected], size: f64) -> Option<f64> {
    let first = continuation.first()?;
    if first.events >= size {
        return Some(first.age);
    }
    let step = continuation.windows(2).find(|pair| pair[1].events >= size)?;
    let [before, after] = [step[0], step[1]];
    let share = (size - before.events) / (after.events - before.events);
    Some(before.age + share * (after.age - before.age))
}
