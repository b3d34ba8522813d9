//! From topics to a pipe: for those who look on (`monitor`, `log`, `dashboard`).
//!
//! A looker-on wants to see everything, and two of them both do: so all partitions are read by
//! everyone, without a group. It begins where it is told to at every start, since a summary of
//! half the records would be none.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;

use crate::kafka::client::cluster::Cluster;
use crate::kafka::client::context::Shared;
use crate::kafka::client::reader::{Found, Reader};
use crate::kafka::client::settings::{From, Settings};
use crate::kafka::client::topics::Topic;
use crate::kafka::daemon::oversize::{head, oversize};
use crate::record::{Kind, Refusal};
use crate::stage::{Ending, Outgoing, Tally};
use crate::stream::lines::Writer;
use crate::stream::{Counts, Frame, Rejects, Step, Transport};

/// How long it waits at most before it looks around.
const LOOK: Duration = Duration::from_millis(100);
/// Most records that are handed on at once.
const MOST: usize = 4096;

/// A record that was read: its place, and what it says.
struct Held {
    /// Which of the topics, and where in it.
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
    reader: Reader,
    /// Partitions that are not read to their end.
    open: Vec<i32>,
}

/// Carries records of topics to a writer.
pub struct Bridge<W> {
    settings: Settings,
    cluster: Cluster,
    sources: Vec<Source>,
    /// The batch that was handed out last, and the position of its first record.
    batch: Vec<Held>,
    first: u64,
    to: Writer<W>,
    rejects: Rejects,
    counts: Counts,
}

impl<W: Write> Bridge<W> {
    /// Starts to read the topics of these kinds; only the first must be there.
    pub fn open(settings: &Settings, kinds: &[Kind], to: W) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let cluster = Cluster::connect(settings, &shared)?;
        let mut topics: Vec<Topic> = kinds.iter().filter_map(|kind| Topic::of(*kind)).collect();
        topics.dedup();
        if let Some(creation) = &settings.creation {
            cluster.create(&topics, creation)?;
        }
        let mut sources = Vec::new();
        for (index, topic) in topics.into_iter().enumerate() {
            let partitions = match cluster.partitions(settings.topic(topic))? {
                Some(partitions) => partitions,
                None if index == 0 => cluster.needed(topic)?,
                None => continue,
            };
            let name = settings.topic(topic).to_owned();
            let mut starts = BTreeMap::new();
            for partition in 0..partitions {
                // As offsets: a record that comes while we connect is not to be missed.
                let (first, end) = cluster.ends(&name, partition)?;
                let start = if settings.from == From::Earliest { first } else { end };
                starts.insert(partition, Offset::Offset(start));
            }
            let reader = Reader::open(settings, &name, &starts)?;
            sources.push(Source { name, reader, open: (0..partitions).collect() });
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

    /// Takes what is there of every topic, in turn; waits for the first of them alone.
    fn fill(&mut self) -> io::Result<()> {
        self.first += self.batch.len() as u64;
        self.batch.clear();
        let mut wait = LOOK / self.sources.len().max(1) as u32;
        for (index, source) in self.sources.iter_mut().enumerate() {
            while self.batch.len() < MOST
                && let Some(found) = source.reader.next(wait)?
            {
                match found {
                    Found::End(partition) => source.open.retain(|it| *it != partition),
                    Found::Record(message) => {
                        wait = Duration::ZERO;
                        if !source.open.contains(&message.partition()) {
                            source.open.push(message.partition());
                        }
                        let Some(bytes) = message.payload() else { continue };
                        if let Some(refusal) = oversize(bytes, self.settings.longest) {
                            let place =
                                place_in(&source.name, message.partition(), message.offset());
                            self.counts.read += 1;
                            self.rejects.add(&place, head(bytes), &refusal)?;
                            continue;
                        }
                        let key = message.key().and_then(|it| str::from_utf8(it).ok());
                        self.batch.push(Held {
                            place: (index, message.partition(), message.offset()),
                            key: key.map(str::to_owned),
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
        loop {
            if self.settings.stop.load(Ordering::Relaxed) {
                return Ok(Step::End(Ending::Cut));
            }
            self.fill()?;
            if !self.batch.is_empty() {
                break;
            }
            if self.is_read() {
                return Ok(Step::End(Ending::Complete));
            }
            self.to.flush()?;
            self.cluster.check_reachable()?;
        }
        let frames = self.batch.iter().zip(self.first..).map(|(held, position)| Frame {
            position,
            key: held.key.as_deref(),
            bytes: &held.bytes,
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
        let place = self.batch.get((position - self.first) as usize).map(|held| held.place);
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
        self.rejects.tally()
    }
}
