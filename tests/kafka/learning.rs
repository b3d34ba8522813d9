//! The learning loop on topics: what was said stays said, whichever model spoke.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use tweetoscope::learn::{self, LearnOptions, fit_model, max_model_bytes};
use tweetoscope::record::{Item, Kind, Record, read};
use tweetoscope::stage::train::learn_sample;

use crate::broker::broker;
use crate::client;
use crate::process::{Daemon, pipe};
use crate::world::{World, field, tweets};

const COLLECT: [&str; 5] = ["collect", "--min-size", "3", "--at-end", "drop"];

/// Parameters and sizes of many cascades, and their keys, as a collector and a fit write them.
fn properties(seed: u32) -> (String, Vec<String>) {
    let lines = pipe(&["fit"], &pipe(&COLLECT, &tweets(700, 8, seed)));
    let keys = lines.lines().map(|line| field(line, "cid")).collect();
    (lines, keys)
}

fn values(world: &World<'_>, kind: &str) -> Vec<String> {
    world.read(kind).into_iter().filter_map(|record| record.value).collect()
}

/// What a record is about.
fn about(line: &str) -> (String, String, String) {
    (field(line, "source"), field(line, "cid"), field(line, "T_obs"))
}

fn of_type(lines: &str, kind: &str) -> BTreeMap<(String, String, String), String> {
    let start = format!("{{\"type\":\"{kind}\"");
    let wanted = lines.lines().filter(|line| line.starts_with(&start));
    wanted.map(|line| (about(line), line.to_owned())).collect()
}

/// One record each: panics where one comes twice.
fn once(lines: &[String]) -> BTreeMap<(String, String, String), String> {
    let map: BTreeMap<_, _> = lines.iter().map(|line| (about(line), line.clone())).collect();
    assert_eq!(map.len(), lines.len(), "some came twice");
    map
}

/// A folder with one model in it, or none.
fn folder(world: &World<'_>, version: &str, models: &BTreeMap<String, String>) -> PathBuf {
    let name = format!("tweetoscope-{}-{}-{version}", world.name, std::process::id());
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir).unwrap();
    if let Some(text) = models.get(version) {
        std::fs::write(dir.join(format!("{version}.json")), format!("{text}\n")).unwrap();
    }
    dir
}

/// Every alert is what a pipe says with the parameters and the model that the alert names.
fn assert_recomputed(
    world: &World<'_>,
    alerts: &BTreeMap<(String, String, String), String>,
    parameters: &BTreeMap<(String, String, String), String>,
) -> BTreeSet<String> {
    let models = world.read("models").into_iter();
    let models: BTreeMap<String, String> =
        models.filter_map(|it| Some((it.key?, it.value?))).collect();
    let versions: BTreeSet<String> = alerts.values().map(|line| field(line, "model")).collect();
    for version in &versions {
        let of_version = alerts.iter().filter(|(_, line)| field(line, "model") == *version);
        let (about, said): (Vec<_>, Vec<_>) = of_version.unzip();
        let input: String = about.iter().map(|about| format!("{}\n", parameters[about])).collect();
        let dir = folder(world, version, &models);
        let again = pipe(&["predict", "--models", dir.to_str().unwrap()], &input);
        std::fs::remove_dir_all(dir).unwrap();
        let again: Vec<&str> = again.lines().collect();
        assert_eq!(said, again, "model {version}");
    }
    versions
}

#[test]
fn predictions_survive_kills_while_models_are_published() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "learning");
    world.create("predict", 2);
    world.create("train", 2);
    let (lines, keys) = properties(21);
    let mut predict: Vec<Daemon> =
        (0..2).map(|i| world.daemon("predict", &format!("predict-{i}"), &[])).collect();
    let mut train = world.daemon("train", "train", &["--trees", "5"]);
    let records: Vec<(&str, &str)> = keys.iter().map(String::as_str).zip(lines.lines()).collect();
    let (mut kills, mut published) = (0, 0);
    for (i, part) in records.chunks(records.len() / 25).enumerate() {
        client::produce(world.brokers(), &world.topic("cascade_properties"), part.iter().copied());
        std::thread::sleep(Duration::from_millis(600));
        let now = world.read("models").len();
        if now > published || i % 5 == 4 {
            // Right after a model was published: half of what it changes is not yet committed.
            predict[i % 2].kill_and_restart();
            kills += 1;
        }
        if i == 12 {
            train.kill_and_restart();
        }
        published = now;
    }
    world.wait_until_read("predict", "cascade_properties");
    world.wait_until_read("train", "samples");
    predict.iter_mut().for_each(Daemon::stop);
    train.stop();

    let (parameters, sizes) = (of_type(&lines, "parameters"), of_type(&lines, "size"));
    let (alerts, samples, stats) =
        (values(&world, "alerts"), values(&world, "samples"), values(&world, "stats"));
    let (alerts, samples, stats) = (once(&alerts), once(&samples), once(&stats));
    assert!(alerts.keys().eq(parameters.keys()), "{} alerts", alerts.len());
    let both: BTreeSet<_> = parameters.keys().filter(|about| sizes.contains_key(*about)).collect();
    assert!(samples.keys().collect::<BTreeSet<_>>() == both, "{} samples", samples.len());
    assert!(stats.keys().collect::<BTreeSet<_>>() == both, "{} stats", stats.len());
    for (about, stat) in &stats {
        let alert = &alerts[about];
        assert_eq!(field(stat, "n_pred"), field(alert, "n_tot"), "{stat}\n{alert}");
        assert_eq!(field(stat, "model"), field(alert, "model"), "{stat}\n{alert}");
    }
    let versions = assert_recomputed(&world, &alerts, &parameters);
    eprintln!("learning: {kills} kills, {} alerts, models {versions:?}", alerts.len());
    assert!(kills >= 6 && versions.len() >= 4, "{kills} kills, {versions:?}");
    let newest: BTreeMap<String, Option<String>> =
        world.read("models").into_iter().map(|it| (it.key.unwrap(), it.value)).collect();
    let counters = |window: &str| -> Vec<u64> {
        let of_window = newest.keys().filter_map(|it| it.strip_prefix(&format!("{window}-")));
        of_window.map(|counter| counter.parse().unwrap()).collect()
    };
    for window in ["600", "1200"] {
        let mut counters = counters(window);
        counters.sort_unstable();
        let published: Vec<u64> = (1..=counters.len() as u64).collect();
        assert_eq!(counters, published, "a version was skipped or came twice");
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} does not happen");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Parameters of a cascade that nobody has seen yet.
fn fresh(line: &str, i: usize) -> String {
    let mut value: Value = serde_json::from_str(line).unwrap();
    value["cid"] = format!("fresh-{i}").into();
    value.to_string()
}

/// Models of one window that differ in their versions, made of the samples of a pipe.
fn models(lines: &str, counters: std::ops::RangeInclusive<u64>) -> Vec<(String, String)> {
    let said = pipe(&["predict"], lines);
    let samples: Vec<learn::Sample> = of_type(&said, "sample")
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
        let recipe = LearnOptions { window: 600.0, counter, trees: 2, ..LearnOptions::default() };
        let model = fit_model(&samples, &recipe).unwrap();
        let line = model.to_line();
        assert!(line.len() <= max_model_bytes(2), "{} bytes", line.len());
        (model.version().to_string(), line)
    };
    counters.map(one).collect()
}

#[test]
fn a_tombstone_rolls_back_and_train_keeps_twenty() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "rollback");
    world.create("predict", 1);
    world.create("train", 1);
    let (lines, keys) = properties(22);
    let models = models(&lines, 1..=25);
    let topic = world.topic("models");
    let pairs = models.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    client::produce(world.brokers(), &topic, pairs);

    let parameters = of_type(&lines, "parameters");
    let parameters: Vec<&String> =
        parameters.values().filter(|line| field(line, "T_obs") == "600").collect();
    let mut predict = world.daemon("predict", "predict", &[]);
    let mut asked = 0;
    let mut wait_until_spoken = |expected: &str| {
        wait_for(expected, || {
            let line = fresh(parameters[asked % parameters.len()], asked);
            asked += 1;
            let pair = [(keys[0].as_str(), line.as_str())];
            client::produce(world.brokers(), &world.topic("cascade_properties"), pair);
            std::thread::sleep(Duration::from_millis(500));
            let last = values(&world, "alerts").pop();
            last.is_some_and(|line| field(&line, "model") == expected)
        });
    };
    wait_until_spoken("600-25");
    client::bury(world.brokers(), &topic, "600-25");
    wait_until_spoken("600-24");
    predict.stop();

    // The next model is 600-25 again, and the oldest of what is then 25 must go.
    let said = pipe(&["predict"], &lines);
    let samples = of_type(&said, "sample");
    let samples = samples.values().filter(|line| field(line, "T_obs") == "600");
    let samples = samples.take(25).map(|line| ("600", line.as_str()));
    client::produce(world.brokers(), &world.topic("samples"), samples);
    let (status, said) = world.ends("train", &["--trees", "2", "--exit-eof"]);
    assert_eq!(status, Some(0), "{said}");
    let left: BTreeMap<String, bool> =
        world.read("models").into_iter().map(|it| (it.key.unwrap(), it.value.is_some())).collect();
    let there: Vec<&String> =
        left.iter().filter(|(_, there)| **there).map(|(key, _)| key).collect();
    if left["600-25"] {
        assert_eq!(there.len(), 20, "{there:?}");
        assert!(!left["600-5"] && left["600-6"], "{there:?}");
    } else {
        assert_eq!(there.len(), 24, "no candidate won: {there:?}");
    }
}
