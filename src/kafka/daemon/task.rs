//! One partition of the input and its stage.

use std::collections::BTreeSet;
use std::io;

use crate::kafka::client::errors::failed;
use crate::kafka::client::records::Position;
use crate::kafka::client::settings::Settings;
use crate::kafka::daemon::checkpoints::Checkpoints;
use crate::kafka::daemon::joins::{Joined, joined};
use crate::kafka::daemon::oversize::remove_oversized;
use crate::kafka::restore::checkpoint::{Checkpoint, Metadata};
use crate::kafka::restore::recovery::Restored;
use crate::stage::{Change, Limit, Out, Outgoing, RecordRef, Recover, Saved, Tally};
use crate::stream::{Frame, Refused, parse, refused_by_stage};

/// Number of parts of the state that one transaction writes for `--max-replay`, at most.
const MAX_PARTS: usize = 10_000;

/// The limits of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Number of records of a replay, approximately at most: parts of the state that need a longer
    /// one are written to the changelog.
    pub(crate) replay: u64,
    /// Number of bytes of a record, at most.
    pub(crate) record_bytes: usize,
}

impl Limits {
    /// The limits of a stage.
    pub(crate) fn of<S: Recover>(settings: &Settings) -> Self {
        let has_changelog = S::RESTORE.spills && !settings.at_least_once;
        let replay = if has_changelog { settings.max_replay } else { u64::MAX };
        Self { replay, record_bytes: settings.max_record_bytes }
    }
}

/// The output of a task for a batch of records.
#[derive(Default)]
pub(crate) struct TaskOutput {
    pub(crate) out: Vec<Outgoing>,
    pub(crate) refused: Vec<Refused>,
    /// The records of a join, also those of a replay.
    pub(crate) joined: Vec<Joined>,
}

/// Refuses state that was committed under other options: a replay would rebuild another state, whose
/// output would repeat or contradict what is committed.
fn check_options(committed: &str, now: &str) -> io::Result<()> {
    if committed.is_empty() || committed == now {
        return Ok(());
    }
    let pairs = |text: &str| -> Vec<(String, String)> {
        let words: Vec<&str> = text.split(' ').collect();
        words.chunks(2).map(|it| (it[0].to_owned(), it[1..].concat())).collect()
    };
    let (before, now) = (pairs(committed), pairs(now));
    let value = |name: &str| now.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value);
    let changed = before.iter().filter(|(name, old)| value(name) != old);
    let changed: Vec<String> =
        changed.map(|(name, old)| format!("{name} {old}, not {}", value(name))).collect();
    Err(failed(format!(
        "the group has committed its position with {}: with other options the replay would repeat \
         or lose output. Give the committed options ({committed}), or start anew at the same position, \
         without the open cascades, with --group NEW --from group:OLD",
        changed.join(", ")
    )))
}

/// Whether a count only increases: also those of a histogram.
pub(crate) fn is_counter((name, label): &(&'static str, String)) -> bool {
    (name.ends_with("_total") || label.contains('|')) && !name.starts_with("model_")
}

/// The stage of a partition.
pub(crate) struct Task<S> {
    stage: S,
    limits: Limits,
    /// The offset of the next record.
    next: i64,
    /// The offset from which on output is new: that of the records before it is committed.
    live_from: i64,
    /// The offset that the group has committed, if there is one: retention may have deleted records after it.
    group_offset: Option<i64>,
    is_replaying: bool,
    /// The end of the partition at the restore.
    end: i64,
    checkpoints: Checkpoints,
    /// The live parts in the changelog after the next commit.
    parts: BTreeSet<u64>,
    /// Parts for which the next commit writes tombstones.
    leftovers: Vec<u64>,
    /// The end of the topic of emitted records at the restore, if they are read back.
    emitted_end: Option<i64>,
    /// Whether `next` has changed since the last commit.
    has_changed: bool,
    out: Out,
    /// The counts of the stage at the end of the replay: those of records that were counted before.
    replayed: Tally,
}

impl<S: Recover> Task<S> {
    /// A stage with a restored state, ready for the replay.
    pub(crate) fn new(mut stage: S, restored: Restored, limits: Limits) -> io::Result<Self> {
        let Restored {
            checkpoint,
            text,
            parts,
            emitted,
            emitted_end,
            live_from,
            group_offset,
            end,
            options,
            is_start_to_commit,
        } = restored;
        check_options(&options, &stage.output_options())?;
        let next = checkpoint.offset;
        let start = next.unsigned_abs();
        let saved = Saved { position: start, checkpoint: &text, parts: &parts.live, emitted };
        if let Err(why) = stage.restore(saved) {
            return Err(failed(format!(
                "the state at offset {next} cannot be restored: {why}; use another --group for \
                 each command"
            )));
        }
        let is_replaying = next < live_from;
        stage.replaying(is_replaying);
        let mut task = Self {
            stage,
            limits,
            next,
            live_from,
            group_offset,
            is_replaying,
            end,
            checkpoints: Checkpoints::new(checkpoint, limits.replay),
            parts: parts.live.iter().map(|(id, _)| *id).collect(),
            leftovers: parts.leftovers,
            emitted_end,
            has_changed: is_start_to_commit,
            out: Out::default(),
            replayed: Tally::new(),
        };
        if !is_replaying {
            task.replayed = task.stage.tally();
        }
        Ok(task)
    }

    /// The offset of the next record.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Whether the committed position is another one than this task has committed or was restored from: then
    /// another member has processed records of the partition.
    pub(crate) fn is_behind(&self, committed: Option<&Position>) -> bool {
        committed.is_some_and(|position| Some(position.offset) != self.group_offset)
    }

    /// The offset that the group has committed, if there is one.
    pub(crate) fn group_offset(&self) -> Option<i64> {
        self.group_offset
    }

    /// The end of the partition at the restore.
    pub(crate) fn end_at_restore(&self) -> i64 {
        self.end
    }

    /// Whether output is suppressed.
    pub(crate) fn is_replaying(&self) -> bool {
        self.is_replaying
    }

    /// Whether there is something to commit.
    pub(crate) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Number of records that a replay would have now.
    pub(crate) fn replay_distance(&self) -> u64 {
        self.next.saturating_sub(self.checkpoints.low()).unsigned_abs()
    }

    /// The counts of the stage: those of new records, and values that increase and decrease.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = self.stage.tally();
        for (key, value) in &mut tally {
            if is_counter(key) {
                *value = match self.is_replaying {
                    true => 0.0,
                    false => *value - self.replayed.get(key).copied().unwrap_or_default(),
                };
            }
        }
        tally
    }

    /// The end of the partition is reached, and this is the position there.
    ///
    /// Markers of transactions may be before it. It is committed: the offset after the last record would be one that
    /// retention deletes although no record is lost.
    pub(crate) fn advance(&mut self, position: i64) {
        if position > self.next && position >= self.live_from {
            self.end_replay();
            self.skip_to(position);
            self.has_changed = true;
        }
    }

    /// There is no record from the next offset to this one: the state is the same at both.
    fn skip_to(&mut self, position: i64) {
        self.checkpoints.skip(self.next, position);
        self.next = position;
    }

    /// Puts models into use.
    pub(crate) fn apply_models(&mut self, models: &[RecordRef<'_>]) {
        self.stage.on_batch(models, &mut Out::default());
    }

    /// Feeds frames in the order of their offsets. `delivered`: the offset of the last emitted record
    /// that was delivered to the topic from which they are read back.
    pub(crate) fn feed(&mut self, frames: &[Frame<'_>], delivered: Option<i64>) -> TaskOutput {
        let fed = frames.partition_point(|frame| (frame.position as i64) < self.next);
        let frames = &frames[fed..];
        let committed = frames.partition_point(|frame| (frame.position as i64) < self.live_from);
        let (replayed, new) = frames.split_at(committed);
        let mut output = TaskOutput::default();
        if !replayed.is_empty() {
            self.step(replayed, &mut Vec::new(), &mut output.joined, None);
            self.out.take();
        }
        if !new.is_empty() {
            self.end_replay();
            self.has_changed = true;
            let emitted_from = self.emitted_from(delivered);
            self.step(new, &mut output.refused, &mut output.joined, emitted_from);
            output.out = self.out.take();
        }
        output
    }

    fn end_replay(&mut self) {
        if self.is_replaying {
            self.is_replaying = false;
            self.stage.replaying(false);
            self.replayed = self.stage.tally();
        }
    }

    fn step(
        &mut self,
        frames: &[Frame<'_>],
        refused: &mut Vec<Refused>,
        found: &mut Vec<Joined>,
        emitted_from: Option<i64>,
    ) {
        if let Some(first) = frames.first() {
            self.skip_to(first.position as i64);
        }
        let fitting = remove_oversized(frames, self.limits.record_bytes, refused);
        let batch = parse(fitting.as_deref().unwrap_or(frames), S::TAKES, refused);
        found.extend(joined(S::RESTORE.joins, &batch, frames));
        self.stage.on_batch(&batch, &mut self.out);
        refused.extend(refused_by_stage(&mut self.out, frames));
        if let Some(last) = frames.last() {
            self.next = last.position as i64 + 1;
        }
        if self.checkpoints.count(frames.len()) {
            self.checkpoints.push(self.next, self.stage.checkpoint(), emitted_from);
        }
    }

    /// A lower bound of the offsets of the records emitted from now on: too low a bound only makes a
    /// restore read more.
    fn emitted_from(&self, delivered: Option<i64>) -> Option<i64> {
        self.emitted_end.map(|end| delivered.map_or(end, |offset| end.max(offset + 1)))
    }

    /// The changelog records to commit: parts of the state that no replay restores or that would
    /// make it too long, and tombstones.
    pub(crate) fn spill(&mut self) -> Vec<Change> {
        let next = self.next.unsigned_abs();
        let max = self.limits.replay;
        let is_long = self.replay_distance() > max;
        let oldest = if is_long { next.saturating_sub(max / 2) } else { 0 };
        let leftovers = self.leftovers.drain(..).map(|id| Change { id, text: None });
        let mut changes: Vec<Change> = leftovers.collect();
        changes.extend(self.stage.spill(Limit { oldest, next, max_parts: MAX_PARTS }));
        for Change { id, text } in &changes {
            match text {
                Some(_) => self.parts.insert(*id),
                None => self.parts.remove(id),
            };
        }
        changes
    }

    /// The metadata to commit, after [`Task::spill`]. `delivered` as in [`Task::feed`].
    pub(crate) fn metadata(&mut self, delivered: Option<i64>) -> Metadata {
        let emitted_from = self.emitted_from(delivered);
        let checkpoint = self.checkpoints.choose(&self.stage, self.next, emitted_from);
        let options = self.stage.output_options();
        Metadata { checkpoint, parts: self.parts.len(), options }
    }

    /// The text of a checkpoint is stored in the changelog now.
    pub(crate) fn stored(&mut self, checkpoint: &Checkpoint) {
        self.checkpoints.replace(checkpoint);
    }

    /// The next offset and this checkpoint are committed.
    pub(crate) fn committed(&mut self, checkpoint: &Checkpoint) {
        self.has_changed = false;
        self.live_from = self.next;
        self.group_offset = Some(self.next);
        self.checkpoints.remove_before(checkpoint.offset);
        self.stage.committed(checkpoint.offset.unsigned_abs());
    }
}
