//! Kills of daemons and brokers, and controls that must fail.

use std::time::Duration;

use crate::broker::{Broker, broker};
use crate::client;
use crate::environment::{Environment, differences, keyed, sources, tweets};
use crate::faults::{FaultTest, OPTIONS, Outcome};
use crate::process::pipe;

const BASE: FaultTest = FaultTest {
    name: "kills",
    seed: 1,
    instances: 3,
    partitions: 4,
    cascades: 900,
    sources: 16,
    duration: Duration::from_secs(25),
    flags: &[],
    broker_kills: 0,
    min_recoveries: 5,
};

fn report(name: &str, after: &Outcome) {
    eprintln!(
        "{name}: {} kills, {} recoveries, {} transactions given up, {} tweets, {} outputs",
        after.kills, after.recoveries, after.aborted, after.tweets, after.outputs
    );
}

fn has_enough_recoveries(after: &Outcome) -> bool {
    after.outputs > 500 && after.recoveries >= BASE.min_recoveries
}

fn assert_no_differences(name: &str, after: &Outcome) {
    report(name, after);
    assert!(after.differences.is_empty(), "{:#?}\n{}", after.differences, after.stderr);
}

fn assert_exact(name: &str, after: &Outcome) {
    assert_no_differences(name, after);
    assert!(has_enough_recoveries(after), "too few recoveries");
}

#[test]
fn kills_do_not_change_the_output() {
    let Some(broker) = broker() else { return };
    assert_exact("kills", &BASE.run(broker));
}

/// 200,000 tweets in ten minutes.
#[test]
#[ignore = "ten minutes"]
fn kills_for_ten_minutes_do_not_change_the_output() {
    let Some(broker) = broker() else { return };
    let duration = Duration::from_secs(600);
    let test = FaultTest { name: "long", seed: 2, cascades: 3500, duration, ..BASE };
    assert_exact("long", &test.run(broker));
}

#[test]
fn kills_of_the_broker_do_not_change_the_output() {
    let Some(broker) = Broker::start("broker-kills") else { return };
    let (duration, broker_kills) = (Duration::from_secs(30), 2);
    let test =
        FaultTest { name: "broker-kills", seed: 3, cascades: 700, duration, broker_kills, ..BASE };
    assert_exact("broker kills", &test.run(&broker));
}

/// A broker that answers that the cluster has no broker, and is then replaced.
#[test]
fn daemons_continue_after_the_cluster_had_no_broker() {
    let Some(broker) = Broker::start("unregistered").filter(Broker::is_ours) else { return };
    let environment = Environment::new(&broker, "unregistered");
    environment.create("collect", 2);
    let lines = tweets(300, 4, 22);
    let sources = sources(&lines);
    let records = keyed(&lines, &sources);
    let (first, second) = records.split_at(records.len() / 2);
    let topic = environment.topic("tweets");
    let mut daemon = environment.daemon("collect", "unregistered", &OPTIONS);
    client::produce(environment.brokers(), &topic, first.iter().copied());
    environment.wait_until_read("collect", "tweets");

    broker.script("unregister", &[]);
    std::thread::sleep(Duration::from_secs(3));
    broker.script("kill9", &[]);
    broker.script("restart", &[]);
    client::produce(environment.brokers(), &topic, second.iter().copied());
    environment.wait_until_read("collect", "tweets");
    daemon.stop();
    let pipe = pipe(&[&["collect", "--at-end", "drop"], &OPTIONS[..]].concat(), &lines);
    let topics =
        ["cascade_series", "cascade_properties"].map(|kind| (kind, environment.read(kind)));
    let differences = differences(&topics, &pipe, 2);
    assert!(differences.is_empty(), "{differences:#?}\n{}", daemon.stderr());
}

/// The older rebalance protocol, which revokes all partitions and assigns them again.
#[test]
fn kills_with_the_eager_protocol_do_not_change_the_output() {
    let Some(broker) = broker() else { return };
    let flags = &["-X", "partition.assignment.strategy=range"];
    let duration = Duration::from_secs(15);
    let test = FaultTest { name: "eager", seed: 6, cascades: 500, duration, flags, ..BASE };
    assert_exact("eager", &test.run(broker));
}

/// The clocks of 600 sources are too long for the metadata of an offset, and cascades that are open for
/// longer than `--max-replay` are written to the changelog.
#[test]
fn kills_with_long_checkpoints_and_a_changelog_do_not_change_the_output() {
    let Some(broker) = broker() else { return };
    let flags = &["--max-replay", "200"];
    // As many instances as partitions, so that every killed instance has a partition.
    let (duration, instances, partitions, sources) = (Duration::from_secs(20), 2, 2, 600);
    let base = FaultTest { instances, partitions, sources, ..BASE };
    // On a slow machine few tombstones may be written, and all tweets may be read before there are enough recoveries: a
    // restart at the end of the input replays nothing. Then the test runs with another seed.
    let enough = (7..10).any(|seed| {
        let name = ["changelog-1", "changelog-2", "changelog-3"][seed as usize - 7];
        let after = FaultTest { name, seed, cascades: 600, duration, flags, ..base }.run(broker);
        assert_no_differences("changelog", &after);
        let (cascades, checkpoints): (Vec<_>, Vec<_>) =
            after.state.iter().partition(|it| it.key.as_ref().unwrap().contains('@'));
        let tombstones = cascades.iter().filter(|it| it.value.is_none()).count();
        let written = cascades.len() - tombstones;
        eprintln!("{} checkpoints, {written} cascades, {tombstones} tombstones", checkpoints.len());
        has_enough_recoveries(&after) && checkpoints.len() > 3 && written > 300 && tombstones > 10
    });
    assert!(enough, "too few recoveries or changelog records");
}

/// Runs a control, which must find differences.
fn control(
    broker: &Broker,
    name: &'static str,
    seed: u64,
    flags: &'static [&'static str],
) -> Outcome {
    let duration = Duration::from_secs(15);
    let test = FaultTest { name, seed, cascades: 500, duration, flags, min_recoveries: 0, ..BASE };
    let after = test.run(broker);
    report(name, &after);
    after
}

/// A control: without a replay cascades are lost.
#[test]
fn without_replay_the_comparison_finds_lost_records() {
    let Some(broker) = broker() else { return };
    let after = control(broker, "without-replay", 4, &["--without-replay"]);
    assert!(after.differences.iter().any(|it| !it.contains(" 0 missing")), "{after:?}");
}

/// A control: without transactions records are repeated.
#[test]
fn without_transactions_the_comparison_finds_repeated_records() {
    let Some(broker) = broker() else { return };
    let after = control(broker, "at-least-once", 5, &["--at-least-once", "--tick", "2s"]);
    let repeated = after.differences.iter().filter(|it| !it.contains(" 0 repeated")).count();
    assert!(repeated > 0, "{after:?}");
    assert!(after.differences.iter().all(|it| it.contains(" 0 missing")), "{after:?}");
}
