//! Records that had no effect on the output.

use super::Predict;

/// Numbers of records of [`Predict`] that had no effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Predictions and sizes that were evicted before their counterpart arrived.
    pub evicted: u64,
    /// Final sizes below the observed number of events.
    pub impossible: u64,
    /// Parameters of a cascade and window whose prediction is pending.
    pub duplicate_parameters: u64,
    /// Sizes of a cascade and window that are pending.
    pub duplicate_sizes: u64,
    /// Sizes that are older than the prediction of their cascade.
    pub outdated_sizes: u64,
    /// Predictions and sizes without a counterpart when a later cascade with the same id came.
    pub superseded: u64,
    /// Sizes without parameters of the same source, cascade and window.
    pub unmatched_sizes: u64,
}

impl Predict {
    /// Records that had no effect, counted.
    pub fn lost(&self) -> Lost {
        let count = |name| self.counts.get(&(name, String::new())).map_or(0, |count| *count as u64);
        Lost {
            evicted: count("pending_evicted_total"),
            impossible: count("impossible_sizes_total"),
            duplicate_parameters: count("duplicate_parameters_total"),
            duplicate_sizes: count("duplicate_sizes_total"),
            outdated_sizes: count("outdated_sizes_total"),
            superseded: self.pending.superseded(),
            unmatched_sizes: self.pending.sizes(),
        }
    }
}
