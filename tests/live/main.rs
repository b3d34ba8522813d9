//! What a running system shows of itself: logs, metrics, health, the dashboard.

#![allow(clippy::unwrap_used, reason = "a test")]

mod alerting;
mod client;
mod deploy;
mod http;
mod log;
mod metrics;
mod services;
mod terminal;
