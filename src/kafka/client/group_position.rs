//! The committed position of a group without members, for a writer that continues after a restart.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::client::clock::now;
use crate::kafka::client::config;
use crate::kafka::client::context::{Context, Events};
use crate::kafka::client::errors::{Stopped, code, configuration, failed, refusal};
use crate::kafka::client::records::Position;
use crate::kafka::client::settings::{Settings, TRANSACTION_TIMEOUT};

/// Timeout of one request, which is then repeated.
const REQUEST: Duration = Duration::from_secs(2);

/// The committed positions of a group in a topic.
pub(crate) struct GroupPosition {
    consumer: BaseConsumer<Context>,
    events: Arc<Events>,
    topic: String,
    group: String,
    wait: Duration,
}

impl GroupPosition {
    /// The positions of `group`, which is not joined.
    pub(crate) fn open(settings: &Settings, group: &str, topic: &str) -> io::Result<Self> {
        // It closes without a rebalance.
        let events = Events::default();
        events.close();
        let events = Arc::new(events);
        let consumer: BaseConsumer<Context> = config::observer(settings, group)
            .create_with_context(Context::new(&events))
            .map_err(|it| configuration(&it))?;
        let wait = settings.wait.max(TRANSACTION_TIMEOUT * 3);
        Ok(Self { consumer, events, topic: topic.to_owned(), group: group.to_owned(), wait })
    }

    /// The position of a partition; waits while a transaction of an ended process is open.
    pub(crate) fn committed(&self, partition: i32) -> io::Result<Option<Position>> {
        let what = format!("positions of group {} in {}", self.group, self.topic);
        let start = now();
        loop {
            let mut list = TopicPartitionList::new();
            list.add_partition(&self.topic, partition);
            let why = match self.consumer.committed_offsets(list, REQUEST) {
                Ok(list) => {
                    let element = list.find_partition(&self.topic, partition);
                    let Some(element) = element else { return Ok(None) };
                    match (element.error(), element.offset()) {
                        (Err(error), _) => error,
                        (Ok(()), Offset::Offset(offset)) => {
                            let metadata = element.metadata().to_owned();
                            return Ok(Some(Position { offset, metadata }));
                        }
                        (Ok(()), _) => return Ok(None),
                    }
                }
                Err(error) => error,
            };
            if let Some(refused) = code(&why).and_then(|code| refusal(code, &what)) {
                return Err(refused);
            }
            self.check_refused(&what)?;
            if start.elapsed() > self.wait {
                let waited = start.elapsed().as_secs_f64();
                let text = format!("{what} have not been available for {waited:.0} s: {why}");
                return Err(Stopped::Unreachable(text).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// An error if the coordinator has refused the group: the request itself only times out.
    fn check_refused(&self, what: &str) -> io::Result<()> {
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            let code = polled.err().and_then(|error| code(&error));
            if let Some(refused) = code.and_then(|code| refusal(code, what)) {
                return Err(refused);
            }
        }
        let last = self.events.outages().connection_error();
        last.and_then(|it| refusal(it.code, what)).map_or(Ok(()), Err)
    }

    /// The group without a member, for a transaction.
    pub(super) fn identity(&self) -> io::Result<ConsumerGroupMetadata> {
        let identity = self.consumer.group_metadata();
        identity.ok_or_else(|| failed(format!("group {} has no metadata", self.group)))
    }

    /// Positions as librdkafka commits them.
    pub(super) fn to_list(
        &self,
        positions: &BTreeMap<i32, Position>,
    ) -> io::Result<TopicPartitionList> {
        to_list(&self.topic, positions)
    }
}

/// Positions in a topic as librdkafka commits them.
pub(super) fn to_list(
    topic: &str,
    positions: &BTreeMap<i32, Position>,
) -> io::Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, position) in positions {
        let mut element = list.add_partition(topic, *partition);
        element.set_offset(Offset::Offset(position.offset)).map_err(io::Error::other)?;
        element.set_metadata(&position.metadata);
    }
    Ok(list)
}
