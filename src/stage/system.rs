//! The whole system in one stage: tweets in, alerts and stats out, learning loop included.
//!
//! Records pass between the steps as they are, without JSON. The learner acts at fixed points of
//! the stream (`train`), and its models are in use from the next parameters on: so a run with the
//! loop is as deterministic as one without.

use super::collect::{Collect, CollectOptions};
use super::fit::{Fit, FitOptions};
use super::monitor::{Monitor, MonitorOptions};
use super::predict::{Predict, PredictOptions};
use super::train::{Train, TrainOptions};
use super::{Body, Ending, Out, Outgoing, RecordRef, Stage, Tally};
use crate::record::{Kind, Record};

/// What the steps are told.
#[derive(Clone, Debug)]
pub struct SystemOptions {
    /// How cascades are cut.
    pub collect: CollectOptions,
    /// How series are fitted.
    pub fit: FitOptions,
    /// How predictions are made.
    pub predict: PredictOptions,
    /// How forests are grown; `None`: nothing is learned.
    pub train: Option<TrainOptions>,
    /// Series that may wait to be fitted together; 0: none waits beyond its batch.
    pub hold: usize,
}

/// collect, fit, predict, train and monitor, one after the other.
pub struct System {
    collect: Collect,
    fit: Fit,
    predict: Predict,
    train: Option<Train>,
    monitor: Monitor,
    hold: usize,
    /// What the collector wrote and nobody took yet, and how many series are in it.
    waiting: Vec<Outgoing>,
    series: usize,
}

impl System {
    /// A system that has seen nothing.
    pub fn new(options: SystemOptions) -> Self {
        Self {
            collect: Collect::new(options.collect),
            fit: Fit::new(options.fit),
            predict: Predict::new(options.predict),
            train: options.train.map(Train::new),
            monitor: Monitor::new(MonitorOptions { every: 0, last: 100 }),
            hold: options.hold,
            waiting: Vec::new(),
            series: 0,
        }
    }

    /// How the predictions did.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Whether all that was fitted had no magnitudes.
    pub fn lacks_magnitudes(&self) -> bool {
        self.fit.lacks_magnitudes()
    }

    fn take(&mut self, collected: Vec<Outgoing>) {
        let is_serie = |item: &&Outgoing| matches!(item, Outgoing::Record(Record::Serie(_)));
        self.series += collected.iter().filter(is_serie).count();
        self.waiting.extend(collected);
    }

    /// Fits all series that wait, then goes through what was collected in its order.
    fn pass_on(&mut self, out: &mut Out) {
        self.series = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let (mut series, mut rest) = (Vec::new(), Vec::with_capacity(waiting.len()));
        for item in waiting {
            match item {
                Outgoing::Record(record @ Record::Serie(_)) => {
                    series.push(RecordRef::without_position(record));
                    rest.push(None);
                }
                other => rest.push(Some(other)),
            }
        }
        let mut fitted = Out::default();
        self.fit.on_batch(&series, &mut fitted);
        let mut fitted = fitted.take().into_iter();
        for item in rest {
            match item.or_else(|| fitted.next()) {
                Some(Outgoing::Record(record)) => self.predict(record, out),
                Some(Outgoing::Foreign(bytes)) => out.pass_through(&bytes),
                None => {}
            }
        }
    }

    fn predict(&mut self, record: Record, out: &mut Out) {
        let mut said = Out::default();
        self.predict.on_batch(&[RecordRef::without_position(record)], &mut said);
        for item in said.take() {
            match item {
                Outgoing::Record(record @ Record::Sample(_)) => {
                    let mut learned = Out::default();
                    if let Some(train) = &mut self.train {
                        train.on_batch(&[RecordRef::without_position(record)], &mut learned);
                    }
                    self.adopt(learned, out);
                }
                Outgoing::Record(record @ Record::Stat(_)) => {
                    self.monitor.on_batch(
                        &[RecordRef::without_position(record.clone())],
                        &mut Out::default(),
                    );
                    out.write(record);
                }
                Outgoing::Record(record) => out.write(record),
                Outgoing::Foreign(bytes) => out.pass_through(&bytes),
            }
        }
    }

    /// Puts the models that were learned to use, and tells them.
    fn adopt(&mut self, mut learned: Out, out: &mut Out) {
        for item in learned.take() {
            if let Outgoing::Record(record @ Record::Model(_)) = item {
                self.predict
                    .on_batch(&[RecordRef::without_position(record.clone())], &mut Out::default());
                out.write(record);
            }
        }
    }

    fn model(&mut self, record: &Record) {
        self.predict.on_batch(&[RecordRef::without_position(record.clone())], &mut Out::default());
        if let Some(train) = &mut self.train {
            train.on_batch(&[RecordRef::without_position(record.clone())], &mut Out::default());
        }
    }
}

impl Stage for System {
    const TAKES: &'static [Kind] = &[Kind::Tweet, Kind::Retweet, Kind::Watermark, Kind::Model];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        for record in batch {
            if let Body::Record(body) = &record.body
                && matches!(**body, Record::Model(_))
            {
                self.pass_on(out);
                self.model(body);
                continue;
            }
            let mut collected = Out::default();
            self.collect.on_batch(std::slice::from_ref(record), &mut collected);
            self.take(collected.take());
        }
        if self.series > self.hold || (self.hold == 0 && !self.waiting.is_empty()) {
            self.pass_on(out);
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        let mut collected = Out::default();
        self.collect.on_end(ending, &mut collected);
        self.take(collected.take());
        self.pass_on(out);
        let mut learned = Out::default();
        if let Some(train) = &mut self.train {
            train.on_end(ending, &mut learned);
        }
        self.adopt(learned, out);
    }

    fn tally(&self) -> Tally {
        let mut tally = self.fit.tally();
        tally.extend(self.predict.tally());
        tally.extend(self.train.iter().flat_map(Stage::tally));
        tally.extend(self.monitor.tally());
        // Last: of the clocks that each stage tells, those of the input count.
        tally.extend(self.collect.tally());
        tally
    }
}
