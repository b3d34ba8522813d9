//! The producer: writes records in transactions that also commit the positions of the consumer.
//!
//! There is one producer for each process: the broker rejects an instance that is no longer a member by
//! the generation of the consumer group (KIP-447).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::kafka::client::clock::now;
use crate::kafka::client::config;
use crate::kafka::client::consumer::Consumer;
use crate::kafka::client::context::{Context, Events};
use crate::kafka::client::errors::{
    Stopped, TransactionError, code, configuration, explained, failed, refusal, too_large,
};
use crate::kafka::client::group_position::GroupPosition;
use crate::kafka::client::interface::{GroupConsumer, TransactionalProducer};
use crate::kafka::client::polled::{POLL, Polled};
use crate::kafka::client::records::{Position, ProducerRecord};
use crate::kafka::client::remedy::{Remedy, remedy};
use crate::kafka::client::runs::Runs;
use crate::kafka::client::settings::{Settings, TRANSACTION_TIMEOUT};
use crate::stage::Histogram;

/// Timeout of one call, which is then repeated.
const CALL: Duration = Duration::from_secs(5);

/// The producer of one instance.
pub(crate) struct Producer {
    /// `None` only while it is being replaced.
    producer: Option<Polled>,
    settings: Settings,
    events: Arc<Events>,
    /// Since when a transaction is open.
    began: Option<Instant>,
    /// Records that are not passed to librdkafka yet.
    runs: Runs,
    /// Number of records sent.
    sent: u64,
}

impl Producer {
    /// A producer with the transactional id of this instance; an open transaction of an earlier
    /// process with the id is aborted.
    pub(super) fn open(settings: &Settings, events: &Arc<Events>) -> io::Result<Self> {
        let mut opened = Self {
            producer: None,
            settings: settings.clone(),
            events: Arc::clone(events),
            began: None,
            runs: Runs::default(),
            sent: 0,
        };
        opened.replace()?;
        Ok(opened)
    }

    fn replace(&mut self) -> io::Result<()> {
        self.producer = None;
        self.began = None;
        let config = config::producer(&self.settings);
        let producer = Polled::create(&config, Context::new(&self.events));
        self.producer = Some(producer.map_err(|error| configuration(&error))?);
        if self.settings.at_least_once {
            return Ok(());
        }
        let what = format!("transactional id {}", self.settings.transactional_id);
        let start = now();
        while let Err(error) = self.producer().init_transactions(self.call()) {
            if let Some(refused) = code(&error).and_then(|code| refusal(code, &what)) {
                return Err(refused);
            }
            if matches!(remedy(&error), Remedy::Replace) {
                return Err(explained(&what, &error));
            }
            if self.events.outages().failing_for(start) > self.settings.wait {
                return Err(self.unreachable(&format!("{what}: {error}"), start).into());
            }
            if self.settings.stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped by a signal"));
            }
        }
        Ok(())
    }

    fn polled(&self) -> &Polled {
        self.producer.as_ref().expect("replace sets it, or there is no Producer")
    }

    fn producer(&self) -> &BaseProducer<Context> {
        self.polled().get()
    }

    /// The timeout of one call.
    fn call(&self) -> Duration {
        CALL.min(self.settings.wait.max(POLL))
    }

    /// The error of an operation that has failed since `start`.
    fn unreachable(&self, text: &str, start: Instant) -> Stopped {
        let outages = self.events.outages();
        let waited = outages.failing_for(start);
        let unreachable = outages.unreachable(&self.settings.brokers, waited, None);
        Stopped::Unreachable(format!("{text}: {unreachable}"))
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        if self.began.is_none() {
            if !self.settings.at_least_once {
                self.producer().begin_transaction().map_err(aborted)?;
            }
            self.began = Some(now());
        }
        Ok(())
    }

    /// Commits the records and, with them, the position of a group without members.
    pub(crate) fn commit_position(
        &mut self,
        positions: &BTreeMap<i32, Position>,
        group: &GroupPosition,
    ) -> Result<(), TransactionError> {
        let (list, identity) = (group.to_list(positions)?, group.identity()?);
        self.begin()?;
        self.commit_transaction(&list, &identity)?;
        self.began = None;
        Ok(())
    }

    fn commit_transaction(
        &mut self,
        positions: &TopicPartitionList,
        identity: &ConsumerGroupMetadata,
    ) -> Result<(), TransactionError> {
        // The records are delivered while the positions are sent.
        self.pass_on()?;
        self.retry("committing positions", || {
            self.producer().send_offsets_to_transaction(positions, identity, self.call())
        })?;
        self.drain()?;
        self.retry("committing", || self.producer().commit_transaction(self.call()))
    }

    /// Passes the records that are held to librdkafka, and processes delivery reports.
    pub(crate) fn pass_on(&mut self) -> Result<(), TransactionError> {
        if self.runs.is_empty() {
            return Ok(());
        }
        let mut runs = std::mem::take(&mut self.runs);
        let done = runs.ordered().try_for_each(|record| self.pass_on_one(&record));
        runs.clear();
        self.runs = runs;
        self.polled().poll();
        done
    }

    fn pass_on_one(&self, new: &ProducerRecord<'_>) -> Result<(), TransactionError> {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(new.topic);
        (record.key, record.payload) = (new.key, new.value);
        record.partition = new.partition;
        let mut full_since = None;
        loop {
            let Err((error, returned)) = self.producer().send(record) else { return Ok(()) };
            match code(&error) {
                Some(Code::QueueFull)
                    if self.events.outages().failing_for(*full_since.get_or_insert_with(now))
                        < self.settings.wait =>
                {
                    self.polled().poll_and_wait();
                }
                Some(Code::QueueFull) => {
                    let text = format!("topic {}: no record was delivered", new.topic);
                    let since = full_since.unwrap_or_else(now);
                    return Err(io::Error::from(self.unreachable(&text, since)).into());
                }
                Some(Code::MessageSizeTooLarge) => return Err(too_large(new).into()),
                _ => {
                    self.polled().check_denied(&self.events)?;
                    return Err(TransactionError::Abort(format!("topic {}: {error}", new.topic)));
                }
            }
            record = returned;
        }
    }

    /// Waits until all records are delivered, for a producer without transactions.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self.drain().and_then(|()| self.all_delivered()) {
            Ok(()) => {
                self.began = None;
                Ok(())
            }
            Err(TransactionError::Fatal(error)) => Err(error),
            Err(TransactionError::Abort(text)) => Err(failed(text)),
        }
    }

    /// An error if a record was not delivered, for a producer without transactions.
    fn all_delivered(&self) -> Result<(), TransactionError> {
        match self.events.take_undelivered() {
            None => Ok(()),
            Some((topic, code)) => {
                let text = format!("topic {topic}");
                let other = || TransactionError::Abort(format!("{text}: {code}"));
                Err(refusal(code, &text).map_or_else(other, TransactionError::Fatal))
            }
        }
    }

    fn retry(
        &self,
        what: &str,
        mut call: impl FnMut() -> KafkaResult<()>,
    ) -> Result<(), TransactionError> {
        let start = now();
        loop {
            let Err(error) = call() else { return Ok(()) };
            self.events.check_brokers(&self.settings.brokers)?;
            match remedy(&error) {
                Remedy::Retry if self.events.outages().failing_for(start) < self.settings.wait => {
                    log::info!("{what}: {error}: retrying");
                    thread::sleep(Duration::from_millis(20));
                }
                Remedy::Retry => {
                    let text = format!("{what}: {error}");
                    return Err(io::Error::from(self.unreachable(&text, start)).into());
                }
                Remedy::Abort | Remedy::Replace => {
                    self.polled().check_denied(&self.events)?;
                    let refused = code(&error).and_then(|code| refusal(code, what));
                    let other = || TransactionError::Abort(format!("{what}: {error}"));
                    return Err(refused.map_or_else(other, TransactionError::Fatal));
                }
            }
        }
    }

    fn abort_once(&self) -> KafkaResult<()> {
        if self.began.is_none() && self.producer().client().fatal_error().is_none() {
            return Ok(());
        }
        self.producer().abort_transaction(self.call())
    }

    /// A producer is fenced when another process uses its id, and also when its transaction exceeded
    /// the timeout (a stopped process, or unreachable brokers). The second is not an error.
    fn refuse_if_fenced(&self, open_for: Duration) -> io::Result<()> {
        let Some((code, text)) = self.producer().client().fatal_error() else { return Ok(()) };
        let fencing = [Code::Fenced, Code::ProducerFenced, Code::InvalidProducerEpoch];
        if !fencing.contains(&code) {
            return refusal(code, "writing").map_or(Ok(()), Err);
        }
        if open_for > TRANSACTION_TIMEOUT.mul_f64(0.8) {
            return Ok(());
        }
        let id = &self.settings.transactional_id;
        let text = format!("a newer instance uses the transactional id {id}: {text}");
        Err(Stopped::Fenced(text).into())
    }
}

impl TransactionalProducer for Producer {
    fn send(&mut self, new: ProducerRecord<'_>) -> Result<(), TransactionError> {
        self.begin()?;
        let client = self.producer.as_ref().map(|it| it.get().client());
        let partitions = || {
            let found =
                client?.fetch_metadata(Some(new.topic), CALL.min(self.settings.wait)).ok()?;
            Some(found.topics().first()?.partitions().len() as i32)
        };
        self.runs.add(&new, partitions);
        self.sent += 1;
        if self.runs.is_due() { self.pass_on() } else { Ok(()) }
    }

    fn is_open(&self) -> bool {
        self.began.is_some()
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn watch_topic(&self, topic: &str) {
        self.events.watch_topic(topic);
    }

    fn last_delivered(&self, partition: i32) -> Option<i64> {
        self.events.last_delivered(partition)
    }

    fn watch_key(&self, key: &str) {
        self.events.watch_key(key);
    }

    fn delivered_at(&self, key: &str) -> Option<(i32, i64)> {
        self.events.delivered_at(key)
    }

    fn failures(&self) -> u64 {
        self.events.failures()
    }

    fn delivery_seconds(&self) -> Histogram {
        self.events.deliveries()
    }

    fn drain(&mut self) -> Result<(), TransactionError> {
        self.pass_on()?;
        let start = now();
        while self.producer().in_flight_count() > 0 {
            self.polled().poll_and_wait();
            if self.events.outages().failing_for(start) > self.settings.wait {
                let text = "records were not delivered within --wait";
                return Err(io::Error::from(self.unreachable(text, start)).into());
            }
        }
        Ok(())
    }

    fn commit(
        &mut self,
        positions: &BTreeMap<i32, Position>,
        consumer: &dyn GroupConsumer,
    ) -> Result<(), TransactionError> {
        let consumer: &Consumer =
            consumer.as_any().downcast_ref().expect("consumer and producer are of one client");
        let positions = consumer.to_list(positions)?;
        self.begin()?;
        if self.settings.at_least_once {
            self.drain()?;
            self.all_delivered()?;
            self.retry("committing", || consumer.commit(&positions))?;
        } else {
            let identity = consumer.identity().ok_or_else(|| {
                TransactionError::Abort("this instance is not a member of the group".to_owned())
            })?;
            // Checked after the identity is read: that of a lost member is empty, and no broker rejects
            // its commits.
            if consumer.is_lost() {
                return Err(TransactionError::Abort(
                    "the group has reassigned the partitions".to_owned(),
                ));
            }
            self.commit_transaction(&positions, &identity)?;
        }
        self.began = None;
        Ok(())
    }

    fn abort(&mut self) -> io::Result<()> {
        self.runs.clear();
        let open_for = self.began.map(|began| began.elapsed()).unwrap_or_default();
        if let Some((topic, code)) = self.events.take_undelivered()
            && let Some(error) = refusal(code, &format!("topic {topic}"))
        {
            return Err(error);
        }
        if self.settings.at_least_once {
            self.began = None;
            return Ok(());
        }
        self.polled().check_denied(&self.events)?;
        let start = now();
        while let Err(error) = self.abort_once() {
            log::info!("aborting a transaction: {error}");
            self.events.check_brokers(&self.settings.brokers)?;
            match remedy(&error) {
                Remedy::Retry if self.events.outages().failing_for(start) < self.settings.wait => {
                    thread::sleep(Duration::from_millis(20));
                }
                Remedy::Retry => {
                    let text = format!("aborting a transaction: {error}");
                    return Err(self.unreachable(&text, start).into());
                }
                Remedy::Abort | Remedy::Replace => {
                    self.refuse_if_fenced(open_for)?;
                    return self.replace();
                }
            }
        }
        self.began = None;
        Ok(())
    }
}

fn aborted(error: KafkaError) -> TransactionError {
    TransactionError::Abort(error.to_string())
}
