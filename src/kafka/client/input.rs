//! The group's member: it is told its partitions, reads them, and knows what was committed.
//!
//! Partitions are taken when their place is known, not in the callback that offers them: the
//! group waits, with heartbeats going on, and fetching starts at the low watermark at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerGroupMetadata, RebalanceProtocol,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::client::cluster::configuration;
use crate::kafka::client::context::{Context, Decision, Shared};
use crate::kafka::client::errors::{Stopped, explained, failed};
use crate::kafka::client::settings::Settings;

/// Most records, and about the most bytes, that are read at once.
const MOST_RECORDS: usize = 4096;
const MOST_BYTES: usize = 32 << 20;

/// What is committed for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) note: String,
}

/// The member.
pub(crate) struct Input {
    consumer: BaseConsumer<Context>,
    shared: Arc<Shared>,
    topic: String,
    group: String,
    /// Partitions that are read to their end.
    ended: RefCell<BTreeSet<i32>>,
    /// Partitions that were offered and not taken yet.
    offered: Option<Vec<i32>>,
}

impl Input {
    /// Joins the group.
    pub(crate) fn join(settings: &Settings, shared: &Arc<Shared>, topic: &str) -> io::Result<Self> {
        let context = Context { shared: Arc::clone(shared) };
        let consumer: BaseConsumer<Context> = settings
            .member()
            .create_with_context(context)
            .map_err(|error| configuration(&error))?;
        let input = Self {
            consumer,
            shared: Arc::clone(shared),
            topic: topic.to_owned(),
            group: settings.group.clone(),
            ended: RefCell::default(),
            offered: None,
        };
        input
            .consumer
            .subscribe(&[topic])
            .map_err(|error| explained(&format!("topic {topic}"), &error))?;
        Ok(input)
    }

    /// What the group decided since it was asked last.
    pub(crate) fn decision(&mut self) -> Option<Decision> {
        let decision = self.shared.next_decision()?;
        if let Decision::Assigned(partitions) = &decision {
            self.offered = Some(partitions.clone());
        }
        Some(decision)
    }

    /// Whether an assignment replaces the one before, or adds to it.
    pub(crate) fn is_cooperative(&self) -> bool {
        matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
    }

    /// Takes what was offered, each partition from an offset on.
    pub(crate) fn take(&mut self, starts: &BTreeMap<i32, i64>) -> io::Result<()> {
        self.offered = None;
        let list = self.list(starts.iter().map(|(p, offset)| (*p, Offset::Offset(*offset))))?;
        let done = if self.is_cooperative() {
            self.consumer.incremental_assign(&list)
        } else {
            self.consumer.assign(&list)
        };
        done.map_err(|error| explained(&format!("taking partitions of {}", self.topic), &error))
    }

    /// Whether the group took the partitions away without asking.
    pub(crate) fn is_lost(&self) -> bool {
        self.consumer.assignment_lost()
    }

    /// Gives partitions back.
    pub(crate) fn give_back(&mut self, partitions: &[i32]) {
        if let Some(offered) = self.offered.take() {
            // The group withdrew an offer: it is answered all the same.
            let ends: BTreeMap<i32, i64> = offered.iter().map(|p| (*p, 0)).collect();
            if let Err(error) = self.take(&ends) {
                log::info!("{error}");
            }
        }
        self.ended.borrow_mut().retain(|p| !partitions.contains(p));
        let done = if self.is_cooperative() {
            self.list(partitions.iter().map(|p| (*p, Offset::Invalid))).and_then(|list| {
                self.consumer.incremental_unassign(&list).map_err(io::Error::other)
            })
        } else {
            self.consumer.unassign().map_err(io::Error::other)
        };
        if let Err(error) = done {
            log::info!("giving back partitions of {}: {error}", self.topic);
        }
    }

    /// Reads a partition from another offset on.
    pub(crate) fn seek(&self, partition: i32, offset: i64) -> io::Result<()> {
        self.ended.borrow_mut().remove(&partition);
        let wait = Duration::from_secs(10);
        self.consumer.seek(&self.topic, partition, Offset::Offset(offset), wait).map_err(|error| {
            let what = format!("topic {} partition {partition}", self.topic);
            explained(&what, &error)
        })
    }

    /// What is committed, by partition; `None` while a transaction of somebody dead is open.
    pub(crate) fn committed(
        &self,
        partitions: &[i32],
        wait: Duration,
    ) -> io::Result<Option<BTreeMap<i32, Option<Committed>>>> {
        let list = self.list(partitions.iter().map(|p| (*p, Offset::Invalid)))?;
        let what = format!("positions of group {} in {}", self.group, self.topic);
        let list = match self.consumer.committed_offsets(list, wait) {
            Ok(list) => list,
            Err(error) => {
                let known = crate::kafka::client::errors::code(&error);
                let refused =
                    known.and_then(|code| crate::kafka::client::errors::refusal(code, &what));
                log::debug!("{what}: {error}");
                return refused.map_or(Ok(None), Err);
            }
        };
        let mut places = BTreeMap::new();
        for element in list.elements() {
            if let Err(error) = element.error() {
                log::debug!("{what}: {error}");
                return Ok(None);
            }
            let committed = match element.offset() {
                Offset::Offset(offset) => {
                    Some(Committed { offset, note: element.metadata().to_owned() })
                }
                _ => None,
            };
            places.insert(element.partition(), committed);
        }
        Ok(Some(places))
    }

    fn list(&self, places: impl Iterator<Item = (i32, Offset)>) -> io::Result<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in places {
            list.add_partition_offset(&self.topic, partition, offset).map_err(io::Error::other)?;
        }
        Ok(list)
    }

    /// Reads what has come, and waits for it if there is nothing.
    pub(crate) fn read<'a>(&'a self, wait: Duration) -> io::Result<Vec<BorrowedMessage<'a>>> {
        let (mut batch, mut bytes, mut wait) = (Vec::new(), 0, wait);
        while batch.len() < MOST_RECORDS && bytes < MOST_BYTES && !self.shared.has_decision() {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    bytes += message.payload_len();
                    self.ended.borrow_mut().remove(&message.partition());
                    batch.push(message);
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.ended.borrow_mut().insert(partition);
                }
                Some(Err(error)) => self.judge(&error)?,
            }
            wait = Duration::ZERO;
        }
        if !batch.is_empty() {
            self.shared.is_up();
        }
        Ok(batch)
    }

    /// Whether a partition is read to its end.
    pub(crate) fn has_ended(&self, partition: i32) -> bool {
        self.ended.borrow().contains(&partition)
    }

    /// Most errors of reading pass by themselves.
    fn judge(&self, error: &KafkaError) -> io::Result<()> {
        let what = format!("reading {}", self.topic);
        let Some(code) = error.rdkafka_error_code() else { return Err(explained(&what, error)) };
        if let Some(refused) = crate::kafka::client::errors::refusal(code, &what) {
            return Err(refused);
        }
        match code {
            Code::OffsetOutOfRange | Code::AutoOffsetReset => Err(failed(format!(
                "{what}: an offset that is still needed is gone, which retention removed: {error}"
            ))),
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
                Err(failed(format!("{what}: the topic is gone: {error}")))
            }
            Code::FencedInstanceId | Code::Fenced => {
                Err(Stopped::Fenced(format!("{what}: {error}: a newer instance is there")).into())
            }
            _ if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(explained(&what, error))
            }
            _ => {
                log::info!("{what}: {error}");
                Ok(())
            }
        }
    }

    /// Who this member is at this moment.
    pub(crate) fn identity(&self) -> Option<ConsumerGroupMetadata> {
        self.consumer.group_metadata()
    }

    /// The positions with their notes, for a commit.
    pub(crate) fn positions(
        &self,
        places: &BTreeMap<i32, Committed>,
    ) -> io::Result<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, place) in places {
            let mut element = list.add_partition(&self.topic, *partition);
            element.set_offset(Offset::Offset(place.offset)).map_err(io::Error::other)?;
            element.set_metadata(&place.note);
        }
        Ok(list)
    }

    /// Commits positions without a transaction.
    pub(crate) fn commit(&self, positions: &TopicPartitionList) -> Result<(), KafkaError> {
        self.consumer.commit(positions, CommitMode::Sync)
    }

    /// The group's members that go by `name`: their ids.
    pub(crate) fn members_named(&self, name: &str) -> BTreeSet<String> {
        let wait = Duration::from_secs(5);
        let Ok(list) = self.consumer.fetch_group_list(Some(&self.group), wait) else {
            return BTreeSet::new();
        };
        let members = list.groups().iter().flat_map(|group| group.members());
        members.filter(|it| it.client_id() == name).map(|it| it.id().to_owned()).collect()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // Dropping the consumer waits until the group is left, and asks no loop any more.
        self.shared.closing.store(true, Ordering::Relaxed);
        if let Some(offered) = self.offered.take() {
            let starts = offered.iter().map(|p| (*p, 0)).collect();
            if let Err(error) = self.take(&starts) {
                log::debug!("{error}");
            }
        }
    }
}
