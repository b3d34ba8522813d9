//! Goodness of fit by time rescaling: on the time scale of its compensator, a Hawkes process is a Poisson
//! process of rate 1.

use super::Params;
use super::kernel::{self, Excitation};
use crate::cascade::Point;
use crate::math;

/// The compensator between each event and the one before, from the first event with a positive mark on: those up to it
/// are taken as given, as in the likelihood. Under the true parameters they are independent
/// draws from the exponential law of mean 1 (Papangelou 1972; Ogata, JASA 1988, section 3.3).
///
/// In a cascade that has died out, the last interval is censored: its draw exceeds the rest of the
/// compensator. So the residuals of small cascades are slightly too small.
pub fn residuals(points: &[Point], params: Params) -> Vec<f64> {
    let Params { infectiousness: p, decay } = params;
    let mut excitation = Excitation::new(decay);
    let (mut before, mut is_excited) = (0.0, false);
    let mut residuals = Vec::with_capacity(points.len().saturating_sub(1));
    for point in points {
        let now = excitation.compensator_until(point.time);
        if is_excited {
            residuals.push(p * (now - before));
        }
        // A mark of 0 does not restart the sum of the excitation.
        excitation.add(point);
        let excites = kernel::excites(point.magnitude);
        before = if excites { 0.0 } else { now };
        is_excited |= excites;
    }
    residuals
}

/// A Kolmogorov–Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    /// The largest distance between the sample's distribution function and that of the law.
    pub statistic: f64,
    /// The probability of a distance at least so large under the law.
    pub p_value: f64,
}

/// Tests whether residuals are draws from the exponential law of mean 1.
///
/// The p-value is Stephens' approximation (JRSS B 32, 1970), good to some units of the third digit.
pub fn test_exponential(residuals: &[f64]) -> KolmogorovSmirnov {
    let n = residuals.len() as f64;
    let statistic = distance(residuals.iter().map(|residual| 1.0 - math::exp(-residual)), n);
    let scaled = statistic * (n.sqrt() + 0.12 + 0.11 / n.sqrt());
    KolmogorovSmirnov { statistic, p_value: if n > 0.0 { kolmogorov_tail(scaled) } else { 1.0 } }
}

/// The largest distance between the distribution function of `n` values from [0, 1] and the uniform one.
///
/// Does not sort: with cells of width 1/n, the distance is largest at the first or the last value of a cell
/// (Gonzalez, Sahni and Franta, ACM TOMS 3, 1977).
fn distance(values: impl Iterator<Item = f64>, n: f64) -> f64 {
    #[derive(Clone, Copy)]
    struct Cell {
        count: u32,
        first: f64,
        last: f64,
    }
    let mut cells = vec![Cell { count: 0, first: 1.0, last: 0.0 }; n as usize + 1];
    for value in values {
        let cell = &mut cells[(value * n) as usize];
        cell.count += 1;
        cell.first = cell.first.min(value);
        cell.last = cell.last.max(value);
    }
    let (mut before, mut statistic) = (0.0, 0.0_f64);
    for Cell { count, first, last } in cells.into_iter().filter(|cell| cell.count > 0) {
        let after = before + f64::from(count);
        statistic = statistic.max(first - before / n).max(after / n - last);
        before = after;
    }
    statistic
}

/// P(K > x) for Kolmogorov's limiting law.
fn kolmogorov_tail(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        math::exp(-2.0 * k * k * x * x)
    };
    let sum: f64 = (1..=50).map(|k| if k % 2 == 1 { term(k) } else { -term(k) }).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::hawkes::testing::{extreme, random_cascade, random_params, simulated};

    #[test]
    fn residuals_agree_with_differences_of_the_compensator() {
        for seed in 0..200 {
            let (points, _) = random_cascade(seed);
            let params = random_params(seed);
            let Params { infectiousness: p, decay: beta } = params;
            let until = |t: f64, n: usize| -> f64 {
                points[..n].iter().map(|e| e.magnitude * -math::expm1(-beta * (t - e.time))).sum()
            };
            let first = points.iter().position(|point| point.magnitude > 0.0);
            let found = residuals(&points, params);
            assert_eq!(found.len(), first.map_or(0, |first| points.len() - 1 - first));
            for (i, &residual) in found.iter().enumerate() {
                let n = first.unwrap() + 1 + i;
                let slow = p * (until(points[n].time, n) - until(points[n - 1].time, n));
                let scale = p * until(points[n].time, n);
                assert!((residual - slow).abs() < 1e-12 * (1.0 + scale), "seed {seed} event {n}");
            }
        }
    }

    #[test]
    fn residuals_under_the_true_parameters_are_exponential() {
        let p_values: Vec<f64> = (0..400)
            .map(|seed| {
                let (points, truth) = simulated(seed, 0.9, 1.0 / 3600.0, 2e4, 5e4);
                test_exponential(&residuals(&points, truth)).p_value
            })
            .collect();
        for level in [0.05, 0.2, 0.5] {
            let share = p_values.iter().filter(|&&p| p < level).count() as f64 / 400.0;
            let error = f64::sqrt(level * (1.0 - level) / 400.0);
            assert!((share - level).abs() < 3.5 * error + 0.01, "level {level}: {share}");
        }
    }

    #[test]
    fn residuals_under_other_parameters_are_not_exponential() {
        let (points, truth) = simulated(1, 0.9, 1.0 / 3600.0, 2e4, 5e4);
        for (p_factor, beta_factor) in [(3.0, 1.0), (1.0 / 3.0, 1.0), (1.0, 0.2), (0.3, 20.0)] {
            let (p, beta) = (p_factor * truth.infectiousness(), beta_factor * truth.decay());
            let test = test_exponential(&residuals(&points, Params::new(p, beta).unwrap()));
            assert!(test.p_value < 1e-6, "{p_factor} {beta_factor}: {test:?}");
        }
    }

    #[test]
    fn the_distance_agrees_with_that_of_sorted_values() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for turn in 0..3000 {
            let steps = [3.0, 1e3, 1e15][turn % 3];
            let power = f64::from(1 + rng.next_u32() % 4);
            let mut draw = || {
                (math::pow(f64::from(rng.next_u32()) / 4_294_967_295.0, power) * steps).round()
                    / steps
            };
            let mut values: Vec<f64> = (0..=turn % 60).map(|_| draw()).collect();
            let n = values.len() as f64;
            let fast = distance(values.iter().copied(), n);
            values.sort_by(f64::total_cmp);
            let both = |(i, u): (usize, &f64)| ((i + 1) as f64 / n - u).max(u - i as f64 / n);
            let slow = values.iter().enumerate().map(both).fold(0.0, f64::max);
            assert!((fast - slow).abs() < 1e-12, "turn {turn}: {fast}, sorted {slow}");
        }
    }

    #[test]
    fn the_tail_agrees_with_tabulated_quantiles_of_kolmogorovs_law() {
        for (x, tail) in [(1.2238, 0.1), (1.3581, 0.05), (1.6276, 0.01), (0.8276, 0.5)] {
            assert!((kolmogorov_tail(x) - tail).abs() < 1e-4, "{x}: {}", kolmogorov_tail(x));
        }
        assert_eq!(test_exponential(&[]).p_value, 1.0);
    }

    #[test]
    fn residuals_of_extreme_cascades_are_finite() {
        for (name, points, _) in extreme() {
            let residuals = residuals(&points, Params::new(0.01, 1e-3).unwrap());
            let first = points.iter().position(|point| kernel::excites(point.magnitude));
            assert_eq!(residuals.len(), first.map_or(0, |it| points.len() - 1 - it), "{name}");
            assert!(residuals.iter().all(|r| r.is_finite() && *r >= 0.0), "{name}");
            assert!(test_exponential(&residuals).p_value.is_finite(), "{name}");
        }
    }
}
