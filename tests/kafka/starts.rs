//! Where a service starts again: after an idle time in which retention deleted its input, and after `--from latest`.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::admin::delete_before;
use crate::broker::broker;
use crate::client::committed;
use crate::environment::{Environment, differences, tweets};
use crate::faults::OPTIONS;
use crate::process::pipe;

/// Waits until a group has committed an offset for the only partition of a topic.
fn wait_until_committed(environment: &Environment<'_>, command: &str, topic: &str, offset: i64) {
    let (group, start) = (environment.group(command), Instant::now());
    loop {
        let found = committed(environment.brokers(), &group, topic)[&0].0;
        if found == Some(offset) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{found:?} is committed, not {offset}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An upstream stage that writes in transactions: after its last record there is a marker.
#[test]
fn an_input_that_retention_has_emptied_is_continued() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "emptied");
    environment.create("collect", 1);
    let topic = environment.topic("tweets");
    let upstream: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", environment.brokers())
        .set("transactional.id", environment.id("upstream"))
        .create()
        .unwrap();
    let wait = Duration::from_secs(60);
    upstream.init_transactions(wait).unwrap();
    let mut daemon = environment.daemon("collect", "emptied", &OPTIONS);
    // A record and a marker each.
    for (is_committed, end) in [(true, 2), (false, 4)] {
        upstream.begin_transaction().unwrap();
        assert!(upstream.send(BaseRecord::to(&topic).key("0").payload("not a tweet")).is_ok());
        upstream.flush(wait).unwrap();
        match is_committed {
            true => upstream.commit_transaction(wait).unwrap(),
            false => upstream.abort_transaction(wait).unwrap(),
        }
        wait_until_committed(&environment, "collect", &topic, end);
    }
    delete_before(environment.brokers(), &topic, 4);
    daemon.kill_and_restart();
    environment.feed(&tweets(20, 1, 3));
    environment.wait_until_read("collect", "tweets");
    daemon.stop();
    assert!(!daemon.stderr().contains("retention"), "{}", daemon.stderr());
    let topics = [("cascade_series", environment.read("cascade_series"))];
    let lines = pipe(&[&["collect", "--at-end", "drop"], &OPTIONS[..]].concat(), &tweets(20, 1, 3));
    let series = lines.lines().filter(|line| line.contains("\"type\":\"serie\""));
    let series: String = series.map(|line| format!("{line}\n")).collect();
    assert!(!series.is_empty());
    let differences = differences(&topics, &series, 1);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_service_from_the_latest_record_that_is_killed_misses_none() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "latest");
    environment.create("collect", 1);
    let topic = environment.topic("tweets");
    let lines = tweets(20, 1, 1);
    environment.feed(&lines);
    let flags = [&OPTIONS[..], &["--from", "latest"]].concat();
    let mut daemon = environment.daemon("collect", "latest", &flags);
    wait_until_committed(&environment, "collect", &topic, lines.lines().count() as i64);
    daemon.signal("KILL");
    let lines = tweets(20, 1, 2);
    environment.feed(&lines);
    daemon.kill_and_restart();
    environment.wait_until_read("collect", "tweets");
    daemon.stop();
    let topics =
        ["cascade_series", "cascade_properties"].map(|kind| (kind, environment.read(kind)));
    let pipe = pipe(&[&["collect", "--at-end", "drop"], &OPTIONS[..]].concat(), &lines);
    let differences = differences(&topics, &pipe, 1);
    assert!(differences.is_empty(), "{differences:#?}");
}
