//! What goes to `collect_state`, in the same transaction as the positions that need it, and what
//! is read there again.
//!
//! Two kinds of records, told apart by their keys. `group/topic/partition`: the mark of a low
//! watermark where it is too long for the metadata; the metadata says at which offset it lies.
//! `group/topic/partition@id`: a part of the state that no replay can find, or that is set aside
//! so that a replay stays within `--max-replay`; the metadata says how many there are, and a
//! tombstone follows when no replay can ask for it any more.

use std::collections::BTreeMap;
use std::io;

use rdkafka::message::Message;
use serde::{Deserialize, Serialize};

use crate::kafka::client::errors::{Lost, failed};
use crate::kafka::client::input::Committed;
use crate::kafka::client::output::Letter;
use crate::kafka::client::reader::{read_all, read_one};
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::task::is_long;
use crate::kafka::daemon::ticks::Daemon;
use crate::kafka::restore::checkpoint::{Mark, Start};
use crate::kafka::restore::recovery::Recovery;
use crate::stage::{Change, Recover};

/// A mark that was too long for the metadata.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Input partition and offset at which it is valid.
    partition: i32,
    position: i64,
    mark: String,
}

fn key(group: &str, topic: &str, partition: i32) -> String {
    format!("{group}/{topic}/{partition}")
}

/// The parts of a state by id, and the ids of those that an earlier group has left.
pub(crate) type Parts = (Vec<(u64, String)>, Vec<u64>);

impl<S: Recover, F: Fn() -> S> Daemon<'_, S, F> {
    /// Writes the changelog records of the stages.
    pub(crate) fn write_changelog(&mut self) -> Result<(), Lost> {
        for (partition, task) in self.tasks.iter_mut().filter(|(_, task)| task.has_moved()) {
            let changes = task.spill();
            if changes.is_empty() {
                continue;
            }
            log::debug!(
                "{} partition {partition}: {} changelog records",
                self.topic,
                changes.len()
            );
            let topic = self.settings.topic(Topic::CollectState);
            let start = key(&self.settings.group, &self.topic, *partition);
            for Change { id, text } in &changes {
                let key = format!("{start}@{id}");
                let payload = text.as_ref().map(String::as_bytes);
                self.output.send(Letter { topic, partition: None, key: Some(&key), payload })?;
            }
        }
        Ok(())
    }

    /// What is too long for metadata goes to a topic.
    pub(crate) fn keep_long_marks(
        &mut self,
        starts: &mut BTreeMap<i32, Start>,
    ) -> Result<(), Lost> {
        let topic = self.settings.topic(Topic::CollectState);
        let mut keys = Vec::new();
        for (partition, start) in starts.iter() {
            let Mark::Here(mark) = &start.mark else { continue };
            if !is_long(start, self.partitions) {
                continue;
            }
            let key = key(&self.settings.group, &self.topic, *partition);
            let kept = Kept { partition: *partition, position: start.low, mark: mark.clone() };
            let payload = serde_json::to_vec(&kept).map_err(io::Error::from)?;
            self.shared.watch_key(&key);
            let payload = Some(&*payload);
            self.output.send(Letter { topic, partition: None, key: Some(&key), payload })?;
            keys.push((*partition, key));
        }
        if keys.is_empty() {
            return Ok(());
        }
        self.output.drain()?;
        for (partition, key) in keys {
            let Some((kept_in, offset)) = self.shared.delivered_key(&key) else {
                return Err(Lost::Uncommitted(format!("topic {topic}: {key} is not delivered")));
            };
            if let (Some(start), Some(task)) =
                (starts.get_mut(&partition), self.tasks.get_mut(&partition))
            {
                start.mark = Mark::Kept(kept_in, offset);
                task.kept(start);
            }
        }
        Ok(())
    }
}

impl Recovery<'_> {
    /// The mark of a start, wherever it lies.
    pub(crate) fn mark(&self, partition: i32, start: &Start) -> io::Result<String> {
        let (kept_in, offset) = match &start.mark {
            Mark::Here(mark) => return Ok(mark.clone()),
            Mark::Kept(kept_in, offset) => (*kept_in, *offset),
        };
        let topic = self.settings.topic(Topic::CollectState);
        let (_, bytes) = read_one(self.settings, topic, kept_in, offset)?;
        match serde_json::from_slice::<Kept>(&bytes) {
            Ok(kept) if kept.partition == partition && kept.position == start.low => Ok(kept.mark),
            _ => Err(failed(format!(
                "topic {topic} partition {kept_in} offset {offset}: not the state of {} \
                 partition {partition} offset {}",
                self.topic, start.low
            ))),
        }
    }

    /// The parts of the state that are set aside, and those that an earlier group has left.
    pub(crate) fn parts<S: Recover>(
        &self,
        partition: i32,
        start: &Start,
        committed: Option<&Committed>,
    ) -> io::Result<Parts> {
        let fresh = committed.is_none_or(|it| Start::read(&it.note, self.partitions).is_err());
        if !S::RESTORE.spills || !self.settings.replay || (start.aside == 0 && !fresh) {
            return Ok(Default::default());
        }
        let (topic, group) = (self.settings.topic(Topic::CollectState), &self.settings.group);
        let before_id = format!("{}@", key(group, self.topic, partition));
        let mut found: BTreeMap<u64, String> = BTreeMap::new();
        let starts = (0..self.cluster.needed(Topic::CollectState)?).map(|it| (it, 0)).collect();
        read_all(self.settings, self.cluster, topic, &starts, |message| {
            let key = message.key().and_then(|key| str::from_utf8(key).ok());
            let id = key.and_then(|key| key.strip_prefix(&before_id)?.parse().ok());
            match (id, message.payload()) {
                (Some(id), None) => drop(found.remove(&id)),
                (Some(id), Some(text)) => {
                    drop(found.insert(id, String::from_utf8_lossy(text).into_owned()));
                }
                (None, _) => {}
            }
            Ok(())
        })?;
        if fresh {
            return Ok((Vec::new(), found.into_keys().collect()));
        }
        // Without transactions there may be more than was committed, or less.
        if found.len() != start.aside && !self.settings.at_least_once {
            return Err(failed(format!(
                "topic {topic} holds {} of {} parts of the state of {} partition {partition}: \
                 was it made anew, or is its cleanup.policy not compact? Give the state up with \
                 a new --group",
                found.len(),
                start.aside,
                self.topic
            )));
        }
        let known = committed.map_or(0, |it| it.offset.unsigned_abs());
        let leftovers = found.split_off(&known).into_keys().collect();
        Ok((found.into_iter().collect(), leftovers))
    }
}
