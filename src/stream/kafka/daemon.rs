//! The loop of a daemon: records in, a transaction every tick, and state found again when the
//! group, the brokers or a signal demand it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};

use super::cluster::Cluster;
use super::context::{Decision, Shared};
use super::input::{Committed, Input};
use super::models::Models;
use super::now;
use super::output::{Letter, Output};
use super::place::{Mark, Start};
use super::recovery::{Kept, Recovery, Revived, beside};
use super::settings::{Settings, Use};
use super::task::{Task, is_long};
use super::topics::Topic;
use super::trouble::Lost;
use super::writing::Writing;
use crate::stage::{Out, Recover, Tally};
use crate::stream::{Counts, Frame, Observer};

/// How long a poll waits at most: a signal and the models topic are looked at in between.
const LOOK: Duration = Duration::from_millis(100);
/// How long the group is asked at once for what is committed.
const ASK: Duration = Duration::from_millis(500);

/// What a daemon works with.
pub(super) struct Daemon<'a, S, F> {
    pub(super) make: F,
    pub(super) settings: &'a Settings,
    pub(super) cluster: Cluster,
    pub(super) shared: Arc<Shared>,
    pub(super) topic: String,
    pub(super) partitions: i32,
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) models: Option<Models>,
    pub(super) writing: Writing,
    pub(super) tasks: BTreeMap<i32, Task<S>>,
    /// Partitions that the group offered and whose places are looked up.
    pub(super) offered: Option<Vec<i32>>,
    /// Partitions of ours whose state is to be found again.
    pub(super) astray: BTreeSet<i32>,
    /// From where what is said is read back, by partition.
    pub(super) back: BTreeMap<i32, i64>,
    /// Since when something is not committed.
    pub(super) since: Option<Instant>,
    pub(super) joined: bool,
    pub(super) twins: BTreeSet<String>,
    pub(super) read: u64,
    pub(super) tally: Tally,
}

impl<S: Recover, F: Fn() -> S> Daemon<'_, S, F> {
    /// Works until it is told to stop, or until all is read where that is the end.
    pub(super) fn work(&mut self, observer: &mut dyn Observer) -> io::Result<Counts> {
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
            let fed = self.step();
            self.recover_from(fed)?;
            if self.is_due() {
                self.commit_or_rebuild()?;
                observer.batch(self.counts(), &|| self.tally());
            }
            self.cluster.check_reachable()?;
        }
        observer.batch(self.counts(), &|| self.tally());
        Ok(self.counts())
    }

    /// Reads, feeds and sends.
    fn step(&mut self) -> Result<(), Lost> {
        let batch = self.input.read(self.patience())?;
        self.read += batch.len() as u64;
        let mut frames: BTreeMap<i32, Vec<Frame<'_>>> = BTreeMap::new();
        for message in &batch {
            frames.entry(message.partition()).or_default().extend(frame(message));
        }
        for (partition, frames) in &frames {
            let Some(task) = self.tasks.get_mut(partition) else { continue };
            if self.astray.contains(partition) {
                continue;
            }
            let back = self.writing.back(&self.shared, *partition, &self.back);
            let said = task.feed(frames, back);
            if task.has_moved() {
                self.since.get_or_insert_with(now);
            }
            let place = (&*self.topic, *partition);
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
        let much = self.writing.urgent || self.writing.since_commit >= self.settings.most_outputs;
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
        let mut starts: BTreeMap<i32, Start> = BTreeMap::new();
        for (partition, task) in self.tasks.iter_mut().filter(|(_, task)| task.has_moved()) {
            let back = self.writing.back(&self.shared, *partition, &self.back);
            starts.insert(*partition, task.start(back));
        }
        if starts.is_empty() && self.output.began().is_none() {
            self.since = None;
            return Ok(());
        }
        self.keep_long_marks(&mut starts)?;
        let mut places = BTreeMap::new();
        for (partition, start) in &starts {
            let note = start.note(self.partitions);
            places.insert(*partition, Committed { offset: self.tasks[partition].next(), note });
        }
        let positions = self.input.positions(&places)?;
        self.output.commit(&positions, &self.input)?;
        for (partition, start) in &starts {
            if let Some(task) = self.tasks.get_mut(partition) {
                task.committed(start);
            }
        }
        self.since = None;
        self.writing.committed();
        Ok(())
    }

    /// What is too long for metadata goes to a topic, in the same transaction.
    fn keep_long_marks(&mut self, starts: &mut BTreeMap<i32, Start>) -> Result<(), Lost> {
        let topic = self.settings.topic(Topic::CollectState);
        let mut keys = Vec::new();
        for (partition, start) in starts.iter() {
            let Mark::Here(mark) = &start.mark else { continue };
            if !is_long(start, self.partitions) {
                continue;
            }
            let key = format!("{}/{}/{partition}", self.settings.group, self.topic);
            let kept = Kept { partition: *partition, position: start.low, mark: mark.clone() };
            let payload = serde_json::to_vec(&kept).map_err(io::Error::from)?;
            self.shared.watch(topic, true);
            self.output.send(Letter {
                topic,
                partition: None,
                key: Some(&key),
                payload: Some(&payload),
            })?;
            keys.push((*partition, key));
        }
        if keys.is_empty() {
            return Ok(());
        }
        self.output.drain()?;
        for (partition, key) in keys {
            let Some((kept_in, offset)) = self.shared.delivered_key(&key) else {
                return Err(Lost::Uncommitted(format!("topic {topic}: {key} is not delivered")));
            };
            if let (Some(start), Some(task)) =
                (starts.get_mut(&partition), self.tasks.get_mut(&partition))
            {
                start.mark = Mark::Kept(kept_in, offset);
                task.kept(start);
            }
        }
        Ok(())
    }

    fn commit_or_rebuild(&mut self) -> io::Result<()> {
        let committed = self.commit();
        let result = if committed.is_ok() { "committed" } else { "lost" };
        *self.tally.entry(("kafka_commits_total", result.to_owned())).or_default() += 1.0;
        self.recover_from(committed)
    }

    /// One recovery for all that can be lost: every partition of ours goes back to its place.
    fn recover_from(&mut self, done: Result<(), Lost>) -> io::Result<()> {
        let why = match done {
            Ok(()) => return Ok(()),
            Err(Lost::Failed(error)) => return Err(error),
            Err(Lost::Uncommitted(why)) => why,
        };
        log::warn!("what was not committed is given up: {why}");
        let (input, known, id) = (&self.input, &self.twins, &self.settings.transactional_id);
        self.output.give_up(|| input.members_named(id).iter().any(|it| !known.contains(it)))?;
        self.writing.committed();
        self.since = None;
        self.astray.extend(self.tasks.keys());
        Ok(())
    }

    /// Does what the group decided.
    fn obey(&mut self) -> io::Result<()> {
        while let Some(decision) = self.input.decision() {
            match decision {
                Decision::Assigned(partitions) => self.assigned(partitions)?,
                Decision::Revoked(partitions) => self.revoked(&partitions)?,
            }
        }
        Ok(())
    }

    fn assigned(&mut self, partitions: Vec<i32>) -> io::Result<()> {
        log::info!("partitions {partitions:?} of {} are offered", self.topic);
        *self.tally.entry(("kafka_rebalances_total", "assigned".to_owned())).or_default() += 1.0;
        if !self.input.is_cooperative() {
            // The new list replaces the old one.
            self.commit_or_rebuild()?;
            self.tasks.clear();
            self.astray.clear();
        }
        if !self.joined {
            self.joined = true;
            self.twins = self.input.members_named(&self.settings.transactional_id);
        }
        self.offered = Some(partitions);
        Ok(())
    }

    fn revoked(&mut self, partitions: &[i32]) -> io::Result<()> {
        log::info!("partitions {partitions:?} of {} are taken away", self.topic);
        *self.tally.entry(("kafka_rebalances_total", "revoked".to_owned())).or_default() += 1.0;
        if self.input.is_lost() {
            self.recover_from(Err(Lost::Uncommitted("the group went on without us".to_owned())))?;
        } else {
            self.commit_or_rebuild()?;
        }
        for partition in partitions {
            self.tasks.remove(partition);
            self.astray.remove(partition);
        }
        self.offered = None;
        self.input.give_back(partitions);
        Ok(())
    }

    /// Looks up the places of partitions that are offered or astray, and starts to read there.
    fn locate(&mut self) -> io::Result<()> {
        if let Some(partitions) = self.offered.clone()
            && let Some(committed) = self.committed(&partitions)?
        {
            let mut starts = BTreeMap::new();
            for partition in partitions {
                starts.insert(partition, self.revive(partition, &committed)?);
            }
            self.input.take(&starts)?;
            self.offered = None;
        }
        let astray: Vec<i32> = self.astray.iter().copied().collect();
        if let Some(committed) = self.committed(&astray)? {
            for partition in astray {
                let low = self.revive(partition, &committed)?;
                self.input.seek(partition, low)?;
                self.astray.remove(&partition);
            }
        }
        Ok(())
    }

    fn committed(&self, partitions: &[i32]) -> io::Result<Option<Places>> {
        if partitions.is_empty() {
            return Ok(Some(Places::new()));
        }
        self.input.committed(partitions, ASK)
    }

    /// Builds the state of a partition from its place; returns from where it is read.
    fn revive(&mut self, partition: i32, committed: &Places) -> io::Result<i64> {
        let committed = committed.get(&partition).and_then(Option::as_ref);
        let recovery = Recovery {
            settings: self.settings,
            cluster: &self.cluster,
            topic: &self.topic,
            partitions: self.partitions,
        };
        if self.settings.models == Use::Publish {
            // What was published before the crash is the incumbent.
            self.models = Some(Models::open(self.settings, &self.cluster)?);
        }
        let models = self.models.as_ref().map(Models::in_use).unwrap_or_default();
        let Revived { task, low, back } =
            recovery.revive((self.make)(), partition, committed, &models)?;
        let silence = committed.map_or(0, |it| it.offset - low);
        if silence.unsigned_abs() > self.settings.max_replay {
            log::warn!("{} partition {partition}: a replay of {silence} offsets", self.topic);
        }
        log::info!(
            "{} partition {partition}: from {low} on, the first {silence} offsets in silence",
            self.topic
        );
        self.back.extend(back.map(|back| (partition, back)));
        self.tasks.insert(partition, task);
        Ok(low)
    }

    fn follow_models(&mut self) -> io::Result<()> {
        if self.settings.models != Use::Follow {
            return Ok(());
        }
        let Some(models) = &mut self.models else { return Ok(()) };
        let changed = models.changes()?;
        if !changed.is_empty() {
            for task in self.tasks.values_mut() {
                let batch: Vec<_> = changed.iter().map(beside).collect();
                task.stage_mut().on_batch(&batch, &mut Out::default());
            }
        }
        Ok(())
    }

    /// What the stages counted together, and what the daemon counted.
    fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        for task in self.tasks.values() {
            for ((name, label), value) in task.stage().tally() {
                let merge = match &*label {
                    "lowest" => f64::min,
                    "highest" => f64::max,
                    _ => |a: f64, b: f64| a + b,
                };
                tally
                    .entry((name, label))
                    .and_modify(|it| *it = merge(*it, value))
                    .or_insert(value);
            }
        }
        let distance = self.tasks.values().map(Task::distance).max().unwrap_or_default();
        tally.insert(("kafka_replay_distance_records", String::new()), distance as f64);
        let failures = self.shared.failures.load(Ordering::Relaxed);
        tally.insert(("kafka_delivery_failures_total", String::new()), failures as f64);
        tally
    }

    pub(super) fn counts(&self) -> Counts {
        Counts { read: self.read, written: self.output.sent, rejected: self.writing.rejected() }
    }
}

/// What is committed, by partition.
type Places = BTreeMap<i32, Option<Committed>>;

/// A record as a stage reads it; a tombstone says nothing.
fn frame<'a>(message: &'a BorrowedMessage<'_>) -> Option<Frame<'a>> {
    let key = message.key().and_then(|key| str::from_utf8(key).ok());
    let position = u64::try_from(message.offset()).ok()?;
    Some(Frame { position, key, bytes: message.payload()? })
}
