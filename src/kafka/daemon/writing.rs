//! From what a stage says to records of topics: which topic, which partition, which key; dead
//! letters; tombstones of models.

use crate::kafka::client::errors::Lost;
use crate::kafka::client::models::Models;
use crate::kafka::client::output::{Letter, Output};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::task::TaskOutput;
use crate::record::{Kind, Record};
use crate::stage::Outgoing;
use crate::stream::Refused;
use crate::stream::rejects::{Rejects, dead_letter};

/// Sends what stages say.
pub(crate) struct Writing {
    settings: Settings,
    /// Kinds that are read back: they go to the partition whose input they answer.
    reads_back: &'static [Kind],
    rejects: Rejects,
    /// Records of others that were passed over.
    pub(crate) foreign: u64,
    pub(crate) since_commit: u64,
    buffer: Vec<u8>,
}

impl Writing {
    pub(crate) fn new(settings: &Settings, reads_back: &'static [Kind]) -> Self {
        Self {
            settings: settings.clone(),
            reads_back,
            rejects: Rejects::default(),
            foreign: 0,
            since_commit: 0,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejects.count()
    }

    /// All that was sent is committed, or given up.
    pub(crate) fn committed(&mut self) {
        self.since_commit = 0;
    }

    /// Sends what a task said of the records of one partition.
    pub(crate) fn send(
        &mut self,
        said: TaskOutput,
        place: (&str, i32),
        output: &mut Output,
        models: Option<&Models>,
    ) -> Result<(), Lost> {
        for refused in &said.refused {
            self.refuse(refused, place, output)?;
        }
        for item in said.out {
            match item {
                Outgoing::Foreign(_) => self.foreign += 1,
                Outgoing::Record(record) => self.record(&record, place.1, output, models)?,
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        record: &Record,
        from: i32,
        output: &mut Output,
        models: Option<&Models>,
    ) -> Result<(), Lost> {
        let Some(topic) = Topic::of(record.kind()) else { return Ok(()) };
        let topic = self.settings.topic(topic);
        self.buffer.clear();
        record.write(&mut self.buffer);
        let key = record.key();
        let partition = self.reads_back.contains(&record.kind()).then_some(from);
        output.send(Letter { topic, partition, key: Some(&key), payload: Some(&self.buffer) })?;
        self.since_commit += 1;
        if record.kind() == Kind::Model {
            for version in models.map(|models| models.superseded(&key)).unwrap_or_default() {
                output.send(Letter {
                    topic,
                    partition: None,
                    key: Some(&version),
                    payload: None,
                })?;
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        (position, bytes, refusal): &Refused,
        (topic, partition): (&str, i32),
        output: &mut Output,
    ) -> Result<(), Lost> {
        let place = format!("{topic} partition {partition} offset {position}");
        self.rejects.add(&place, bytes, refusal)?;
        if let Some(dead) = &self.settings.dead_letter {
            let payload = dead_letter(&place, bytes, refusal)?;
            output.send(Letter {
                topic: dead,
                partition: None,
                key: None,
                payload: Some(&payload),
            })?;
            self.since_commit += 1;
        }
        Ok(())
    }

    /// Says how many records were refused in all.
    pub(crate) fn tell(&self) {
        self.rejects.report_total();
    }
}
