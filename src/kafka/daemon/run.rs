//! The loop of a daemon.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::kafka::client::errors::TransactionError;
use crate::kafka::client::interface::{Brokers, GroupConsumer};
use crate::kafka::client::records::{ConsumerRecord, Positions, Rebalance};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::InputTopic;
use crate::kafka::daemon::assignment::Assignment;
use crate::kafka::daemon::carried::Carried;
use crate::kafka::daemon::joins::Joins;
use crate::kafka::daemon::membership::Membership;
use crate::kafka::daemon::metrics::Metrics;
use crate::kafka::daemon::models::Models;
use crate::kafka::daemon::partitions::Partitions;
use crate::kafka::daemon::restorer::Restorer;
use crate::kafka::daemon::transaction::Transaction;
use crate::kafka::daemon::writer::Writer;
use crate::kafka::restore::changelog::Changelog;
use crate::kafka::restore::recovery::{Recovery, partitions_changed};
use crate::kafka::restore::remedies::long_replay;
use crate::stage::{Recover, Tally};
use crate::stream::{Counts, Frame, Observer};

/// Timeout of a poll, at most: signals and the topic of models are checked in between.
const POLL: Duration = Duration::from_millis(100);
/// Timeout of a poll while positions are being located.
const POLL_LOCATING: Duration = Duration::from_millis(5);

/// A daemon that runs stages of `make`, one for each assigned partition.
pub(crate) struct Daemon<'a, S, F> {
    settings: &'a Settings,
    cluster: &'a dyn Brokers,
    input: &'a InputTopic,
    restorer: Restorer<'a, F>,
    consumer: Box<dyn GroupConsumer>,
    assignment: Assignment<'a>,
    partitions: Partitions<S>,
    transaction: Transaction<'a>,
    writer: Writer<'a>,
    joins: Joins,
    membership: Membership,
    metrics: Metrics,
    /// Number of records that earlier clients of this process have written.
    written_before: u64,
    /// Whether the last replay distance was reported as long.
    is_long_reported: bool,
}

impl<'a, S: Recover, F: Fn() -> S> Daemon<'a, S, F> {
    /// Opens the producer, reads the models and joins the group.
    pub(crate) fn open(make: F, recovery: Recovery<'a>) -> io::Result<Self> {
        let Recovery { settings, cluster, input, needs } = recovery;
        let producer = cluster.producer()?;
        if let Some(topic) = recovery.emitted_topic() {
            producer.watch_topic(topic);
        }
        let restorer = Restorer::open(make, recovery)?;
        let consumer = cluster.consumer(&input.name)?;
        Ok(Self {
            settings,
            cluster,
            input,
            restorer,
            consumer,
            assignment: Assignment::new(settings, &input.name),
            partitions: Partitions::new(),
            transaction: Transaction::new(producer, Changelog { settings, cluster, input }),
            writer: Writer::new(settings, &input.name, needs.reads_back),
            joins: Joins::default(),
            membership: Membership::new(settings.has_stable_id),
            metrics: Metrics::default(),
            written_before: 0,
            is_long_reported: false,
        })
    }

    /// Continues what earlier clients of this process have counted and seen.
    pub(crate) fn continue_after(&mut self, before: Carried) {
        self.written_before = before.written;
        self.writer.continue_with(before.rejects);
        self.metrics = before.metrics;
        self.partitions.continue_with(before.counts);
        *self.assignment.known() = before.known;
    }

    /// What the next clients of this process continue; this daemon must not run on.
    pub(crate) fn before(&mut self) -> Carried {
        Carried {
            written: self.counts().written,
            rejects: self.writer.take_rejects(),
            metrics: std::mem::take(&mut self.metrics),
            counts: self.partitions.take_counts(),
            known: std::mem::take(self.assignment.known()),
        }
    }

    /// Runs until a signal stops it or, with `--exit-eof`, until all partitions are read.
    pub(crate) fn run(&mut self, observer: &mut dyn Observer) -> io::Result<Counts> {
        while self.step(observer)? {}
        observer.end(self.counts(), &|| self.tally());
        Ok(self.counts())
    }

    /// One turn of the loop; returns whether there is a next one.
    pub(crate) fn step(&mut self, observer: &mut dyn Observer) -> io::Result<bool> {
        self.accept_rebalances()?;
        self.restore_partitions()?;
        if self.is_stopped() || self.is_done() {
            self.commit()?;
            if self.is_stopped() || self.is_done() {
                return Ok(false);
            }
        }
        let models = self.restorer.changed_models()?;
        if !models.is_empty() {
            self.partitions.apply_models(&models);
        }
        let processed = self.process(observer);
        self.abort_on_error(processed)?;
        if self.transaction.is_due(self.consumer.has_backlog()) {
            self.commit()?;
        }
        observer.batch(self.counts(), &|| self.tally());
        if self.assignment.is_complete() {
            self.membership.check(self.input, &*self.consumer);
        }
        self.cluster.check_reachable()?;
        if self.assignment.report_unassigned(|| self.cluster.last_error()) {
            self.metrics.count_unassigned();
        }
        Ok(true)
    }

    /// Reports the number of refused records.
    pub(crate) fn report_total(&self) {
        self.writer.report_total();
    }

    fn is_stopped(&self) -> bool {
        self.settings.stop.load(Ordering::Relaxed)
    }

    /// With `--exit-eof`, whether the ends of all partitions are reached.
    fn is_done(&self) -> bool {
        // Without output nothing must be confirmed.
        let is_checked = !self.assignment.is_unchecked() || !self.transaction.has_begun();
        let is_idle =
            self.assignment.is_complete() && is_checked && self.partitions.invalid().is_empty();
        let mut assigned = self.partitions.tasks().keys();
        self.settings.exit_eof
            && is_idle
            && !self.consumer.has_rebalance()
            && assigned.all(|partition| self.consumer.has_ended(*partition))
    }

    /// Reads a batch of records, feeds it to the stages, and sends their output.
    fn process(&mut self, observer: &mut dyn Observer) -> Result<(), TransactionError> {
        let batch = self.consumer.read(self.poll_timeout())?;
        observer.begin();
        self.metrics.add_read(batch.len());
        let mut frames: BTreeMap<i32, Vec<Frame<'_>>> = BTreeMap::new();
        for run in batch.chunk_by(|a, b| a.partition() == b.partition()) {
            let partition = run[0].partition();
            frames.entry(partition).or_default().extend(run.iter().filter_map(frame));
            if self.partitions.is_live(partition) {
                self.metrics.add_timestamps(run.iter().filter_map(ConsumerRecord::timestamp));
            }
        }
        // All stages are fed before a transaction is opened, because training may take longer than the
        // timeout of a transaction.
        let mut outputs = Vec::new();
        for (partition, frames) in frames {
            let delivered = self.transaction.producer().last_delivered(partition);
            let Some((output, has_changed)) = self.partitions.feed(partition, &frames, delivered)
            else {
                continue;
            };
            let InputTopic { name, partitions } = self.input;
            self.joins.check(name, *partitions, partition, &output.joined)?;
            if has_changed {
                self.transaction.begin();
            }
            outputs.push((partition, output));
        }
        for (partition, output) in outputs {
            let models = self.restorer.models();
            self.writer.write(partition, output, &mut self.transaction, models)?;
        }
        if self.partitions.advance(|partition| self.consumer.end_position(partition)) {
            self.transaction.begin();
        }
        Ok(())
    }

    fn poll_timeout(&self) -> Duration {
        if self.assignment.pending().is_some()
            || self.assignment.is_unchecked()
            || !self.partitions.invalid().is_empty()
        {
            return POLL_LOCATING;
        }
        self.transaction.due_in().map_or(POLL, |due| due.min(POLL))
    }

    /// Commits; if that fails, aborts, and the state of all partitions is restored.
    fn commit(&mut self) -> io::Result<()> {
        if self.assignment.is_unchecked() {
            return Ok(());
        }
        match self.transaction.commit(&mut self.partitions, &*self.consumer) {
            Ok(true) => {
                self.assignment.add_committed(self.partitions.committed());
                self.metrics.count_committed();
                self.report_long_replay();
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => self.abort_on_error(Err(error)),
        }
    }

    fn report_long_replay(&mut self) {
        let distance = self.partitions.replay_distance();
        // Stages with a changelog keep the distance near --max-replay; the others may exceed it.
        let is_long = distance > self.settings.max_replay.saturating_mul(2);
        if is_long && !self.is_long_reported {
            log::warn!("{}", long_replay(&self.settings.command, &self.input.name, distance));
        }
        self.is_long_reported = is_long;
    }

    /// Aborts the transaction where an error requires it. The state of all partitions, which
    /// contains the records of the transaction, must be restored then.
    fn abort_on_error(&mut self, result: Result<(), TransactionError>) -> io::Result<()> {
        let why = match result {
            Ok(()) => return Ok(()),
            Err(TransactionError::Fatal(error)) => return Err(error),
            Err(TransactionError::Abort(why)) => why,
        };
        log::warn!("the transaction is aborted, and the state is restored: {why}");
        self.metrics.count_aborted();
        self.transaction.abort()?;
        self.partitions.invalidate();
        Ok(())
    }

    fn abort(&mut self, why: String) -> io::Result<()> {
        self.abort_on_error(Err(TransactionError::Abort(why)))
    }

    fn accept_rebalances(&mut self) -> io::Result<()> {
        while let Some(rebalance) = self.consumer.next_rebalance() {
            match rebalance {
                Rebalance::Assigned(partitions) => self.assigned(partitions)?,
                Rebalance::Revoked(partitions) => self.revoked(&partitions)?,
            }
        }
        Ok(())
    }

    fn assigned(&mut self, partitions: Vec<i32>) -> io::Result<()> {
        let input = self.input;
        log::info!("topic {}: partitions {partitions:?} are assigned", input.name);
        self.metrics.count_assigned();
        if !self.consumer.is_cooperative() {
            // The assignment replaces the previous one.
            self.commit()?;
            self.partitions.clear();
        }
        let now = self.cluster.partitions(&input.name)?.unwrap_or(input.partitions);
        if now != input.partitions {
            let group = &self.settings.group;
            return Err(partitions_changed(&input.name, now, input.partitions, group));
        }
        self.assignment.assigned(partitions, &*self.consumer);
        self.membership.changed(self.consumer.clock());
        Ok(())
    }

    fn revoked(&mut self, partitions: &[i32]) -> io::Result<()> {
        log::info!("topic {}: partitions {partitions:?} are revoked", self.input.name);
        self.metrics.count_revoked();
        if self.consumer.is_lost() {
            self.abort("the group has reassigned the partitions".to_owned())?;
        } else if self.assignment.is_unchecked() {
            self.abort(
                "partitions are revoked before the positions of others are known".to_owned(),
            )?;
        } else {
            self.commit()?;
        }
        self.membership.changed(self.consumer.clock());
        self.partitions.remove(partitions);
        self.assignment.revoked(partitions);
        if self.partitions.tasks().is_empty() {
            self.assignment.revoked_all();
        }
        self.consumer.release(partitions);
        Ok(())
    }

    /// Restores the state of all partitions where the committed position of one is another than that of its state.
    ///
    /// In the cooperative protocol a member that was removed from the group during a rebalance joins again by itself,
    /// and may be assigned a partition that it still holds although another member owned it meanwhile: librdkafka does
    /// not report that loss. And a state may have been restored at an old position (see [`Assignment`]).
    fn check_positions(&mut self) -> io::Result<()> {
        if !self.assignment.is_check_due(self.consumer.clock()) {
            return Ok(());
        }
        let valid = self.partitions.valid();
        let Some(committed) = self.assignment.committed(&valid, &*self.consumer, self.cluster)?
        else {
            return Ok(());
        };
        self.assignment.checked();
        let behind = self.partitions.behind(&committed);
        if !behind.is_empty() {
            self.abort(format!(
                "the committed positions of partitions {behind:?} of {} are not those of their states: another member has \
                 processed records, or the coordinator gave old positions",
                self.input.name
            ))?;
        }
        Ok(())
    }

    /// Restores assigned and invalid partitions whose committed positions are available.
    fn restore_partitions(&mut self) -> io::Result<()> {
        self.check_positions()?;
        if let Some(pending) = self.assignment.pending().map(<[i32]>::to_vec)
            && let Some(committed) =
                self.assignment.committed(&pending, &*self.consumer, self.cluster)?
        {
            let mut starts = BTreeMap::new();
            for partition in pending {
                starts.insert(partition, self.restore(partition, &committed)?);
            }
            self.consumer.accept(&starts)?;
            self.assignment.clear_pending();
        }
        let invalid = self.partitions.invalid();
        if let Some(committed) =
            self.assignment.committed(&invalid, &*self.consumer, self.cluster)?
        {
            for partition in invalid {
                let next = self.restore(partition, &committed)?;
                self.consumer.seek(partition, next)?;
            }
        }
        Ok(())
    }

    /// Restores a partition; returns the offset at which its replay starts.
    fn restore(&mut self, partition: i32, committed: &Positions) -> io::Result<i64> {
        let committed = committed.get(&partition).and_then(Option::as_ref);
        let task = self.restorer.restore(partition, committed)?;
        let next = task.next();
        if task.has_changed() {
            self.transaction.begin();
        }
        self.consumer.set_end(partition, task.end_at_restore());
        self.partitions.insert(partition, task);
        self.assignment.restored(self.consumer.clock());
        Ok(next)
    }

    /// All counts.
    pub(crate) fn tally(&self) -> Tally {
        let (topic, producer) = (&self.input.name, self.transaction.producer());
        let is_assigned = self.assignment.is_complete();
        let (partitions, consumer) = (&self.partitions, &*self.consumer);
        let mut tally = self.metrics.tally(topic, partitions, consumer, producer, is_assigned);
        tally.extend(self.restorer.tally());
        tally.extend(self.writer.tally());
        for (error, count) in self.restorer.models().map(Models::errors).unwrap_or_default() {
            *tally.entry(("kafka_consumer_errors_total", error)).or_default() += count as f64;
        }
        tally
    }

    fn counts(&self) -> Counts {
        let written = self.written_before + self.transaction.producer().sent();
        Counts { read: self.metrics.read(), written, rejected: self.writer.rejected() }
    }
}

/// A record as a frame; a tombstone has none.
fn frame<'a>(record: &'a ConsumerRecord<'_>) -> Option<Frame<'a>> {
    let position = u64::try_from(record.offset()).ok()?;
    Some(Frame { position, key: record.key(), bytes: record.value()?, text: None })
}
