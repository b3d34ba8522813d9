//! What cannot go on says so, with the exit status that a supervisor needs.

use std::time::{Duration, Instant};

use crate::broker::{Broker, broker};
use crate::client::{committed, produce};
use crate::process::{ends, pipe};
use crate::storm::RULES;
use crate::world::{World, differences, keyed, sources, tweets};

#[test]
fn brokers_that_do_not_answer_are_status_75() {
    let start = Instant::now();
    let flags = ["collect", "--kafka", "-b", "127.0.0.1:9", "--wait", "2s"];
    let (status, said) = ends(&flags);
    assert_eq!(status, Some(75), "{said}");
    assert!(said.contains("127.0.0.1:9") && said.contains("did not answer"), "{said}");
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn brokers_that_go_away_for_long_are_status_75_and_nothing_is_lost() {
    let Some(broker) = Broker::start("gone") else { return };
    let world = World::new(&broker, "gone");
    world.create("collect", 2);
    let lines = tweets(120, 4, 51);
    let (half, _) = lines.match_indices('\n').nth(lines.lines().count() / 2).unwrap();
    let feed = |lines: &str| {
        let sources = sources(lines);
        produce(world.brokers(), &world.topic("tweets"), keyed(lines, &sources));
    };
    let flags = [&RULES[..], &["--wait", "3s"]].concat();
    let mut daemon = world.daemon("collect", "patient", &flags);
    feed(&lines[..=half]);
    world.wait_until_read("collect", "tweets");
    broker.script("kill9", &[]);
    let status = daemon.wait(Duration::from_secs(40));
    assert_eq!(status, Some(75), "{}", daemon.said());
    assert!(daemon.said().contains("did not answer"), "{}", daemon.said());
    broker.script("restart", &[]);
    let mut daemon = world.daemon("collect", "patient", &flags);
    feed(&lines[half + 1..]);
    world.wait_until_read("collect", "tweets");
    let pipe = pipe(&[&["collect", "--at-end", "drop"], &RULES[..]].concat(), &lines);
    let topics = ["cascade_series", "cascade_properties"].map(|kind| (kind, world.read(kind)));
    let differences = differences(&topics, &pipe, 2);
    assert!(differences.is_empty(), "{differences:#?}");

    // A topic that goes away under a daemon is no reason to wait.
    broker.script("topics", &["delete", &world.topic("tweets")]);
    let status = daemon.wait(Duration::from_secs(60));
    assert_eq!(status, Some(1), "{}", daemon.said());
    assert!(daemon.said().contains("the topic is gone"), "{}", daemon.said());
}

#[test]
fn a_missing_topic_is_named_with_the_command_that_creates_it() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "missing");
    let (status, said) = world.ends("collect", &[]);
    assert_eq!(status, Some(1), "{said}");
    let named = said.contains(&world.topic("tweets"));
    assert!(named && said.contains("tweetoscope collect --kafka --create-topics"), "{said}");
    world.create("collect", 2);
    let (status, said) = world.ends("collect", &["--dry-run"]);
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn properties_that_correctness_owns_are_refused() {
    for (property, instead) in [
        ("enable.auto.commit=true", "--at-least-once"),
        ("isolation.level=read_uncommitted", "read_committed"),
        ("transactional.id=x", "--transactional-id"),
        ("acks=1", "all"),
        ("enable.idempotence=false", "always"),
        ("auto.offset.reset=latest", "--from"),
        ("group.id=x", "--group"),
    ] {
        let (status, said) = ends(&["collect", "--kafka", "-X", property]);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(instead), "{property}: {said}");
    }
    let (status, said) = ends(&["collect", "--kafka", "-X", "sasl.password hunter2"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let (status, said) = ends(&["collect", "--kafka", "-X", "no.such.property=hunter2"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("no.such.property") && !said.contains("hunter2"), "{said}");
}

#[test]
fn secrets_come_from_a_file_and_are_never_shown() {
    let file = std::env::temp_dir().join(format!("tweetoscope-secrets-{}", std::process::id()));
    std::fs::write(&file, "# ours\nsasl.password=hunter2\nbootstrap.servers=127.0.0.1:9\n")
        .unwrap();
    let path = file.to_str().unwrap();
    let (status, said) = ends(&["collect", "--kafka", "-v", "-F", path, "--wait", "0.5s"]);
    // The file names brokers where nothing else does; the command line wins over it.
    assert_eq!(status, Some(75), "{said}");
    assert!(said.contains("sasl.password=***") && !said.contains("hunter2"), "{said}");
    assert!(said.contains("127.0.0.1:9"), "{said}");
    let flags = ["collect", "--kafka", "-F", path, "-b", "127.0.0.1:7", "--wait", "0.5s"];
    let (_, said) = ends(&flags);
    assert!(said.contains("127.0.0.1:7") && !said.contains("127.0.0.1:9"), "{said}");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_changed_number_of_partitions_is_refused() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "grown");
    read_some(&world, 2);
    let topic = world.topic("tweets");
    grow(world.brokers(), &topic, 3);
    let (status, said) = world.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&topic) && said.contains("had 2"), "{said}");
}

#[test]
fn an_offset_that_retention_passed_is_named() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "passed");
    read_some(&world, 1);
    let topic = world.topic("tweets");
    let places = committed(world.brokers(), &world.group("collect"), &topic);
    let (offset, note) = &places[&0];
    let offset = offset.unwrap();
    delete_before(world.brokers(), &topic, offset - 1);
    let (status, said) = world.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{said} {note}");
    let oldest = format!("the oldest there is {}", offset - 1);
    assert!(said.contains(&format!("topic {topic} partition 0: offset ")), "{said}");
    assert!(said.contains(&oldest), "{said}");
}

#[test]
fn a_topic_too_narrow_for_a_model_is_refused_before_training() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "narrow");
    world.create("train", 1);
    narrow(world.brokers(), &world.topic("models"), "1000000");
    let (status, said) = world.ends("train", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{said}");
    let named = said.contains(&world.topic("models")) && said.contains("1000000");
    assert!(named && said.contains("max.message.bytes"), "{said}");
    let (status, said) = world.ends("train", &["--exit-eof", "--trees", "10"]);
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn access_rules_and_certificates_that_refuse_are_named() {
    let Some(broker) = Broker::start("locked") else { return };
    let world = World::new(&broker, "locked");
    world.create("collect", 1);
    broker.script("topics", &["create", "forbidden", "1"]);
    let lines = tweets(40, 1, 5);
    let sources = sources(&lines);
    produce(world.brokers(), &world.topic("tweets"), keyed(&lines, &sources));

    let sasl = broker.sasl.clone().unwrap();
    let login = |user: &str, password: &str, more: &[&str]| {
        let file = std::env::temp_dir().join(format!("tweetoscope-login-{}", std::process::id()));
        let text = format!(
            "security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\nsasl.username={user}\n\
             sasl.password={password}\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut flags = vec!["-F", file.to_str().unwrap(), "-b", &sasl, "--wait", "20s"];
        flags.extend(more);
        world.again("collect", &flags)
    };
    let (status, said) = login("alice", "alice-secret", &["--exit-eof"]);
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = login("alice", "wrong", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("refused the login"), "{said}");
    let elsewhere = ["--exit-eof", "--group", "other", "--topic", "cascade_series=forbidden"];
    let (status, said) = login("bob", "bob-secret", &elsewhere);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("forbidden") && said.contains("access rules"), "{said}");

    let (tls, ca) = broker.tls.clone().unwrap();
    let location = format!("ssl.ca.location={}", ca.display());
    let flags = ["-X", "security.protocol=ssl", "-b", &tls, "--exit-eof", "--wait", "20s"];
    let (status, said) = world.again("collect", &[&flags[..], &["-X", &location]].concat());
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = world.again("collect", &flags);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("certificate") && said.contains("ssl.ca.location"), "{said}");
}

/// Has a collector read tweets whose cascades stay open, so that its low watermark stays behind.
fn read_some(world: &World<'_>, partitions: i32) {
    world.create("collect", partitions);
    let lines: String = (0..30)
        .map(|i| {
            let kind = if i == 0 { "tweet" } else { "retweet" };
            format!("{{\"type\":\"{kind}\",\"cid\":\"a\",\"t\":{i},\"source\":\"0\"}}\n")
        })
        .collect();
    let sources = sources(&lines);
    produce(world.brokers(), &world.topic("tweets"), keyed(&lines, &sources));
    let (status, said) = world.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(0), "{said}");
}

fn admin(brokers: &str) -> rdkafka::admin::AdminClient<rdkafka::client::DefaultClientContext> {
    rdkafka::ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

fn block_on<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(answer)
}

fn grow(brokers: &str, topic: &str, partitions: usize) {
    let new = rdkafka::admin::NewPartitions::new(topic, partitions);
    let options = rdkafka::admin::AdminOptions::new();
    let results = block_on(admin(brokers).create_partitions([&new], &options)).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    while crate::client::partitions(brokers, topic) != partitions as i32 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn narrow(brokers: &str, topic: &str, bytes: &str) {
    use rdkafka::admin::{AdminOptions, AlterConfig, ResourceSpecifier};
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic))
        .set("max.message.bytes", bytes)
        .set("cleanup.policy", "compact");
    let results = block_on(admin(brokers).alter_configs([&change], &AdminOptions::new())).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

fn delete_before(brokers: &str, topic: &str, offset: i64) {
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset(topic, 0, rdkafka::Offset::Offset(offset)).unwrap();
    let options = rdkafka::admin::AdminOptions::new();
    block_on(admin(brokers).delete_records(&list, &options)).unwrap();
}
