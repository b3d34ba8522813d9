//! Instances that are stopped, replaced, added and removed.

use std::time::{Duration, Instant};

use crate::broker::broker;
use crate::client::{self, lag};
use crate::environment::{Environment, differences, tweets};
use crate::faults::OPTIONS;
use crate::process::pipe;

fn assert_exact(environment: &Environment<'_>, lines: &str, partitions: i32) {
    let pipe = pipe(&[&["collect", "--at-end", "drop"], &OPTIONS[..]].concat(), lines);
    let topics =
        ["cascade_series", "cascade_properties"].map(|kind| (kind, environment.read(kind)));
    let differences = differences(&topics, &pipe, partitions);
    assert!(differences.is_empty(), "{differences:#?}");
}

/// The tweets in parts of equal size.
fn parts(lines: &str, count: usize) -> Vec<String> {
    let lines: Vec<&str> = lines.lines().collect();
    let part = |chunk: &[&str]| chunk.iter().map(|line| format!("{line}\n")).collect();
    lines.chunks(lines.len().div_ceil(count)).map(part).collect()
}

#[test]
fn an_instance_stopped_beyond_its_session_is_rejected_and_rejoins() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "stopped");
    environment.create("collect", 2);
    let lines = tweets(300, 6, 11);
    let parts = parts(&lines, 3);
    let mut stopped = environment.daemon("collect", "stopped", &OPTIONS);
    environment.feed(&parts[0]);
    environment.wait_until_read("collect", "tweets");
    // Stopped while it processes records: its transaction remains open.
    environment.feed(&parts[1]);
    stopped.signal("STOP");
    let mut successor = environment.daemon("collect", "successor", &OPTIONS);
    environment.feed(&parts[2]);
    // The successor waits until the broker aborts the open transaction: ten seconds.
    environment.wait_until_read("collect", "tweets");
    std::thread::sleep(Duration::from_secs(2));
    stopped.signal("CONT");
    std::thread::sleep(Duration::from_secs(4));
    assert!(stopped.ended().is_none(), "{}", stopped.stderr());
    stopped.stop();
    successor.stop();
    assert_exact(&environment, &lines, 2);
}

#[test]
fn an_instance_that_was_replaced_ends_with_status_76() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "replaced");
    environment.create("collect", 2);
    let lines = tweets(300, 6, 12);
    let parts = parts(&lines, 2);
    let mut old = environment.daemon("collect", "same", &OPTIONS);
    environment.feed(&parts[0]);
    environment.wait_until_read("collect", "tweets");
    let mut new = environment.daemon("collect", "same", &OPTIONS);
    // The commit of the old instance is rejected: more records must be written after that.
    let start = Instant::now();
    while !new.stderr().contains("are assigned") {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", new.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
    environment.feed(&parts[1]);
    // Each fences the other once and connects again. Which one is fenced twice first depends on their commits.
    let start = Instant::now();
    let (status, mut other) = loop {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", old.stderr());
        match (old.ended(), new.ended()) {
            (Some(status), _) => break (status, new),
            (_, Some(status)) => break (status, old),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert_eq!(status.code(), Some(76), "{}", other.stderr());
    environment.wait_until_read("collect", "tweets");
    other.stop();
    assert_exact(&environment, &lines, 2);
}

/// A broker may fence a producer whose earlier transaction it did not see end. Another process with the id
/// does it again and again.
#[test]
fn a_producer_that_is_fenced_once_continues_and_ends_with_status_76_the_second_time() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "fenced");
    environment.create("collect", 2);
    let lines = tweets(300, 6, 14);
    let parts = parts(&lines, 3);
    let mut daemon = environment.daemon("collect", "it", &OPTIONS);
    environment.feed(&parts[0]);
    environment.wait_until_read("collect", "tweets");
    client::fence(environment.brokers(), &environment.id("it"));
    environment.feed(&parts[1]);
    environment.wait_until_read("collect", "tweets");
    assert!(daemon.ended().is_none(), "{}", daemon.stderr());
    client::fence(environment.brokers(), &environment.id("it"));
    environment.feed(&parts[2]);
    assert_eq!(daemon.wait(Duration::from_secs(60)), Some(76), "{}", daemon.stderr());
    daemon.kill_and_restart();
    environment.wait_until_read("collect", "tweets");
    daemon.stop();
    assert_exact(&environment, &lines, 2);
}

#[test]
fn added_and_removed_instances_do_not_change_the_output() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "scale");
    environment.create("collect", 4);
    let lines = tweets(500, 12, 13);
    let parts = parts(&lines, 5);
    let start = |i: u32| environment.daemon("collect", &i.to_string(), &OPTIONS);
    let mut daemons = vec![start(0)];
    for (i, part) in parts.iter().enumerate() {
        environment.feed(part);
        match i {
            0 => daemons.extend([start(1), start(2)]),
            2 => daemons.drain(1..).for_each(|mut daemon| daemon.stop()),
            _ => std::thread::sleep(Duration::from_secs(2)),
        }
    }
    environment.wait_until_read("collect", "tweets");
    daemons.iter_mut().for_each(|daemon| daemon.stop());
    let group = environment.group("collect");
    assert_eq!(lag(environment.brokers(), &group, &environment.topic("tweets")), 0);
    assert_exact(&environment, &lines, 4);
}

/// A static member takes over its own partitions: not after the session of its killed process.
#[test]
fn a_restart_with_the_same_id_after_a_kill_takes_a_second() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "static");
    environment.create("collect", 2);
    let lines = tweets(200, 6, 14);
    let parts = parts(&lines, 2);
    let session = ["-X", "session.timeout.ms=45000"];
    let mut daemon = environment.daemon("collect", "static", &[&OPTIONS[..], &session].concat());
    environment.feed(&parts[0]);
    environment.wait_until_read("collect", "tweets");
    let before = daemon.stderr().matches("starting at offset").count();
    let start = Instant::now();
    daemon.kill_and_restart();
    while daemon.stderr().matches("starting at offset").count() < before + 2 {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", daemon.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
    eprintln!("assigned {:.1} s after the kill", start.elapsed().as_secs_f64());
    environment.feed(&parts[1]);
    environment.wait_until_read("collect", "tweets");
    daemon.stop();
    assert_exact(&environment, &lines, 2);
}

/// It returns without a rebalance, and the group assumes that it still joins for the partitions that it has given up.
#[test]
fn partitions_of_a_member_that_is_killed_during_a_rebalance_get_a_member() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "orphaned");
    environment.create("collect", 4);
    let lines = tweets(300, 8, 15);
    let parts = parts(&lines, 2);
    // Longer than the test: nobody else is removed from the group.
    let long = ["-X", "session.timeout.ms=300000", "-X", "max.poll.interval.ms=400000"];
    let options = [&OPTIONS[..], &long].concat();
    let mut first = environment.daemon("collect", "first", &options);
    environment.feed(&parts[0]);
    environment.wait_until_read("collect", "tweets");
    let mut second = environment.daemon("collect", "second", &options);
    first.wait_for_quickly("are revoked");
    first.kill_and_restart();
    environment.feed(&parts[1]);
    environment.wait_until_read("collect", "tweets");
    first.stop();
    second.stop();
    assert_exact(&environment, &lines, 4);
}
