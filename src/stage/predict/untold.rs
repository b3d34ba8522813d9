//! Predictions that were made and not told, since they are below what is asked for.
//!
//! An alert that went out is read back after a crash. What did not go out would be made anew, by
//! the model of that later moment, and its stat would score what was never said: so it is written
//! down where it is found again.

use std::collections::{BTreeSet, HashMap};

use crate::record::{Alert, Item, Kind, Record, read};
use crate::stage::Aside;

/// Predictions that wait for their size untold, by the positions of their parameters.
#[derive(Default)]
pub(super) struct Untold {
    /// Somebody writes them down: a daemon does, a pipe does not.
    wanted: bool,
    fresh: Vec<Aside>,
    written: BTreeSet<u64>,
    taken_back: HashMap<u64, Alert>,
}

impl Untold {
    pub(super) fn keep(&mut self, position: u64, alert: &Alert) {
        if !self.wanted || self.written.contains(&position) {
            return;
        }
        let mut text = Vec::new();
        Record::Alert(alert.clone()).write(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        self.fresh.push(Aside { id: position, text });
    }

    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Those that are not written down yet.
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

    /// Takes back what was written down before a crash; false where it is something else.
    pub(super) fn take_back(&mut self, aside: &[Aside]) -> bool {
        for Aside { id, text } in aside {
            let told = read(text.as_bytes(), None, &[Kind::Alert]);
            let Some(Record::Alert(alert)) = told.ok().and_then(Item::record) else {
                return false;
            };
            self.written.insert(*id);
            self.taken_back.insert(*id, alert);
        }
        true
    }

    /// What was once predicted of the parameters at a position, and not told.
    pub(super) fn said(&mut self, position: u64) -> Option<Alert> {
        self.taken_back.remove(&position)
    }

    /// The replay is over.
    pub(super) fn speak(&mut self) {
        self.taken_back = HashMap::new();
    }
}
