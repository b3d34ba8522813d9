//! The loop of a daemon: records in, a transaction every tick, and state found again when the
//! group, the brokers or a signal demand it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};

use crate::kafka::client::clock::now;
use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::context::Shared;
use crate::kafka::client::errors::Lost;
use crate::kafka::client::input::{Committed, Input};
use crate::kafka::client::models::Models;
use crate::kafka::client::output::Output;
use crate::kafka::client::settings::{Settings, Use};
use crate::kafka::client::topics::InputTopic;
use crate::kafka::daemon::counting::Counting;
use crate::kafka::daemon::task::Task;
use crate::kafka::daemon::writing::Writing;
use crate::kafka::restore::changelog::Changelog;
use crate::kafka::restore::checkpoint::Metadata;
use crate::stage::{RecordRef, Recover, Tally};
use crate::stream::{Counts, Frame, Observer};

/// How long a poll waits at most: a signal and the models topic are looked at in between.
const LOOK: Duration = Duration::from_millis(100);

/// What a daemon works with.
pub(crate) struct Daemon<'a, S, F> {
    pub(crate) make: F,
    pub(crate) settings: &'a Settings,
    pub(crate) cluster: Cluster,
    pub(crate) shared: Arc<Shared>,
    pub(crate) topic: InputTopic,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) models: Option<Models>,
    pub(crate) writing: Writing,
    pub(crate) tasks: BTreeMap<i32, Task<S>>,
    /// Partitions that the group offered and whose places are looked up.
    pub(crate) offered: Option<Vec<i32>>,
    /// Partitions of ours whose state is to be found again.
    pub(crate) astray: BTreeSet<i32>,
    /// Since when something is not committed.
    pub(crate) since: Option<Instant>,
    /// Since when places are looked up in vain.
    pub(crate) locating: Option<Instant>,
    pub(crate) joined: bool,
    /// Whether it was said that a replay would be long.
    pub(crate) warned: bool,
    pub(crate) twins: BTreeSet<String>,
    pub(crate) read: u64,
    pub(crate) counting: Counting,
}

impl<S: Recover, F: Fn() -> S> Daemon<'_, S, F> {
    /// CountsWork until it is told to stop, or until all is read where that is the end.
    pub(crate) fn work(&mut self, observer: &mut dyn Observer) -> io::Result<Counts> {
        loop {
            self.obey()?;
            self.locate()?;
            if self.settings.stop.load(Ordering::Relaxed) || self.is_done() {
                self.commit_or_rebuild()?;
                if self.settings.stop.load(Ordering::Relaxed) || self.is_done() {
                    break;
                }
            }
            self.follow_models()?;
            let fed = self.step(observer);
            self.recover_from(fed)?;
            if self.is_due() {
                self.commit_or_rebuild()?;
            }
            observer.batch(self.counts(), &|| self.tally());
            self.cluster.check_reachable()?;
        }
        observer.end(self.counts(), &|| self.tally());
        Ok(self.counts())
    }

    /// Reads, feeds and sends.
    fn step(&mut self, observer: &mut dyn Observer) -> Result<(), Lost> {
        let batch = self.input.read(self.patience())?;
        observer.begin();
        self.read += batch.len() as u64;
        let mut frames: BTreeMap<i32, Vec<Frame<'_>>> = BTreeMap::new();
        for message in &batch {
            frames.entry(message.partition()).or_default().extend(frame(message));
            if self.tasks.get(&message.partition()).is_some_and(|it| !it.is_replaying()) {
                self.counting.arrived(message.timestamp().to_millis());
            }
        }
        // All work is done before a transaction begins: learning may take longer than one lasts.
        let mut all_said = Vec::new();
        for (partition, frames) in &frames {
            let Some(task) = self.tasks.get_mut(partition) else { continue };
            if self.astray.contains(partition) {
                continue;
            }
            let said = task.feed(frames, self.shared.delivered(*partition));
            if task.has_changed() {
                self.since.get_or_insert_with(now);
            }
            all_said.push((*partition, said));
        }
        for (partition, said) in all_said {
            let place = (&*self.topic.name, partition);
            self.writing.send(said, place, &mut self.output, self.models.as_ref())?;
        }
        Ok(())
    }

    /// How long there is nothing to do but wait for records.
    fn patience(&self) -> Duration {
        let looking = self.offered.is_some() || !self.astray.is_empty();
        let tick = match self.since {
            Some(since) => self.settings.tick.saturating_sub(since.elapsed()),
            None => LOOK,
        };
        if looking { Duration::from_millis(5) } else { tick.min(LOOK) }
    }

    fn is_due(&self) -> bool {
        // Who learns leaves no transaction open: the next work may take longer than it lasts.
        let learns = self.settings.models == Use::Publish && self.output.began().is_some();
        let much = learns || self.writing.since_commit >= self.settings.most_outputs;
        self.since.is_some_and(|since| much || since.elapsed() >= self.settings.tick)
    }

    /// Whether all partitions are read, where that is the end.
    fn is_done(&self) -> bool {
        let idle = self.offered.is_none() && self.astray.is_empty() && self.joined;
        let ended = || self.tasks.keys().all(|partition| self.input.has_ended(*partition));
        self.settings.exit_eof && idle && !self.shared.has_decision() && ended()
    }

    /// Commits outputs, positions and low watermarks together.
    fn commit(&mut self) -> Result<(), Lost> {
        let changelog =
            Changelog { settings: self.settings, cluster: &self.cluster, input: &self.topic };
        let mut all: BTreeMap<i32, Metadata> = BTreeMap::new();
        for (partition, task) in self.tasks.iter_mut().filter(|(_, task)| task.has_changed()) {
            changelog.write(*partition, &task.spill(), &mut self.output)?;
        }
        for (partition, task) in self.tasks.iter_mut().filter(|(_, task)| task.has_changed()) {
            all.insert(*partition, task.metadata(self.shared.delivered(*partition)));
        }
        if all.is_empty() && self.output.began().is_none() {
            self.since = None;
            return Ok(());
        }
        let stored = changelog.store_long_checkpoints(&mut all, &mut self.output, &self.shared)?;
        for partition in stored {
            if let Some(task) = self.tasks.get_mut(&partition) {
                task.stored(&all[&partition].checkpoint);
            }
        }
        let mut places = BTreeMap::new();
        for (partition, metadata) in &all {
            let note = metadata.to_text(self.topic.partitions);
            places.insert(*partition, Committed { offset: self.tasks[partition].next(), note });
        }
        let positions = self.input.positions(&places)?;
        self.output.commit(&positions, &self.input)?;
        self.counting.decided(true);
        self.counting.count("kafka_commits_total", "committed");
        for (partition, metadata) in &all {
            if let Some(task) = self.tasks.get_mut(partition) {
                task.committed(&metadata.checkpoint);
            }
        }
        self.since = None;
        self.writing.committed();
        self.warn_of_a_long_replay();
        Ok(())
    }

    fn warn_of_a_long_replay(&mut self) {
        let distance = self.tasks.values().map(Task::replay_distance).max().unwrap_or_default();
        // What can be written down is, past the limit; the rest is told past twice of it.
        let long = distance > self.settings.max_replay.saturating_mul(2);
        if long && !self.warned {
            log::warn!(
                "a recovery would read {distance} records of {} again: what stays open so long \
                 is bounded by --max-age",
                self.topic.name
            );
        }
        self.warned = long;
    }

    pub(crate) fn commit_or_rebuild(&mut self) -> io::Result<()> {
        let committed = self.commit();
        self.recover_from(committed)
    }

    /// One recovery for all that can be lost: every partition of ours goes back to its place.
    pub(crate) fn recover_from(&mut self, done: Result<(), Lost>) -> io::Result<()> {
        let why = match done {
            Ok(()) => return Ok(()),
            Err(Lost::Failed(error)) => return Err(error),
            Err(Lost::Uncommitted(why)) => why,
        };
        log::warn!("what was not committed is given up: {why}");
        self.counting.decided(false);
        self.counting.count("kafka_commits_total", "given_up");
        let (input, known, id) = (&self.input, &self.twins, &self.settings.transactional_id);
        self.output.give_up(|| input.members_named(id).iter().any(|it| !known.contains(it)))?;
        self.writing.committed();
        self.since = None;
        self.astray.extend(self.tasks.keys());
        Ok(())
    }

    fn follow_models(&mut self) -> io::Result<()> {
        if self.settings.models != Use::Follow {
            return Ok(());
        }
        let Some(models) = &mut self.models else { return Ok(()) };
        let changed = models.changes()?;
        if !changed.is_empty() {
            let changed: Vec<_> = changed.into_iter().map(RecordRef::without_position).collect();
            self.tasks.values_mut().for_each(|task| task.apply_models(&changed));
        }
        Ok(())
    }

    fn tally(&self) -> Tally {
        let mut tally = self.counting.tally(&self.topic.name, &self.tasks, &self.shared);
        if self.settings.models == Use::Follow {
            tally.extend(self.models.iter().flat_map(Models::tally));
        }
        tally
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { read: self.read, written: self.output.sent, rejected: self.writing.rejected() }
    }
}

/// A record as a stage reads it; a tombstone says nothing.
fn frame<'a>(message: &'a BorrowedMessage<'_>) -> Option<Frame<'a>> {
    let key = message.key().and_then(|key| str::from_utf8(key).ok());
    let position = u64::try_from(message.offset()).ok()?;
    Some(Frame { position, key, bytes: message.payload()?, text: None })
}
