//! Records, positions and rebalances.

use rdkafka::message::{BorrowedMessage, Message};

/// A record of a topic.
pub(crate) struct ConsumerRecord<'a>(pub(super) BorrowedMessage<'a>);

impl ConsumerRecord<'_> {
    pub(crate) fn partition(&self) -> i32 {
        self.0.partition()
    }

    pub(crate) fn offset(&self) -> i64 {
        self.0.offset()
    }

    /// The key, if it is UTF-8.
    pub(crate) fn key(&self) -> Option<&str> {
        self.0.key().and_then(|key| str::from_utf8(key).ok())
    }

    /// The value; `None`: a tombstone.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        self.0.payload()
    }

    /// The timestamp, in milliseconds since 1970.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        self.0.timestamp().to_millis()
    }
}

/// A record to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProducerRecord<'a> {
    pub(crate) topic: &'a str,
    /// `None`: the partition of the key.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a str>,
    /// `None`: a tombstone.
    pub(crate) value: Option<&'a [u8]>,
}

/// The committed position of a group in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The offset of the next record.
    pub(crate) offset: i64,
    pub(crate) metadata: String,
}

/// A change of the assignment of this member of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rebalance {
    /// These partitions are assigned.
    Assigned(Vec<i32>),
    /// These partitions are revoked.
    Revoked(Vec<i32>),
}
