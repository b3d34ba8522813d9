//! What librdkafka's callbacks leave behind for the loop that acts on it.
//!
//! Nothing is done in a callback: asking for committed offsets in one keeps a consumer from ever
//! closing. Events are written down here, under locks that are held for a moment.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::kafka::client::clock::now;
use crate::kafka::client::clock::{latencies, unix_millis};
use crate::kafka::client::errors::code;
use crate::stage::Histogram;

/// What the group decided about this member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// These partitions are ours now.
    Assigned(Vec<i32>),
    /// These must be given back.
    Revoked(Vec<i32>),
}

/// Why a connection does not work.
#[derive(Clone, Debug)]
pub(crate) struct Complaint {
    pub(crate) code: Code,
    pub(crate) text: String,
}

/// What the callbacks of one daemon's clients left behind.
#[derive(Default)]
pub(crate) struct Shared {
    decisions: Mutex<VecDeque<Decision>>,
    /// From now on decisions are obeyed at once: the consumer closes.
    pub(crate) closing: AtomicBool,
    complaint: Mutex<Option<Complaint>>,
    down_since: Mutex<Option<Instant>>,
    refused: Mutex<Option<String>>,
    undelivered: Mutex<Option<(String, Code)>>,
    pub(crate) failures: AtomicU64,
    /// The topic and the keys whose offsets are wanted, and what was delivered last.
    watched: Mutex<Option<String>>,
    by_partition: Mutex<HashMap<i32, i64>>,
    by_key: Mutex<HashMap<String, Option<(i32, i64)>>>,
    /// How long deliveries took; where the partitions of the input end.
    deliveries: Mutex<Option<Histogram>>,
    ends: Mutex<HashMap<i32, i64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A callback that panicked left a list, not half of one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn next_decision(&self) -> Option<Decision> {
        lock(&self.decisions).pop_front()
    }

    pub(crate) fn has_decision(&self) -> bool {
        !lock(&self.decisions).is_empty()
    }

    /// The last complaint of a connection.
    pub(crate) fn complaint(&self) -> Option<Complaint> {
        lock(&self.complaint).clone()
    }

    /// Since when no broker answers, as far as is known.
    pub(crate) fn down_since(&self) -> Option<Instant> {
        *lock(&self.down_since)
    }

    /// A broker answered.
    pub(crate) fn is_up(&self) {
        *lock(&self.down_since) = None;
        *lock(&self.complaint) = None;
    }

    /// What a transaction was refused, which the error itself does not name.
    pub(crate) fn refused(&self) -> Option<String> {
        lock(&self.refused).clone()
    }

    /// Takes the first record that could not be delivered: its topic, and why.
    pub(crate) fn take_undelivered(&self) -> Option<(String, Code)> {
        lock(&self.undelivered).take()
    }

    /// From now on, remember the offset of the last record delivered to each partition of this
    /// topic.
    pub(crate) fn watch(&self, topic: &str) {
        *lock(&self.watched) = Some(topic.to_owned());
    }

    /// The offset of the last record delivered to a partition of the watched topic.
    pub(crate) fn delivered(&self, partition: i32) -> Option<i64> {
        lock(&self.by_partition).get(&partition).copied()
    }

    /// From now on, remember where the next record with this key comes to lie.
    pub(crate) fn watch_key(&self, key: &str) {
        lock(&self.by_key).insert(key.to_owned(), None);
    }

    /// Partition and offset of the last record delivered with a key that is watched.
    pub(crate) fn delivered_key(&self, key: &str) -> Option<(i32, i64)> {
        lock(&self.by_key).get(key).copied().flatten()
    }

    /// How long deliveries took so far.
    pub(crate) fn deliveries(&self) -> Histogram {
        lock(&self.deliveries).clone().unwrap_or_else(latencies)
    }

    /// Where a partition of the input ends, as far as was heard.
    pub(crate) fn end_of(&self, partition: i32) -> Option<i64> {
        lock(&self.ends).get(&partition).copied()
    }

    fn complain(&self, code: Code, text: &str) {
        if code == Code::AllBrokersDown {
            lock(&self.down_since).get_or_insert_with(now);
        }
        let telling = !matches!(code, Code::AllBrokersDown);
        let mut complaint = lock(&self.complaint);
        if telling || complaint.is_none() {
            *complaint = Some(Complaint { code, text: text.to_owned() });
        }
    }
}

/// The callbacks of one client.
#[derive(Clone, Default)]
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // What matters comes as an error too, and is said once, in our words; but which topic a
        // transaction was refused stands in this line alone.
        if facility == "ADDPARTS" && text.contains("authorization") {
            let place = text.split(": ").nth(2).unwrap_or(text);
            *lock(&self.shared.refused) = Some(place.to_owned());
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                log::warn!(target: "librdkafka", "{facility} {text}");
            }
            _ if facility == "CONFWARN" => log::trace!(target: "librdkafka", "{text}"),
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                log::info!(target: "librdkafka", "{facility} {text}");
            }
            _ => log::debug!(target: "librdkafka", "{facility} {text}"),
        }
    }

    /// The statistics tell where partitions end, without a question for each.
    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let mut ends = lock(&self.shared.ends);
        ends.extend(
            partitions.filter(|it| it.ls_offset >= 0).map(|it| (it.partition, it.ls_offset)),
        );
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match code(&error) {
            // The end of a partition is no error.
            None | Some(Code::PartitionEOF) => {}
            Some(code) => {
                log::info!(target: "librdkafka", "{error}: {reason}");
                self.shared.complain(code, reason);
            }
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let assigned = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.shared.closing.load(Ordering::Relaxed) {
            obey(consumer, assigned, list);
            return;
        }
        let partitions = list.elements().iter().map(|it| it.partition()).collect();
        let decision =
            if assigned { Decision::Assigned(partitions) } else { Decision::Revoked(partitions) };
        lock(&self.shared.decisions).push_back(decision);
    }
}

/// Does what the group says, without a look at state.
fn obey(consumer: &BaseConsumer<Context>, assigned: bool, list: &TopicPartitionList) {
    let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
    let done = match (cooperative, assigned) {
        (true, true) => consumer.incremental_assign(list),
        (true, false) => consumer.incremental_unassign(list),
        (false, true) => consumer.assign(list),
        (false, false) => consumer.unassign(),
    };
    if let Err(error) = done {
        log::debug!("while closing: {error}");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                if let Some(sent) = message.timestamp().to_millis() {
                    let took = (unix_millis() - sent).max(0) as f64 / 1000.0;
                    lock(&self.shared.deliveries).get_or_insert_with(latencies).observe(took, 1);
                }
                self.remember(message);
            }
            Err((error, message)) => {
                let Some(code) = code(error) else { return };
                // Purged records belong to a transaction that was given up: not failures.
                if !matches!(code, Code::PurgeQueue | Code::PurgeInflight) {
                    self.shared.failures.fetch_add(1, Ordering::Relaxed);
                    let topic = message.topic().to_owned();
                    lock(&self.shared.undelivered).get_or_insert((topic, code));
                }
            }
        }
    }
}

impl Context {
    fn remember(&self, message: &impl Message) {
        if lock(&self.shared.watched).as_deref() == Some(message.topic()) {
            lock(&self.shared.by_partition).insert(message.partition(), message.offset());
        }
        let mut by_key = lock(&self.shared.by_key);
        if !by_key.is_empty()
            && let Some(Ok(key)) = message.key().map(str::from_utf8)
            && let Some(place) = by_key.get_mut(key)
        {
            *place = Some((message.partition(), message.offset()));
        }
    }
}
