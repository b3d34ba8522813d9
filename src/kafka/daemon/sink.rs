//! From a pipe or a file to topics: for `generate`, which has no reading position.
//!
//! The producer is idempotent: nothing is lost or doubled by a broker that comes and goes. There
//! is nothing to commit with, so there are no transactions.

use std::io;
use std::sync::Arc;

use crate::event::Event;
use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::context::Shared;
use crate::kafka::client::errors::{Lost, failed};
use crate::kafka::client::output::{Letter, Output};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::record::{Record, write_event};

/// Writes records to their topics.
pub struct Sink {
    settings: Settings,
    output: Output,
    buffer: Vec<u8>,
}

impl Sink {
    /// Connects, and creates the topics if that was asked for.
    pub fn open(settings: &Settings) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let settings = Settings { at_least_once: true, ..settings.clone() };
        let cluster = Cluster::connect(&settings, &shared)?;
        check_topics(&settings, &cluster)?;
        let output = Output::open(&settings, &shared)?;
        Ok(Self { settings, output, buffer: Vec::new() })
    }

    /// Checks brokers and topics.
    pub fn check(settings: &Settings) -> io::Result<()> {
        let shared = Arc::new(Shared::default());
        check_topics(settings, &Cluster::connect(settings, &shared)?)
    }

    /// Writes an event, keyed by its source.
    pub fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.buffer.clear();
        write_event(event, &mut self.buffer);
        self.send(Topic::Tweets, &event.source)
    }

    /// Writes a record that has a topic; another is left out.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        let Some(topic) = Topic::of(record.kind()) else { return Ok(()) };
        self.buffer.clear();
        record.write(&mut self.buffer);
        self.send(topic, &record.key())
    }

    fn send(&mut self, topic: Topic, key: &str) -> io::Result<()> {
        let topic = self.settings.topic(topic);
        let letter = Letter { topic, partition: None, key: Some(key), payload: Some(&self.buffer) };
        self.output.send(letter).map_err(|error| match error {
            Lost::Failed(error) => error,
            Lost::Uncommitted(text) => failed(text),
        })
    }

    /// Waits until all is delivered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn check_topics(settings: &Settings, cluster: &Cluster) -> io::Result<()> {
    if let Some(creation) = &settings.creation {
        cluster.create(&settings.writes, creation)?;
    }
    for topic in &settings.writes {
        cluster.needed(*topic)?;
    }
    Ok(())
}
