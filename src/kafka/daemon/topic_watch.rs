//! Detects that a topic which is read without a group was extended, or deleted and created again: librdkafka does not
//! report that to a client that has assigned the partitions itself, which would read too little.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::kafka::client::clock::now;
use crate::kafka::client::errors::failed;
use crate::kafka::client::interface::Brokers;

/// Time between two checks.
const INTERVAL: Duration = Duration::from_secs(5);

/// A topic, and the offsets up to which it was read.
pub(crate) struct TopicWatch {
    topic: String,
    partitions: i32,
    next: BTreeMap<i32, i64>,
    checked: Instant,
}

impl TopicWatch {
    /// A topic of which all partitions are read from these offsets on.
    pub(crate) fn new(topic: &str, starts: BTreeMap<i32, i64>) -> Self {
        let partitions = starts.len() as i32;
        Self { topic: topic.to_owned(), partitions, next: starts, checked: now() }
    }

    /// A record was read.
    pub(crate) fn read(&mut self, partition: i32, offset: i64) {
        self.next.insert(partition, offset + 1);
    }

    /// An error if the topic is another one than at the start. To be called regularly.
    pub(crate) fn check(&mut self, brokers: &dyn Brokers) -> io::Result<()> {
        if self.checked.elapsed() < INTERVAL {
            return Ok(());
        }
        self.checked = now();
        let (topic, before) = (&self.topic, self.partitions);
        // A broker that has just started may not know the topic yet.
        let Some(partitions) = brokers.partitions(topic)? else { return Ok(()) };
        if partitions != before {
            return Err(failed(format!(
                "topic {topic} has {partitions} partitions, and had {before} at the start, of which all are \
                 read: start the command again"
            )));
        }
        for (partition, next) in &self.next {
            let (_, end) = brokers.ends(topic, *partition)?;
            if end < *next {
                return Err(failed(format!(
                    "topic {topic} partition {partition}: it was read up to offset {next}, but ends at {end}: it was \
                     deleted and created again: start the command again"
                )));
            }
        }
        Ok(())
    }
}
