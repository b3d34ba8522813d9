//! All stages in one: tweets in, alerts, stats and models out.
//!
//! Records pass between the stages in memory, without JSON. `train` publishes models at fixed points
//! of the stream, and `predict` uses them from the next parameters on: so a run that trains is as
//! deterministic as one that does not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::collect::{Collect, CollectOptions};
use super::fit::{Fit, FitOptions};
use super::monitor::{Monitor, MonitorOptions};
use super::predict::{Predict, PredictOptions};
use super::train::{Train, TrainOptions};
use super::{Ending, Out, Outgoing, RecordRef, Sink, Stage, Tally};
use crate::input::{ObservedDurations, SharedDurations};
use crate::record::{Item, Kind, Record, Refusal};

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
    /// For how long the cascades of a recording were observed: windows that they were not observed for are left out.
    pub observed: Option<SharedDurations>,
}

/// collect, fit, predict, train and monitor, one after the other.
pub struct System {
    collect: Collect,
    /// A sink of the collector: one watermark may close millions of windows.
    rest: Arc<Mutex<Rest>>,
}

/// The stages after the collector.
struct Rest {
    fit: Fit,
    predict: Predict,
    train: Option<Train>,
    monitor: Monitor,
    hold: usize,
    observed: Option<SharedDurations>,
    /// Output of the collector that is held.
    held: Vec<Outgoing>,
    /// Number of series in `held`.
    series: usize,
    /// The output of the system, during a call.
    out: Out,
}

impl System {
    /// A system at the start of its input.
    pub fn new(options: SystemOptions) -> Self {
        let rest = Rest {
            fit: Fit::new(options.fit),
            predict: Predict::new(options.predict),
            train: options.train.map(Train::new),
            monitor: Monitor::new(MonitorOptions { every: 0, last: 100 }),
            hold: options.hold,
            observed: options.observed,
            held: Vec::new(),
            series: 0,
            out: Out::default(),
        };
        Self { collect: Collect::new(options.collect), rest: Arc::new(Mutex::new(rest)) }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the errors of the predictions.
    pub fn with_monitor<T>(&self, read: impl FnOnce(&Monitor) -> T) -> T {
        read(&self.rest().monitor)
    }

    /// Reads the stage that fits.
    pub fn with_fit<T>(&self, read: impl FnOnce(&Fit) -> T) -> T {
        read(&self.rest().fit)
    }

    /// Reads for how long the cascades were observed, where they are recorded.
    pub fn with_observed(&self, read: impl FnOnce(&ObservedDurations)) {
        if let Some(observed) = &self.rest().observed {
            read(&observed.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The stage that collects.
    pub fn collect(&self) -> &Collect {
        &self.collect
    }
}

impl Sink for Rest {
    fn put(&mut self, items: Vec<Outgoing>) {
        self.hold(items);
        if self.series > self.hold {
            self.process_held();
        }
    }
}

impl Rest {
    /// Holds the output of the collector, without the windows that a cascade was not observed for.
    fn hold(&mut self, mut collected: Vec<Outgoing>) {
        if let Some(observed) = &self.observed {
            let observed = observed.lock().unwrap_or_else(PoisonError::into_inner);
            collected.retain(|item| match item {
                Outgoing::Record(Record::Serie(it)) => observed.has(&it.cid, it.t_obs),
                Outgoing::Record(Record::Size(it)) => observed.has(&it.cid, it.t_obs),
                _ => true,
            });
        }
        let is_serie = |item: &&Outgoing| matches!(item, Outgoing::Record(Record::Serie(_)));
        self.series += collected.iter().filter(is_serie).count();
        self.held.extend(collected);
    }

    /// Fits all held series, then processes the output of the collector in its order.
    fn process_held(&mut self) {
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
                Some(Outgoing::Record(record)) => self.predict(record),
                Some(Outgoing::Foreign(bytes)) => self.out.pass_through(&bytes),
                None => {}
            }
        }
    }

    fn predict(&mut self, record: Record) {
        let mut predicted = Out::default();
        self.predict.on_batch(&[RecordRef::without_position(record)], &mut predicted);
        for item in predicted.take() {
            match item {
                Outgoing::Record(record @ Record::Sample(_)) => {
                    let mut trained = Out::default();
                    if let Some(train) = &mut self.train {
                        train.on_batch(&[RecordRef::without_position(record)], &mut trained);
                    }
                    self.use_models(trained);
                }
                Outgoing::Record(record @ Record::Stat(_)) => {
                    self.monitor.on_batch(
                        &[RecordRef::without_position(record.clone())],
                        &mut Out::default(),
                    );
                    self.out.write(record);
                }
                Outgoing::Record(record) => self.out.write(record),
                Outgoing::Foreign(bytes) => self.out.pass_through(&bytes),
            }
        }
    }

    /// Uses the trained models from now on, and emits them.
    fn use_models(&mut self, mut trained: Out) {
        for item in trained.take() {
            if let Outgoing::Record(record @ Record::Model(_)) = item {
                self.predict
                    .on_batch(&[RecordRef::without_position(record.clone())], &mut Out::default());
                self.out.write(record);
            }
        }
    }

    /// Passes a model to `predict` and `train`; returns the refusal of an invalid model.
    fn model(&mut self, record: &RecordRef<'_>) -> Vec<(u64, Refusal)> {
        let mut out = Out::default();
        self.predict.on_batch(std::slice::from_ref(record), &mut out);
        if let Some(train) = &mut self.train {
            train.on_batch(std::slice::from_ref(record), &mut Out::default());
        }
        out.take_refused()
    }
}

impl Stage for System {
    const TAKES: &'static [Kind] = &[Kind::Tweet, Kind::Retweet, Kind::Watermark, Kind::Model];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        self.rest().out = std::mem::take(out);
        let mut refused = Vec::new();
        for record in batch {
            if let Item::Record(body) = &record.item
                && matches!(**body, Record::Model(_))
            {
                let mut rest = self.rest();
                rest.process_held();
                refused.extend(rest.model(record));
                continue;
            }
            let mut collected = Out::to(Some(self.rest.clone()));
            self.collect.on_batch(std::slice::from_ref(record), &mut collected);
            refused.extend(collected.take_refused());
            self.rest().hold(collected.take());
        }
        let mut rest = self.rest();
        if rest.series > rest.hold || (rest.hold == 0 && !rest.held.is_empty()) {
            rest.process_held();
        }
        *out = std::mem::take(&mut rest.out);
        for (position, refusal) in refused {
            out.refuse(position, refusal);
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        self.rest().out = std::mem::take(out);
        let mut collected = Out::to(Some(self.rest.clone()));
        self.collect.on_end(ending, &mut collected);
        let mut rest = self.rest();
        rest.hold(collected.take());
        rest.process_held();
        let mut trained = Out::default();
        if let Some(train) = &mut rest.train {
            train.on_end(ending, &mut trained);
        }
        rest.use_models(trained);
        *out = std::mem::take(&mut rest.out);
    }

    fn tally(&self) -> Tally {
        let rest = self.rest();
        let mut tally = rest.fit.tally();
        tally.extend(rest.predict.tally());
        tally.extend(rest.train.iter().flat_map(Stage::tally));
        tally.extend(rest.monitor.tally());
        // Last, so that the clocks are those of the input.
        tally.extend(self.collect.tally());
        tally
    }
}
