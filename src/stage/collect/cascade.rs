//! Open cascades, their deadlines, and the ids of those that closed last.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};

use foldhash::fast::RandomState;

use super::events::{EventIds, Points};
use super::options::CollectOptions;
use crate::event::EventTime;

/// A cascade that may still grow.
pub(super) struct Cascade {
    pub(super) cid: Box<str>,
    pub(super) msg: Box<str>,
    /// Time of the root.
    pub(super) start: f64,
    /// Time of the newest event.
    pub(super) last: f64,
    pub(super) size: u64,
    /// The events that an open window may still hold.
    pub(super) points: Points,
    /// The ids of all events.
    pub(super) ids: EventIds,
    /// Windows below this index are closed.
    pub(super) next_window: usize,
    /// Bit i: window i was emitted.
    pub(super) emitted: u64,
    /// Position of the root.
    pub(super) position: u64,
    /// Position of the last duplicate of the root.
    pub(super) duplicate: Option<u64>,
}

impl Cascade {
    /// When it is terminated, by silence or by age.
    pub(super) fn end(&self, options: &CollectOptions) -> f64 {
        (self.last + options.terminated).min(self.start + options.max_age)
    }

    /// When a window closes, `window` in seconds.
    pub(super) fn window_end(&self, window: u64) -> f64 {
        self.start + window as f64
    }
}

/// A deadline of the cascade in a slot. An entry whose generation is not that of the slot is stale.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) deadline: EventTime,
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl Due {
    pub(super) fn new(deadline: f64, slot: u32, generation: u32) -> Self {
        // The bound of EventTime holds for input; sums of bounded times and durations may exceed it.
        Self { deadline: EventTime::beyond(deadline), slot, generation }
    }
}

/// Removes all entries whose deadline is before `clock`.
pub(super) fn pop_before(heap: &mut BinaryHeap<Reverse<Due>>, clock: f64) -> Vec<Due> {
    let mut due = Vec::new();
    while let Some(Reverse(first)) = heap.peek() {
        if clock <= first.deadline.seconds() {
            break;
        }
        due.extend(heap.pop().map(|Reverse(first)| first));
    }
    due
}

/// The hashes of the ids that closed last, to count the ids that are used again.
#[derive(Default)]
pub(super) struct RecentlyClosed {
    order: VecDeque<u64>,
    set: HashSet<u64, RandomState>,
}

impl RecentlyClosed {
    /// Number of hashes that are kept.
    const KEPT: usize = 10_000;

    pub(super) fn contains(&self, hash: u64) -> bool {
        self.set.contains(&hash)
    }

    pub(super) fn insert(&mut self, hash: u64) {
        if self.order.len() == Self::KEPT {
            let oldest = self.order.pop_front();
            oldest.map(|hash| self.set.remove(&hash));
        }
        if self.set.insert(hash) {
            self.order.push_back(hash);
        }
    }
}
