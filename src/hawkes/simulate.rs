//! Draws a cascade from parameters and a seed: exactly, event by event, already in order.

use rand_chacha::ChaCha8Rng;

use super::Params;
use super::mark::{MarkLaw, exponential};
use crate::cascade::Point;

/// A cascade that starts with an event of `first_mark` at time 0, up to the time `end` or `max_events`.
///
/// The exact method of Dassios & Zhao (Electron. Commun. Probab. 18, 2013, algorithm 3.1) without a base
/// rate. The compensator runs from 0 to p X between an event that leaves the excitation X and
/// infinity; the next event comes where it meets an exponential draw E, and never if E ≥ p X. Then
/// p X (1 − e^(−β Δt)) = E gives Δt, and the excitation left over is X − E/p.
pub fn simulate(
    params: Params,
    marks: &MarkLaw,
    first_mark: f64,
    end: f64,
    max_events: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Point> {
    let Params { infectiousness: p, decay: beta } = params;
    let law = marks.power_law();
    let mut points = Vec::new();
    let (mut time, mut mark, mut excitation) = (0.0, first_mark, 0.0);
    while points.len() < max_events {
        points.push(Point { time, magnitude: mark });
        excitation += mark;
        let spent = exponential(rng) / p;
        if spent >= excitation {
            break;
        }
        time -= (-spent / excitation).ln_1p() / beta;
        if time > end {
            break;
        }
        excitation -= spent;
        mark = law.draw(rng);
    }
    points
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::hawkes::testing::simulated;

    #[test]
    fn the_same_seed_draws_the_same_cascade() {
        let draw = |seed| simulated(seed, 0.9, 1e-3, 1000.0, 1e5).0;
        for seed in 0..20 {
            assert_eq!(draw(seed), draw(seed));
            assert_ne!(draw(seed), draw(seed + 1));
        }
    }

    #[test]
    fn events_come_in_order_and_within_the_bounds() {
        for seed in 0..200 {
            let (points, _) = simulated(seed, 0.95, 1e-3, 3000.0, 3600.0);
            assert_eq!(points[0], Point { time: 0.0, magnitude: 3000.0 });
            assert!(points.is_sorted_by(|a, b| a.time <= b.time), "seed {seed}");
            assert!(points.iter().all(|p| p.time <= 3600.0 && p.magnitude >= 10.0), "seed {seed}");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let params = Params::new(2.0 / 35.0, 1e-3).unwrap();
        assert_eq!(simulate(params, &MarkLaw::USUAL, 1e5, 1e9, 777, &mut rng).len(), 777);
        assert!(simulate(params, &MarkLaw::USUAL, 1e5, 1e9, 0, &mut rng).is_empty());
        assert_eq!(simulate(params, &MarkLaw::USUAL, 0.0, 1e9, 9, &mut rng).len(), 1);
    }

    /// With marks of finite variance the size 1 + p m₁/(1 − n*) is a mean that a sample finds.
    #[test]
    fn the_mean_size_is_that_of_the_theory() {
        let marks = MarkLaw::Pareto { exponent: 6.0, minimum: 10.0 };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for n_star in [0.0001, 0.5, 0.8] {
            let params = Params::new(n_star / 12.5, 1e-3).unwrap();
            let first_mark = 20.0 / params.infectiousness;
            let mut draw =
                || simulate(params, &marks, first_mark, f64::MAX, 1_000_000, &mut rng).len();
            let sizes: Vec<f64> = (0..3000).map(|_| draw() as f64).collect();
            let mean = sizes.iter().sum::<f64>() / 3000.0;
            let variance = sizes.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 2999.0;
            let expected = 1.0 + 20.0 / (1.0 - n_star);
            let error = (variance / 3000.0).sqrt();
            assert!(
                (mean - expected).abs() < 4.0 * error,
                "n* {n_star}: {mean} {expected} {error}"
            );
        }
    }

    /// The next event comes later than t with probability exp(−Λ(t)).
    #[test]
    fn the_first_gap_follows_the_intensity() {
        let params = Params::new(0.002, 1.0 / 3600.0).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let gaps: Vec<Option<f64>> = (0..50_000)
            .map(|_| simulate(params, &MarkLaw::USUAL, 1000.0, f64::MAX, 2, &mut rng))
            .map(|points| points.get(1).map(|p| p.time))
            .collect();
        for t in [300.0, 3600.0, 10_000.0, f64::MAX] {
            let later =
                gaps.iter().filter(|gap| gap.is_none_or(|gap| gap > t)).count() as f64 / 5e4;
            let expected = (-2.0 * (1.0 - f64::exp(-t / 3600.0))).exp();
            assert!(
                (later - expected).abs() < 4.0 * (0.25 / 5e4f64).sqrt(),
                "{t}: {later} {expected}"
            );
        }
    }
}
