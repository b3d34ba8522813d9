//! The callbacks of librdkafka, and the events that they store.
//!
//! A callback only stores the event, because a request for committed offsets in a callback prevents a
//! consumer from closing. The loop of the daemon takes the events.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::kafka::client::clock::{latencies, now, unix_millis};
use crate::kafka::client::errors::{code, lost};
use crate::kafka::client::outages::{Outages, Silence, lock};
use crate::kafka::client::records::Rebalance;
use crate::stage::Histogram;

/// A partition in the last statistics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// The offset after the last record, including open transactions.
    pub(crate) end: i64,
    /// The offset of the next fetch, which is after the markers of transactions.
    pub(crate) next_fetch: i64,
}

/// The events of the clients of one daemon.
#[derive(Default)]
pub(super) struct Events {
    rebalances: Mutex<VecDeque<Rebalance>>,
    /// Whether the consumer is closing: rebalances are then accepted in the callback.
    closing: AtomicBool,
    outages: Arc<Outages>,
    /// Whether a client has lost all brokers ([`Context::stats`]).
    lost: AtomicBool,
    denied: Mutex<Option<String>>,
    undelivered: Mutex<Option<(String, Code)>>,
    failures: AtomicU64,
    /// Number of records that were delivered.
    delivered: AtomicU64,
    /// Whether a topic or a key is watched.
    watches: AtomicBool,
    /// The watched topic, and the offset of the last record delivered to each of its partitions.
    watched: Mutex<Option<String>>,
    by_partition: Mutex<HashMap<i32, i64>>,
    /// The watched keys, with partition and offset of the last record delivered.
    by_key: Mutex<HashMap<String, Option<(i32, i64)>>>,
    /// The delivery times.
    deliveries: Mutex<Option<Histogram>>,
    /// The partitions of the input.
    progress: Mutex<HashMap<i32, Progress>>,
}

impl Events {
    /// The events of another client of the same brokers, which adds to the same outages.
    pub(super) fn with_outages_of(other: &Self) -> Self {
        Self { outages: Arc::clone(&other.outages), ..Self::default() }
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// The consumer closes: rebalances are accepted in the callback from now on.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Number of records that were not delivered.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The outages of the brokers.
    pub(super) fn outages(&self) -> &Outages {
        &self.outages
    }

    /// An error if a client has lost all brokers, for good.
    pub(super) fn check_brokers(&self, brokers: &str) -> io::Result<()> {
        if self.lost.load(Ordering::Relaxed) { Err(lost(brokers)) } else { Ok(()) }
    }

    pub(super) fn has_rebalance(&self) -> bool {
        !lock(&self.rebalances).is_empty()
    }

    /// The topic that a transaction was denied, which the error itself does not contain.
    pub(super) fn denied(&self) -> Option<String> {
        lock(&self.denied).clone()
    }

    /// Takes the first record that was not delivered: its topic and the error.
    pub(super) fn take_undelivered(&self) -> Option<(String, Code)> {
        lock(&self.undelivered).take()
    }

    /// Starts to store the offset of the last record delivered to each partition of a topic.
    pub(super) fn watch_topic(&self, topic: &str) {
        *lock(&self.watched) = Some(topic.to_owned());
        self.watches.store(true, Ordering::Release);
    }

    /// The offset of the last record delivered to a partition of the watched topic.
    pub(super) fn last_delivered(&self, partition: i32) -> Option<i64> {
        lock(&self.by_partition).get(&partition).copied()
    }

    /// Starts to store partition and offset of the last record delivered with a key.
    pub(super) fn watch_key(&self, key: &str) {
        lock(&self.by_key).insert(key.to_owned(), None);
        self.watches.store(true, Ordering::Release);
    }

    /// Partition and offset of the last record delivered with a watched key.
    pub(super) fn delivered_at(&self, key: &str) -> Option<(i32, i64)> {
        lock(&self.by_key).get(key).copied().flatten()
    }

    /// The times from send to acknowledgement.
    pub(super) fn deliveries(&self) -> Histogram {
        lock(&self.deliveries).clone().unwrap_or_else(latencies)
    }

    /// A partition of the input, from the last statistics.
    pub(super) fn progress_of(&self, partition: i32) -> Option<Progress> {
        lock(&self.progress).get(&partition).copied()
    }

    /// The end of an assigned partition, until statistics are available.
    pub(super) fn set_end(&self, partition: i32, end: i64) {
        lock(&self.progress).insert(partition, Progress { end, next_fetch: 0 });
    }
}

/// Number of successive statistics without a broker after which a client has lost all brokers.
const LOST: u32 = 2;

/// The callbacks of one client.
#[derive(Clone, Default)]
pub(super) struct Context {
    events: Arc<Events>,
    /// Number of successive statistics of this client without a broker.
    without_brokers: Arc<AtomicU32>,
    /// Since when each connection has had a request without an answer, in all statistics.
    waiting: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Context {
    pub(super) fn new(events: &Arc<Events>) -> Self {
        Self {
            events: Arc::clone(events),
            without_brokers: Arc::default(),
            waiting: Arc::default(),
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // The error callback reports errors, too; but only this line contains the topic that a
        // transaction is denied.
        if facility == "ADDPARTS" && text.contains("Topic authorization") {
            let place = text.split(": ").nth(2).unwrap_or(text);
            *lock(&self.events.denied) = Some(place.to_owned());
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

    /// The statistics contain the ends of the partitions, which saves a request for each, and the brokers.
    ///
    /// Where the last registered broker of a cluster is fenced for a moment, it still answers, with
    /// metadata that contain no broker. librdkafka then removes all brokers of the client, those of
    /// `bootstrap.servers` included, and never connects again (as of 2.12; confluentinc/librdkafka#5430
    /// is about the same state).
    fn stats(&self, statistics: Statistics) {
        let is_broker = |source: &str| matches!(source, "configured" | "learned");
        if statistics.brokers.values().any(|it| is_broker(&it.source)) {
            self.without_brokers.store(0, Ordering::Relaxed);
        } else if self.without_brokers.fetch_add(1, Ordering::Relaxed) + 1 >= LOST {
            self.events.lost.store(true, Ordering::Relaxed);
        }
        self.observe_connections(&statistics);
        if statistics.client_type == "producer" {
            return;
        }
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let known = partitions
            .filter(|it| it.hi_offset >= 0)
            .map(|it| (it.partition, Progress { end: it.hi_offset, next_fetch: it.next_offset }));
        lock(&self.events.progress).extend(known);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match code(&error) {
            // The end of a partition is not an error.
            None | Some(Code::PartitionEOF) => {}
            Some(code) => {
                log::info!(target: "librdkafka", "{error}: {reason}");
                self.events.outages.add_error(code, reason);
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
        if self.events.closing.load(Ordering::Relaxed) {
            accept(consumer, assigned, list);
            return;
        }
        let partitions = list.elements().iter().map(|it| it.partition()).collect();
        let rebalance =
            if assigned { Rebalance::Assigned(partitions) } else { Rebalance::Revoked(partitions) };
        lock(&self.events.rebalances).push_back(rebalance);
    }
}

/// Accepts a rebalance while closing.
fn accept(consumer: &BaseConsumer<Context>, assigned: bool, list: &TopicPartitionList) {
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

/// One delivery in this many is timed, because reading the clock takes longer than the rest of the callback.
const TIMED: u64 = 64;

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                let before = self.events.delivered.fetch_add(1, Ordering::Relaxed);
                if before.is_multiple_of(TIMED)
                    && let Some(sent) = message.timestamp().to_millis()
                {
                    let took = (unix_millis() - sent).max(0) as f64 / 1000.0;
                    lock(&self.events.deliveries).get_or_insert_with(latencies).observe(took, 1);
                }
                if self.events.watches.load(Ordering::Acquire) {
                    self.store_offset(message);
                }
            }
            Err((error, message)) => {
                let Some(code) = code(error) else { return };
                // Records of an aborted transaction are purged, which is not a failure.
                if !matches!(code, Code::PurgeQueue | Code::PurgeInflight) {
                    self.events.failures.fetch_add(1, Ordering::Relaxed);
                    let topic = message.topic().to_owned();
                    lock(&self.events.undelivered).get_or_insert((topic, code));
                }
            }
        }
    }
}

impl Context {
    /// A broker that is stopped, or behind a firewall, keeps its connections; it only does not answer.
    /// An idle connection is silent, too, so that silence counts from a request on.
    fn observe_connections(&self, statistics: &Statistics) {
        let now = now();
        let mut waiting = lock(&self.waiting);
        // A broker may have several connections: heartbeats have their own.
        let mut silences: BTreeMap<String, Silence> = BTreeMap::new();
        for (name, broker) in &statistics.brokers {
            let is_waiting = broker.state == "UP" && broker.waitresp_cnt > 0;
            if !is_waiting {
                waiting.remove(name);
            }
            if broker.state != "UP" || broker.rxidle < 0 {
                continue;
            }
            let received = Duration::from_micros(broker.rxidle.unsigned_abs());
            let since = is_waiting.then(|| *waiting.entry(name.clone()).or_insert(now));
            let unanswered = since.map(|since| received.min(now - since));
            let silence = Silence { received, unanswered };
            let of_broker = silences.entry(broker.nodename.clone()).or_insert(silence);
            *of_broker = of_broker.merge(silence);
        }
        self.events.outages.observe_silences(silences);
    }

    fn store_offset(&self, message: &impl Message) {
        if lock(&self.events.watched).as_deref() == Some(message.topic()) {
            lock(&self.events.by_partition).insert(message.partition(), message.offset());
        }
        let mut by_key = lock(&self.events.by_key);
        if !by_key.is_empty()
            && let Some(Ok(key)) = message.key().map(str::from_utf8)
            && let Some(place) = by_key.get_mut(key)
        {
            *place = Some((message.partition(), message.offset()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::client::errors::is_lost;

    fn statistics(brokers: &str) -> Statistics {
        let text = format!(
            r#"{{"name":"a","client_id":"a","type":"producer","ts":0,"time":0,"age":0,"replyq":0,
            "msg_cnt":0,"msg_size":0,"msg_max":0,"msg_size_max":0,"simple_cnt":0,
            "metadata_cache_cnt":0,"brokers":{{{brokers}}},"topics":{{}},"tx":0,"tx_bytes":0,"rx":0,
            "rx_bytes":0,"txmsgs":0,"txmsg_bytes":0,"rxmsgs":0,"rxmsg_bytes":0}}"#
        );
        serde_json::from_str(&text).expect("statistics")
    }

    fn broker(source: &str) -> String {
        let numbers = ["nodeid", "stateage", "outbuf_cnt", "outbuf_msg_cnt", "waitresp_cnt"]
            .into_iter()
            .chain(["waitresp_msg_cnt", "tx", "txbytes", "txerrs", "txretries", "txidle"])
            .chain(["req_timeouts", "rx", "rxbytes", "rxerrs", "rxcorriderrs", "rxpartial"])
            .chain(["rxidle", "zbuf_grow", "buf_grow", "wakeups", "connects", "disconnects"])
            .map(|name| format!(r#""{name}":0,"#))
            .collect::<String>();
        format!(
            r#""b":{{{numbers}"name":"b","nodename":"","source":"{source}","state":"UP",
            "req":{{}},"toppars":{{}}}}"#
        )
    }

    #[test]
    fn a_client_without_a_broker_in_successive_statistics_is_lost() {
        let without = [String::new(), broker("logical"), broker("internal")];
        for none in &without {
            for with in ["configured", "learned"] {
                let events = Arc::new(Events::default());
                let (context, other) = (Context::new(&events), Context::new(&events));
                for brokers in [none.clone(), broker(with), none.clone()] {
                    context.stats(statistics(&brokers));
                    assert!(events.check_brokers("").is_ok());
                    // A broker of another client does not count.
                    other.stats(statistics(&broker(with)));
                }
                context.stats(statistics(none));
                assert!(events.check_brokers("").is_err_and(|it| is_lost(&it)));
            }
        }
    }
}
