//! The values of the counts of stages, which metrics show.

use tweetoscope::event::ModelVersion;
use tweetoscope::learn::{LearnOptions, Sample, fit_model};
use tweetoscope::record::{Kind, Record, read};
use tweetoscope::stage::collect::{AtEnd, Collect, CollectOptions, Limits};
use tweetoscope::stage::monitor::{Monitor, MonitorOptions};
use tweetoscope::stage::predict::{Method, Predict, PredictOptions};
use tweetoscope::stage::train::{Train, TrainOptions};
use tweetoscope::stage::{Ending, Out, Outgoing, RecordRef, Stage, Tally};

/// Lines as records, with their positions.
pub(crate) fn records(lines: &[String]) -> Vec<RecordRef<'_>> {
    let mut records = Vec::new();
    for (line, position) in lines.iter().zip(0..) {
        let item = read(line.as_bytes(), None, &Kind::ALL);
        let item = item.unwrap_or_else(|refusal| panic!("{line}: {refusal}"));
        records.push(RecordRef { position, item });
    }
    records
}

/// Passes the lines to a stage, and ends its input.
pub(crate) fn feed(stage: &mut impl Stage, lines: &[String]) -> Out {
    let mut out = Out::default();
    stage.on_batch(&records(lines), &mut out);
    stage.on_end(Ending::Complete, &mut out);
    out
}

fn value(tally: &Tally, name: &'static str, labels: &str) -> f64 {
    let found = tally.get(&(name, labels.to_owned()));
    *found.unwrap_or_else(|| panic!("no {name} {labels:?}: {tally:?}"))
}

fn tweet(kind: &str, cid: &str, t: f64, id: &str) -> String {
    format!(r#"{{"type":"{kind}","cid":"{cid}","t":{t},"m":1,"source":"0","id":"{id}"}}"#)
}

fn collect_options() -> CollectOptions {
    CollectOptions {
        windows: vec![60, 600],
        terminated: 1000.0,
        min_size: 2,
        lateness: 0.0,
        max_age: 5000.0,
        max_jump: 1e6,
        at_end: AtEnd::Terminate,
        limits: Limits { open_cascades: 3, ..Limits::default() },
    }
}

#[test]
fn a_collector_counts_each_cascade_under_the_reason_of_its_end() {
    let mut lines = vec![
        tweet("tweet", "silent", 0.0, ""),
        tweet("tweet", "quiet", 0.0, ""),
        tweet("tweet", "old", 0.0, ""),
    ];
    // An event every 900 s: only its age ends the cascade.
    lines.extend((1..8).map(|i| tweet("retweet", "old", 900.0 * f64::from(i), "")));
    lines.push(tweet("tweet", "last", 6400.0, ""));
    let mut collect = Collect::new(collect_options());
    feed(&mut collect, &lines);
    let tally = collect.tally();
    let ended = |reason| value(&tally, "cascades_closed_total", reason);
    assert_eq!([ended("silence"), ended("age"), ended("end_of_input")], [2.0, 1.0, 1.0]);
}

#[test]
fn a_collector_counts_what_does_not_join_in_order() {
    let lines = [
        tweet("tweet", "a", 0.0, "a"),
        tweet("retweet", "a", 0.0, "1"),
        tweet("retweet", "a", 50.0, "2"),
        tweet("retweet", "a", 50.0, "2"),
        tweet("retweet", "a", 50.0, "2"),
        tweet("retweet", "a", 40.0, "3"),
        tweet("retweet", "a", -5.0, "4"),
        tweet("retweet", "a", 55.0, "a"),
        tweet("retweet", "a", 55.0, "a"),
        tweet("tweet", "a", 55.0, "a"),
        tweet("retweet", "nothing", 55.0, "5"),
        tweet("tweet", "b", 55.0, "b"),
        tweet("tweet", "c", 55.0, "c"),
        // Three cascades are open.
        tweet("tweet", "d", 55.0, "d"),
        // All are over, and one id is used again.
        tweet("tweet", "a", 3000.0, "a"),
    ];
    let mut collect = Collect::new(collect_options());
    feed(&mut collect, &lines);
    let tally = collect.tally();
    let count = |name| value(&tally, name, "");
    let counts = [
        count("cascades_opened_total"),
        count("late_events_total"),
        count("orphan_retweets_total"),
        count("duplicate_tweets_total"),
        count("duplicate_events_total"),
        count("before_root_retweets_total"),
        count("reused_cascade_ids_total"),
        count("over_limit_records_total"),
    ];
    assert_eq!(counts, [4.0, 2.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]);
    // a has events in both windows; b, c and the second a have one event in each.
    let emitted = |window| value(&tally, "windows_emitted_total", window);
    assert_eq!([emitted("60"), emitted("600")], [1.0, 1.0]);
    assert_eq!(collect.summary().small, 3);
}

fn parameters(cid: &str) -> String {
    format!(
        r#"{{"type":"parameters","cid":"{cid}","t":700,"T_obs":600,"n_obs":32,"n_supp":8,"params":[0.01,0.001],"n_star":0.5,"G1":4,"features":{{"ln_n":3}}}}"#
    )
}

fn size(cid: &str, n_tot: u64) -> String {
    format!(r#"{{"type":"size","cid":"{cid}","t":5000,"T_obs":600,"n_tot":{n_tot},"t_end":900}}"#)
}

/// The model of a few samples of this window, as a line.
fn model(window: u64, counter: u64) -> String {
    let sample = |i: u32| Sample {
        id: format!("0/{i}"),
        t_obs: window as f64,
        n_obs: 10.0,
        n_tot: 20.0 + f64::from(i),
        ..Sample::default()
    };
    let samples: Vec<Sample> = (0..3).map(sample).collect();
    let options = LearnOptions { window: window as f64, counter, ..LearnOptions::default() };
    fit_model(&samples, &options).unwrap().to_line()
}

#[test]
fn a_predictor_counts_why_predictions_are_untrained_and_what_is_lost() {
    let options = PredictOptions { method: Method::Hawkes, max_pending: 4, ..Default::default() };
    let mut predict = Predict::new(options);
    let lines = [
        parameters("a"),
        parameters("a"),
        size("a", 31),
        parameters("b"),
        size("b", 32),
        size("c", 50),
        size("c", 50),
        size("c", 50),
        size("d", 50),
        parameters("e"),
    ];
    feed(&mut predict, &lines);
    let tally = predict.tally();
    assert_eq!(value(&tally, "prediction_fallbacks_total", "no_model"), 3.0);
    assert_eq!(value(&tally, "prediction_fallbacks_total", "no_features"), 0.0);
    assert_eq!(value(&tally, "predictions_total", "untrained"), 3.0);
    assert_eq!(value(&tally, "truth_pending", ""), 3.0);
    let lost = predict.lost();
    assert_eq!((lost.evicted, lost.impossible), (0, 1));
    assert_eq!((lost.duplicate_parameters, lost.duplicate_sizes), (1, 2));
    assert_eq!((lost.unmatched_sizes, lost.outdated_sizes, lost.superseded), (2, 0, 0));
    // The limit is the largest number of pending records.
    feed(&mut predict, &[size("f", 50)]);
    assert_eq!(predict.lost().evicted, 0);
    feed(&mut predict, &[size("g", 50)]);
    assert_eq!(predict.lost().evicted, 1);
    assert_eq!(value(&predict.tally(), "truth_pending", ""), 4.0);
}

/// The size of an earlier cascade with the same id, repeated; and a prediction whose size never came.
#[test]
fn a_predictor_scores_a_reused_id_by_its_own_size() {
    let at = |line: &str, t: u32| {
        line.replace("\"t\":700,", &format!("\"t\":{t},"))
            .replace("\"t\":5000,", &format!("\"t\":{t},"))
    };
    let first = [parameters("a"), size("a", 40), size("a", 40)];
    let second = [at(&parameters("a"), 9000), at(&size("a", 90), 20_000)];
    let third = [at(&parameters("a"), 30_000)];
    let fourth = [at(&parameters("a"), 50_000), size("a", 40), at(&size("a", 70), 60_000)];
    let mut predict = Predict::new(PredictOptions { method: Method::Hawkes, ..Default::default() });
    let out = feed(&mut predict, &[&first[..], &second, &third, &fourth].concat());
    let (mut alerts, mut sizes) = (Vec::new(), Vec::new());
    for item in out.items() {
        match item {
            Outgoing::Record(Record::Alert(alert)) => alerts.push(alert.t),
            Outgoing::Record(Record::Stat(stat)) => sizes.push((stat.t_alert, stat.n_tot)),
            _ => {}
        }
    }
    assert_eq!(alerts, [700.0, 9000.0, 30_000.0, 50_000.0]);
    assert_eq!(sizes, [(Some(700.0), 40), (Some(9000.0), 90), (Some(50_000.0), 70)]);
    let lost = predict.lost();
    assert_eq!((lost.superseded, lost.outdated_sizes, lost.unmatched_sizes), (2, 1, 0));
}

#[test]
fn a_predictor_is_ready_when_all_its_pinned_models_are_there() {
    let pin = ["600-1", "3600-2"].map(|it| it.parse::<ModelVersion>().unwrap()).to_vec();
    let mut predict = Predict::new(PredictOptions { pin, ..Default::default() });
    let ready = |predict: &Predict| value(&predict.tally(), "ready", "pinned models");
    for (line, expected) in [(model(600, 1), 0.0), (model(3600, 1), 0.0), (model(3600, 2), 1.0)] {
        assert_eq!(ready(&predict), 0.0);
        feed(&mut predict, &[line]);
        assert_eq!(ready(&predict), expected);
    }
}

fn stat(cid: u64, model: &str, n_pred: f64, more: &str) -> String {
    let are = (n_pred - 100.0).abs() / 100.0;
    format!(
        r#"{{"type":"stat","cid":"{cid}","t":{cid},"T_obs":600,"ARE":{are},"n_obs":10,"n_tot":100,"n_pred":{n_pred},"model":"{model}"{more}}}"#
    )
}

#[test]
fn a_monitor_counts_intervals_by_level_and_late_errors() {
    let mut monitor = Monitor::new(MonitorOptions { every: 0, last: 2 });
    let lines = [
        stat(1, "untrained", 400.0, ""),
        stat(2, "600-1", 150.0, r#","covered":true,"level":0.8"#),
        stat(3, "600-1", 120.0, r#","covered":false,"level":0.9"#),
    ];
    feed(&mut monitor, &lines);
    let tally = monitor.tally();
    let near = |name, labels: &str, expected: f64| {
        let found = value(&tally, name, labels);
        assert!((found - expected).abs() < 1e-9, "{name}: {found}");
    };
    near("predictions_scored_total", "600", 3.0);
    near("mean_absolute_relative_error", "600", (3.0 + 0.5 + 0.2) / 3.0);
    near("late_absolute_relative_error", "600", 0.35);
    near("prediction_log_ratio", "600", tweetoscope::math::ln(151.0 / 101.0));
    for (level, covered) in [("600,0.8", 1.0), ("600,0.9", 0.0)] {
        near("predictions_with_interval_total", level, 1.0);
        near("predictions_covered_total", level, covered);
    }
    near("baseline_absolute_relative_error", "600,no_growth", 0.9);
    near("prediction_absolute_relative_error", "600,trained|le=0.5", 2.0);
    near("prediction_absolute_relative_error", "600,untrained|count", 1.0);
    // Reports refer to the newest level.
    let report = &monitor.reports()[0];
    assert_eq!(
        (report.level, report.covered, report.last_covered),
        (Some(0.9), Some(0.0), Some(0.0))
    );
}

#[test]
fn a_monitor_that_has_reported_all_stats_reports_nothing_at_the_end() {
    let lines: Vec<String> = (1..5).map(|i| stat(i, "600-1", 150.0, "")).collect();
    for (every, reports) in [(2, 2), (3, 2), (4, 1), (0, 1)] {
        let mut monitor = Monitor::new(MonitorOptions { every, last: 2 });
        assert_eq!(feed(&mut monitor, &lines).items().len(), reports, "every {every}");
    }
}

fn train_options() -> TrainOptions {
    let learn = LearnOptions { trees: 5, ..LearnOptions::default() };
    TrainOptions { learn, ..TrainOptions::default() }
}

fn sample(cid: u64, n_tot: u64) -> String {
    format!(
        r#"{{"type":"sample","cid":"{cid}","T_obs":600,"X":[0.001,0.5,10],"W":0.8,"n_obs":10,"n_tot":{n_tot}}}"#
    )
}

#[test]
fn a_learner_counts_its_rows_and_the_samples_that_it_cannot_use() {
    let mut train = Train::new(train_options());
    let lines: Vec<String> = (0..4).map(|i| sample(i, 30)).chain([sample(9, 5)]).collect();
    let mut out = Out::default();
    train.on_batch(&records(&lines), &mut out);
    let tally = train.tally();
    // The fourth sample is behind the training at three.
    assert_eq!(value(&tally, "training_rows", "600"), 4.0);
    assert_eq!(value(&tally, "unusable_samples_total", ""), 1.0);
    assert_eq!(value(&tally, "samples_without_features_total", ""), 4.0);
    // A signal: no training on what is left; the end of the input trains.
    let published = |train: &Train| value(&train.tally(), "models_published_total", "");
    let before = published(&train);
    train.on_end(Ending::Cut, &mut out);
    assert_eq!(published(&train), before);
    train.on_end(Ending::Complete, &mut out);
    assert_eq!(published(&train), before + 1.0);
}

#[test]
fn a_new_model_is_numbered_above_every_version_in_use() {
    let used = ["600-7", "600-3"].map(|it| it.parse().unwrap()).to_vec();
    let mut train = Train::new(TrainOptions { used_versions: used, ..train_options() });
    let version = |out: Out| match out.items() {
        [Outgoing::Record(Record::Model(model)), ..] => model.model.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(version(feed(&mut train, &[sample(1, 30)])), "600-8");
    // A model of another format is refused, and its version is in use.
    let altered = r#"{"type":"model","format":999,"model":"600-20","T_obs":600}"#.to_owned();
    let mut train = Train::new(train_options());
    assert_eq!(version(feed(&mut train, &[altered, sample(1, 30)])), "600-21");
}
