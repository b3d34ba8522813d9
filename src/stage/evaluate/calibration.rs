//! Calibration: how often final sizes lie in the intervals of several levels, and where they lie in the predicted
//! distributions.

use super::{Case, EvaluateOptions, Predictor};
use crate::learn::ScoredDistribution;
use crate::score::mean;

/// The methods that predict a distribution, in the order of [`Case::forecasts`].
pub const CALIBRATED: [Predictor; 2] = [Predictor::Model, Predictor::GrowthLaw];

/// Number of bins of a PIT histogram.
pub const PIT_BINS: usize = 10;

/// The calibration of a method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationRow {
    /// The window, in seconds; `None`: all windows together.
    pub t_obs: Option<u64>,
    /// The method.
    pub predictor: Predictor,
    /// Number of forecasts.
    pub scored: usize,
    /// The share of final sizes in the intervals of [`ScoredDistribution::LEVELS`].
    pub covered: [f64; ScoredDistribution::LEVELS.len()],
    /// The probability integral transform: the share of final sizes in each tenth of the predicted distribution,
    /// 0.1 each where it is right. The mass of a final size is spread over its step of the distribution (Czado,
    /// Gneiting and Held, Biometrics 2009).
    pub pit: [f64; PIT_BINS],
}

/// The calibration at each window that has forecasts, then over all windows, of each method.
pub fn calibration(cases: &[Case], options: &EvaluateOptions) -> Vec<CalibrationRow> {
    let windows = options.windows.iter().copied().map(Some).chain([None]);
    let rows = windows.flat_map(|t_obs| {
        let is_here = move |case: &&Case| t_obs.is_none_or(|t_obs| case.t_obs == t_obs);
        (0..CALIBRATED.len()).filter_map(move |place| {
            let forecasts: Vec<(ScoredDistribution, f64)> = cases
                .iter()
                .filter(is_here)
                .filter_map(|case| Some((case.forecasts[place]?, case.n_tot as f64)))
                .collect();
            (!forecasts.is_empty()).then(|| row(t_obs, CALIBRATED[place], &forecasts))
        })
    });
    rows.collect()
}

fn row(
    t_obs: Option<u64>,
    predictor: Predictor,
    forecasts: &[(ScoredDistribution, f64)],
) -> CalibrationRow {
    let covered = std::array::from_fn(|level| {
        mean(forecasts.iter().map(|(forecast, n_tot)| {
            let (low, high) = forecast.intervals[level];
            f64::from(u8::from((low..=high).contains(n_tot)))
        }))
    });
    let pit = std::array::from_fn(|bin| {
        let (from, to) = (bin as f64 / PIT_BINS as f64, (bin + 1) as f64 / PIT_BINS as f64);
        mean(forecasts.iter().map(|(forecast, _)| share_in(forecast.step, from, to)))
    });
    CalibrationRow { t_obs, predictor, scored: forecasts.len(), covered, pit }
}

/// The share of the mass on a step (below, up to) that lies between `from` and `to`.
fn share_in((below, up_to): (f64, f64), from: f64, to: f64) -> f64 {
    const POINT: f64 = 1e-12;
    if up_to - below < POINT {
        let at = below.min(1.0 - POINT);
        return f64::from(u8::from(from <= at && at < to));
    }
    ((up_to.min(to) - below.max(from)) / (up_to - below)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mass_of_a_final_size_is_spread_over_its_step() {
        let shares = |step: (f64, f64)| -> Vec<f64> {
            (0..PIT_BINS)
                .map(|bin| share_in(step, bin as f64 / 10.0, (bin + 1) as f64 / 10.0))
                .collect()
        };
        let close = |a: &[f64], b: [f64; 10]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(close(&shares((0.05, 0.25)), [0.25, 0.5, 0.25, 0., 0., 0., 0., 0., 0., 0.]));
        assert!(close(&shares((0.0, 1.0)), [0.1; 10]));
        assert!(close(&shares((1.0, 1.0)), [0., 0., 0., 0., 0., 0., 0., 0., 0., 1.]));
        for step in [(0.3, 0.3), (0.0, 0.0), (0.12, 0.99), (0.7, 0.7000001)] {
            assert!((shares(step).iter().sum::<f64>() - 1.0).abs() < 1e-9, "{step:?}");
        }
    }
}
