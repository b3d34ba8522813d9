//! Predicts, from the first minutes of a retweet cascade, how big it will get.
//!
//! # The map
//!
//! The modules form layers, lowest first; `math`, `parallel` and `event`, `hawkes` and `learn`, and `replay` and `stage`
//! are of one layer each (docs/architecture.md). A file imports only from lower layers or from its own folder:
//!
//! | module | content |
//! |---|---|
//! | [`math`] | elementary functions with the same bits on every processor |
//! | `parallel` | work on several threads |
//! | [`event`] | events, event time, sources |
//! | [`cascade`] | the events of one cascade, in order; parsing and formatting of numbers |
//! | [`hawkes`] | the marked Hawkes process: likelihood, fits, expected size and its distribution, simulation, SEISMIC |
//! | [`learn`] | models trained on finished cascades: features, linear models, forests, networks, model files |
//! | [`score`] | errors of predictions |
//! | [`record`] | records: one JSON object per line |
//! | [`input`] | readers of files and stdin: compression, lines, histories, tables, posts of platforms |
//! | [`replay`] | converts cascades to a stream of tweets in time order |
//! | [`stage`] | the stages: pure state machines over records |
//! | [`stream`] | transports over pipes, files and replays, and the loop that runs a stage |
//! | [`telemetry`] | metrics, health, the HTTP server |
//! | [`kafka`] | the stages as daemons on topics, with exactly-once output |
//!
//! `hawkes` and `learn` do not import each other; `stage` connects them. The command
//! line is not part of the library; it is in `commands/`.
//!
//! # Invariants
//!
//! - A stage is a function of its input: the output depends neither on the division of the input into
//!   batches nor on the number of threads ([`stage::Stage`]).
//! - Time enters only as records, randomness only as a seed.
//! - An invalid line, model or fit is counted and reported; it never causes a panic.
//! - A prediction is finite and at least the observed size.
//! - After a crash, the state of a stage is restored by replaying its input
//!   ([`stage::Recover`], [`kafka`]).
//!
//! # Deliberate omissions
//!
//! - Timers: event time advances by records only.
//! - A store other than the input log and its topics.
//! - A pretrained model: a model trained on one platform is misleading on another.
//! - A configuration file format.
//!
//! Start reading at [`stage`], then [`stage::collect`].
#![warn(missing_docs)]

pub mod cascade;
pub mod event;
pub mod hawkes;
pub mod input;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod learn;
pub mod math;
mod parallel;
mod random;
pub mod record;
pub mod replay;
pub mod score;
pub mod stage;
pub mod stream;
pub mod telemetry;
