//! Records, positions and rebalances.

use std::collections::BTreeMap;

use rdkafka::message::{BorrowedMessage, Message};

/// A record of a topic.
pub(crate) struct ConsumerRecord<'a>(Source<'a>);

/// Where a record is stored.
enum Source<'a> {
    Client(BorrowedMessage<'a>),
    #[cfg(test)]
    Simulated(std::rc::Rc<StoredRecord>),
}

/// A record of a simulated topic.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct StoredRecord {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<Vec<u8>>,
}

impl<'a> From<BorrowedMessage<'a>> for ConsumerRecord<'a> {
    fn from(message: BorrowedMessage<'a>) -> Self {
        Self(Source::Client(message))
    }
}

#[cfg(test)]
impl From<std::rc::Rc<StoredRecord>> for ConsumerRecord<'_> {
    fn from(record: std::rc::Rc<StoredRecord>) -> Self {
        Self(Source::Simulated(record))
    }
}

impl ConsumerRecord<'_> {
    pub(crate) fn partition(&self) -> i32 {
        match &self.0 {
            Source::Client(message) => message.partition(),
            #[cfg(test)]
            Source::Simulated(record) => record.partition,
        }
    }

    pub(crate) fn offset(&self) -> i64 {
        match &self.0 {
            Source::Client(message) => message.offset(),
            #[cfg(test)]
            Source::Simulated(record) => record.offset,
        }
    }

    /// The key, if it is UTF-8.
    pub(crate) fn key(&self) -> Option<&str> {
        match &self.0 {
            Source::Client(message) => message.key().and_then(|key| str::from_utf8(key).ok()),
            #[cfg(test)]
            Source::Simulated(record) => record.key.as_deref(),
        }
    }

    /// The value; `None`: a tombstone.
    pub(crate) fn value(&self) -> Option<&[u8]> {
        match &self.0 {
            Source::Client(message) => message.payload(),
            #[cfg(test)]
            Source::Simulated(record) => record.value.as_deref(),
        }
    }

    /// The timestamp, in milliseconds since 1970.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        match &self.0 {
            Source::Client(message) => message.timestamp().to_millis(),
            #[cfg(test)]
            Source::Simulated(_) => None,
        }
    }
}

/// What a reader returns.
pub(crate) enum Found<'a> {
    /// The next record.
    Record(ConsumerRecord<'a>),
    /// The end of a partition, where more records may follow later.
    End(i32),
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

/// Committed positions by partition; `None` where none is committed.
pub(crate) type Positions = BTreeMap<i32, Option<Position>>;

/// A change of the assignment of this member of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rebalance {
    /// These partitions are assigned.
    Assigned(Vec<i32>),
    /// These partitions are revoked.
    Revoked(Vec<i32>),
}
