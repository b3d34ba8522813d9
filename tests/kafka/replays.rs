//! `generate` that is killed and started again.

use std::time::Duration;

use crate::broker::broker;
use crate::client::{self, Read};
use crate::environment::{Environment, field};
use crate::process::pipe;

const REPLAY: [&str; 6] = ["--simulate", "80", "--sources", "5", "--seed", "9"];

/// The records of every source, in order.
fn of_source(read: &[Read], source: u32) -> Vec<String> {
    let key = source.to_string();
    let found = read.iter().filter(|it| it.key.as_ref() == Some(&key));
    found.map(|it| it.value.clone().unwrap()).collect()
}

#[test]
fn a_replay_that_is_killed_continues_after_its_committed_records() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "continued");
    environment.create("collect", 2);
    let lines = pipe(&[&["generate"], &REPLAY[..]].concat(), "");
    // About fifteen seconds, of which each kill interrupts a part.
    let flags = [&REPLAY[..], &["--speed", "9000"]].concat();
    let mut daemon = environment.daemon("generate", "replay", &flags);
    let topic = environment.topic("tweets");
    let mut written = 0;
    for _ in 0..3 {
        let before = written;
        // On a slow machine it may end before it is killed again.
        while written < before + 200 && daemon.ended().is_none() {
            written = client::read_committed(environment.brokers(), &topic).len();
        }
        if daemon.ended().is_none() {
            daemon.kill_and_restart();
        }
    }
    assert_eq!(daemon.wait(Duration::from_secs(60)), Some(0), "{}", daemon.stderr());
    let continued = daemon.stderr().matches("continuing after").count();
    assert!(continued >= 1, "{continued}: {}", daemon.stderr());
    let read = environment.read("tweets");
    assert_eq!(read.len(), lines.lines().count());
    for source in 0..5 {
        let text = source.to_string();
        let want: Vec<&str> = lines.lines().filter(|it| field(it, "source") == text).collect();
        assert_eq!(of_source(&read, source), want);
    }

    let again = |more: &[&str]| {
        let id = format!("{}-replay", environment.name);
        let id = ["--transactional-id", &id];
        let (status, stderr) = environment.ends("generate", &[more, &id].concat());
        (status, stderr, environment.read("tweets").len())
    };
    let (status, stderr, count) = again(&REPLAY);
    assert_eq!((status, count), (Some(0), read.len()), "{stderr}");
    assert!(stderr.contains("nothing was written") && stderr.contains("--group NEW"), "{stderr}");
    let (status, stderr, count) = again(&["--simulate", "80", "--sources", "5", "--seed", "8"]);
    assert_eq!((status, count), (Some(1), read.len()), "{stderr}");
    assert!(stderr.contains("another replay") && stderr.contains("--group NEW"), "{stderr}");
    let (status, stderr, count) = again(&["--history", "-"]);
    assert_eq!((status, count), (Some(2), read.len()), "{stderr}");
    assert!(stderr.contains("stdin"), "{stderr}");
}

#[test]
fn a_replay_without_an_id_reports_that_it_writes_all_records_again() {
    let Some(broker) = broker() else { return };
    let environment = Environment::new(broker, "repeated");
    environment.create("collect", 1);
    let flags = ["--simulate", "5", "--seed", "9"];
    let (status, stderr) = environment.ends("generate", &flags);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(!stderr.contains("--transactional-id"), "{stderr}");
    let count = environment.read("tweets").len();
    let (status, stderr) = environment.ends("generate", &flags);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stderr.contains("continues an earlier run only with --transactional-id"), "{stderr}");
    assert_eq!(environment.read("tweets").len(), 2 * count);
}
