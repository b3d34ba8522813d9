//! Ids that closed last: remembered by their hashes, to count those that are used again.

use std::collections::{HashSet, VecDeque};

use foldhash::fast::RandomState;

/// How many are remembered.
const REMEMBERED: usize = 10_000;

/// The hashes, in order and as a set.
#[derive(Default)]
pub(super) struct Closed {
    order: VecDeque<u64>,
    set: HashSet<u64, RandomState>,
}

impl Closed {
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.set.contains(&hash)
    }

    pub(super) fn remember(&mut self, hash: u64) {
        if self.order.len() == REMEMBERED {
            let oldest = self.order.pop_front();
            oldest.map(|hash| self.set.remove(&hash));
        }
        if self.set.insert(hash) {
            self.order.push_back(hash);
        }
    }
}
