//! The daemon: one stage for each assigned partition, records in, transactions out.
//!
//! | file | subject |
//! |---|---|
//! | `service` | checks the topics, and starts a daemon |
//! | `run` | the loop: rebalances, restores, batches, commits |
//! | `restorer` | creates tasks with restored state |
//! | `assignment` | the assigned partitions and their committed positions |
//! | `membership` | checks that each partition has a member |
//! | `partitions` | the tasks of the assigned partitions |
//! | `task` | the stage of one partition, with its `checkpoints` |
//! | `joins` | detects records of a join in different partitions |
//! | `transaction` | what is not committed: commit and abort |
//! | `commit_interval` | the time between two commits |
//! | `writer` | records of stages to topics, refused records |
//! | `models` | the topic of models |
//! | `carried` | counts and positions for the next clients of the process |
//! | `topic_watch` | detects that a topic that is read without a group was changed |
//! | `oversize` | the limit on the bytes of a record |
//! | `metrics` | counts, latencies, lag |
//! | `progress` | the position of `generate` in its own output |
//! | `sink`, `bridge` | commands that only write to topics, or only read them |

pub(super) mod assignment;
pub(crate) mod bridge;
mod carried;
mod checkpoints;
mod commit_interval;
mod joins;
mod membership;
mod metrics;
mod models;
mod oversize;
mod partitions;
mod progress;
mod restorer;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod sink;
mod task;
mod topic_watch;
mod transaction;
mod writer;
