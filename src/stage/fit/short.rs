//! Counts histories that were observed for less than the age that they are fitted at: the missing time is not
//! silence, so their parameters are too small.

use std::collections::BTreeMap;

use super::Cut;
use crate::record::{Item, Record};
use crate::stage::RecordRef;

/// The counts, by window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Short {
    /// Number of histories.
    histories: u64,
    /// Number of histories that were observed for less than the window, in seconds, rounded up.
    windows: BTreeMap<u64, u64>,
}

impl Short {
    /// Adds the histories of a batch. A history whose observed duration is not given counts as finished.
    pub(super) fn observe(&mut self, batch: &[RecordRef<'_>], cut: &Cut) {
        let ages = match cut {
            Cut::Windows(windows) => windows.iter().map(|window| *window as f64).collect(),
            Cut::Until(Some(age)) => vec![*age],
            Cut::Until(None) | Cut::Present => return,
        };
        for record in batch {
            let Item::Record(record) = &record.item else { continue };
            let Record::History(history) = &**record else { continue };
            self.histories += 1;
            for age in &ages {
                if history.observed.is_some_and(|observed| observed < *age) {
                    *self.windows.entry(age.ceil() as u64).or_default() += 1;
                }
            }
        }
    }

    /// Number of histories in all.
    pub fn histories(&self) -> u64 {
        self.histories
    }

    /// For each window in seconds, the number of histories that were observed for less; only above 0.
    pub fn windows(&self) -> &BTreeMap<u64, u64> {
        &self.windows
    }
}
