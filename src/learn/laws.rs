//! Laws of the bounds in `learn`: of the steps of a model, of the rows that it learns from, and of its forecasts.

use super::features::{features, ladder};
use super::fitted_law::LawFit;
use super::forecast::{Calibration, Forecast, Step, TwoPiece};
use super::options::LearnOptions;
use super::sample::Sample;
use super::select::fit_model;
use super::target::Aggregate;
use super::weighted::WeightedValues;
use crate::cascade::Point;
use crate::math;

/// `count` events that slow down, up to an age in seconds.
fn points(count: usize, age: f64) -> Vec<Point> {
    let at = |i: usize| age * math::pow(i as f64 / count as f64, 2.0);
    (0..count).map(|i| Point { time: at(i), magnitude: 1.0 }).collect()
}

/// A cascade of `count` events in `window` seconds, and of as many after it and `number` more.
fn sample(number: usize, count: usize, window: f64) -> Sample {
    let n_obs = count as f64;
    Sample {
        id: format!("0/{number}"),
        t_obs: window,
        n_obs,
        n_tot: 2.0 * n_obs + number as f64,
        features: features(&points(count, window), window, &[]),
        ..Sample::default()
    }
}

fn options(window: f64) -> LearnOptions {
    LearnOptions { window, trees: 3, ..LearnOptions::default() }
}

#[test]
fn a_model_takes_its_next_step_at_10_cascades_and_at_20_samples() {
    let samples: Vec<Sample> = (0..20).map(|i| sample(i, 12 + i, 600.0)).collect();
    let step = |count: usize| fit_model(&samples[..count], &options(600.0)).unwrap().step();
    let found = [1, 9, 10, 19, 20].map(step);
    let expected = [Step::GrowthLaw, Step::GrowthLaw, Step::MapLaw, Step::MapLaw, Step::Forest];
    assert_eq!(found, expected);
    // From 20 cascades on the intervals of the law are calibrated.
    let calibrated = |count: usize| {
        let laws = LawFit::new(&samples[..count], &options(600.0));
        !laws.law.calibration.0.is_empty()
    };
    assert_eq!([19, 20].map(calibrated), [false, true]);
}

#[test]
fn the_law_learns_from_ages_of_5_minutes_to_6_hours_with_10_events() {
    for (count, window, expected) in [
        (10, 300.0, 1),
        (9, 300.0, 0),
        (50, 299.0, 0),
        (10, 21_600.0, 1),
        (50, 21_630.0, 0),
        (9, 3600.0, 0),
        (10, 3600.0, 1),
    ] {
        let law = LawFit::new(&[sample(0, count, window)], &options(window)).law;
        assert_eq!(law.cascades(), expected, "{count} events in {window} s");
    }
}

#[test]
fn earlier_ages_are_the_window_over_powers_of_root_2_down_to_a_bound() {
    // Whole numbers: 150 s of 600 s, a quarter of 100 s.
    for (window, expected) in [
        (600.0, vec![424.264, 300.0, 212.132, 150.0]),
        (100.0, vec![70.7107, 50.0, 35.3553, 25.0]),
        (2400.0, vec![1697.06, 1200.0, 848.528, 600.0, 424.264, 300.0, 212.132, 150.0]),
    ] {
        let at_once: Vec<Point> = (0..6).map(|_| Point { time: 0.0, magnitude: 1.0 }).collect();
        assert_eq!(ladder(&at_once, window), expected);
        assert_eq!(ladder(&at_once[..5], window), Vec::<f64>::new(), "five events");
    }
    // The sixth event is at the age 300 s, and counts there.
    let mut late = points(5, 100.0);
    late.push(Point { time: 300.0, magnitude: 1.0 });
    assert_eq!(ladder(&late, 600.0), [424.264, 300.0]);
    // Ten ages at most.
    assert_eq!(ladder(&points(50, 100.0), 604_800.0).len(), 10);
}

/// ln(N/n) is ln 2, ln 3 or ln 4 with equal probability, after ten events.
fn of_values(calibration: &Calibration) -> Forecast<'_> {
    let values = [2.0, 3.0, 4.0].map(|ratio| (math::ln(ratio), 1.0));
    let values = WeightedValues::new(values.to_vec());
    Forecast::new(10.0, values, Aggregate::Median, None, calibration)
}

#[test]
fn the_probability_of_a_larger_size_is_the_share_of_the_values_above() {
    let none = Calibration::default();
    let forecast = of_values(&none);
    assert!((forecast.n_tot() - 30.0).abs() < 1e-12);
    let third = 1.0 / 3.0;
    for (k, expected) in [
        (9.0, 1.0),
        (9.999, 1.0),
        (10.0, 1.0),
        (19.0, 1.0),
        (20.5, 2.0 * third),
        (29.5, 2.0 * third),
        (30.5, third),
        (39.5, third),
        (40.5, 0.0),
        (9_999.0, 0.0),
        (10_000.0, 0.0),
    ] {
        let found = forecast.probability_above(k);
        assert!((found - expected).abs() < 1e-12, "{k}: {found}");
    }
    // The smallest value at which the weight reaches the share of a quantile.
    for (level, expected) in [(0.2, (30.0, 30.0)), (0.5, (20.0, 40.0))] {
        let (low, high) = forecast.interval(level);
        // The prediction is 30 but for the rounding of a floating-point number.
        assert!((low - expected.0).abs() < 2e-3 && (high - expected.1).abs() < 2e-3, "{level}");
    }
}

/// The distribution of the law has no bound; a size is whole, at least n, and at most the largest.
#[test]
fn the_probability_of_the_law_is_that_of_whole_sizes() {
    let none = Calibration::default();
    let law = TwoPiece { log_further: 0.0, below: 1.0, above: 2.0 };
    let forecast = Forecast::two_piece(10.0, law, &none);
    assert!((forecast.n_tot() - 20.0).abs() < 1e-12);
    let above = |k: f64| forecast.probability_above(k);
    assert_eq!((above(9.999), above(10_000.0)), (1.0, 0.0));
    assert!(above(10.0) < 1.0 && above(9_999.0) > 0.0);
    assert_eq!(above(19.9), above(19.0));
    // g = ln((k + 0.5 - n)/n) = 0 has half of the probability above it.
    let at_the_median = TwoPiece { log_further: math::ln(0.95), ..law };
    let forecast = Forecast::two_piece(10.0, at_the_median, &none);
    assert!((forecast.probability_above(19.0) - 0.5).abs() < 1e-6);
}

#[test]
fn the_widening_is_the_miss_of_its_rank_and_linear_between_levels() {
    // Held-out forecasts without uncertainty at 10 events, which miss by 1, 2, 3 ... tenths.
    let none = Calibration::default();
    let point = WeightedValues::new(vec![(0.0, 1.0)]);
    let widths = |count: u32| {
        let missed = |i: u32| {
            let forecast = Forecast::new(10.0, point.clone(), Aggregate::Median, None, &none);
            (forecast.held_out(), f64::from(i) / 10.0)
        };
        let held_out: Vec<_> = (1..=count).map(missed).collect();
        Calibration::measure(&held_out).0
    };
    // The rank of a level among n is ceil((n + 1) level), and the last one where there is no such forecast.
    for (count, expected) in
        [(9, [0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9]), (12, [0.7, 0.8, 1.0, 1.1, 1.2, 1.2, 1.2])]
    {
        for ((level, width), expected) in widths(count).into_iter().zip(expected) {
            assert!((width - expected).abs() < 1e-12, "{count}, {level}: {width}");
        }
    }
    let narrow = Calibration(vec![(0.5, 0.1), (0.9, 0.5)]);
    for (level, width) in [(0.2, 0.1), (0.5, 0.1), (0.6, 0.2), (0.8, 0.4), (0.9, 0.5), (0.99, 0.5)]
    {
        let found = narrow.at(level);
        assert!((found - width).abs() < 1e-12, "{level}: {found}");
    }
}
