//! A simulated cluster: daemons run on it in one thread, and a seed decides every interleaving, crash
//! and fault, so that a failing seed replays exactly.
//!
//! | file | subject |
//! |---|---|
//! | `world` | topics, transactions, producers, the virtual clock, faults |
//! | `group` | the coordinator of the consumer group |
//! | `connection`, `consumer`, `producer` | the traits of `client::interface` on the world |
//! | `scenario` | instances that are killed, paused and rebalanced while their output is checked |
//! | `laws` | what must hold for every seed |
//!
//! Simulated: partitions with offsets that control records take up, read-committed isolation, open and
//! aborted transactions, timeouts of transactions, fencing by transactional id, generations of the group,
//! members that are expelled and return (zombies), eager and cooperative rebalances at any moment,
//! crashes before, in and after a commit, compaction and retention.

mod connection;
mod consumer;
mod group;
mod laws;
mod old;
mod output;
mod producer;
mod scenario;
mod world;
