//! What a daemon leaves to the next one of its process.

use std::collections::BTreeMap;

use crate::kafka::daemon::metrics::Metrics;
use crate::stage::Tally;
use crate::stream::Rejects;

/// Counts and positions that a daemon takes over from the one before it in this process, after a reconnection.
#[derive(Default)]
pub(crate) struct Carried {
    pub(super) written: u64,
    pub(super) rejects: Rejects,
    pub(super) metrics: Metrics,
    /// The counts of the stages.
    pub(super) counts: Tally,
    /// The highest committed offset of each partition.
    pub(super) known: BTreeMap<i32, i64>,
}
