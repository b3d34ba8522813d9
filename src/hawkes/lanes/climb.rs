//! The search for a maximum of the profile (`Ridge`), given its values: Newton's method, safeguarded by bisection.

use crate::hawkes::objective::{DECAY_MAX, DECAY_MIN, GRID, Ridge, TOLERANCE};
use crate::math;

/// The search for a maximum over ln β.
#[derive(Clone, Debug)]
pub(super) struct Climb {
    pub(super) job: usize,
    /// The maximum of the grid where it starts.
    pub(super) top: usize,
    /// The present ln β; the maximum is between `low` and `high`.
    pub(super) at: f64,
    low: f64,
    high: f64,
    /// Whether the slope was evaluated at `low` and `high`; until then they are neighbours on the grid, whose values
    /// are approximate.
    evaluated: [bool; 2],
    /// The length of the last step.
    stride: f64,
    pub(super) evaluations: u32,
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The ridge must be evaluated at the new ln β.
    Continue,
    /// The maximum is where the ridge was evaluated.
    End,
    /// The maximum is this far from where the ridge was evaluated: so near that the sums are extrapolated.
    EndNearby(f64),
}

/// A step of at most this length is the last: the error of Newton's method is its square, and that of
/// extrapolated sums its cube.
const NEAR: f64 = 3e-5;
/// A climb that takes more evaluations has failed; bisection alone needs 30.
const MAX_EVALUATIONS: u32 = 60;

impl Climb {
    /// Starts at the maximum of the polynomial through a maximum of the grid and its neighbours.
    pub(super) fn new(job: usize, top: usize, grid: &[f64; GRID], heights: &[f64; GRID]) -> Self {
        let low = if top == 0 { math::ln(DECAY_MIN) } else { grid[top - 1] };
        let high = if top == GRID - 1 { math::ln(DECAY_MAX) } else { grid[top + 1] };
        let inside = 0 < top && top < GRID - 1;
        let offset = if inside { vertex(top, heights) * (grid[top + 1] - grid[top]) } else { 0.0 };
        let at = (grid[top] + offset).clamp(low, high);
        Self {
            job,
            top,
            at,
            low,
            high,
            evaluated: [false; 2],
            stride: f64::INFINITY,
            evaluations: 0,
        }
    }

    /// Takes a step of Newton's method, given the ridge at the present ln β; or bisects where Newton's method does
    /// not converge.
    pub(super) fn step(&mut self, ridge: &Ridge) -> Outcome {
        self.evaluations += 1;
        let Ridge { slope, curvature, .. } = *ridge;
        let [low_evaluated, high_evaluated] = &mut self.evaluated;
        if slope > 0.0 {
            (self.low, *low_evaluated) = (self.at, true);
        } else {
            (self.high, *high_evaluated) = (self.at, true);
        }
        // The maximum is beyond an end that came from the grid and turns out not to bracket it.
        if slope > 0.0 && self.at >= self.high {
            (self.high, self.stride) = (math::ln(DECAY_MAX), f64::INFINITY);
        } else if slope < 0.0 && self.at <= self.low {
            (self.low, self.stride) = (math::ln(DECAY_MIN), f64::INFINITY);
        }
        let newton = (self.at - slope / curvature).clamp(self.low, self.high);
        let good = curvature < 0.0 && (newton - self.at).abs() <= 0.7 * self.stride;
        let next = match slope > 0.0 {
            _ if good => newton,
            true if !*high_evaluated => self.high,
            false if !*low_evaluated => self.low,
            _ => 0.5 * (self.low + self.high),
        };
        let stride = (next - self.at).abs();
        let over = slope == 0.0 || stride <= TOLERANCE || self.evaluations >= MAX_EVALUATIONS;
        if over || stride.is_nan() {
            return Outcome::End;
        }
        let moved = next - self.at;
        (self.at, self.stride) = (next, stride);
        if good && stride <= NEAR { Outcome::EndNearby(moved) } else { Outcome::Continue }
    }
}

/// The maximum of the polynomial through a maximum of the grid and two neighbours on either side, in steps of the
/// grid from the former: by Newton's method, from the vertex of the parabola through three of the points.
fn vertex(top: usize, heights: &[f64; GRID]) -> f64 {
    let [l, h, r] = [heights[top - 1], heights[top], heights[top + 1]];
    let parabola = 0.5 * (r - l) / (2.0 * h - l - r);
    if !parabola.is_finite() {
        return 0.0;
    }
    if top < 2 || top + 2 >= GRID {
        return parabola;
    }
    let [ll, rr] = [heights[top - 2], heights[top + 2]];
    let first = (ll - 8.0 * l + 8.0 * r - rr) / 12.0;
    let second = (-ll + 16.0 * l - 30.0 * h + 16.0 * r - rr) / 12.0;
    let third = (rr - 2.0 * r + 2.0 * l - ll) / 2.0;
    let fourth = ll - 4.0 * l + 6.0 * h - 4.0 * r + rr;
    let mut at = parabola;
    for _ in 0..3 {
        let slope = first + at * (second + at * (third / 2.0 + at * fourth / 6.0));
        let curvature = second + at * (third + at * fourth / 2.0);
        at -= slope / curvature;
    }
    if at.abs() <= 1.0 { at } else { parabola }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hawkes::objective::grid;

    /// −ln(1 + (x − c)²) is convex except near its maximum.
    #[test]
    fn a_climb_ends_at_the_maximum_from_any_start() {
        let grid = grid();
        let (low, high) = (math::ln(DECAY_MIN), math::ln(DECAY_MAX));
        for (start, c) in (0..GRID).flat_map(|i| (0..100).map(move |j| (i, f64::from(j) / 99.0))) {
            let c = low + c * (high - low);
            let mut climb = Climb::new(0, start, &grid, &[0.0; GRID]);
            loop {
                let x = climb.at - c;
                let u = 1.0 + x * x;
                let (slope, curvature) = (-2.0 * x / u, -2.0 / u + 4.0 * x * x / (u * u));
                let ridge = Ridge { p: 0.01, value: -math::ln(u), slope, curvature };
                if climb.step(&ridge) != Outcome::Continue {
                    break;
                }
            }
            assert!((climb.at - c).abs() < 2e-8, "from {start} to {c}: {climb:?}");
            assert!(climb.evaluations < 45, "from {start} to {c}: {climb:?}");
        }
    }

    #[test]
    fn the_start_is_the_maximum_of_a_polynomial_of_degree_four() {
        let grid = grid();
        let spacing = grid[1] - grid[0];
        for (shift, skew) in (-9..=9).flat_map(|i| (-3..=3).map(move |j| (i, j))) {
            let (shift, skew) = (f64::from(shift) / 20.0, f64::from(skew) / 50.0);
            let top = GRID / 2;
            let heights = std::array::from_fn(|i| {
                let x = i as f64 - top as f64 - shift;
                -x * x + skew * x * x * x - 0.01 * x.powi(4)
            });
            let start = Climb::new(0, top, &grid, &heights).at;
            let found = (start - grid[top]) / spacing;
            assert!((found - shift).abs() < 1e-3, "{shift}, {skew}: {found}");
        }
    }
}
