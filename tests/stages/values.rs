//! The values of emitted records and views for small inputs, computed by hand.

use tweetoscope::hawkes::Estimator;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::record::{Kind, Record, read};
use tweetoscope::score::{Scores, Trial, bootstrap, mean};
use tweetoscope::stage::collect::{AtEnd, Collect, CollectOptions, Limits};
use tweetoscope::stage::dashboard::{Change, Dashboard, Entry, Key, Query, Sort};
use tweetoscope::stage::fit::{Cut, Fit, FitOptions};
use tweetoscope::stage::monitor::{Monitor, MonitorOptions};
use tweetoscope::stage::predict::{Method, Predict, PredictOptions};
use tweetoscope::stage::{Out, Outgoing, RecordRef};

use crate::tallies::feed;

fn emitted(mut out: Out) -> Vec<Record> {
    let record = |item| match item {
        Outgoing::Record(record) => record,
        Outgoing::Foreign(bytes) => panic!("{}", String::from_utf8_lossy(&bytes)),
    };
    out.take().into_iter().map(record).collect()
}

#[test]
fn an_event_may_be_ahead_of_the_newest_by_max_jump_whatever_the_lateness() {
    let tweet = |t: f64| format!(r#"{{"type":"tweet","cid":"{t}","t":{t},"m":1,"source":"0"}}"#);
    for lateness in [0.0, 50.0] {
        let options = CollectOptions {
            windows: vec![60],
            terminated: 1000.0,
            min_size: 1,
            lateness,
            max_age: 5000.0,
            max_jump: 100.0,
            at_end: AtEnd::Terminate,
            limits: Limits::default(),
        };
        for (ahead, refused) in [(100.0, 0), (100.5, 1)] {
            let mut out = feed(&mut Collect::new(options.clone()), &[tweet(0.0), tweet(ahead)]);
            assert_eq!(out.take_refused().len(), refused, "{ahead} s, lateness {lateness}");
        }
    }
}

fn parameters(more: &str) -> String {
    format!(
        r#"{{"type":"parameters","cid":"a","t":700,"T_obs":600,"n_obs":32,"n_supp":8,"params":[0.01,0.001],"n_star":0.5,"G1":4{more}}}"#
    )
}

#[test]
fn a_sample_has_the_factor_of_the_process_and_a_stat_the_time_of_its_alert() {
    let size = r#"{"type":"size","cid":"a","t":5000,"T_obs":600,"n_tot":50,"t_end":900}"#;
    let mut predict = Predict::new(PredictOptions { method: Method::Hawkes, ..Default::default() });
    let records = emitted(feed(&mut predict, &[parameters(""), size.to_owned()]));
    let [Record::Alert(alert), Record::Sample(sample), Record::Stat(stat)] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(alert.n_tot, 40.0);
    // W = (N - n) (1 - n*) / G1.
    assert_eq!(sample.w, Some(18.0 * 0.5 / 4.0));
    assert_eq!((sample.t, stat.t, stat.t_alert), (5000.0, 5000.0, Some(700.0)));
}

#[test]
fn an_alert_is_emitted_only_above_its_size() {
    for (above, alerts) in [(39.9, 1), (40.0, 0)] {
        let method = Method::Hawkes;
        let options = PredictOptions { method, alert_above: Some(above), ..Default::default() };
        let out = feed(&mut Predict::new(options), &[parameters("")]);
        assert_eq!(out.items().len(), alerts, "above {above}");
    }
}

/// The errors of the parameters, of the prior and of SEISMIC (docs/model.md).
#[test]
fn an_interval_without_a_model_is_as_wide_as_the_errors_of_its_parameters() {
    let interval = |method: Method, errors: &str| {
        let options = PredictOptions { method, ..Default::default() };
        let line = format!(
            r#"{{"type":"parameters","cid":"a","t":700,"T_obs":600,"n_obs":32,"n_supp":80,"params":[0.01,0.001],"n_star":0.5,"G1":40,"seismic":110{errors}}}"#
        );
        let records = emitted(feed(&mut Predict::new(options), &[line]));
        let [Record::Alert(alert)] = &records[..] else { panic!("{records:?}") };
        alert.interval.map(|it| [it.low, it.high]).unwrap()
    };
    for (method, errors, expected) in [
        (Method::Hawkes, "", [45.94, 414.5]),
        (Method::Hawkes, r#","standard_errors":[0.001,0.0001]"#, [72.26, 204.0]),
        (Method::Seismic, "", [51.83, 287.57]),
    ] {
        let found = interval(method, errors);
        let near = found.iter().zip(expected).all(|(a, b): (&f64, f64)| (a / b - 1.0).abs() < 0.01);
        assert!(near, "{method:?}{errors}: {found:?}");
    }
}

#[test]
fn the_curve_of_the_process_ends_where_half_a_percent_of_the_growth_remains() {
    let options = PredictOptions {
        method: Method::Hawkes,
        above: vec![36.0],
        curve: true,
        ..Default::default()
    };
    let records = emitted(feed(&mut Predict::new(options), &[parameters("")]));
    let [Record::Alert(alert)] = &records[..] else { panic!("{records:?}") };
    let last = alert.curve.last().unwrap();
    assert!((last.magnitude - (32.0 + 8.0 * 0.995)).abs() < 1e-9, "{last:?}");
    // Half of the growth: ln 2 / (beta (1 - n*)), to a tenth of a second.
    assert_eq!(alert.reached_after, [("36".to_owned(), 1386.3)]);
}

fn fit_options(history: Cut) -> FitOptions {
    FitOptions {
        estimator: Estimator::Map,
        marks: MarkLaw::Data,
        threads: 1,
        utc_offset: 6.0 * 3600.0,
        skip: 0,
        history,
        features: true,
        kernels: None,
    }
}

#[test]
fn the_clock_of_a_post_is_local_and_the_error_of_beta_is_in_its_unit() {
    // Midnight in UTC, six in the morning locally.
    const POST: f64 = 1_599_955_200.0;
    let events =
        [(0, 900), (60, 50), (130, 80), (300, 20), (400, 7), (900, 70), (1000, 30), (1900, 9)];
    let points = events.map(|(t, m)| format!("[{},{m}]", POST + f64::from(t))).join(",");
    let serie = format!(
        r#"{{"type":"serie","cid":"a","t":{},"T_obs":3600,"tweets":[{points}]}}"#,
        POST + 3600.0
    );
    let mut fit = Fit::new(fit_options(Cut::Until(None)));
    let records = emitted(feed(&mut fit, &[serie]));
    let [Record::Parameters(parameters)] = &records[..] else { panic!("{records:?}") };
    let sine = parameters.features.get("clock_post_sin").unwrap();
    assert!((sine - 1.0).abs() < 1e-6, "{sine}");
    let (errors, params) = (parameters.standard_errors.unwrap(), parameters.params);
    for (error, param) in errors.iter().zip(params) {
        assert!((0.01..2.0).contains(&(error / param)), "{errors:?} of {params:?}");
    }
}

#[test]
fn the_window_of_a_history_is_rounded_up() {
    let line = r#"{"type":"history","cid":"a","tweets":[[0,9],[5,9],[600.5,9],[601,9]]}"#;
    for (until, expected) in [(600.5, (601, 3)), (600.0, (600, 2))] {
        let mut fit = Fit::new(fit_options(Cut::Until(Some(until))));
        let records = emitted(feed(&mut fit, &[line.to_owned()]));
        let [Record::Parameters(parameters)] = &records[..] else { panic!("{records:?}") };
        assert_eq!((parameters.t_obs, parameters.n_obs), expected);
    }
}

fn alert(cid: u32, t: f64, n_tot: u32, more: &str) -> String {
    format!(
        r#"{{"type":"alert","cid":"{cid}","source":"1","t":{t},"T_obs":600,"n_obs":10,"n_tot":{n_tot}{more}}}"#
    )
}

fn board(max: usize, lines: &[String]) -> Dashboard {
    let mut board = Dashboard::new(max);
    for line in lines {
        let item = read(line.as_bytes(), None, &Kind::ALL).unwrap();
        board.take(&[RecordRef { position: 0, item }]);
    }
    board
}

fn key(cid: u32) -> Key {
    Key { source: "1".to_owned(), cid: cid.to_string() }
}

const SIZE: &str =
    r#"{"type":"size","cid":"1","source":"1","t":5000,"T_obs":600,"n_tot":50,"t_end":900}"#;

#[test]
fn of_equal_cascades_the_one_without_records_for_the_longest_time_is_evicted() {
    let lines: Vec<String> = [1, 2, 3, 4, 5, 1, 6]
        .iter()
        .zip(0..)
        .map(|(cid, i)| alert(*cid, 1000.0 + f64::from(i), 80, ""))
        .collect();
    let board = board(4, &lines);
    let kept: Vec<u32> = (1..7).filter(|cid| board.detail(&key(*cid), None).is_some()).collect();
    assert_eq!(kept, [1, 4, 5, 6]);
}

#[test]
fn a_tweet_at_the_time_of_the_end_begins_another_cascade() {
    let tweet = |t: u32| format!(r#"{{"type":"tweet","cid":"1","source":"1","t":{t},"m":1}}"#);
    for (t, is_shown) in [(4999, true), (5000, false)] {
        let board = board(9, &[alert(1, 1000.0, 80, ""), SIZE.to_owned(), tweet(t)]);
        assert_eq!(board.detail(&key(1), None).is_some(), is_shown, "{t}");
    }
}

#[test]
fn the_final_size_was_reached_and_the_band_begins_at_the_observed_events() {
    let more =
        r#","interval":{"level":0.9,"low":30,"high":200},"reached_after":{"50":100,"60":200}"#;
    let ended = board(9, &[alert(1, 1000.0, 80, more), SIZE.to_owned()]);
    let reaches = ended.detail(&key(1), None).unwrap().reaches;
    assert_eq!(reaches, [(50.0, Some(700.0)), (60.0, None)]);
    let more = format!(r#"{more},"curve":[[0,10],[100,45],[1000,80]]"#);
    let open = board(9, &[alert(1, 1000.0, 80, &more)]);
    let band = open.detail(&key(1), None).unwrap().continuation;
    let band: Vec<_> = band.iter().map(|it| (it.age, it.low, it.high)).collect();
    assert_eq!(band, [(600.0, 10.0, 10.0), (700.0, 20.0, 105.0), (1600.0, 30.0, 200.0)]);
}

#[test]
fn rows_are_sorted_by_relative_growth_and_rows_without_an_age_are_last() {
    let entry = |rank: usize, observed: u64, predicted: f64, age: Option<f64>| Entry {
        key: key(rank as u32),
        rank,
        change: Some(Change::New),
        msg: String::new(),
        observed,
        predicted,
        exceeded: false,
        interval: None,
        above: None,
        age,
        window: 600,
        spark: Vec::new(),
        ended: None,
        status: String::new(),
        model: String::new(),
    };
    let rows = [
        entry(1, 50, 100.0, None),
        entry(2, 3, 30.0, Some(700.0)),
        entry(3, 10, 20.0, Some(650.0)),
    ];
    let order = |sort| {
        let query = Query { sort, ..Query::default() };
        query.select(&rows, 9).iter().map(|row| row.rank).collect::<Vec<_>>()
    };
    assert_eq!(order(Sort::Growth), [2, 1, 3]);
    assert_eq!(order(Sort::Youth), [3, 2, 1]);
}

fn stat(cid: u64, n_tot: u64, are: f64, more: &str) -> String {
    let n_pred = n_tot as f64 * (1.0 + are);
    format!(
        r#"{{"type":"stat","cid":"{cid}","t":{cid},"T_obs":600,"ARE":{are},"n_obs":10,"n_tot":{n_tot},"n_pred":{n_pred},"model":"600-1"{more}}}"#
    )
}

fn verdict(lines: &[String]) -> String {
    let mut monitor = Monitor::new(MonitorOptions { every: 0, last: 100 });
    feed(&mut monitor, lines);
    monitor.reports()[0].verdict.clone()
}

#[test]
fn a_verdict_names_a_coverage_that_is_off_by_more_than_a_tenth() {
    // Sizes that no constant factor predicts.
    let lines = |covered: u64| -> Vec<String> {
        let one = |i: u64| {
            let is_covered = i % 20 < covered;
            stat(i, 100 * (1 + i % 7), 0.01, &format!(r#","covered":{is_covered},"level":0.9"#))
        };
        (0..100).map(one).collect()
    };
    let verdicts = [20, 17, 15].map(|covered| verdict(&lines(covered)));
    assert_eq!(verdicts, ["ok", "ok", "coverage_off"]);
}

#[test]
fn a_drift_is_a_quarter_more_errors_and_three_standard_errors() {
    let lines = |before: [f64; 2], last: [f64; 2], wild: Option<u64>| -> Vec<String> {
        let one = |i: u64| {
            let are = if i < 1000 { before } else { last }[i as usize % 2];
            stat(i, 100 * (1 + i % 7), if wild == Some(i) { 499.0 } else { are }, "")
        };
        (0..1100).map(one).collect()
    };
    for (before, last, wild, is_drift) in [
        ([0.2, 0.2], [0.26, 0.26], None, true),
        ([0.2, 0.2], [0.24, 0.24], None, false),
        // The difference of 0.06 has a standard error of 0.024.
        ([0.1, 0.3], [0.022, 0.498], None, false),
        // One wild error among the earlier ones.
        ([0.2, 0.2], [0.9, 0.9], Some(500), true),
    ] {
        assert_eq!(verdict(&lines(before, last, wild)) == "drift", is_drift, "{last:?}");
    }
}

#[test]
fn bootstrap_intervals_have_the_width_of_the_normal_law() {
    let values: Vec<f64> = (0..400).map(f64::from).collect();
    let n = values.len() as f64;
    let deviation = ((n * n - 1.0) / 12.0).sqrt();
    let width = |seed| {
        let [low, high] = bootstrap(&values, seed, mean);
        high - low
    };
    let ratio = mean((0..60).map(width)) / (2.0 * 1.96 * deviation / n.sqrt());
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
    let trials: Vec<Trial> =
        (0..=100).map(|i| Trial { predicted: 100.0 + f64::from(i), n_tot: 100.0 }).collect();
    assert!((Scores::of(&trials, 1).p95_are - 0.95).abs() < 1e-9);
}
