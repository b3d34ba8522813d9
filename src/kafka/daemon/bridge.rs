//! Reads topics and writes to a pipe, for the readers `monitor`, `log` and `dashboard`.
//!
//! Every reader reads all partitions, without a group, and starts at `--from` each time:
//! a summary of a part of the records would be wrong.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::interface::{Brokers, PartitionReader};
use crate::kafka::client::records::Found;
use crate::kafka::client::settings::Settings;
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::oversize::{head, oversize};
use crate::kafka::daemon::topic_watch::TopicWatch;
use crate::record::{Kind, Refusal};
use crate::stage::{Ending, Outgoing, Tally};
use crate::stream::lines::Writer;
use crate::stream::{Counts, Frame, Rejects, Step, Transport};

/// Timeout of a poll: signals are checked in between.
const POLL: Duration = Duration::from_millis(100);
/// Number of records of a batch, at most.
const MAX_BATCH: usize = 4096;

/// A record of the current batch.
struct Buffered {
    /// The index of its topic, partition and offset.
    place: (usize, i32, i64),
    key: Option<String>,
    bytes: Vec<u8>,
}

fn place_in(topic: &str, partition: i32, offset: i64) -> String {
    format!("{topic} partition {partition} offset {offset}")
}

/// One of the topics.
struct Source {
    name: String,
    reader: Box<dyn PartitionReader>,
    watch: TopicWatch,
    /// Partitions whose end is not reached.
    open: Vec<i32>,
}

/// The transport from topics to a writer.
pub struct Bridge<W> {
    settings: Settings,
    cluster: Cluster,
    sources: Vec<Source>,
    /// The current batch, and the position of its first record.
    batch: Vec<Buffered>,
    first: u64,
    to: Writer<W>,
    rejects: Rejects,
    counts: Counts,
}

impl<W: Write> Bridge<W> {
    /// Starts to read the topics of these types of records; only the first topic must exist.
    pub fn open(settings: &Settings, kinds: &[Kind], to: W) -> io::Result<Self> {
        let cluster = Cluster::connect(settings)?;
        let mut topics: Vec<Topic> = kinds.iter().filter_map(|kind| Topic::of(*kind)).collect();
        topics.dedup();
        if let Some(creation) = &settings.creation {
            cluster.create(&topics, creation)?;
        }
        let mut sources = Vec::new();
        for (index, topic) in topics.into_iter().enumerate() {
            let partitions = match cluster.partitions(settings.topic(topic))? {
                Some(partitions) => partitions,
                None if index == 0 => cluster.required(topic)?,
                None => continue,
            };
            let name = settings.topic(topic).to_owned();
            let mut starts = BTreeMap::new();
            for partition in 0..partitions {
                starts.insert(partition, cluster.start(&name, partition)?);
            }
            let reader = cluster.reader(&name, &starts)?;
            let watch = TopicWatch::new(&name, starts);
            sources.push(Source { name, reader, watch, open: (0..partitions).collect() });
        }
        Ok(Self {
            settings: settings.clone(),
            cluster,
            sources,
            batch: Vec::new(),
            first: 0,
            to: Writer::new(to),
            rejects: Rejects::new(settings.dead_letter.as_deref().map(std::path::Path::new))?,
            counts: Counts::default(),
        })
    }

    /// Reads the records that have been fetched of each topic; waits only if there are none so far.
    fn fill(&mut self) -> io::Result<()> {
        self.first += self.batch.len() as u64;
        self.batch.clear();
        let mut wait = POLL / self.sources.len().max(1) as u32;
        for (index, source) in self.sources.iter_mut().enumerate() {
            while self.batch.len() < MAX_BATCH
                && let Some(found) = source.reader.next(wait)?
            {
                match found {
                    Found::End(partition) => source.open.retain(|it| *it != partition),
                    Found::Record(record) => {
                        source.watch.read(record.partition(), record.offset());
                        wait = Duration::ZERO;
                        if !source.open.contains(&record.partition()) {
                            source.open.push(record.partition());
                        }
                        let Some(bytes) = record.value() else { continue };
                        if let Some(refusal) = oversize(bytes, self.settings.max_record_bytes) {
                            let place = place_in(&source.name, record.partition(), record.offset());
                            self.counts.read += 1;
                            self.rejects.add(&place, head(bytes), &refusal)?;
                            continue;
                        }
                        let key = record.key().map(str::to_owned);
                        self.batch.push(Buffered {
                            place: (index, record.partition(), record.offset()),
                            key,
                            bytes: bytes.to_vec(),
                        });
                    }
                }
            }
        }
        self.counts.read += self.batch.len() as u64;
        Ok(())
    }

    fn is_read(&self) -> bool {
        self.settings.exit_eof && self.sources.iter().all(|source| source.open.is_empty())
    }
}

impl<W: Write> Transport for Bridge<W> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        if self.settings.stop.load(Ordering::Relaxed) {
            return Ok(Step::End(Ending::Cut));
        }
        self.fill()?;
        if self.batch.is_empty() {
            if self.is_read() {
                return Ok(Step::End(Ending::Complete));
            }
            self.to.flush()?;
            self.cluster.check_reachable()?;
            for source in &mut self.sources {
                source.watch.check(&self.cluster)?;
            }
        }
        let frames = self.batch.iter().zip(self.first..).map(|(buffered, position)| Frame {
            position,
            key: buffered.key.as_deref(),
            bytes: &buffered.bytes,
            text: None,
        });
        Ok(Step::Next(Vec::new(), frames.collect()))
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        for item in &out {
            self.to.outgoing(item)?;
        }
        self.counts.written = self.to.written();
        Ok(())
    }

    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        let place = self.batch.get((position - self.first) as usize).map(|buffered| buffered.place);
        let (source, partition, offset) = place.unwrap_or_default();
        let name = &self.sources[source].name;
        self.rejects.add(&place_in(name, partition, offset), bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.flush()?;
        self.rejects.report_total();
        Ok(())
    }

    fn counts(&self) -> Counts {
        Counts { rejected: self.rejects.count(), ..self.counts }
    }

    fn tally(&self) -> Tally {
        let mut tally = self.rejects.tally();
        for (error, count) in self.sources.iter().flat_map(|source| source.reader.errors()) {
            *tally.entry(("kafka_consumer_errors_total", error)).or_default() += count as f64;
        }
        tally
    }
}
