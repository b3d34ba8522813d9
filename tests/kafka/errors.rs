//! Errors that end a service: message and exit status.

use std::time::{Duration, Instant};

use crate::admin::{add_partitions, admin, block_on, delete_before, limit_record_bytes};
use crate::broker::{Broker, broker};
use crate::client::committed;
use crate::environment::{Environment, differences, field, tweets};
use crate::faults::OPTIONS;
use crate::process::{Daemon, ends, pipe};

#[test]
fn brokers_that_do_not_answer_are_status_75() {
    let start = Instant::now();
    let flags = ["collect", "--kafka", "-b", "127.0.0.1:9", "--wait", "2s"];
    let (status, stderr) = ends(&flags);
    assert_eq!(status, Some(75), "{stderr}");
    assert!(
        stderr.contains("127.0.0.1:9") && stderr.contains("did not answer for 2 s"),
        "{stderr}"
    );
    assert!(!stderr.contains("has not answered"), "one duration: {stderr}");
    assert!(stderr.contains("check --brokers, or give a longer --wait"), "{stderr}");
    assert!(start.elapsed().as_secs() < 6, "{:?}", start.elapsed());
}

#[test]
fn an_empty_list_of_brokers_is_refused() {
    for brokers in ["", " ", "a:9092,,b:9092"] {
        let (status, stderr) = ends(&["collect", "--kafka", "-b", brokers, "--wait", "1s"]);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.contains("--brokers must be HOST:PORT"), "{stderr}");
    }
}

/// A stopped broker keeps its connections. Without a check of its silence it would take the timeout of
/// a request (60 s) to detect it.
#[test]
fn a_broker_that_stops_answering_is_status_75_after_wait() {
    let Some(broker) = Broker::start("silent") else { return };
    let environment = Environment::new(&broker, "silent");
    environment.create("collect", 2);
    let mut daemon = environment.daemon("collect", "silent", &["--wait", "7s"]);
    daemon.wait_for("starting at offset");
    // The first statistics.
    std::thread::sleep(Duration::from_secs(2));
    broker.signal("STOP");
    let start = Instant::now();
    let status = daemon.wait(Duration::from_secs(30));
    let took = start.elapsed().as_secs_f64();
    assert_eq!(status, Some(75), "{}", daemon.stderr());
    assert!((5.0..14.0).contains(&took), "{took} s");
    let name = format!("brokers {} did not answer for ", environment.brokers());
    assert!(daemon.stderr().contains(&name), "{}", daemon.stderr());
}

/// The offset that the service reads next is beyond the end of the new topic, and not before its start.
#[test]
fn a_topic_that_is_deleted_and_created_again_is_named_as_such() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "recreated");
    read_some(&environment, 1);
    let topic = environment.topic("tweets");
    let mut daemon = environment.daemon("collect", "recreated", &[]);
    daemon.wait_for("starting at offset");
    let options = rdkafka::admin::AdminOptions::new();
    let admin = admin(environment.brokers());
    let deleted = block_on(admin.delete_topics(&[&topic], &options)).unwrap();
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    let new = rdkafka::admin::NewTopic::new(&topic, 1, rdkafka::admin::TopicReplication::Fixed(1));
    while !block_on(admin.create_topics([&new], &options)).unwrap().iter().all(Result::is_ok) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(daemon.wait(Duration::from_secs(60)), Some(1), "{}", daemon.stderr());
    let stderr = daemon.stderr();
    assert!(stderr.contains("it was deleted and created again"), "{stderr}");
    assert!(stderr.contains(&topic) && !stderr.contains("retention"), "{stderr}");
}

#[test]
fn unreachable_brokers_while_running_are_status_75_and_no_record_is_lost() {
    let Some(broker) = Broker::start("gone") else { return };
    let environment = Environment::new(&broker, "gone");
    environment.create("collect", 2);
    let lines = tweets(120, 4, 51);
    let (half, _) = lines.match_indices('\n').nth(lines.lines().count() / 2).unwrap();
    let flags = [&OPTIONS[..], &["--wait", "3s"]].concat();
    let mut daemon = environment.daemon("collect", "patient", &flags);
    environment.feed(&lines[..=half]);
    environment.wait_until_read("collect", "tweets");
    broker.script("kill9", &[]);
    let start = Instant::now();
    let status = daemon.wait(Duration::from_secs(40));
    assert_eq!(status, Some(75), "{}", daemon.stderr());
    let took = start.elapsed().as_secs_f64();
    assert!((2.5..8.0).contains(&took), "{took} s, and --wait is 3 s: {}", daemon.stderr());
    let name = format!("brokers {} did not answer for ", environment.brokers());
    assert!(daemon.stderr().contains(&name), "{}", daemon.stderr());
    broker.script("restart", &[]);
    let mut daemon = environment.daemon("collect", "patient", &flags);
    environment.feed(&lines[half + 1..]);
    environment.wait_until_read("collect", "tweets");
    let pipe = pipe(&[&["collect", "--at-end", "drop"], &OPTIONS[..]].concat(), &lines);
    let topics =
        ["cascade_series", "cascade_properties"].map(|kind| (kind, environment.read(kind)));
    let differences = differences(&topics, &pipe, 2);
    assert!(differences.is_empty(), "{differences:#?}");

    // A deleted topic ends a daemon without waiting.
    broker.script("topics", &["delete", &environment.topic("tweets")]);
    ends_without_topic(&mut daemon);
}

fn ends_without_topic(daemon: &mut Daemon) {
    let status = daemon.wait(Duration::from_secs(60));
    assert_eq!(status, Some(1), "{}", daemon.stderr());
    assert!(daemon.stderr().contains("the topic was deleted"), "{}", daemon.stderr());
}

#[test]
fn a_topic_that_is_deleted_while_a_member_joins_again_is_named() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "deleted");
    environment.create("collect", 2);
    environment.feed(&tweets(50, 2, 7));
    let mut daemon = environment.daemon("collect", "deleted", &OPTIONS);
    environment.wait_until_read("collect", "tweets");
    // Its session expires, and the committed positions go with the topic.
    daemon.signal("STOP");
    broker.script("topics", &["delete", &environment.topic("tweets")]);
    std::thread::sleep(Duration::from_secs(4));
    daemon.signal("CONT");
    ends_without_topic(&mut daemon);
}

#[test]
fn a_missing_topic_is_named_with_the_command_that_creates_it() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "missing");
    let (status, stderr) = environment.ends("collect", &[]);
    assert_eq!(status, Some(1), "{stderr}");
    let named = stderr.contains(&environment.topic("tweets"));
    assert!(named && stderr.contains("tweetoscope collect --kafka --create-topics"), "{stderr}");
    environment.create("collect", 2);
    let (status, stderr) = environment.ends("collect", &["--dry-run"]);
    assert_eq!(status, Some(0), "{stderr}");
}

#[test]
fn properties_on_which_guarantees_depend_are_refused() {
    for (property, instead) in [
        ("enable.auto.commit=true", "--at-least-once"),
        ("isolation.level=read_uncommitted", "read_committed"),
        ("transactional.id=x", "--transactional-id"),
        ("acks=1", "all"),
        ("enable.idempotence=false", "always"),
        ("auto.offset.reset=latest", "--from"),
        ("group.id=x", "--group"),
    ] {
        let (status, stderr) = ends(&["collect", "--kafka", "-X", property]);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.contains(instead), "{property}: {stderr}");
    }
    let (status, stderr) = ends(&["collect", "--kafka", "-X", "sasl.password hunter2"]);
    assert_eq!(status, Some(2), "{stderr}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
    let (status, stderr) = ends(&["collect", "--kafka", "-X", "no.such.property=hunter2"]);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("no.such.property") && !stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn secrets_are_read_from_a_file_and_never_logged() {
    let file = std::env::temp_dir().join(format!("tweetoscope-secrets-{}", std::process::id()));
    std::fs::write(&file, "# comment\nsasl.password=hunter2\nbootstrap.servers=127.0.0.1:9\n")
        .unwrap();
    let path = file.to_str().unwrap();
    let (status, stderr) = ends(&["collect", "--kafka", "-v", "-F", path, "--wait", "0.5s"]);
    // The brokers of the file are used; the command line takes precedence.
    assert_eq!(status, Some(75), "{stderr}");
    assert!(stderr.contains("sasl.password=***") && !stderr.contains("hunter2"), "{stderr}");
    assert!(stderr.contains("127.0.0.1:9"), "{stderr}");
    let flags = ["collect", "--kafka", "-F", path, "-b", "127.0.0.1:7", "--wait", "0.5s"];
    let (_, stderr) = ends(&flags);
    assert!(stderr.contains("127.0.0.1:7") && !stderr.contains("127.0.0.1:9"), "{stderr}");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_changed_number_of_partitions_is_refused() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "grown");
    read_some(&environment, 2);
    let topic = environment.topic("tweets");
    add_partitions(environment.brokers(), &topic, 3);
    let (status, stderr) = environment.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains(&topic) && stderr.contains("had 2"), "{stderr}");
}

/// librdkafka does not report new partitions to a client that has assigned its partitions itself.
#[test]
fn a_reader_of_a_topic_that_is_extended_ends() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "extended");
    environment.create("monitor", 1);
    let flags = environment.flags("monitor", &[]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut monitor = Daemon::start("extended", &flags);
    monitor.wait_for("connecting");
    std::thread::sleep(Duration::from_secs(1));
    let topic = environment.topic("stats");
    add_partitions(environment.brokers(), &topic, 2);
    assert_eq!(monitor.wait(Duration::from_secs(60)), Some(1), "{}", monitor.stderr());
    let stderr = monitor.stderr();
    assert!(stderr.contains(&format!("topic {topic} has 2 partitions, and had 1")), "{stderr}");
}

/// What the committed state cannot be continued with is refused by name; a group that begins at the
/// position of another one emits nothing twice.
#[test]
fn other_options_and_foreign_offsets_are_refused_and_a_new_group_continues() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "options");
    read_some(&environment, 1);
    for (option, value, difference) in [
        ("--min-size", "3", "--min-size 10, not 3"),
        ("--lateness", "5m", "--lateness 0s, not 5m"),
        ("--windows", "10m,30m", "--windows 10m,20m, not 10m,30m"),
        ("--terminated", "2h", "--terminated 30m, not 2h"),
    ] {
        let flags = ["--exit-eof", "--max-age", "1d", option, value];
        let (status, stderr) = environment.ends("collect", &flags);
        assert_eq!(status, Some(1), "{stderr}");
        assert!(stderr.contains(difference) && stderr.contains("--from group:"), "{stderr}");
    }
    let (status, stderr) = environment.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(0), "the committed options: {stderr}");

    let (group, topic) = (environment.group("collect"), environment.topic("tweets"));
    commit(environment.brokers(), &group, &topic, 30);
    let (status, stderr) = environment.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("another program committed offset 30"), "{stderr}");

    let more: String = (100..140)
        .map(|t| {
            let kind = if t == 100 { "tweet" } else { "retweet" };
            format!("{{\"type\":\"{kind}\",\"cid\":\"b\",\"t\":{t},\"source\":\"0\"}}\n")
        })
        .collect();
    let end = "{\"type\":\"watermark\",\"source\":\"0\",\"t\":10000}\n";
    environment.feed(&format!("{more}{end}"));
    let new = format!("{group}-new");
    let misspelt = format!("group:{group}x");
    let flags = ["--group", &new, "--from", &misspelt, "--exit-eof"];
    let (status, stderr) = environment.ends_with("collect", &flags);
    assert_eq!(status, Some(1), "{stderr}");
    let text = format!("--from {misspelt}: the group has committed no position in topic");
    assert!(stderr.contains(&text), "{stderr}");
    let from = format!("group:{group}");
    let flags = ["--group", &new, "--from", &from, "--exit-eof", "--min-size", "3"];
    let (status, stderr) = environment.ends_with("collect", &flags);
    assert_eq!(status, Some(0), "{stderr}");
    let series = environment.read("cascade_series");
    let cascades: Vec<String> =
        series.iter().map(|it| field(it.value.as_deref().unwrap(), "cid")).collect();
    assert_eq!(
        cascades,
        ["b", "b"],
        "one serie for each window of the new cascade, none of the old"
    );
}

/// Commits an offset of partition 0 as another program would.
fn commit(brokers: &str, group: &str, topic: &str, offset: i64) {
    use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
    use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", group)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

#[test]
fn an_offset_that_retention_deleted_is_named() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "passed");
    read_some(&environment, 1);
    let topic = environment.topic("tweets");
    let places = committed(environment.brokers(), &environment.group("collect"), &topic);
    let (offset, note) = &places[&0];
    let offset = offset.unwrap();
    delete_before(environment.brokers(), &topic, offset - 1);
    let (status, stderr) = environment.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr} {note}");
    let oldest = format!("the oldest there is {}", offset - 1);
    assert!(stderr.contains(&format!("topic {topic} partition 0: offset ")), "{stderr}");
    assert!(stderr.contains(&oldest), "{stderr}");
}

#[test]
fn a_topic_with_a_record_limit_below_a_model_is_refused_before_training() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "narrow");
    environment.create("train", 1);
    limit_record_bytes(environment.brokers(), &environment.topic("models"), "1000000");
    let (status, stderr) = environment.ends("train", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr}");
    let named = stderr.contains(&environment.topic("models")) && stderr.contains("1000000");
    assert!(named && stderr.contains("max.message.bytes"), "{stderr}");
    let (status, stderr) = environment.ends("train", &["--exit-eof", "--trees", "10"]);
    assert_eq!(status, Some(0), "{stderr}");
}

#[test]
fn denied_access_and_rejected_certificates_are_named() {
    let Some(broker) = Broker::start("locked") else { return };
    let environment = Environment::new(&broker, "locked");
    environment.create("collect", 1);
    broker.script("topics", &["create", "forbidden", "1"]);
    environment.feed(&tweets(40, 1, 5));

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
        environment.ends_with("collect", &flags)
    };
    let (status, stderr) = login("alice", "alice-secret", &["--exit-eof"]);
    assert_eq!(status, Some(0), "{stderr}");
    let (status, stderr) = login("alice", "wrong", &["--exit-eof"]);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("refused the login: check sasl.password"), "{stderr}");
    let elsewhere = ["--exit-eof", "--group", "other", "--topic", "cascade_series=forbidden"];
    let (status, stderr) = login("bob", "bob-secret", &elsewhere);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("forbidden") && stderr.contains("access rules"), "{stderr}");
    // Where the refusal arrives while more records are sent, too.
    environment.feed(&tweets(4000, 1, 6));
    let elsewhere = ["--group", "another", "--topic", "cascade_series=forbidden"];
    let (status, stderr) = login("bob", "bob-secret", &elsewhere);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("forbidden") && stderr.contains("access rules"), "{stderr}");

    let (tls, ca) = broker.tls.clone().unwrap();
    let location = format!("ssl.ca.location={}", ca.display());
    let flags = ["-X", "security.protocol=ssl", "-b", &tls, "--exit-eof", "--wait", "20s"];
    let (status, stderr) =
        environment.ends_with("collect", &[&flags[..], &["-X", &location]].concat());
    assert_eq!(status, Some(0), "{stderr}");
    let (status, stderr) = environment.ends_with("collect", &flags);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("certificate") && stderr.contains("ssl.ca.location"), "{stderr}");
}

/// A collector reads tweets of cascades that remain open, so that the low watermark does not advance.
fn read_some(environment: &Environment<'_>, partitions: i32) {
    environment.create("collect", partitions);
    let lines: String = (0..30)
        .map(|i| {
            let kind = if i == 0 { "tweet" } else { "retweet" };
            format!("{{\"type\":\"{kind}\",\"cid\":\"a\",\"t\":{i},\"source\":\"0\"}}\n")
        })
        .collect();
    environment.feed(&lines);
    let (status, stderr) = environment.ends("collect", &["--exit-eof"]);
    assert_eq!(status, Some(0), "{stderr}");
}
