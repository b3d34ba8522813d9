//! Predicts, from the first minutes of a retweet cascade, how big it will get.
//!
//! # The map
//!
//! Floors, from the ground up; a file imports only from lower floors or from its own folder:
//!
//! | floor | what stands there |
//! |---|---|
//! | `parallel` | work on several threads |
//! | [`event`] | tweets and retweets, event time |
//! | [`cascade`] | the events of one cascade, in order; parsing and writing of numbers |
//! | [`hawkes`] | the Hawkes model: likelihood, fits, final size and its distribution, simulation, SEISMIC |
//! | [`learn`] | models trained on finished cascades: features, laws for few samples, trees, networks, model files |
//! | [`score`] | scores of predictions, with confidence intervals |
//! | [`record`] | all that travels, one JSON object a line |
//! | [`input`] | bytes to lines and cascades: files, stdin, gzip, histories, tables |
//! | [`replay`] | from cascades to a stream of tweets in time order |
//! | [`stage`] | the steps: pure state machines over records |
//! | [`stream`] | pipes and files: transports, and the loop that runs a stage between them |
//! | [`telemetry`] | metrics, health, the HTTP server |
//! | [`kafka`] | the stages as daemons on topics, with exactly-once output |
//!
//! `hawkes` and `learn` do not import each other; `stage` connects them. The command
//! line is no part of the library: it is in `commands/`.
//!
//! # What always holds
//!
//! - A stage is a function of its input: same records in, same records out, however they are cut
//!   into batches, on however many threads ([`stage::Stage`]).
//! - Time enters as records alone, chance as seeds alone.
//! - A fit, a model or a line that is bad is data: counted and named, never a panic.
//! - A prediction is finite and at least what was seen.
//! - After a crash a stage's state is found again by reading its input again
//!   ([`stage::Recover`], [`kafka`]).
//!
//! # What is absent on purpose
//!
//! No timers in the place of event time, no store beside the input log, no model shipped with the
//! program (trained on one platform, it misleads on another), no configuration file of our own.
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
mod parallel;
pub mod record;
pub mod replay;
pub mod score;
pub mod stage;
pub mod stream;
pub mod telemetry;
