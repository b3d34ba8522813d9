//! Services and readers on Kafka topics: the stages of pipes, with exactly-once output.
//!
//! | module | content |
//! |---|---|
//! | `client` | connection, consumer, producer, readers, topics; the only user of rdkafka |
//! | `restore` | checkpoint metadata, changelog, stored state of a partition |
//! | `daemon` | the loop, tasks, transactions, output, metrics |
//! | `simulated` | for tests: a cluster with faults in one thread, determined by a seed |
//!
//! # Recovery
//!
//! The state of a stage is a function of its input, so the input topic is the backup. There is no
//! local store: it could not be committed in one transaction with the output, and after a rebalance
//! another host needs it.
//!
//! - A transaction contains the output and the offsets of the input. The metadata of an offset
//!   contains the *low watermark*, the offset at which a replay starts, with the *checkpoint* of the
//!   stage at that offset. Checkpoints are made every 10,000 records, or an eighth of `--max-replay` where that is less
//!   (`daemon::checkpoints`).
//! - For an assigned partition a new stage is created and fed from the low watermark; output is
//!   suppressed up to the committed offset. Since the stage is deterministic, its state is then the
//!   state at the commit, bit for bit.
//! - The same code serves a kill, a network failure, a rebalance and an aborted transaction: the state
//!   in memory is discarded and restored.
//! - The broker rejects the commit of an instance that is no longer a member by the generation of the
//!   group (KIP-447); a restarted instance fences its former process by the transactional id.
//! - There is one stage for each partition, because all records of a source are in one partition.
//!
//! # Emitted records
//!
//! The output of `predict` depends on the models at the time, and its samples and stats must refer to the
//! alert that was emitted. A replay cannot compute it, so `predict` reads its alerts back. They are
//! written to the partition with the number of the input partition, so that one partition contains all
//! that must be read; at the start, the numbers of partitions are checked to be equal. The metadata
//! contains the offset from which alerts are read back: the end of the delivered records when the
//! checkpoint was made. Reading stops at the end of the partition including open transactions, because
//! an open transaction of an ended process hides the committed records after it.
//!
//! With `predict --alert-above` not every prediction is emitted. One that is not is written to
//! `collect_state` until its size arrives, so that the stat refers to it, and not to the prediction of a
//! later model.
//!
//! # Changelog
//!
//! Where a replay would have more than `--max-replay` records, `collect` writes the cascades that need
//! the oldest of them to `collect_state`, in the transaction. A recovery restores them before the
//! replay. A tombstone follows when no replay reads them any more.
//!
//! # Differences from pipes
//!
//! Records of types that a stage does not take are not copied, because they remain in their topics.
//! Nothing is flushed at the end of a topic: cascades terminate by watermarks.

pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod restore;
#[cfg(test)]
mod simulated;

pub use client::errors::{Stopped, status};
pub use client::properties::{Properties, check_settable, from_file, property};
pub use client::settings::{Creation, From, LARGEST_RECORD, ModelsTopic, Settings};
pub use client::topics::{Names, Topic};
pub use daemon::bridge::Bridge;
pub use daemon::service::{check, serve};
pub use daemon::sink::Sink;
