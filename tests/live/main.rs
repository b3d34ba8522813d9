//! Tests of running commands: logs, metrics, health, the dashboard.

#![allow(clippy::unwrap_used, reason = "a test")]

mod alerting;
mod checking;
mod client;
mod compose;
mod deploy;
mod http;
mod kubernetes;
mod log;
mod metrics;
mod objects;
mod pipelines;
mod services;
mod terminal;
