//! Reads partitions of a topic without a consumer group.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::client::config;
use crate::kafka::client::consumer_errors::ConsumerErrors;
use crate::kafka::client::context::{Context, Events};
use crate::kafka::client::errors::{configuration, explained};
use crate::kafka::client::interface::PartitionReader;
use crate::kafka::client::records::{ConsumerRecord, Found};
use crate::kafka::client::settings::Settings;

/// Reads one topic.
pub(crate) struct Reader {
    consumer: BaseConsumer<Context>,
    events: Arc<Events>,
    brokers: String,
    topic: String,
    errors: ConsumerErrors,
}

impl Reader {
    /// Starts to read partitions of a topic, each from an offset on.
    pub(super) fn open(
        settings: &Settings,
        of_cluster: &Events,
        topic: &str,
        starts: &BTreeMap<i32, i64>,
    ) -> io::Result<Self> {
        // Its outages are those of the brokers; its other events concern no other client, and it closes without a
        // rebalance.
        let events = Events::with_outages_of(of_cluster);
        events.close();
        let events = Arc::new(events);
        let consumer: BaseConsumer<Context> = config::reader(settings)
            .create_with_context(Context::new(&events))
            .map_err(|error| configuration(&error))?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in starts {
            let offset = Offset::Offset(*offset);
            list.add_partition_offset(topic, *partition, offset).map_err(io::Error::other)?;
        }
        consumer.assign(&list).map_err(|error| explained(&format!("topic {topic}"), &error))?;
        let errors = ConsumerErrors::new(format!("topic {topic}"));
        Ok(Self {
            consumer,
            events,
            brokers: settings.brokers.clone(),
            topic: topic.to_owned(),
            errors,
        })
    }
}

impl PartitionReader for Reader {
    fn next(&self, wait: Duration) -> io::Result<Option<Found<'_>>> {
        match self.consumer.poll(wait) {
            None => self.events.check_brokers(&self.brokers).map(|()| None),
            Some(Ok(message)) => {
                self.errors.clear();
                Ok(Some(Found::Record(ConsumerRecord::from(message))))
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.errors.clear();
                Ok(Some(Found::End(partition)))
            }
            Some(Err(error)) => self.errors.check(&error, String::new).map(|()| None),
        }
    }

    fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.counts()
    }

    fn stable_end(&self, partition: i32) -> Option<i64> {
        let wait = Duration::from_secs(2);
        self.consumer.fetch_watermarks(&self.topic, partition, wait).ok().map(|(_, end)| end)
    }
}
