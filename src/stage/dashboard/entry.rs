//! A row: one cascade, as the views show it.

use super::cascade::Key;
use crate::record::Interval;

/// The change of a rank since the ranks were saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It had no rank.
    New,
    /// The number of ranks up (positive) or down.
    By(i64),
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The cascade.
    pub key: Key,
    /// 1 for the highest predicted size of all that are open, or where the query includes those that
    /// are over, of all.
    pub rank: usize,
    /// Compared to the saved ranks; `None`: no ranks were saved.
    pub change: Option<Change>,
    /// The text.
    pub msg: String,
    /// Distinct events: one by one, in a serie, or in the alert; the final size where it is over.
    pub observed: u64,
    /// Predicted final size, at least the observed events.
    pub predicted: f64,
    /// Whether more events were observed than the alert predicts.
    pub exceeded: bool,
    /// The interval of the final size; its ends are at least the observed events.
    pub interval: Option<Interval>,
    /// A size, and the probability to exceed it.
    pub above: Option<(f64, f64)>,
    /// Seconds since the root, on the source's clock.
    pub age: Option<f64>,
    /// The window of the alert, in seconds.
    pub window: u64,
    /// Events in equal bins from the root until now.
    pub spark: Vec<u64>,
    /// The final size, if it is over.
    pub ended: Option<u64>,
    /// Status of the fit.
    pub status: String,
    /// Version of the model, or `untrained`.
    pub model: String,
}
