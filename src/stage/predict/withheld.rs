//! Predictions that are not emitted, since they are below `--alert-above`.
//!
//! An emitted alert is read back after a crash. A prediction that was not emitted would be computed
//! again, possibly by a newer model, and its stat would score another prediction than the one made
//! first. So these predictions are written to the changelog and restored from it.

use std::collections::{BTreeSet, HashMap};

use crate::record::{Alert, Item, Kind, Record, read};
use crate::stage::{Change, Incompatible};

/// Withheld predictions whose size is pending, by the positions of their parameters.
#[derive(Default)]
pub(super) struct Withheld {
    /// Whether a changelog is kept: by a daemon, not on a pipe.
    recorded: bool,
    /// Changelog records that are not spilled yet.
    changes: Vec<Change>,
    /// The parts of the changelog, spilled or about to be.
    live: BTreeSet<u64>,
    restored: HashMap<u64, Alert>,
}

impl Withheld {
    pub(super) fn keep(&mut self, position: u64, alert: &Alert) {
        if !self.recorded || !self.live.insert(position) {
            return;
        }
        let mut text = Vec::new();
        Record::Alert(alert.clone()).write(&mut text);
        let text = Some(String::from_utf8_lossy(&text).into_owned());
        self.changes.push(Change { id: position, text });
    }

    /// The changelog records since the last call.
    pub(super) fn spill(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// No replay reads the predictions before `low` any more.
    pub(super) fn committed(&mut self, low: u64) {
        let live = self.live.split_off(&low);
        let dead = std::mem::replace(&mut self.live, live);
        self.changes.extend(dead.into_iter().map(|id| Change { id, text: None }));
    }

    /// Starts to keep a changelog, from its live parts.
    pub(super) fn restore(&mut self, parts: &[(u64, String)]) -> Result<(), Incompatible> {
        self.recorded = true;
        for (id, text) in parts {
            let found = read(text.as_bytes(), None, &[Kind::Alert]);
            let Some(Record::Alert(alert)) = found.ok().and_then(Item::record) else {
                return Err(Incompatible::Part(*id));
            };
            self.live.insert(*id);
            self.restored.insert(*id, alert);
        }
        Ok(())
    }

    /// The withheld prediction for the parameters at a position.
    pub(super) fn prediction(&mut self, position: u64) -> Option<Alert> {
        self.restored.remove(&position)
    }

    /// The replay is over: no restored prediction is matched any more.
    pub(super) fn end_replay(&mut self) {
        self.restored = HashMap::new();
    }
}
