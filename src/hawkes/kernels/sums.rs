//! The sums over a cascade that determine the likelihood of any scale κ and population N.
//!
//! The kernel is κ ψ(s), where ψ has the integral 1 and survival function Ψ. With n explained events and
//!
//! ```text
//! L  = Σ ln Σ_(j<i) w_j ψ(t_i − t_j)                          log-intensities
//! D  = Σ w_i (1 − Ψ(T − t_i))                                 compensator per unit of κ
//! D₁ = Σ_j j Σ_(i≤j) w_i (Ψ(t_j − t_i) − Ψ(t_(j+1) − t_i))    the part that a finite population removes, times N
//! ```
//!
//! the negative log-likelihood is κ (D − D₁/N) − n ln κ − L − Σ ln((N − i + 1)/N): once the sums are known, κ and
//! N cost nothing.

use super::jet::{Jet, LogSum};
use super::observed::{FLOOR, Observed};
use crate::math;

/// The sums, with derivatives by the shape coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    /// n: events whose intensity is positive.
    pub(crate) explained: f64,
    /// Events without a possible parent: their intensity is taken as [`FLOOR`].
    pub(crate) floored: f64,
    /// For a finite population, the logarithm of the unnormalised kernel's factor per unit of κ, times `floored`.
    pub(crate) floored_scale: Jet,
    /// L.
    pub(crate) log_intensity: Jet,
    /// D.
    pub(crate) compensator: Jet,
    /// D₁; 0 unless the population is finite.
    pub(crate) depleted: Jet,
}

impl Sums {
    /// Adds the logarithm of an event's intensity.
    pub(crate) fn add_event(&mut self, intensity: &Jet, dim: usize) {
        if intensity.value > 1e-90 {
            self.log_intensity.add_log(intensity, dim);
            self.explained += 1.0;
        } else {
            self.log_intensity.value += math::ln(FLOOR);
            self.floored += 1.0;
        }
    }

    /// Adds the logarithm of an intensity in three coordinates to `logs`; S, gradient and second derivatives are times
    /// `factor`.
    #[inline(always)]
    pub(crate) fn add_small(
        &mut self,
        logs: &mut LogSum,
        factor: f64,
        (value, gradient, hessian): (f64, [f64; 3], [f64; 6]),
    ) {
        if factor * value > 1e-90 {
            logs.add(value, gradient, hessian);
            self.explained += 1.0;
        } else {
            self.log_intensity.value += math::ln(FLOOR);
            self.floored += 1.0;
        }
    }

    /// Adds the sums of other events or of another cascade.
    pub(crate) fn add(&mut self, other: &Self) {
        self.explained += other.explained;
        self.floored += other.floored;
        self.floored_scale.add(1.0, &other.floored_scale);
        self.log_intensity.add(1.0, &other.log_intensity);
        self.compensator.add(1.0, &other.compensator);
        self.depleted.add(1.0, &other.depleted);
    }

    /// Σ w_i, with its derivatives by the mark exponent.
    pub(crate) fn total_weight(observed: &Observed, weights: &[f64], marked: bool) -> Jet {
        let mut jet = Jet { value: weights.iter().sum(), ..Jet::default() };
        if marked {
            for (weight, log) in weights.iter().zip(&observed.log_marks) {
                jet.gradient[0] += weight * log;
                jet.hessian[0][0] += weight * log * log;
            }
        }
        jet
    }
}
