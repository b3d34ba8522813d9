//! The tasks of the assigned partitions.

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::client::records::Positions;
use crate::kafka::daemon::task::{Task, TaskOutput, is_counter};
use crate::stage::{RecordRef, Recover, Tally};
use crate::stream::Frame;

/// Tasks by partition.
pub(crate) struct Partitions<S> {
    tasks: BTreeMap<i32, Task<S>>,
    /// Partitions whose state contains records of an aborted transaction: it must be restored.
    invalid: BTreeSet<i32>,
    /// The counts of the tasks that were removed or replaced: those of a process never decrease.
    removed: Tally,
}

impl<S: Recover> Partitions<S> {
    pub(crate) fn new() -> Self {
        Self { tasks: BTreeMap::new(), invalid: BTreeSet::new(), removed: Tally::new() }
    }

    /// Continues the counts of earlier clients of this process.
    pub(crate) fn continue_with(&mut self, counts: Tally) {
        self.removed = counts;
    }

    /// The counts for the next clients of this process.
    pub(crate) fn take_counts(&mut self) -> Tally {
        self.clear();
        std::mem::take(&mut self.removed)
    }

    /// Retains the counts of a task that is removed.
    fn retain_counts(removed: &mut Tally, task: &Task<S>) {
        for (key, value) in task.tally().into_iter().filter(|(key, _)| is_counter(key)) {
            *removed.entry(key).or_default() += value;
        }
    }

    /// Adds or replaces the task of a partition.
    pub(crate) fn insert(&mut self, partition: i32, task: Task<S>) {
        if let Some(before) = self.tasks.insert(partition, task) {
            Self::retain_counts(&mut self.removed, &before);
        }
        self.invalid.remove(&partition);
    }

    pub(crate) fn remove(&mut self, partitions: &[i32]) {
        for partition in partitions {
            if let Some(task) = self.tasks.remove(partition) {
                Self::retain_counts(&mut self.removed, &task);
            }
        }
        self.invalid.retain(|partition| !partitions.contains(partition));
    }

    pub(crate) fn clear(&mut self) {
        self.tasks.values().for_each(|task| Self::retain_counts(&mut self.removed, task));
        self.tasks.clear();
        self.invalid.clear();
    }

    /// The state of all partitions must be restored.
    pub(crate) fn invalidate(&mut self) {
        self.invalid.extend(self.tasks.keys());
    }

    /// Partitions whose state must be restored.
    pub(crate) fn invalid(&self) -> Vec<i32> {
        self.invalid.iter().copied().collect()
    }

    /// The partitions whose state is valid.
    pub(crate) fn valid(&self) -> Vec<i32> {
        self.tasks.keys().copied().filter(|it| !self.invalid.contains(it)).collect()
    }

    /// The valid partitions of which another member has processed records, by the committed positions.
    pub(crate) fn behind(&self, committed: &Positions) -> Vec<i32> {
        let position = |partition: &i32| committed.get(partition).and_then(Option::as_ref);
        let is_behind =
            |it: &i32| self.tasks.get(it).is_some_and(|task| task.is_behind(position(it)));
        self.valid().into_iter().filter(is_behind).collect()
    }

    /// The committed offset of each partition.
    pub(crate) fn committed(&self) -> impl Iterator<Item = (i32, i64)> {
        self.tasks.iter().filter_map(|(partition, task)| Some((*partition, task.group_offset()?)))
    }

    pub(crate) fn tasks(&self) -> &BTreeMap<i32, Task<S>> {
        &self.tasks
    }

    /// The tasks with something to commit. One whose state must be restored has nothing: its output
    /// was aborted, and with its position that output would be lost.
    pub(crate) fn changed(&mut self) -> impl Iterator<Item = (i32, &mut Task<S>)> {
        let invalid = &self.invalid;
        let changed = self.tasks.iter_mut();
        let changed = changed.filter(|(it, task)| task.has_changed() && !invalid.contains(it));
        changed.map(|(partition, task)| (*partition, task))
    }

    pub(crate) fn get_mut(&mut self, partition: i32) -> Option<&mut Task<S>> {
        self.tasks.get_mut(&partition)
    }

    /// Whether the output of a partition is written.
    pub(crate) fn is_live(&self, partition: i32) -> bool {
        self.tasks.get(&partition).is_some_and(|task| !task.is_replaying())
    }

    /// Feeds frames to the task of a partition, if its state is valid. Returns the output, and whether
    /// there is something to commit.
    pub(crate) fn feed(
        &mut self,
        partition: i32,
        frames: &[Frame<'_>],
        delivered: Option<i64>,
    ) -> Option<(TaskOutput, bool)> {
        if self.invalid.contains(&partition) {
            return None;
        }
        let task = self.tasks.get_mut(&partition)?;
        let output = task.feed(frames, delivered);
        Some((output, task.has_changed()))
    }

    /// Advances the valid tasks to the positions at the ends of their partitions, as far as these are reached. Returns
    /// whether there is something to commit.
    pub(crate) fn advance(&mut self, end_position: impl Fn(i32) -> Option<i64>) -> bool {
        let mut has_changed = false;
        for (partition, task) in &mut self.tasks {
            if !self.invalid.contains(partition)
                && let Some(position) = end_position(*partition)
            {
                task.advance(position);
                has_changed |= task.has_changed();
            }
        }
        has_changed
    }

    /// Puts models into use in all partitions.
    pub(crate) fn apply_models(&mut self, models: &[RecordRef<'_>]) {
        self.tasks.values_mut().for_each(|task| task.apply_models(models));
    }

    /// Number of records that the longest replay would have now.
    pub(crate) fn replay_distance(&self) -> u64 {
        self.tasks.values().map(Task::replay_distance).max().unwrap_or_default()
    }

    /// The counts of all stages: summed up, except for extrema, and for those of the models, which
    /// all partitions have in common.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.removed.clone();
        for task in self.tasks.values() {
            for ((name, label), value) in task.tally() {
                let merge = match &*label {
                    "lowest" => f64::min,
                    "highest" => f64::max,
                    _ if name.starts_with("model_") => f64::max,
                    _ => |a: f64, b: f64| a + b,
                };
                let entry = tally.entry((name, label));
                entry.and_modify(|it| *it = merge(*it, value)).or_insert(value);
            }
        }
        tally
    }
}
