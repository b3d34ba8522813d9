//! A replay as the input of a stage: events are passed as values, without JSON.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::writer::Shared;
use super::{Counts, Rejects, Step, Transport};
use crate::input::Refused;
use crate::record::{Item, Record, Refusal};
use crate::replay::{Replay, ReplayItem};
use crate::stage::{Ending, Outgoing, RecordRef, SharedSink, Tally};

/// A transport from a replay to a writer.
pub struct Replayed<W> {
    replay: Replay,
    to: Shared<W>,
    rejects: Rejects,
    stop: Arc<AtomicBool>,
    read: u64,
}

impl<W: Write + Send + 'static> Replayed<W> {
    /// Replays to the end, or until `stop` is set. `rejects` holds the refusals from opening the files.
    pub fn new(replay: Replay, to: W, rejects: Rejects, stop: Arc<AtomicBool>) -> Self {
        Self { replay, to: Shared::new(to), rejects, stop, read: 0 }
    }
}

impl Rejects {
    /// Rejects with an optional dead-letter file, and the refusals from opening files of cascades.
    ///
    /// # Errors
    /// The dead-letter file cannot be opened or written.
    pub fn with_cascades(path: Option<&Path>, refused: &[Refused]) -> io::Result<Self> {
        let mut rejects = Self::new(path)?;
        refused.iter().try_for_each(|refused| rejects.add_cascade(refused))?;
        Ok(rejects)
    }

    /// Counts and reports a cascade that a history or a replay refused.
    ///
    /// # Errors
    /// The dead-letter file cannot be written.
    pub fn add_cascade(&mut self, refused: &Refused) -> io::Result<()> {
        let refusal = Refusal::new(refused.reason, refused.detail.clone());
        match refused.line {
            Some(line) => self.add(&format!("{}:{line}", refused.file), &refused.record, &refusal),
            None => self.add(&refused.file, &refused.record, &refusal),
        }
    }
}

impl<W: Write + Send + 'static> Transport for Replayed<W> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(Step::End(Ending::Cut));
        }
        if !self.replay.has_next() {
            let cut = self.replay.summary().cut;
            return Ok(Step::End(if cut { Ending::Cut } else { Ending::Complete }));
        }
        self.read += 1;
        let position = self.read;
        match self.replay.next() {
            Some(ReplayItem::Event { event, .. }) => {
                Ok(Step::Record(RecordRef { position, item: Item::Event(event) }))
            }
            Some(ReplayItem::Watermark(it)) => {
                Ok(Step::Record(RecordRef::without_position(Record::Watermark(it))))
            }
            Some(ReplayItem::Refused(refused)) => {
                self.rejects.add_cascade(&refused)?;
                Ok(Step::Next(Vec::new(), Vec::new()))
            }
            None => Ok(Step::End(Ending::Cut)),
        }
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        self.to.write(&out)
    }

    fn sink(&self) -> Option<SharedSink> {
        Some(self.to.sink())
    }

    fn reject(&mut self, _: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        self.rejects.add("replay", bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.flush()?;
        self.rejects.report_total();
        Ok(())
    }

    fn counts(&self) -> Counts {
        Counts { read: self.read, written: self.to.written(), rejected: self.rejects.count() }
    }

    fn tally(&self) -> Tally {
        self.rejects.tally()
    }
}
