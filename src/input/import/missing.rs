//! Reposts whose original is not in the input.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use crate::cascade::numbers::grouped;

/// What to do with reposts whose original is not in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingRoot {
    /// Emit the original that the repost contains; drop reposts without one.
    Embedded,
    /// The first repost is the root of the cascade, in place of the original.
    First,
    /// Drop them.
    Drop,
}

impl FromStr for MissingRoot {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "embedded" => Ok(Self::Embedded),
            "first" => Ok(Self::First),
            "drop" => Ok(Self::Drop),
            _ => Err(format!("{name:?} is none of embedded, first and drop")),
        }
    }
}

impl fmt::Display for MissingRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::First => "first",
            Self::Drop => "drop",
        })
    }
}

/// Numbers of reposts without a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MissingCounts {
    /// Reposts whose root was missing when they were read.
    pub(super) missing: u64,
    /// Roots that were made from reposts.
    pub(super) made: u64,
    /// Roots that were made from originals without a number of followers.
    pub(super) unmarked: u64,
    /// Reposts that were dropped.
    pub(super) dropped: u64,
}

impl MissingCounts {
    /// The counts in a sentence; `None` where no root is missing.
    ///
    /// The remedy is left out where the originals come later in the input.
    pub(super) fn report(
        &self,
        choice: MissingRoot,
        reposts: u64,
        come_later: bool,
    ) -> Option<String> {
        if self.missing == 0 {
            return None;
        }
        let [missing, made, dropped, all] =
            [self.missing, self.made, self.dropped, reposts].map(grouped);
        let mut text = format!("{missing} of {all} reposts had no root");
        match choice {
            MissingRoot::Embedded if self.made > 0 => {
                text +=
                    &format!("; the originals that they contain are the roots of {made} cascades");
            }
            MissingRoot::First if self.made > 0 => {
                text += &format!("; the first repost of each is the root of {made} cascades");
            }
            _ => {}
        }
        if self.unmarked > 0 {
            text += &format!(
                "; {} of these have no number of followers, so that their mark is 1 (X API v2: request the expansion \
                 referenced_tweets.id.author_id)",
                grouped(self.unmarked)
            );
        }
        if self.dropped > 0 {
            text += &match choice {
                MissingRoot::Embedded => {
                    format!("; {dropped} were dropped, because they contain no original")
                }
                _ => format!("; {dropped} were dropped"),
            };
            if !come_later {
                text += match choice {
                    MissingRoot::Drop => {
                        "; --missing-root embedded takes the originals that they contain, first lets the first repost of \
                         each stand for it"
                    }
                    _ => "; --missing-root first lets the first repost of each stand for it",
                };
            }
        }
        Some(text)
    }
}

/// Ids per generation of [`RecentIds`]; a generation takes 20 MB.
const GENERATION: usize = 1_500_000;

/// The ids used most recently, as hashes: two generations, of which the older one is discarded when the newer is
/// full. An id that is used again moves to the newer one.
pub(super) struct RecentIds {
    key: RandomState,
    newer: HashSet<u64>,
    older: HashSet<u64>,
    capacity: usize,
}

impl Default for RecentIds {
    fn default() -> Self {
        Self::new(GENERATION)
    }
}

impl RecentIds {
    pub(super) fn new(capacity: usize) -> Self {
        let key = RandomState::new();
        Self { key, newer: HashSet::new(), older: HashSet::new(), capacity }
    }

    /// Whether the id was inserted and is not discarded.
    pub(super) fn contains(&mut self, id: &str) -> bool {
        let hash = self.key.hash_one(id);
        if self.newer.contains(&hash) {
            return true;
        }
        let found = self.older.contains(&hash);
        if found {
            self.add(hash);
        }
        found
    }

    pub(super) fn insert(&mut self, id: &str) {
        self.add(self.key.hash_one(id));
    }

    fn add(&mut self, hash: u64) {
        if self.newer.len() >= self.capacity {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_use_stay_and_memory_is_bounded() {
        let mut ids = RecentIds::new(100);
        ids.insert("in use");
        for i in 0..10_000_u32 {
            ids.insert(&i.to_string());
            assert!(ids.newer.len() <= 100 && ids.older.len() <= 100);
            assert!(ids.contains(&i.saturating_sub(30).to_string()), "{i}");
            if i % 20 == 0 {
                assert!(ids.contains("in use"), "{i}");
            }
        }
        assert!(!ids.contains("5") && !ids.contains("other"));
    }

    #[test]
    fn the_counts_are_reported_with_the_remedy() {
        let counts = MissingCounts { missing: 54_063, dropped: 54_063, ..Default::default() };
        assert_eq!(
            counts.report(MissingRoot::Drop, 54_063, false).as_deref(),
            Some(
                "54,063 of 54,063 reposts had no root; 54,063 were dropped; \
                 --missing-root embedded takes the originals that they contain, first lets the first repost of each \
                 stand for it"
            )
        );
        let counts = MissingCounts { missing: 3, made: 2, unmarked: 1, dropped: 0 };
        assert_eq!(
            counts.report(MissingRoot::Embedded, 7, false).as_deref(),
            Some(
                "3 of 7 reposts had no root; the originals that they contain are the roots of 2 cascades; 1 of these have no \
                 number of followers, so that their mark is 1 (X API v2: request the expansion \
                 referenced_tweets.id.author_id)"
            )
        );
        assert_eq!(MissingCounts::default().report(MissingRoot::Drop, 7, false), None);
    }
}
