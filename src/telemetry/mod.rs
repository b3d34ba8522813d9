//! Metrics, health and readiness: over HTTP, or metrics in a file at the end.
//!
//! Separate from the stages, which only count ([`crate::stage::Tally`]). The only module that uses hyper,
//! tokio and prometheus. Without the Cargo feature `http`, it contains only [`address`] and [`Timed`].

mod address;
#[cfg(feature = "http")]
mod families;
#[cfg(feature = "http")]
mod health;
#[cfg(feature = "http")]
mod hosts;
#[cfg(feature = "http")]
mod notify;
#[cfg(feature = "http")]
mod server;
#[cfg(feature = "http")]
mod table;
mod timed;

pub use address::address;
#[cfg(feature = "http")]
pub use health::{ExtraTally, Health};
#[cfg(feature = "http")]
pub use hosts::Listen;
#[cfg(feature = "http")]
pub use server::{Answer, Feed, PageRequest, Server, Site};
#[cfg(feature = "http")]
pub use table::{Kind, METRICS, Metric, PREFIX, PROCESS, markdown, metric};
pub use timed::{CountsWork, Timed};

use std::time::Instant;

/// The name of readiness checks in a tally.
#[cfg(feature = "http")]
const READY: &str = "ready";

#[expect(clippy::disallowed_methods, reason = "health depends on real time")]
fn now() -> Instant {
    Instant::now()
}
