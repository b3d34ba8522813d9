//! Transports: they read the input of a stage and write its output.
//!
//! A transport makes no decision about records. [`run`] is the loop over pipes, files and replays; the loop
//! over Kafka topics is in `kafka`.

pub mod lines;
pub mod models;

mod finished;
mod imported;
mod messages;
pub(crate) mod rejects;
mod replayed;
mod target;
mod writer;

pub use finished::Finished;
pub use imported::{Imported, MakeCascader};
pub use messages::{
    HeldStderr, PRINTED, Stderr, Stdout, are_messages_logged, log_messages, print_stderr,
    print_text, printable, report, report_loss,
};
pub use rejects::Rejects;
pub use replayed::Replayed;
pub use target::rename_target;
pub use writer::named;

use std::io;

use crate::input::import::{Format, Recognised, recognise};
use crate::record::{Item, Kind, Reader, Record, Refusal};
use crate::stage::{Ending, Out, Outgoing, RecordRef, SharedSink, Stage, Tally};

/// The bytes of one record and its position.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Ascending and unique within an input.
    pub position: u64,
    /// The key of a record from a topic.
    pub key: Option<&'a str>,
    /// One JSON object.
    pub bytes: &'a [u8],
    /// The same bytes as text, where they are validated already.
    pub text: Option<&'a str>,
}

/// The result of a read from a transport.
pub enum Step<'a> {
    /// Records from outside the input (a model from its folder), and the next frames.
    Next(Vec<Record>, Vec<Frame<'a>>),
    /// One record as a value: from a replay.
    Record(RecordRef<'a>),
    /// The end of the input.
    End(Ending),
}

/// Numbers of records of a transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read, including refused ones.
    pub read: u64,
    /// Records written, including those passed through.
    pub written: u64,
    /// Records refused.
    pub rejected: u64,
}

/// Reads the input of one stage and writes its output.
pub trait Transport {
    /// Reads the next input, and flushes the output before it blocks. Returns a step without frames after at
    /// most one second, so that observers see progress.
    ///
    /// # Errors
    /// The input cannot be read, or the output cannot be written.
    fn read(&mut self) -> io::Result<Step<'_>>;

    /// Writes output of the stage.
    ///
    /// # Errors
    /// The output cannot be written.
    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()>;

    /// The output itself, which takes what a stage emits while the frames of a read are in use; `None`
    /// where the output of a batch is written after the batch.
    fn sink(&self) -> Option<SharedSink> {
        None
    }

    /// Reports and counts a refused record, and stores it as a dead letter where that is enabled.
    ///
    /// # Errors
    /// The dead letter cannot be written.
    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()>;

    /// Flushes the output. This is the last call.
    ///
    /// # Errors
    /// The output cannot be written.
    fn finish(&mut self) -> io::Result<()>;

    /// Numbers of records so far.
    fn counts(&self) -> Counts;

    /// Other counters, by the names in the table of metrics.
    fn tally(&self) -> Tally {
        Tally::new()
    }
}

/// Observes the progress of a stage: for metrics or a progress bar.
pub trait Observer {
    /// Called before a batch is processed.
    fn begin(&mut self) {}

    /// Called after every batch. `tally` is a function because its result takes time to compute.
    fn batch(&mut self, counts: Counts, tally: &dyn Fn() -> Tally);

    /// Called once, at the end.
    fn end(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        self.batch(counts, tally);
    }
}

/// An observer that ignores all calls.
impl Observer for () {
    fn batch(&mut self, _: Counts, _: &dyn Fn() -> Tally) {}
}

/// A transport with a function applied to its output: CSV in place of JSON.
pub struct Mapped<T, F> {
    inner: T,
    map: F,
    /// Written before the first read.
    header: Option<Outgoing>,
}

impl<T, F: FnMut(Outgoing) -> io::Result<Option<Outgoing>>> Mapped<T, F> {
    /// Applies `map` to each output item; `None` drops the item.
    pub fn new(inner: T, map: F) -> Self {
        Self { inner, map, header: None }
    }

    /// Writes this line first, even where nothing else is written.
    pub fn with_header(self, line: impl Into<Vec<u8>>) -> Self {
        Self { header: Some(Outgoing::Foreign(line.into())), ..self }
    }
}

impl<T: Transport, F: FnMut(Outgoing) -> io::Result<Option<Outgoing>>> Transport for Mapped<T, F> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        if let Some(header) = self.header.take() {
            self.inner.write(vec![header])?;
        }
        self.inner.read()
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        let mut mapped = Vec::with_capacity(out.len());
        for item in out {
            mapped.extend((self.map)(item)?);
        }
        self.inner.write(mapped)
    }

    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        self.inner.reject(position, bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.inner.finish()
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }

    fn tally(&self) -> Tally {
        self.inner.tally()
    }
}

/// Number of single records between two calls of the observer.
const OBSERVE_EVERY: u64 = 1024;

/// Runs `stage` on the input of `transport` to its end; returns the number of records of the input
/// that were of a kind that it takes. Models from a folder are not counted.
///
/// # Errors
/// The first error of the transport.
pub fn run<S: Stage>(
    stage: &mut S,
    transport: &mut impl Transport,
    observer: &mut dyn Observer,
) -> io::Result<u64> {
    let mut out = Out::to(transport.sink());
    let mut taken = 0;
    loop {
        let mut refused = Vec::new();
        match transport.read()? {
            Step::Next(beside, frames) => {
                observer.begin();
                let is_input = |record: &&Record| !matches!(record, Record::Model(_));
                taken += beside.iter().filter(is_input).count() as u64;
                if !beside.is_empty() {
                    stage.on_batch(
                        &beside.into_iter().map(RecordRef::without_position).collect::<Vec<_>>(),
                        &mut out,
                    );
                }
                let batch = parse(&frames, S::TAKES, &mut refused);
                let foreign = |record: &&RecordRef<'_>| matches!(record.item, Item::Foreign(_));
                taken += (batch.len() - batch.iter().filter(foreign).count()) as u64;
                stage.on_batch(&batch, &mut out);
                refused.extend(refused_by_stage(&mut out, &frames));
            }
            Step::Record(record) => {
                taken += 1;
                let batch = [record];
                stage.on_batch(&batch, &mut out);
                let refused = out.take_refused();
                if let Some((position, refusal)) = refused.first() {
                    let text = format!("{:?}", batch[0].item);
                    transport.reject(*position, text.as_bytes(), refusal)?;
                }
                transport.write(out.take())?;
                if transport.counts().read.is_multiple_of(OBSERVE_EVERY) {
                    observer.begin();
                    observer.batch(transport.counts(), &|| tally_of(stage, transport));
                }
                continue;
            }
            Step::End(ending) => {
                observer.begin();
                stage.on_end(ending, &mut out);
                transport.write(out.take())?;
                transport.finish()?;
                observer.end(transport.counts(), &|| tally_of(stage, transport));
                return Ok(taken);
            }
        }
        for (position, bytes, refusal) in refused {
            transport.reject(position, &bytes, &with_command(refusal, &bytes, S::TAKES))?;
        }
        transport.write(out.take())?;
        observer.batch(transport.counts(), &|| tally_of(stage, transport));
    }
}

/// The refusal of a line that is no record, with the command that reads such lines.
fn with_command(mut refusal: Refusal, bytes: &[u8], takes: &[Kind]) -> Refusal {
    if !matches!(refusal.reason, "type" | "json") || refusal.detail.contains("tweetoscope") {
        return refusal;
    }
    // The whole system, which reads tweets and models, replays history lines where it recognises them.
    let is_system = takes.contains(&Kind::Tweet) && takes.contains(&Kind::Model);
    refusal.detail += &match recognise(&String::from_utf8_lossy(bytes)) {
        Recognised::Format(Format::History) if is_system => {
            "; it is a history line; after records, and on stdin with --http, all lines are read as records or posts \
             unless --format history is given"
                .to_owned()
        }
        Recognised::Format(Format::History) if !takes.contains(&Kind::History) => {
            "; it is a history line, a whole cascade: read by tweetoscope run, fit and \
             predict --now, and converted to tweets by tweetoscope generate --format history -"
                .to_owned()
        }
        Recognised::Format(Format::Posts(format)) => format!(
            "; it is a post ({}): read by tweetoscope run, fit and predict --now, and converted to tweets by tweetoscope \
             generate --format {} -",
            format.title(),
            Format::Posts(format)
        ),
        _ => String::new(),
    };
    refusal
}

/// The counters of stage and transport.
fn tally_of(stage: &impl Stage, transport: &impl Transport) -> Tally {
    let mut tally = stage.tally();
    tally.extend(transport.tally());
    tally
}

/// A refused record: its position, its first bytes, and the reason.
pub(crate) type Refused = (u64, Vec<u8>, Refusal);

/// Maximum number of bytes of a refused record that are kept.
const MAX_KEPT_BYTES: usize = 4096;

/// The records that the stage refused, with their first bytes.
pub(crate) fn refused_by_stage(out: &mut Out, frames: &[Frame<'_>]) -> Vec<Refused> {
    let refused = out.take_refused().into_iter();
    let with_bytes = |(position, refusal)| {
        let frame = frames.binary_search_by_key(&position, |frame| frame.position);
        let bytes = frame.map_or(&b""[..], |at| frames[at].bytes);
        (position, bytes[..bytes.len().min(MAX_KEPT_BYTES)].to_vec(), refusal)
    };
    refused.map(with_bytes).collect()
}

/// Parses the frames; appends refused records to `refused`.
pub(crate) fn parse<'a>(
    frames: &[Frame<'a>],
    takes: &[Kind],
    refused: &mut Vec<Refused>,
) -> Vec<RecordRef<'a>> {
    let place = |frame: &Frame<'_>| RecordRef { position: frame.position, item: Item::default() };
    let mut batch: Vec<RecordRef<'_>> = frames.iter().map(place).collect();
    let (mut reader, mut frames) = (Reader::new(takes), frames.iter());
    batch.retain_mut(|record| {
        let Some(frame) = frames.next() else { return false };
        let read = match frame.text {
            Some(text) => reader.text(text, frame.key, &mut record.item),
            None => reader.bytes(frame.bytes, frame.key, &mut record.item),
        };
        let Err(refusal) = read else { return true };
        let kept = frame.bytes[..frame.bytes.len().min(MAX_KEPT_BYTES)].to_vec();
        refused.push((frame.position, kept, refusal));
        false
    });
    batch
}
