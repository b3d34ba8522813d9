//! Reads the stored state of a partition, from its committed offset. It is the same after a kill, a network failure, a rebalance and an aborted transaction.

use std::collections::BTreeMap;
use std::io;

use crate::kafka::client::errors::{failed, recreated};
use crate::kafka::client::interface::Brokers;
use crate::kafka::client::records::Position;
use crate::kafka::client::scan::read_committed;
use crate::kafka::client::settings::{From, Settings};
use crate::kafka::client::topics::{InputTopic, Topic};
use crate::kafka::restore::changelog::{Changelog, Parts};
use crate::kafka::restore::checkpoint::{Checkpoint, CheckpointText, Metadata, Unusable};
use crate::kafka::restore::remedies::shortest_retention;
use crate::record::{Item, Record, read};
use crate::stage::Restore;

/// Restores partitions of one input topic.
#[derive(Clone, Copy)]
pub(crate) struct Recovery<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) cluster: &'a dyn Brokers,
    pub(crate) input: &'a InputTopic,
    /// What the stage needs beside its input.
    pub(crate) needs: Restore,
}

/// The stored state of one partition.
#[derive(Debug)]
pub(crate) struct Restored {
    /// The checkpoint at which the replay starts.
    pub(crate) checkpoint: Checkpoint,
    /// The text of the checkpoint.
    pub(crate) text: String,
    pub(crate) parts: Parts,
    /// The emitted records that a replay cannot compute.
    pub(crate) emitted: Vec<Record>,
    /// The end of the topic of emitted records, if they are read back.
    pub(crate) emitted_end: Option<i64>,
    /// The offset from which on output is new: that of the records before it is committed.
    pub(crate) live_from: i64,
    /// The offset that the group has committed, if there is one.
    pub(crate) group_offset: Option<i64>,
    /// The end of the partition.
    pub(crate) end: i64,
    /// The options under which it was committed; empty where none is stored.
    pub(crate) options: String,
    /// Whether the offset must be committed before the first record: the start is another one at the next restore.
    pub(crate) is_start_to_commit: bool,
}

impl<'a> Recovery<'a> {
    /// The topic of the emitted records that are read back, if there are any.
    pub(crate) fn emitted_topic(&self) -> Option<&'a str> {
        let settings = self.settings;
        (!self.needs.reads_back.is_empty()).then(|| settings.topic(Topic::Alerts))
    }

    /// Reads the stored state of a partition from what is committed for it.
    pub(crate) fn restore(
        &self,
        partition: i32,
        committed: Option<&Position>,
    ) -> io::Result<Restored> {
        let reads_back = !self.needs.reads_back.is_empty();
        let (Metadata { mut checkpoint, mut parts, options }, mut offset, is_ours) =
            self.start(partition, committed)?;
        if !self.settings.replay {
            checkpoint.offset = offset;
            checkpoint.text = CheckpointText::Inline(String::new());
            parts = 0;
        }
        let changelog =
            Changelog { settings: self.settings, cluster: self.cluster, input: self.input };
        let text = changelog.checkpoint_text(partition, &checkpoint)?;
        let is_changelog_read =
            self.needs.spills && self.settings.replay && (parts > 0 || !is_ours);
        let parts = if is_changelog_read {
            changelog.parts(partition, is_ours.then_some((offset, parts)))?
        } else {
            Parts::default()
        };
        let end = self.check_retention(partition, &mut checkpoint, &mut offset)?;
        let (emitted, emitted_end) = match checkpoint.emitted_from {
            Some(from) if reads_back => {
                let (emitted, end) = self.read_back(partition, from)?;
                (emitted, Some(end))
            }
            _ => Default::default(),
        };
        let group_offset = committed.map(|position| position.offset);
        Ok(Restored {
            checkpoint,
            text,
            parts,
            emitted,
            emitted_end,
            live_from: offset,
            group_offset,
            end,
            options,
            is_start_to_commit: committed.is_none() && self.settings.from != From::Earliest,
        })
    }

    /// The metadata, the committed offset, and whether this program has committed it.
    fn start(
        &self,
        partition: i32,
        committed: Option<&Position>,
    ) -> io::Result<(Metadata, i64, bool)> {
        let empty = |offset| -> io::Result<Metadata> {
            let reads_back = !self.needs.reads_back.is_empty();
            let emitted_from = if reads_back { Some(self.alerts_end(partition)?) } else { None };
            let text = CheckpointText::Inline(String::new());
            Ok(Metadata {
                checkpoint: Checkpoint { offset, text, emitted_from },
                parts: 0,
                options: String::new(),
            })
        };
        let InputTopic { name, partitions } = self.input;
        let Some(Position { offset, metadata }) = committed else {
            let offset = self.cluster.start(name, partition)?;
            return Ok((empty(offset)?, offset, false));
        };
        match Metadata::parse(metadata, *partitions) {
            Ok(metadata) => Ok((metadata, *offset, true)),
            Err(Unusable::Foreign) => Err(failed(format!(
                "topic {name} partition {partition}: another program committed offset {offset} for \
                 group {group}, without the state that belongs to it. To start there without state, \
                 give --group NEW --from group:{group}",
                group = self.settings.group
            ))),
            Err(Unusable::Partitions(before)) => {
                Err(partitions_changed(name, *partitions, before, &self.settings.group))
            }
            Err(Unusable::Version(version)) => Err(failed(format!(
                "group {} was committed by a newer version of tweetoscope (metadata version \
                 {version}); upgrade, or start a new group with --group",
                self.settings.group
            ))),
        }
    }

    /// Checks that the topic has the records from the checkpoint to the committed offset, and returns
    /// its end. A stage that may start late starts at the first record that retention has left.
    fn check_retention(
        &self,
        partition: i32,
        checkpoint: &mut Checkpoint,
        committed: &mut i64,
    ) -> io::Result<i64> {
        let topic = &self.input.name;
        let (first, end) = self.cluster.ends(topic, partition)?;
        let low = checkpoint.offset;
        if low < first && self.needs.starts_late {
            crate::critical!(
                "topic {topic} partition {partition}: retention deleted the offsets from {low} to \
                 {first}: starting at {first}"
            );
            checkpoint.offset = first;
            *committed = first.max(*committed);
        } else if low < first {
            return Err(failed(format!(
                "topic {topic} partition {partition}: offset {low} is needed to restore the \
                 state, but the oldest there is {first}: retention deleted it. Set the retention \
                 of the topic above {}, or drop the state by a new --group",
                shortest_retention(&self.settings.command)
            )));
        }
        if *committed > end {
            return Err(recreated(topic, partition, *committed, end));
        }
        Ok(end)
    }

    fn alerts_end(&self, partition: i32) -> io::Result<i64> {
        Ok(self.cluster.ends(self.settings.topic(Topic::Alerts), partition)?.1)
    }

    /// The emitted records from an offset on, and the end of their topic.
    fn read_back(&self, partition: i32, from: i64) -> io::Result<(Vec<Record>, i64)> {
        let topic = self.settings.topic(Topic::Alerts);
        let (first, _) = self.cluster.ends(topic, partition)?;
        if from < first {
            return Err(failed(format!(
                "topic {topic} partition {partition}: offset {from} is needed to restore the \
                 emitted alerts, but the oldest there is {first}: retention deleted it. Set a \
                 longer retention, or drop the state by a new --group"
            )));
        }
        let starts = BTreeMap::from([(partition, from)]);
        let mut emitted = Vec::new();
        let ends = read_committed(self.cluster, topic, &starts, |record| {
            let bytes = record.value().unwrap_or_default();
            if let Ok(Item::Record(record)) = read(bytes, None, self.needs.reads_back) {
                emitted.push(*record);
            }
            Ok(())
        })?;
        Ok((emitted, ends.get(&partition).copied().unwrap_or(from)))
    }
}

/// The error where the number of partitions has changed, which may move sources between them.
pub(crate) fn partitions_changed(topic: &str, now: i32, before: i32, group: &str) -> io::Error {
    failed(format!(
        "topic {topic} has {now} partitions, and had {before} when group {group} committed: its \
         sources may be in other partitions now. Start a new group with --group, or create the \
         topic again"
    ))
}
