//! The stages and their commands without a broker: laws over many seeds, and processes on pipes.

#![allow(clippy::unwrap_used, reason = "a test fails where it panics")]

mod cases;
mod collect;
mod fields;
mod formats;
mod fuzz;
mod models;
mod monitor;
mod pipes;
mod recover;
mod resume;
mod tallies;
mod values;
