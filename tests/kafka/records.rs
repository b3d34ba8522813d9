//! Records: messages of the original system, invalid records, and the readers.

use std::process::{Command, Stdio};

use crate::broker::broker;
use crate::client::{self, produce};
use crate::environment::{Environment, differences, field, keyed, sources, tweets};
use crate::process::{PROGRAM, ends, pipe};

/// Runs a command to its end; returns its stdout.
fn prints(environment: &Environment<'_>, command: &str, more: &[&str]) -> String {
    let flags = environment.flags(command, more);
    let done = Command::new(PROGRAM).args(&flags).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{stderr}");
    String::from_utf8(done.stdout).unwrap()
}

/// 2021: the key is the source, `tweet_id` the cascade. 2020: the key is the cascade.
#[test]
fn messages_of_both_original_years_are_read_with_their_keys() {
    let Some(broker) = broker() else { return };
    for (year, name) in [(2020, "year-2020"), (2021, "year-2021")] {
        let environment = Environment::new(broker, name);
        // 2020 tweets are keyed by their cascade: their source needs one partition.
        environment.create("collect", if year == 2020 { 1 } else { 3 });
        let message = |i: u32| {
            let kind = if i < 3 { "tweet" } else { "retweet" };
            let (cascade, t) = (i % 3, 10 * i);
            match year {
                2020 => (
                    format!("{cascade}"),
                    format!(
                        r#"{{"type":"{kind}","msg":"m","t":{t},"m":{i},"source":"7","info":"cascade={cascade}"}}"#
                    ),
                ),
                _ => (
                    format!("source-{cascade}"),
                    format!(
                        r#"{{"type":"{kind}","tweet_id":"{cascade}","msg":"m","time":{t},"magnitude":{i},"info":"x"}}"#
                    ),
                ),
            }
        };
        let messages: Vec<(String, String)> = (0..60).map(message).collect();
        let records = messages.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        produce(environment.brokers(), &environment.topic("tweets"), records);
        let flags = ["--windows", "5m", "--min-size", "3", "--exit-eof"];
        let (status, stderr) = environment.ends("collect", &flags);
        assert_eq!(status, Some(0), "{stderr}");
        let series = environment.read("cascade_series");
        let mut cids: Vec<String> =
            series.iter().map(|it| field(it.value.as_ref().unwrap(), "cid")).collect();
        cids.sort();
        assert_eq!(cids, ["0", "1", "2"], "{year}");
        for serie in series {
            let value = serie.value.unwrap();
            let source = if year == 2020 {
                "7".to_owned()
            } else {
                format!("source-{}", field(&value, "cid"))
            };
            assert_eq!(field(&value, "source"), source, "{value}");
            assert_eq!(serie.key.unwrap(), field(&value, "cid"));
        }
    }
}

#[test]
fn invalid_records_are_dead_letters_and_do_not_stop_the_service() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "nonsense");
    environment.create("collect", 1);
    let letters = environment.topic("letters");
    let (status, stderr) = environment.ends("collect", &["--dead-letter", &letters, "--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains(&letters) && stderr.contains("missing"), "{stderr}");
    create_topic(&environment, &letters);
    let lines = tweets(60, 1, 31);
    let sources = sources(&lines);
    let mut records = keyed(&lines, &sources);
    let nonsense = ["{\"type\":", "no json at all", "[1,2]", "{\"type\":\"tweet\",\"cid\":\"1\"}"];
    for (i, text) in nonsense.into_iter().enumerate() {
        records.insert(records.len() * (i + 1) / 6, ("x", text));
    }
    produce(environment.brokers(), &environment.topic("tweets"), records);
    let flags = ["--dead-letter", &letters, "--exit-eof", "--max-age", "7d"];
    let (status, stderr) = environment.ends("collect", &flags);
    assert_eq!(status, Some(1), "{stderr}");
    let dead = client::read_committed(environment.brokers(), &letters);
    assert_eq!(dead.len(), nonsense.len());
    for text in nonsense {
        let is_it =
            |letter: &&client::Read| field(letter.value.as_ref().unwrap(), "record") == text;
        let letter = dead.iter().find(is_it).unwrap().value.as_ref().unwrap();
        assert!(field(letter, "where").contains(&environment.topic("tweets")), "{letter}");
    }
    let topics =
        ["cascade_series", "cascade_properties"].map(|kind| (kind, environment.read(kind)));
    let pipe = pipe(&["collect", "--at-end", "drop"], &lines);
    let differences = differences(&topics, &pipe, 1);
    assert!(differences.is_empty(), "{differences:#?}");
    // The committed offset is after them, so that a restart does not write them again.
    let (status, stderr) = environment.ends("collect", &flags);
    assert_eq!(status, Some(0), "{stderr}");
    assert_eq!(client::read_committed(environment.brokers(), &letters).len(), nonsense.len());
}

fn create_topic(environment: &Environment<'_>, name: &str) {
    let topic = format!("logs={name}");
    let flags = ["log", "--kafka", "-b", environment.brokers(), "--topic", &topic];
    let (status, stderr) = ends(&[&flags[..], &["--create-topics", "--exit-eof"]].concat());
    assert_eq!(status, Some(0), "{stderr}");
}

#[test]
fn generate_writes_the_same_records_as_on_a_pipe() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "generated");
    let flags = ["--simulate", "80", "--sources", "5", "--seed", "9", "--create-topics"];
    let (status, stderr) = environment.ends("generate", &flags);
    assert_eq!(status, Some(0), "{stderr}");
    let lines = pipe(&["generate", "--simulate", "80", "--sources", "5", "--seed", "9"], "");
    let read = environment.read("tweets");
    assert_eq!(read.len(), lines.lines().count());
    for source in 0..5 {
        let source = source.to_string();
        let want: Vec<&str> = lines.lines().filter(|it| field(it, "source") == source).collect();
        let have: Vec<_> = read.iter().filter(|it| it.key.as_ref() == Some(&source)).collect();
        let partition = client::partition_of(&source, 4);
        assert!(have.iter().all(|it| it.partition == partition));
        let have: Vec<&str> = have.iter().map(|it| it.value.as_deref().unwrap()).collect();
        assert_eq!(have, want);
    }
}

#[test]
fn monitor_and_log_read_their_topics() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "shown");
    environment.create("monitor", 1);
    environment.create("log", 1);
    let collected = pipe(&["collect", "--min-size", "3"], &tweets(100, 3, 41));
    let predicted = pipe(&["predict"], &pipe(&["fit"], &collected));
    let stats: String = predicted
        .lines()
        .filter(|line| line.starts_with("{\"type\":\"stat\""))
        .map(|line| format!("{line}\n"))
        .collect();
    let keyed = stats.lines().map(|line| ("600", line));
    produce(environment.brokers(), &environment.topic("stats"), keyed);
    assert_eq!(prints(&environment, "monitor", &["--exit-eof"]), pipe(&["monitor"], &stats));
    let csv = prints(&environment, "monitor", &["--exit-eof", "--csv"]);
    assert_eq!(csv, pipe(&["monitor", "--csv"], &stats));
    assert_eq!(prints(&environment, "monitor", &["--exit-eof", "--from", "latest"]), "");

    let log = r#"{"type":"log","t":1606985123,"level":"ERROR","source":"fit","message":"broken"}"#;
    produce(environment.brokers(), &environment.topic("logs"), [("fit", log)]);
    let shown = prints(&environment, "log", &["--exit-eof"]);
    assert!(shown.contains("ERROR") && shown.contains("broken"), "{shown}");
}
