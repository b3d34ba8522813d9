//! Trains a model per window on finished cascades, and publishes it if it is not worse.
//!
//! It trains at fixed points of its input (a window got a tenth of its kept samples in addition), never by the clock,
//! so the same samples give the same models. A model of all samples is compared with the incumbent on the samples
//! added since the last training, and published if it is at least as good. A sample is predicted only by trees and
//! networks that were not trained on it.

mod drift;
mod options;
mod restored;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use drift::TrainOnReports;
use drift::{Drift, DriftDetector};
pub use options::TrainOptions;

use super::clocks::Clocks;
use super::{Ending, Out, RecordRef, Stage, Tally};
use crate::event::ModelVersion;
use crate::learn::{self, LearnOptions, MIN_SAMPLES_FOR_TREES, Model, fit_model, fit_successor};
use crate::record::{self, Item, Kind, Record, Refusal};

/// Numbers of samples at which a window is trained, up to and including the first forest.
const FIRST: [usize; 8] = [1, 2, 3, 5, 7, 10, 14, MIN_SAMPLES_FOR_TREES];
/// Smallest number of new samples between two later trainings of a window.
const FEWEST_NEW: usize = 32;
/// New samples between two trainings, as a divisor of the kept ones: a tenth.
const GROWTH: usize = 10;

/// One window's samples and model.
#[derive(Default)]
struct Window {
    samples: usize,
    /// Samples at the last training.
    trained_at: usize,
    counter: u64,
    incumbent: Option<Arc<Model>>,
    /// The errors of its predictions.
    drift: DriftDetector,
}

impl Window {
    /// The number of samples at which it is trained next, where the newest so many are kept.
    fn due(&self, newest: usize) -> usize {
        let first = FIRST.into_iter().find(|samples| *samples > self.trained_at);
        let kept = self.trained_at.min(newest);
        first.unwrap_or(self.trained_at + FEWEST_NEW.max(kept / GROWTH))
    }

    /// Whether there are too few samples to compare models: then the model of more samples replaces the other.
    fn is_early(&self) -> bool {
        self.samples < MIN_SAMPLES_FOR_TREES
    }

    /// Whether to train on these samples: below [`MIN_SAMPLES_FOR_TREES`] only if the incumbent was trained on
    /// fewer.
    fn is_due(&self) -> bool {
        let incumbent = self.incumbent.as_ref().map_or(0, |incumbent| incumbent.samples());
        !self.is_early() || incumbent < self.samples
    }
}

/// The `train` stage.
pub struct Train {
    options: TrainOptions,
    clocks: Clocks,
    samples: Vec<learn::Sample>,
    /// The position of each sample.
    positions: Vec<u64>,
    windows: BTreeMap<u64, Window>,
    replaying: bool,
    trainings: u64,
    /// Samples that were left out, because their sizes are missing or contradict each other.
    unusable: u64,
    /// Samples without the features that the law of a model needs.
    without_features: u64,
    counts: BTreeMap<(&'static str, String), f64>,
}

impl Train {
    /// A learner without samples.
    pub fn new(options: TrainOptions) -> Self {
        let mut windows: BTreeMap<u64, Window> = BTreeMap::new();
        for version in &options.used_versions {
            let counter = &mut windows.entry(version.window).or_default().counter;
            *counter = (*counter).max(version.counter);
        }
        Self {
            options,
            clocks: Clocks::default(),
            samples: Vec::new(),
            positions: Vec::new(),
            windows,
            replaying: false,
            trainings: 0,
            unusable: 0,
            without_features: 0,
            counts: BTreeMap::new(),
        }
    }

    /// Trainings so far, with or without a published model.
    pub fn trainings(&self) -> u64 {
        self.trainings
    }

    /// Number of samples that no model can be trained on ([`learn::Sample::is_usable`]).
    pub fn unusable(&self) -> u64 {
        self.unusable
    }

    /// Number of samples without the features of the law: a model cannot predict them below [`MIN_SAMPLES_FOR_TREES`]
    /// samples, and its law does not learn from them.
    pub fn without_features(&self) -> u64 {
        self.without_features
    }

    fn count(&mut self, name: &'static str, label: String) {
        *self.counts.entry((name, label)).or_default() += 1.0;
    }

    fn sample(&mut self, sample: &record::Sample, position: u64, out: &mut Out) {
        let learned = learn::Sample { id: life(sample), ..learn_sample(sample) };
        if !learned.is_usable() {
            self.unusable += 1;
            return;
        }
        self.without_features += u64::from(!learned.has_inputs_of_the_law());
        self.positions.push(position);
        self.samples.push(learned);
        let window = self.windows.entry(sample.t_obs).or_default();
        window.samples += 1;
        if window.samples >= window.due(self.options.learn.newest) {
            self.drop_oldest();
            self.train(sample.t_obs, out);
        }
        let Some(n_pred) = sample.n_pred.filter(|_| self.options.on_drift) else { return };
        let n_tot = sample.n_tot as f64;
        let window = self.windows.entry(sample.t_obs).or_default();
        if let Some(drift) = window.drift.add((n_pred - n_tot).abs() / n_tot.max(1.0)) {
            self.train_on_drift(sample.t_obs, drift, out);
        }
    }

    /// Drops all but the newest samples of every window.
    fn drop_oldest(&mut self) {
        let newest = self.options.learn.newest;
        let mut too_many: BTreeMap<u64, usize> = BTreeMap::new();
        for sample in &self.samples {
            *too_many.entry(sample.t_obs as u64).or_default() += 1;
        }
        too_many.values_mut().for_each(|count| *count = count.saturating_sub(newest));
        if too_many.values().all(|count| *count == 0) {
            return;
        }
        let mut is_kept = |sample: &learn::Sample| match too_many.get_mut(&(sample.t_obs as u64)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        };
        let kept: Vec<bool> = self.samples.iter().map(&mut is_kept).collect();
        let mut each = kept.iter();
        self.samples.retain(|_| each.next().is_some_and(|kept| *kept));
        let mut each = kept.iter();
        self.positions.retain(|_| each.next().is_some_and(|kept| *kept));
    }

    /// Trains a window whose errors drift on its samples, if there are new ones, and publishes the model without a
    /// comparison: the incumbent is the model whose errors drift.
    fn train_on_drift(&mut self, t_obs: u64, drift: Drift, out: &mut Out) {
        let has_grown =
            self.windows.get(&t_obs).is_some_and(|it| it.samples > it.trained_at && it.is_due());
        if has_grown {
            self.drop_oldest();
            self.train_window(t_obs, true, out);
        }
        if self.replaying {
            return;
        }
        if has_grown {
            self.count("trainings_on_drift_total", String::new());
        }
        let Drift { mean_are, last_mean_are, scored } = drift;
        let result =
            if has_grown { "trained on its samples" } else { "not trained: too few new samples" };
        log::warn!(
            "drift: window of {t_obs} s: mean error {last_mean_are:.3} of the last predictions, {mean_are:.3} of \
             all {scored}; {result}"
        );
    }

    /// Trains a window on all samples, and publishes the model if it is at least as good as the incumbent.
    fn train(&mut self, t_obs: u64, out: &mut Out) {
        self.train_window(t_obs, false, out);
    }

    fn train_window(&mut self, t_obs: u64, always: bool, out: &mut Out) {
        let window = self.windows.entry(t_obs).or_default();
        let new = window.samples - window.trained_at;
        window.trained_at = window.samples;
        if self.replaying || !window.is_due() {
            return;
        }
        let (counter, early) = (window.counter + 1, window.is_early());
        let incumbent = window.incumbent.clone().filter(|_| !early && !always);
        let options = LearnOptions { window: t_obs as f64, counter, ..self.options.learn.clone() };
        let candidate = match incumbent {
            Some(incumbent) => fit_successor(&self.samples, &options, &incumbent, new),
            None => fit_model(&self.samples, &options),
        };
        let result = if candidate.is_some() { "published" } else { "kept" };
        self.count("trainings_total", format!("{t_obs},{result}"));
        self.trainings += 1;
        let Some(candidate) = candidate.map(Arc::new) else { return };
        self.count("models_published_total", String::new());
        if let Some(record) = as_record(&candidate) {
            out.write(record);
        }
        self.set_incumbent(t_obs, candidate);
    }

    fn set_incumbent(&mut self, t_obs: u64, model: Arc<Model>) {
        let window = self.windows.entry(t_obs).or_default();
        window.counter = window.counter.max(model.version().counter);
        window.incumbent = Some(model);
    }
}

/// The cascade of a sample: an id can be used again, and the windows of one cascade share final size and time.
fn life(sample: &record::Sample) -> String {
    format!("{}/{} {} {}", sample.source, sample.cid, sample.n_tot, sample.t)
}

/// The sample as `learn` reads it.
pub fn learn_sample(sample: &record::Sample) -> learn::Sample {
    learn::Sample {
        id: format!("{}/{}", sample.source, sample.cid),
        t_obs: sample.t_obs as f64,
        t: sample.t,
        n_obs: sample.n_obs as f64,
        n_tot: sample.n_tot as f64,
        features: sample.features.clone(),
        rows: sample.rows.clone(),
        x: sample.x,
        w: sample.w,
    }
}

/// The model as a record.
fn as_record(model: &Model) -> Option<Record> {
    let text = serde_json::value::RawValue::from_string(model.to_line()).ok()?;
    let t_obs = model.window() as u64;
    Some(Record::Model(record::Model { model: model.version().to_string(), t_obs, text }))
}

impl Stage for Train {
    const TAKES: &'static [Kind] = &[Kind::Sample, Kind::Model];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        self.clocks.observe(batch);
        for record in batch {
            match &record.item {
                Item::Foreign(bytes) => out.pass_through(bytes),
                Item::Event(_) => {}
                Item::Record(body) => match &**body {
                    Record::Sample(sample) => self.sample(sample, record.position, out),
                    // A published model: the incumbent of its window.
                    Record::Model(it) => match Model::from_line(it.text.get()) {
                        Ok(model) => self.set_incumbent(it.t_obs, Arc::new(model)),
                        Err(error) => {
                            self.count("models_refused_total", String::new());
                            out.refuse(record.position, Refusal::new("field", error.to_string()));
                            // Its version is in use: a new model must not replace it.
                            if let Ok(version) = it.model.parse::<ModelVersion>() {
                                let window = self.windows.entry(version.window).or_default();
                                window.counter = window.counter.max(version.counter);
                            }
                        }
                    },
                    _ => {}
                },
            }
        }
    }

    fn on_end(&mut self, ending: Ending, out: &mut Out) {
        if ending == Ending::Cut {
            return;
        }
        let has_grown = |window: &Window| window.samples > window.trained_at;
        let due: Vec<u64> =
            self.windows.iter().filter(|(_, it)| has_grown(it)).map(|(t_obs, _)| *t_obs).collect();
        self.drop_oldest();
        for t_obs in due {
            self.train(t_obs, out);
        }
    }

    fn tally(&self) -> Tally {
        let mut tally = self.counts.clone();
        self.clocks.add_to(&mut tally);
        tally.entry(("models_refused_total", String::new())).or_default();
        tally.entry(("models_published_total", String::new())).or_default();
        tally.entry(("trainings_on_drift_total", String::new())).or_default();
        tally.insert(("unusable_samples_total", String::new()), self.unusable as f64);
        let without = self.without_features as f64;
        tally.insert(("samples_without_features_total", String::new()), without);
        for (t_obs, window) in &self.windows {
            tally.insert(("training_rows", t_obs.to_string()), window.samples as f64);
            if let Some(model) = &window.incumbent {
                let error = model.held_out().mean_are;
                tally.insert(("training_oob_error_ratio", t_obs.to_string()), error);
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trainings_are_due_after_a_tenth_of_the_kept_samples() {
        let due = |trained_at, newest| Window { trained_at, ..Window::default() }.due(newest);
        assert_eq!(due(1_000_000, 100_000), 1_010_000);
        assert_eq!(due(50_000, 100_000), 55_000);
        assert_eq!((due(100, 50), due(3, 1)), (132, 5));
    }

    #[test]
    fn a_reused_id_is_another_cascade_but_another_window_is_not() {
        let sample = |t_obs, n_tot, t| record::Sample {
            cid: "a".to_owned(),
            source: "0".to_owned(),
            t,
            t_obs,
            x: [1e-3, 0.5, 10.0],
            w: None,
            n_obs: 10,
            n_tot,
            features: learn::Features::default(),
            rows: Default::default(),
            n_pred: None,
        };
        let first = life(&sample(600, 20, 7000.0));
        assert_eq!(life(&sample(3600, 20, 7000.0)), first);
        assert_ne!(life(&sample(600, 20, 9000.0)), first);
        assert_ne!(life(&sample(600, 21, 7000.0)), first);
    }
}
