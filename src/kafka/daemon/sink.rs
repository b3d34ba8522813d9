//! Writes records to topics, for `generate`, which has no input offset to commit.
//!
//! With a stable transactional id, transactions contain the records and the position in the output
//! ([`Progress`]), so that a restart continues. Otherwise there are no transactions, and a restart
//! writes all records again; the producer is idempotent: within a run, no record is lost or duplicated
//! when a broker fails.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::event::Event;
use crate::kafka::client::clock::now;
use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::errors::{TransactionError, failed};
use crate::kafka::client::group_position::GroupPosition;
use crate::kafka::client::interface::{Brokers, TransactionalProducer};
use crate::kafka::client::producer::Producer;
use crate::kafka::client::records::ProducerRecord;
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::commit_interval::CommitInterval;
use crate::kafka::daemon::progress::Progress;
use crate::record::{Record, write_event};
use crate::stream::report;

/// The transactions of a writer that continues after a restart.
struct Resumption {
    group: GroupPosition,
    progress: Progress,
    /// Since when there are records that are not committed, and their number.
    since: Option<Instant>,
    outputs: u64,
    interval: CommitInterval,
}

/// Writes records to their topics.
pub struct Sink {
    settings: Settings,
    producer: Producer,
    resumption: Option<Resumption>,
    buffer: Vec<u8>,
}

impl Sink {
    /// Connects, and creates missing topics with [`Settings::creation`].
    pub fn open(settings: &Settings) -> io::Result<Self> {
        let settings = Settings { at_least_once: true, ..settings.clone() };
        let cluster = Cluster::connect(&settings)?;
        check_topics(&settings, &cluster)?;
        let producer = cluster.open_producer()?;
        Ok(Self { settings, producer, resumption: None, buffer: Vec::new() })
    }

    /// As [`Sink::open`], for output that is generated again from the start after a restart. With a stable
    /// transactional id, what an earlier process has committed is not written again; without one, a topic with records is reported.
    pub fn resume(settings: &Settings, topic: Topic) -> io::Result<Self> {
        if !settings.has_stable_id || settings.at_least_once {
            let sink = Self::open(settings)?;
            report_repetition(&sink.settings, topic)?;
            return Ok(sink);
        }
        let cluster = Cluster::connect(settings)?;
        check_topics(settings, &cluster)?;
        // Aborts the open transaction of an earlier process, which would delay the next request.
        let producer = cluster.open_producer()?;
        let group = cluster.group_position(settings.topic(topic))?;
        let progress = Progress::new(&settings.group, group.committed(0)?.as_ref())?;
        if progress.committed() > 0 {
            log::info!(
                "continuing after {} records that group {} has committed",
                progress.committed(),
                settings.group
            );
        }
        let interval = CommitInterval::new(settings.tick);
        let resumption = Some(Resumption { group, progress, since: None, outputs: 0, interval });
        Ok(Self { settings: settings.clone(), producer, resumption, buffer: Vec::new() })
    }

    /// Whether the next record was committed by an earlier process.
    pub fn is_skipping(&self) -> bool {
        self.resumption.as_ref().is_some_and(|it| it.progress.is_skipping())
    }

    /// Checks brokers and topics.
    pub fn check(settings: &Settings) -> io::Result<()> {
        check_topics(settings, &Cluster::connect(settings)?)
    }

    /// Writes an event, keyed by its source.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.buffer.clear();
        write_event(event, &mut self.buffer);
        self.send(Topic::Tweets, &event.source)
    }

    /// Writes a record if its type has a topic.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        let Some(topic) = Topic::of(record.kind()) else { return Ok(()) };
        self.buffer.clear();
        record.write(&mut self.buffer);
        self.send(topic, &record.key())
    }

    fn send(&mut self, topic: Topic, key: &str) -> io::Result<()> {
        if let Some(Resumption { progress, since, outputs, .. }) = &mut self.resumption {
            if !progress.next(key, &self.buffer)? {
                return Ok(());
            }
            since.get_or_insert_with(now);
            *outputs += 1;
        }
        let topic = self.settings.topic(topic);
        let value = Some(&*self.buffer);
        let record = ProducerRecord { topic, partition: None, key: Some(key), value };
        self.producer.send(record).map_err(|error| self.ended(error))?;
        // Records that are sent without a pause are a backlog.
        let is_due = |it: &Resumption| {
            it.outputs >= self.settings.max_outputs
                || it.since.is_some_and(|since| since.elapsed() >= it.interval.get(true))
        };
        if self.resumption.as_ref().is_some_and(is_due) { self.commit() } else { Ok(()) }
    }

    fn ended(&self, error: TransactionError) -> io::Error {
        match error {
            TransactionError::Fatal(error) => error,
            TransactionError::Abort(text) if self.resumption.is_some() => failed(format!(
                "the transaction is aborted; a restart with the same --transactional-id continues: \
                 {text}"
            )),
            TransactionError::Abort(text) => failed(text),
        }
    }

    /// Commits the records so far, and their number.
    fn commit(&mut self) -> io::Result<()> {
        let Some(resumption) = &mut self.resumption else { return Ok(()) };
        if resumption.since.take().is_none() {
            return Ok(());
        }
        resumption.outputs = 0;
        let positions = resumption.progress.positions();
        let start = now();
        let done = self.producer.commit_position(&positions, &resumption.group);
        resumption.interval.committed(start.elapsed());
        done.map_err(|error| self.ended(error))
    }

    /// Before a pause: passes on the records that are held, and commits, since no transaction may be open meanwhile.
    pub fn pause(&mut self) -> io::Result<()> {
        self.producer.pass_on().map_err(|error| self.ended(error))?;
        self.commit()
    }

    /// Waits until all records are delivered, and committed.
    pub fn flush(&mut self) -> io::Result<()> {
        self.commit()?;
        let is_stopped = self.settings.stop.load(Ordering::Relaxed);
        let Some(Resumption { progress, .. }) = &self.resumption else {
            return self.producer.flush();
        };
        if !is_stopped {
            progress.check_end()?;
        }
        if progress.committed() > 0 && self.producer.sent() == 0 && !is_stopped {
            report(&format!(
                "nothing was written: group {} has committed all {} records of this replay; to \
                 write them again, give --group NEW",
                self.settings.group,
                progress.committed()
            ));
        }
        Ok(())
    }
}

/// Reports that a restart repeats all records, where the topic has some already.
fn report_repetition(settings: &Settings, topic: Topic) -> io::Result<()> {
    let cluster = Cluster::connect(settings)?;
    let name = settings.topic(topic);
    for partition in 0..cluster.required(topic)? {
        let (first, end) = cluster.ends(name, partition)?;
        if first < end {
            log::warn!(
                "topic {name} has records already; if an earlier run was interrupted, its records are written \
                 again: {} continues an earlier run only with --transactional-id ID",
                settings.command
            );
            return Ok(());
        }
    }
    Ok(())
}

fn check_topics(settings: &Settings, cluster: &Cluster) -> io::Result<()> {
    if let Some(creation) = &settings.creation {
        cluster.create(&settings.writes, creation)?;
    }
    for topic in &settings.writes {
        cluster.required(*topic)?;
    }
    Ok(())
}
