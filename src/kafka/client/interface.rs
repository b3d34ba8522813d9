//! What a daemon and the restore need of a cluster, as traits of our own types.
//!
//! Implemented by the clients of librdkafka, and in tests by a simulated cluster
//! (`kafka::simulated`), on which every interleaving of a seed can be replayed.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use crate::kafka::client::errors::TransactionError;
use crate::kafka::client::records::{
    ConsumerRecord, Found, Position, Positions, ProducerRecord, Rebalance,
};
use crate::kafka::client::topics::Topic;
use crate::stage::Histogram;

/// The brokers: requests about topics, and the clients that read and write them.
pub(crate) trait Brokers {
    /// An error if the brokers have been unreachable for `--wait`. To be called regularly.
    fn check_reachable(&self) -> io::Result<()>;

    /// The last error of a connection, if no broker has answered since.
    fn last_error(&self) -> Option<String>;

    /// The brokers that do not answer, as the end of a message; may be empty.
    fn unanswered(&self) -> String;

    /// Number of partitions of a topic; `None` if it does not exist.
    fn partitions(&self, topic: &str) -> io::Result<Option<i32>>;

    /// Number of partitions of a topic that must exist.
    fn required(&self, topic: Topic) -> io::Result<i32>;

    /// The offset of the first record of a partition, and the one after the last, which may be in an
    /// open transaction.
    fn ends(&self, topic: &str, partition: i32) -> io::Result<(i64, i64)>;

    /// The offset at which a partition is read where the group has committed none. It is a number, so
    /// that a record that is written before the first poll is read.
    fn start(&self, topic: &str, partition: i32) -> io::Result<i64>;

    /// Joins the consumer group, to read a topic.
    fn consumer(&self, topic: &str) -> io::Result<Box<dyn GroupConsumer>>;

    /// Opens the producer of this instance; with transactions, an open one of an earlier process with
    /// the same id is aborted.
    fn producer(&self) -> io::Result<Box<dyn TransactionalProducer>>;

    /// Reads partitions of a topic, each from an offset on, without the group.
    fn reader(
        &self,
        topic: &str,
        starts: &BTreeMap<i32, i64>,
    ) -> io::Result<Box<dyn PartitionReader>>;

    /// How long the brokers may be unreachable.
    fn wait(&self) -> Duration;

    /// Blocks for a time between two requests.
    fn pause(&self, time: Duration);
}

/// The member of the consumer group, which reads one topic.
pub(crate) trait GroupConsumer {
    /// The next change of the assignment, if there is one.
    fn next_rebalance(&mut self) -> Option<Rebalance>;

    /// Whether a change of the assignment is pending.
    fn has_rebalance(&self) -> bool;

    /// Whether assignments are incremental; otherwise an assignment replaces the previous one.
    fn is_cooperative(&self) -> bool;

    /// Accepts an assignment, and reads each partition from an offset on.
    fn accept(&mut self, starts: &BTreeMap<i32, i64>) -> io::Result<()>;

    /// Whether the group reassigned the partitions without a revocation.
    fn is_lost(&self) -> bool;

    /// Accepts a revocation.
    fn release(&mut self, partitions: &[i32]);

    /// Reads a partition from another offset on.
    fn seek(&self, partition: i32, offset: i64) -> io::Result<()>;

    /// The committed positions; `None` where the coordinator does not return them now, as while a transaction of an
    /// ended process is open.
    fn committed(&self, partitions: &[i32], wait: Duration) -> io::Result<Option<Positions>>;

    /// Reads the records that have been fetched; waits for the first one.
    fn read<'a>(&'a self, wait: Duration) -> io::Result<Vec<ConsumerRecord<'a>>>;

    /// Whether the last read ended before all fetched records were read.
    fn has_backlog(&self) -> bool;

    /// Number of records of a partition from `next` on, as far as its end is known.
    fn lag(&self, partition: i32, next: i64) -> Option<i64>;

    /// The end of a partition, from another request.
    fn set_end(&self, partition: i32, end: i64);

    /// Numbers of errors by the name of the code.
    fn errors(&self) -> BTreeMap<String, u64>;

    /// Whether the end of a partition is reached.
    fn has_ended(&self, partition: i32) -> bool;

    /// The position at the end of a partition, where it is reached: it is after the markers of transactions, and all
    /// records before it have been read.
    fn end_position(&self, partition: i32) -> Option<i64>;

    /// The partitions that are assigned to members of the group; `None` where this is not known, or during a rebalance.
    fn assigned_to_members(&self) -> Option<BTreeSet<i32>>;

    /// Joins the group again, which causes a rebalance.
    fn rejoin(&self);

    /// The time since this member was created.
    fn clock(&self) -> Duration;

    /// The implementation, which the producer of the same client needs for a commit.
    fn as_any(&self) -> &dyn Any;
}

/// The producer of one instance, which also commits the positions of its consumer.
pub(crate) trait TransactionalProducer {
    /// Sends a record, within a transaction, which is opened if there is none.
    fn send(&mut self, new: ProducerRecord<'_>) -> Result<(), TransactionError>;

    /// Whether a transaction is open.
    fn is_open(&self) -> bool;

    /// Number of records sent.
    fn sent(&self) -> u64;

    /// Waits until all records are delivered.
    fn drain(&mut self) -> Result<(), TransactionError>;

    /// Commits the records and, with them, the positions of the consumer of the same client.
    fn commit(
        &mut self,
        positions: &BTreeMap<i32, Position>,
        consumer: &dyn GroupConsumer,
    ) -> Result<(), TransactionError>;

    /// Aborts the open transaction.
    fn abort(&mut self) -> io::Result<()>;

    /// Starts to store the offsets of the records delivered to a topic.
    fn watch_topic(&self, topic: &str);

    /// The offset of the last record delivered to a partition of the watched topic.
    fn last_delivered(&self, partition: i32) -> Option<i64>;

    /// Starts to store the positions of the records delivered with a key.
    fn watch_key(&self, key: &str);

    /// Partition and offset of the last record delivered with a watched key.
    fn delivered_at(&self, key: &str) -> Option<(i32, i64)>;

    /// Number of records that were not delivered.
    fn failures(&self) -> u64;

    /// The times from send to acknowledgement, in seconds.
    fn delivery_seconds(&self) -> Histogram;
}

/// Reads partitions of one topic without a group.
pub(crate) trait PartitionReader {
    /// The next record or end, if there is one within `wait`.
    fn next(&self, wait: Duration) -> io::Result<Option<Found<'_>>>;

    /// Numbers of errors by the name of the code.
    fn errors(&self) -> BTreeMap<String, u64>;

    /// The end of the committed records of a partition.
    fn stable_end(&self, partition: i32) -> Option<i64>;
}
