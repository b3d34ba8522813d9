//! A cascade in the form that the lanes process.

use crate::cascade::Point;
use crate::hawkes::arithmetic::safe_factors;
use crate::hawkes::kernel::excites;

/// The steps from event to event of a cascade. Events without a positive mark are moved back to the last
/// positive mark, which changes no excitation; `delays` corrects the sum of logarithms for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    /// For each event after the first positive mark: seconds since the last positive mark (0 if its own is 0), and its
    /// mark.
    pub(super) steps: Vec<[f64; 2]>,
    /// The first positive mark.
    pub(super) first_mark: f64,
    /// The sum, over the same events, of the seconds since the last positive mark.
    pub(super) delays: f64,
    /// Seconds from the last positive mark to the end of the observation.
    pub(super) rest: f64,
    /// The number of excitations that can be multiplied before the product must be normalized.
    pub(super) stretch: usize,
}

impl Steps {
    /// Loads a cascade; false where no mark is positive.
    pub(super) fn load(&mut self, points: &[Point], end: f64) -> bool {
        self.steps.clear();
        self.delays = 0.0;
        let Some(first) = points.iter().position(|point| excites(point.magnitude)) else {
            return false;
        };
        let mut since = points[first].time;
        self.first_mark = points[first].magnitude;
        let (mut smallest, mut sum) = (self.first_mark, self.first_mark);
        self.steps.extend(points[first + 1..].iter().map(|point| {
            let gap = (point.time - since).max(0.0);
            self.delays += gap;
            let positive = excites(point.magnitude);
            since = if positive { point.time } else { since };
            smallest =
                if positive && point.magnitude < smallest { point.magnitude } else { smallest };
            sum += point.magnitude;
            if positive { [gap, point.magnitude] } else { [0.0, 0.0] }
        }));
        self.rest = (end - since).max(0.0);
        // An excitation is at least the smallest positive mark, and at most the sum of all marks.
        self.stretch = safe_factors(smallest, sum);
        true
    }
}
