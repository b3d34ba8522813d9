//! One partition of the input, and the stage that lives on it.
//!
//! The state of a stage is a function of its input, so the input is the backup: a checkpoint is
//! an offset and the stage's mark there, and what is committed is the newest checkpoint from
//! which a replay finds the same state.

use std::io;

use super::place::{MOST_METADATA, Mark, Start};
use super::trouble::failed;
use crate::stage::{Out, Outgoing, Recover};
use crate::stream::{Frame, Refused, parse};

/// Records between two checkpoints.
const STRIDE: u64 = 10_000;
/// Checkpoints that are kept; beyond, the older ones are thinned out.
const MOST_CHECKPOINTS: usize = 64;
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
pub(super) struct Said {
    pub(super) out: Vec<Outgoing>,
    pub(super) refused: Vec<Refused>,
}

/// A stage on a partition.
pub(super) struct Task<S> {
    stage: S,
    /// The first offset that was not fed yet.
    next: i64,
    /// Offsets below were answered in an earlier life.
    spoken: i64,
    silent: bool,
    checkpoints: Vec<Checkpoint>,
    since: u64,
    stride: u64,
    /// Records read in silence so far.
    pub(super) replayed: u64,
    /// Whether `next` moved since the last commit.
    moved: bool,
    out: Out,
}

impl<S: Recover> Task<S> {
    /// A stage that will find the state of `start` again, whose mark is `mark`, and speaks from
    /// the offset `spoken` on.
    pub(super) fn new(stage: S, start: &Start, mark: &str, spoken: i64) -> io::Result<Self> {
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
            replayed: 0,
            moved: false,
            out: Out::default(),
        };
        if !task.stage.resume(mark) {
            return Err(failed(format!(
                "the mark of offset {} is none of this command's: was the group used by another?",
                start.low
            )));
        }
        task.stage.silence(task.silent);
        Ok(task)
    }

    pub(super) fn stage(&self) -> &S {
        &self.stage
    }

    pub(super) fn stage_mut(&mut self) -> &mut S {
        &mut self.stage
    }

    pub(super) fn next(&self) -> i64 {
        self.next
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(super) fn has_moved(&self) -> bool {
        self.moved
    }

    /// Records that a replay would read now.
    pub(super) fn distance(&self) -> u64 {
        let low = self.checkpoints.first().map_or(self.next, |first| first.position);
        self.next.saturating_sub(low).unsigned_abs()
    }

    /// Feeds frames in the order of their offsets. `back`: what is said from now on is read back
    /// from there at the earliest.
    pub(super) fn feed(&mut self, frames: &[Frame<'_>], back: Option<i64>) -> Said {
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
    pub(super) fn speak(&mut self) {
        if self.silent {
            self.silent = false;
            self.stage.silence(false);
        }
    }

    fn step(&mut self, frames: &[Frame<'_>], refused: &mut Vec<Refused>, back: Option<i64>) {
        let batch = parse(frames, S::TAKES, refused);
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
        let mark = self.stage.mark();
        self.remember(mark, back);
    }

    fn remember(&mut self, mark: String, back: Option<i64>) {
        self.since = 0;
        // Long marks are made more seldom, so that they cost a record no more.
        self.stride = STRIDE.max(mark.len() as u64 / BYTES_A_RECORD);
        let back = back.or(self.checkpoints.first().and_then(|first| first.back));
        self.checkpoints.push(Checkpoint { position: self.next, mark: Mark::Here(mark), back });
        if self.checkpoints.len() > MOST_CHECKPOINTS {
            self.thin_out();
        }
    }

    /// Halves the older checkpoints: those of long ago end up far apart, the last ones close.
    fn thin_out(&mut self) {
        let recent = self.checkpoints.len() - MOST_CHECKPOINTS / 4;
        let mut index = 0;
        self.checkpoints.retain(|_| {
            index += 1;
            index > recent || index % 2 == 1
        });
    }

    /// The checkpoint to be committed: the newest from which a replay finds this state.
    fn chosen(&mut self, back: Option<i64>) -> usize {
        let needed = self.stage.oldest_needed();
        if needed.is_none() && self.checkpoints.last().is_none_or(|it| it.position < self.next) {
            let mark = self.stage.mark();
            if mark.len() <= SHORT_MARK {
                self.remember(mark, back);
            }
        }
        let needed = needed.map_or(self.next, |needed| needed as i64);
        let good = |it: &Checkpoint| {
            it.position <= needed && self.stage.can_start(it.position.unsigned_abs())
        };
        self.checkpoints.iter().rposition(good).unwrap_or(0)
    }

    /// Where a replay should start that finds this state again.
    pub(super) fn start(&mut self, back: Option<i64>) -> Start {
        let chosen = self.chosen(back);
        let it = &self.checkpoints[chosen];
        Start { low: it.position, mark: it.mark.clone(), back: it.back }
    }

    /// The start's mark was kept elsewhere.
    pub(super) fn kept(&mut self, start: &Start) {
        let same = |it: &&mut Checkpoint| it.position == start.low;
        if let Some(checkpoint) = self.checkpoints.iter_mut().find(same) {
            checkpoint.mark = start.mark.clone();
        }
    }

    /// The position and that start are committed.
    pub(super) fn committed(&mut self, start: &Start) {
        self.moved = false;
        self.checkpoints.retain(|it| it.position >= start.low);
        self.stage.forget_before(start.low.unsigned_abs());
    }
}

/// Whether the metadata with this mark would be too long.
pub(super) fn is_long(start: &Start, partitions: i32) -> bool {
    start.note(partitions).len() > MOST_METADATA
}
