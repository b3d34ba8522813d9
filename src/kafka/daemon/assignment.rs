//! The partitions that the group assigns to this member, until their positions are located.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use crate::kafka::client::clock::now;

use crate::kafka::client::errors::Stopped;
use crate::kafka::client::interface::GroupConsumer;
use crate::kafka::client::records::Positions;
use crate::kafka::client::settings::{Settings, TRANSACTION_TIMEOUT};

/// Timeout of one request for the committed positions.
const REQUEST: Duration = Duration::from_millis(500);

/// The assignment of a member that has joined a group.
pub(crate) struct Assignment<'a> {
    settings: &'a Settings,
    topic: String,
    /// Assigned partitions whose positions are not located yet.
    pending: Option<Vec<i32>>,
    /// Whether the group has assigned partitions since the positions of the kept ones were checked. Until then
    /// nothing is committed.
    is_unchecked: bool,
    /// Since when requests for the committed positions have failed.
    failing_since: Option<Instant>,
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
            is_unchecked: false,
            failing_since: None,
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
        self.is_unchecked = true;
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

    /// The committed positions of the kept partitions are known.
    pub(crate) fn checked(&mut self) {
        self.is_unchecked = false;
    }

    /// Whether the committed positions of the kept partitions are to be checked.
    pub(crate) fn is_unchecked(&self) -> bool {
        self.is_unchecked
    }

    /// Assigned partitions whose positions are not located yet.
    pub(crate) fn pending(&self) -> Option<&[i32]> {
        self.pending.as_deref()
    }

    /// Whether the group has assigned partitions, and all of them are located. A member in excess is
    /// assigned an empty list.
    pub(crate) fn is_complete(&self) -> bool {
        self.unassigned_since.is_none() && self.pending.is_none() && !self.is_unchecked
    }

    /// The committed positions of partitions; `None`: to be requested again.
    pub(crate) fn committed(
        &mut self,
        partitions: &[i32],
        consumer: &dyn GroupConsumer,
    ) -> io::Result<Option<Positions>> {
        if partitions.is_empty() {
            return Ok(Some(BTreeMap::new()));
        }
        let found = consumer.committed(partitions, REQUEST)?;
        if found.is_some() {
            self.failing_since = None;
            return Ok(found);
        }
        // The broker aborts an open transaction of an ended process after its timeout.
        let since = *self.failing_since.get_or_insert_with(now);
        let max = self.settings.wait.max(TRANSACTION_TIMEOUT * 3);
        if since.elapsed() > max {
            return Err(Stopped::Unreachable(format!(
                "the positions of group {} in {} have not been available for {:.0} s{}",
                self.settings.group,
                self.topic,
                since.elapsed().as_secs_f64(),
                consumer.unanswered()
            ))
            .into());
        }
        Ok(None)
    }
}
