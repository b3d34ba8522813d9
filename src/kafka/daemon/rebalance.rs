//! What a daemon does when the group decides: commits and gives back what is taken away, finds the
//! state of what it gets.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::kafka::client::clock::now;
use crate::kafka::client::context::Decision;
use crate::kafka::client::errors::{Lost, Stopped};
use crate::kafka::client::input::Committed;
use crate::kafka::client::models::Models;
use crate::kafka::client::settings::{TRANSACTION_TIMEOUT, Use};
use crate::kafka::daemon::task::{Limits, Task};
use crate::kafka::daemon::ticks::Daemon;
use crate::kafka::restore::recovery::{Recovery, partitions_changed};
use crate::stage::{RecordRef, Recover};

/// How long the group is asked at once for what is committed.
const ASK: Duration = Duration::from_millis(500);

/// What is committed, by partition.
type Places = BTreeMap<i32, Option<Committed>>;

impl<S: Recover, F: Fn() -> S> Daemon<'_, S, F> {
    /// Does what the group decided.
    pub(crate) fn obey(&mut self) -> io::Result<()> {
        while let Some(decision) = self.input.decision() {
            match decision {
                Decision::Assigned(partitions) => self.assigned(partitions)?,
                Decision::Revoked(partitions) => self.revoked(&partitions)?,
            }
        }
        Ok(())
    }

    fn assigned(&mut self, partitions: Vec<i32>) -> io::Result<()> {
        log::info!("partitions {partitions:?} of {} are offered", self.topic.name);
        self.counting.count("kafka_rebalances_total", "assigned");
        if !self.input.is_cooperative() {
            // The new list replaces the old one.
            self.commit_or_rebuild()?;
            self.tasks.clear();
            self.astray.clear();
        }
        let now = self.cluster.partitions(&self.topic.name)?.unwrap_or(self.topic.partitions);
        if now != self.topic.partitions {
            // It grew under us, which is what the group deals out.
            self.commit_or_rebuild()?;
            let group = &self.settings.group;
            return Err(partitions_changed(&self.topic.name, now, self.topic.partitions, group));
        }
        if !self.joined {
            self.joined = true;
            self.twins = self.input.members_named(&self.settings.transactional_id);
        }
        self.offered = Some(partitions);
        Ok(())
    }

    fn revoked(&mut self, partitions: &[i32]) -> io::Result<()> {
        log::info!("partitions {partitions:?} of {} are taken away", self.topic.name);
        self.counting.count("kafka_rebalances_total", "revoked");
        if self.input.is_lost() {
            self.recover_from(Err(Lost::Uncommitted("the group went on without us".to_owned())))?;
        } else {
            self.commit_or_rebuild()?;
        }
        for partition in partitions {
            self.tasks.remove(partition);
            self.astray.remove(partition);
        }
        self.offered = None;
        self.input.give_back(partitions);
        Ok(())
    }

    /// Looks up the places of partitions that are offered or astray, and starts to read there.
    pub(crate) fn locate(&mut self) -> io::Result<()> {
        if let Some(partitions) = self.offered.clone()
            && let Some(committed) = self.committed(&partitions)?
        {
            let mut starts = BTreeMap::new();
            for partition in partitions {
                starts.insert(partition, self.revive(partition, &committed)?);
            }
            self.input.take(&starts)?;
            self.offered = None;
        }
        let astray: Vec<i32> = self.astray.iter().copied().collect();
        if let Some(committed) = self.committed(&astray)? {
            for partition in astray {
                let low = self.revive(partition, &committed)?;
                self.input.seek(partition, low)?;
                self.astray.remove(&partition);
            }
        }
        Ok(())
    }

    fn committed(&mut self, partitions: &[i32]) -> io::Result<Option<Places>> {
        if partitions.is_empty() {
            return Ok(Some(Places::new()));
        }
        let found = self.input.committed(partitions, ASK)?;
        if found.is_some() {
            self.locating = None;
            return Ok(found);
        }
        // A dead instance's transaction is aborted when its time is over; until then it is open.
        let since = *self.locating.get_or_insert_with(now);
        let most = self.settings.wait.max(TRANSACTION_TIMEOUT * 3);
        if since.elapsed() > most {
            return Err(Stopped::Unreachable(format!(
                "group {} does not tell its positions in {} for {:.0} s",
                self.settings.group,
                self.topic.name,
                since.elapsed().as_secs_f64()
            ))
            .into());
        }
        Ok(None)
    }

    /// Builds the state of a partition from its place; returns from where it is read.
    fn revive(&mut self, partition: i32, committed: &Places) -> io::Result<i64> {
        let committed = committed.get(&partition).and_then(Option::as_ref);
        let (settings, cluster, input) = (self.settings, &self.cluster, &self.topic);
        if settings.models == Use::Publish {
            // The models that were published before the crash are in use.
            self.models = Some(Models::open(settings, cluster)?);
        }
        let recovery = Recovery { settings, cluster, input, needs: S::RESTORE };
        let restored = recovery.restore(partition, committed)?;
        let spills = S::RESTORE.spills && !settings.at_least_once;
        let replay = if spills { settings.max_replay } else { u64::MAX };
        let limits = Limits { replay, record_bytes: settings.longest };
        let mut task = Task::new((self.make)(), restored, limits)?;
        let models = self.models.as_ref().map(Models::in_use).unwrap_or_default();
        let models: Vec<_> = models.into_iter().map(RecordRef::without_position).collect();
        task.apply_models(&models);
        let next = task.next();
        let silence = committed.map_or(0, |it| it.offset - next);
        log::info!(
            "{} partition {partition}: from {next} on, the first {silence} offsets in silence",
            self.topic.name
        );
        self.tasks.insert(partition, task);
        Ok(next)
    }
}
