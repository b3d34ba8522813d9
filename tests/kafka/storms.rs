//! Kills, brokers that go away, and controls that must fail.

use std::time::Duration;

use crate::broker::{Broker, broker};
use crate::storm::{Aftermath, Storm};

const STORM: Storm = Storm {
    name: "storm",
    seed: 1,
    instances: 3,
    partitions: 4,
    cascades: 1500,
    sources: 16,
    lasts: Duration::from_secs(45),
    flags: &[],
    broker_kills: 0,
    least: 5,
};

fn tell(name: &str, after: &Aftermath) {
    eprintln!(
        "{name}: {} kills, {} recoveries, {} transactions given up, {} tweets, {} outputs",
        after.kills, after.recoveries, after.given_up, after.tweets, after.outputs
    );
}

fn assert_exact(name: &str, after: &Aftermath) {
    tell(name, after);
    assert!(after.outputs > 500 && after.recoveries >= STORM.least, "the storm did not blow");
    assert!(after.differences.is_empty(), "{:#?}\n{}", after.differences, after.said);
}

#[test]
fn a_storm_of_kills_leaves_no_trace() {
    let Some(broker) = broker() else { return };
    assert_exact("storm", &STORM.blow(broker));
}

/// 200,000 tweets and ten minutes: an hour of kills takes this long.
#[test]
#[ignore = "ten minutes"]
fn a_long_storm_leaves_no_trace() {
    let Some(broker) = broker() else { return };
    let lasts = Duration::from_secs(600);
    let storm = Storm { name: "long", seed: 2, cascades: 3500, lasts, ..STORM };
    assert_exact("long storm", &storm.blow(broker));
}

#[test]
fn a_broker_that_is_killed_leaves_no_trace() {
    let Some(broker) = Broker::start("hurt") else { return };
    let (lasts, broker_kills) = (Duration::from_secs(30), 2);
    let storm = Storm { name: "hurt", seed: 3, cascades: 700, lasts, broker_kills, ..STORM };
    assert_exact("storm with broker kills", &storm.blow(&broker));
}

/// The group's older way: all partitions are given back and dealt anew.
#[test]
fn a_storm_under_the_eager_protocol_leaves_no_trace() {
    let Some(broker) = broker() else { return };
    let flags = &["-X", "partition.assignment.strategy=range"];
    let lasts = Duration::from_secs(15);
    let storm = Storm { name: "eager", seed: 6, cascades: 500, lasts, flags, ..STORM };
    assert_exact("eager storm", &storm.blow(broker));
}

/// Hundreds of clocks do not fit into the metadata of an offset, and cascades that stay open for
/// longer than a replay may take are set aside.
#[test]
fn long_marks_and_cascades_that_are_set_aside_leave_no_trace() {
    let Some(broker) = broker() else { return };
    let flags = &["--max-replay", "200"];
    // As many instances as partitions: every kill hits one that has work.
    let (lasts, instances, partitions, sources) = (Duration::from_secs(20), 2, 2, 600);
    let base = Storm { instances, partitions, sources, ..STORM };
    // A loaded machine may take so long that few tombstones are written: then a storm of another seed.
    let enough = (7..10).any(|seed| {
        let name = ["aside", "aside-again", "aside-last"][seed as usize - 7];
        let after = Storm { name, seed, cascades: 600, lasts, flags, ..base }.blow(broker);
        assert_exact("storm with little replay", &after);
        let (cascades, checkpoints): (Vec<_>, Vec<_>) =
            after.state.iter().partition(|it| it.key.as_ref().unwrap().contains('@'));
        let tombstones = cascades.iter().filter(|it| it.value.is_none()).count();
        let written = cascades.len() - tombstones;
        eprintln!("{} checkpoints, {written} cascades, {tombstones} tombstones", checkpoints.len());
        checkpoints.len() > 3 && written > 300 && tombstones > 10
    });
    assert!(enough, "no storm wrote enough of the changelog");
}

/// The check has teeth: without replay cascades are lost.
#[test]
fn without_replay_the_check_finds_what_is_lost() {
    let Some(broker) = broker() else { return };
    let flags = &["--without-replay"];
    let lasts = Duration::from_secs(15);
    let storm =
        Storm { name: "forgetful", seed: 4, cascades: 500, lasts, flags, least: 0, ..STORM };
    let after = storm.blow(broker);
    tell("without replay", &after);
    assert!(after.differences.iter().any(|it| !it.contains(" 0 missing")), "{after:?}");
}

/// The check has teeth: without transactions records come twice.
#[test]
fn without_transactions_the_check_finds_what_is_repeated() {
    let Some(broker) = broker() else { return };
    let flags = &["--at-least-once", "--tick", "2s"];
    let lasts = Duration::from_secs(15);
    let storm = Storm { name: "twice", seed: 5, cascades: 500, lasts, flags, least: 0, ..STORM };
    let after = storm.blow(broker);
    tell("at least once", &after);
    let repeated = after.differences.iter().filter(|it| !it.contains(" 0 repeated")).count();
    assert!(repeated > 0, "{after:?}");
    assert!(after.differences.iter().all(|it| it.contains(" 0 missing")), "{after:?}");
}
