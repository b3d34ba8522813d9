//! The member of the consumer group: assignment, records and committed positions.
//!
//! An assignment is accepted when the positions are located, not in the callback of the rebalance:
//! heartbeats continue meanwhile, and fetching starts at the low watermark immediately.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerGroupMetadata, RebalanceProtocol,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::client::clock::now;
use crate::kafka::client::config;
use crate::kafka::client::consumer_errors::ConsumerErrors;
use crate::kafka::client::context::{Context, Events, Progress};
use crate::kafka::client::errors::{code, configuration, explained, recreated, refusal};
use crate::kafka::client::group_position::to_list;
use crate::kafka::client::interface::GroupConsumer;
use crate::kafka::client::members;
use crate::kafka::client::records::{ConsumerRecord, Position, Positions, Rebalance};
use crate::kafka::client::settings::Settings;

/// Number of records of a batch, at most, and of bytes, approximately at most.
const MAX_RECORDS: usize = 4096;
const MAX_BYTES: usize = 32 << 20;
/// Timeout of a request for the ends of a partition.
const REQUEST: Duration = Duration::from_secs(2);
/// Timeout of a request for the members of the group.
const LISTING: Duration = Duration::from_secs(1);

/// The member of the group, which reads one topic.
pub(crate) struct Consumer {
    consumer: BaseConsumer<Context>,
    events: Arc<Events>,
    topic: String,
    group: String,
    /// Partitions whose end is reached, with the position there, where it is known.
    ended: RefCell<BTreeMap<i32, Option<i64>>>,
    /// The offset of the next record of each partition.
    next: RefCell<BTreeMap<i32, i64>>,
    /// Whether the last read ended before all fetched records were read.
    has_backlog: Cell<bool>,
    errors: ConsumerErrors,
    /// An assignment that is not accepted yet.
    pending: Option<Vec<i32>>,
    /// Member id and generation of the last assignment, in the classic protocol.
    identity: Option<Arc<ConsumerGroupMetadata>>,
    is_classic: bool,
    created: Instant,
}

impl Consumer {
    /// Joins the group.
    pub(super) fn join(settings: &Settings, events: &Arc<Events>, topic: &str) -> io::Result<Self> {
        let context = Context::new(events);
        let properties = config::consumer(settings);
        let is_classic = config::is_classic(&properties);
        let consumer: BaseConsumer<Context> =
            properties.create_with_context(context).map_err(|error| configuration(&error))?;
        let joined = Self {
            consumer,
            events: Arc::clone(events),
            topic: topic.to_owned(),
            group: settings.group.clone(),
            ended: RefCell::default(),
            next: RefCell::default(),
            has_backlog: Cell::default(),
            errors: ConsumerErrors::new(format!("reading {topic}")),
            pending: None,
            identity: None,
            is_classic,
            created: now(),
        };
        joined
            .consumer
            .subscribe(&[topic])
            .map_err(|error| explained(&format!("topic {topic}"), &error))?;
        Ok(joined)
    }

    fn list(&self, starts: impl Iterator<Item = (i32, Offset)>) -> io::Result<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in starts {
            list.add_partition_offset(&self.topic, partition, offset).map_err(io::Error::other)?;
        }
        Ok(list)
    }

    /// An error if an offset that does not exist is after the end of its partition: retention deletes
    /// the oldest records only.
    fn check_end(&self, error: &KafkaError) -> io::Result<()> {
        if !matches!(code(error), Some(Code::OffsetOutOfRange | Code::AutoOffsetReset)) {
            return Ok(());
        }
        for (partition, next) in &*self.next.borrow() {
            let ends = self.consumer.fetch_watermarks(&self.topic, *partition, REQUEST);
            if let Ok((_, end)) = ends
                && end < *next
            {
                return Err(recreated(&self.topic, *partition, *next, end));
            }
        }
        Ok(())
    }

    /// The partitions whose end is not reached, with the offset of the next record: librdkafka does
    /// not return the partition of an error.
    fn place(&self) -> String {
        let ended = self.ended.borrow();
        let next = self.next.borrow();
        let open = next.iter().filter(|(partition, _)| !ended.contains_key(partition));
        let open: Vec<String> = open
            .map(|(partition, offset)| format!("partition {partition} from offset {offset}"))
            .collect();
        if open.is_empty() { String::new() } else { format!(" ({})", open.join(" or ")) }
    }

    /// Stores the positions of the partitions whose end is reached. A position advances over the markers of
    /// transactions when it is reached, not when they are fetched.
    fn locate_ends(&self) {
        let positions = match self.consumer.position() {
            Ok(positions) => positions,
            Err(error) => return log::debug!("positions in {}: {error}", self.topic),
        };
        let mut ended = self.ended.borrow_mut();
        for element in positions.elements_for_topic(&self.topic) {
            if let (Some(end), Offset::Offset(offset)) =
                (ended.get_mut(&element.partition()), element.offset())
            {
                *end = Some(offset);
            }
        }
    }

    /// The member id and generation, for a transaction.
    ///
    /// In the classic protocol they are those of the last assignment. librdkafka joins again by itself after the session
    /// expires, and has a valid generation before it returns the assignment. A commit with the generation of the last
    /// assignment makes the broker reject partitions that another member owned meanwhile. (With KIP-848 the epoch
    /// of a member rises without an assignment.)
    pub(super) fn identity(&self) -> Option<Arc<ConsumerGroupMetadata>> {
        self.identity.clone().or_else(|| self.consumer.group_metadata().map(Arc::new))
    }

    /// Positions as librdkafka commits them.
    pub(super) fn to_list(
        &self,
        positions: &BTreeMap<i32, Position>,
    ) -> io::Result<TopicPartitionList> {
        to_list(&self.topic, positions)
    }

    /// Commits positions without a transaction.
    pub(super) fn commit(&self, positions: &TopicPartitionList) -> Result<(), KafkaError> {
        self.consumer.commit(positions, CommitMode::Sync)
    }
}

impl GroupConsumer for Consumer {
    fn next_rebalance(&mut self) -> Option<Rebalance> {
        let rebalance = self.events.next_rebalance()?;
        if let Rebalance::Assigned(partitions) = &rebalance {
            self.errors.clear();
            if self.is_classic {
                self.identity = self.consumer.group_metadata().map(Arc::new);
            }
            let mut all = if self.is_cooperative() { self.pending.take() } else { None };
            all.get_or_insert_default().extend(partitions);
            self.pending = all;
        }
        Some(rebalance)
    }

    fn is_cooperative(&self) -> bool {
        matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
    }

    fn accept(&mut self, starts: &BTreeMap<i32, i64>) -> io::Result<()> {
        self.pending = None;
        self.ended.borrow_mut().retain(|partition, _| !starts.contains_key(partition));
        self.next.borrow_mut().extend(starts);
        let list = self.list(starts.iter().map(|(p, offset)| (*p, Offset::Offset(*offset))))?;
        let done = if self.is_cooperative() {
            self.consumer.incremental_assign(&list)
        } else {
            self.consumer.assign(&list)
        };
        done.map_err(|error| explained(&format!("accepting partitions of {}", self.topic), &error))
    }

    fn is_lost(&self) -> bool {
        self.consumer.assignment_lost()
    }

    fn release(&mut self, partitions: &[i32]) {
        let mut released: BTreeSet<i32> = partitions.iter().copied().collect();
        if let Some(mut pending) = self.pending.take() {
            // The group revoked a part of an assignment before it was accepted, which must be accepted all
            // the same. The other part remains pending.
            let ends: BTreeMap<i32, i64> = pending.iter().map(|p| (*p, 0)).collect();
            if let Err(error) = self.accept(&ends) {
                log::info!("{error}");
            }
            released.extend(&pending);
            pending.retain(|partition| !partitions.contains(partition));
            self.pending = Some(pending).filter(|pending| !pending.is_empty());
        }
        self.ended.borrow_mut().retain(|p, _| !partitions.contains(p));
        self.next.borrow_mut().retain(|p, _| !partitions.contains(p));
        let done = if self.is_cooperative() {
            self.list(released.iter().map(|p| (*p, Offset::Invalid))).and_then(|list| {
                self.consumer.incremental_unassign(&list).map_err(io::Error::other)
            })
        } else {
            self.consumer.unassign().map_err(io::Error::other)
        };
        if let Err(error) = done {
            log::info!("releasing partitions of {}: {error}", self.topic);
        }
    }

    fn seek(&self, partition: i32, offset: i64) -> io::Result<()> {
        self.ended.borrow_mut().remove(&partition);
        self.next.borrow_mut().insert(partition, offset);
        let wait = Duration::from_secs(10);
        self.consumer.seek(&self.topic, partition, Offset::Offset(offset), wait).map_err(|error| {
            let what = format!("topic {} partition {partition}", self.topic);
            explained(&what, &error)
        })
    }

    fn committed(&self, partitions: &[i32], wait: Duration) -> io::Result<Option<Positions>> {
        let list = self.list(partitions.iter().map(|p| (*p, Offset::Invalid)))?;
        let what = format!("positions of group {} in {}", self.group, self.topic);
        let list = match self.consumer.committed_offsets(list, wait) {
            Ok(list) => list,
            Err(error) => {
                let refused = code(&error).and_then(|code| refusal(code, &what));
                log::debug!("{what}: {error}");
                return refused.map_or(Ok(None), Err);
            }
        };
        let mut positions = BTreeMap::new();
        for element in list.elements() {
            if let Err(error) = element.error() {
                log::debug!("{what}: {error}");
                return Ok(None);
            }
            let committed = match element.offset() {
                Offset::Offset(offset) => {
                    Some(Position { offset, metadata: element.metadata().to_owned() })
                }
                _ => None,
            };
            positions.insert(element.partition(), committed);
        }
        Ok(Some(positions))
    }

    fn read<'a>(&'a self, wait: Duration) -> io::Result<Vec<ConsumerRecord<'a>>> {
        let (mut batch, mut bytes, mut wait) = (Vec::new(), 0, wait);
        let mut has_new_end = false;
        while batch.len() < MAX_RECORDS && bytes < MAX_BYTES && !self.events.has_rebalance() {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    bytes += message.payload_len();
                    self.ended.borrow_mut().remove(&message.partition());
                    self.next.borrow_mut().insert(message.partition(), message.offset() + 1);
                    batch.push(ConsumerRecord::from(message));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.ended.borrow_mut().insert(partition, None);
                    has_new_end = true;
                    self.errors.clear();
                }
                Some(Err(error)) => {
                    self.check_end(&error)?;
                    self.errors.check(&error, || self.place())?;
                }
            }
            wait = Duration::ZERO;
        }
        if has_new_end {
            self.locate_ends();
        }
        self.has_backlog.set(batch.len() >= MAX_RECORDS || bytes >= MAX_BYTES);
        if !batch.is_empty() {
            self.errors.clear();
            self.events.outages().mark_up();
        }
        Ok(batch)
    }

    fn has_rebalance(&self) -> bool {
        self.events.has_rebalance()
    }

    fn has_backlog(&self) -> bool {
        self.has_backlog.get()
    }

    fn lag(&self, partition: i32, next: i64) -> Option<i64> {
        let Progress { end, next_fetch } = self.events.progress_of(partition)?;
        // The last offsets may be markers of transactions, which are not records.
        let is_read = self.has_ended(partition) && next_fetch >= end;
        Some(if is_read { 0 } else { (end - next).max(0) })
    }

    fn set_end(&self, partition: i32, end: i64) {
        self.events.set_end(partition, end);
    }

    fn has_ended(&self, partition: i32) -> bool {
        self.ended.borrow().contains_key(&partition)
    }

    fn end_position(&self, partition: i32) -> Option<i64> {
        self.ended.borrow().get(&partition).copied().flatten()
    }

    fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.counts()
    }

    fn assigned_to_members(&self) -> Option<BTreeSet<i32>> {
        if !self.is_classic {
            return None;
        }
        let listed = self.consumer.fetch_group_list(Some(&self.group), LISTING).ok()?;
        let group = listed.groups().iter().find(|group| group.name() == self.group)?;
        if group.state() != "Stable" {
            return None;
        }
        let mut all = BTreeSet::new();
        for member in group.members() {
            all.extend(members::partitions(member.assignment()?, &self.topic)?);
        }
        Some(all)
    }

    fn rejoin(&self) {
        self.consumer.unsubscribe();
        if let Err(error) = self.consumer.subscribe(&[&self.topic]) {
            log::warn!("topic {}: {error}", self.topic);
        }
    }

    fn clock(&self) -> Duration {
        self.created.elapsed()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Dropping the consumer blocks until it has left the group, while no loop accepts rebalances.
        self.events.close();
        if let Some(pending) = self.pending.take() {
            let starts = pending.iter().map(|p| (*p, 0)).collect();
            if let Err(error) = self.accept(&starts) {
                log::debug!("{error}");
            }
        }
    }
}
