//! Laws of the evaluation.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::hawkes::Estimator;
use crate::hawkes::mark::MarkLaw;
use crate::learn::{Aggregate, Target};
use crate::stage::fit::Cut;

/// Cascades that slow down, each at its own pace, some of them too small to be scored.
fn pasts(seed: u64, count: usize) -> Vec<Past> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let mut past = |number: usize| {
        let (size, pace) = (5.0 + 120.0 * uniform().powi(2), 2.0 + 3.0 * uniform());
        let mut times: Vec<f64> =
            (0..size as usize).map(|_| 50_000.0 * uniform().powf(pace)).collect();
        times[0] = 0.0;
        times.sort_by(f64::total_cmp);
        let point = |time| Point { time, magnitude: (1.0 / uniform()).floor() };
        let points = times.into_iter().map(point).collect();
        Past { cid: format!("c{number}"), t0: number.is_multiple_of(2).then_some(1.4e9), points }
    };
    (0..count).map(&mut past).collect()
}

fn options(threads: usize) -> EvaluateOptions {
    let fit = FitOptions {
        estimator: Estimator::Map,
        marks: MarkLaw::Data,
        threads,
        utc_offset: 0.0,
        history: Cut::Until(None),
        features: true,
        kernels: None,
    };
    let predict = PredictOptions {
        level: 0.9,
        alert_above: None,
        max_pending: 1,
        pin: Vec::new(),
        curve: false,
    };
    let (target, aggregate) = (Target::LogRatio, Aggregate::RelativeMedian);
    let train = TrainOptions { trees: 12, target, aggregate, seed: 1, newest: 100_000, threads };
    let windows = vec![600, 3600];
    EvaluateOptions { windows, folds: 4, max_age: 40_000.0, min_size: 10, fit, predict, train }
}

#[test]
fn every_cascade_of_the_minimum_size_is_scored_against_its_events_up_to_an_age() {
    let (past, options) = (pasts(1, 70), options(1));
    let cases = evaluate(&past, &options);
    let mut expected = Vec::new();
    for window in &options.windows {
        for past in &past {
            let by = |age: f64| past.points.iter().filter(|it| it.time <= age).count() as u64;
            let (n_obs, n_tot) = (by(*window as f64), by(options.max_age));
            if n_obs >= options.min_size {
                expected.push((past.cid.clone(), *window, n_obs, n_tot));
            }
        }
    }
    let scored = cases.iter().map(|it| (it.cid.clone(), it.t_obs, it.n_obs, it.n_tot));
    assert_eq!(scored.collect::<Vec<_>>(), expected);
    assert!(expected.len() > 60 && expected.len() < 140, "{}", expected.len());
    for case in &cases {
        assert!(case.step.is_some(), "{case:?}");
        for Answer { n_tot, interval, .. } in case.answers {
            assert!(n_tot.is_finite() && n_tot >= case.n_obs as f64, "{case:?}");
            assert!(interval.is_none_or(|[low, high]| low <= n_tot && n_tot <= high));
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let past = pasts(2, 50);
    let alone = options(1);
    let cases = evaluate(&past, &alone);
    let rows = score(&cases, &alone);
    for threads in [2, 5] {
        let together = options(threads);
        assert_eq!(evaluate(&past, &together), cases, "{threads} threads");
        assert_eq!(score(&cases, &together), rows, "{threads} threads");
    }
}

#[test]
fn the_end_of_a_cascade_does_not_reach_its_own_prediction() {
    let (mut past, options) = (pasts(3, 90), options(2));
    let before = evaluate(&past, &options);
    // The folds are of the cascades that are scored at any window.
    let id = |cid: &str| format!("0/{cid}");
    let ids: Vec<String> = before.iter().map(|case| id(&case.cid)).collect();
    let folds = learn::Folds::assign(ids.iter().map(String::as_str), 1, options.folds);
    let fold = |cid: &str| folds.of(&id(cid));
    // All cascades of a fold end after the largest window.
    for past in past.iter_mut().filter(|past| fold(&past.cid) == Some(0)) {
        past.points.retain(|point| point.time <= 3600.0);
    }
    let after = evaluate(&past, &options);
    let (mut same, mut moved) = (0, 0);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.cid, after.cid);
        if fold(&before.cid) == Some(0) {
            assert_eq!(before.answers, after.answers, "{}", before.cid);
            same += u32::from(before.n_tot > after.n_tot);
        } else {
            moved += u32::from(before.answers != after.answers);
        }
    }
    assert!(same > 10 && moved > 10, "{same} {moved}");
}

#[test]
fn with_too_few_cascades_the_model_predicts_as_untrained() {
    let (past, options) = (pasts(4, 9), options(1));
    let cases = evaluate(&past, &options);
    assert!(!cases.is_empty());
    for case in &cases {
        let [model, _, _, _, hawkes, seismic, hybrid] = case.answers;
        assert_eq!(case.step, None);
        assert_eq!((model.n_tot, model.interval), (seismic.n_tot, seismic.interval));
        assert_eq!(hybrid.n_tot, hawkes.n_tot);
        assert!(!model.own && !hybrid.own);
    }
    assert!(score(&cases, &options).iter().all(|row| row.t_obs == 600 || row.t_obs == 3600));
    assert_eq!(score(&[], &options), Vec::new());
}
