//! The MAP law: a linear correction of the growth law's g, fitted to finished cascades of all windows.
//!
//! g = law + D β, with the columns of [`SCALES`] in D, standardised by fixed scales. β minimises
//!
//! ```text
//! mean over rows of sqrt((exp(f − y) − 1)² + 0.0025) + Σ λ_j β_j²,   f = ln(1 + exp g), y = ln(N/n)
//! ```
//!
//! The ratio exp(f − y) = (1 + exp g) n/N is bounded. Over k cascades λ is s/k for the intercept and ln T, and 5 s/k for
//! the rest. The fixed scales make the penalty the same for every training set. No other file of this module names
//! argmin.

use std::cell::Cell;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use ndarray::Array2;

use super::growth_law::Inputs;
use super::vector::{UNKNOWNS, Vector};
use crate::math;

/// Mean and standard deviation of each input, which standardise it: those of [`Inputs::of_law`], then those
/// of [`Inputs::of_shape`]. The intercept comes first and is not standardised.
const SCALES: [(f64, f64); UNKNOWNS - 1] = [
    (-0.139, 1.293),
    (-1.03, 1.132),
    (-0.952, 1.095),
    (-0.122, 0.917),
    (1.783, 1.068),
    (4.572, 1.229),
    (-0.807, 1.043),
    (-1.0, 1.134),
    (-0.913, 0.675),
    (-1.987, 0.941),
    (2.466, 1.496),
    (-2.4, 0.921),
    (-3.817, 1.755),
    (0.308, 0.26),
    (0.364, 0.158),
    (0.822, 0.854),
    (1.872, 1.492),
];

/// A cascade with the means of the inputs of the law.
pub(super) fn average_inputs() -> Inputs {
    Inputs::with_law(std::array::from_fn(|place| SCALES[place].0))
}

/// The row of D for a cascade at an age.
pub(super) fn design(inputs: &Inputs) -> [f64; UNKNOWNS] {
    const MAX_DEVIATIONS: f64 = 4.0;
    let mut row = [1.0; UNKNOWNS];
    let values = inputs.of_law().into_iter().chain(inputs.of_shape());
    for ((to, value), (mean, sd)) in row[1..].iter_mut().zip(values).zip(SCALES) {
        *to = ((value - mean) / sd).clamp(-MAX_DEVIATIONS, MAX_DEVIATIONS);
    }
    row
}

/// The rows that β is fitted to.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// A row for each cascade and age.
    pub(super) design: Array2<f64>,
    /// g of the law.
    pub(super) base: Vec<f64>,
    /// ln(N/n).
    pub(super) log_growth: Vec<f64>,
}

/// A row of D, g of the law, and n/N.
struct Term {
    design: [f64; UNKNOWNS],
    base: f64,
    share: f64,
}

/// The penalised loss of β.
struct Objective {
    terms: Vec<Term>,
    penalties: [f64; UNKNOWNS],
    /// β of the last evaluation, its loss and slopes: a line search asks for both.
    last: Cell<Option<(Vector, f64, Vector)>>,
}

/// β of the smallest loss over the selected rows, of `cascades` cascades, with the strength s of the
/// penalty; the search starts at `start`.
pub(super) fn minimise(
    rows: &Rows,
    selected: &[usize],
    cascades: usize,
    strength: f64,
    start: Vector,
) -> Vector {
    const MEMORY: usize = 10;
    const MAX_ITERATIONS: u64 = 150;
    const MIN_DECREASE: f64 = 1e-8;
    const MIN_SLOPE: f64 = 1e-5;
    let weak = strength / cascades.max(1) as f64;
    let mut penalties = [5.0 * weak; UNKNOWNS];
    (penalties[0], penalties[1]) = (weak, weak);
    let objective = Objective::new(rows, selected, penalties);
    // The line search does not end where the start has no loss.
    if !objective.cost(&start).is_ok_and(f64::is_finite) {
        return start;
    }
    let search = || -> Result<Option<Vector>, Error> {
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_cost(MIN_DECREASE)?
            .with_tolerance_grad(MIN_SLOPE)?;
        let executor = Executor::new(objective, solver);
        let run = executor.configure(|state| state.param(start).max_iters(MAX_ITERATIONS)).run();
        Ok(run?.state().get_best_param().copied())
    };
    // A line search that ends without a step leaves the start, which is a law as well.
    let found = search().ok().flatten().filter(|found| found.0.iter().all(|it| it.is_finite()));
    found.unwrap_or(start)
}

impl Objective {
    fn new(rows: &Rows, selected: &[usize], penalties: [f64; UNKNOWNS]) -> Self {
        let term = |&place: &usize| Term {
            design: std::array::from_fn(|column| rows.design[(place, column)]),
            base: rows.base[place],
            share: math::exp(-rows.log_growth[place]),
        };
        Self { terms: selected.iter().map(term).collect(), penalties, last: Cell::new(None) }
    }

    /// The loss, and its derivatives with respect to β.
    fn evaluate(&self, weights: &Vector) -> (f64, Vector) {
        if let Some((of, loss, slopes)) = self.last.get()
            && of == *weights
        {
            return (loss, slopes);
        }
        /// (ARE² + 0.05²)^½ is smooth.
        const SMOOTH: f64 = 0.0025;
        /// e⁻²⁰ and e⁴.
        const RATIOS: (f64, f64) = (2.061_153_622_438_558e-9, 54.598_150_033_144_236);
        let count = self.terms.len().max(1) as f64;
        let (mut sum, mut slopes) = (0.0, [0.0; UNKNOWNS]);
        for Term { design, base, share } in &self.terms {
            let products = design.iter().zip(weights.0).map(|(value, weight)| value * weight);
            let further = math::exp(base + products.sum::<f64>());
            let ratio = ((1.0 + further) * share).clamp(RATIOS.0, RATIOS.1);
            let loss = ((ratio - 1.0).powi(2) + SMOOTH).sqrt();
            sum += loss;
            let of_growth = 1.0 / (1.0 + 1.0 / further);
            let slope = (ratio - 1.0) / loss * ratio * of_growth / count;
            slopes.iter_mut().zip(design).for_each(|(to, value)| *to += slope * value);
        }
        let mut loss = sum / count;
        for ((slope, weight), by) in slopes.iter_mut().zip(weights.0).zip(self.penalties) {
            loss += by * weight * weight;
            *slope += 2.0 * by * weight;
        }
        self.last.set(Some((*weights, loss, Vector(slopes))));
        (loss, Vector(slopes))
    }
}

impl CostFunction for Objective {
    type Param = Vector;
    type Output = f64;

    fn cost(&self, weights: &Vector) -> Result<f64, Error> {
        Ok(self.evaluate(weights).0)
    }
}

impl Gradient for Objective {
    type Param = Vector;
    type Gradient = Vector;

    fn gradient(&self, weights: &Vector) -> Result<Vector, Error> {
        Ok(self.evaluate(weights).1)
    }
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::SeedableRng;

    use super::super::forecast::log_growth;
    use super::super::random::normal;
    use super::*;

    fn rows(count: usize, seed: u64) -> Rows {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = || normal(&mut rng);
        let design = Array2::from_shape_fn((count, UNKNOWNS), |(_, column)| match column {
            0 => 1.0,
            _ => draw(),
        });
        let base: Vec<f64> = (0..count).map(|_| draw()).collect();
        // g is off by 0.8 and by half of the third column.
        let truth = |row: usize| base[row] + 0.8 + 0.5 * design[(row, 2)];
        let log_growth = (0..count).map(|row| log_growth(truth(row))).collect();
        Rows { design, base, log_growth }
    }

    #[test]
    fn slopes_agree_with_finite_differences_of_the_loss() {
        let rows = rows(40, 1);
        let selected: Vec<usize> = (0..30).collect();
        let objective = Objective::new(&rows, &selected, [0.1; UNKNOWNS]);
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let weights = Vector(std::array::from_fn(|_| 0.3 * normal(&mut rng)));
        let slopes = objective.gradient(&weights).unwrap();
        for place in 0..UNKNOWNS {
            const STEP: f64 = 1e-6;
            let at = |by: f64| {
                let mut moved = weights;
                moved.0[place] += by;
                objective.cost(&moved).unwrap()
            };
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!(
                (slopes.0[place] - expected).abs() < 1e-6,
                "{place}: {} {expected}",
                slopes.0[place]
            );
        }
    }

    #[test]
    fn the_search_finds_the_correction_and_a_strong_penalty_keeps_the_law() {
        for seed in 0..10 {
            let rows = rows(2000, seed);
            let selected: Vec<usize> = (0..2000).collect();
            let found = minimise(&rows, &selected, 100_000, 1.0, Vector::ZERO);
            let mut expected = [0.0; UNKNOWNS];
            (expected[0], expected[2]) = (0.8, 0.5);
            let far = found.0.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(far < 0.02, "{seed}: {far} {found:?}");
            let strong = minimise(&rows, &selected, 1, 1e6, Vector::ZERO);
            assert!(strong.0.iter().all(|weight| weight.abs() < 1e-3), "{strong:?}");
        }
    }
}
