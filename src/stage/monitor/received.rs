//! Counts the stats of a window that existed at a given event time of a source.
//!
//! A stat exists from the time that the clock of its source had when the cascade ended. Clocks of different sources
//! cannot be compared, so the count is a lower bound: the stats that were received up to the last stat of this source
//! with an earlier time.

use std::collections::HashMap;

/// The number of times of a source that are all kept. At twice this number every second one is dropped, so that older
/// times are sparser.
const KEPT: usize = 8_192;

/// The number of sources that are held; for those of further ones the lower bound is 0.
const SOURCES: usize = 100_000;

/// For each source, times in ascending order, and the number of stats of all sources up to the last one of each
/// time.
#[derive(Debug, Default)]
pub(super) struct Received(HashMap<String, Vec<(f64, u64)>>);

impl Received {
    /// Adds a stat of that time, received after `before` others.
    pub(super) fn add(&mut self, source: &str, t: f64, before: u64) {
        if !self.0.contains_key(source) {
            if self.0.len() == SOURCES {
                return;
            }
            self.0.insert(source.to_owned(), Vec::new());
        }
        let Some(times) = self.0.get_mut(source) else { return };
        let received = before + 1;
        match times.last_mut() {
            Some((newest, count)) if t == *newest => *count = received,
            Some((newest, _)) if t < *newest => {}
            _ => times.push((t, received)),
        }
        if times.len() == 2 * KEPT {
            let mut place = 0;
            times.retain(|_| {
                place += 1;
                place % 2 == 0
            });
        }
    }

    /// The number of stats that existed for certain when the source's clock reached `t`.
    pub(super) fn before(&self, source: &str, t: f64) -> u64 {
        let Some(times) = self.0.get(source) else { return 0 };
        let not_before = times.partition_point(|(time, _)| *time < t);
        not_before.checked_sub(1).map_or(0, |place| times[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::seeded_rng;
    use crate::replay::testing::below;

    /// The stats received up to the last one of the source before `t`, counted one by one.
    fn counted(stats: &[(&str, f64)], source: &str, t: f64) -> u64 {
        let last = stats.iter().rposition(|(of, time)| *of == source && *time < t);
        last.map_or(0, |place| place as u64 + 1)
    }

    #[test]
    fn no_stat_later_than_the_time_is_counted_whatever_the_sources() {
        for seed in 0..50 {
            let rng = &mut seeded_rng(seed, 1);
            let names = &["a", "b", "c", "d", "e"][..=seed as usize % 5];
            let mut clocks = [0.0; 5];
            let mut stats = Vec::new();
            let mut received = Received::default();
            for before in 0..300 {
                let which = below(rng, names.len() as u64) as usize;
                clocks[which] += below(rng, 4) as f64;
                received.add(names[which], clocks[which], before);
                stats.push((names[which], clocks[which]));
                for name in ["a", "b", "c", "d", "e"] {
                    let t = below(rng, 300) as f64 - 1.0;
                    assert_eq!(
                        received.before(name, t),
                        counted(&stats, name, t),
                        "seed {seed}, {name}, {t}"
                    );
                }
            }
        }
    }

    #[test]
    fn of_many_times_the_oldest_are_sparse_and_none_counts_more() {
        let all = 5 * KEPT as u64;
        let mut received = Received::default();
        (0..all).for_each(|before| received.add("a", before as f64, before));
        assert!(received.0["a"].len() < 2 * KEPT);
        for t in 0..all {
            let (counted, exact) = (received.before("a", t as f64 + 0.5), t + 1);
            assert!(counted <= exact, "{counted} of {exact}");
            assert!(t < all - KEPT as u64 || counted + 1 >= exact, "{counted} of {exact}");
        }
    }
}
