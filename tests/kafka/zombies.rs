//! Instances that are halted, replaced, added and taken away.

use std::time::Duration;

use crate::broker::broker;
use crate::client::{self, lag};
use crate::process::pipe;
use crate::storm::RULES;
use crate::world::{World, differences, keyed, sources, tweets};

fn assert_exact(world: &World<'_>, lines: &str, partitions: i32) {
    let pipe = pipe(&[&["collect", "--at-end", "drop"], &RULES[..]].concat(), lines);
    let topics = ["cascade_series", "cascade_properties"].map(|kind| (kind, world.read(kind)));
    let differences = differences(&topics, &pipe, partitions);
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Parts of the tweets, cut at random but equal places.
fn parts(lines: &str, count: usize) -> Vec<String> {
    let lines: Vec<&str> = lines.lines().collect();
    let part = |chunk: &[&str]| chunk.iter().map(|line| format!("{line}\n")).collect();
    lines.chunks(lines.len().div_ceil(count)).map(part).collect()
}

fn feed(world: &World<'_>, lines: &str) {
    let sources = sources(lines);
    client::produce(world.brokers(), &world.topic("tweets"), keyed(lines, &sources));
}

#[test]
fn an_instance_halted_past_its_session_is_refused_and_comes_back() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "halted");
    world.create("collect", 2);
    let lines = tweets(300, 6, 11);
    let parts = parts(&lines, 3);
    let mut zombie = world.daemon("collect", "zombie", &RULES);
    feed(&world, &parts[0]);
    world.wait_until_read("collect", "tweets");
    // Halted in the middle of work: its transaction stays open.
    feed(&world, &parts[1]);
    zombie.signal("STOP");
    let mut heir = world.daemon("collect", "heir", &RULES);
    feed(&world, &parts[2]);
    // The heir waits for the broker to abort what the zombie left open: ten seconds.
    world.wait_until_read("collect", "tweets");
    std::thread::sleep(Duration::from_secs(2));
    zombie.signal("CONT");
    std::thread::sleep(Duration::from_secs(4));
    assert!(zombie.ended().is_none(), "{}", zombie.said());
    zombie.stop();
    heir.stop();
    assert_exact(&world, &lines, 2);
}

#[test]
fn an_instance_that_was_replaced_ends_with_status_76() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "replaced");
    world.create("collect", 2);
    let lines = tweets(300, 6, 12);
    let parts = parts(&lines, 2);
    let mut old = world.daemon("collect", "same", &RULES);
    feed(&world, &parts[0]);
    world.wait_until_read("collect", "tweets");
    let mut new = world.daemon("collect", "same", &RULES);
    feed(&world, &parts[1]);
    assert_eq!(old.wait(Duration::from_secs(60)), Some(76), "{}", old.said());
    world.wait_until_read("collect", "tweets");
    new.stop();
    assert_exact(&world, &lines, 2);
}

#[test]
fn instances_come_and_go_without_a_trace() {
    let Some(broker) = broker() else { return };
    let world = World::new(broker, "scale");
    world.create("collect", 4);
    let lines = tweets(500, 12, 13);
    let parts = parts(&lines, 5);
    let start = |i: u32| world.daemon("collect", &i.to_string(), &RULES);
    let mut daemons = vec![start(0)];
    for (i, part) in parts.iter().enumerate() {
        feed(&world, part);
        match i {
            0 => daemons.extend([start(1), start(2)]),
            2 => daemons.drain(1..).for_each(|mut daemon| daemon.stop()),
            _ => std::thread::sleep(Duration::from_secs(2)),
        }
    }
    world.wait_until_read("collect", "tweets");
    daemons.iter_mut().for_each(|daemon| daemon.stop());
    let group = world.group("collect");
    assert_eq!(lag(world.brokers(), &group, &world.topic("tweets")), 0);
    assert_exact(&world, &lines, 4);
}
