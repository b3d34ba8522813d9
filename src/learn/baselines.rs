//! Baselines of the evaluation that use only n: a constant ratio and a log-linear law.

use super::forecast::size;
use super::weighted::weighted_median;
use crate::math;

/// The constant c that minimises the mean of |c n − N|/N over pairs (n, N): the
/// median of N/n weighted by n/N. At least 1; 1 without pairs.
pub fn median_ratio(pairs: &[(f64, f64)]) -> f64 {
    weighted_median(pairs.iter().map(|&(n, total)| (total / n, n / total)).collect()).max(1.0)
}

/// ln N = intercept + slope ln n (Szabo and Huberman, CACM 2010), by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogLinear {
    /// ln N where n = 1.
    pub intercept: f64,
    /// The derivative of ln N with respect to ln n.
    pub slope: f64,
}

impl LogLinear {
    /// Fits the law to pairs (n, N); a constant ratio where all n are equal.
    pub fn fit(pairs: &[(f64, f64)]) -> Self {
        let count = pairs.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
        let (mean_x, mean_y) = (mean(|pair| math::ln(pair.0)), mean(|pair| math::ln(pair.1)));
        let (mut xx, mut xy) = (0.0, 0.0);
        for (n, total) in pairs {
            xx += (math::ln(*n) - mean_x).powi(2);
            xy += (math::ln(*n) - mean_x) * (math::ln(*total) - mean_y);
        }
        let slope = if xx > 1e-9 { xy / xx } else { 1.0 };
        Self { intercept: mean_y - slope * mean_x, slope }
    }

    /// The predicted final size after n events: at least n, and limited like every prediction.
    pub fn predict(&self, n: f64) -> f64 {
        size(n, self.log_growth(n))
    }

    /// The predicted ln(N/n), which may be negative.
    pub(super) fn log_growth(&self, n: f64) -> f64 {
        self.intercept + (self.slope - 1.0) * math::ln(n)
    }
}
