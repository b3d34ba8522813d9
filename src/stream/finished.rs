//! Recorded cascades as the input of `fit` and `predict --now`: each is one history record.

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
    /// The end of the observation of all cascades, in Unix seconds.
    end: Option<f64>,
    /// The same, where a cascade has none of its own.
    fallback: Option<f64>,
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
        let to = Writer::new(to);
        Self { cascades, unit, next: 0, end: None, fallback: None, to, rejects, stop }
    }

    /// Sets the end of the observation, in Unix seconds. With `None` it is the end that the input names, else its last
    /// event, if it has Unix times.
    pub fn ongoing(mut self, end: Option<f64>) -> Self {
        self.end = end;
        self.fallback = self.cascades.last_event(self.unit);
        self
    }

    fn record(&mut self, index: u64) -> io::Result<Option<Record>> {
        let mut cascade = HistoryCascade::default();
        if let Err(refused) = self.cascades.take(index, &mut cascade) {
            self.rejects.add_cascade(&refused)?;
            return Ok(None);
        }
        let HistoryCascade { mut cid, msg, t0, observed, points: mut tweets } = cascade;
        if self.end.is_some() && t0.is_none() {
            let why = "an end of the observation requires Unix times, or t0 in a history line";
            let refused = self.cascades.refused(index, Refusal::new("field", why));
            self.rejects.add_cascade(&refused)?;
            return Ok(None);
        }
        let since_root = |end: Option<f64>| end.zip(t0).map(|(end, t0)| end - t0);
        let observed = since_root(self.end)
            .or_else(|| observed.map(|it| it * self.unit))
            .or_else(|| since_root(self.fallback));
        let suffix = self.cascades.suffix(index);
        if suffix > 1 {
            cid = format!("{cid}~{suffix}");
        }
        tweets.iter_mut().for_each(|point| point.time *= self.unit);
        let source = self.cascades.source(index).unwrap_or("0").to_owned();
        Ok(Some(Record::History(History { cid, source, msg, tweets, t0, observed })))
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
