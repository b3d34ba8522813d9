//! The branching factor, the expected final size, and the rate of the growth.

use super::Params;
use super::kernel::Excitation;
use crate::cascade::Point;

/// n* = p E\[m\]: the mean number of children of an event.
pub fn branching_factor(params: Params, mean_mark: f64) -> f64 {
    params.infectiousness * mean_mark
}

/// G1 = p A(T): the expected children, after `end`, of the events up to `end`.
pub fn first_generation(points: &[Point], end: f64, params: Params) -> f64 {
    let mut excitation = Excitation::new(params.decay);
    points.iter().for_each(|point| excitation.add(point));
    params.infectiousness * excitation.at(end)
}

/// n_supp = G1/(1 − n*): the expected number of events after `end`; infinite where n* ≥ 1.
///
/// Each of the G1 children is the root of a tree of mean size 1 + n* + n*² + … (Mishra, Rizoiu & Xie, CIKM 2016,
/// equation 8).
pub fn expected_events(first_generation: f64, branching_factor: f64) -> f64 {
    if first_generation == 0.0 {
        0.0
    } else if branching_factor >= 1.0 {
        f64::INFINITY
    } else {
        first_generation / (1.0 - branching_factor)
    }
}

/// n + n_supp: the expected final size of a cascade observed until `end`.
pub fn expected_size(points: &[Point], end: f64, params: Params, mean_mark: f64) -> f64 {
    let first_generation = first_generation(points, end, params);
    let branching_factor = branching_factor(params, mean_mark);
    points.len() as f64 + expected_events(first_generation, branching_factor)
}

/// β (1 − n*), in 1/s for β in 1/s and n* below 1: the mean intensity decays as exp(−β (1 − n*) s), so n_supp (1 −
/// exp(−β (1 − n*) s)) events are expected within s seconds after the end of the observation.
///
/// The expected count N(s) solves dN/ds = β (G1 + (n* − 1) N).
pub fn growth_rate(decay: f64, branching_factor: f64) -> f64 {
    decay * (1.0 - branching_factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hawkes::testing::{extreme, random_cascade, random_params, reference_cascade};
    use crate::math;

    #[test]
    fn the_expected_size_agrees_with_the_test_vectors() {
        let (all, _) = reference_cascade();
        let params = Params::new(0.02, 1.0 / 3600.0).unwrap();
        for (end, size) in
            [(300.0, 290.7797), (600.0, 285.6802), (1200.0, 285.1896), (1800.0, 281.0748)]
        {
            let points: Vec<Point> = all.iter().filter(|p| p.time <= end).copied().collect();
            let first_generation = first_generation(&points, end, params);
            let found = 227.0 + expected_events(first_generation, branching_factor(params, 35.0));
            assert!((found - size).abs() <= 0.5e-4, "{end} s: {found}");
        }
    }

    #[test]
    fn the_first_generation_is_the_remaining_compensator() {
        for seed in 0..200 {
            let (points, end) = random_cascade(seed);
            let params = random_params(seed);
            let remaining: f64 = points
                .iter()
                .map(|e| {
                    params.infectiousness * e.magnitude * math::exp(-params.decay * (end - e.time))
                })
                .sum();
            let found = first_generation(&points, end, params);
            let off = (found - remaining).abs();
            assert!(off <= 1e-13 * remaining, "seed {seed}: {found} {remaining}");
        }
    }

    /// N(s), the expected count, solves dN/ds = β (G1 + (n* − 1) N): compared with Euler's method.
    #[test]
    fn the_curve_solves_its_differential_equation() {
        for branching_factor in [0.0, 0.5, 0.99] {
            let (first_generation, decay, horizon, steps) = (40.0, 1e-3, 2000.0, 200_000);
            let step = horizon / f64::from(steps);
            let mut count = 0.0;
            for _ in 0..steps {
                count += step * decay * (first_generation + (branching_factor - 1.0) * count);
            }
            let rate = growth_rate(decay, branching_factor);
            let found =
                expected_events(first_generation, branching_factor) * -math::expm1(-rate * horizon);
            assert!((found / count - 1.0).abs() < 1e-4, "n* {branching_factor}: {found} {count}");
        }
    }

    #[test]
    fn without_children_nothing_is_expected_and_with_n_star_1_no_end() {
        assert_eq!(expected_events(0.0, 1.0), 0.0);
        assert_eq!(expected_events(1.0, 1.0), f64::INFINITY);
    }

    #[test]
    fn the_expected_size_of_extreme_cascades_is_finite() {
        for (name, points, end) in extreme() {
            let params = Params::new(1e-8, 1e-4).unwrap();
            let size = expected_size(&points, end, params, 35.0);
            assert!(size.is_finite() && size >= points.len() as f64, "{name}: {size}");
        }
    }
}
