//! Does a kill at any moment leave a trace in the topics? On a real broker: see `kafka/broker.rs`.
//!
//! Without java and maven the tests are skipped, and say so; with CI=true that is a failure.
//! TWEETOSCOPE_TEST_BROKERS=host:port points them at a broker that is there already.
//! The long storm: `cargo test --release --test kafka -- --ignored --nocapture long`

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test crate: what fails panics"
)]
#![allow(clippy::disallowed_methods, reason = "processes and brokers live in real time")]

#[path = "kafka/broker.rs"]
mod broker;
#[path = "kafka/client.rs"]
mod client;
#[path = "kafka/process.rs"]
mod process;
#[path = "kafka/storm.rs"]
mod storm;
#[path = "kafka/world.rs"]
mod world;

use std::time::Duration;

use broker::broker;
use storm::Storm;

#[test]
fn a_storm_of_kills_leaves_no_trace() {
    let Some(broker) = broker() else { return };
    let storm = Storm {
        name: "storm",
        seed: 1,
        instances: 3,
        partitions: 4,
        cascades: 1500,
        lasts: Duration::from_secs(45),
        flags: &[],
        broker_kills: 0,
    };
    let after = storm.blow(broker);
    eprintln!("{} kills, {} tweets, {} outputs", after.kills, after.tweets, after.outputs);
    assert!(after.kills > 10 && after.outputs > 1000);
    assert!(after.differences.is_empty(), "{:#?}\n{}", after.differences, after.said);
}
