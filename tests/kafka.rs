//! Does a kill at any moment leave a trace in the topics? On a real broker: see `kafka/broker.rs`.
//!
//! Without java and maven the tests are skipped, and say so; with CI=true that is a failure.
//! TWEETOSCOPE_TEST_BROKERS=host:port points them at a broker that is there already.
//! The long storm: `cargo test --release --test kafka -- --ignored --nocapture`

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]
#![allow(clippy::disallowed_methods, reason = "processes and brokers live in real time")]

#[path = "kafka/broker.rs"]
mod broker;
#[path = "kafka/client.rs"]
mod client;
#[path = "kafka/errors.rs"]
mod errors;
#[path = "kafka/learning.rs"]
mod learning;
#[path = "kafka/limits.rs"]
mod limits;
#[path = "kafka/metrics.rs"]
mod metrics;
#[path = "kafka/process.rs"]
mod process;
#[path = "kafka/records.rs"]
mod records;
#[path = "kafka/storm.rs"]
mod storm;
#[path = "kafka/storms.rs"]
mod storms;
#[path = "kafka/world.rs"]
mod world;
#[path = "kafka/zombies.rs"]
mod zombies;
