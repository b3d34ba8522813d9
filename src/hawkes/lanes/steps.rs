//! A cascade made ready for the lanes.

use crate::cascade::Point;
use crate::hawkes::arithmetic::safe_factors;
use crate::hawkes::kernel::excites;

/// A cascade made ready: steps from event to event, with events that excite nothing moved back to the last
/// that did, which changes no excitation and is paid for by `delays`.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    /// For each event to explain: seconds since the last positive mark (0 if its own is 0), and its mark.
    pub(super) steps: Vec<[f64; 2]>,
    /// The first positive mark.
    pub(super) first_mark: f64,
    /// The sum, over the events to explain, of the seconds since the last positive mark.
    pub(super) delays: f64,
    /// Seconds from the last positive mark to the end of the observation.
    pub(super) rest: f64,
    /// So many excitations can be multiplied before the product must be tidied.
    pub(super) stretch: usize,
}

impl Steps {
    /// Takes a cascade's points; false where none has a positive mark.
    pub(super) fn take(&mut self, points: &[Point], end: f64) -> bool {
        self.steps.clear();
        self.delays = 0.0;
        let Some(first) = points.iter().position(|point| excites(point.magnitude)) else {
            return false;
        };
        let mut since = points[first].time;
        self.first_mark = points[first].magnitude;
        let (mut least, mut most) = (self.first_mark, self.first_mark);
        self.steps.extend(points[first + 1..].iter().map(|point| {
            let gap = (point.time - since).max(0.0);
            self.delays += gap;
            let alive = excites(point.magnitude);
            since = if alive { point.time } else { since };
            least = if alive && point.magnitude < least { point.magnitude } else { least };
            most += point.magnitude;
            if alive { [gap, point.magnitude] } else { [0.0, 0.0] }
        }));
        self.rest = (end - since).max(0.0);
        // An excitation is at least the mark that began it, and at most all marks.
        self.stretch = safe_factors(least, most);
        true
    }
}
