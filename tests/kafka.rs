//! The services on a real broker (`kafka/broker.rs`): faults at random times do not change the
//! committed output.
//!
//! Without java and maven the tests are skipped with a message; with CI=true that is a failure.
//! TWEETOSCOPE_TEST_BROKERS=host:port selects an existing broker.
//! The long test: `cargo test --release --test kafka -- --ignored --nocapture`

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]
#![allow(clippy::disallowed_methods, reason = "processes and brokers need real time")]

#[path = "kafka/admin.rs"]
mod admin;
#[path = "kafka/broker.rs"]
mod broker;
#[path = "kafka/client.rs"]
mod client;
#[path = "kafka/consumer_errors.rs"]
mod consumer_errors;
#[path = "kafka/environment.rs"]
mod environment;
#[path = "kafka/errors.rs"]
mod errors;
#[path = "kafka/estimator.rs"]
mod estimator;
#[path = "kafka/fault_tests.rs"]
mod fault_tests;
#[path = "kafka/faults.rs"]
mod faults;
#[path = "kafka/instances.rs"]
mod instances;
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
#[path = "kafka/replays.rs"]
mod replays;
#[path = "kafka/soak.rs"]
mod soak;
#[path = "kafka/starts.rs"]
mod starts;
#[path = "kafka/topics.rs"]
mod topics;
