//! The partitions that the group assigns to this member, until their positions are located and confirmed.
//!
//! A group coordinator can answer with old positions, or with none, for a second or two after a failure: Apache Kafka
//! 4.1.1 does so if it loses and regains the leadership of a partition of `__consumer_offsets` during a load. The end of
//! the first load then marks the partition as loaded, although the second load has only begun. Therefore a position below
//! one that this process has seen is not accepted, and the position at which a state was restored is requested again
//! before anything is committed.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::kafka::client::clock::now;
use crate::kafka::client::errors::{Stopped, failed};
use crate::kafka::client::interface::{Brokers, GroupConsumer};
use crate::kafka::client::records::{Position, Positions};
use crate::kafka::client::settings::{Settings, TRANSACTION_TIMEOUT};

/// Timeout of one request for the committed positions.
const REQUEST: Duration = Duration::from_millis(500);
/// Time from a restore to the request that confirms its position.
const CONFIRM: Duration = Duration::from_millis(500);

/// How long a topic must be missing to count as deleted: the metadata of a broker that has just started may not contain
/// the topic yet.
const MISSING: Duration = Duration::from_secs(10);

/// The assignment of a member that has joined a group.
pub(crate) struct Assignment<'a> {
    settings: &'a Settings,
    topic: String,
    /// Assigned partitions whose positions are not located yet.
    pending: Option<Vec<i32>>,
    /// From when on, on the clock of the consumer, the committed positions can be compared with those of the states;
    /// `None` where they were compared. Until then nothing is committed.
    unchecked: Option<Duration>,
    /// The highest committed offset of each partition that this process has seen.
    known: BTreeMap<i32, i64>,
    /// Whether an old position was reported.
    is_old_reported: bool,
    /// Since when requests for the committed positions have failed.
    failing_since: Option<Instant>,
    /// Since when the brokers have not known the topic, on the clock of the consumer.
    missing_since: Option<Duration>,
    /// Since when the group has assigned nothing.
    unassigned_since: Option<Instant>,
    is_reported: bool,
}

impl<'a> Assignment<'a> {
    pub(crate) fn new(settings: &'a Settings, topic: &str) -> Self {
        let topic = topic.to_owned();
        Self {
            settings,
            topic,
            pending: None,
            unchecked: None,
            known: BTreeMap::new(),
            is_old_reported: false,
            failing_since: None,
            missing_since: None,
            unassigned_since: Some(now()),
            is_reported: false,
        }
    }

    /// The group assigned partitions, in addition to the earlier ones where assignments are incremental.
    pub(crate) fn assigned(&mut self, partitions: Vec<i32>, consumer: &dyn GroupConsumer) {
        match &mut self.pending {
            Some(pending) if consumer.is_cooperative() => pending.extend(partitions),
            pending => *pending = Some(partitions),
        }
        self.unchecked.get_or_insert(Duration::ZERO);
        (self.unassigned_since, self.is_reported) = (None, false);
    }

    /// The group revoked all partitions: another assignment follows.
    pub(crate) fn revoked_all(&mut self) {
        self.unassigned_since.get_or_insert_with(now);
    }

    /// Reports once that the group has assigned nothing within `--wait`; returns whether it did so.
    pub(crate) fn report_unassigned(&mut self, cause: impl Fn() -> Option<String>) -> bool {
        let Some(since) = self.unassigned_since else { return false };
        if since.elapsed() < self.settings.wait || self.is_reported {
            return false;
        }
        self.is_reported = true;
        log::warn!(
            "topic {}: group {} has assigned no partitions for {:.0} s, not even an empty list: \
             another member may hold up the rebalance, or the coordinator may be unavailable{}",
            self.topic,
            self.settings.group,
            since.elapsed().as_secs_f64(),
            cause().map(|it| format!(": {it}")).unwrap_or_default()
        );
        true
    }

    /// The group revoked partitions; others that were assigned with them remain to be located.
    pub(crate) fn revoked(&mut self, partitions: &[i32]) {
        if let Some(pending) = &mut self.pending {
            pending.retain(|partition| !partitions.contains(partition));
        }
        self.pending.take_if(|pending| pending.is_empty());
    }

    /// The positions of the assigned partitions are located.
    pub(crate) fn clear_pending(&mut self) {
        self.pending = None;
    }

    /// States were restored at this time on the clock of the consumer: their positions must be confirmed.
    pub(crate) fn restored(&mut self, clock: Duration) {
        self.unchecked = Some(clock + CONFIRM);
    }

    /// The committed positions are those of the states.
    pub(crate) fn checked(&mut self) {
        self.unchecked = None;
    }

    /// Whether the committed positions must be compared with those of the states before a commit.
    pub(crate) fn is_unchecked(&self) -> bool {
        self.unchecked.is_some()
    }

    /// Whether they can be compared now.
    pub(crate) fn is_check_due(&self, clock: Duration) -> bool {
        self.unchecked.is_some_and(|from| clock >= from)
    }

    /// The highest committed offset of each partition that this process has seen.
    pub(crate) fn known(&mut self) -> &mut BTreeMap<i32, i64> {
        &mut self.known
    }

    /// This member has committed these offsets.
    pub(crate) fn add_committed(&mut self, offsets: impl Iterator<Item = (i32, i64)>) {
        for (partition, offset) in offsets {
            let known = self.known.entry(partition).or_insert(offset);
            *known = offset.max(*known);
        }
    }

    /// A partition whose position is below one that was committed before: the partition, its offset, and the earlier one.
    fn old(&self, found: &Positions) -> Option<(i32, Option<i64>, i64)> {
        found.iter().find_map(|(partition, position)| {
            let known = *self.known.get(partition)?;
            let offset = position.as_ref().map(|position| position.offset);
            offset.is_none_or(|offset| offset < known).then_some((*partition, offset, known))
        })
    }

    fn described(&self, (partition, offset, known): (i32, Option<i64>, i64)) -> String {
        let Self { topic, settings: Settings { group, .. }, .. } = self;
        let offset = offset.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
        format!(
            "the position of group {group} in {topic} partition {partition} is {offset}, after {known}"
        )
    }

    /// Assigned partitions whose positions are not located yet.
    pub(crate) fn pending(&self) -> Option<&[i32]> {
        self.pending.as_deref()
    }

    /// Whether the group has assigned partitions, and all of them are located. A member in excess is
    /// assigned an empty list.
    pub(crate) fn is_complete(&self) -> bool {
        self.unassigned_since.is_none() && self.pending.is_none()
    }

    /// The committed positions of partitions; `None`: to be requested again. An error where the topic was deleted,
    /// and the positions with it.
    pub(crate) fn committed(
        &mut self,
        partitions: &[i32],
        consumer: &dyn GroupConsumer,
        brokers: &dyn Brokers,
    ) -> io::Result<Option<Positions>> {
        if partitions.is_empty() {
            return Ok(Some(BTreeMap::new()));
        }
        let found = consumer.committed(partitions, REQUEST)?;
        let old = found.as_ref().and_then(|found| self.old(found));
        if old.is_none()
            && let Some(found) = found
        {
            let offset = |(p, it): (&i32, &Option<_>)| {
                Some((*p, it.as_ref().map(|it: &Position| it.offset)?))
            };
            self.add_committed(found.iter().filter_map(offset));
            (self.failing_since, self.is_old_reported) = (None, false);
            self.missing_since = None;
            return Ok(Some(found));
        }
        if old.is_some() && brokers.partitions(&self.topic)?.is_none() {
            let time = consumer.clock();
            if time - *self.missing_since.get_or_insert(time) >= MISSING {
                return Err(failed(format!("topic {}: the topic was deleted", self.topic)));
            }
        } else {
            self.missing_since = None;
        }
        // The broker aborts an open transaction of an ended process after its timeout.
        let since = *self.failing_since.get_or_insert_with(now);
        let max = self.settings.wait.max(TRANSACTION_TIMEOUT * 3);
        let is_over = since.elapsed() > max;
        match old {
            Some(old) if is_over => {
                return Err(Stopped::Unreachable(format!(
                    "{}: the group was reset while this process ran, or its coordinator has lost commits; a restart accepts \
                     the position",
                    self.described(old)
                ))
                .into());
            }
            Some(old) if !self.is_old_reported => {
                self.is_old_reported = true;
                log::warn!("{}: the coordinator may be loading it; waiting", self.described(old));
            }
            None if is_over => {
                return Err(Stopped::Unreachable(format!(
                    "the positions of group {} in {} have not been available for {:.0} s{}",
                    self.settings.group,
                    self.topic,
                    since.elapsed().as_secs_f64(),
                    brokers.unanswered()
                ))
                .into());
            }
            _ => {}
        }
        Ok(None)
    }
}
