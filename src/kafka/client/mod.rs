//! The Kafka client: configuration, consumer, producer, administration, errors.

pub(crate) mod cluster;
pub(crate) mod context;
pub(crate) mod errors;
pub(crate) mod input;
pub(crate) mod latency;
pub(crate) mod models;
pub(crate) mod output;
pub(crate) mod properties;
pub(crate) mod reader;
pub(crate) mod settings;
pub(crate) mod topics;

use std::time::Instant;

/// Transports see the clock: ticks, patience, and nothing that reaches a record.
#[expect(clippy::disallowed_methods, reason = "ticks and patience are times of this machine")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
