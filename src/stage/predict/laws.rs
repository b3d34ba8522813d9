//! Laws of predictions, in every step from no finished cascade to a forest.

use std::sync::Arc;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use super::super::Outgoing;
use super::*;
use crate::cascade::{Point, largest_size};
use crate::hawkes::Estimator;
use crate::hawkes::mark::MarkLaw;
use crate::learn::{GrowthLaw, LearnOptions, fit_model};
use crate::math;
use crate::record::{Interval, Serie};
use crate::stage::fit::{Cut, FitOptions};
use crate::stage::train::learn_sample;

fn options(method: Method) -> PredictOptions {
    PredictOptions {
        method,
        law: GrowthLaw::default(),
        above: vec![50.0, 100.0, 1e6],
        level: 0.9,
        alert_above: Some(100.0),
        max_pending: 10,
        pin: Vec::new(),
        curve: true,
        explain: true,
    }
}

/// The parameters that `fit` emits for a cascade, with times in seconds since the root.
fn fitted(points: &[Point], t_obs: u64) -> Parameters {
    let fit = FitOptions {
        estimator: Estimator::Map,
        marks: MarkLaw::Data,
        threads: 1,
        utc_offset: 0.0,
        skip: 0,
        history: Cut::Until(None),
        features: true,
        kernels: None,
    };
    let serie = Serie {
        cid: "a".to_owned(),
        source: "0".to_owned(),
        t: t_obs as f64,
        msg: String::new(),
        t_obs,
        tweets: points.to_vec(),
    };
    let seen: Vec<Point> = points.iter().filter(|it| it.time <= t_obs as f64).copied().collect();
    fit.parameters(&serie, &seen, t_obs as f64)
}

/// Cascade `i` of some that slow down, with marks of 1 or others; its events up to its end.
fn cascade(i: usize, marked: bool) -> Vec<Point> {
    let size = 40 + 37 * i % 200;
    let at = |place: usize| {
        let share = place as f64 / size as f64;
        let time = 40_000.0 * math::pow(share, 3.0 + 0.1 * (i % 20) as f64);
        Point { time, magnitude: if marked { ((7 * place) % 100) as f64 } else { 1.0 } }
    };
    (0..size).map(at).collect()
}

/// The model of the first cascades.
fn model(count: usize, window: u64, marked: bool) -> Model {
    model_at(count, window, marked, 5e4)
}

/// The same, of cascades that ended at time `t`.
fn model_at(count: usize, window: u64, marked: bool, t: f64) -> Model {
    let finished = |i: usize| {
        let points = cascade(i, marked);
        let mut sample = sample(&fitted(&points, window), points.len() as u64, t);
        sample.cid = i.to_string();
        learn_sample(&sample)
    };
    let samples: Vec<_> = (0..count).map(finished).collect();
    let options = LearnOptions { window: window as f64, trees: 10, ..LearnOptions::default() };
    fit_model(&samples, &options).expect("there are samples")
}

fn hostile() -> Vec<(&'static str, Vec<Point>)> {
    let series = |count: usize, point: &dyn Fn(usize) -> (f64, f64)| -> Vec<Point> {
        let at = |(time, magnitude)| Point { time, magnitude };
        (0..count).map(point).map(at).collect()
    };
    vec![
        ("one event", series(1, &|_| (0.0, 1.0))),
        ("two events", series(2, &|i| (i as f64, 1.0))),
        ("equal times", series(50, &|_| (0.0, 7.0))),
        ("zero marks", series(50, &|i| (i as f64, 0.0))),
        ("huge marks", series(50, &|i| (i as f64, 1e12))),
        ("one huge mark", series(50, &|i| (i as f64, if i == 7 { 1e12 } else { 0.0 }))),
        ("20,000 events in a second", series(20_000, &|i| (i as f64 / 2e4, 3.0))),
        ("all at the end", series(50, &|i| (if i == 0 { 0.0 } else { 600.0 }, 1.0))),
        ("ever faster", series(900, &|i| (600.0 * math::pow(i as f64 / 900.0, 0.1), 1.0))),
        (
            "ever faster, with marks",
            series(900, &|i| (600.0 * math::pow(i as f64 / 900.0, 0.1), 9.0)),
        ),
        ("tiny steps", series(50, &|i| (i as f64 * 1e-300, 1.0))),
    ]
}

#[test]
fn every_prediction_is_finite_at_least_n_at_most_the_cap_and_in_its_interval() {
    let mut steps = std::collections::BTreeSet::new();
    for method in
        [Method::Auto, Method::GrowthLaw, Method::Seismic, Method::Hawkes, Method::Kernel(None)]
    {
        for count in [0, 1, 9, 10, 19, 25] {
            let mut predict = Predict::new(options(method));
            if count > 0 {
                predict.use_model(Arc::new(model(count, 600, count % 2 == 0)));
            }
            for (name, points) in hostile() {
                for t_obs in [1, 60, 600, 3600, 10_000_000_000] {
                    let parameters = fitted(&points, t_obs);
                    let n = parameters.n_obs as f64;
                    let alert = predict.answer(&parameters);
                    let what = format!("{name}, {t_obs} s, {count} cascades: {alert:?}");
                    let Interval { low, high, .. } = alert.interval.expect("every answer has one");
                    let largest = largest_size(n);
                    assert!(n <= low && low <= alert.n_tot, "{what}");
                    assert!(alert.n_tot <= high && high <= largest, "{what}");
                    let limits: Vec<&str> = alert.p_above.iter().map(|(k, _)| &**k).collect();
                    assert_eq!(limits, ["100", "50", "1000000"], "{what}");
                    let [at, below, far] = [0, 1, 2].map(|i| alert.p_above[i].1);
                    assert!(0.0 <= far && far <= at && at <= below && below <= 1.0, "{what}");
                    assert!(alert.curve.iter().all(|it| it.magnitude.is_finite()), "{what}");
                    let explanation = alert.explanation.as_ref().expect("every answer has one");
                    let terms = explanation.terms.iter().map(|(_, value)| value).sum::<f64>();
                    let error = explanation.average + terms - math::ln(alert.n_tot / n);
                    assert!(error.abs() < 1e-9, "{error}, {what}");
                    assert!(explanation.reasons.len() <= 3, "{what}");
                    for (k, after) in &alert.reached_after {
                        let k: f64 = k.parse().unwrap();
                        assert!(k <= alert.n_tot && after.is_finite() && *after >= 0.0, "{what}");
                        assert!((*after == 0.0) || k > n, "{what}");
                    }
                    steps.insert(alert.method);
                }
            }
        }
    }
    let expected = ["forest", "growth-law", "hawkes", "map-law", "seismic"];
    assert!(steps.iter().eq(expected.iter()), "{steps:?}");
}

/// A cascade without a model of its window is predicted by the corrected growth law that was fitted to the most
/// cascades.
#[test]
fn a_window_without_a_model_is_predicted_by_the_law_of_another_window() {
    let parameters = fitted(&cascade(3, false), 600);
    let mut predict = Predict::new(options(Method::Auto));
    let untrained = predict.answer(&parameters);
    assert_eq!((&*untrained.model, &*untrained.method), (UNTRAINED, "growth-law"));
    for (count, window, method) in [(5, 3600, "growth-law"), (12, 1800, "map-law")] {
        predict.use_model(Arc::new(model(count, window, false)));
        let alert = predict.answer(&parameters);
        assert_eq!((alert.model, &*alert.method), (format!("{window}-1"), method));
        assert_ne!(alert.n_tot, untrained.n_tot);
    }
    // Its own model has fewer cascades and no forest.
    predict.use_model(Arc::new(model(2, 600, false)));
    assert_eq!(predict.answer(&parameters).model, "1800-1");
    predict.use_model(Arc::new(model(25, 600, false)));
    let own = predict.answer(&parameters);
    assert_eq!((&*own.model, &*own.method), ("600-1", "forest"));
}

/// A model that no finished cascade with features has corrected predicts as without a model, and is named so.
#[test]
fn a_model_without_cascades_is_not_named_as_that_of_a_prediction() {
    let sample = crate::learn::Sample {
        id: "0/a".to_owned(),
        t_obs: 600.0,
        n_obs: 10.0,
        n_tot: 30.0,
        ..Default::default()
    };
    let options_of_600 = LearnOptions { window: 600.0, ..LearnOptions::default() };
    let empty = fit_model(&[sample], &options_of_600).unwrap();
    assert_eq!(empty.law().cascades(), 0);
    let parameters = fitted(&cascade(3, false), 600);
    let mut predict = Predict::new(options(Method::Auto));
    let untrained = predict.answer(&parameters);
    predict.use_model(Arc::new(empty));
    assert_eq!(predict.answer(&parameters), untrained);
    assert_eq!(untrained.model, UNTRAINED);
}

/// Records of other programs have no features: they are predicted by the process, as without a model.
#[test]
fn parameters_without_features_are_predicted_by_the_process() {
    let mut predict = Predict::new(options(Method::Auto));
    predict.use_model(Arc::new(model(12, 600, true)));
    let mut parameters = fitted(&cascade(3, true), 600);
    parameters.features = Default::default();
    parameters.seismic = Some(500.0);
    let alert = predict.answer(&parameters);
    assert_eq!((&*alert.model, &*alert.method), (UNTRAINED, "seismic"));
    parameters.seismic = None;
    assert_eq!(predict.answer(&parameters).method, "hawkes");
}

/// The expected time until a size, put into the curve, gives that size.
#[test]
fn the_expected_time_to_reach_a_size_lies_on_the_curve() {
    let mut checked = 0;
    for method in [Method::Auto, Method::Hawkes] {
        for i in 0..40 {
            let parameters = fitted(&cascade(i, false), 3600);
            let n = parameters.n_obs as f64;
            let predict = Predict::new(PredictOptions {
                above: vec![n, n + 1.0, n + 10.0, n + 1e6],
                alert_above: None,
                ..options(method)
            });
            let alert = predict.answer(&parameters);
            let reached = &alert.reached_after;
            assert!(reached.iter().any(|(k, after)| *k == n.to_string() && *after == 0.0));
            for (k, after) in reached {
                let k: f64 = k.parse().unwrap();
                assert!(k <= alert.n_tot, "{alert:?}");
                let points = &alert.curve;
                let Some(pair) = points.windows(2).find(|it| it[1].time > *after) else { continue };
                assert!(
                    pair[0].magnitude - 0.05 <= k && k <= pair[1].magnitude + 0.05,
                    "{k} at {after} s: {alert:?}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn reasons_are_the_largest_contributions_in_words() {
    let mut predict = Predict::new(PredictOptions { explain: true, ..options(Method::Auto) });
    let faster: Vec<Point> = (0..200)
        .map(|i| Point { time: 3600.0 * math::pow(f64::from(i) / 200.0, 0.4), magnitude: 1.0 })
        .collect();
    let explanation = predict.answer(&fitted(&faster, 3600)).explanation.unwrap();
    assert_eq!((&*explanation.step, explanation.cascades), ("growth-law", 0));
    assert!(explanation.reasons[0].starts_with("still accelerating: x"), "{explanation:?}");
    let (_, factor) = explanation.reasons[0].split_once(": x").unwrap();
    let pace = explanation
        .terms
        .iter()
        .filter(|(name, _)| name.starts_with("recent") || name.starts_with("trend"));
    let pace: f64 = pace.map(|(_, value)| value).sum();
    assert!(
        (factor.parse::<f64>().unwrap() / math::exp(pace) - 1.0).abs() < 0.05,
        "{explanation:?}"
    );
    for (count, step) in [(5, "shifted-law"), (12, "map-law"), (25, "forest")] {
        predict.use_model(Arc::new(model(count, 3600, false)));
        let alert = predict.answer(&fitted(&cascade(3, false), 3600));
        let explanation = alert.explanation.unwrap();
        let samples = if step == "forest" { count as u64 } else { 0 };
        assert_eq!(explanation.step, step);
        assert_eq!((explanation.cascades, explanation.samples), (count as u64, samples));
    }
    let silent = Predict::new(PredictOptions { explain: false, ..options(Method::Auto) });
    assert_eq!(silent.answer(&fitted(&faster, 3600)).explanation, None);
}

/// A stat counts the stats of its window that were emitted before its prediction was made.
#[test]
fn a_stat_has_the_number_of_cascades_finished_before_its_prediction() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |count: u64| rng.next_u64() % count;
        let mut records = Vec::new();
        for i in 0..60_u64 {
            for t_obs in [600, 3600] {
                let mut parameters = fitted(&cascade(i as usize, false), t_obs);
                parameters.cid = i.to_string();
                let size = Size {
                    cid: i.to_string(),
                    source: "0".to_owned(),
                    t: 5e4,
                    t_obs,
                    n_tot: parameters.n_obs + below(100),
                    t_end: 5e4,
                };
                let at = 10 * i + below(200);
                records.push((at, Record::Parameters(Box::new(parameters))));
                records.push((at + below(200), Record::Size(size)));
            }
        }
        records.sort_by_key(|(at, _)| *at);
        let options =
            PredictOptions { alert_above: None, max_pending: 1000, ..options(Method::GrowthLaw) };
        let mut predict = Predict::new(options);
        let (mut stats, mut before) = (HashMap::<u64, u64>::new(), HashMap::new());
        let mut known = 0;
        for (place, (_, record)) in records.into_iter().enumerate() {
            let mut out = Out::default();
            let item = record.into();
            predict.on_batch(&[RecordRef { position: place as u64, item }], &mut out);
            for item in out.take() {
                match item {
                    Outgoing::Record(Record::Alert(alert)) => {
                        let count = stats.get(&alert.t_obs).copied().unwrap_or(0);
                        before.insert((alert.cid, alert.t_obs), count);
                    }
                    Outgoing::Record(Record::Stat(stat)) => {
                        let expected = before[&(stat.cid.clone(), stat.t_obs)];
                        assert_eq!(stat.finished, Some(expected), "seed {seed}, {stat:?}");
                        *stats.entry(stat.t_obs).or_default() += 1;
                        known += expected;
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(stats.values().sum::<u64>(), 120);
        assert!(known > 1000, "{known}");
    }
}

/// Of laws of equally many cascades the newest predicts, then that of the nearest window, then that of the larger one.
#[test]
fn ties_between_laws_are_decided_by_the_newest_sample_and_the_nearest_window() {
    let parameters = fitted(&cascade(3, false), 600);
    let chosen = |models: &[(usize, u64, f64)]| {
        let mut predict = Predict::new(options(Method::Auto));
        for (count, window, t) in models {
            predict.use_model(Arc::new(model_at(*count, *window, false, *t)));
        }
        predict.answer(&parameters).model
    };
    assert_eq!(chosen(&[(12, 3600, 5e4), (13, 7200, 4e4)]), "7200-1");
    assert_eq!(chosen(&[(12, 1800, 5e4), (12, 3600, 5.1e4)]), "3600-1");
    assert_eq!(chosen(&[(12, 1800, 5e4), (12, 3600, 5e4)]), "1800-1");
    assert_eq!(chosen(&[(12, 60, 5e4), (12, 1800, 5e4)]), "1800-1");
    assert_eq!(chosen(&[(12, 300, 5e4), (12, 1200, 5e4)]), "1200-1");
}

/// A size that the window holds is reached at its end, one that is predicted exactly is reached, a larger one is not.
#[test]
fn a_size_equal_to_the_observed_or_the_predicted_one_is_reached() {
    let parameters = fitted(&cascade(3, false), 600);
    let (n, predict) = (parameters.n_obs as f64, Predict::new(options(Method::Auto)));
    let alert = predict.answer(&parameters);
    let reached = |size: f64| {
        let found = growth::reached_after(&parameters, &alert, &[size]);
        found.first().map(|(_, after)| *after)
    };
    assert_eq!((reached(n), reached(n - 1.0)), (Some(0.0), Some(0.0)));
    assert!(reached(n + 1.0).is_some_and(|after| after > 0.0));
    // With an age of 7 days at its last point.
    assert_eq!(reached(alert.n_tot), Some(604_800.0 - 600.0));
    assert_eq!(reached(alert.n_tot.next_up()), None);
}

#[test]
fn an_alert_is_emitted_above_the_limit_and_not_at_it() {
    let parameters = fitted(&cascade(3, false), 600);
    let n_tot = Predict::new(options(Method::Auto)).answer(&parameters).n_tot;
    for (limit, expected) in [(n_tot, 0), (n_tot.next_down(), 1), (n_tot.next_up(), 0)] {
        let mut predict =
            Predict::new(PredictOptions { alert_above: Some(limit), ..options(Method::Auto) });
        let mut out = Out::default();
        predict.parameters(&parameters, 0, &mut out);
        assert_eq!(out.items().len(), expected, "{limit}");
    }
}

#[test]
fn a_final_size_equal_to_the_observed_one_is_scored() {
    let parameters = fitted(&cascade(3, false), 600);
    for (more, scored) in [(0, 2), (1, 2), (-1, 0)] {
        let n_tot = parameters.n_obs.checked_add_signed(more).unwrap();
        let mut predict = Predict::new(options(Method::Auto));
        let mut out = Out::default();
        let Parameters { cid, source, t_obs, .. } = parameters.clone();
        predict.parameters(&parameters, 0, &mut Out::default());
        predict.size(&Size { cid, source, t: 5e4, t_obs, n_tot, t_end: 5e4 }, 1, &mut out);
        assert_eq!(out.items().len(), scored, "a sample and a stat of {more} events more");
    }
}
