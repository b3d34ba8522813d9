//! Laws of the evaluation.

use super::*;
use crate::hawkes::Estimator;
use crate::hawkes::mark::MarkLaw;
use crate::math;
use crate::random::{self, seeded_rng};
use crate::stage::fit::Cut;

/// Cascades that slow down, each at its own pace, some of them too small to be scored.
fn pasts(seed: u64, count: usize) -> Vec<FinishedCascade> {
    let mut rng = seeded_rng(seed, 0);
    let mut uniform = move || random::uniform(&mut rng);
    let mut past = |number: usize| {
        let (size, pace) = (5.0 + 120.0 * uniform().powi(2), 2.0 + 3.0 * uniform());
        let mut times: Vec<f64> =
            (0..size as usize).map(|_| 50_000.0 * math::pow(uniform(), pace)).collect();
        times[0] = 0.0;
        times.sort_by(f64::total_cmp);
        let point = |time| Point { time, magnitude: (1.0 / uniform()).floor() };
        let points = times.into_iter().map(point).collect();
        FinishedCascade {
            cid: format!("c{number}"),
            t0: number.is_multiple_of(2).then_some(1.4e9),
            points,
            observed: None,
        }
    };
    (0..count).map(&mut past).collect()
}

pub(super) fn options(threads: usize) -> EvaluateOptions {
    let fit = FitOptions {
        estimator: Estimator::Map,
        marks: MarkLaw::Data,
        threads,
        utc_offset: 0.0,
        skip: 0,
        history: Cut::Until(None),
        features: true,
        kernels: None,
    };
    let predict = PredictOptions { max_pending: 1, ..PredictOptions::default() };
    let learn = LearnOptions { trees: 12, threads, ..LearnOptions::default() };
    let windows = vec![600, 3600];
    EvaluateOptions {
        windows,
        folds: 4,
        max_age: 40_000.0,
        min_size: 10,
        fit,
        predict,
        kernels: Vec::new(),
        learn,
    }
}

#[test]
fn every_cascade_of_the_minimum_size_is_scored_against_its_events_up_to_an_age() {
    let (past, options) = (pasts(1, 70), options(1));
    let cases = evaluate(&past, &options, &|| ());
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
        for (_, MethodPrediction { n_tot, interval, .. }) in case.answers.iter().copied() {
            assert!(n_tot.is_finite() && n_tot >= case.n_obs as f64, "{case:?}");
            assert!(interval.is_none_or(|[low, high]| low <= n_tot && n_tot <= high));
        }
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let past = pasts(2, 50);
    let alone = options(1);
    let cases = evaluate(&past, &alone, &|| ());
    let rows = score(&cases, &alone);
    for threads in [2, 5] {
        let together = options(threads);
        assert_eq!(evaluate(&past, &together, &|| ()), cases, "{threads} threads");
        assert_eq!(score(&cases, &together), rows, "{threads} threads");
    }
}

#[test]
fn the_end_of_a_cascade_does_not_reach_its_own_prediction() {
    let (mut past, options) = (pasts(3, 90), options(2));
    let before = evaluate(&past, &options, &|| ());
    // The folds are of the cascades that are scored at any window.
    let id = |cid: &str| format!("0/{cid}");
    let ids: Vec<String> = before.iter().map(|case| id(&case.cid)).collect();
    let folds = learn::Folds::assign(ids.iter().map(String::as_str), 1, options.folds);
    let fold = |cid: &str| folds.of(&id(cid));
    // All cascades of a fold end after the largest window.
    for past in past.iter_mut().filter(|past| fold(&past.cid) == Some(0)) {
        past.points.retain(|point| point.time <= 3600.0);
    }
    let after = evaluate(&past, &options, &|| ());
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
fn with_few_cascades_the_model_is_the_growth_law_and_without_any_it_is_untrained() {
    let options = options(1);
    let all = pasts(4, 60);
    let big = |past: &&FinishedCascade| {
        let seen = past.points.iter().filter(|point| point.time <= 600.0).count();
        seen as u64 >= options.min_size
    };
    let past: Vec<FinishedCascade> = all.iter().filter(big).take(9).cloned().collect();
    assert_eq!(past.len(), 9);
    for count in [1, 9] {
        let cases = evaluate(&past[..count], &options, &|| ());
        assert!(cases.len() >= count);
        for case in &cases {
            let answers: [(Predictor, MethodPrediction); 8] =
                case.answers.clone().try_into().unwrap();
            let [model, growth_law, _, _, _, hawkes, _, hybrid] = answers.map(|(_, it)| it);
            assert_eq!(case.step, (count > 1).then_some(Step::GrowthLaw), "{case:?}");
            assert_eq!(model.own, count > 1);
            assert_eq!(model.n_tot == growth_law.n_tot, count == 1, "{case:?}");
            assert_eq!(hybrid.n_tot, hawkes.n_tot);
            assert!(!hybrid.own);
        }
    }
    assert_eq!(score(&[], &options), Vec::new());
}

#[test]
fn a_learning_curve_begins_at_the_growth_law_and_does_not_depend_on_the_number_of_threads() {
    let past = pasts(5, 90);
    let curve = CurveOptions { cascades: vec![0, 1, 12, 25, 1000], draws: 2 };
    let rows = learning_curve(&past, &options(1), &curve);
    assert_eq!(rows, learning_curve(&past, &options(3), &curve));
    // More cascades than a half has give no row.
    let counts: Vec<usize> = rows.iter().map(|row| row.cascades).collect();
    assert!(counts.chunk_by(|a, b| a == b).map(|it| it[0]).eq([0, 1, 12, 25]), "{counts:?}");
    let of = |count: usize, predictor: Predictor| {
        let is = |row: &&CurveRow| row.cascades == count && row.predictor == predictor;
        &rows.iter().find(is).unwrap().windows
    };
    assert_eq!(of(0, Predictor::Model), of(0, Predictor::GrowthLaw));
    assert_eq!(of(0, Predictor::MedianRatio), of(0, Predictor::NoGrowth));
    for (fewer, more) in [(0, 1), (1, 12), (12, 25)] {
        assert_ne!(of(fewer, Predictor::Model), of(more, Predictor::Model));
        // The same cascades are predicted.
        assert_eq!(of(fewer, Predictor::GrowthLaw), of(more, Predictor::GrowthLaw));
    }
}

/// Events of other cascades after an alert do not change its prediction.
#[test]
fn in_time_order_a_prediction_depends_only_on_cascades_that_had_ended() {
    const TERMINATED: f64 = 600.0;
    let options = options(2);
    let mut past = pasts(6, 90);
    for (place, past) in past.iter_mut().enumerate() {
        past.t0 = Some(2e9 + 1500.0 * place as f64);
    }
    let before = evaluate_in_time(&past, &options, TERMINATED);
    assert_eq!(before, evaluate_in_time(&past, &self::options(1), TERMINATED));
    let horizon = 2e9 + 1500.0 * 60.0;
    let root = |cid: &str| past.iter().find(|it| it.cid == cid).unwrap().t0.unwrap();
    let mut changed = past.clone();
    let mut longer = 0;
    for past in &mut changed {
        let root = past.t0.unwrap();
        let last = past.points.iter().rfind(|it| it.time <= options.max_age).unwrap().time;
        if root + (last + TERMINATED).max(3600.0) > horizon {
            // Events after the horizon, which the largest window of the cascade may not reach.
            let from = (horizon - root).max(3600.0) + 1.0;
            past.points.retain(|point| point.time < from);
            past.points
                .extend((0..500).map(|i| Point { time: from + f64::from(i), magnitude: 1.0 }));
            longer += 1;
        }
    }
    let after = evaluate_in_time(&changed, &options, TERMINATED);
    let (mut same, mut trained, mut differ) = (0, 0, 0);
    for (a, b) in before.iter().zip(&after) {
        assert_eq!((&a.cid, a.t_obs), (&b.cid, b.t_obs));
        if root(&a.cid) + a.t_obs as f64 <= horizon {
            assert_eq!(a.answers, b.answers, "{}", a.cid);
            same += 1;
            trained += usize::from(a.step.is_some());
        } else {
            differ += usize::from(a.answers != b.answers);
        }
    }
    assert!(
        longer > 5 && same > 40 && trained > 20 && differ > 5,
        "{longer} {same} {trained} {differ}"
    );
    // The first one was predicted without training.
    let first = before.iter().min_by(|a, b| root(&a.cid).total_cmp(&root(&b.cid))).unwrap();
    assert_eq!(first.step, None);
}

#[test]
fn without_times_each_cascade_begins_when_the_one_before_it_has_ended() {
    let (mut past, options) = (pasts(7, 60), options(1));
    past.iter_mut().for_each(|it| it.t0 = None);
    let cases = evaluate_in_time(&past, &options, 600.0);
    let untrained =
        |t_obs: u64| cases.iter().filter(|it| it.t_obs == t_obs && it.step.is_none()).count();
    assert!(untrained(600) <= 1 && untrained(3600) <= 1);
    assert!(cases.iter().any(|it| it.step == Some(Step::MapLaw)));
    // One dated cascade alone is evaluated.
    let id = cases[0].cid.clone();
    past.iter_mut().filter(|it| it.cid == id).for_each(|it| it.t0 = Some(2e9));
    let cases = evaluate_in_time(&past, &options, 600.0);
    assert!(!cases.is_empty() && cases.iter().all(|it| it.cid == id));
}

#[test]
fn the_calibration_counts_final_sizes_in_intervals_and_tenths() {
    let (past, options) = (pasts(8, 80), options(2));
    let cases = evaluate(&past, &options, &|| ());
    let rows = calibration(&cases, &options);
    assert_eq!(rows.len(), 6, "two windows and all, two methods");
    for row in &rows {
        let here: Vec<&Case> =
            cases.iter().filter(|it| row.t_obs.is_none_or(|t_obs| it.t_obs == t_obs)).collect();
        assert_eq!(row.scored, here.len());
        assert!((row.pit.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
        assert!(row.covered.is_sorted(), "{row:?}");
        // The level of the options is one of the levels.
        let place = usize::from(row.predictor == Predictor::GrowthLaw);
        let covers = |case: &&&Case| {
            let [low, high] = case.answers[place].1.interval.unwrap();
            (low..=high).contains(&(case.n_tot as f64))
        };
        let share = here.iter().filter(covers).count() as f64 / here.len() as f64;
        assert!((row.covered[2] - share).abs() < 1e-9, "{row:?} {share}");
    }
}

/// With an odd number of cascades the halves differ by one.
#[test]
fn each_row_of_a_learning_curve_has_the_predictions_of_all_draws() {
    for count in 4..10 {
        let past = pasts(7, count);
        let curve = CurveOptions { cascades: (0..=count).collect(), draws: 2 };
        let rows = learning_curve(&past, &options(1), &curve);
        let scored = |row: &CurveRow| -> Vec<usize> {
            row.windows.iter().map(|cell| cell.map_or(0, |cell| cell.scored)).collect()
        };
        assert!(rows.len() > 1, "{count}");
        assert!(rows.iter().all(|row| scored(row) == scored(&rows[0])), "{count}: {rows:?}");
    }
}

#[test]
fn an_answer_is_from_n_to_the_largest_size_and_its_interval_contains_it() {
    let answer = |n_tot: f64, interval| MethodPrediction { n_tot, interval, own: true };
    for (given, expected) in [
        (answer(9.0, None), answer(10.0, None)),
        (answer(f64::NAN, None), answer(10.0, None)),
        (answer(f64::INFINITY, None), answer(10_000.0, None)),
        (answer(10_001.0, None), answer(10_000.0, None)),
        (answer(10_000.0, None), answer(10_000.0, None)),
        (answer(25.5, Some([3.0, 40.0])), answer(25.5, Some([10.0, 40.0]))),
        (answer(25.5, Some([12.3456, 20.0])), answer(25.5, Some([12.345, 25.5]))),
        (answer(25.5, Some([30.0, 40.0])), answer(25.5, Some([25.5, 40.0]))),
        (answer(1.0, Some([1.0, 1.0])), answer(10.0, Some([10.0, 10.0]))),
    ] {
        assert_eq!(clamped(given, 10.0), expected, "{given:?}");
    }
    assert_eq!(clamped(answer(20.0, None), 0.0).n_tot, 0.0);
}

/// An interval that ends at the final size covers it.
#[test]
fn an_interval_covers_the_sizes_at_its_ends() {
    let case = |low: f64, high: f64| {
        let answer = MethodPrediction { n_tot: 15.0, interval: Some([low, high]), own: true };
        Case {
            cid: "a".to_owned(),
            t_obs: 600,
            n_obs: 10,
            n_tot: 15,
            step: None,
            forecasts: [None, None],
            answers: vec![(Predictor::Model, answer)],
        }
    };
    let cases = [case(15.0, 20.0), case(10.0, 15.0), case(15.001, 20.0), case(10.0, 14.999)];
    let covered = |places: &[usize]| {
        let cases: Vec<&Case> = places.iter().map(|place| &cases[*place]).collect();
        row(&cases, 0, 1).covered
    };
    assert_eq!((covered(&[0]), covered(&[1])), (Some(1.0), Some(1.0)));
    assert_eq!((covered(&[2]), covered(&[3])), (Some(0.0), Some(0.0)));
    assert_eq!(covered(&[0, 1, 2, 3]), Some(0.5));
}
