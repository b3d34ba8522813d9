//! Writes records to topics, for `generate`, which has no input offset to commit.
//!
//! There are no transactions. The producer is idempotent: within a run, no record is lost or
//! duplicated when a broker fails.

use std::io;

use crate::event::Event;
use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::errors::{TransactionError, failed};
use crate::kafka::client::interface::{Brokers, TransactionalProducer};
use crate::kafka::client::producer::Producer;
use crate::kafka::client::records::ProducerRecord;
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::record::{Record, write_event};

/// Writes records to their topics.
pub struct Sink {
    settings: Settings,
    producer: Producer,
    buffer: Vec<u8>,
}

impl Sink {
    /// Connects, and creates missing topics with [`Settings::creation`].
    pub fn open(settings: &Settings) -> io::Result<Self> {
        let settings = Settings { at_least_once: true, ..settings.clone() };
        let cluster = Cluster::connect(&settings)?;
        check_topics(&settings, &cluster)?;
        let producer = cluster.open_producer()?;
        Ok(Self { settings, producer, buffer: Vec::new() })
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
        let topic = self.settings.topic(topic);
        let value = Some(&*self.buffer);
        let record = ProducerRecord { topic, partition: None, key: Some(key), value };
        self.producer.send(record).map_err(|error| match error {
            TransactionError::Fatal(error) => error,
            TransactionError::Abort(text) => failed(text),
        })
    }

    /// Waits until all records are delivered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.producer.flush()
    }
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
