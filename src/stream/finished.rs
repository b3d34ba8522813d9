//! Recorded cascades as the input of `fit`: each is one history record.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lines::Writer;
use super::{Counts, Rejects, Step, Transport};
use crate::input::{Cascades, HistoryCascade};
use crate::record::{History, Record, Refusal};
use crate::stage::{Ending, Outgoing, Tally};

/// Number of cascades per step: enough to fit several at a time.
const CASCADES: u64 = 256;

/// A transport from cascades to a writer.
pub struct Finished<W> {
    cascades: Box<dyn Cascades + Send>,
    /// Seconds per unit of the times.
    unit: f64,
    next: u64,
    to: Writer<W>,
    rejects: Rejects,
    stop: Arc<AtomicBool>,
}

impl<W: Write + Send + 'static> Finished<W> {
    /// Reads all cascades, or until `stop` is set. `rejects` holds the refusals from opening the files.
    pub fn new(
        cascades: Box<dyn Cascades + Send>,
        unit: f64,
        to: W,
        rejects: Rejects,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self { cascades, unit, next: 0, to: Writer::new(to), rejects, stop }
    }

    fn record(&mut self, index: u64) -> io::Result<Option<Record>> {
        let mut cascade = HistoryCascade::default();
        if let Err(refused) = self.cascades.take(index, &mut cascade) {
            self.rejects.add_cascade(&refused)?;
            return Ok(None);
        }
        let HistoryCascade { mut cid, msg, points: mut tweets, .. } = cascade;
        let suffix = self.cascades.suffix(index);
        if suffix > 1 {
            cid = format!("{cid}~{suffix}");
        }
        tweets.iter_mut().for_each(|point| point.time *= self.unit);
        Ok(Some(Record::History(History { cid, msg, tweets })))
    }
}

impl<W: Write + Send + 'static> Transport for Finished<W> {
    fn read(&mut self) -> io::Result<Step<'_>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(Step::End(Ending::Cut));
        }
        let end = (self.next + CASCADES).min(self.cascades.count());
        if self.next == end {
            return Ok(Step::End(Ending::Complete));
        }
        let mut records = Vec::new();
        for index in self.next..end {
            records.extend(self.record(index)?);
        }
        self.next = end;
        Ok(Step::Next(records, Vec::new()))
    }

    fn write(&mut self, out: Vec<Outgoing>) -> io::Result<()> {
        out.iter().try_for_each(|item| self.to.outgoing(item))
    }

    fn reject(&mut self, _: u64, bytes: &[u8], refusal: &Refusal) -> io::Result<()> {
        self.rejects.add("cascades", bytes, refusal)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.flush()?;
        self.rejects.report_total();
        Ok(())
    }

    fn counts(&self) -> Counts {
        Counts { read: self.next, written: self.to.written(), rejected: self.rejects.count() }
    }

    fn tally(&self) -> Tally {
        self.rejects.tally()
    }
}
