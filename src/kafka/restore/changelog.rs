//! The changelog: records in `collect_state`, in the same transaction as the offsets that refer to them.
//!
//! It has two types of records, distinguished by their keys:
//!
//! - `group/topic/partition`: a checkpoint that is too long for the metadata of the offset, which
//!   contains the position of the record;
//! - `group/topic/partition@id`: a part of the state that no replay can restore, or that would need
//!   a replay longer than `--max-replay`. The metadata contains the number of parts. A tombstone
//!   follows when no replay reads the part any more.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use crate::kafka::client::errors::{TransactionError, failed};
use crate::kafka::client::interface::{Brokers, TransactionalProducer};
use crate::kafka::client::records::ProducerRecord;
use crate::kafka::client::scan::{read_at, read_committed};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::{InputTopic, Topic};
use crate::kafka::restore::checkpoint::{Checkpoint, CheckpointText, Metadata};
use crate::stage::Change;

/// A checkpoint that was too long for the metadata.
#[derive(Serialize, Deserialize)]
struct StoredCheckpoint {
    /// Input partition and offset at which it is valid.
    partition: i32,
    position: i64,
    #[serde(rename = "mark")]
    text: String,
}

/// The parts of the state of one partition.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Live parts: id and text, in the order of the ids.
    pub(crate) live: Vec<(u64, String)>,
    /// Ids of parts that belong to no committed state, for which tombstones must be written.
    pub(crate) leftovers: Vec<u64>,
}

/// The changelog of one group and input topic.
#[derive(Clone, Copy)]
pub(crate) struct Changelog<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) cluster: &'a dyn Brokers,
    pub(crate) input: &'a InputTopic,
}

impl<'a> Changelog<'a> {
    fn topic(&self) -> &'a str {
        self.settings.topic(Topic::CollectState)
    }

    fn key(&self, partition: i32) -> String {
        format!("{}/{}/{partition}", self.settings.group, self.input.name)
    }

    /// Writes the changes of the state of a partition, within the open transaction.
    pub(crate) fn write(
        &self,
        partition: i32,
        changes: &[Change],
        producer: &mut dyn TransactionalProducer,
    ) -> Result<(), TransactionError> {
        if changes.is_empty() {
            return Ok(());
        }
        let (count, name) = (changes.len(), &self.input.name);
        log::debug!("{name} partition {partition}: {count} changelog records");
        let prefix = self.key(partition);
        for Change { id, text } in changes {
            let key = format!("{prefix}@{id}");
            let value = text.as_ref().map(String::as_bytes);
            producer.send(ProducerRecord {
                topic: self.topic(),
                partition: None,
                key: Some(&key),
                value,
            })?;
        }
        Ok(())
    }

    /// Writes the checkpoints that are too long for metadata, and replaces them in `all` by their
    /// positions. Returns the partitions with such a checkpoint.
    pub(crate) fn store_long_checkpoints(
        &self,
        all: &mut BTreeMap<i32, Metadata>,
        producer: &mut dyn TransactionalProducer,
    ) -> Result<Vec<i32>, TransactionError> {
        let topic = self.topic();
        let mut keys = Vec::new();
        for (partition, metadata) in all.iter() {
            let CheckpointText::Inline(text) = &metadata.checkpoint.text else { continue };
            if !metadata.is_too_long(self.input.partitions) {
                continue;
            }
            let key = self.key(*partition);
            let (position, text) = (metadata.checkpoint.offset, text.clone());
            let stored = StoredCheckpoint { partition: *partition, position, text };
            let value = serde_json::to_vec(&stored).map_err(io::Error::from)?;
            producer.watch_key(&key);
            let value = Some(&*value);
            producer.send(ProducerRecord { topic, partition: None, key: Some(&key), value })?;
            keys.push((*partition, key));
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        producer.drain()?;
        let mut stored = Vec::new();
        for (input_partition, key) in keys {
            let Some((partition, offset)) = producer.delivered_at(&key) else {
                let text = format!("topic {topic}: the record with key {key} is not delivered");
                return Err(TransactionError::Abort(text));
            };
            if let Some(metadata) = all.get_mut(&input_partition) {
                metadata.checkpoint.text = CheckpointText::Stored { partition, offset };
                stored.push(input_partition);
            }
        }
        Ok(stored)
    }

    /// The text of a checkpoint of a partition, which is read from the topic if it is stored there.
    pub(crate) fn checkpoint_text(
        &self,
        input_partition: i32,
        checkpoint: &Checkpoint,
    ) -> io::Result<String> {
        let (partition, offset) = match &checkpoint.text {
            CheckpointText::Inline(text) => return Ok(text.clone()),
            CheckpointText::Stored { partition, offset } => (*partition, *offset),
        };
        let topic = self.topic();
        let bytes = read_at(self.cluster, topic, partition, offset)?;
        match serde_json::from_slice::<StoredCheckpoint>(&bytes) {
            Ok(stored)
                if (stored.partition, stored.position) == (input_partition, checkpoint.offset) =>
            {
                Ok(stored.text)
            }
            _ => Err(failed(format!(
                "topic {topic} partition {partition} offset {offset}: not the checkpoint of {} \
                 partition {input_partition} offset {}; start a new group with --group",
                self.input.name, checkpoint.offset
            ))),
        }
    }

    /// The parts of the state of a partition as of a committed offset. Without one, all parts of
    /// the partition are leftovers of an earlier group of the same name.
    pub(crate) fn parts(
        &self,
        partition: i32,
        committed: Option<(i64, usize)>,
    ) -> io::Result<Parts> {
        let mut found = self.read_parts(partition)?;
        let Some((offset, expected)) = committed else {
            return Ok(Parts { live: Vec::new(), leftovers: found.into_keys().collect() });
        };
        // Without transactions there may be more or fewer parts than were committed.
        if found.len() != expected && !self.settings.at_least_once {
            return Err(failed(format!(
                "topic {} has {} of the {expected} changelog records of {} partition {partition}: \
                 the topic was deleted, or its cleanup.policy is not compact; start a new group \
                 with --group",
                self.topic(),
                found.len(),
                self.input.name
            )));
        }
        let leftovers = found.split_off(&offset.unsigned_abs()).into_keys().collect();
        Ok(Parts { live: found.into_iter().collect(), leftovers })
    }

    fn read_parts(&self, partition: i32) -> io::Result<BTreeMap<u64, String>> {
        let prefix = format!("{}@", self.key(partition));
        let mut found: BTreeMap<u64, String> = BTreeMap::new();
        let starts = (0..self.cluster.required(Topic::CollectState)?).map(|it| (it, 0)).collect();
        read_committed(self.cluster, self.topic(), &starts, |record| {
            let id = record.key().and_then(|key| key.strip_prefix(&prefix)?.parse().ok());
            match (id, record.value()) {
                (Some(id), None) => drop(found.remove(&id)),
                (Some(id), Some(text)) => {
                    drop(found.insert(id, String::from_utf8_lossy(text).into_owned()));
                }
                (None, _) => {}
            }
            Ok(())
        })?;
        Ok(found)
    }
}
