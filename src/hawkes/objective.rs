//! The objective of a fit: bounds, prior, and the best p for a given β.
//!
//! Shared by the search for one cascade ([`super::fit`]) and the search in lanes ([`super::lanes`]).

use super::likelihood::Sums;
use super::mark::MEAN_MARK;
use super::{Estimator, MAX_BRANCHING_FACTOR};
use crate::math;

/// The smallest decay: a memory of ten days, in 1/s.
pub(crate) const DECAY_MIN: f64 = 1.0 / 864_000.0;
/// The largest decay: a memory of a minute, in 1/s.
pub(crate) const DECAY_MAX: f64 = 1.0 / 60.0;
/// The smallest infectiousness, where a larger mean mark does not force a smaller one.
const INFECTIOUSNESS_MIN: f64 = 1e-8;

/// The prior on (p, β) where the mean mark is [`MEAN_MARK`]: means, standard deviations, correlation.
const PRIOR_MEAN: [f64; 2] = [0.02, 0.0002];
const PRIOR_DEVIATION: [f64; 2] = [0.01, 0.001];
const PRIOR_CORRELATION: f64 = -0.1;

/// Points of the grid on which the search starts.
pub(crate) const GRID: usize = 28;
/// The ratio of a decay of the grid to the fourth one before: a whole number, so that the share that remains of
/// an excitation follows by multiplications.
pub(crate) const GRID_GROWTH: i32 = 4;

/// The tolerance of both searches in ln β.
pub(crate) const TOLERANCE: f64 = 1e-8;

/// The grid: down from the upper bound of ln β, at distances of 0.35.
///
/// As the bounds are only a factor of 14,400 apart, this is finer for all but the smallest cascades than
/// 16 points over [0.1/T, 10n/T], and it is the same for all. Its first point lies 0.22 above the lower bound.
pub(crate) fn grid() -> [f64; GRID] {
    let distance = math::ln(f64::from(GRID_GROWTH)) / 4.0;
    std::array::from_fn(|i| math::ln(DECAY_MAX) - distance * (GRID - 1 - i) as f64)
}

/// The local maxima of the grid: a local maximum of the ridge may be near each.
pub(crate) fn maxima(heights: &[f64; GRID]) -> impl Iterator<Item = usize> {
    let rises = |i: usize| i == 0 || heights[i] > heights[i - 1];
    let falls = |i: usize| i == GRID - 1 || heights[i] >= heights[i + 1];
    (0..GRID).filter(move |&i| rises(i) && falls(i))
}

/// Bounds and prior of a fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objective {
    /// Lower and upper bound of p.
    p_bounds: [f64; 2],
    prior: Option<Prior>,
}

/// The profile of the objective over p at one β (called the ridge), and its derivatives by ln β.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ridge {
    /// The best p.
    pub(crate) p: f64,
    /// The objective there, and its first and second derivative by ln β along the ridge.
    pub(crate) value: f64,
    pub(crate) slope: f64,
    pub(crate) curvature: f64,
}

impl Ridge {
    /// Whether a step of Newton's method would not change the value, to nine digits.
    pub(crate) fn is_maximum(&self) -> bool {
        let scale = 1.0 + self.value.abs();
        self.slope.abs() <= 1e-9 * scale
            || self.curvature < 0.0 && self.slope * self.slope <= -1e-9 * scale * self.curvature
    }
}

impl Objective {
    pub(crate) fn new(mean_mark: f64, estimator: Estimator) -> Self {
        let upper = MAX_BRANCHING_FACTOR / mean_mark;
        let prior = match estimator {
            Estimator::Mle => None,
            Estimator::Map | Estimator::Seismic => Some(Prior::new(mean_mark)),
        };
        Self { p_bounds: [INFECTIOUSNESS_MIN.min(upper), upper], prior }
    }

    /// Whether p is at its upper bound.
    pub(crate) fn is_supercritical(&self, p: f64) -> bool {
        p >= self.p_bounds[1]
    }

    /// The best p for this β, and the objective there, from k, Σ ln A and D.
    pub(crate) fn height(&self, k: f64, l: f64, d: f64, log_beta: f64) -> (f64, f64) {
        let p = self.unbounded_p(k, d, log_beta).clamp(self.p_bounds[0], self.p_bounds[1]);
        let log_p = math::ln(p);
        let prior = self.prior.map_or(0.0, |prior| prior.log_density(log_p, log_beta));
        (p, k * (log_p + log_beta) + l - p * d + prior)
    }

    /// The best p without bounds.
    fn unbounded_p(&self, k: f64, d: f64, log_beta: f64) -> f64 {
        match &self.prior {
            None if k == 0.0 => 0.0,
            None => k / d,
            Some(prior) => prior.best_p(k, d, log_beta),
        }
    }

    /// The best p for this β, and the objective along the ridge of best p.
    ///
    /// By the envelope theorem the ridge's slope is ∂f/∂v (u = ln p, v = ln β) and its curvature
    /// ∂²f/∂v² − (∂²f/∂u∂v)²/∂²f/∂u², or ∂²f/∂v² where p is at a bound.
    pub(crate) fn ridge(&self, sums: &Sums, log_beta: f64) -> Ridge {
        let Sums { events: k, log_excitation: l, compensator: d } = *sums;
        let (p, value) = self.height(k, l[0], d[0], log_beta);
        let mut slope = k + l[1] - p * d[1];
        let [mut uu, mut uv, mut vv] = [-p * d[0], -p * d[1], l[2] - p * d[2]];
        if let Some(prior) = &self.prior {
            let [[a, b], [_, c]] = prior.precision;
            slope += prior.slope(math::ln(p), log_beta);
            (uu, uv, vv) = (uu - a, uv - b, vv - c);
        }
        let [low, high] = self.p_bounds;
        let is_free = low < p && p < high && uu < 0.0;
        let curvature = if is_free { vv - uv * (uv / uu) } else { vv };
        Ridge { p, value, slope, curvature }
    }

    /// Standard errors of ln p and ln β: from the inverse of the objective's curvature, at its maximum.
    pub(crate) fn standard_errors(&self, sums: &Sums, p: f64) -> Option<[f64; 2]> {
        let Sums { log_excitation: l, compensator: d, .. } = *sums;
        let [[a, b], [_, c]] = self.prior.map_or([[0.0; 2]; 2], |prior| prior.precision);
        let (uu, uv, vv) = (p * d[0] + a, p * d[1] + b, p * d[2] - l[2] + c);
        let determinant = uu * vv - uv * uv;
        let proper = determinant > 0.0 && uu > 0.0 && determinant.is_finite();
        proper.then(|| [(vv / determinant).sqrt(), (uu / determinant).sqrt()])
    }
}

/// A log-normal law of (p, β).
#[derive(Clone, Copy, Debug)]
struct Prior {
    /// The mean of (ln p, ln β).
    location: [f64; 2],
    /// The inverse S⁻¹ of their covariance.
    precision: [[f64; 2]; 2],
}

impl Prior {
    /// By moments: S_jk = ln(1 + Q_jk/(mean_j mean_k)), location_j = ln mean_j − S_jj/2; the location of
    /// ln p is moved by ln(35/E\[m\]), so that it is a prior on n* in any unit of mark.
    fn new(mean_mark: f64) -> Self {
        let covariance = |j: usize, k: usize| {
            let correlation = if j == k { 1.0 } else { PRIOR_CORRELATION };
            let q = correlation * PRIOR_DEVIATION[j] * PRIOR_DEVIATION[k];
            math::log1p(q / (PRIOR_MEAN[j] * PRIOR_MEAN[k]))
        };
        let (pp, pb, bb) = (covariance(0, 0), covariance(0, 1), covariance(1, 1));
        let unit = math::ln(MEAN_MARK / mean_mark);
        let determinant = pp * bb - pb * pb;
        Self {
            location: [
                math::ln(PRIOR_MEAN[0]) - pp / 2.0 + unit,
                math::ln(PRIOR_MEAN[1]) - bb / 2.0,
            ],
            precision: [
                [bb / determinant, -pb / determinant],
                [-pb / determinant, pp / determinant],
            ],
        }
    }

    /// −½ d′S⁻¹d with d the distance from the location.
    fn log_density(&self, log_p: f64, log_beta: f64) -> f64 {
        let [[a, b], [_, c]] = self.precision;
        let (d, e) = (log_p - self.location[0], log_beta - self.location[1]);
        -0.5 * (a * d * d + 2.0 * b * d * e + c * e * e)
    }

    /// Its derivative by ln β.
    fn slope(&self, log_p: f64, log_beta: f64) -> f64 {
        let [[_, b], [_, c]] = self.precision;
        -(b * (log_p - self.location[0]) + c * (log_beta - self.location[1]))
    }

    /// The p that maximises k ln p − p D + log_density, for this β.
    ///
    /// Its condition k − p D = a (u − location) + b e, with u = ln p, is a u + D eᵘ = r. With w = (D/a) eᵘ
    /// it becomes w + ln w = ln(D/a) + r/a: one increasing function to invert, whatever k and D are.
    fn best_p(&self, k: f64, d: f64, log_beta: f64) -> f64 {
        let [[a, b], _] = self.precision;
        let mode = self.location[0] + (k - b * (log_beta - self.location[1])) / a;
        if d <= 0.0 {
            return math::exp(mode);
        }
        let w = wright_omega(math::ln(d / a) + mode);
        if w < 1.0 { math::exp(mode - w) } else { w * a / d }
    }
}

/// The w for which w + ln w = z (Wright's ω).
///
/// Starting values of Lawrence, Corless & Jeffrey (ACM TOMS 38, 2012, algorithm 917), then twice the fourth-order
/// step of Fritsch, Shafer & Crowley (Commun. ACM 16, 1973, algorithm 443).
fn wright_omega(z: f64) -> f64 {
    let mut w = if z < -2.0 {
        let w = math::exp(z);
        w * (1.0 - w)
    } else if z < 1.0 {
        math::exp(2.0 / 3.0 * (z - 1.0))
    } else if z < 1.0 + std::f64::consts::PI {
        1.0 + (z - 1.0) * (0.5 + (z - 1.0) / 16.0)
    } else {
        z - math::ln(z) + math::ln(z) / z
    };
    if z < -40.0 {
        return w;
    }
    for _ in 0..2 {
        let r = z - w - math::ln(w);
        let v = 2.0 * (1.0 + w) * (1.0 + w + 2.0 / 3.0 * r);
        w *= 1.0 + r / (1.0 + w) * (v - r) / (v - 2.0 * r);
    }
    w
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrights_omega_solves_its_equation() {
        for i in -4000..4000 {
            let z = f64::from(i) / 50.0 * f64::from(i).abs().sqrt();
            let w = wright_omega(z);
            // For very small w, w + ln w is ln w.
            let error = (w + math::ln(w) - z).abs();
            assert!(
                w >= 0.0 && (error < 1e-13 * (1.0 + z.abs()) || z < -700.0),
                "{z}: {w} {error}"
            );
        }
    }

    #[test]
    fn the_covariance_of_the_prior_agrees_with_the_reference_values() {
        let prior = Prior::new(35.0);
        let [[a, b], [_, c]] = prior.precision;
        let determinant = a * c - b * b;
        let covariance = [c / determinant, -b / determinant, a / determinant];
        for (found, expected) in covariance.iter().zip([0.2231436, -0.2876821, 3.2580965]) {
            assert!((found - expected).abs() < 0.5e-7, "{found} {expected}");
        }
    }

    /// k ln p − p D + prior, by ln p: its slope changes sign at the best p.
    #[test]
    fn the_best_p_maximises_the_objective_under_the_prior() {
        for mean_mark in [1.0, 35.0, 1e5] {
            let prior = Prior::new(mean_mark);
            for k in [0.0, 1.0, 30.0, 1e5] {
                for d in [0.0, 1e-9, 1.0, 500.0, 1e6, 1e15] {
                    for log_beta in [-13.6, -8.0, -4.1] {
                        let p = prior.best_p(k, d, log_beta);
                        let value = |p: f64| {
                            k * math::ln(p) - p * d + prior.log_density(math::ln(p), log_beta)
                        };
                        if !p.is_finite() {
                            continue;
                        }
                        let beside = value(p * 1.001).max(value(p / 1.001));
                        assert!(value(p) >= beside, "{mean_mark} {k} {d} {log_beta}: {p}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_prior_on_n_star_does_not_depend_on_the_unit_of_marks() {
        let (one, other) = (Prior::new(35.0), Prior::new(3500.0));
        for (k, d) in [(0.0, 10.0), (5.0, 300.0), (400.0, 2e4)] {
            let (p, q) = (one.best_p(k, d, -8.0), other.best_p(k, 100.0 * d, -8.0));
            assert!((p / (100.0 * q) - 1.0).abs() < 1e-12, "{p} {q}");
        }
    }
}
