//! The checkpoints of one partition in memory, from which the next commit takes its low watermark.

use crate::kafka::restore::checkpoint::{Checkpoint, CheckpointText};
use crate::stage::Recover;

/// Number of records between two checkpoints.
const INTERVAL: u64 = 10_000;
/// Number of checkpoints in memory, at most.
const MAX_CHECKPOINTS: usize = 64;
/// Number of checkpoints within the longest replay, at least.
const CHECKPOINTS_PER_REPLAY: u64 = 8;
/// Number of bytes of checkpoint text per record, at most: longer checkpoints are made less often.
const BYTES_PER_RECORD: u64 = 16;
/// Number of bytes up to which a checkpoint is made for a single commit.
const SHORT_TEXT: usize = 1024;

/// Checkpoints in the order of their offsets; at least one.
pub(crate) struct Checkpoints {
    all: Vec<Checkpoint>,
    /// Number of records since the last checkpoint, and up to the next one.
    since: u64,
    interval: u64,
    /// Number of records that a replay should have, at most.
    max_replay: u64,
}

impl Checkpoints {
    pub(crate) fn new(first: Checkpoint, max_replay: u64) -> Self {
        Self { all: vec![first], since: 0, interval: interval(max_replay, 0), max_replay }
    }

    /// The low watermark: replays start here or later.
    pub(crate) fn low(&self) -> i64 {
        self.all[0].offset
    }

    /// Counts records; returns whether a checkpoint is due.
    pub(crate) fn count(&mut self, records: usize) -> bool {
        self.since += records as u64;
        self.since >= self.interval
    }

    /// Adds the checkpoint `text` at the offset `next`.
    ///
    /// Records emitted before a checkpoint are in their topic from the `emitted_from` of the first
    /// checkpoint on, records emitted after it from its own `emitted_from` on. During a replay
    /// that is the one of the first checkpoint.
    pub(crate) fn push(&mut self, next: i64, text: String, emitted_from: Option<i64>) {
        self.since = 0;
        self.interval = interval(self.max_replay, text.len());
        let emitted_from = emitted_from.or(self.all[0].emitted_from);
        let text = CheckpointText::Inline(text);
        self.all.push(Checkpoint { offset: next, text, emitted_from });
        if self.all.len() > MAX_CHECKPOINTS {
            self.thin_out(next);
        }
    }

    /// There is no record from `next` to `position`: a checkpoint at `next` is one at `position`, too. The offset of a
    /// checkpoint may be that of a marker of a transaction, which retention deletes although no record is lost.
    pub(crate) fn skip(&mut self, next: i64, position: i64) {
        if let Some(last) = self.all.last_mut().filter(|last| last.offset == next) {
            last.offset = position;
        }
    }

    /// Removes the checkpoint whose loss makes a replay longer by the smallest part of its length:
    /// recent checkpoints stay close together, and old ones are far apart.
    fn thin_out(&mut self, next: i64) {
        let gap = |at: &[Checkpoint]| {
            let (before, after) = (at[0].offset, at[2].offset);
            (after - before) as f64 / (next - before).max(1) as f64
        };
        let gaps = self.all.windows(3).map(gap).zip(1..);
        if let Some((_, index)) = gaps.min_by(|a, b| a.0.total_cmp(&b.0)) {
            self.all.remove(index);
        }
    }

    /// The checkpoint to commit: the latest from which a replay up to `next` restores the state.
    pub(crate) fn choose<S: Recover>(
        &mut self,
        stage: &S,
        next: i64,
        emitted_from: Option<i64>,
    ) -> Checkpoint {
        let mut offered: Vec<u64> = self.all.iter().map(|it| it.offset.unsigned_abs()).collect();
        let end = next.unsigned_abs();
        if offered.last().is_none_or(|last| *last < end) {
            offered.push(end);
        }
        let mut index = stage.replay_start(&offered);
        if index == Some(self.all.len()) {
            // The state depends on no earlier input: a short checkpoint is made for this commit.
            let text = stage.checkpoint();
            if text.len() <= SHORT_TEXT {
                self.push(next, text, emitted_from);
                return self.all[self.all.len() - 1].clone();
            }
            offered.pop();
            index = stage.replay_start(&offered);
        }
        self.all[index.unwrap_or(0)].clone()
    }

    /// Replaces the text of the checkpoint at the same offset by where it is stored.
    pub(crate) fn replace(&mut self, stored: &Checkpoint) {
        if let Some(it) = self.all.iter_mut().find(|it| it.offset == stored.offset) {
            it.text = stored.text.clone();
        }
    }

    /// Removes the checkpoints before the one that was committed.
    pub(crate) fn remove_before(&mut self, committed: i64) {
        self.all.retain(|it| it.offset >= committed);
    }
}

/// Number of records between two checkpoints with a text of so many bytes.
fn interval(max_replay: u64, bytes: usize) -> u64 {
    let interval = INTERVAL.min(max_replay / CHECKPOINTS_PER_REPLAY).max(1);
    interval.max(bytes as u64 / BYTES_PER_RECORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoints(max_replay: u64) -> Checkpoints {
        let text = CheckpointText::Inline(String::new());
        Checkpoints::new(Checkpoint { offset: 0, text, emitted_from: Some(7) }, max_replay)
    }

    #[test]
    fn old_checkpoints_are_farther_apart_and_the_first_remains() {
        let mut all = checkpoints(u64::MAX);
        for i in 1..=1000 {
            all.push(10_000 * i, String::new(), None);
        }
        let offsets: Vec<i64> = all.all.iter().map(|it| it.offset).collect();
        assert_eq!((offsets.len(), offsets[0], offsets[63]), (MAX_CHECKPOINTS, 0, 10_000_000));
        assert!(all.all.iter().all(|it| it.emitted_from == Some(7)));
        let gaps: Vec<i64> = offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[1] >= 50 * gaps[62], "{gaps:?}");
        assert_eq!(gaps[62], 10_000);
    }

    #[test]
    fn a_checkpoint_is_due_by_the_longest_replay_and_by_the_length_of_its_text() {
        let mut all = checkpoints(40);
        assert!(!all.count(4) && all.count(1));
        all.push(5, "x".repeat(1600), None);
        assert!(!all.count(99) && all.count(1));
    }

    #[test]
    fn checkpoints_before_the_committed_one_are_removed() {
        let mut all = checkpoints(u64::MAX);
        (1..4).for_each(|i| all.push(i, String::new(), Some(i)));
        all.remove_before(2);
        assert_eq!(all.low(), 2);
        let text = CheckpointText::Stored { partition: 1, offset: 9 };
        all.replace(&Checkpoint { offset: 3, text: text.clone(), emitted_from: None });
        assert_eq!((&all.all[1].text, all.all[1].emitted_from), (&text, Some(3)));
    }
}
