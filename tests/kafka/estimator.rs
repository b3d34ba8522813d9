//! The estimator of docs/original.md between `collect` and `predict`, on topics.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::broker::broker;
use crate::client;
use crate::environment::{Environment, tweets};
use crate::process::pipe;

/// What the program prints for records; `None` without python3.
fn estimated(series: &[String]) -> Option<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/original.md");
    let page = std::fs::read_to_string(page).unwrap();
    let code = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", code]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = python.spawn() else {
        eprintln!("skipped: there is no python3");
        return None;
    };
    let mut to = child.stdin.take().unwrap();
    let input: String = series.iter().map(|line| format!("{line}\n")).collect();
    let writer = std::thread::spawn(move || to.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

/// A record of the estimator with its key: as it is, keyed by the cascade, or in the form of the original system,
/// keyed by the window, which the record then does not contain.
fn with_key(line: &str, is_original: bool) -> (String, String) {
    let mut record: Value = serde_json::from_str(line).unwrap();
    if !is_original {
        return (record["cid"].as_str().unwrap().to_owned(), line.to_owned());
    }
    let window = record["T_obs"].to_string();
    let original = ["type", "cid", "msg", "n_obs", "n_supp", "params"];
    record.as_object_mut().unwrap().retain(|name, _| original.contains(&name.as_str()));
    (window, record.to_string())
}

#[test]
fn an_estimator_in_another_language_takes_part_on_topics() {
    let Some(broker) = broker() else { return };
    // Records of the original system have no source, which is then "0".
    let tweets = tweets(80, 1, 6);
    for (name, is_original) in [("estimator", false), ("estimator-original", true)] {
        let environment = Environment::new(broker, name);
        let values = |kind: &str| -> Vec<String> {
            environment.read(kind).into_iter().filter_map(|it| it.value).collect()
        };
        for command in ["collect", "predict"] {
            environment.create(command, 1);
        }
        let mut collect = environment.daemon("collect", "collect", &["--min-size", "3"]);
        let mut predict = environment.daemon("predict", "predict", &[]);
        environment.feed(&tweets);
        environment.wait_until_read("collect", "tweets");

        let series = values("cascade_series");
        assert!(series.len() >= 20, "{} series", series.len());
        let Some(lines) = estimated(&series) else { return };
        let parameters: Vec<_> = lines.lines().map(|line| with_key(line, is_original)).collect();
        assert_eq!(parameters.len(), series.len());
        client::produce(
            environment.brokers(),
            &environment.topic("cascade_properties"),
            parameters.iter().map(|(key, line)| (key.as_str(), line.as_str())),
        );
        environment.wait_until_read("predict", "cascade_properties");
        collect.stop();
        predict.stop();

        // The same records on a pipe, with their keys.
        let properties = environment.read("cascade_properties").into_iter();
        let input: String =
            properties.map(|it| format!("{}\t{}\n", it.key.unwrap(), it.value.unwrap())).collect();
        let expected = pipe(&["predict"], &input);
        for (topic, kind) in [("alerts", "alert"), ("stats", "stat")] {
            let start = format!("{{\"type\":\"{kind}\"");
            let lines: Vec<&str> =
                expected.lines().filter(|line| line.starts_with(&start)).collect();
            assert_eq!(values(topic), lines, "{name}");
            // Every cascade has ended, so that each prediction has its error.
            assert_eq!(lines.len(), series.len(), "{name}: {kind}");
        }
    }
}
