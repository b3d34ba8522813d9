//! The metrics of a daemon: all that the table documents for it, and no other.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::producer::{DefaultProducerContext, Producer, ThreadedProducer};
use tweetoscope::telemetry::{METRICS, PREFIX, PROCESS};

use crate::broker::broker;
use crate::client::send;
use crate::environment::{Environment, tweets};

/// The second `predict` has no record to read.
const IDLE: &str = "_records_read_total{stage=\"predict\"} 0\n";
/// Metrics that exist only after the first record.
const OF_RECORDS: [&str; 2] = ["last_progress_timestamp_seconds", "event_time_watermark_seconds"];

#[test]
fn daemons_expose_what_the_table_documents() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "metrics");
    let commands = ["collect", "fit", "predict", "train"];
    for command in commands {
        environment.create(command, 2);
    }
    let lines = tweets(300, 8, 5);
    environment.feed(&lines);
    let path = std::env::temp_dir().join(format!("tweetoscope-metrics-{}", std::process::id()));
    let documented: BTreeSet<String> = METRICS
        .iter()
        .map(|it| format!("{PREFIX}{}", it.name))
        .chain(PROCESS.iter().map(|(name, ..)| (*name).to_owned()))
        .collect();
    // The second `predict` uses the models that `train` wrote.
    for command in ["collect", "fit", "predict", "train", "predict"] {
        let mut flags = vec!["--metrics-textfile", path.to_str().unwrap()];
        // Statistics with the ends of the topic are made every two seconds: this service runs longer.
        let runs_longer = command == "collect";
        if runs_longer {
            flags.extend(["--min-size", "3"]);
            let mut daemon = environment.daemon(command, "metrics", &flags);
            std::thread::sleep(Duration::from_secs(6));
            daemon.stop();
        } else {
            flags.push("--exit-eof");
            if command == "train" {
                flags.extend(["--trees", "5"]);
            }
            let (status, stderr) = environment.ends(command, &flags);
            assert_eq!(status, Some(0), "{command}: {stderr}");
        }
        let dump = std::fs::read_to_string(&path).unwrap();
        let typed = dump.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let shown: BTreeSet<String> =
            typed.map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        let unknown: Vec<_> = shown.difference(&documented).collect();
        assert!(unknown.is_empty(), "{command} exposes what is not in the table: {unknown:?}");
        let untrained = command == "predict" && !dump.contains("_model_info{");
        for metric in METRICS
            .iter()
            .filter(|it| it.of.split(' ').any(|of| ["all", "kafka", command].contains(&of)))
        {
            let name = format!("{PREFIX}{}", metric.name);
            let is_untrained = untrained && metric.name.starts_with("model_");
            // No request failed, and --on-drift is not given.
            let is_empty = ["kafka_consumer_errors_total", "trainings_on_drift_total"]
                .contains(&metric.name)
                || (OF_RECORDS.contains(&metric.name) && dump.contains(IDLE))
                || (metric.name == "kafka_consumer_lag_records" && !runs_longer);
            assert!(
                shown.contains(&name) || is_untrained || is_empty,
                "{command}: no {name}\n{dump}"
            );
        }
    }
    let dump = std::fs::read_to_string(&path).unwrap();
    assert!(dump.contains("_model_trained_timestamp_seconds{window=\"600\""), "{dump}");
    std::fs::remove_file(path).unwrap();
}

fn value(page: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_it = |line: &&str| line.starts_with(name) && labels.iter().all(|it| line.contains(it));
    page.lines().find(is_it)?.rsplit(' ').next()?.parse().ok()
}

const LAG: &str = "tweetoscope_kafka_consumer_lag_records{";
const REBALANCES: &str = "tweetoscope_kafka_rebalances_total{";

/// Records behind an open transaction cannot be read: the lag counts them, although no record arrives.
#[test]
fn the_lag_counts_records_that_cannot_be_read_yet() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "stuck");
    environment.create("collect", 1);
    let lines = tweets(60, 1, 71);
    let count = lines.lines().count() as f64;
    let topic = environment.topic("tweets");
    let producer = open_transaction(environment.brokers(), &topic, &lines);
    let mut daemon = environment.daemon("collect", "stuck", &["--http", "127.0.0.1:0"]);
    // Without a single batch, and for as long as nothing changes.
    let seconds = Duration::from_secs(60);
    daemon.wait_for_page("/metrics", seconds, |_, page| value(page, LAG, &[&topic]) == Some(count));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(value(&daemon.page("/metrics").1, LAG, &[&topic]), Some(count));
    assert_eq!(daemon.page("/readyz").0, 200);
    producer.commit_transaction(Duration::from_secs(10)).unwrap();
    // The marker of the transaction is not a record.
    daemon.wait_for_page("/metrics", seconds, |_, page| value(page, LAG, &[&topic]) == Some(0.0));
    daemon.stop();

    // A restart with nothing to read: ready, and no lag.
    let mut daemon = environment.daemon("collect", "stuck", &["--http", "127.0.0.1:0"]);
    daemon.wait_for_page("/readyz", seconds, |status, _| status == 200);
    daemon.wait_for_page("/metrics", seconds, |_, page| value(page, LAG, &[&topic]) == Some(0.0));
    daemon.stop();
}

fn open_transaction(
    brokers: &str,
    topic: &str,
    lines: &str,
) -> ThreadedProducer<DefaultProducerContext> {
    let producer: ThreadedProducer<DefaultProducerContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("transactional.id", topic)
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(10)).unwrap();
    producer.begin_transaction().unwrap();
    for line in lines.lines() {
        send(&producer, topic, "0", line);
    }
    producer.flush(Duration::from_secs(10)).unwrap();
    producer
}

/// The counts of rebalances are those of the last second, and an instance in excess, without a partition,
/// is ready: a rollout would wait for it for ever.
#[test]
fn rebalances_are_counted_and_instances_are_ready_without_records() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "quiet");
    environment.create("collect", 2);
    let seconds = Duration::from_secs(60);
    let http = ["--http", "127.0.0.1:0"];
    let mut daemons = Vec::new();
    for id in ["quiet-1", "quiet-2", "quiet-3"] {
        let mut daemon = environment.daemon("collect", id, &http);
        daemon.wait_for_page("/readyz", seconds, |status, _| status == 200);
        daemons.push(daemon);
    }
    let revoked = |page: &str| value(page, REBALANCES, &["event=\"revoked\""]);
    let first = &mut daemons[0];
    first.wait_for_page("/metrics", Duration::from_secs(30), |_, page| revoked(page) >= Some(1.0));
    assert_eq!(daemons[2].page("/readyz").0, 200);
    daemons.iter_mut().for_each(|daemon| daemon.stop());
}
