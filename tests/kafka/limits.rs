//! Records that are too large, and the log on its topic.

use std::time::{Duration, Instant};

use crate::broker::broker;
use crate::client::{self, produce};
use crate::environment::{Environment, differences, field, keyed, sources, tweets};
use crate::process::pipe;

#[test]
fn a_record_that_is_too_large_goes_to_the_dead_letters() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "large");
    environment.create("collect", 1);
    let letters = environment.topic("letters");
    let topic = format!("logs={letters}");
    let created = ["--topic", &topic, "--create-topics", "--exit-eof"];
    let (status, stderr) = environment.ends("log", &created);
    assert_eq!(status, Some(0), "{stderr}");
    let lines = tweets(60, 1, 61);
    let sources = sources(&lines);
    let mut records = keyed(&lines, &sources);
    // Each opens a cascade if it is read.
    let of = |bytes: usize| {
        let head = r#"{"type":"tweet","cid":"large","t":1,"source":"0","msg":""#;
        format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
    };
    let (fits, large, huge) = (of(4000), of(4001), of(900_000));
    records.insert(records.len() / 3, ("0", &large));
    records.insert(records.len() / 2, ("0", &huge));
    records.insert(0, ("0", &fits));
    produce(environment.brokers(), &environment.topic("tweets"), records.iter().copied());
    let flags = ["--max-line", "4000", "--dead-letter", &letters, "--exit-eof"];
    let (status, stderr) = environment.ends("collect", &flags);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("4001 bytes") && stderr.contains("4000"), "{stderr}");
    let dead = client::read_committed(environment.brokers(), &letters);
    let bytes = |it: &client::Read| field(it.value.as_ref().unwrap(), "record").len();
    let mut kept: Vec<usize> = dead.iter().map(bytes).collect();
    // Dead letters have no key, so that their partitions are random.
    kept.sort_unstable();
    assert_eq!(kept, [4001, 4096], "{dead:?}");
    let topics =
        ["cascade_series", "cascade_properties"].map(|kind| (kind, environment.read(kind)));
    let readable: String = format!("{fits}\n{lines}");
    let pipe = pipe(&["collect", "--at-end", "drop", "--max-age", "1d"], &readable);
    let differences = differences(&topics, &pipe, 1);
    assert!(differences.is_empty(), "{differences:#?}");

    // A reader refuses it like a service.
    let stat = r#"{"type":"stat","cid":"1","t":1,"T_obs":600,"ARE":0.5,"n_tot":2,"n_pred":3}"#;
    let large = format!("{}{stat}", " ".repeat(500));
    environment.create("monitor", 1);
    produce(environment.brokers(), &environment.topic("stats"), [("600", stat), ("600", &*large)]);
    let (status, stderr) = environment.ends("monitor", &["--exit-eof", "--max-line", "400"]);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains(&environment.topic("stats")) && stderr.contains("400"), "{stderr}");
}

#[test]
fn the_log_is_written_to_its_topic_and_read_from_there() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "logged");
    environment.create("collect", 1);
    environment.create("log", 1);
    produce(environment.brokers(), &environment.topic("tweets"), [("x", "no json")]);
    let (status, stderr) = environment.ends("collect", &["--log-topic", "--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr}");
    let logs = environment.read("logs");
    assert!(logs.iter().all(|it| it.key.as_deref() == Some("collect")), "{logs:?}");
    let of = |it: &client::Read| field(it.value.as_ref().unwrap(), "message");
    let messages: Vec<String> = logs.iter().map(of).collect();
    assert!(messages[0].contains("Logging on, to topic"), "{messages:?}");
    assert!(messages.last().unwrap().contains("Logging off."), "{messages:?}");
    assert!(messages.iter().any(|it| it.contains(", replaying ")), "{messages:?}");
    // The topic has the messages of stderr from INFO on.
    let infos = stderr.lines().filter(|it| it.contains(" INFO ") || it.contains(" WARNING "));
    let expected = infos.filter(|it| !it.contains("librdkafka")).count();
    let found = logs.iter().filter(|it| !of(it).contains("librdkafka")).count();
    assert!(found >= expected.saturating_sub(2) && found > 3, "{found} of {expected}: {stderr}");
}

/// A message is not held back until others follow.
#[test]
fn a_single_message_of_the_log_is_in_its_topic_while_the_service_runs() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "log-at-once");
    environment.create("collect", 1);
    environment.create("log", 1);
    let mut daemon = environment.daemon("collect", "a", &["--log-topic"]);
    let start = Instant::now();
    while !environment.read("logs").iter().any(|it| {
        field(it.value.as_ref().unwrap(), "message").ends_with("partitions [0] are assigned")
    }) {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", daemon.stderr());
        std::thread::sleep(Duration::from_millis(100));
    }
    daemon.stop();
}
