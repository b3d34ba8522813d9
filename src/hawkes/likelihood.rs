//! The log-likelihood of a cascade, its gradient and its Hessian, each in O(n).
//!
//! With A the excitation Σ mⱼ exp(−β (t − tⱼ)), k events to explain and
//! D = Σ mᵢ − A(T) the compensator per unit of p,
//!
//! ```text
//! LL(p, β) = k ln(p β) + Σ ln Aᵢ − p D
//! ```
//!
//! (Ozaki 1979, equation 6, with marks and without base rate.) All sums over the past follow from
//! the kernel's lack of memory; see Ozaki's equations 7 to 12 for the derivatives.

use super::{Params, kernel};
use crate::cascade::Point;
use crate::math;

/// The log-likelihood, in nats, of the events after the first positive mark (Ozaki 1979, equation 6).
///
/// `points` are in time order; `end`, at or after the last, is in seconds on their clock.
pub fn log_likelihood(points: &[Point], end: f64, params: Params) -> f64 {
    Sums::of(points, end, params.decay).log_likelihood(params)
}

/// The log-likelihood and how it changes with the logarithms of the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Derivatives {
    /// The log-likelihood.
    pub value: f64,
    /// Its derivatives by ln p and by ln β.
    pub gradient: [f64; 2],
    /// Its second derivatives by (ln p, ln β).
    pub hessian: [[f64; 2]; 2],
}

/// The log-likelihood with its gradient and Hessian in (ln p, ln β).
pub fn derivatives(points: &[Point], end: f64, params: Params) -> Derivatives {
    let sums = Sums::of(points, end, params.decay);
    let Sums { events: k, log_excitation: l, compensator: d, .. } = sums;
    let p = params.infectiousness;
    Derivatives {
        value: sums.log_likelihood(params),
        gradient: [k - p * d[0], k + l[1] - p * d[1]],
        hessian: [[-p * d[0], -p * d[1]], [-p * d[1], l[2] - p * d[2]]],
    }
}

/// The sums over a cascade at one β that determine the log-likelihood for any p.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    /// k: the events after the first positive mark.
    pub(crate) events: f64,
    /// Σ ln Aᵢ over those, and its first and second derivative by ln β.
    pub(crate) log_excitation: [f64; 3],
    /// D, and its first and second derivative by ln β.
    pub(crate) compensator: [f64; 3],
}

impl Sums {
    /// The log-likelihood at the β of these sums.
    pub(crate) fn log_likelihood(&self, params: Params) -> f64 {
        let Params { infectiousness: p, decay: beta } = params;
        self.events * (math::ln(p) + math::ln(beta)) + self.log_excitation[0]
            - p * self.compensator[0]
    }

    /// The sums at ln β + `by`, by their derivatives; `by` is small.
    pub(crate) fn moved(&self, by: f64) -> Self {
        let along = |[value, slope, curvature]: [f64; 3]| {
            [value + by * (slope + by * curvature / 2.0), slope + by * curvature, curvature]
        };
        Self {
            events: self.events,
            log_excitation: along(self.log_excitation),
            compensator: along(self.compensator),
        }
    }

    /// Computes the sums in one pass over the cascade.
    ///
    /// Besides the excitation X right after an event, the recursion has Y = Σ mⱼ aⱼ e^(−aⱼ) and
    /// Z = Σ mⱼ aⱼ² e^(−aⱼ), where aⱼ = β (t − tⱼ) is the age of event j. Then by ln β:
    ///
    /// ```text
    /// A′ = −Y,   A″ = Z − Y,   (ln A)′ = −Y/A,   (ln A)″ = (Z − Y)/A − (Y/A)²
    /// ```
    ///
    /// ln A = ln X − βτ with τ the time since the last positive mark, where the ratios of Y, Z and A need
    /// no e^(−βτ): no divisor underflows. D is summed gap by gap, because the difference Σ mᵢ − A(T) cancels
    /// where βT is small.
    pub(crate) fn of(points: &[Point], end: f64, beta: f64) -> Self {
        let mut sums = Self::default();
        let Some(first) = points.iter().position(|point| kernel::excites(point.magnitude)) else {
            return sums;
        };
        let (mut x, mut y, mut z) = (points[first].magnitude, 0.0, 0.0);
        let (mut log_x, mut since) = (math::ln(x), points[first].time);
        for point in &points[first + 1..] {
            let age = beta * (point.time - since).max(0.0);
            sums.add_event(log_x, age, y / x, z / x);
            if kernel::excites(point.magnitude) {
                let spent = x * kernel::integral(1.0, age);
                sums.compensator[0] += spent;
                let (b, c) = aged(x, y, z, age);
                x = x - spent + point.magnitude;
                (y, z) = (b, c);
                (log_x, since) = (math::ln(x), point.time);
            }
        }
        let age = beta * (end - since).max(0.0);
        let (b, c) = aged(x, y, z, age);
        sums.compensator[0] += x * kernel::integral(1.0, age);
        sums.compensator[1] = b;
        sums.compensator[2] = b - c;
        sums
    }

    /// Adds ln A of an event, `age` = βτ after the last positive mark, given Y/X and Z/X there.
    fn add_event(&mut self, log_x: f64, age: f64, mean_age: f64, mean_square: f64) {
        let slope = -(mean_age + age);
        self.events += 1.0;
        self.log_excitation[0] += log_x - age;
        self.log_excitation[1] += slope;
        self.log_excitation[2] += slope + mean_square - mean_age * mean_age;
    }
}

/// Y and Z after another `age` = βτ.
fn aged(x: f64, y: f64, z: f64, age: f64) -> (f64, f64) {
    let fade = math::exp(-age);
    let age = age.min(MAX_AGE);
    (fade * (y + age * x), fade * (z + age * (2.0 * y + age * x)))
}

/// exp(−βτ) is 0 from this age βτ on; the square of a much larger age would overflow.
const MAX_AGE: f64 = 1e3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hawkes::testing::{extreme, random_cascade, random_params, reference_cascade};

    /// The definition (docs/model.md), in O(n²), without recursion.
    fn slowly(points: &[Point], end: f64, params: Params) -> f64 {
        let Params { infectiousness: p, decay: beta } = params;
        let past = |i: usize| {
            points[..i]
                .iter()
                .map(move |e| e.magnitude * math::exp(-beta * (points[i].time - e.time)))
        };
        let intensities: f64 =
            (1..points.len()).map(|i| math::ln(p * beta * past(i).sum::<f64>())).sum();
        let compensator: f64 =
            points.iter().map(|e| e.magnitude * (1.0 - math::exp(-beta * (end - e.time)))).sum();
        intensities - p * compensator
    }

    #[test]
    fn the_likelihood_agrees_with_its_definition() {
        for seed in 0..500 {
            let (points, end) = random_cascade(seed);
            let params = random_params(seed);
            let (fast, slow) = (log_likelihood(&points, end, params), slowly(&points, end, params));
            if slow.is_finite() {
                assert!(
                    (fast - slow).abs() < 1e-11 * (1.0 + slow.abs()),
                    "seed {seed}: {fast} {slow}"
                );
            }
        }
    }

    #[test]
    fn the_likelihood_agrees_with_the_test_vector() {
        let (points, end) = reference_cascade();
        let params = Params::new(0.02, 1.0 / 3600.0).unwrap();
        assert!((log_likelihood(&points, end, params) - -1551.90915).abs() < 0.5e-5);
    }

    #[test]
    fn the_likelihood_of_one_event_agrees_with_its_closed_form() {
        let points = [Point { time: 7.0, magnitude: 1000.0 }];
        let params = Params::new(0.02, 0.001).unwrap();
        let closed = -20.0 * (1.0 - math::exp(-0.6));
        assert!((log_likelihood(&points, 607.0, params) - closed).abs() < 1e-14 * closed.abs());
        assert_eq!(log_likelihood(&[], 607.0, params), 0.0);
    }

    #[test]
    fn gradient_and_hessian_agree_with_finite_differences() {
        for seed in 0..300 {
            let (points, end) = random_cascade(seed);
            let at = random_params(seed);
            let moved = |axis: usize, by: f64| {
                let factor = |i: usize| if i == axis { math::exp(by) } else { 1.0 };
                Params::new(at.infectiousness * factor(0), at.decay * factor(1)).unwrap()
            };
            let here = derivatives(&points, end, at);
            for axis in 0..2 {
                const STEP: f64 = 1e-4;
                let above = derivatives(&points, end, moved(axis, STEP));
                let below = derivatives(&points, end, moved(axis, -STEP));
                let scale = 1.0 + here.value.abs() + here.hessian[axis][axis].abs();
                let slope = (above.value - below.value) / (2.0 * STEP);
                assert!(
                    (slope - here.gradient[axis]).abs() < 1e-6 * scale,
                    "seed {seed} axis {axis}"
                );
                for other in 0..2 {
                    let slope = (above.gradient[other] - below.gradient[other]) / (2.0 * STEP);
                    let error = (slope - here.hessian[axis][other]).abs();
                    assert!(error < 1e-6 * scale, "seed {seed} axes {axis} {other}: {slope}");
                }
            }
        }
    }

    #[test]
    fn the_likelihood_does_not_depend_on_the_origin_of_time() {
        let (points, end) = reference_cascade();
        let params = Params::new(0.02, 1.0 / 3600.0).unwrap();
        let moved: Vec<Point> =
            points.iter().map(|p| Point { time: p.time + 1024.0, ..*p }).collect();
        let difference =
            log_likelihood(&points, end, params) - log_likelihood(&moved, end + 1024.0, params);
        assert!(difference.abs() < 1e-9, "{difference}");
    }

    #[test]
    fn the_likelihood_of_extreme_cascades_is_finite() {
        for (name, points, end) in extreme() {
            for beta in [1.0 / 864_000.0, 1e-3, 1.0 / 60.0, 1e3] {
                for p in [1e-12, 0.02, 0.99] {
                    let d = derivatives(&points, end, Params::new(p, beta).unwrap());
                    let all = [d.value, d.gradient[0], d.gradient[1]];
                    let all = all.iter().chain(d.hessian.as_flattened());
                    assert!(all.clone().all(|x| x.is_finite()), "{name} {p} {beta}: {d:?}");
                }
            }
        }
    }
}
