//! The topic of models, which every instance reads completely, without the group.
//!
//! The key of a model is its version, so that pins and rollback are possible after compaction: the
//! newest version of a window is in use; after its tombstone, the newest that remains. Only the models
//! in use are in memory; an older one is read from its offset when it is needed.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::event::ModelVersion;
use crate::kafka::client::errors::failed;
use crate::kafka::client::interface::{Brokers, PartitionReader};
use crate::kafka::client::records::{ConsumerRecord, Found};
use crate::kafka::client::scan::{read_at, read_committed};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::topic_watch::TopicWatch;
use crate::learn::Model;
use crate::record::{Item, Kind, Record, read};
use crate::stage::Tally;
use crate::stream::models::publication_tally;
use crate::stream::report;

/// Number of models of a window in the topic, at most: for older ones, a tombstone is written with a
/// new one.
const MAX_VERSIONS: usize = 20;

/// The models of the topic, and those in use.
pub(crate) struct Models<'a> {
    cluster: &'a dyn Brokers,
    topic: String,
    reader: Box<dyn PartitionReader>,
    watch: TopicWatch,
    /// Pinned counters by window.
    pins: BTreeMap<u64, u64>,
    /// Partition and offset of every version.
    offsets: BTreeMap<ModelVersion, (i32, i64)>,
    /// When each was published, in Unix seconds.
    published: BTreeMap<ModelVersion, f64>,
    /// Models in use, by window, with their counters.
    in_use: BTreeMap<u64, (u64, Record)>,
}

/// A record of the topic.
enum Entry {
    Model(ModelVersion, Box<Record>),
    Deleted(ModelVersion),
    Invalid,
}

impl<'a> Models<'a> {
    /// Reads the topic to its end, and follows it from there.
    pub(crate) fn open(settings: &Settings, cluster: &'a dyn Brokers) -> io::Result<Self> {
        let topic = settings.topic(Topic::Models).to_owned();
        let partitions = cluster.required(Topic::Models)?;
        let starts = (0..partitions).map(|partition| (partition, 0)).collect();
        let mut entries = Vec::new();
        let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
        let pins: BTreeMap<u64, u64> =
            settings.pin.iter().map(|pin| (pin.window, pin.counter)).collect();
        let mut published = BTreeMap::new();
        let ends = read_committed(cluster, &topic, &starts, |record| {
            let place = (record.partition(), record.offset());
            match parse(record) {
                // Models that will not be used are not retained.
                Entry::Model(version, model) => {
                    published.extend(published_at(record).map(|at| (version, at)));
                    let ModelVersion { window, counter } = version;
                    let best = newest.entry(window).or_insert(counter);
                    *best = counter.max(*best);
                    let is_candidate = counter == *best || pins.get(&window) == Some(&counter);
                    entries.push((version, Some((place, is_candidate.then_some(*model)))));
                }
                Entry::Deleted(version) => entries.push((version, None)),
                Entry::Invalid => {}
            }
            Ok(())
        })?;
        let reader = cluster.reader(&topic, &ends)?;
        let watch = TopicWatch::new(&topic, ends);
        let mut models = Self {
            cluster,
            topic,
            reader,
            watch,
            pins,
            offsets: BTreeMap::new(),
            published,
            in_use: BTreeMap::new(),
        };
        let mut texts = BTreeMap::new();
        for (version, found) in entries {
            texts.remove(&version);
            match found {
                None => drop(models.offsets.remove(&version)),
                Some((place, text)) => {
                    models.offsets.insert(version, place);
                    texts.extend(text.map(|text| (version, text)));
                }
            }
        }
        models.choose(texts)?;
        Ok(models)
    }

    /// The models in use.
    pub(crate) fn in_use(&self) -> Vec<Record> {
        self.in_use.values().map(|(_, record)| record.clone()).collect()
    }

    /// Numbers of errors of reading the topic, by the name of the code.
    pub(crate) fn errors(&self) -> BTreeMap<String, u64> {
        self.reader.errors()
    }

    /// The publication times of the models in use.
    pub(crate) fn tally(&self) -> Tally {
        let of = |(window, (counter, _)): (&u64, &(u64, Record))| {
            Some((
                *window,
                *self.published.get(&ModelVersion { window: *window, counter: *counter })?,
            ))
        };
        publication_tally(self.in_use.iter().filter_map(of))
    }

    /// Models that have been put into use since the last call.
    pub(crate) fn changes(&mut self) -> io::Result<Vec<Record>> {
        let mut texts = BTreeMap::new();
        let mut changed = false;
        self.watch.check(self.cluster)?;
        while let Some(found) = self.reader.next(Duration::ZERO)? {
            let Found::Record(record) = found else { continue };
            let place = (record.partition(), record.offset());
            self.watch.read(place.0, place.1);
            match parse(&record) {
                Entry::Model(version, model) => {
                    self.offsets.insert(version, place);
                    self.published.extend(published_at(&record).map(|at| (version, at)));
                    texts.insert(version, *model);
                    changed = true;
                }
                Entry::Deleted(version) if self.offsets.remove(&version).is_some() => {
                    changed = true;
                    self.warn_of_last(version);
                }
                Entry::Deleted(version) => log::warn!(
                    "topic {}: a tombstone for model {version}, which the topic does not have: nothing changes",
                    self.topic
                ),
                Entry::Invalid => {}
            }
        }
        if changed { self.choose(texts) } else { Ok(Vec::new()) }
    }

    /// Logs that the last model of a window was deleted, which remains in use.
    fn warn_of_last(&self, version: ModelVersion) {
        let ModelVersion { window, counter } = version;
        let is_in_use = self.in_use.get(&window).is_some_and(|(used, _)| *used == counter);
        let is_last = !self.offsets.keys().any(|other| other.window == window);
        if is_in_use && is_last {
            log::warn!(
                "topic {}: model {version} is deleted, and its window has no other: it remains in use until a restart",
                self.topic
            );
        }
    }

    /// Puts the newest of each window into use, or the pinned one; returns those that changed.
    fn choose(&mut self, mut texts: BTreeMap<ModelVersion, Record>) -> io::Result<Vec<Record>> {
        let mut chosen: BTreeMap<u64, u64> = BTreeMap::new();
        for &ModelVersion { window, counter } in self.offsets.keys() {
            if self.pins.get(&window).is_none_or(|pinned| *pinned == counter) {
                chosen.insert(window, counter);
            }
        }
        let mut changed = Vec::new();
        for (window, counter) in chosen {
            if self.in_use.get(&window).is_some_and(|(used, _)| *used == counter) {
                continue;
            }
            let version = ModelVersion { window, counter };
            let record = match texts.remove(&version) {
                Some(record) => record,
                None => self.load(version)?,
            };
            match &record {
                Record::Model(model) => report_use(version, model.text.get()),
                _ => continue,
            }
            self.in_use.insert(window, (counter, record.clone()));
            changed.push(record);
        }
        Ok(changed)
    }

    fn load(&self, version: ModelVersion) -> io::Result<Record> {
        let (partition, offset) = self.offsets[&version];
        let bytes = read_at(self.cluster, &self.topic, partition, offset)?;
        let model = read(&bytes, None, &[Kind::Model]).ok().and_then(Item::record);
        model.ok_or_else(|| {
            failed(format!(
                "topic {} partition {partition} offset {offset} is not a model",
                self.topic
            ))
        })
    }

    /// The versions that a new version replaces, for which tombstones are written.
    pub(crate) fn superseded(&self, version: &str) -> Vec<String> {
        let Ok(written) = version.parse::<ModelVersion>() else { return Vec::new() };
        let first = ModelVersion { counter: 0, ..written };
        let of_window = self.offsets.range(first..written).rev();
        of_window.skip(MAX_VERSIONS - 1).map(|(version, _)| version.to_string()).collect()
    }
}

/// Logs that a model is in use, or why the stages refuse it.
fn report_use(version: ModelVersion, text: &str) {
    match Model::from_line(text) {
        Ok(_) => log::info!("model {version} is in use"),
        Err(error) => report(&format!(
            "model {version} is not used, and its window keeps the model before it or has none: {error}"
        )),
    }
}

/// The time of publication, in Unix seconds.
fn published_at(record: &ConsumerRecord<'_>) -> Option<f64> {
    record.timestamp().map(|millis| millis as f64 / 1e3)
}

fn parse(record: &ConsumerRecord<'_>) -> Entry {
    let key = record.key();
    let Some(version) = key.and_then(|key| key.parse::<ModelVersion>().ok()) else {
        let (partition, offset) = (record.partition(), record.offset());
        report(&format!(
            "models {partition}/{offset}: the key is not a version; the record is ignored"
        ));
        return Entry::Invalid;
    };
    let Some(bytes) = record.value() else { return Entry::Deleted(version) };
    match read(bytes, None, &[Kind::Model]) {
        Ok(Item::Record(model)) => Entry::Model(version, model),
        Ok(_) => Entry::Invalid,
        Err(refusal) => {
            report(&format!("model {}: {refusal}", key.unwrap_or_default()));
            Entry::Invalid
        }
    }
}
