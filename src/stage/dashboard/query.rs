//! Which rows a view shows, and in which order.

use std::cmp::Ordering;

use super::cascade::Key;
use super::entry::Entry;

/// The sort key of the rows, the largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Predicted size.
    #[default]
    Predicted,
    /// Observed events.
    Observed,
    /// Predicted over observed.
    Growth,
    /// The youngest first.
    Youth,
    /// Probability to exceed the threshold.
    Above,
}

impl Sort {
    /// All keys, in the order of [`Sort::next`].
    pub const ALL: [Self; 5] =
        [Self::Predicted, Self::Observed, Self::Growth, Self::Youth, Self::Above];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Predicted => "predicted",
            Self::Observed => "observed",
            Self::Growth => "growth",
            Self::Youth => "youth",
            Self::Above => "above",
        }
    }

    /// The sort key of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }

    /// The sort key after it.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|it| *it == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }
}

/// Which rows to return, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// A part of the text, or of source and cascade id as the views show them (`source/cid`), in any case; empty: all rows.
    pub text: String,
    /// The order.
    pub sort: Sort,
    /// The size whose probability to be exceeded is returned; `None`: the smallest in the alert.
    pub above: Option<f64>,
    /// Whether to include cascades that are over.
    pub ended: bool,
}

impl Query {
    /// The first `max_rows` of `rows` that match, in the order of the query; the ranks do not change.
    pub fn select(&self, rows: &[Entry], max_rows: usize) -> Vec<Entry> {
        let is_match = |row: &&Entry| self.matches(&row.key, &row.msg);
        let mut rows: Vec<_> = rows.iter().filter(is_match).cloned().collect();
        self.sort(&mut rows);
        rows.truncate(max_rows);
        rows
    }

    /// Whether a row of that key and text matches.
    pub(super) fn matches(&self, key: &Key, msg: &str) -> bool {
        let part = self.text.to_lowercase();
        let name = || format!("{}/{}", key.source, key.cid).to_lowercase();
        part.is_empty() || msg.to_lowercase().contains(&part) || name().contains(&part)
    }

    pub(super) fn sort(&self, rows: &mut [Entry]) {
        rows.sort_by(|a, b| order(self.sort, a, b).then(a.rank.cmp(&b.rank)));
    }
}

fn order(sort: Sort, a: &Entry, b: &Entry) -> Ordering {
    let by = |value: fn(&Entry) -> f64| value(b).total_cmp(&value(a));
    match sort {
        Sort::Predicted => by(|it| it.predicted),
        Sort::Observed => by(|it| it.observed as f64),
        Sort::Growth => by(|it| it.predicted / it.observed.max(1) as f64),
        Sort::Youth => by(|it| -it.age.unwrap_or(f64::MAX)),
        Sort::Above => by(|it| it.above.map_or(-1.0, |above| above.1)),
    }
}
