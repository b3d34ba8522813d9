//! Training and prediction on topics: alerts that were emitted do not change when models do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use tweetoscope::learn::{self, LearnOptions, fit_model, max_model_bytes};
use tweetoscope::record::{Item, Kind, Record, read};
use tweetoscope::stage::train::learn_sample;

use crate::broker::broker;
use crate::client;
use crate::environment::{Environment, field, tweets};
use crate::process::{Daemon, pipe};

const COLLECT: [&str; 5] = ["collect", "--min-size", "3", "--at-end", "drop"];

/// The output of `collect` and `fit` for many cascades, and its keys.
fn properties(seed: u32) -> (String, Vec<String>) {
    let lines = pipe(&["fit"], &pipe(&COLLECT, &tweets(700, 8, seed)));
    let keys = lines.lines().map(|line| field(line, "cid")).collect();
    (lines, keys)
}

fn values(environment: &Environment<'_>, kind: &str) -> Vec<String> {
    environment.read(kind).into_iter().filter_map(|record| record.value).collect()
}

/// Source, cascade and window of a record.
fn cascade_of(line: &str) -> (String, String, String) {
    (field(line, "source"), field(line, "cid"), field(line, "T_obs"))
}

fn of_type(lines: &str, kind: &str) -> BTreeMap<(String, String, String), String> {
    let start = format!("{{\"type\":\"{kind}\"");
    let of_kind = lines.lines().filter(|line| line.starts_with(&start));
    of_kind.map(|line| (cascade_of(line), line.to_owned())).collect()
}

/// Records by cascade and window; panics where there are two for one.
fn unique(lines: &[String]) -> BTreeMap<(String, String, String), String> {
    let map: BTreeMap<_, _> = lines.iter().map(|line| (cascade_of(line), line.clone())).collect();
    assert_eq!(map.len(), lines.len(), "duplicate records");
    map
}

/// A folder with one model in it, or none.
fn folder(
    environment: &Environment<'_>,
    version: &str,
    models: &BTreeMap<String, String>,
) -> PathBuf {
    let name = format!("tweetoscope-{}-{}-{version}", environment.name, std::process::id());
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir).unwrap();
    if let Some(text) = models.get(version) {
        std::fs::write(dir.join(format!("{version}.json")), format!("{text}\n")).unwrap();
    }
    dir
}

/// Every alert equals that of a pipe with the parameters and the model of the alert.
fn assert_recomputed(
    environment: &Environment<'_>,
    alerts: &BTreeMap<(String, String, String), String>,
    parameters: &BTreeMap<(String, String, String), String>,
) -> BTreeSet<String> {
    let models = environment.read("models").into_iter();
    let models: BTreeMap<String, String> =
        models.filter_map(|it| Some((it.key?, it.value?))).collect();
    let versions: BTreeSet<String> = alerts.values().map(|line| field(line, "model")).collect();
    for version in &versions {
        let of_version = alerts.iter().filter(|(_, line)| field(line, "model") == *version);
        let (cascades, emitted): (Vec<_>, Vec<_>) = of_version.unzip();
        let input: String =
            cascades.iter().map(|cascade| format!("{}\n", parameters[cascade])).collect();
        let dir = folder(environment, version, &models);
        let again = pipe(&["predict", "--models", dir.to_str().unwrap()], &input);
        std::fs::remove_dir_all(dir).unwrap();
        let again: Vec<&str> = again.lines().collect();
        assert_eq!(emitted, again, "model {version}");
    }
    versions
}

#[test]
fn predictions_survive_kills_while_models_are_published() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "learning");
    environment.create("predict", 2);
    environment.create("train", 2);
    let (lines, keys) = properties(21);
    let mut predict: Vec<Daemon> =
        (0..2).map(|i| environment.daemon("predict", &format!("predict-{i}"), &[])).collect();
    let mut train = environment.daemon("train", "train", &["--trees", "5"]);
    let records: Vec<(&str, &str)> = keys.iter().map(String::as_str).zip(lines.lines()).collect();
    let (mut kills, mut published) = (0, 0);
    for (i, part) in records.chunks(records.len() / 25).enumerate() {
        client::produce(
            environment.brokers(),
            &environment.topic("cascade_properties"),
            part.iter().copied(),
        );
        // A model is published after some of the parts, on a slow machine later.
        let start = Instant::now();
        let mut now = published;
        while now == published && start.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(300));
            now = environment.read("models").len();
        }
        if now > published || i % 5 == 4 {
            // A part of the output with the new model is not committed at this time.
            predict[i % 2].kill_and_restart();
            kills += 1;
        }
        if i == 12 {
            train.kill_and_restart();
        }
        published = now;
    }
    environment.wait_until_read("predict", "cascade_properties");
    environment.wait_until_read("train", "samples");
    predict.iter_mut().for_each(Daemon::stop);
    train.stop();

    let (parameters, sizes) = (of_type(&lines, "parameters"), of_type(&lines, "size"));
    let (alerts, samples, stats) = (
        values(&environment, "alerts"),
        values(&environment, "samples"),
        values(&environment, "stats"),
    );
    let (alerts, samples, stats) = (unique(&alerts), unique(&samples), unique(&stats));
    assert!(alerts.keys().eq(parameters.keys()), "{} alerts", alerts.len());
    let both: BTreeSet<_> =
        parameters.keys().filter(|cascade| sizes.contains_key(*cascade)).collect();
    assert!(samples.keys().collect::<BTreeSet<_>>() == both, "{} samples", samples.len());
    assert!(stats.keys().collect::<BTreeSet<_>>() == both, "{} stats", stats.len());
    for (cascade, stat) in &stats {
        let alert = &alerts[cascade];
        assert_eq!(field(stat, "n_pred"), field(alert, "n_tot"), "{stat}\n{alert}");
        assert_eq!(field(stat, "model"), field(alert, "model"), "{stat}\n{alert}");
    }
    let versions = assert_recomputed(&environment, &alerts, &parameters);
    eprintln!("learning: {kills} kills, {} alerts, models {versions:?}", alerts.len());
    assert!(kills >= 6 && versions.len() >= 4, "{kills} kills, {versions:?}");
    let newest: BTreeMap<String, Option<String>> =
        environment.read("models").into_iter().map(|it| (it.key.unwrap(), it.value)).collect();
    let counters = |window: &str| -> Vec<u64> {
        let of_window = newest.keys().filter_map(|it| it.strip_prefix(&format!("{window}-")));
        of_window.map(|counter| counter.parse().unwrap()).collect()
    };
    for window in ["600", "1200"] {
        let mut counters = counters(window);
        counters.sort_unstable();
        let published: Vec<u64> = (1..=counters.len() as u64).collect();
        assert_eq!(counters, published, "a version is missing or duplicated");
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} does not happen");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Parameters of a new cascade.
fn with_new_cascade(line: &str, i: usize) -> String {
    let mut value: Value = serde_json::from_str(line).unwrap();
    value["cid"] = format!("fresh-{i}").into();
    value.to_string()
}

/// Models of one window with different versions, trained on the samples of a pipe.
fn models(lines: &str, counters: std::ops::RangeInclusive<u64>) -> Vec<(String, String)> {
    let predicted = pipe(&["predict"], lines);
    let samples: Vec<learn::Sample> = of_type(&predicted, "sample")
        .values()
        .filter(|line| field(line, "T_obs") == "600")
        .map(|line| {
            match read(line.as_bytes(), None, &[Kind::Sample]).ok().and_then(Item::record) {
                Some(Record::Sample(sample)) => learn_sample(&sample),
                other => panic!("{line}: {other:?}"),
            }
        })
        .collect();
    let one = |counter: u64| {
        let options = LearnOptions { window: 600.0, counter, trees: 2, ..LearnOptions::default() };
        let model = fit_model(&samples, &options).unwrap();
        let line = model.to_line();
        assert!(line.len() <= max_model_bytes(2), "{} bytes", line.len());
        (model.version().to_string(), line)
    };
    counters.map(one).collect()
}

#[test]
fn a_tombstone_restores_the_previous_model_and_train_retains_twenty() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "rollback");
    environment.create("predict", 1);
    environment.create("train", 1);
    let (lines, keys) = properties(22);
    let models = models(&lines, 1..=25);
    let topic = environment.topic("models");
    let pairs = models.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    client::produce(environment.brokers(), &topic, pairs);

    let parameters = of_type(&lines, "parameters");
    let parameters: Vec<&String> =
        parameters.values().filter(|line| field(line, "T_obs") == "600").collect();
    let mut predict = environment.daemon("predict", "predict", &[]);
    let mut count = 0;
    let mut wait_until_used = |expected: &str| {
        wait_for(expected, || {
            let line = with_new_cascade(parameters[count % parameters.len()], count);
            count += 1;
            let pair = [(keys[0].as_str(), line.as_str())];
            client::produce(environment.brokers(), &environment.topic("cascade_properties"), pair);
            std::thread::sleep(Duration::from_millis(500));
            let last = values(&environment, "alerts").pop();
            last.is_some_and(|line| field(&line, "model") == expected)
        });
    };
    wait_until_used("600-25");
    client::write_tombstone(environment.brokers(), &topic, "600-25");
    wait_until_used("600-24");
    client::write_tombstone(environment.brokers(), &topic, "600-77");
    predict.wait_for("a tombstone for model 600-77, which the topic does not have");
    predict.stop();

    // The next model is 600-25 again, and for the oldest of the 25 a tombstone is written.
    let predicted = pipe(&["predict"], &lines);
    let samples = of_type(&predicted, "sample");
    let samples = samples.values().filter(|line| field(line, "T_obs") == "600");
    let samples = samples.take(25).map(|line| ("600", line.as_str()));
    client::produce(environment.brokers(), &environment.topic("samples"), samples);
    let (status, stderr) = environment.ends("train", &["--trees", "2", "--exit-eof"]);
    assert_eq!(status, Some(0), "{stderr}");
    let left: BTreeMap<String, bool> = environment
        .read("models")
        .into_iter()
        .map(|it| (it.key.unwrap(), it.value.is_some()))
        .collect();
    let there: Vec<&String> =
        left.iter().filter(|(_, there)| **there).map(|(key, _)| key).collect();
    if left["600-25"] {
        assert_eq!(there.len(), 20, "{there:?}");
        assert!(!left["600-5"] && left["600-6"], "{there:?}");
    } else {
        assert_eq!(there.len(), 24, "no candidate won: {there:?}");
    }
    let mut predict = environment.daemon("predict", "last", &[]);
    let counter = |version: &str| version.split('-').nth(1).unwrap().parse::<u32>().unwrap();
    let newest = there.iter().max_by_key(|version| counter(version)).unwrap();
    predict.wait_for(&format!("model {newest} is in use"));
    for version in there.iter().filter(|version| *version != newest).chain([newest]) {
        client::write_tombstone(environment.brokers(), &topic, version);
    }
    predict.wait_for(&format!("model {newest} is deleted, and its window has no other"));
    predict.stop();
}

/// Parameters that are keyed by their window, and sizes that are keyed by their cascade: on several
/// partitions, one `predict` would score the few that are in the same one by chance.
#[test]
fn parameters_and_sizes_in_different_partitions_are_refused() {
    let Some(broker) = broker() else { return };
    let (lines, _) = properties(33);
    let key = |line: &str| {
        let is_size = line.starts_with("{\"type\":\"size\"");
        field(line, if is_size { "cid" } else { "T_obs" })
    };
    let keys: Vec<String> = lines.lines().map(key).collect();
    let records = || keys.iter().map(String::as_str).zip(lines.lines());
    let environment = Environment::new(broker, "apart");
    environment.create("predict", 4);
    client::produce(environment.brokers(), &environment.topic("cascade_properties"), records());
    let (status, stderr) = environment.ends("predict", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr}");
    let topic = environment.topic("cascade_properties");
    assert!(stderr.contains(&topic) && stderr.contains("must be in one partition"), "{stderr}");
    assert!(stderr.contains("Key both by the cascade"), "{stderr}");
    let stats = |lines: &[String]| of_type(&lines.join("\n"), "stat").len();
    let expected = of_type(&pipe(&["predict"], &lines), "stat").len();
    assert!(stats(&values(&environment, "stats")) < expected);

    // In one partition, keys do not matter.
    let environment = Environment::new(broker, "together");
    environment.create("predict", 1);
    client::produce(environment.brokers(), &environment.topic("cascade_properties"), records());
    let (status, stderr) = environment.ends("predict", &["--exit-eof"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert_eq!(stats(&values(&environment, "stats")), expected);
}

/// A drift of the errors in samples trains once, also where the learner is killed around it.
#[test]
fn a_drift_trains_once_over_kills() {
    const OPTIONS: [&str; 3] = ["--on-drift", "--trees", "3"];
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "drift");
    environment.create("train", 1);
    let sample = |i: u64| {
        let (n, growth) = (10 + i * 37 % 90, 1 + i * 11 % 5);
        let n_tot = n * growth;
        let n_pred = n_tot + n_tot * if i < 200 { 1 + i % 3 } else { 9 } / 10;
        format!(
            "{{\"type\":\"sample\",\"cid\":\"{i}\",\"source\":\"0\",\"t\":{i},\"T_obs\":600,\"X\":[0.001,0.5,{n}],\"W\":1,\
             \"n_obs\":{n},\"n_tot\":{n_tot},\"features\":{{\"n\":{n},\"growth\":{growth}}},\"n_pred\":{n_pred}}}"
        )
    };
    let lines: Vec<String> = (0..280).map(sample).collect();
    let mut train = environment.daemon("train", "train", &OPTIONS);
    for (i, part) in lines.chunks(70).enumerate() {
        if i > 0 {
            train.kill_and_restart();
        }
        let pairs = part.iter().map(|line| ("600", line.as_str()));
        client::produce(environment.brokers(), &environment.topic("samples"), pairs);
        environment.wait_until_read("train", "samples");
    }
    train.stop();
    let versions = |options: &[&str]| {
        let args = [&["train", "--trees", "3"], options].concat();
        let models = pipe(&args, &(lines.join("\n") + "\n"));
        models.lines().map(|line| (field(line, "model"), line.to_owned())).collect::<Vec<_>>()
    };
    let (with, without) = (versions(&["--on-drift"]), versions(&[]));
    assert!(with.iter().any(|model| !without.contains(model)), "a drift trains another model");
    let found = environment.read("models");
    let found: BTreeMap<String, String> =
        found.into_iter().filter_map(|it| Some((it.key?, it.value?))).collect();
    // A pipe also trains at its end.
    let count = with.len();
    assert!((count - 1..=count).contains(&found.len()), "{} of {count} models", found.len());
    let is_found = |(version, _): &(String, String)| found.contains_key(version);
    let expected: BTreeMap<String, String> = with.into_iter().filter(is_found).collect();
    assert_eq!(found, expected);
    assert_eq!(train.stderr().matches("drift: window of 600 s").count(), 1, "{}", train.stderr());
}
