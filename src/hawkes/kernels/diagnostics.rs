//! Goodness of fit by time rescaling (Ogata, JASA 1988, section 3.3): under the true model the compensator between
//! consecutive events is a sequence of independent exponential draws of mean 1.

use super::fit::Fitted;
use super::model::{Family, Parameters};
use super::observed::Observed;
use super::{approximate, power_law};
use crate::hawkes::residuals::{KolmogorovSmirnov, test_exponential};
use crate::math;

/// Fewer residuals give no verdict.
pub const MIN_RESIDUALS: usize = 20;
/// The level of both tests.
pub const LEVEL: f64 = 0.05;

/// The compensator between consecutive events, for the events that are explained.
pub fn residuals(
    family: Family,
    observed: &Observed,
    at: &Parameters,
    approximate: bool,
) -> Vec<f64> {
    let weights = observed.weights(at.exponent());
    let total = family.survival(at, 0.0);
    let before = survivals(family, observed, at, approximate);
    let start = observed.given.max(1);
    (start..observed.len())
        .map(|j| {
            // From event j − 1, where the sum has grown by its weight, to event j.
            let spent = before[j - 1] + total * weights[j - 1] - before[j];
            let left = 1.0 - (j as f64 / at.population).min(1.0);
            (at.scale * left * spent).max(0.0)
        })
        .collect()
}

/// Σ_(i<j) w_i Ψ(t_j − t_i) for every event j.
fn survivals(family: Family, observed: &Observed, at: &Parameters, approximate: bool) -> Vec<f64> {
    let weights = observed.weights(at.exponent());
    match family {
        Family::PowerLaw if approximate => {
            approximate::survivals(observed, at.exponent(), at.shape())
        }
        Family::PowerLaw => power_law::survivals(observed, at.exponent(), at.shape()),
        Family::Exponential | Family::SumExp(_) => {
            let terms: Vec<(f64, f64)> = at.mixture(family).terms().collect();
            let mut states = vec![0.0; terms.len()];
            let mut all = Vec::with_capacity(observed.len());
            for (i, weight) in weights.iter().enumerate() {
                all.push(states.iter().zip(&terms).map(|(state, (share, _))| share * state).sum());
                let next = observed.times.get(i + 1).map_or(0.0, |next| next - observed.times[i]);
                for (state, (_, rate)) in states.iter_mut().zip(&terms) {
                    *state = (*state + weight) * math::exp(-rate * next);
                }
            }
            all
        }
        Family::Seismic => {
            let sum = |j: usize| {
                let each = observed.times[..j].iter().zip(&weights);
                each.map(|(t, w)| w * family.survival(at, observed.times[j] - t)).sum()
            };
            (0..observed.len()).map(sum).collect()
        }
    }
}

/// A test of Ljung and Box (Biometrika 1978) for correlation between residuals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LjungBox {
    /// The statistic Q.
    pub statistic: f64,
    /// The probability of a statistic at least so large for independent residuals.
    pub p_value: f64,
}

/// The test at 10 lags, of 1 − exp(−residual), which is uniform under the model: a few large residuals do not
/// dominate the correlations. `None` below [`MIN_RESIDUALS`] residuals.
pub fn ljung_box(residuals: &[f64]) -> Option<LjungBox> {
    const LAGS: usize = 10;
    if residuals.len() < MIN_RESIDUALS {
        return None;
    }
    let uniform: Vec<f64> = residuals.iter().map(|residual| -math::expm1(-residual)).collect();
    let n = uniform.len() as f64;
    let mean = uniform.iter().sum::<f64>() / n;
    let centred: Vec<f64> = uniform.iter().map(|value| value - mean).collect();
    let variance: f64 = centred.iter().map(|value| value * value).sum();
    if variance <= 0.0 {
        return None;
    }
    let squares = (1..=LAGS).map(|lag| {
        let products = centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b);
        let correlation = products.sum::<f64>() / variance;
        correlation * correlation / (n - lag as f64)
    });
    let statistic = n * (n + 2.0) * squares.sum::<f64>();
    // The tail of χ² with 2k degrees of freedom is that of a Poisson law below k.
    let half = statistic / 2.0;
    let mut term = math::exp(-half);
    let mut p_value = term;
    for k in 1..LAGS / 2 {
        term *= half / k as f64;
        p_value += term;
    }
    Some(LjungBox { statistic, p_value: p_value.min(1.0) })
}

/// Both tests, and what they amount to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diagnosis {
    /// Kolmogorov-Smirnov test against the exponential law; `None` without residuals.
    pub ks: Option<KolmogorovSmirnov>,
    /// Ljung-Box test.
    pub ljung_box: Option<LjungBox>,
    /// `good`, `poor fit`, or `too few events`.
    pub verdict: &'static str,
}

/// Tests the residuals of a cascade.
pub fn diagnose(residuals: &[f64]) -> Diagnosis {
    let ks = (!residuals.is_empty()).then(|| test_exponential(residuals));
    let ljung_box = ljung_box(residuals);
    let rejected = ks.is_some_and(|test| test.p_value < LEVEL)
        || ljung_box.is_some_and(|test| test.p_value < LEVEL);
    let verdict = if residuals.len() < MIN_RESIDUALS {
        "too few events"
    } else if rejected {
        "poor fit"
    } else {
        "good"
    };
    Diagnosis { ks, ljung_box, verdict }
}

impl Fitted {
    /// The tests of the residuals of a cascade under the fit.
    pub fn diagnose(&self, observed: &Observed) -> Diagnosis {
        diagnose(&residuals(self.family, observed, &self.parameters, self.approximate))
    }
}
