//! The counts of the estimator, for its metrics.

use crate::hawkes::Estimator;
use crate::record::Parameters;
use crate::stage::{Histogram, Tally};

const STATUSES: [&str; 5] = ["too_few", "supercritical", "at_bound", "not_converged", "ok"];

/// Bounds of the histogram of the iterations of a fit.
const ITERATIONS: &[f64] = &[10.0, 25.0, 30.0, 40.0, 50.0, 75.0, 100.0, 200.0, 500.0];

/// Bounds of the histogram of branching factors, which end below 1.
const BRANCHING: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0];

pub(super) struct Counted {
    pub(super) fitted: u64,
    by_status: [[f64; STATUSES.len()]; Estimator::ALL.len()],
    iterations: Histogram,
    branching: Histogram,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            fitted: 0,
            by_status: Default::default(),
            iterations: Histogram::new(ITERATIONS),
            branching: Histogram::new(BRANCHING),
        }
    }
}

impl Counted {
    pub(super) fn add(&mut self, it: &Parameters, iterations: u32) {
        let estimator = Estimator::ALL.iter().position(|its| its.name() == it.estimator);
        let status = STATUSES.iter().position(|its| *its == it.status);
        self.by_status[estimator.unwrap_or(0)][status.unwrap_or(STATUSES.len() - 1)] += 1.0;
        self.fitted += 1;
        self.iterations.observe(f64::from(iterations), 1);
        self.branching.observe(it.n_star, 1);
    }

    pub(super) fn tally(&self, estimator: Estimator) -> Tally {
        let mut tally = Tally::new();
        for (of, counts) in Estimator::ALL.iter().zip(&self.by_status) {
            for (status, count) in STATUSES.iter().zip(counts) {
                // All statuses of the selected estimator, so that `increase()` includes the first fit of each.
                if *of == estimator || *count > 0.0 {
                    tally.insert(("fits_total", format!("{},{status}", of.name())), *count);
                }
            }
        }
        self.iterations.add_to("fit_iterations", "", &mut tally);
        self.branching.add_to("fit_branching_ratio", "", &mut tally);
        tally
    }
}
