//! The clocks of this machine, for timeouts and latencies; no clock affects a record.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::stage::Histogram;

/// Upper bounds of the buckets, in seconds.
const LATENCY: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "timeouts affect no record")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970, the unit of the timestamps in a topic.
#[expect(clippy::disallowed_methods, reason = "latencies affect no record")]
pub(crate) fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
}

/// An empty histogram of latencies.
pub(crate) fn latencies() -> Histogram {
    Histogram::new(LATENCY)
}
