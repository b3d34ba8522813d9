//! The way up to a top of the ridge, whoever does the sums.

use crate::hawkes::objective::{DECAY_MAX, DECAY_MIN, GRID, Ridge};

/// The way up to a top, in ln β.
#[derive(Clone, Debug)]
pub(super) struct Climb {
    pub(super) job: usize,
    /// The point of the grid where it starts.
    pub(super) top: usize,
    /// Where it is now; the top lies between `low` and `high`.
    pub(super) at: f64,
    low: f64,
    high: f64,
    /// Whether the slope was seen at `low` and `high`; until then they are taken on trust, from the rough grid.
    seen: [bool; 2],
    /// The length of the last step.
    stride: f64,
    pub(super) evaluations: u32,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stepped {
    /// There is more to see where it stands now.
    On,
    /// It stands at the end, where it has looked.
    There,
    /// It stands at the end, so far from where it has looked: so near that the sums can be carried over.
    Near(f64),
}

/// Two values of ln β so close are one.
const TOLERANCE: f64 = 1e-8;
/// A last step so short need not be looked back upon: Newton's error is its square, and that of sums
/// that are carried over its cube.
const NEAR: f64 = 3e-5;
/// A climb that takes longer has failed; bisection alone needs 30.
const MAX_EVALUATIONS: u32 = 60;

impl Climb {
    /// Starts where the curve through a top of the grid and its neighbours is highest.
    pub(super) fn new(job: usize, top: usize, grid: &[f64; GRID], heights: &[f64; GRID]) -> Self {
        let low = if top == 0 { DECAY_MIN.ln() } else { grid[top - 1] };
        let high = if top == GRID - 1 { DECAY_MAX.ln() } else { grid[top + 1] };
        let inside = 0 < top && top < GRID - 1;
        let offset = if inside { vertex(top, heights) * (grid[top + 1] - grid[top]) } else { 0.0 };
        let at = (grid[top] + offset).clamp(low, high);
        Self { job, top, at, low, high, seen: [false; 2], stride: f64::INFINITY, evaluations: 0 }
    }

    /// Looks around and takes Newton's step, or half the way where that leads astray.
    pub(super) fn step(&mut self, ridge: &Ridge) -> Stepped {
        self.evaluations += 1;
        let Ridge { slope, curvature, .. } = *ridge;
        let [low_seen, high_seen] = &mut self.seen;
        if slope > 0.0 {
            (self.low, *low_seen) = (self.at, true);
        } else {
            (self.high, *high_seen) = (self.at, true);
        }
        // Where an end that was taken on trust is no end, the top lies beyond.
        if slope > 0.0 && self.at >= self.high {
            (self.high, self.stride) = (DECAY_MAX.ln(), f64::INFINITY);
        } else if slope < 0.0 && self.at <= self.low {
            (self.low, self.stride) = (DECAY_MIN.ln(), f64::INFINITY);
        }
        let newton = (self.at - slope / curvature).clamp(self.low, self.high);
        let good = curvature < 0.0 && (newton - self.at).abs() <= 0.7 * self.stride;
        let next = match slope > 0.0 {
            _ if good => newton,
            true if !*high_seen => self.high,
            false if !*low_seen => self.low,
            _ => 0.5 * (self.low + self.high),
        };
        let stride = (next - self.at).abs();
        let over = slope == 0.0 || stride <= TOLERANCE || self.evaluations >= MAX_EVALUATIONS;
        // Not a number is no reason to go on.
        if over || stride.is_nan() {
            return Stepped::There;
        }
        let moved = next - self.at;
        (self.at, self.stride) = (next, stride);
        if good && stride <= NEAR { Stepped::Near(moved) } else { Stepped::On }
    }
}

/// Where the curve through a top of the grid and two neighbours on either side is highest, in steps of the
/// grid from the top: by Newton's method on the polynomial, from the vertex of the parabola through three.
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

    /// A hill that curves upwards all around its top: −ln(1 + (x − c)²).
    #[test]
    fn a_climb_ends_at_the_top_from_anywhere() {
        let grid = grid();
        let (low, high) = (DECAY_MIN.ln(), DECAY_MAX.ln());
        for (start, c) in (0..GRID).flat_map(|i| (0..100).map(move |j| (i, f64::from(j) / 99.0))) {
            let c = low + c * (high - low);
            let mut climb = Climb::new(0, start, &grid, &[0.0; GRID]);
            loop {
                let x = climb.at - c;
                let u = 1.0 + x * x;
                let (slope, curvature) = (-2.0 * x / u, -2.0 / u + 4.0 * x * x / (u * u));
                if climb.step(&Ridge { p: 0.01, value: -u.ln(), slope, curvature }) != Stepped::On {
                    break;
                }
            }
            assert!((climb.at - c).abs() < 2e-8, "from {start} to {c}: {climb:?}");
            assert!(climb.evaluations < 45, "from {start} to {c}: {climb:?}");
        }
    }

    #[test]
    fn the_start_is_the_top_of_a_curve_of_the_fourth_degree() {
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
