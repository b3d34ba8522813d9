//! One run through cascades in lanes: the grid of one cascade, or one β of each of eight.

use std::f64::consts::LOG2_E;

use pulp::{Arch, Simd, WithSimd};

use super::arithmetic::{
    LANES, Lanes, Product, TIDY_EVERY, exponent_and_mantissa, lost_and_left, roughly_left,
};
use crate::cascade::Point;
use crate::hawkes::kernel::excites;
use crate::hawkes::likelihood::Sums;
use crate::hawkes::objective::GRID;

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
        self.steps.extend(points[first + 1..].iter().map(|point| {
            let gap = (point.time - since).max(0.0);
            self.delays += gap;
            let alive = excites(point.magnitude);
            since = if alive { point.time } else { since };
            if alive { [gap, point.magnitude] } else { [0.0, 0.0] }
        }));
        self.rest = (end - since).max(0.0);
        true
    }
}

/// Σ ln A and D of a cascade at each decay of a grid: roughly, as if the decays were known to 5e-7.
///
/// D = Σ mᵢ − A(T) may cancel here, where it only helps to choose.
pub(super) fn grid_sums(arch: Arch, steps: &Steps, decays: &[f64; GRID]) -> [[f64; 2]; GRID] {
    arch.dispatch(GridPass { steps, decays })
}

struct GridPass<'a> {
    steps: &'a Steps,
    decays: &'a [f64; GRID],
}

impl WithSimd for GridPass<'_> {
    type Output = [[f64; 2]; GRID];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { steps, decays } = self;
        let half_lives = decays.map(|decay| decay * LOG2_E);
        let mut x = [steps.first_mark; GRID];
        let mut marks = steps.first_mark;
        let mut product = Product::<GRID>::one();
        for chunk in steps.steps.chunks(TIDY_EVERY) {
            for &[gap, mark] in chunk {
                for lane in 0..GRID {
                    let (exponent, mantissa) = exponent_and_mantissa(x[lane]);
                    product.exponents[lane] = product.exponents[lane].wrapping_add(exponent);
                    product.mantissa[lane] *= mantissa;
                    x[lane] = x[lane] * roughly_left(half_lives[lane] * gap) + mark;
                }
                marks += mark;
            }
            product.tidy(chunk.len());
        }
        std::array::from_fn(|lane| {
            let left = x[lane] * roughly_left(half_lives[lane] * steps.rest);
            [product.ln(lane) - decays[lane] * steps.delays, marks - left]
        })
    }
}

/// Eight cascades side by side.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// Step by step the gaps and the marks; what lies beyond a lane's length is anything finite.
    steps: Vec<[Lanes; 2]>,
    lengths: [usize; LANES],
    first_marks: Lanes,
    delays: Lanes,
    rests: Lanes,
}

impl Loaded {
    pub(super) fn new() -> Self {
        Self {
            steps: Vec::new(),
            lengths: [0; LANES],
            first_marks: [1.0; LANES],
            delays: [0.0; LANES],
            rests: [0.0; LANES],
        }
    }

    /// Puts a cascade into a lane.
    pub(super) fn load(&mut self, lane: usize, cascade: &Steps) {
        let length = cascade.steps.len();
        if self.steps.len() < length {
            self.steps.resize(length, [[0.0; LANES]; 2]);
        }
        for (row, &[gap, mark]) in self.steps.iter_mut().zip(&cascade.steps) {
            row[0][lane] = gap;
            row[1][lane] = mark;
        }
        self.lengths[lane] = length;
        self.first_marks[lane] = cascade.first_mark;
        self.delays[lane] = cascade.delays;
        self.rests[lane] = cascade.rest;
    }

    /// Empties a lane.
    pub(super) fn unload(&mut self, lane: usize) {
        self.lengths[lane] = 0;
        self.first_marks[lane] = 1.0;
    }

    /// The sums of each lane's cascade at that lane's decay.
    pub(super) fn sums(&self, arch: Arch, decays: Lanes) -> [Sums; LANES] {
        arch.dispatch(SumsPass { loaded: self, decays })
    }
}

struct SumsPass<'a> {
    loaded: &'a Loaded,
    decays: Lanes,
}

/// What runs along: the recursion of [`Sums::of`], in lanes.
struct Running {
    x: Lanes,
    y: Lanes,
    z: Lanes,
    product: Product<LANES>,
    compensator: Lanes,
    /// Σ Y/X.
    ages: Lanes,
    /// Σ (Z/X − (Y/X)²).
    spreads: Lanes,
}

impl Running {
    /// One event in each lane; in the tail only in the lanes that are longer than `i`.
    #[inline(always)]
    fn step<const TAIL: bool>(
        &mut self,
        decays: &Lanes,
        [gaps, marks]: &[Lanes; 2],
        i: usize,
        lengths: &[usize; LANES],
    ) {
        for lane in 0..LANES {
            let active = !TAIL || i < lengths[lane];
            let only = |value: f64, other: f64| if active { value } else { other };
            let (gap, mark) = (only(gaps[lane], 0.0), only(marks[lane], 0.0));
            let (x, y, z) = (self.x[lane], self.y[lane], self.z[lane]);
            let (exponent, mantissa) = exponent_and_mantissa(only(x, 1.0));
            self.product.exponents[lane] = self.product.exponents[lane].wrapping_add(exponent);
            self.product.mantissa[lane] *= mantissa;
            let inverse = 1.0 / x;
            let (mean, square) = (y * inverse, z * inverse);
            self.ages[lane] += only(mean, 0.0);
            self.spreads[lane] += only(square - mean * mean, 0.0);
            let age = decays[lane] * gap;
            let age = if age < LONG_AGO { age } else { LONG_AGO };
            let (lost, left) = lost_and_left(age * LOG2_E);
            self.compensator[lane] += x * lost;
            let fresh = age * x;
            self.z[lane] = left * (z + age * (y + y + fresh));
            self.y[lane] = left * (y + fresh);
            self.x[lane] = left * x + mark;
        }
    }
}

impl WithSimd for SumsPass<'_> {
    type Output = [Sums; LANES];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { loaded: Loaded { steps, lengths, first_marks, delays, rests }, decays } = self;
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let shortest = lengths.iter().copied().min().unwrap_or(0);
        let mut running = Running {
            x: *first_marks,
            y: [0.0; LANES],
            z: [0.0; LANES],
            product: Product::one(),
            compensator: [0.0; LANES],
            ages: [0.0; LANES],
            spreads: [0.0; LANES],
        };
        let mut i = 0;
        for chunk in steps[..longest].chunks(TIDY_EVERY) {
            let whole = shortest.saturating_sub(i).min(chunk.len());
            for step in &chunk[..whole] {
                running.step::<false>(&decays, step, i, lengths);
            }
            i += whole;
            for step in &chunk[whole..] {
                running.step::<true>(&decays, step, i, lengths);
                i += 1;
            }
            running.product.tidy(chunk.len());
        }
        let product = running.product;
        let (ages, spreads) = (running.ages, running.spreads);
        // Until the end of the observation time passes as it does until an event without a mark.
        running.step::<false>(&decays, &[*rests, [0.0; LANES]], i, lengths);
        std::array::from_fn(|lane| {
            let delays = decays[lane] * delays[lane];
            let slope = -ages[lane] - delays;
            let (b, c) = (running.y[lane], running.z[lane]);
            Sums {
                events: lengths[lane] as f64,
                log_excitation: [product.ln(lane) - delays, slope, slope + spreads[lane]],
                compensator: [running.compensator[lane], b, b - c],
            }
        })
    }
}

/// An age from which on e^−age is nothing: there its square must not overflow.
const LONG_AGO: f64 = 708.0;

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::*;
    use crate::hawkes::objective::{Objective, grid};
    use crate::hawkes::testing::{hostile, random_cascade};
    use crate::hawkes::{Estimator, fit::decay};

    fn cascades() -> Vec<(Vec<Point>, f64)> {
        let hostile = hostile().into_iter().map(|(_, points, end)| (points, end));
        hostile.chain((0..200).map(random_cascade)).collect()
    }

    fn close(found: f64, expected: f64, relative: f64) -> bool {
        (found - expected).abs() <= relative * (1.0 + expected.abs())
    }

    #[test]
    fn the_lanes_sum_what_one_cascade_sums() {
        let mut steps = Steps::default();
        let mut loaded = Loaded::new();
        let cascades = cascades();
        for (i, (points, end)) in cascades.iter().enumerate() {
            if !steps.take(points, *end) {
                continue;
            }
            let lane = i % LANES;
            loaded.load(lane, &steps);
            for beta in [1.0 / 864_000.0, 1e-3, 1.0 / 60.0] {
                let found = loaded.sums(Arch::new(), [beta; LANES])[lane];
                let expected = Sums::of(points, *end, beta);
                assert_eq!(found.events, expected.events);
                for k in 0..3 {
                    let (l, m) = (found.log_excitation[k], expected.log_excitation[k]);
                    assert!(
                        close(l, m, 1e-11 * (1.0 + expected.events)),
                        "{i} {beta} {k}: {l} {m}"
                    );
                    let (d, e) = (found.compensator[k], expected.compensator[k]);
                    let scale = expected.compensator[0].max(expected.compensator[1]);
                    assert!((d - e).abs() <= 1e-11 * scale, "{i} {beta} {k}: {d} {e}");
                }
            }
        }
    }

    #[test]
    fn the_grid_is_the_objective_roughly() {
        let mut steps = Steps::default();
        let grid = grid();
        for (i, (points, end)) in cascades().iter().enumerate() {
            if !steps.take(points, *end) {
                continue;
            }
            let objective = Objective::new(35.0, Estimator::Map);
            let sums = grid_sums(Arch::new(), &steps, &grid.map(decay));
            for (log_beta, [l, d]) in grid.into_iter().zip(sums) {
                let expected = Sums::of(points, *end, decay(log_beta));
                let (p, height) = objective.height(expected.events, l, d, log_beta);
                let exact = objective.ridge(&expected, log_beta).value;
                let events = expected.events * (1.0 + decay(log_beta) * steps.rest);
                let rough = 1e-5 * (1.0 + events) + 1e-6 * p * d;
                assert!(
                    (height - exact).abs() < rough + 1e-9 * exact.abs(),
                    "{i}: {height} {exact}"
                );
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let mut steps = Steps::default();
        let mut loaded = Loaded::new();
        let decays = grid().map(decay);
        for (i, (points, end)) in cascades().iter().enumerate() {
            if !steps.take(points, *end) {
                continue;
            }
            loaded.load(i % LANES, &steps);
            let plain = Scalar.vectorize(GridPass { steps: &steps, decays: &decays });
            assert_eq!(grid_sums(Arch::new(), &steps, &decays), plain);
            let decays = std::array::from_fn(|lane| decays[3 * lane]);
            let plain = Scalar.vectorize(SumsPass { loaded: &loaded, decays });
            assert_eq!(loaded.sums(Arch::new(), decays), plain);
        }
    }
}
