//! The objective of one cascade on the grid: every decay is a lane.
//!
//! Events are processed in short stretches: first the shares of excitation that remain between events, which
//! are independent of each other, then the recursion from event to event. Only the smallest decays need
//! exponentials.

use std::f64::consts::LOG2_E;

use pulp::{Arch, Simd, WithSimd};

use super::steps::Steps;
use crate::hawkes::arithmetic::{MAX_FACTORS, Product, remaining_approx};
use crate::hawkes::objective::{GRID, GRID_GROWTH};

/// Σ ln A and D of a cascade at each decay of a grid, with the error of a relative error of 5e-7 in the decays.
///
/// D = Σ mᵢ − A(T) may cancel, as the grid only selects the starts of climbs.
pub(super) fn grid_sums(arch: Arch, steps: &Steps, decays: &[f64; GRID]) -> [[f64; 2]; GRID] {
    arch.dispatch(GridPass { steps, decays })
}

struct GridPass<'a> {
    steps: &'a Steps,
    decays: &'a [f64; GRID],
}

/// Decays in a block: each is [`GRID_GROWTH`] times the same one of the block before.
const BLOCK: usize = 4;
const BLOCKS: usize = GRID / BLOCK;
/// Blocks that are processed together, in two groups: so many that the latency of the recursion is hidden, so few
/// that their state fits into the registers.
const FIRST: usize = BLOCKS.div_ceil(2);
const SECOND: usize = BLOCKS - FIRST;

/// The shares that remain in the next block: those of this one to the power [`GRID_GROWTH`].
#[inline(always)]
fn next_block(left: [f64; BLOCK]) -> [f64; BLOCK] {
    const { assert!(GRID_GROWTH == 4) };
    let square = left.map(|it| it * it);
    square.map(|it| it * it)
}

/// The state of the recursion, for a group of blocks.
struct GridState<const TOGETHER: usize> {
    x: [[f64; BLOCK]; TOGETHER],
    product: [Product<BLOCK>; TOGETHER],
}

impl<const TOGETHER: usize> GridState<TOGETHER> {
    fn new(first_mark: f64) -> Self {
        Self { x: [[first_mark; BLOCK]; TOGETHER], product: [Product::one(); TOGETHER] }
    }

    /// Processes a stretch; `left` holds the shares that remain in the first block, and on return those for the
    /// block after the last.
    #[inline(always)]
    fn run(&mut self, stretch: &[[f64; 2]], left: &mut [[f64; BLOCK]]) {
        for (&[_, mark], left) in stretch.iter().zip(left) {
            for (x, product) in self.x.iter_mut().zip(&mut self.product) {
                for lane in 0..BLOCK {
                    product.mantissa[lane] *= x[lane];
                    x[lane] = x[lane] * left[lane] + mark;
                }
                *left = next_block(*left);
            }
        }
        self.product.iter_mut().for_each(Product::normalize);
    }
}

impl WithSimd for GridPass<'_> {
    type Output = [[f64; 2]; GRID];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { steps, decays } = self;
        let half_lives: [f64; BLOCK] = std::array::from_fn(|lane| decays[lane] * LOG2_E);
        let first_left = |gap: f64| half_lives.map(|half_lives| remaining_approx(half_lives * gap));
        let mut first = GridState::<FIRST>::new(steps.first_mark);
        let mut second = GridState::<SECOND>::new(steps.first_mark);
        let mut left = [[0.0; BLOCK]; MAX_FACTORS];
        let mut marks = steps.first_mark;
        for stretch in steps.steps.chunks(steps.stretch) {
            for (&[gap, mark], left) in stretch.iter().zip(&mut left) {
                *left = first_left(gap);
                marks += mark;
            }
            first.run(stretch, &mut left[..stretch.len()]);
            second.run(stretch, &mut left[..stretch.len()]);
        }
        let mut rest = first_left(steps.rest);
        let mut sums = [[0.0; 2]; GRID];
        let x = first.x.iter().chain(&second.x);
        let product = first.product.iter().chain(&second.product);
        for (block, (x, product)) in x.zip(product).enumerate() {
            for lane in 0..BLOCK {
                let log_excitation = product.ln(lane) - decays[block * BLOCK + lane] * steps.delays;
                sums[block * BLOCK + lane] = [log_excitation, marks - x[lane] * rest[lane]];
            }
            rest = next_block(rest);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hawkes::Estimator;
    use crate::hawkes::fit::decay;
    use crate::hawkes::likelihood::Sums;
    use crate::hawkes::objective::{Objective, grid};
    use crate::hawkes::testing::{any_cascades, each_instruction_set};

    #[test]
    fn the_grid_approximates_the_objective() {
        let mut steps = Steps::default();
        let grid = grid();
        for (i, (points, end)) in any_cascades().iter().enumerate() {
            if !steps.load(points, *end) {
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

    each_instruction_set!(grid_sums_are_the_same_bits);

    fn grid_sums_are_the_same_bits(arch: Arch) {
        let mut steps = Steps::default();
        let decays = grid().map(decay);
        for (points, end) in any_cascades() {
            if steps.load(&points, end) {
                let scalar = grid_sums(Arch::Scalar, &steps, &decays);
                assert_eq!(grid_sums(arch, &steps, &decays), scalar);
            }
        }
    }
}
