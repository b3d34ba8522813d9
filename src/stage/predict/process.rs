//! Predictions of the fitted process and of SEISMIC, with the distribution of the branching process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::answer::{HAWKES, KERNEL, SEISMIC, UNTRAINED, prediction};
use super::options::{Method, PredictOptions};
use crate::cascade::{largest_size, rounded_outwards};
use crate::hawkes::MAX_BRANCHING_FACTOR;
use crate::hawkes::mark::MARK_EXPONENT;
use crate::hawkes::size::{FinalSize, MarkShape};
use crate::learn::normal_quantile;
use crate::math;
use crate::record::{Alert, Interval, KernelFit, Parameters};

/// The prediction of the selected method where it has an estimate, else the expectation of the
/// branching process, limited to ten times the observed number of events.
///
/// The uncertainty is that of the branching process (the marks have infinite variance), scaled to
/// the prediction and widened by the errors of the parameters.
pub(crate) fn of_process(
    parameters: &Parameters,
    options: &PredictOptions,
    method: Method,
) -> Alert {
    let n_obs = parameters.n_obs as f64;
    let largest = largest_size(n_obs);
    let branching = branching(parameters);
    let estimate = match method {
        Method::Hawkes => None,
        Method::Kernel(family) => {
            let name = family.map(|family| family.to_string());
            let is_it = |fit: &&KernelFit| name.as_ref().is_none_or(|name| *name == fit.kernel);
            let fit = parameters.kernel_fit.as_deref().filter(is_it);
            fit.and_then(|fit| fit.n_tot).map(|size| (size, KERNEL))
        }
        Method::Auto | Method::GrowthLaw | Method::Seismic => {
            parameters.seismic.map(|size| (size, SEISMIC))
        }
    };
    let (guess, name) = estimate.unwrap_or((branching, HAWKES));
    let n_tot = if guess.is_finite() { guess.clamp(n_obs, largest) } else { branching.max(n_obs) };
    let further = FurtherEvents::new(parameters, n_tot, name == SEISMIC);
    let tail = (1.0 - options.level) / 2.0;
    let quantile = |share: f64| (n_obs + further.quantile(share)).clamp(n_obs, largest);
    let (low, high) = rounded_outwards((quantile(tail), quantile(1.0 - tail)), n_tot);
    let above = |k: f64| {
        let above = if k >= largest { 0.0 } else { further.probability_above(k - n_obs) };
        (k.to_string(), above)
    };
    prediction(
        n_tot,
        Some(Interval { level: options.level, low, high }),
        options.limits().into_iter().map(above).collect(),
        (UNTRAINED, name),
    )
}

/// The distribution of the number of further events without a model: that of the branching process,
/// scaled by a factor with a log-normal error. Its survival function is never below that of
/// [`Misfit`].
struct FurtherEvents {
    law: FinalSize,
    n_obs: f64,
    misfit: Misfit,
    stretch: f64,
    /// Standard deviation of the logarithm of the factor.
    error: f64,
    /// Values of [`FurtherEvents::law_above`].
    known: RefCell<HashMap<i32, f64>>,
}

/// The middles of equally probable parts of the standard normal law. A size is reached or not by most factors, so that a
/// quadrature for smooth functions, with few nodes, would give a distribution of a few steps.
static NODES: LazyLock<[f64; 32]> =
    LazyLock::new(|| std::array::from_fn(|part| normal_quantile((part as f64 + 0.5) / 32.0)));

/// The mean of a function that does not descend over the nodes, of which there are at least two. Where it is the same at
/// two of them, as at 0 and at 1, it is not evaluated between.
fn mean_of_ascending(nodes: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    const SAME: f64 = 1e-9;
    fn between(nodes: &[f64], (low, high): (f64, f64), of: &impl Fn(f64) -> f64) -> f64 {
        let [_, inner @ .., _] = nodes else { return 0.0 };
        if inner.is_empty() || high - low < SAME {
            return inner.len() as f64 * (low + high) / 2.0;
        }
        let middle = nodes.len() / 2;
        let value = of(nodes[middle]);
        between(&nodes[..=middle], (low, value), of)
            + value
            + between(&nodes[middle..], (value, high), of)
    }
    let ends = (of(nodes[0]), of(nodes[nodes.len() - 1]));
    (ends.0 + between(nodes, ends, &of) + ends.1) / nodes.len() as f64
}

impl FurtherEvents {
    fn new(parameters: &Parameters, n_tot: f64, of_seismic: bool) -> Self {
        let n_obs = parameters.n_obs as f64;
        let n_star = parameters.n_star.clamp(0.0, MAX_BRANCHING_FACTOR);
        let observed = parameters.n_obs as usize;
        let law = FinalSize::from_sums(observed, parameters.g1, n_star, shape(parameters));
        let expected = law.expected() - n_obs;
        let stretch = if expected > 0.0 { (n_tot - n_obs) / expected } else { 1.0 };
        let misfit = Misfit { n_obs, n_tot };
        let error = error_of(parameters, n_star, of_seismic);
        Self { law, n_obs, misfit, stretch, error, known: RefCell::default() }
    }

    /// The probability that the law gives more further events than the exponential of `log_count`: linear between places
    /// of which each is computed once, since that takes long and the factors of all sizes lead to the same ones.
    fn law_above(&self, log_count: f64) -> f64 {
        const STEP: f64 = 0.05;
        let place = log_count.clamp(-30.0, 60.0) / STEP;
        let at = |place: f64| {
            let known = self.known.borrow().get(&(place as i32)).copied();
            known.unwrap_or_else(|| {
                let count = math::exp(place * STEP);
                let above = self.law.probability_above(self.n_obs + count);
                self.known.borrow_mut().insert(place as i32, above);
                above
            })
        };
        let (below, share) = (place.floor(), place - place.floor());
        at(below) + share * (at(below + 1.0) - at(below))
    }

    fn probability_above(&self, count: f64) -> f64 {
        if count < 0.0 {
            return 1.0;
        }
        let least = self.misfit.probability_above(count);
        if self.stretch <= 0.0 {
            return least;
        }
        if count == 0.0 {
            return self.law.probability_above(self.n_obs).clamp(least, 1.0);
        }
        let log_count = math::ln(count / self.stretch);
        let at = |node: f64| self.law_above(log_count - self.error * node);
        mean_of_ascending(&*NODES, at).clamp(least, 1.0)
    }

    /// By bisection of an interval of logarithms, to 1 %.
    fn quantile(&self, share: f64) -> f64 {
        const HALVINGS: u32 = 12;
        const WIDE: f64 = 6.0;
        let middle = self.stretch * (self.law.quantile(share) - self.n_obs).max(1.0);
        if self.stretch <= 0.0 || self.probability_above(0.0) <= 1.0 - share {
            return self.misfit.quantile(share);
        }
        let highest = math::ln(middle.max(self.n_obs)) + WIDE;
        let (mut low, mut high) = ((math::ln(middle) - WIDE).min(0.0), highest);
        for _ in 0..HALVINGS {
            let between = (low + high) / 2.0;
            let above = self.probability_above(math::exp(between));
            if above > 1.0 - share { low = between } else { high = between }
        }
        math::exp(high)
    }
}

/// A lower bound of the uncertainty for a misspecified process, which the standard errors of a fit
/// do not contain: the published error of untrained predictions (SEISMIC after ten minutes: half
/// are within 25 %, Zhao et al., KDD 2015), with log-logistic tails; and for few events, three
/// further ones (the rule of three, Hanley & Lippman-Hand, JAMA 1983).
struct Misfit {
    n_obs: f64,
    n_tot: f64,
}

impl Misfit {
    /// ln 3 / ln 1.25: a quarter of the distribution is above 1.25 times its median.
    const STEEP: f64 = 4.923_343_212_498_92;

    /// The probability of more than `count` further events; at most a half, also below the
    /// prediction: the bound implies no further event.
    fn probability_above(&self, count: f64) -> f64 {
        let ratio = ((self.n_obs + count) / self.n_tot).max(1.0);
        (1.0 / (1.0 + math::pow(ratio, Self::STEEP))).max(math::exp(-count).min(0.5))
    }

    fn quantile(&self, share: f64) -> f64 {
        let further = self.n_tot * math::pow(share / (1.0 - share), 1.0 / Self::STEEP) - self.n_obs;
        if share < 0.5 { 0.0 } else { further.max(-math::log1p(-share)) }
    }
}

/// The error of ln n_supp that comes from the parameters: n_supp = p A/(1 - p E\[m\]), so that
/// d ln n_supp / d ln p = 1/(1 - n*); the standard error of ln p is the fit's, else the prior's.
/// For SEISMIC, which gives none, it is that of its published results (a median of 25 % of the size
/// after ten minutes, Zhao et al., KDD 2015, is about 0.7 of the logarithm of the further events).
fn error_of(parameters: &Parameters, n_star: f64, of_seismic: bool) -> f64 {
    const PRIOR: f64 = 0.472; // of ln p: the square root of 0.2231 (docs/model.md)
    const SEISMIC: f64 = 0.7;
    const LARGEST: f64 = 1.5;
    if of_seismic {
        return SEISMIC;
    }
    let [p, _] = parameters.params;
    let of_p = parameters.standard_errors.map_or(PRIOR, |[of_p, _]| of_p / p);
    (of_p / (1.0 - n_star)).clamp(0.0, LARGEST)
}

/// The expectation of the fitted process, n + n_supp, limited to ten times n.
pub(crate) fn branching(parameters: &Parameters) -> f64 {
    const MAX_GROWTH: f64 = 10.0;
    let n_obs = parameters.n_obs as f64;
    (n_obs + parameters.n_supp).min(MAX_GROWTH * n_obs).min(largest_size(n_obs))
}

/// The shape of the distribution of marks: E\[m\] = n*/p is 1 exactly where there are no magnitudes.
fn shape(parameters: &Parameters) -> MarkShape {
    let [p, _] = parameters.params;
    let unit = p == parameters.n_star;
    if unit { MarkShape::Constant } else { MarkShape::PowerLaw(MARK_EXPONENT) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_mean_of_an_ascending_function_is_that_of_all_nodes() {
        for (steep, place) in (1..200).map(|i| (f64::from(i * i) / 100.0, f64::from(i % 50) / 12.0))
        {
            let calls = Cell::new(0);
            let of = |node: f64| {
                calls.set(calls.get() + 1);
                1.0 / (1.0 + math::exp(-steep * (node + 2.0 - place)))
            };
            let found = mean_of_ascending(&*NODES, of);
            let fast = calls.get();
            let slow = NODES.iter().map(|node| of(*node)).sum::<f64>() / NODES.len() as f64;
            assert!((found - slow).abs() < 1e-9, "{steep} {place}: {found} {slow}");
            assert!(fast <= NODES.len() && (steep < 200.0 || fast < 14), "{steep} {place}: {fast}");
        }
    }
}
