//! All stages in one: tweets in, alerts, stats and models out.
//!
//! Records pass between the stages in memory, without JSON. `train` publishes models at fixed points
//! of the stream, and `predict` uses them from the next parameters on: so a run that trains is as
//! deterministic as one that does not.

use super::collect::{Collect, CollectOptions};
use super::fit::{Fit, FitOptions};
use super::monitor::{Monitor, MonitorOptions};
use super::predict::{Predict, PredictOptions};
use super::train::{Train, TrainOptions};
use super::{Body, Ending, Out, Outgoing, RecordRef, Stage, Tally};
use crate::record::{Kind, Record};

/// The options of the stages.
#[derive(Clone, Debug)]
pub struct SystemOptions {
    /// Windows and ends of cascades.
    pub collect: CollectOptions,
    /// Fits of series.
    pub fit: FitOptions,
    /// Predictions.
    pub predict: PredictOptions,
    /// Training; `None`: no model is trained.
    pub train: Option<TrainOptions>,
    /// Upper bound of the number of series that are held to be fitted together; 0: none is held
    /// beyond its batch.
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
    /// Output of the collector that is held.
    held: Vec<Outgoing>,
    /// Number of series in `held`.
    series: usize,
}

impl System {
    /// A system at the start of its input.
    pub fn new(options: SystemOptions) -> Self {
        Self {
            collect: Collect::new(options.collect),
            fit: Fit::new(options.fit),
            predict: Predict::new(options.predict),
            train: options.train.map(Train::new),
            monitor: Monitor::new(MonitorOptions { every: 0, last: 100 }),
            hold: options.hold,
            held: Vec::new(),
            series: 0,
        }
    }

    /// The errors of the predictions.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The stage that fits.
    pub fn fit(&self) -> &Fit {
        &self.fit
    }

    /// The stage that collects.
    pub fn collect(&self) -> &Collect {
        &self.collect
    }

    /// Holds the output of the collector.
    fn hold(&mut self, collected: Vec<Outgoing>) {
        let is_serie = |item: &&Outgoing| matches!(item, Outgoing::Record(Record::Serie(_)));
        self.series += collected.iter().filter(is_serie).count();
        self.held.extend(collected);
    }

    /// Fits all held series, then processes the output of the collector in its order.
    fn process_held(&mut self, out: &mut Out) {
        self.series = 0;
        let held = std::mem::take(&mut self.held);
        let (mut series, mut rest) = (Vec::new(), Vec::with_capacity(held.len()));
        for item in held {
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
        let mut predicted = Out::default();
        self.predict.on_batch(&[RecordRef::without_position(record)], &mut predicted);
        for item in predicted.take() {
            match item {
                Outgoing::Record(record @ Record::Sample(_)) => {
                    let mut trained = Out::default();
                    if let Some(train) = &mut self.train {
                        train.on_batch(&[RecordRef::without_position(record)], &mut trained);
                    }
                    self.use_models(trained, out);
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

    /// Uses the trained models from now on, and emits them.
    fn use_models(&mut self, mut trained: Out, out: &mut Out) {
        for item in trained.take() {
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
                self.process_held(out);
                self.model(body);
                continue;
            }
            let mut collected = Out::default();
            self.collect.on_batch(std::slice::from_ref(record), &mut collected);
            for (position, refusal) in collected.take_refused() {
                out.refuse(position, refusal);
            }
            self.hold(collected.take());
        }
        if self.series > self.hold || (self.hold == 0 && !self.held.is_empty()) {
            self.process_held(out);
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        let mut collected = Out::default();
        self.collect.on_end(ending, &mut collected);
        self.hold(collected.take());
        self.process_held(out);
        let mut trained = Out::default();
        if let Some(train) = &mut self.train {
            train.on_end(ending, &mut trained);
        }
        self.use_models(trained, out);
    }

    fn tally(&self) -> Tally {
        let mut tally = self.fit.tally();
        tally.extend(self.predict.tally());
        tally.extend(self.train.iter().flat_map(Stage::tally));
        tally.extend(self.monitor.tally());
        // Last, so that the clocks are those of the input.
        tally.extend(self.collect.tally());
        tally
    }
}
