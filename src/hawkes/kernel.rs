//! The exponential kernel φ(τ) = β exp(−βτ), and the running sum of the past that it allows.

use crate::cascade::Point;
use crate::math;

/// The density φ(τ) of the delay between an event and its children, in 1/s.
pub fn density(decay: f64, lag: f64) -> f64 {
    decay * math::exp(-decay * lag)
}

/// The expected share of an event's children within `lag` seconds: ∫φ from 0 to `lag`.
pub fn integral(decay: f64, lag: f64) -> f64 {
    -math::expm1(-decay * lag)
}

/// Whether a mark counts as positive: it is a normal number, so that dividing by it does not overflow.
pub(crate) fn excites(mark: f64) -> bool {
    mark >= f64::MIN_POSITIVE
}

/// The excitation X = Σ mᵢ exp(−β (t − tᵢ)) right after the event at t.
///
/// It is stored for the time of the last *positive* mark: later marks of 0 add nothing, so X never
/// underflows, however long the gaps and however large the decay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Excitation {
    decay: f64,
    /// X, right after the event at `since`; 0 before the first positive mark.
    pub(crate) value: f64,
    /// The time of the last positive mark.
    pub(crate) since: f64,
}

impl Excitation {
    pub(crate) fn new(decay: f64) -> Self {
        Self { decay, value: 0.0, since: 0.0 }
    }

    /// Seconds from the last positive mark to `time`.
    pub(crate) fn lag(&self, time: f64) -> f64 {
        (time - self.since).max(0.0)
    }

    /// The excitation A just before `time`.
    pub(crate) fn at(&self, time: f64) -> f64 {
        if self.value == 0.0 { 0.0 } else { self.value * math::exp(-self.decay * self.lag(time)) }
    }

    /// The compensator per unit of p between the last positive mark and `time`.
    pub(crate) fn compensator_until(&self, time: f64) -> f64 {
        if self.value == 0.0 { 0.0 } else { self.value * integral(self.decay, self.lag(time)) }
    }

    /// Adds the next event, in time order.
    pub(crate) fn add(&mut self, point: &Point) {
        if excites(point.magnitude) {
            self.value = self.at(point.time) + point.magnitude;
            self.since = point.time;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integral_is_the_sum_of_the_density() {
        let (decay, steps) = (1.0 / 3600.0, 100_000);
        for lag in [1.0, 600.0, 86_400.0] {
            let width = lag / f64::from(steps);
            let sum: f64 =
                (0..steps).map(|i| density(decay, (f64::from(i) + 0.5) * width) * width).sum();
            assert!((integral(decay, lag) / sum - 1.0).abs() < 1e-6, "lag {lag}");
        }
    }

    #[test]
    fn excitation_is_the_sum_over_the_events() {
        let points = [(0.0, 3.0), (5.0, 0.0), (5.0, 2.0), (90.0, 0.0), (400.0, 0.0), (401.0, 0.5)]
            .map(|(time, magnitude)| Point { time, magnitude });
        for decay in [0.001, 0.1, 10.0] {
            let mut running = Excitation::new(decay);
            for (i, point) in points.iter().enumerate() {
                let sum: f64 = points[..i]
                    .iter()
                    .map(|p| p.magnitude * math::exp(-decay * (point.time - p.time)))
                    .sum();
                assert!((running.at(point.time) - sum).abs() <= 1e-14 * sum);
                running.add(point);
            }
        }
    }
}
