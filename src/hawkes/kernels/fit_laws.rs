//! Laws of the fits, on simulated and real cascades.

use super::model::{Family, Parameters, Precision};
use super::observed::{Observed, spread};
use super::tests::cascade;
use crate::math;

#[test]
fn the_parameters_of_simulated_cascades_are_recovered_and_their_residuals_are_exponential() {
    use super::diagnostics::residuals;
    use super::fit::{MarkExponent, Model, Population};
    use super::simulate::simulate;
    use crate::hawkes::mark::MarkLaw;
    use crate::hawkes::residuals::test_exponential;
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::SeedableRng;
    let infinite = f64::INFINITY;
    let cases = [
        (Family::Exponential, Parameters::exponential(0.8, 0.001, Some(1.0), infinite)),
        (Family::PowerLaw, Parameters::power_law(15.0, 60.0, 0.8, Some(1.0), infinite)),
        (Family::Exponential, Parameters::exponential(1.8, 0.001, Some(1.0), 1500.0)),
    ];
    for (family, truth) in cases {
        let finite = truth.population.is_finite();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        // The observation ends while the cascade is active: in one that has died out the last interval is missing.
        let end = if finite { 2e6 } else { 3000.0 };
        let marks = MarkLaw::Mean(1.0);
        let points = simulate(family, &truth, &marks, 800.0, end, 10_000, &mut rng);
        assert!(points.len() > 500, "{family}: {} events", points.len());
        let cascades = [Observed::new(&points, end)];
        let population = if finite { Population::Free } else { Population::Infinite };
        let model = Model {
            family,
            marks: MarkExponent::Fixed(1.0),
            population,
            exact_below: usize::MAX,
            threads: 1,
        };
        let found = model.fit(&cascades);
        assert!(found.converged, "{family}: {found:?}");
        let errors = found.standard_errors(&cascades, 1).unwrap();
        let shape = family.shape_len();
        for i in 1..=shape {
            let (found, truth) = (found.parameters.coords[i], truth.coords[i]);
            assert!((found - truth).abs() < 0.5, "{family} coordinate {i}: {found} {truth}");
        }
        if finite {
            let n = found.parameters.population;
            assert!((n / 1500.0 - 1.0).abs() < 0.1, "N {n}, errors {errors:?}");
        }
        let all: Vec<f64> = cascades
            .iter()
            .flat_map(|observed| residuals(family, observed, &truth, false))
            .collect();
        let test = test_exponential(&all);
        assert!(test.p_value > 0.001, "{family}: {test:?}");
    }
}

#[test]
fn the_profile_interval_contains_the_estimate_and_falls_by_the_quantile() {
    use super::fit::{MarkExponent, Model, Population};
    let cascades = [cascade(80)];
    let model = Model {
        family: Family::Exponential,
        marks: MarkExponent::Unmarked,
        population: Population::Infinite,
        exact_below: usize::MAX,
        threads: 1,
    };
    let fitted = model.fit(&cascades);
    let [(name, [low, high])] = model.profile(&cascades, &fitted)[..] else { panic!() };
    let theta = math::exp(fitted.parameters.coords[1]);
    assert!(name == "theta" && low < theta && theta < high, "{low} {theta} {high}");
    let objective = model.objective(&cascades, Precision::Exact);
    for end in [low, high] {
        let mut at = fitted.at;
        at[1] = math::ln(end);
        let fall = objective.at(&at).value + fitted.log_likelihood;
        assert!((fall - 1.920_729).abs() < 1e-4, "{end}: {fall}");
    }
}

#[test]
fn rounding_to_whole_seconds_does_not_change_the_verdict_on_the_truth() {
    use super::diagnostics::{diagnose, residuals};
    use super::simulate::simulate;
    use crate::hawkes::mark::MarkLaw;
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::SeedableRng;
    let truth = Parameters::exponential(0.8, 0.002, Some(1.0), f64::INFINITY);
    let marks = MarkLaw::Mean(1.0);
    let of = |observed: &Observed| {
        diagnose(&residuals(Family::Exponential, observed, &truth, false)).verdict == "good"
    };
    let mut good = [0; 3];
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut points =
            simulate(Family::Exponential, &truth, &marks, 800.0, 1500.0, 10_000, &mut rng);
        good[0] += i32::from(of(&Observed::new(&points, 1500.0)));
        points.iter_mut().for_each(|point| point.time = point.time.floor());
        let observed = Observed::new(&points, 1500.0);
        let moved = spread(&points).unwrap();
        good[1] += i32::from(of(&observed));
        good[2] += i32::from(of(&Observed::new(&moved, 1501.0)));
        assert!(moved.is_sorted_by_key(|point| point.time) && moved.len() == points.len());
        assert_eq!(spread(&moved), None);
        points.iter_mut().for_each(|point| point.time -= point.time % 60.0);
        let moved = spread(&points).unwrap();
        let beyond = moved.iter().filter(|point| point.time % 60.0 >= 1.0).count();
        assert!(beyond * 10 > moved.len() * 8, "{beyond} of {}", moved.len());
    }
    assert!(good[0] >= 15 && good[1] == 0 && good[2] >= 15, "{good:?}");
}

#[test]
fn the_global_maximum_of_an_exponential_is_found() {
    use super::fit::{MarkExponent, Model, Population};
    use crate::hawkes::testing::{real_cascades, simulated, two_maxima};
    let mut all = two_maxima();
    for seconds in [300.0, 3600.0] {
        all.extend(real_cascades(seconds).into_iter().filter(|(points, _)| points.len() < 1500));
    }
    all.extend((0..60).map(|seed| (simulated(seed, 0.9, 1e-3, 1e4, 3e4).0, 3e4)));
    for (i, (points, end)) in all.iter().enumerate().filter(|(_, (points, _))| points.len() > 5) {
        let cascades = [Observed::new(points, *end)];
        for marks in [MarkExponent::Unmarked, MarkExponent::Fixed(1.0)] {
            let model = Model {
                family: Family::Exponential,
                marks,
                population: Population::Infinite,
                exact_below: 2000,
                threads: 1,
            };
            let found = model.fit(&cascades);
            let objective = model.objective(&cascades, Precision::Exact);
            let mut at = found.at;
            for k in 0..=320 {
                at[1] = -15.9 * f64::from(k) / 320.0;
                let value = -objective.at(&at).value;
                let short = value - found.log_likelihood;
                assert!(short < 1e-6, "cascade {i}, {marks:?}: {found:?} at {at:?}: {short}");
            }
        }
    }
}

#[test]
fn every_free_parameter_has_a_standard_error_and_one_at_a_bound_has_none() {
    use super::fit::{MarkExponent, Model, Population};
    let cascades = [cascade(120)];
    for family in [Family::Exponential, Family::PowerLaw, Family::SumExp(2), Family::Seismic] {
        // A limit of 0 holds the exponent at a bound.
        for (marks, population) in [
            (MarkExponent::Free(0.0), Population::Infinite),
            (MarkExponent::Free(1.2), Population::Free),
            (MarkExponent::Fixed(0.5), Population::Fixed(500.0)),
        ] {
            let model = Model { family, marks, population, exact_below: 2000, threads: 1 };
            let fitted = model.fit(&cascades);
            let named = fitted.named();
            let Some(errors) = fitted.standard_errors(&cascades, 1) else { continue };
            assert_eq!(errors.len(), named.len(), "{family}");
            assert!(errors.iter().all(|error| error.is_finite()), "{family}: {errors:?}");
            assert!(errors[0] > 0.0, "{family}: {errors:?}");
            let beta = named.iter().position(|(name, _)| *name == "beta").unwrap();
            let interior = fitted.interior.contains(&0);
            assert_eq!(errors[beta] > 0.0, interior, "{family} {marks:?}: {errors:?}");
        }
    }
}
