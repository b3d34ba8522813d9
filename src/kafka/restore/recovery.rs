//! Finds the state of a partition again, from what is committed: the one path after a kill, a cut
//! network, a rebalance and an aborted transaction.

use std::collections::BTreeMap;
use std::io;

use rdkafka::message::Message;

use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::errors::failed;
use crate::kafka::client::input::Committed;
use crate::kafka::client::reader::read_all;
use crate::kafka::client::settings::{From, Settings};
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::task::Task;
use crate::kafka::restore::checkpoint::{Mark, Start, Unusable};
use crate::record::{Item, Record, read};
use crate::stage::{Out, RecordRef, Recover, Saved};

/// What recovery needs to know.
pub(crate) struct Recovery<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) cluster: &'a Cluster,
    pub(crate) topic: &'a str,
    pub(crate) partitions: i32,
}

/// A partition whose state is to be found again.
pub(crate) struct Revived<S> {
    pub(crate) task: Task<S>,
    /// From where it is read.
    pub(crate) low: i64,
    /// The end of what was read back.
    pub(crate) back: Option<i64>,
}

impl Recovery<'_> {
    /// A task that is ready to replay.
    pub(crate) fn revive<S: Recover>(
        &self,
        stage: S,
        partition: i32,
        committed: Option<&Committed>,
        models: &[Record],
    ) -> io::Result<Revived<S>> {
        let reads_back = !S::RESTORE.reads_back.is_empty();
        let (mut start, mut spoken) = self.start(partition, committed, reads_back)?;
        if !self.settings.replay {
            (start.low, start.mark, start.aside) = (spoken, Mark::Here(String::new()), 0);
        }
        let mark = self.mark(partition, &start)?;
        let (parts, leftovers) = self.parts::<S>(partition, &start, committed)?;
        self.readable::<S>(partition, &mut start, &mut spoken)?;
        let (emitted, back) = match start.back {
            Some(back) if reads_back => {
                let (emitted, end) = self.read_back::<S>(partition, back)?;
                (emitted, Some(end))
            }
            _ => Default::default(),
        };
        let position = start.low.unsigned_abs();
        let saved = Saved { position, checkpoint: &mark, parts: &parts, emitted };
        let mut task = Task::new(stage, &start, saved, spoken)?;
        task.delete_leftovers(leftovers);
        task.refuse_longer(self.settings.longest);
        if S::RESTORE.spills && !self.settings.at_least_once {
            task.keep_short(self.settings.max_replay);
        }
        let stage = task.stage_mut();
        let batch: Vec<_> = models.iter().map(beside).collect();
        stage.on_batch(&batch, &mut Out::default());
        let low = task.next();
        Ok(Revived { task, low, back })
    }

    /// Where the replay starts, and from which offset on the stage speaks.
    fn start(
        &self,
        partition: i32,
        committed: Option<&Committed>,
        reads_back: bool,
    ) -> io::Result<(Start, i64)> {
        let fresh = |low| -> io::Result<Start> {
            let back = if reads_back { Some(self.alerts_end(partition)?) } else { None };
            Ok(Start { low, mark: Mark::Here(String::new()), back, aside: 0 })
        };
        let Some(Committed { offset, note }) = committed else {
            let (first, end) = self.cluster.ends(self.topic, partition)?;
            let low = if self.settings.from == From::Earliest { first } else { end };
            return Ok((fresh(low)?, low));
        };
        match Start::read(note, self.partitions) {
            Ok(start) => Ok((start, *offset)),
            Err(Unusable::Foreign) => {
                log::warn!(
                    "{} partition {partition}: the position {offset} was set by another tool: \
                     starting there with nothing",
                    self.topic
                );
                Ok((fresh(*offset)?, *offset))
            }
            Err(Unusable::Partitions(before)) => {
                Err(repartitioned(self.topic, self.partitions, before, &self.settings.group))
            }
            Err(Unusable::Version(version)) => Err(failed(format!(
                "group {} was committed by a newer tweetoscope (form {version})",
                self.settings.group
            ))),
        }
    }

    /// Refuses a start that cannot be read any more.
    fn readable<S: Recover>(
        &self,
        partition: i32,
        start: &mut Start,
        spoken: &mut i64,
    ) -> io::Result<()> {
        let (first, end) = self.cluster.ends(self.topic, partition)?;
        let (topic, low) = (self.topic, start.low);
        if low < first && S::RESTORE.starts_late {
            crate::critical!(
                "{topic} partition {partition}: retention deleted the records from offset {low} on; starting at {first} without them"
            );
            start.low = first;
            *spoken = first.max(*spoken);
        } else if low < first {
            return Err(failed(format!(
                "topic {topic} partition {partition}: offset {low} is needed to find the state \
                 again, but the oldest there is {first}: retention passed it. Give the topic a \
                 retention above max-age, or give the state up with a new --group"
            )));
        }
        if *spoken > end {
            return Err(failed(format!(
                "topic {topic} partition {partition}: offset {spoken} is committed, but the \
                 topic ends at {end}: was it deleted and made anew? Start a new group with \
                 --group"
            )));
        }
        Ok(())
    }

    fn alerts_end(&self, partition: i32) -> io::Result<i64> {
        Ok(self.cluster.ends(self.settings.topic(Topic::Alerts), partition)?.1)
    }

    /// The emitted alerts from an offset on, and where the topic ends.
    fn read_back<S: Recover>(&self, partition: i32, from: i64) -> io::Result<(Vec<Record>, i64)> {
        let topic = self.settings.topic(Topic::Alerts);
        let (first, _) = self.cluster.ends(topic, partition)?;
        if from < first {
            return Err(failed(format!(
                "topic {topic} partition {partition}: offset {from} is needed to know what was \
                 said, but the oldest there is {first}: retention passed it"
            )));
        }
        let starts = BTreeMap::from([(partition, from)]);
        let mut emitted = Vec::new();
        let ends = read_all(self.settings, self.cluster, topic, &starts, |message| {
            let bytes = message.payload().unwrap_or_default();
            if let Ok(Item::Record(record)) = read(bytes, None, S::RESTORE.reads_back) {
                emitted.push(*record);
            }
            Ok(())
        })?;
        Ok((emitted, ends.get(&partition).copied().unwrap_or(from)))
    }
}

/// Sources stay in their partitions only as long as those are as many.
pub(crate) fn repartitioned(topic: &str, now: i32, before: i32, group: &str) -> io::Error {
    failed(format!(
        "topic {topic} has {now} partitions, and had {before} when group {group} committed: its \
         sources may have moved. Start a new group with --group, or make the topic anew"
    ))
}

/// A record that has no place in the input.
pub(crate) fn beside(record: &Record) -> RecordRef<'static> {
    RecordRef::without_position(record.clone())
}
