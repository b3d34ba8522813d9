//! The loop of a daemon: records in, one transaction for each tick, partitions assigned and revoked.

pub(crate) mod bridge;
pub(crate) mod checkpoints;
pub(crate) mod counting;
pub(crate) mod oversize;
pub(crate) mod rebalance;
pub(crate) mod serve;
pub(crate) mod sink;
pub(crate) mod task;
pub(crate) mod ticks;
pub(crate) mod writing;
