//! Reads partitions from given offsets, without being a member of the group.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::client::clock::now;
use crate::kafka::client::cluster::{Cluster, configuration};
use crate::kafka::client::context::{Context, Shared};
use crate::kafka::client::errors::{Stopped, code, explained, failed, refusal};
use crate::kafka::client::settings::{Settings, TRANSACTION_TIMEOUT};

/// What a reader found.
pub(crate) enum Found<'a> {
    /// A record.
    Record(BorrowedMessage<'a>),
    /// The end of a partition, as of now.
    End(i32),
}

/// Reads one topic.
pub(crate) struct Reader {
    consumer: BaseConsumer<Context>,
    topic: String,
}

impl Reader {
    /// Starts to read partitions of a topic.
    pub(crate) fn open(
        settings: &Settings,
        topic: &str,
        starts: &BTreeMap<i32, Offset>,
    ) -> io::Result<Self> {
        // Complaints of this client are nobody else's, and it closes without asking.
        let shared = Shared::default();
        shared.closing.store(true, Ordering::Relaxed);
        let context = Context { shared: Arc::new(shared) };
        let consumer: BaseConsumer<Context> = settings
            .reader()
            .create_with_context(context)
            .map_err(|error| configuration(&error))?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in starts {
            list.add_partition_offset(topic, *partition, *offset).map_err(io::Error::other)?;
        }
        consumer.assign(&list).map_err(|error| explained(&format!("topic {topic}"), &error))?;
        Ok(Self { consumer, topic: topic.to_owned() })
    }

    /// The next record or end, if there is one within `wait`.
    pub(crate) fn next(&self, wait: Duration) -> io::Result<Option<Found<'_>>> {
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(Found::Record(message))),
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Some(Found::End(partition))),
            Some(Err(error)) => {
                let what = format!("reading {}", self.topic);
                match code(&error).and_then(|code| refusal(code, &what)) {
                    Some(refused) => Err(refused),
                    None => {
                        log::info!("{what}: {error}");
                        Ok(None)
                    }
                }
            }
        }
    }

    /// The end of what is committed in a partition.
    fn stable_end(&self, partition: i32) -> Option<i64> {
        let wait = Duration::from_secs(2);
        self.consumer.fetch_watermarks(&self.topic, partition, wait).ok().map(|(_, end)| end)
    }

    /// Waits until nothing is undecided before `end`: transactions of the dead are aborted by the
    /// brokers when their time is over.
    fn settle(&self, partition: i32, end: i64, wait: Duration) -> io::Result<()> {
        let start = now();
        let most = wait.max(TRANSACTION_TIMEOUT * 2);
        while self.stable_end(partition).is_none_or(|stable| stable < end) {
            if start.elapsed() > most {
                let topic = &self.topic;
                return Err(Stopped::Unreachable(format!(
                    "topic {topic} partition {partition}: a transaction stays open"
                ))
                .into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// Reads all that is committed in partitions of a topic, from offsets to the ends of this moment.
///
/// An end is the very last record, of an open transaction too: until it is decided, what follows
/// it and is committed could not be seen.
pub(crate) fn read_all(
    settings: &Settings,
    cluster: &Cluster,
    topic: &str,
    starts: &BTreeMap<i32, i64>,
    mut each: impl FnMut(&BorrowedMessage<'_>) -> io::Result<()>,
) -> io::Result<BTreeMap<i32, i64>> {
    let (mut ends, mut from) = (BTreeMap::new(), BTreeMap::new());
    for (partition, start) in starts {
        let (first, end) = cluster.ends(topic, *partition)?;
        ends.insert(*partition, end);
        if first.max(*start) < end {
            from.insert(*partition, Offset::Offset(first.max(*start)));
        }
    }
    if from.is_empty() {
        return Ok(ends);
    }
    let waiting = Reader::open(settings, topic, &BTreeMap::new())?;
    for partition in from.keys() {
        waiting.settle(*partition, ends[partition], settings.wait)?;
    }
    drop(waiting);
    let reader = Reader::open(settings, topic, &from)?;
    let start = now();
    let mut last_progress = start.elapsed();
    while !from.is_empty() {
        match reader.next(Duration::from_millis(100))? {
            Some(Found::Record(message)) => {
                last_progress = start.elapsed();
                each(&message)?;
            }
            Some(Found::End(partition)) => {
                from.remove(&partition);
            }
            None if start.elapsed() - last_progress > settings.wait => {
                return Err(Stopped::Unreachable(format!("reading {topic}: nothing comes")).into());
            }
            None => {}
        }
    }
    Ok(ends)
}

/// Reads the one record at an offset.
pub(crate) fn read_one(
    settings: &Settings,
    topic: &str,
    partition: i32,
    offset: i64,
) -> io::Result<(Option<String>, Vec<u8>)> {
    let reader =
        Reader::open(settings, topic, &BTreeMap::from([(partition, Offset::Offset(offset))]))?;
    let start = now();
    let missing =
        || failed(format!("topic {topic} partition {partition}: offset {offset} is gone"));
    while start.elapsed() < settings.wait.max(TRANSACTION_TIMEOUT * 2) {
        match reader.next(Duration::from_millis(100))? {
            Some(Found::Record(message)) if message.offset() == offset => {
                let key = message.key().and_then(|key| String::from_utf8(key.to_vec()).ok());
                return Ok((key, message.payload().unwrap_or_default().to_vec()));
            }
            Some(Found::Record(_)) => return Err(missing()),
            // The end may be that of a transaction which is still open.
            Some(Found::End(_)) | None => {}
        }
    }
    Err(missing())
}
