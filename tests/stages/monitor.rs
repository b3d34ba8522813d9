//! The laws of the monitor: its courses and reports are those of a direct computation.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use tweetoscope::learn::{LogLinear, median_ratio};
use tweetoscope::math;
use tweetoscope::record::{Kind, Record, Report, Stat};
use tweetoscope::score::{mean, median};
use tweetoscope::stage::monitor::{BASELINES, Monitor, MonitorOptions};
use tweetoscope::stage::{Ending, Out, Outgoing, RecordRef, Stage, Tally};

const LAST: usize = 20;

fn stats(seed: u64, count: u64) -> Vec<Stat> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: u64| rng.next_u64() % n;
    let one = |i: u64| {
        let n_obs = 1 + below(50);
        let n_tot = n_obs + below(200);
        let n_pred = n_obs as f64 * (1.0 + below(60) as f64 / 10.0);
        Stat {
            cid: i.to_string(),
            source: "0".to_owned(),
            t: i as f64,
            t_obs: [600, 1200][below(2) as usize],
            are: (n_pred - n_tot as f64).abs() / n_tot as f64,
            n_obs,
            n_tot,
            n_pred,
            covered: (below(4) > 0).then(|| below(10) > 0),
            level: Some(0.9),
            model: ["untrained", "600-1"][below(2) as usize].to_owned(),
            t_alert: None,
            finished: None,
        }
    };
    (0..count).map(one).collect()
}

fn fed(stats: &[Stat], cut: usize) -> (Monitor, Vec<Report>) {
    let mut monitor = Monitor::new(MonitorOptions { every: 7, last: LAST });
    let mut out = Out::default();
    for part in stats.chunks(cut) {
        let batch: Vec<_> =
            part.iter().map(|it| RecordRef::without_position(Record::Stat(it.clone()))).collect();
        monitor.on_batch(&batch, &mut out);
    }
    monitor.on_end(Ending::Complete, &mut out);
    let report = |item| match item {
        Outgoing::Record(Record::Report(report)) => Some(report),
        _ => None,
    };
    (monitor, out.take().into_iter().filter_map(report).collect())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs().max(1.0)
}

#[test]
fn every_moment_of_a_course_summarises_the_stats_up_to_it() {
    for seed in 0..60 {
        let all = stats(seed, [3, 40, 700, 2500][seed as usize % 4]);
        let (monitor, _) = fed(&all, 64);
        for (t_obs, history) in monitor.histories() {
            let of: Vec<_> = all.iter().filter(|it| it.t_obs == t_obs).collect();
            assert!(history.len() <= 240, "seed {seed}: {} points", history.len());
            assert!(history.len() as u64 >= (of.len() as u64).min(100), "seed {seed}");
            assert_eq!(history.last().unwrap().scored, of.len() as u64, "seed {seed}");
            assert!(history.windows(2).all(|it| it[0].scored < it[1].scored), "seed {seed}");
            for it in &history {
                let so_far = &of[..it.scored as usize];
                let late = &so_far[so_far.len().saturating_sub(LAST)..];
                let are = |part: &[&Stat]| mean(part.iter().map(|it| it.are));
                assert!(close(it.mean_are, are(so_far)), "seed {seed}: {it:?}");
                assert!(close(it.last_mean_are, are(late)), "seed {seed}: {it:?}");
                let held: Vec<bool> = late.iter().filter_map(|it| it.covered).collect();
                let share = mean(held.iter().map(|it| f64::from(u8::from(*it))));
                assert_eq!(it.last_covered.is_some(), !held.is_empty(), "seed {seed}");
                assert!(close(it.last_covered.unwrap_or(0.0), share), "seed {seed}: {it:?}");
            }
        }
    }
}

/// The expected report, from all stats of a window at once.
fn slow(of: &[&Stat]) -> (f64, f64, f64, [f64; 3]) {
    let ratio = |it: &&Stat| math::ln((it.n_pred + 1.0) / (it.n_tot as f64 + 1.0));
    let (mut fitted_at, mut fitted) = (0, None);
    let (mut ours, mut theirs) = ([0.0; 3], [0.0; 3]);
    for (i, it) in of.iter().enumerate() {
        let (n, total) = (it.n_obs as f64, it.n_tot as f64);
        let mut answers = vec![n];
        if let Some((ratio, law)) = fitted {
            let law: LogLinear = law;
            answers.extend([ratio * n, law.predict(n)]);
        }
        for (place, answer) in answers.into_iter().enumerate() {
            ours[place] += it.are;
            theirs[place] += (answer - total).abs() / total;
        }
        if i + 1 >= 5.max(fitted_at + fitted_at / 10 + 1) {
            fitted_at = i + 1;
            let pairs: Vec<_> =
                of[..=i].iter().map(|it| (it.n_obs as f64, it.n_tot as f64)).collect();
            fitted = Some((median_ratio(&pairs), LogLinear::fit(&pairs)));
        }
    }
    let skill = std::array::from_fn(|place| 1.0 - ours[place] / theirs[place]);
    let errors = || of.iter().map(|it| it.are);
    (mean(errors()), median(errors().collect()), median(of.iter().map(ratio).collect()), skill)
}

#[test]
fn reports_do_not_depend_on_batches_and_equal_a_direct_computation() {
    for seed in 0..40 {
        let all = stats(seed, 50 + seed * 11);
        let (monitor, reports) = fed(&all, 1 + seed as usize);
        assert_eq!(reports, fed(&all, 1000).1, "seed {seed}");
        for report in monitor.reports() {
            let of: Vec<_> = all.iter().filter(|it| it.t_obs == report.t_obs).collect();
            let (mean_are, median_are, bias, skill) = slow(&of);
            assert!(close(report.mean_are, mean_are), "seed {seed}: {report:?}");
            assert!(close(report.median_are, median_are), "seed {seed}: {report:?}");
            assert!(close(report.bias.unwrap(), bias), "seed {seed}: {report:?}");
            let named: Vec<_> = report.skill.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(named, BASELINES, "seed {seed}");
            for ((_, reported), slow) in report.skill.iter().zip(skill) {
                assert!(close(*reported, slow), "seed {seed}: {report:?} {skill:?}");
            }
            assert_eq!(report.level, Some(0.9));
        }
    }
}

#[test]
fn errors_are_counted_by_estimator() {
    let all = stats(1, 500);
    let tally: Tally = fed(&all, 9).0.tally();
    for t_obs in [600, 1200] {
        for (estimator, untrained) in [("trained", false), ("untrained", true)] {
            let wanted = all
                .iter()
                .filter(|it| it.t_obs == t_obs && (it.model == "untrained") == untrained)
                .count();
            let key = format!("{t_obs},{estimator}|count");
            let counted = tally[&("prediction_absolute_relative_error", key)];
            assert_eq!(counted, wanted as f64);
        }
    }
}

/// The original system writes the error alone.
#[test]
fn stats_without_sizes_have_errors_and_neither_bias_nor_hits_nor_skill() {
    let mut all = stats(3, 300);
    for stat in &mut all {
        (stat.t_obs, stat.n_obs, stat.n_tot, stat.n_pred) = (600, 0, 0, 0.0);
        (stat.covered, stat.level, stat.are) = (None, None, 0.5);
    }
    let report = fed(&all, 10).0.reports().remove(0);
    assert_eq!((report.scored, report.mean_are, report.compared), (300, 0.5, 0));
    assert_eq!((report.bias, report.top_hits), (None, None));
    assert!(report.skill.is_empty(), "{:?}", report.skill);
    assert_eq!(report.verdict, "ok");
    // Further stats with sizes are compared among themselves.
    all.extend(stats(4, 200).into_iter().map(|it| Stat { t_obs: 600, ..it }));
    let report = fed(&all, 10).0.reports().remove(0);
    assert!(report.bias.is_some() && report.top_hits.is_some());
    assert!(report.skill.iter().all(|(_, skill)| skill.is_finite()), "{:?}", report.skill);
}

/// Baselines by definition: each prediction is compared with constants that were fitted to final sizes of its time.
#[test]
fn baselines_use_only_final_sizes_that_existed_at_the_alert() {
    for seed in 0..40 {
        let mut rng = ChaCha8Rng::seed_from_u64(1000 + seed);
        let mut all = stats(seed, 100 + seed * 9);
        for stat in &mut all {
            stat.t_obs = 600;
            stat.t_alert = Some(stat.t - (rng.next_u64() % 80) as f64);
        }
        let fit_points: Vec<usize> = std::iter::successors(Some(5), |at| Some(at + at / 10 + 1))
            .take_while(|at| *at <= all.len())
            .collect();
        let (mut ours, mut theirs, mut compared) = (0.0, 0.0, 0);
        let mut finished = Vec::new();
        for (place, stat) in all.iter().enumerate() {
            let alert = stat.t_alert.unwrap();
            let existing = all[..place].iter().filter(|it| it.t < alert).count();
            if stat.model != "untrained" {
                finished.push(existing as f64);
            }
            let Some(at) = fit_points.iter().rev().find(|at| **at <= existing) else { continue };
            let pairs: Vec<_> =
                all[..*at].iter().map(|it| (it.n_obs as f64, it.n_tot as f64)).collect();
            let (n, total) = (stat.n_obs as f64, stat.n_tot as f64);
            ours += stat.are;
            theirs += (median_ratio(&pairs) * n - total).abs() / total;
            compared += 1;
        }
        let (monitor, _) = fed(&all, 1 + seed as usize);
        let report = monitor.reports().remove(0);
        let skill = report.skill.iter().find(|(name, _)| name == "median_ratio").unwrap().1;
        assert!(close(skill, 1.0 - ours / theirs), "seed {seed}: {skill} {ours} {theirs}");
        assert_eq!(report.compared, compared, "seed {seed}");
        assert_eq!(report.finished, Some(median(finished)), "seed {seed}");
        let of = |untrained: bool| {
            mean(all.iter().filter(|it| (it.model == "untrained") == untrained).map(|it| it.are))
        };
        assert!(close(report.untrained_mean_are.unwrap(), of(true)), "seed {seed}");
        assert!(close(report.trained_mean_are.unwrap(), of(false)), "seed {seed}");
    }
}

/// Sources have clocks of their own: the stats of one that is far ahead exist when they were received.
#[test]
fn times_of_different_sources_are_not_compared() {
    let mut all = stats(7, 200);
    for (place, stat) in all.iter_mut().enumerate() {
        stat.t_obs = 600;
        let ahead = if place % 2 == 0 { 0.0 } else { 1e6 };
        stat.source = (place % 2).to_string();
        stat.t = place as f64 + ahead;
        stat.t_alert = Some(stat.t - 20.0);
    }
    let report = fed(&all, 10).0.reports().remove(0);
    let mut same = all.clone();
    for stat in &mut same {
        let ahead = if stat.source == "1" { 1e6 } else { 0.0 };
        (stat.t, stat.t_alert) = (stat.t - ahead, stat.t_alert.map(|t| t - ahead));
    }
    assert_eq!(report, fed(&same, 10).0.reports().remove(0));
    assert!((170..=180).contains(&report.compared), "{}", report.compared);
}

#[test]
fn stats_without_final_sizes_have_an_error_and_no_bias_skill_or_hits() {
    let stat = |i: u32| {
        let line = format!(r#"{{"type":"stat","cid":"{i}","T_obs":600,"ARE":0.5}}"#);
        let item = tweetoscope::record::read(line.as_bytes(), None, &[Kind::Stat]).unwrap();
        RecordRef::without_position(item.record().unwrap())
    };
    let mut monitor = Monitor::new(MonitorOptions { every: 0, last: 100 });
    monitor.on_batch(&(0..50).map(stat).collect::<Vec<_>>(), &mut Out::default());
    let report = &monitor.reports()[0];
    assert_eq!((report.scored, report.mean_are, report.bias), (50, 0.5, None));
    assert!(report.skill.is_empty() && report.top_hits.is_none(), "{report:?}");
    assert_eq!(report.verdict, "ok");
}

#[test]
fn fewer_than_50_stats_have_no_other_verdict_than_young() {
    let mut all = stats(5, 50);
    for stat in &mut all {
        (stat.t_obs, stat.n_obs, stat.n_tot, stat.n_pred) = (600, 0, 0, 0.0);
        (stat.covered, stat.are) = (None, 0.5);
    }
    let verdict = |count: usize| fed(&all[..count], 10).0.reports().remove(0).verdict;
    assert_eq!([49, 50].map(verdict), ["young", "ok"]);
}

/// The first alerts were before any final size, so that only the last ones have a baseline to compare with.
#[test]
fn a_better_baseline_counts_from_20_compared_predictions_on() {
    let of_both = |is_perfect: bool, compared: u64| {
        let stat = |i: u64| {
            let n_obs = 10 + i % 7;
            let n_tot = if is_perfect { 100 * n_obs } else { 100 * n_obs + 60 * (i % 3) };
            let t_alert = if i < 40 { -1.0 } else { i as f64 - 0.5 };
            Stat {
                cid: i.to_string(),
                source: "0".to_owned(),
                t: i as f64,
                t_obs: 600,
                are: 0.5,
                n_obs,
                n_tot,
                n_pred: 0.5 * n_tot as f64,
                covered: None,
                level: None,
                model: "600-1".to_owned(),
                t_alert: Some(t_alert),
                finished: None,
            }
        };
        let all: Vec<Stat> = (0..40 + compared).map(stat).collect();
        let report = fed(&all, 10).0.reports().remove(0);
        assert_eq!(report.compared, compared);
        report.verdict
    };
    for is_perfect in [false, true] {
        let verdicts = [19, 20].map(|compared| of_both(is_perfect, compared));
        assert_eq!(verdicts, ["ok", "worse_than_baseline"], "{is_perfect}");
    }
}
