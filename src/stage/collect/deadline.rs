//! Open cascades, and when something is due for them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::CollectOptions;
use crate::cascade::Point;
use crate::event::EventTime;

/// A cascade that may still grow.
pub(super) struct Cascade {
    pub(super) cid: Box<str>,
    pub(super) msg: Box<str>,
    /// Time of the root, for ever.
    pub(super) start: f64,
    pub(super) last: f64,
    pub(super) size: u64,
    /// The events that an open window may still hold.
    pub(super) points: Vec<Point>,
    /// Windows below this index are closed; bit i of `emitted`: window i was emitted.
    pub(super) next_window: usize,
    pub(super) emitted: u64,
    pub(super) position: u64,
    /// Where its tweet came again, most recently.
    pub(super) duplicate: Option<u64>,
}

/// When something is due for the cascade in a slot; the number tells whether it is still the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) deadline: EventTime,
    pub(super) slot: u32,
    pub(super) number: u32,
}

/// When a cascade is over, by silence or by age.
pub(super) fn end_of(cascade: &Cascade, options: &CollectOptions) -> f64 {
    (cascade.last + options.terminated).min(cascade.start + options.max_age)
}

pub(super) fn due(deadline: f64, slot: u32, number: u32) -> Due {
    // Times and durations are bounded, so that their sum is: the bound of EventTime is for input.
    let deadline = EventTime::beyond(deadline);
    Due { deadline, slot, number }
}

/// Takes all entries whose deadline is before `clock`.
pub(super) fn pop_before(heap: &mut BinaryHeap<Reverse<Due>>, clock: f64) -> Vec<Due> {
    let mut passed = Vec::new();
    while let Some(Reverse(first)) = heap.peek() {
        if clock <= first.deadline.seconds() {
            break;
        }
        passed.extend(heap.pop().map(|Reverse(due)| due));
    }
    passed
}
