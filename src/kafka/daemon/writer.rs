//! Writes the output of stages to topics, and refused records to the topic of dead letters.

use crate::kafka::client::errors::TransactionError;
use crate::kafka::client::records::ProducerRecord;
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::models::Models;
use crate::kafka::daemon::task::TaskOutput;
use crate::kafka::daemon::transaction::Transaction;
use crate::record::{Kind, Record};
use crate::stage::{Outgoing, Tally};
use crate::stream::Refused;
use crate::stream::rejects::{Rejects, dead_letter};

/// Writes the output of the stages of one daemon.
pub(crate) struct Writer<'a> {
    settings: &'a Settings,
    /// The input topic, for messages.
    topic: &'a str,
    /// Records that are read back: they are written to the partition with the number of the input
    /// partition.
    reads_back: &'static [Kind],
    rejects: Rejects,
    buffer: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(settings: &'a Settings, topic: &'a str, reads_back: &'static [Kind]) -> Self {
        Self { settings, topic, reads_back, rejects: Rejects::default(), buffer: Vec::new() }
    }

    /// Continues the counts of an earlier writer.
    pub(crate) fn continue_with(&mut self, rejects: Rejects) {
        self.rejects = rejects;
    }

    /// The counts, for the next writer of this process.
    pub(crate) fn take_rejects(&mut self) -> Rejects {
        std::mem::take(&mut self.rejects)
    }

    /// Number of refused records by reason, as metrics.
    pub(crate) fn tally(&self) -> Tally {
        self.rejects.tally()
    }

    /// Number of records that were refused.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejects.count()
    }

    /// Reports the number of records that were refused.
    pub(crate) fn report_total(&self) {
        self.rejects.report_total();
    }

    /// Writes the output for one input partition. Records of other types are not written: their
    /// topics have them already.
    pub(crate) fn write(
        &mut self,
        partition: i32,
        output: TaskOutput,
        transaction: &mut Transaction<'_>,
        models: Option<&Models>,
    ) -> Result<(), TransactionError> {
        for refused in &output.refused {
            self.refuse(partition, refused, transaction)?;
        }
        for item in output.out {
            if let Outgoing::Record(record) = item {
                self.record(partition, &record, transaction, models)?;
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        input_partition: i32,
        record: &Record,
        transaction: &mut Transaction<'_>,
        models: Option<&Models>,
    ) -> Result<(), TransactionError> {
        let Some(topic) = Topic::of(record.kind()) else { return Ok(()) };
        let topic = self.settings.topic(topic);
        self.buffer.clear();
        record.write(&mut self.buffer);
        let key = record.key();
        let partition = self.reads_back.contains(&record.kind()).then_some(input_partition);
        let value = Some(&*self.buffer);
        transaction.send(ProducerRecord { topic, partition, key: Some(&key), value })?;
        if record.kind() == Kind::Model {
            for version in models.map(|models| models.superseded(&key)).unwrap_or_default() {
                transaction.send_tombstone(topic, &version)?;
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        partition: i32,
        (position, bytes, refusal): &Refused,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), TransactionError> {
        let place = format!("{} partition {partition} offset {position}", self.topic);
        self.rejects.add(&place, bytes, refusal)?;
        if let Some(topic) = &self.settings.dead_letter {
            let value = Some(&*dead_letter(&place, bytes, refusal)?);
            transaction.send(ProducerRecord { topic, partition: None, key: None, value })?;
        }
        Ok(())
    }
}
