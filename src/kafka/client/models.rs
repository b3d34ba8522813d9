//! The topic of models: every instance reads all of it by itself, without the group.
//!
//! Models are keyed by version, so that pins and rollback survive compaction: the newest of a
//! window is in use, and where it is deleted by a tombstone, the newest that remains. Only the
//! text of those in use is held; an older one is read again from its offset.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::Offset;

use crate::event::ModelVersion;
use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::reader::{Found, Reader, read_all, read_one};
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::record::{Item, Kind, Record, read};
use crate::stage::Tally;
use crate::stream::models::publication_tally;
use crate::stream::report;

/// Models of a window that are kept; older ones get a tombstone when a new one is written.
const KEPT: usize = 20;

/// The models that are there, and which are in use.
pub(crate) struct Models {
    settings: Settings,
    topic: String,
    reader: Reader,
    pins: BTreeMap<u64, u64>,
    /// Partition and offset of every version.
    places: BTreeMap<ModelVersion, (i32, i64)>,
    /// When each was published, in Unix seconds.
    published: BTreeMap<ModelVersion, f64>,
    /// Models in use, by window, with their counters.
    in_use: BTreeMap<u64, (u64, Record)>,
}

/// What one record of the topic said.
enum Heard {
    Model(ModelVersion, Box<Record>),
    Deleted(ModelVersion),
    Nonsense,
}

impl Models {
    /// Reads the topic to its end, and follows it from there.
    pub(crate) fn open(settings: &Settings, cluster: &Cluster) -> io::Result<Self> {
        let topic = settings.topic(Topic::Models).to_owned();
        let partitions = cluster.needed(Topic::Models)?;
        let starts = (0..partitions).map(|partition| (partition, 0)).collect();
        let mut heard = Vec::new();
        let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
        let pins: BTreeMap<u64, u64> =
            settings.pin.iter().map(|pin| (pin.window, pin.counter)).collect();
        let mut published = BTreeMap::new();
        let ends = read_all(settings, cluster, &topic, &starts, |message| {
            let place = (message.partition(), message.offset());
            match listen(message) {
                // Texts that will not be used are not even held for the moment.
                Heard::Model(version, record) => {
                    published.extend(written(message).map(|at| (version, at)));
                    let ModelVersion { window, counter } = version;
                    let best = newest.entry(window).or_insert(counter);
                    *best = counter.max(*best);
                    let wanted = counter == *best || pins.get(&window) == Some(&counter);
                    heard.push((version, Some((place, wanted.then_some(*record)))));
                }
                Heard::Deleted(version) => heard.push((version, None)),
                Heard::Nonsense => {}
            }
            Ok(())
        })?;
        let from = ends.iter().map(|(p, end)| (*p, Offset::Offset(*end))).collect();
        let reader = Reader::open(settings, &topic, &from)?;
        let mut models = Self {
            settings: settings.clone(),
            topic,
            reader,
            pins,
            places: BTreeMap::new(),
            published,
            in_use: BTreeMap::new(),
        };
        let mut texts = BTreeMap::new();
        for (version, found) in heard {
            texts.remove(&version);
            match found {
                None => drop(models.places.remove(&version)),
                Some((place, text)) => {
                    models.places.insert(version, place);
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

    /// When the models in use were published.
    pub(crate) fn tally(&self) -> Tally {
        let of = |(window, (counter, _)): (&u64, &(u64, Record))| {
            Some((
                *window,
                *self.published.get(&ModelVersion { window: *window, counter: *counter })?,
            ))
        };
        publication_tally(self.in_use.iter().filter_map(of))
    }

    /// Models that came into use since the last call.
    pub(crate) fn changes(&mut self) -> io::Result<Vec<Record>> {
        let mut texts = BTreeMap::new();
        let mut changed = false;
        while let Some(found) = self.reader.next(Duration::ZERO)? {
            let Found::Record(message) = found else { continue };
            let place = (message.partition(), message.offset());
            match listen(&message) {
                Heard::Model(version, record) => {
                    self.places.insert(version, place);
                    self.published.extend(written(&message).map(|at| (version, at)));
                    texts.insert(version, *record);
                    changed = true;
                }
                Heard::Deleted(version) => changed |= self.places.remove(&version).is_some(),
                Heard::Nonsense => {}
            }
        }
        if changed { self.choose(texts) } else { Ok(Vec::new()) }
    }

    /// Puts the newest of each window into use, or the pinned one; returns those that changed.
    fn choose(&mut self, mut texts: BTreeMap<ModelVersion, Record>) -> io::Result<Vec<Record>> {
        let mut wanted: BTreeMap<u64, u64> = BTreeMap::new();
        for &ModelVersion { window, counter } in self.places.keys() {
            if self.pins.get(&window).is_none_or(|pinned| *pinned == counter) {
                wanted.insert(window, counter);
            }
        }
        let mut changed = Vec::new();
        for (window, counter) in wanted {
            if self.in_use.get(&window).is_some_and(|(used, _)| *used == counter) {
                continue;
            }
            let version = ModelVersion { window, counter };
            let record = match texts.remove(&version) {
                Some(record) => record,
                None => self.load(version)?,
            };
            log::info!("model {version} comes into use");
            self.in_use.insert(window, (counter, record.clone()));
            changed.push(record);
        }
        Ok(changed)
    }

    fn load(&self, version: ModelVersion) -> io::Result<Record> {
        let (partition, offset) = self.places[&version];
        let (_, bytes) = read_one(&self.settings, &self.topic, partition, offset)?;
        let model = read(&bytes, None, &[Kind::Model]).ok().and_then(Item::record);
        model.ok_or_else(|| {
            crate::kafka::client::errors::failed(format!(
                "topic {} partition {partition} offset {offset} is no model",
                self.topic
            ))
        })
    }

    /// A version is being written: the older ones that must go for it.
    pub(crate) fn superseded(&self, version: &str) -> Vec<String> {
        let Ok(written) = version.parse::<ModelVersion>() else { return Vec::new() };
        let first = ModelVersion { counter: 0, ..written };
        let of_window = self.places.range(first..written).rev();
        of_window.skip(KEPT - 1).map(|(version, _)| version.to_string()).collect()
    }
}

fn written(message: &BorrowedMessage<'_>) -> Option<f64> {
    message.timestamp().to_millis().map(|millis| millis as f64 / 1e3)
}

fn listen(message: &BorrowedMessage<'_>) -> Heard {
    let key = message.key().and_then(|key| str::from_utf8(key).ok());
    let Some(version) = key.and_then(|key| key.parse::<ModelVersion>().ok()) else {
        let (partition, offset) = (message.partition(), message.offset());
        report(&format!("models {partition}/{offset}: the key is no version"));
        return Heard::Nonsense;
    };
    let Some(bytes) = message.payload() else { return Heard::Deleted(version) };
    match read(bytes, None, &[Kind::Model]) {
        Ok(Item::Record(record)) => Heard::Model(version, record),
        Ok(_) => Heard::Nonsense,
        Err(refusal) => {
            report(&format!("model {}: {refusal}", key.unwrap_or_default()));
            Heard::Nonsense
        }
    }
}
