//! The metrics of a daemon: all that the table documents for it, and no other.

use std::collections::BTreeSet;
use std::time::Duration;

use tweetoscope::telemetry::{METRICS, PREFIX, PROCESS};

use crate::broker::broker;
use crate::client::produce;
use crate::environment::{Environment, keyed, sources, tweets};

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
    produce(environment.brokers(), &environment.topic("tweets"), keyed(&lines, &sources(&lines)));
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
            // No record was refused, and no request failed.
            let is_empty = ["dead_letters_total", "kafka_consumer_errors_total"]
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
