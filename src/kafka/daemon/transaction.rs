//! What is not committed yet: the open transaction, its commit and abort.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::kafka::client::clock::now;
use crate::kafka::client::errors::TransactionError;
use crate::kafka::client::interface::{GroupConsumer, TransactionalProducer};
use crate::kafka::client::records::{Position, ProducerRecord};
use crate::kafka::client::settings::{ModelsTopic, Settings};
use crate::kafka::client::topics::InputTopic;
use crate::kafka::daemon::commit_interval::CommitInterval;
use crate::kafka::daemon::partitions::Partitions;
use crate::kafka::restore::changelog::Changelog;
use crate::kafka::restore::checkpoint::Metadata;
use crate::stage::Recover;

/// The transaction of a daemon.
pub(crate) struct Transaction<'a> {
    settings: &'a Settings,
    input: &'a InputTopic,
    changelog: Changelog<'a>,
    producer: Box<dyn TransactionalProducer>,
    /// Number of output records since the last commit.
    outputs: u64,
    /// Since when there are processed records that are not committed.
    since: Option<Instant>,
    interval: CommitInterval,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(producer: Box<dyn TransactionalProducer>, changelog: Changelog<'a>) -> Self {
        let Changelog { settings, input, .. } = changelog;
        let interval = CommitInterval::new(settings.tick);
        Self { settings, input, changelog, producer, outputs: 0, since: None, interval }
    }

    pub(crate) fn producer(&self) -> &dyn TransactionalProducer {
        &*self.producer
    }

    /// Sends an output record.
    pub(crate) fn send(&mut self, record: ProducerRecord<'_>) -> Result<(), TransactionError> {
        self.producer.send(record)?;
        self.outputs += 1;
        Ok(())
    }

    /// Sends a tombstone for a superseded record.
    pub(crate) fn send_tombstone(
        &mut self,
        topic: &str,
        key: &str,
    ) -> Result<(), TransactionError> {
        self.producer.send(ProducerRecord { topic, partition: None, key: Some(key), value: None })
    }

    /// Whether there are processed records to commit.
    pub(crate) fn has_begun(&self) -> bool {
        self.since.is_some()
    }

    /// There are processed records to commit.
    pub(crate) fn begin(&mut self) {
        self.since.get_or_insert_with(now);
    }

    /// Time until the next commit is due without a backlog; `None` with nothing to commit.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        self.since.map(|since| self.interval.get(false).saturating_sub(since.elapsed()))
    }

    /// Whether a commit is due; `has_backlog` as in [`CommitInterval::get`].
    pub(crate) fn is_due(&self, has_backlog: bool) -> bool {
        // Training may take longer than the timeout of a transaction: none is left open meanwhile.
        let trains = self.settings.models == ModelsTopic::Publish && self.producer.is_open();
        let is_full = trains || self.outputs >= self.settings.max_outputs;
        let interval = self.interval.get(has_backlog);
        self.since.is_some_and(|since| is_full || since.elapsed() >= interval)
    }

    fn clear(&mut self) {
        self.outputs = 0;
        self.since = None;
    }

    /// Commits output, changelog and positions. Returns whether there was something to commit.
    pub(crate) fn commit<S: Recover>(
        &mut self,
        partitions: &mut Partitions<S>,
        consumer: &dyn GroupConsumer,
    ) -> Result<bool, TransactionError> {
        let start = now();
        for (partition, task) in partitions.changed() {
            self.changelog.write(partition, &task.spill(), &mut *self.producer)?;
        }
        let mut all: BTreeMap<i32, Metadata> = BTreeMap::new();
        let mut offsets = BTreeMap::new();
        for (partition, task) in partitions.changed() {
            all.insert(partition, task.metadata(self.producer.last_delivered(partition)));
            offsets.insert(partition, task.next());
        }
        if all.is_empty() && !self.producer.is_open() {
            self.since = None;
            return Ok(false);
        }
        for partition in self.changelog.store_long_checkpoints(&mut all, &mut *self.producer)? {
            if let Some(task) = partitions.get_mut(partition) {
                task.stored(&all[&partition].checkpoint);
            }
        }
        let position = |(partition, offset): (i32, i64)| {
            let metadata = all[&partition].to_text(self.input.partitions);
            (partition, Position { offset, metadata })
        };
        let positions = offsets.into_iter().map(position).collect();
        self.producer.commit(&positions, consumer)?;
        for (partition, metadata) in &all {
            if let Some(task) = partitions.get_mut(*partition) {
                task.committed(&metadata.checkpoint);
            }
        }
        self.interval.committed(start.elapsed());
        self.clear();
        Ok(true)
    }

    /// Aborts the transaction.
    pub(crate) fn abort(&mut self) -> io::Result<()> {
        self.producer.abort()?;
        self.clear();
        Ok(())
    }
}
