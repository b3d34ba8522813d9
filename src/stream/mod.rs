//! The carriers: they bring records to a stage and take away what it writes.
//!
//! A transport carries, it does not decide; [`run`] is the one loop over pipes and files.

pub mod lines;
pub mod models;

pub(crate) mod rejects;
mod replayed;
mod said;

pub use rejects::Rejects;
pub use replayed::Replayed;
pub use said::{Held, SAID, Stderr, complain, say, shown};

use std::io;

use crate::record::{Item, Kind, Reader, Record, Refusal};
use crate::stage::{Body, Ending, Out, Outgoing, RecordRef, Stage, Tally};

/// The bytes of one record, and where they stood.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Ascending and unique within an input.
    pub position: u64,
    /// The key of a topic's record.
    pub key: Option<&'a str>,
    /// One JSON object.
    pub bytes: &'a [u8],
    /// The same as text, where it is known already to be text.
    pub text: Option<&'a str>,
}

/// What a transport found when it was asked for input.
pub enum Step<'a> {
    /// Records beside the input (a model from its folder), then the next frames.
    Next(Vec<Record>, Vec<Frame<'a>>),
    /// One record that is no text: a replay yields values.
    Record(RecordRef<'a>),
    /// The input is over.
    End(Ending),
}

/// How much went through a transport so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records read, the refused ones included.
    pub read: u64,
    /// Records written, those handed on included.
    pub written: u64,
    /// Records refused.
    pub rejected: u64,
}

/// Carries records to and from one stage.
pub trait Transport {
    /// Waits for input. Before it waits, it sends off what was written. A wait of more than a
    /// second is broken by a step without frames, so that observers see that it lives.
    fn read(&mut self) -> io::Result<Step<'_>>;

    /// Takes what the stage wrote.
    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()>;

    /// Names, counts and keeps a record that was refused.
    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()>;

    /// Sends off all that was written; the last call.
    fn finish(&mut self) -> io::Result<()>;

    /// How much went through so far.
    fn counts(&self) -> Counts;

    /// What else it counted, by the names of the metrics' table.
    fn tally(&self) -> Tally {
        Tally::new()
    }
}

/// A transport that is chosen while the program runs.
impl<T: Transport + ?Sized> Transport for Box<T> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        (**self).read()
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        (**self).write(out)
    }

    fn reject(&mut self, position: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        (**self).reject(position, bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        (**self).finish()
    }

    fn counts(&self) -> Counts {
        (**self).counts()
    }

    fn tally(&self) -> Tally {
        (**self).tally()
    }
}

/// Sees how a stage gets on: a metrics page, a progress bar.
pub trait Observer {
    /// Called when input came, before it is worked on.
    fn begin(&mut self) {}

    /// Called after every batch; `tally` costs something, so it is made only on demand.
    fn batch(&mut self, counts: Counts, tally: &dyn Fn() -> Tally);

    /// Called once, when all is done.
    fn end(&mut self, counts: Counts, tally: &dyn Fn() -> Tally) {
        self.batch(counts, tally);
    }
}

/// An observer that looks away.
impl Observer for () {
    fn batch(&mut self, _: Counts, _: &dyn Fn() -> Tally) {}
}

/// A transport whose output is turned into something else on its way: CSV for JSON.
pub struct Mapped<T, F> {
    inner: T,
    map: F,
    /// Written before everything else.
    header: Option<Outgoing>,
}

impl<T, F: FnMut(Outgoing) -> io::Result<Option<Outgoing>>> Mapped<T, F> {
    /// Passes all that is written through `map`, which may drop it.
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
        self.inner.read()
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        let mut mapped: Vec<Outgoing> = self.header.take().into_iter().collect();
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

/// After so many single records the observer is called.
const RECORDS: u64 = 1024;

/// Feeds `stage` from `transport` until the input is over; returns how it ended.
pub fn run<S: Stage>(
    stage: &mut S,
    transport: &mut impl Transport,
    observer: &mut dyn Observer,
) -> io::Result<Ending> {
    let mut out = Out::default();
    loop {
        let mut refused = Vec::new();
        match transport.read()? {
            Step::Next(beside, frames) => {
                observer.begin();
                if !beside.is_empty() {
                    stage.on_batch(
                        &beside.into_iter().map(RecordRef::without_position).collect::<Vec<_>>(),
                        &mut out,
                    );
                }
                let batch = parse(&frames, S::TAKES, &mut refused);
                stage.on_batch(&batch, &mut out);
            }
            Step::Record(record) => {
                stage.on_batch(&[record], &mut out);
                transport.write(out.take())?;
                if transport.counts().read.is_multiple_of(RECORDS) {
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
                return Ok(ending);
            }
        }
        for (position, bytes, refusal) in &refused {
            transport.reject(*position, bytes, refusal)?;
        }
        transport.write(out.take())?;
        observer.batch(transport.counts(), &|| tally_of(stage, transport));
    }
}

/// What both counted.
fn tally_of(stage: &impl Stage, transport: &impl Transport) -> Tally {
    let mut tally = stage.tally();
    tally.extend(transport.tally());
    tally
}

/// A refused record: its position, its first bytes, and why.
pub(crate) type Refused = (u64, Vec<u8>, Refusal);

/// How much of a refused record is kept.
const KEPT: usize = 4096;

/// Reads the frames; what is refused goes to `refused` and leaves no trace in the batch.
pub(crate) fn parse<'a>(
    frames: &[Frame<'a>],
    takes: &[Kind],
    refused: &mut Vec<Refused>,
) -> Vec<RecordRef<'a>> {
    let mut batch = Vec::with_capacity(frames.len());
    let mut reader = Reader::new(takes);
    for frame in frames {
        let item = match frame.text {
            Some(text) => reader.text(text, frame.key),
            None => reader.bytes(frame.bytes, frame.key),
        };
        let body = match item {
            Ok(Item::Event(event)) => Body::Event(event),
            Ok(Item::Record(record)) => Body::Record(record),
            Ok(Item::Foreign) => Body::Foreign(frame.bytes),
            Err(refusal) => {
                let kept = frame.bytes[..frame.bytes.len().min(KEPT)].to_vec();
                refused.push((frame.position, kept, refusal));
                continue;
            }
        };
        batch.push(RecordRef { position: frame.position, body });
    }
    batch
}
