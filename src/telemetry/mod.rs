//! How a process is watched by machines: metrics, health and readiness over HTTP, or a file at the end.
//!
//! Separate from the stages, which only count ([`crate::stage::Tally`]). Alone in naming hyper, tokio and
//! prometheus, and absent but for [`Timed`] without the Cargo feature `http`.

#[cfg(feature = "http")]
mod families;
#[cfg(feature = "http")]
mod health;
#[cfg(feature = "http")]
mod hosts;
#[cfg(feature = "http")]
mod server;
#[cfg(feature = "http")]
mod table;
mod timed;

#[cfg(feature = "http")]
pub use health::{Beside, Health};
#[cfg(feature = "http")]
pub use hosts::Listen;
#[cfg(feature = "http")]
pub use server::{Answer, Asked, Feed, Server, Site};
#[cfg(feature = "http")]
pub use table::{Kind, METRICS, Metric, PREFIX, PROCESS, markdown, metric};
pub use timed::{Timed, Works};

use std::time::Instant;

/// The name of readiness checks in a tally.
#[cfg(feature = "http")]
const READY: &str = "ready";

#[expect(clippy::disallowed_methods, reason = "health is about real time")]
fn now() -> Instant {
    Instant::now()
}
