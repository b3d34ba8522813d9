//! Latencies: the clock that brokers stamp records with, and the histogram of differences.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::stage::Histogram;

/// Bounds of latencies, in seconds.
const LATENCY: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Milliseconds of the Unix clock, in which brokers stamp the records of a topic.
#[expect(clippy::disallowed_methods, reason = "latencies are of this machine, and reach no record")]
pub(crate) fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
}

/// An empty histogram of latencies.
pub(crate) fn latencies() -> Histogram {
    Histogram::new(LATENCY)
}
