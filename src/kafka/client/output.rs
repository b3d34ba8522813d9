//! Writes what stages say, in transactions that carry the reading positions too.
//!
//! One producer per process; the broker refuses a zombie by the consumer group's generation, so
//! that no instance needs to know which partitions another one had. The delivery reports are
//! served by the producer's own thread: without it, giving a transaction up stalls.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::kafka::client::clock::now;
use crate::kafka::client::cluster::configuration;
use crate::kafka::client::context::{Context, Shared};
use crate::kafka::client::errors::{Lost, Stopped, code, explained, failed, refusal};
use crate::kafka::client::input::Input;
use crate::kafka::client::settings::{Settings, TRANSACTION_TIMEOUT};

/// How long to wait for the producer's own thread before looking again.
const MOMENT: Duration = Duration::from_micros(500);
/// How long one call may take before it is repeated.
const CALL: Duration = Duration::from_secs(5);

/// A record on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) topic: &'a str,
    /// `None`: the key decides.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a str>,
    /// `None`: a tombstone.
    pub(crate) payload: Option<&'a [u8]>,
}

/// The producer.
pub(crate) struct Output {
    /// `None` only between two lives.
    producer: Option<ThreadedProducer<Context>>,
    settings: Settings,
    shared: Arc<Shared>,
    /// Since when a transaction is open.
    began: Option<Instant>,
    pub(crate) sent: u64,
}

/// What an error of a transaction asks for.
enum Verdict {
    Repeat,
    Abort,
    Replace,
}

fn verdict(error: &KafkaError) -> Verdict {
    match error {
        KafkaError::Transaction(error) if error.is_fatal() => Verdict::Replace,
        KafkaError::Transaction(error) if error.txn_requires_abort() => Verdict::Abort,
        KafkaError::Transaction(error) if error.is_retriable() => Verdict::Repeat,
        KafkaError::Transaction(error) => match error.code() {
            Code::OperationTimedOut | Code::InProgress => Verdict::Repeat,
            Code::State => Verdict::Abort,
            _ => Verdict::Replace,
        },
        KafkaError::Flush(_) => Verdict::Repeat,
        _ => Verdict::Abort,
    }
}

impl Output {
    /// A producer whose id is ours: what an earlier holder left open is aborted.
    pub(crate) fn open(settings: &Settings, shared: &Arc<Shared>) -> io::Result<Self> {
        let mut output = Self {
            producer: None,
            settings: settings.clone(),
            shared: Arc::clone(shared),
            began: None,
            sent: 0,
        };
        output.renew()?;
        Ok(output)
    }

    fn renew(&mut self) -> io::Result<()> {
        self.producer = None;
        self.began = None;
        let context = Context { shared: Arc::clone(&self.shared) };
        let producer: ThreadedProducer<Context> = self
            .settings
            .producer()
            .create_with_context(context)
            .map_err(|error| configuration(&error))?;
        self.producer = Some(producer);
        if self.settings.at_least_once {
            return Ok(());
        }
        let what = format!("transactional id {}", self.settings.transactional_id);
        let start = now();
        while let Err(error) = self.producer().init_transactions(CALL) {
            if let Some(refused) = code(&error).and_then(|code| refusal(code, &what)) {
                return Err(refused);
            }
            if matches!(verdict(&error), Verdict::Replace) {
                return Err(explained(&what, &error));
            }
            if start.elapsed() > self.settings.wait {
                return Err(Stopped::Unreachable(format!("{what}: {error}")).into());
            }
            if self.settings.stop.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "told to stop"));
            }
        }
        Ok(())
    }

    fn producer(&self) -> &ThreadedProducer<Context> {
        self.producer.as_ref().expect("renew puts one there, or there is no Output")
    }

    fn begin(&mut self) -> Result<(), Lost> {
        if self.began.is_none() {
            if !self.settings.at_least_once {
                self.producer().begin_transaction().map_err(lost)?;
            }
            self.began = Some(now());
        }
        Ok(())
    }

    /// Hands a record to the producer, within a transaction.
    pub(crate) fn send(&mut self, letter: Letter<'_>) -> Result<(), Lost> {
        self.begin()?;
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(letter.topic);
        (record.key, record.payload) = (letter.key, letter.payload);
        record.partition = letter.partition;
        let mut full_since = None;
        loop {
            let (error, returned) = match self.producer().send(record) {
                Ok(()) => {
                    self.sent += 1;
                    return Ok(());
                }
                Err(refused) => refused,
            };
            match code(&error) {
                // The producer's own thread makes room: to help it would only take its processor.
                Some(Code::QueueFull)
                    if full_since.get_or_insert_with(now).elapsed() < self.settings.wait =>
                {
                    thread::sleep(MOMENT);
                }
                Some(Code::QueueFull) => {
                    let text = format!("topic {}: nothing is delivered", letter.topic);
                    return Err(io::Error::from(Stopped::Unreachable(text)).into());
                }
                Some(Code::MessageSizeTooLarge) => {
                    return Err(too_large(letter).into());
                }
                _ => return Err(Lost::Uncommitted(format!("topic {}: {error}", letter.topic))),
            }
            record = returned;
        }
    }

    /// Whether something waits to be committed, and since when.
    pub(crate) fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Waits until all that was sent is delivered. The library's own flush looks every 100 ms.
    pub(crate) fn drain(&self) -> Result<(), Lost> {
        let start = now();
        while self.producer().in_flight_count() > 0 {
            thread::sleep(MOMENT);
            if start.elapsed() > self.settings.wait {
                let text = "what was sent is not delivered".to_owned();
                return Err(io::Error::from(Stopped::Unreachable(text)).into());
            }
        }
        Ok(())
    }

    /// Commits what was sent, and the positions with it.
    pub(crate) fn commit(
        &mut self,
        positions: &TopicPartitionList,
        input: &Input,
    ) -> Result<(), Lost> {
        self.begin()?;
        if self.settings.at_least_once {
            self.drain()?;
            self.all_delivered()?;
            self.repeat("committing", || input.commit(positions))?;
        } else {
            let identity = input
                .identity()
                .ok_or_else(|| Lost::Uncommitted("the group does not know us".to_owned()))?;
            // PageRequest after the identity: one that was taken away reads as that of nobody, whose
            // commits no broker refuses.
            if input.is_lost() {
                return Err(Lost::Uncommitted("the group went on without us".to_owned()));
            }
            self.repeat("committing positions", || {
                self.producer().send_offsets_to_transaction(
                    positions,
                    &identity,
                    self.settings.wait,
                )
            })?;
            self.drain()?;
            self.repeat("committing", || self.producer().commit_transaction(CALL))?;
        }
        self.began = None;
        Ok(())
    }

    /// Sends off what was sent without transactions and positions: for those who only write.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self.drain().and_then(|()| self.all_delivered()) {
            Ok(()) => {
                self.began = None;
                Ok(())
            }
            Err(Lost::Failed(error)) => Err(error),
            Err(Lost::Uncommitted(text)) => Err(failed(text)),
        }
    }

    /// Without transactions an undelivered record is only told by its report.
    fn all_delivered(&self) -> Result<(), Lost> {
        match self.shared.take_undelivered() {
            None => Ok(()),
            Some((topic, code)) => {
                let text = format!("topic {topic}");
                let other = || Lost::Uncommitted(format!("{text}: {code}"));
                Err(refusal(code, &text).map_or_else(other, Lost::Failed))
            }
        }
    }

    fn repeat(&self, what: &str, mut call: impl FnMut() -> KafkaResult<()>) -> Result<(), Lost> {
        let start = now();
        loop {
            let Err(error) = call() else { return Ok(()) };
            match verdict(&error) {
                Verdict::Repeat if start.elapsed() < self.settings.wait => {
                    log::info!("{what}: {error}: once more");
                    thread::sleep(Duration::from_millis(20));
                }
                Verdict::Repeat => {
                    return Err(io::Error::from(Stopped::Unreachable(format!(
                        "{what}: {error}, for {:.0} s",
                        start.elapsed().as_secs_f64()
                    )))
                    .into());
                }
                Verdict::Abort | Verdict::Replace => {
                    let told = self.shared.refused().unwrap_or_else(|| what.to_owned());
                    let refused = code(&error).and_then(|code| refusal(code, &told));
                    let other = || Lost::Uncommitted(format!("{what}: {error}"));
                    return Err(refused.map_or_else(other, Lost::Failed));
                }
            }
        }
    }

    /// Gives up what was not committed. `twin`: whether another member goes by our name.
    pub(crate) fn give_up(&mut self, twin: impl Fn() -> bool) -> io::Result<()> {
        let open_for = self.began.map(|began| began.elapsed()).unwrap_or_default();
        if let Some((topic, code)) = self.shared.take_undelivered()
            && let Some(error) = refusal(code, &format!("topic {topic}"))
        {
            return Err(error);
        }
        if self.settings.at_least_once {
            self.began = None;
            return Ok(());
        }
        let start = now();
        while let Err(error) = self.abort() {
            log::info!("giving a transaction up: {error}");
            match verdict(&error) {
                Verdict::Repeat if start.elapsed() < self.settings.wait => {
                    thread::sleep(Duration::from_millis(20));
                }
                Verdict::Repeat => {
                    let text = format!("giving a transaction up: {error}");
                    return Err(Stopped::Unreachable(text).into());
                }
                Verdict::Abort | Verdict::Replace => {
                    self.refuse_if_fenced(open_for, &twin)?;
                    return self.renew();
                }
            }
        }
        self.began = None;
        Ok(())
    }

    fn abort(&self) -> KafkaResult<()> {
        if self.began.is_none() && self.producer().client().fatal_error().is_none() {
            return Ok(());
        }
        self.producer().abort_transaction(CALL)
    }

    /// A producer is fenced when another takes its id, and also when its transaction was open for
    /// too long (halted, or the brokers were away). The second is no reason to end.
    fn refuse_if_fenced(&self, open_for: Duration, twin: impl Fn() -> bool) -> io::Result<()> {
        let Some((code, text)) = self.producer().client().fatal_error() else { return Ok(()) };
        let fencing = [Code::Fenced, Code::ProducerFenced, Code::InvalidProducerEpoch];
        if !fencing.contains(&code) {
            return refusal(code, "writing").map_or(Ok(()), Err);
        }
        let expired = open_for > TRANSACTION_TIMEOUT.mul_f64(0.8);
        if expired && !twin() {
            return Ok(());
        }
        let id = &self.settings.transactional_id;
        let text = format!("a newer instance goes by the transactional id {id}: {text}");
        Err(Stopped::Fenced(text).into())
    }
}

fn too_large(letter: Letter<'_>) -> io::Error {
    let bytes = letter.payload.map_or(0, <[u8]>::len);
    let most = crate::kafka::client::settings::LARGEST_RECORD;
    failed(format!(
        "topic {}: a record of {bytes} bytes (key {:?}) is larger than {most}",
        letter.topic,
        letter.key.unwrap_or_default()
    ))
}

fn lost(error: KafkaError) -> Lost {
    Lost::Uncommitted(error.to_string())
}
