//! Predictions that are not emitted, since they are below `--alert-above`.
//!
//! An emitted alert is read back after a crash. A prediction that was not emitted would be computed again,
//! possibly by a newer model, and its stat would score another prediction than the one made first. So these
//! predictions are written to the changelog and restored from it.

use std::collections::{BTreeSet, HashMap};

use crate::record::{Alert, Item, Kind, Record, read};
use crate::stage::Aside;

/// Withheld predictions whose size is pending, by the positions of their parameters.
#[derive(Default)]
pub(super) struct Withheld {
    /// Whether a changelog is kept: by a daemon, not on a pipe.
    recorded: bool,
    fresh: Vec<Aside>,
    written: BTreeSet<u64>,
    restored: HashMap<u64, Alert>,
}

impl Withheld {
    pub(super) fn keep(&mut self, position: u64, alert: &Alert) {
        if !self.recorded || self.written.contains(&position) {
            return;
        }
        let mut text = Vec::new();
        Record::Alert(alert.clone()).write(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        self.fresh.push(Aside { id: position, text });
    }

    pub(super) fn record(&mut self) {
        self.recorded = true;
    }

    /// The predictions that are not in the changelog yet.
    pub(super) fn take(&mut self) -> Vec<Aside> {
        self.written.extend(self.fresh.iter().map(|it| it.id));
        std::mem::take(&mut self.fresh)
    }

    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    pub(super) fn before(&self, position: u64) -> Vec<u64> {
        self.written.range(..position).copied().collect()
    }

    pub(super) fn forget_before(&mut self, position: u64) {
        self.written = self.written.split_off(&position);
    }

    /// Restores the predictions of a changelog; false where a record of it is not an alert.
    pub(super) fn restore(&mut self, aside: &[Aside]) -> bool {
        for Aside { id, text } in aside {
            let found = read(text.as_bytes(), None, &[Kind::Alert]);
            let Some(Record::Alert(alert)) = found.ok().and_then(Item::record) else {
                return false;
            };
            self.written.insert(*id);
            self.restored.insert(*id, alert);
        }
        true
    }

    /// The withheld prediction for the parameters at a position.
    pub(super) fn prediction(&mut self, position: u64) -> Option<Alert> {
        self.restored.remove(&position)
    }

    /// The replay is over.
    pub(super) fn end_replay(&mut self) {
        self.restored = HashMap::new();
    }
}
