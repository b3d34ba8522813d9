//! Errors of the consumer: each one ends the service with its remedy, or is reported and counted.

use std::path::PathBuf;
use std::time::Duration;

use crate::broker::{Broker, broker};
use crate::client::produce;
use crate::environment::{Environment, tweets};
use crate::faults::OPTIONS;

#[test]
fn a_group_that_cannot_be_joined_ends_the_service() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "unjoined");
    environment.create("collect", 1);
    let (status, stderr) = environment.ends("collect", &["-X", "session.timeout.ms=100"]);
    assert_eq!(status, Some(1), "{stderr}");
    let named = stderr.contains("session.timeout.ms is outside the limits of the broker");
    assert!(named && stderr.contains("group.min.session.timeout.ms"), "{stderr}");

    let mut member = environment.daemon("collect", "member", &OPTIONS);
    member.wait_for("are assigned");
    let flags = [&OPTIONS[..], &["-X", "partition.assignment.strategy=range"]].concat();
    let (status, stderr) = environment.ends("collect", &flags);
    assert_eq!(status, Some(1), "{stderr}");
    let named = stderr.contains("another partition.assignment.strategy");
    assert!(named && stderr.contains("cooperative-sticky"), "{stderr}");
    assert!(member.ended().is_none(), "{}", member.stderr());
    member.stop();
}

/// Records of a batch that cannot be decoded are not skipped: not those of an unknown codec, and not
/// those of corrupt bytes.
#[test]
fn a_batch_that_cannot_be_decoded_ends_services_and_readers() {
    let Some(broker) = Broker::start("undecodable") else { return };
    let environment = Environment::new(&broker, "undecodable");
    let topic = environment.topic("tweets");
    broker.script("topics", &["create", &topic, "1", "compression.type=zstd"]);
    environment.create("collect", 1);
    environment.feed(&tweets(60, 1, 21));
    let (status, stderr) = environment.ends("collect", &["--exit-eof"]);
    if cfg!(feature = "zstd") {
        assert_eq!(status, Some(0), "{stderr}");
    } else {
        assert_eq!(status, Some(1), "{stderr}");
        let named = stderr.contains(&topic) && stderr.contains("partition 0 from offset 0");
        assert!(
            named && stderr.contains("zstd") && stderr.contains("compression.type"),
            "{stderr}"
        );
    }

    let environment = Environment::new(&broker, "corrupt");
    environment.create("collect", 1);
    environment.feed(&tweets(60, 1, 21));
    // Compressed, and uncompressed: there, only the checksum detects it. A topic of others, since a reader of both ends
    // with the one that it fetches first.
    let of_reader = Environment::new(&broker, "corrupt-alerts");
    broker.script(
        "topics",
        &["create", &of_reader.topic("alerts"), "1", "compression.type=uncompressed"],
    );
    of_reader.create("collect", 1);
    // The alerts have no record of a type that a reader takes, but their batch is decoded.
    let lines = tweets(60, 1, 21);
    produce(of_reader.brokers(), &of_reader.topic("alerts"), lines.lines().map(|it| ("", it)));
    broker.script("stop", &[]);
    for topic in [environment.topic("tweets"), of_reader.topic("alerts")] {
        for file in segments(&broker, &topic) {
            let mut bytes = std::fs::read(&file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..].iter_mut().take(64).for_each(|byte| *byte ^= 0x55);
            std::fs::write(&file, bytes).unwrap();
        }
    }
    broker.script("restart", &[]);
    for (environment, command, kind) in
        [(&environment, "collect", "tweets"), (&of_reader, "dashboard", "alerts")]
    {
        let (status, stderr) = environment.ends(command, &["--exit-eof"]);
        assert_eq!(status, Some(1), "{command}: {stderr}");
        let named = stderr.contains(&environment.topic(kind)) && stderr.contains("is corrupt");
        assert!(named && stderr.contains("not skipped"), "{stderr}");
    }
}

/// The segments of the partitions of a topic.
fn segments(broker: &Broker, topic: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(broker.data()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with(&format!("{topic}-")) {
            let segment = path.join("00000000000000000000.log");
            if std::fs::metadata(&segment).unwrap().len() > 0 {
                found.push(segment);
            }
        }
    }
    found
}

/// Another member that does not rejoin holds up the rebalance, of which librdkafka reports nothing.
#[test]
fn a_group_that_assigns_nothing_is_reported_and_counted() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "held-up");
    environment.create("collect", 2);
    let long = ["-X", "session.timeout.ms=20000"];
    let mut member = environment.daemon("collect", "held-up-1", &[&OPTIONS[..], &long].concat());
    member.wait_for("are assigned");
    member.signal("STOP");
    let flags = ["--http", "127.0.0.1:0", "--wait", "2s"];
    let mut waiting = environment.daemon("collect", "held-up-2", &[&OPTIONS[..], &flags].concat());
    waiting.wait_for("has assigned no partitions for");
    let count =
        "tweetoscope_kafka_consumer_errors_total{reason=\"NoAssignment\",stage=\"collect\"} 1";
    waiting.wait_for_page("/metrics", Duration::from_secs(60), |_, text| text.contains(count));
    assert_eq!(waiting.page("/readyz").0, 503);
    member.signal("CONT");
    waiting.wait_for_page("/readyz", Duration::from_secs(60), |status, _| status == 200);
    waiting.stop();
    member.stop();
}
