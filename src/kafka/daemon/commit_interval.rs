//! The time between two commits.

use std::time::Duration;

/// With a backlog, the interval is at least this many times the duration of the last commit: nothing is processed
/// during a commit, so commits take at most 5 % of the time.
const TIMES: u32 = 20;
/// The longest interval that a backlog causes.
const LONGEST: Duration = Duration::from_secs(1);

/// The time between two commits: `--tick`, and longer while there is a backlog, whose records are late anyway.
#[derive(Clone, Copy)]
pub(crate) struct CommitInterval {
    tick: Duration,
    /// The duration of the last commit.
    last: Duration,
}

impl CommitInterval {
    pub(crate) fn new(tick: Duration) -> Self {
        Self { tick, last: Duration::ZERO }
    }

    /// A commit took `last`.
    pub(crate) fn committed(&mut self, last: Duration) {
        self.last = last;
    }

    /// The interval. `has_backlog`: more records can be processed without waiting for them.
    pub(crate) fn get(&self, has_backlog: bool) -> Duration {
        let by_commits =
            if has_backlog { (self.last * TIMES).min(LONGEST) } else { Duration::ZERO };
        self.tick.max(by_commits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At most a twentieth of the time is spent in commits with a backlog; without one, or after slow commits, the
    /// interval is bounded.
    #[test]
    fn a_backlog_lengthens_the_interval_up_to_a_second() {
        let millis = Duration::from_millis;
        let mut interval = CommitInterval::new(millis(200));
        assert_eq!(interval.get(true), millis(200));
        for (last, with_backlog) in [(2, 200), (10, 200), (20, 400), (49, 980), (70_000, 1000)] {
            interval.committed(millis(last));
            assert_eq!(interval.get(true), millis(with_backlog), "{last} ms");
            assert_eq!(interval.get(false), millis(200));
        }
        let mut rare = CommitInterval::new(millis(5000));
        rare.committed(millis(300));
        assert_eq!(rare.get(true), millis(5000));
    }
}
