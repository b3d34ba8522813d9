//! The sums of eight cascades at once, each at its own decay: value, slope and curvature of the objective.
//!
//! Events are processed in short stretches: first the shares of excitation that remain between events, which
//! are independent of each other, then the recursion from event to event.

use std::f64::consts::LOG2_E;

use pulp::{Arch, Simd, WithSimd};

use super::steps::Steps;
use crate::cascade::Point;
use crate::hawkes::arithmetic::{LANES, Lanes, MAX_FACTORS, Product, lost_and_remaining};
use crate::hawkes::likelihood::Sums;

/// Lanes that are processed where the other half is empty.
const HALF: usize = LANES / 2;

/// Eight lanes, each empty or with a cascade.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    lanes: [Steps; LANES],
    taken: [bool; LANES],
}

impl Loaded {
    /// Loads a cascade into a lane; false where no mark is positive.
    pub(super) fn load(&mut self, lane: usize, points: &[Point], end: f64) -> bool {
        self.taken[lane] = self.lanes[lane].load(points, end);
        self.taken[lane]
    }

    /// Empties a lane.
    pub(super) fn unload(&mut self, lane: usize) {
        self.taken[lane] = false;
    }

    /// The sums of each lane's cascade at that lane's decay; those of no events for an empty lane.
    pub(super) fn sums(&self, arch: Arch, decays: Lanes) -> [Sums; LANES] {
        arch.dispatch(SumsPass { loaded: self, decays })
    }

    fn first_mark(&self, lane: usize) -> f64 {
        if self.taken[lane] { self.lanes[lane].first_mark } else { 1.0 }
    }

    /// The number of steps in a lane.
    fn length(&self, lane: usize) -> usize {
        if self.taken[lane] { self.lanes[lane].steps.len() } else { 0 }
    }
}

struct SumsPass<'a> {
    loaded: &'a Loaded,
    decays: Lanes,
}

/// A stretch of steps in `N` lanes.
struct Stretch<const N: usize> {
    gaps: [[f64; N]; MAX_FACTORS],
    marks: [[f64; N]; MAX_FACTORS],
    /// The gaps in units of 1/β.
    ages: [[f64; N]; MAX_FACTORS],
    /// The share of an excitation that is lost within a gap, and the share that remains.
    lost: [[f64; N]; MAX_FACTORS],
    left: [[f64; N]; MAX_FACTORS],
}

impl<const N: usize> Stretch<N> {
    fn new() -> Self {
        let [gaps, marks, ages, lost, left] = [[[0.0; N]; MAX_FACTORS]; 5];
        Self { gaps, marks, ages, lost, left }
    }

    /// Copies steps into a lane.
    fn put(&mut self, lane: usize, steps: &[[f64; 2]]) {
        for ((gaps, marks), &[gap, mark]) in self.gaps.iter_mut().zip(&mut self.marks).zip(steps) {
            (gaps[lane], marks[lane]) = (gap, mark);
        }
    }

    /// Computes `ages`, `lost` and `left` of the first rows.
    #[inline(always)]
    fn decay(&mut self, decays: &Lanes, rows: usize) {
        for (ages, gaps) in self.ages.iter_mut().zip(&self.gaps).take(rows) {
            for lane in 0..N {
                let age = decays[lane] * gaps[lane];
                ages[lane] = if age < MAX_AGE { age } else { MAX_AGE };
            }
        }
        let ages = &self.ages.as_flattened()[..rows * N];
        let lost = self.lost.as_flattened_mut().iter_mut();
        let left = self.left.as_flattened_mut().iter_mut();
        for ((age, lost), left) in ages.iter().zip(lost).zip(left) {
            (*lost, *left) = lost_and_remaining(age * LOG2_E);
        }
    }
}

/// The state of the recursion of [`Sums::of`], in lanes.
struct State<const N: usize> {
    x: [f64; N],
    y: [f64; N],
    z: [f64; N],
    product: Product<N>,
    compensator: [f64; N],
    /// Σ Y/X.
    ages: [f64; N],
    /// Σ (Z/X − (Y/X)²).
    spreads: [f64; N],
}

impl<const N: usize> State<N> {
    fn new() -> Self {
        let [y, z, compensator, ages, spreads] = [[0.0; N]; 5];
        Self { x: [1.0; N], y, z, product: Product::one(), compensator, ages, spreads }
    }

    /// Starts the cascade of a lane.
    fn reset(&mut self, lane: usize, first_mark: f64) {
        (self.x[lane], self.y[lane], self.z[lane]) = (first_mark, 0.0, 0.0);
        (self.compensator[lane], self.ages[lane], self.spreads[lane]) = (0.0, 0.0, 0.0);
        self.product.reset(lane);
    }

    /// Runs the recursion over the first rows.
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S, stretch: &Stretch<N>, rows: usize) {
        let mul = |a: S::f64s, b: S::f64s| simd.mul_f64s(a, b);
        let add = |a: S::f64s, b: S::f64s| simd.add_f64s(a, b);
        let one = simd.splat_f64s(1.0);
        for vector in 0..N / S::F64_LANES {
            let of = |lanes: &[f64; N]| S::as_simd_f64s(lanes).0[vector];
            let [mut x, mut y, mut z] = [of(&self.x), of(&self.y), of(&self.z)];
            let mut product = of(&self.product.mantissa);
            let mut compensator = of(&self.compensator);
            let [mut all_ages, mut spreads] = [of(&self.ages), of(&self.spreads)];
            for row in 0..rows {
                let [age, mark] = [of(&stretch.ages[row]), of(&stretch.marks[row])];
                let [lost, left] = [of(&stretch.lost[row]), of(&stretch.left[row])];
                product = mul(product, x);
                let inverse = simd.div_f64s(one, x);
                let mean = mul(y, inverse);
                all_ages = add(all_ages, mean);
                spreads = add(spreads, simd.sub_f64s(mul(z, inverse), mul(mean, mean)));
                compensator = add(compensator, mul(x, lost));
                let fresh = mul(age, x);
                z = mul(left, add(z, mul(age, add(add(y, y), fresh))));
                y = mul(left, add(y, fresh));
                x = add(mul(left, x), mark);
            }
            let back = |lanes: &mut [f64; N], value| S::as_mut_simd_f64s(lanes).0[vector] = value;
            back(&mut self.x, x);
            back(&mut self.y, y);
            back(&mut self.z, z);
            back(&mut self.product.mantissa, product);
            back(&mut self.compensator, compensator);
            back(&mut self.ages, all_ages);
            back(&mut self.spreads, spreads);
        }
    }
}

impl SumsPass<'_> {
    /// All lanes end at the same row: a shorter cascade begins later, and its lane is reset then.
    #[inline(always)]
    fn run<S: Simd, const N: usize>(&self, simd: S) -> [Sums; LANES] {
        let Self { loaded, decays } = self;
        let lengths: [usize; N] = std::array::from_fn(|lane| loaded.length(lane));
        let lanes: [&Steps; N] = std::array::from_fn(|lane| &loaded.lanes[lane]);
        let taken = (0..N).filter(|lane| loaded.taken[*lane]);
        let max_rows = taken.map(|lane| lanes[lane].stretch).min().unwrap_or(MAX_FACTORS);
        let mut state = State::<N>::new();
        let mut stretch = Stretch::<N>::new();
        let mut left = lengths.iter().copied().max().unwrap_or(0);
        loop {
            let begins = |lane: &usize| lengths[*lane] == left;
            (0..N).filter(begins).for_each(|lane| state.reset(lane, loaded.first_mark(lane)));
            if left == 0 {
                break;
            }
            let shorter = lengths.iter().copied().filter(|length| *length < left).max();
            let to = shorter.unwrap_or(0).max(left.saturating_sub(max_rows));
            let rows = left - to;
            for lane in (0..N).filter(|lane| lengths[*lane] >= left) {
                let from = lengths[lane] - left;
                stretch.put(lane, &lanes[lane].steps[from..from + rows]);
            }
            stretch.decay(decays, rows);
            state.run(simd, &stretch, rows);
            state.product.normalize();
            left = to;
        }
        let (product, ages, spreads) = (state.product, state.ages, state.spreads);
        // The end of the observation is processed as an event without a mark.
        (stretch.gaps[0], stretch.marks[0]) = (lanes.map(|steps| steps.rest), [0.0; N]);
        stretch.decay(decays, 1);
        state.run(simd, &stretch, 1);
        let mut sums = [Sums::default(); LANES];
        for (lane, sums) in sums.iter_mut().enumerate().take(N) {
            if !loaded.taken[lane] {
                continue;
            }
            let delays = decays[lane] * lanes[lane].delays;
            let slope = -ages[lane] - delays;
            let (b, c) = (state.y[lane], state.z[lane]);
            *sums = Sums {
                events: lengths[lane] as f64,
                log_excitation: [product.ln(lane) - delays, slope, slope + spreads[lane]],
                compensator: [state.compensator[lane], b, b - c],
            };
        }
        sums
    }
}

impl WithSimd for SumsPass<'_> {
    type Output = [Sums; LANES];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let upper_idle = !self.loaded.taken[HALF..].contains(&true);
        if upper_idle && HALF.is_multiple_of(S::F64_LANES) {
            self.run::<S, HALF>(simd)
        } else {
            self.run::<S, LANES>(simd)
        }
    }
}

/// e^−age is negligible from this age on, and still a normal number; the square of a much larger age would
/// overflow.
const MAX_AGE: f64 = 708.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hawkes::fit::decay;
    use crate::hawkes::objective::grid;
    use crate::hawkes::testing::{any_cascades, each_instruction_set};

    fn close(found: f64, expected: f64, relative: f64) -> bool {
        (found - expected).abs() <= relative * (1.0 + expected.abs())
    }

    #[test]
    fn the_sums_in_lanes_agree_with_those_of_single_cascades() {
        let mut loaded = Loaded::default();
        let cascades = any_cascades();
        for (i, (points, end)) in cascades.iter().enumerate() {
            let lane = i % LANES;
            if !loaded.load(lane, points, *end) {
                continue;
            }
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

    each_instruction_set!(sums_are_the_same_bits);

    /// For any neighbours in any number of other lanes.
    fn sums_are_the_same_bits(arch: Arch) {
        let mut loaded = Loaded::default();
        let grid = grid().map(decay);
        let decays = std::array::from_fn(|lane| grid[3 * lane]);
        let cascades = any_cascades();
        for (i, (points, end)) in cascades.iter().enumerate() {
            let lane = i % LANES;
            if i % 7 == 0 {
                (0..LANES).for_each(|lane| loaded.unload(lane));
            }
            if loaded.load(lane, points, *end) {
                let scalar = loaded.sums(Arch::Scalar, decays);
                assert_eq!(loaded.sums(arch, decays), scalar);
                let mut alone = Loaded::default();
                alone.load(LANES - 1 - lane, points, *end);
                let mut others = decays;
                others[LANES - 1 - lane] = decays[lane];
                assert_eq!(alone.sums(arch, others)[LANES - 1 - lane], scalar[lane]);
            }
        }
    }
}
