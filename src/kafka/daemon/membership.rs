//! Whether each partition has a member.
//!
//! In the classic protocol, a static member that is killed after it has accepted the revocation of a partition, and
//! before it has joined the group again, returns without a rebalance: the group assumes that it is the same process,
//! and the partition that it gave up has no member until the next rebalance. A process with a stable id therefore asks
//! for the assignments of all members some time after its own. It joins again where the same partitions are missing
//! twice, without a change of its own assignment in between: during a rebalance, a revoked partition has no member for
//! a moment.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::kafka::client::interface::GroupConsumer;
use crate::kafka::client::topics::InputTopic;

/// Time from an assignment to the check, and between two checks.
const SETTLED: Duration = Duration::from_secs(3);

/// The check of the assignments of a group.
pub(crate) struct Membership {
    /// Whether this process has a stable id; otherwise nothing is checked.
    is_static: bool,
    /// When it is due, on the clock of the consumer.
    due: Option<Duration>,
    /// The partitions that were missing at the last check.
    missing: BTreeSet<i32>,
}

impl Membership {
    pub(crate) fn new(is_static: bool) -> Self {
        Self { is_static, due: None, missing: BTreeSet::new() }
    }

    /// The group has assigned or revoked partitions.
    pub(crate) fn changed(&mut self, clock: Duration) {
        self.due = self.is_static.then(|| clock + SETTLED);
        self.missing.clear();
    }

    /// Joins the group again where a partition has no member.
    pub(crate) fn check(&mut self, input: &InputTopic, consumer: &dyn GroupConsumer) {
        let clock = consumer.clock();
        if self.due.is_none_or(|due| clock < due) {
            return;
        }
        let Some(assigned) = consumer.assigned_to_members() else {
            return self.changed(clock);
        };
        let missing: BTreeSet<i32> =
            (0..input.partitions).filter(|partition| !assigned.contains(partition)).collect();
        if missing.is_empty() {
            self.due = None;
        } else if missing == self.missing {
            log::warn!(
                "topic {}: partitions {missing:?} have no member, because one was stopped during a rebalance; joining the \
                 group again",
                input.name
            );
            consumer.rejoin();
            self.changed(clock);
        } else {
            self.due = Some(clock + SETTLED);
            self.missing = missing;
        }
    }
}
