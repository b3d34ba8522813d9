//! What a fitted model predicts: intensity, branching factor, final size, viral score.

use super::model::{Family, Parameters};
use super::observed::{INFINITE_END, Observed};
use crate::cascade::Point;
use crate::math;

/// The intensity right after the points up to `time`, those after the end of an observation included.
pub fn intensity(family: Family, points: &[Point], at: &Parameters, time: f64) -> f64 {
    let observed = Observed::new(points, INFINITE_END);
    let weights = observed.weights(at.exponent());
    let seen = observed.times.partition_point(|event| *event <= time);
    let sum: f64 = observed.times[..seen]
        .iter()
        .zip(&weights)
        .map(|(event, weight)| weight * family.density(at, time - event))
        .sum();
    let left = 1.0 - (seen as f64 / at.population).min(1.0);
    at.scale * sum * left
}

/// n*: the mean number of children of an event, with the mean weight E\[m^β\].
pub fn branching_factor(family: Family, at: &Parameters, mean_weight: f64) -> f64 {
    at.scale * family.survival(at, 0.0) * mean_weight
}

/// The expected final size, with the number of events before any cut. Infinite from n* = 1 on; `None` for a
/// finite population, where it has no closed form.
pub fn final_size(
    family: Family,
    observed: &Observed,
    at: &Parameters,
    mean_weight: f64,
) -> Option<f64> {
    if at.population.is_finite() {
        return None;
    }
    let n_star = branching_factor(family, at, mean_weight);
    if n_star >= 1.0 {
        return Some(f64::INFINITY);
    }
    Some(observed.rows as f64 + first_generation(family, observed, at) / (1.0 - n_star))
}

/// The final size where every later event has the mean weight: the expectation of [`final_size`] in an infinite
/// population; in a population of N, the solution of
///
///   N − n∞ = (N − n) exp(−(A + n* (n∞ − n)) / N),
///
/// with n events so far, A the expected direct children still to come without the limit, and n* the branching factor.
/// It follows from dn = (1 − n/N) dΛ with the intensity Λ that the limit thins, and is the final size equation of
/// epidemics (Kermack & McKendrick 1927; Rizoiu, Mishra, Kong, Carman & Xie, WWW 2018, for HawkesN): the fluctuations
/// are left out. Infinite from n* = 1 on in an infinite population.
pub fn mean_size(family: Family, observed: &Observed, at: &Parameters, mean_weight: f64) -> f64 {
    const HALVINGS: u32 = 100;
    if let Some(size) = final_size(family, observed, at, mean_weight) {
        return size;
    }
    let (n, all) = (observed.rows as f64, at.population);
    let n_star = branching_factor(family, at, mean_weight);
    let children = first_generation(family, observed, at);
    // The difference is concave, at least 0 without further events, and below 0 with all of the population.
    let difference = |more: f64| (all - n) * -math::expm1(-(children + n_star * more) / all) - more;
    let (mut low, mut high) = (0.0, (all - n).max(0.0));
    for _ in 0..HALVINGS {
        let between = (low + high) / 2.0;
        if difference(between) > 0.0 { low = between } else { high = between }
    }
    n + low
}

/// The expected direct children still to come after the end of the observation.
pub fn first_generation(family: Family, observed: &Observed, at: &Parameters) -> f64 {
    let weights = observed.weights(at.exponent());
    let left = |time: f64| family.survival(at, observed.end - time);
    at.scale * observed.times.iter().zip(&weights).map(|(time, w)| w * left(*time)).sum::<f64>()
}

/// The expected size of the cascade that an event with this mark starts, without the event itself. Infinite from
/// n* = 1 on, and 0 for a mark of 0 in a marked model.
pub fn viral_score(family: Family, at: &Parameters, mean_weight: f64, mark: f64) -> f64 {
    let weight = at.exponent().map_or(1.0, |exponent| math::pow(mark, exponent));
    if mark == 0.0 && at.marked {
        return 0.0;
    }
    let n_star = branching_factor(family, at, mean_weight);
    if n_star >= 1.0 {
        return f64::INFINITY;
    }
    weight * at.scale * family.survival(at, 0.0) / (1.0 - n_star)
}
