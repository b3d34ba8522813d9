//! A coordinator that gives old positions after an outage.

use std::collections::BTreeMap;

use chacha20::ChaCha8Rng;

use crate::kafka::client::records::Position;
use crate::replay::testing::below;

type ByPartition = BTreeMap<i32, Position>;

/// The positions of the past, and those that the coordinator gives while it loads its log.
#[derive(Default)]
pub(super) struct OldPositions {
    /// Time for which old positions are given, at most.
    pub(super) longest: u64,
    /// The positions after each commit.
    history: Vec<ByPartition>,
    /// The positions that are given, and until when.
    given: Option<(ByPartition, u64)>,
    /// Number of answers with old positions.
    pub(super) answers: u64,
}

impl OldPositions {
    /// These positions are committed; `all` are the committed ones.
    pub(super) fn committed(&mut self, positions: &ByPartition, all: &ByPartition) {
        if let Some((given, _)) = &mut self.given {
            given.extend(positions.clone());
        }
        self.history.push(all.clone());
    }

    /// The brokers fail until a time: later the coordinator may give old positions, or none.
    ///
    /// It does so once: a second time could confirm the positions of the first one.
    pub(super) fn failed(&mut self, until: u64, rng: &mut ChaCha8Rng) {
        let count = self.history.len() as u64;
        if count == 0 || self.given.is_some() || below(rng, 2) > 0 {
            return;
        }
        let loaded = below(rng, count) as usize;
        let end = until + 1 + below(rng, self.longest);
        let positions = match below(rng, 3) {
            0 => BTreeMap::new(),
            _ => self.history[loaded].clone(),
        };
        self.given = Some((positions, end));
    }

    /// The positions of an answer at this time.
    pub(super) fn answer<'a>(&'a mut self, now: u64, all: &'a ByPartition) -> &'a ByPartition {
        match &self.given {
            Some((given, until)) if now < *until => {
                self.answers += 1;
                given
            }
            _ => all,
        }
    }

    /// Whether a state may be that of an old position, which is not noticed yet.
    pub(super) fn may_be_in_use(&self, now: u64) -> bool {
        self.given.as_ref().is_some_and(|(_, until)| now < *until + 20)
    }
}
