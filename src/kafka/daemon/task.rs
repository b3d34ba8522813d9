//! One partition of the input, and the stage that lives on it.
//!
//! The state of a stage is a function of its input, so the input is the backup: a checkpoint is
//! an offset and the stage's mark there, and what is committed is the newest checkpoint from
//! which a replay finds the same state.

use std::collections::BTreeSet;
use std::io;

use crate::input::blocks::{HEAD, MAX_TWEET_BYTES, max_line_bytes};
use crate::kafka::client::errors::failed;
use crate::kafka::restore::checkpoint::{MOST_METADATA, Mark, Start};
use crate::record::Refusal;
use crate::stage::{Change, Limit, Out, Outgoing, Recover, Saved};
use crate::stream::{Frame, Refused, parse};

/// Records between two checkpoints.
const STRIDE: u64 = 10_000;
/// Checkpoints that are kept; beyond, they are thinned out.
const MOST_CHECKPOINTS: usize = 64;
/// So many checkpoints lie within the longest replay, if there are not more.
const CHECKPOINTS_A_REPLAY: u64 = 8;
/// So many parts of the state are set aside in one transaction.
const MOST_ASIDE: usize = 10_000;
/// Bytes of a mark that a record may cost.
const BYTES_A_RECORD: u64 = 16;
/// A mark of more bytes is not made for every commit, but at checkpoints alone.
const SHORT_MARK: usize = 1024;

/// A place from which a replay can start.
struct Checkpoint {
    position: i64,
    mark: Mark,
    back: Option<i64>,
}

/// What a task says of the records it was given.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) out: Vec<Outgoing>,
    pub(crate) refused: Vec<Refused>,
}

/// A stage on a partition.
pub(crate) struct Task<S> {
    stage: S,
    /// The first offset that was not fed yet.
    next: i64,
    /// Offsets below were answered in an earlier life.
    spoken: i64,
    silent: bool,
    checkpoints: Vec<Checkpoint>,
    since: u64,
    stride: u64,
    /// Beyond this replay, parts of the state are set aside.
    max_replay: u64,
    /// The live parts of the changelog after the next commit.
    parts: BTreeSet<u64>,
    /// Parts that an earlier group of this name left: tombstones follow with the next commit.
    leftovers: Vec<u64>,
    /// Bytes that a record may have.
    longest: usize,
    /// Records read in silence so far.
    pub(crate) replayed: u64,
    /// Whether `next` moved since the last commit.
    moved: bool,
    out: Out,
}

impl<S: Recover> Task<S> {
    /// A stage that restores the state of `start` from what is saved, and whose output is
    /// suppressed before the offset `spoken`.
    pub(crate) fn new(stage: S, start: &Start, saved: Saved<'_>, spoken: i64) -> io::Result<Self> {
        let mut task = Self {
            stage,
            next: start.low,
            spoken,
            silent: start.low < spoken,
            checkpoints: vec![Checkpoint {
                position: start.low,
                mark: start.mark.clone(),
                back: start.back,
            }],
            since: 0,
            stride: STRIDE,
            max_replay: u64::MAX,
            parts: saved.parts.iter().map(|(id, _)| *id).collect(),
            leftovers: Vec::new(),
            longest: usize::MAX,
            replayed: 0,
            moved: false,
            out: Out::default(),
        };
        if let Err(why) = task.stage.restore(saved) {
            return Err(failed(format!(
                "the state of offset {} cannot be restored: {why}; did two commands use one group?",
                start.low
            )));
        }
        task.stage.replaying(task.silent);
        Ok(task)
    }

    /// From now on, keeps a replay to about that many records.
    pub(crate) fn keep_short(&mut self, max_replay: u64) {
        self.max_replay = max_replay;
        self.stride = self.stride_of(0);
    }

    /// From now on, refuses longer records.
    pub(crate) fn refuse_longer(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Records between two checkpoints, where marks are so long: long ones are made more seldom,
    /// so that they cost a record no more.
    fn stride_of(&self, mark: usize) -> u64 {
        let stride = STRIDE.min(self.max_replay / CHECKPOINTS_A_REPLAY).max(1);
        stride.max(mark as u64 / BYTES_A_RECORD)
    }

    pub(crate) fn stage(&self) -> &S {
        &self.stage
    }

    pub(crate) fn stage_mut(&mut self) -> &mut S {
        &mut self.stage
    }

    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(crate) fn has_moved(&self) -> bool {
        self.moved
    }

    /// Records that a replay would read now.
    pub(crate) fn distance(&self) -> u64 {
        self.next.saturating_sub(self.low()).unsigned_abs()
    }

    /// Feeds frames in the order of their offsets. `back`: what is said from now on is read back
    /// from there at the earliest.
    pub(crate) fn feed(&mut self, frames: &[Frame<'_>], back: Option<i64>) -> Said {
        let fresh = frames.partition_point(|frame| (frame.position as i64) < self.next);
        let frames = &frames[fresh..];
        let heard = frames.partition_point(|frame| (frame.position as i64) < self.spoken);
        let (before, now) = frames.split_at(heard);
        let mut said = Said::default();
        if !before.is_empty() {
            self.replayed += before.len() as u64;
            self.step(before, &mut Vec::new(), None);
            self.out.take();
        }
        if !now.is_empty() {
            self.speak();
            self.moved = true;
            self.step(now, &mut said.refused, back);
            said.out = self.out.take();
        }
        said
    }

    /// The replay is over, by a record beyond it or by the end of the partition.
    pub(crate) fn speak(&mut self) {
        if self.silent {
            self.silent = false;
            self.stage.replaying(false);
        }
    }

    fn step(&mut self, frames: &[Frame<'_>], refused: &mut Vec<Refused>, back: Option<i64>) {
        let long = |frame: &&Frame<'_>| too_long(frame.bytes, self.longest).is_some();
        let fit: Vec<Frame<'_>>;
        let mut readable = frames;
        if frames.iter().any(|frame| long(&frame)) {
            let refusals = frames.iter().filter(long).filter_map(|it| {
                let kept = it.bytes[..it.bytes.len().min(HEAD)].to_vec();
                Some((it.position, kept, too_long(it.bytes, self.longest)?))
            });
            refused.extend(refusals);
            fit = frames.iter().filter(|frame| !long(frame)).copied().collect();
            readable = &fit;
        }
        let batch = parse(readable, S::TAKES, refused);
        self.stage.on_batch(&batch, &mut self.out);
        if let Some(last) = frames.last() {
            self.next = last.position as i64 + 1;
        }
        self.since += frames.len() as u64;
        if self.since >= self.stride {
            self.checkpoint(back);
        }
    }

    /// What was said before this place stands at or after the first checkpoint's `back`; what is
    /// said after it, at or after `back`. A replay knows no better than its own start.
    fn checkpoint(&mut self, back: Option<i64>) {
        let mark = self.stage.checkpoint();
        self.remember(mark, back);
    }

    fn remember(&mut self, mark: String, back: Option<i64>) {
        self.since = 0;
        self.stride = self.stride_of(mark.len());
        let back = back.or(self.checkpoints.first().and_then(|first| first.back));
        self.checkpoints.push(Checkpoint { position: self.next, mark: Mark::Here(mark), back });
        if self.checkpoints.len() > MOST_CHECKPOINTS {
            self.thin_out();
        }
    }

    /// Lets the checkpoint go whose loss lengthens a replay least, in proportion to its length:
    /// the last ones stay close together, those of long ago end up far apart.
    fn thin_out(&mut self) {
        let gap = |at: &[Checkpoint]| {
            let (before, after) = (at[0].position, at[2].position);
            (after - before) as f64 / (self.next - before).max(1) as f64
        };
        let gaps = self.checkpoints.windows(3).map(gap).zip(1..);
        if let Some((_, least)) = gaps.min_by(|a, b| a.0.total_cmp(&b.0)) {
            self.checkpoints.remove(least);
        }
    }

    /// The changelog records to commit: parts of the state that no replay restores or that would
    /// make it too long, and tombstones.
    pub(crate) fn spill(&mut self) -> Vec<Change> {
        let next = self.next.unsigned_abs();
        let long = self.distance() > self.max_replay;
        let oldest = if long { next.saturating_sub(self.max_replay / 2) } else { 0 };
        let leftovers = self.leftovers.drain(..).map(|id| Change { id, text: None });
        let mut changes: Vec<Change> = leftovers.collect();
        changes.extend(self.stage.spill(Limit { oldest, next, max_parts: MOST_ASIDE }));
        for Change { id, text } in &changes {
            match text {
                Some(_) => self.parts.insert(*id),
                None => self.parts.remove(id),
            };
        }
        changes
    }

    /// The low watermark that was committed last: replays start there or later.
    fn low(&self) -> i64 {
        self.checkpoints.first().map_or(self.next, |first| first.position)
    }

    /// Parts of the changelog that an earlier group of that name left.
    pub(crate) fn delete_leftovers(&mut self, leftovers: Vec<u64>) {
        self.leftovers = leftovers;
    }

    /// The checkpoint to be committed: the newest from which a replay finds this state.
    fn chosen(&mut self, back: Option<i64>) -> usize {
        let mut offered: Vec<u64> =
            self.checkpoints.iter().map(|it| it.position.unsigned_abs()).collect();
        let next = self.next.unsigned_abs();
        if offered.last().is_none_or(|last| *last < next) {
            offered.push(next);
        }
        let mut place = self.stage.replay_start(&offered);
        if place == Some(self.checkpoints.len()) {
            // The state depends on no earlier input: a short checkpoint is made for this commit.
            let mark = self.stage.checkpoint();
            if mark.len() <= SHORT_MARK {
                self.remember(mark, back);
                return self.checkpoints.len() - 1;
            }
            offered.pop();
            place = self.stage.replay_start(&offered);
        }
        place.unwrap_or(0)
    }

    /// Where a replay should start that finds this state again.
    pub(crate) fn start(&mut self, back: Option<i64>) -> Start {
        let chosen = self.chosen(back);
        let it = &self.checkpoints[chosen];
        let aside = self.parts.len();
        Start { low: it.position, mark: it.mark.clone(), back: it.back, aside }
    }

    /// The start's mark was kept elsewhere.
    pub(crate) fn kept(&mut self, start: &Start) {
        let same = |it: &&mut Checkpoint| it.position == start.low;
        if let Some(checkpoint) = self.checkpoints.iter_mut().find(same) {
            checkpoint.mark = start.mark.clone();
        }
    }

    /// The position and that start are committed.
    pub(crate) fn committed(&mut self, start: &Start) {
        self.moved = false;
        self.checkpoints.retain(|it| it.position >= start.low);
        self.stage.committed(start.low.unsigned_abs());
    }
}

/// Why a record is refused unread: it is larger than any honest one, or than is wanted.
pub(crate) fn too_long(bytes: &[u8], longest: usize) -> Option<Refusal> {
    if bytes.len() <= MAX_TWEET_BYTES.min(longest) {
        return None;
    }
    let most = max_line_bytes(bytes, longest);
    let text = || format!("the record has {} bytes, more than the {most} that it may", bytes.len());
    (bytes.len() > most).then(|| Refusal::new("size", text()))
}

/// Whether the metadata with this mark would be too long.
pub(crate) fn is_long(start: &Start, partitions: i32) -> bool {
    start.note(partitions).len() > MOST_METADATA
}
