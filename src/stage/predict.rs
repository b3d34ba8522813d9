//! Predicts the final size from parameters, and scores the prediction with the `size` record.
//!
//! State: predictions whose size is pending, and sizes whose parameters are pending; their number
//! is bounded, and the oldest are evicted first.
//!
//! **After a crash** a replay cannot compute the predictions again, because they depend on the
//! models in use at that time: the emitted alerts are read back instead ([`Restore::reads_back`]), so that
//! a sample and a stat always score the prediction that was emitted.

mod answer;
mod explain;
mod growth;
#[cfg(test)]
mod laws;
mod lost;
mod options;
mod pending;
mod process;
mod relation;
mod score;
mod withheld;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use answer::UNTRAINED;
use answer::{KERNEL, Predictor, status, training_label};
use growth::{curve, reached_after};
pub use lost::Lost;
pub use options::{Method, PredictOptions};
use pending::{Answered, Key, Match, Pending, Side, Table};
pub(super) use process::{branching, of_process};
pub(super) use score::sample;
use withheld::Withheld;

use super::clocks::Clocks;
use super::{
    Change, Ending, Incompatible, Item, Limit, Out, RecordRef, Recover, Restore, Saved, Stage,
    Tally,
};
use crate::event::ModelVersion;
use crate::learn::{FittedLaw, Model, Step};
use crate::math;
use crate::record::{Alert, Kind, Parameters, Record, Refusal, Size};

/// The predictor.
pub struct Predict {
    options: PredictOptions,
    /// The growth law without training.
    law: FittedLaw,
    clocks: Clocks,
    /// The model in use, by window.
    models: BTreeMap<u64, Arc<Model>>,
    pending: Table,
    /// Alerts that were read back, by cascade, window and time (ids are used again).
    read_back: HashMap<(Key, u64), Alert>,
    withheld: Withheld,
    counts: BTreeMap<(&'static str, String), f64>,
    /// Predictions of [`Method::Kernel`] without a size under the kernel.
    without_kernel: u64,
}

impl Predict {
    /// A predictor without models.
    pub fn new(options: PredictOptions) -> Self {
        Self {
            pending: Table::new(options.max_pending),
            law: FittedLaw::untrained(options.law),
            options,
            clocks: Clocks::default(),
            models: BTreeMap::new(),
            read_back: HashMap::new(),
            withheld: Withheld::default(),
            counts: BTreeMap::new(),
            without_kernel: 0,
        }
    }

    /// Number of predictions of [`Method::Kernel`] that are those of [`Method::Hawkes`], because the parameters have
    /// no fit of the kernel, or it has no size.
    pub fn without_kernel(&self) -> u64 {
        self.without_kernel
    }

    fn count(&mut self, name: &'static str, label: &str) {
        *self.counts.entry((name, label.to_owned())).or_default() += 1.0;
    }

    /// Uses a model from now on; a pinned window keeps its version.
    pub fn use_model(&mut self, model: Arc<Model>) {
        let window = model.window() as u64;
        let pinned = self.options.pin.iter().find(|version| version.window == window);
        if pinned.is_none_or(|version| *version == model.version()) {
            self.models.insert(window, model);
        }
    }

    pub(super) fn options(&self) -> &PredictOptions {
        &self.options
    }

    /// The model of the window nearest to an age in seconds, if they differ by at most this share of the age.
    pub(super) fn model_near(&self, age: u64, tolerance: f64) -> Option<&Arc<Model>> {
        let distance = |model: &Model| (model.window() / age as f64 - 1.0).abs();
        let nearest = self.models.values().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        Some(nearest).filter(|model| distance(model) <= tolerance)
    }

    /// The prediction for a cascade, as an alert.
    pub fn answer(&self, parameters: &Parameters) -> Alert {
        self.answer_by(parameters, self.models.get(&parameters.t_obs))
    }

    /// The prediction with this model in place of that of the window.
    pub(super) fn answer_by(&self, parameters: &Parameters, own: Option<&Arc<Model>>) -> Alert {
        let options = &self.options;
        let untrained = || Some(Predictor::Law(&self.law, UNTRAINED.to_owned()));
        let predictors = match options.method {
            Method::Auto => [self.trained(parameters, own), untrained()],
            Method::GrowthLaw => [None, untrained()],
            Method::Seismic | Method::Hawkes | Method::Kernel(_) => [None, None],
        };
        let learned = predictors
            .into_iter()
            .flatten()
            .find_map(|it| Some((it.alert(parameters, options)?, Some(it))));
        let (prediction, predictor) =
            learned.unwrap_or_else(|| (of_process(parameters, options, options.method), None));
        let explanation = || match &predictor {
            Some(it) => Some(explain::of_learned(parameters, it.explain(parameters)?)),
            None => explain::of_process(parameters, &prediction),
        };
        Alert {
            cid: parameters.cid.clone(),
            source: parameters.source.clone(),
            t: parameters.t,
            msg: parameters.msg.clone(),
            t_obs: parameters.t_obs,
            n_obs: parameters.n_obs,
            status: status(parameters, prediction.n_tot),
            reached_after: reached_after(parameters, &prediction, &options.limits()),
            curve: if options.curve { curve(parameters, &prediction) } else { Vec::new() },
            explanation: if options.explain { explanation().map(Box::new) } else { None },
            ..prediction
        }
    }

    /// The forest of the window, or its pinned model; without one, the law of the model that was trained on the most
    /// cascades.
    fn trained<'a>(
        &'a self,
        parameters: &Parameters,
        own: Option<&'a Arc<Model>>,
    ) -> Option<Predictor<'a>> {
        if parameters.features.is_empty() {
            return None;
        }
        if let Some(model) = own.filter(|model| model.step() == Step::Forest) {
            return Some(Predictor::Model(model));
        }
        if let Some(model) = own.filter(|model| self.options.pin.contains(&model.version())) {
            return Some(Predictor::Law(model.law(), model.version().to_string()));
        }
        let distance = |model: &Model| math::ln(model.window() / parameters.t_obs as f64).abs();
        let learned = self.models.values().filter(|model| model.law().cascades() > 0);
        let best = learned.max_by(|a, b| {
            let cascades = a.law().cascades().cmp(&b.law().cascades());
            let newest = a.newest().total_cmp(&b.newest());
            cascades.then(newest).then(distance(b).total_cmp(&distance(a)))
        })?;
        Some(Predictor::Law(best.law(), best.version().to_string()))
    }

    fn parameters(&mut self, parameters: &Parameters, position: u64, out: &mut Out) {
        let key = Key::of(&parameters.source, &parameters.cid, parameters.t_obs);
        let emission = (key.clone(), parameters.t.to_bits());
        let finished = self.pending.joined(parameters.t_obs);
        let size = match self.pending.take_match(&key, Side::Parameters, parameters.t) {
            Match::Counterpart(Pending::Sized(size)) => Some(size),
            Match::Unmatched => None,
            Match::Restored => return drop(self.read_back.remove(&emission)),
            Match::Duplicate | Match::Outdated | Match::Counterpart(_) => {
                return self.count("duplicate_parameters_total", "");
            }
        };
        let emitted =
            self.withheld.prediction(position).or_else(|| self.read_back.remove(&emission));
        let alert = emitted.unwrap_or_else(|| self.answer(parameters));
        self.count("predictions_total", training_label(&alert.model));
        if training_label(&alert.model) == "untrained" {
            let own = self.models.get(&parameters.t_obs);
            let has_model =
                own.is_some_and(|model| model.step() == Step::Forest || model.law().cascades() > 0);
            self.count("prediction_fallbacks_total", FALLBACKS[usize::from(has_model)]);
        }
        let by_kernel = matches!(self.options.method, Method::Kernel(_));
        self.without_kernel += u64::from(by_kernel && alert.method != KERNEL);
        let answered = Answered {
            // A sample has neither.
            parameters: Parameters { msg: String::new(), kernel_fit: None, ..parameters.clone() },
            n_pred: alert.n_tot,
            interval: alert.interval,
            model: alert.model.clone(),
            finished,
        };
        if self.options.alert_above.is_none_or(|above| alert.n_tot > above) {
            out.write(Record::Alert(alert));
        } else if size.is_none() {
            self.withheld.keep(position, &alert);
        }
        match size {
            Some(size) => self.score(&answered, &size, out),
            None => self.hold(key, position, Pending::Answered(Box::new(answered))),
        }
    }

    fn size(&mut self, size: &Size, position: u64, out: &mut Out) {
        let key = Key::of(&size.source, &size.cid, size.t_obs);
        match self.pending.take_match(&key, Side::Size, size.t) {
            Match::Counterpart(Pending::Answered(answered)) => self.score(&answered, size, out),
            Match::Unmatched => self.hold(key, position, Pending::Sized(size.clone())),
            Match::Restored => {}
            Match::Outdated => self.count("outdated_sizes_total", ""),
            Match::Duplicate | Match::Counterpart(_) => self.count("duplicate_sizes_total", ""),
        }
    }

    /// A final size below the observed number of events is invalid: no sample, no stat.
    fn score(&mut self, answered: &Answered, size: &Size, out: &mut Out) {
        if size.n_tot < answered.parameters.n_obs {
            return self.count("impossible_sizes_total", "");
        }
        score::emit(answered, size, out);
    }

    fn hold(&mut self, key: Key, position: u64, pending: Pending) {
        for _ in 0..self.pending.insert(key, position, pending) {
            self.count("pending_evicted_total", "");
        }
    }

    /// Uses a model of the input; refuses one that is altered or of another format.
    pub(super) fn model(&mut self, text: &str, position: u64, out: &mut Out) {
        match Model::from_line(text) {
            Ok(model) => self.use_model(Arc::new(model)),
            Err(error) => {
                self.count("models_refused_total", "");
                out.refuse(position, Refusal::new("field", error.to_string()));
            }
        }
    }
}

/// Why a prediction is untrained: the window has no model, or the model is not used, because features are missing or
/// another method was selected.
const FALLBACKS: [&str; 2] = ["no_model", "no_features"];

impl Stage for Predict {
    const TAKES: &'static [Kind] = &[Kind::Parameters, Kind::Size, Kind::Model];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        self.clocks.observe(batch);
        for record in batch {
            match &record.item {
                Item::Foreign(bytes) => out.pass_through(bytes),
                Item::Event(_) => {}
                Item::Record(body) => match &**body {
                    Record::Parameters(it) => self.parameters(it, record.position, out),
                    Record::Size(it) => self.size(it, record.position, out),
                    Record::Model(it) => self.model(it.text.get(), record.position, out),
                    _ => {}
                },
            }
        }
    }

    fn on_end(&mut self, _: Ending, _: &mut Out) {}

    fn tally(&self) -> Tally {
        let mut tally = self.counts.clone();
        self.clocks.add_to(&mut tally);
        tally.insert(("truth_pending", String::new()), self.pending.len() as f64);
        tally.insert(("superseded_total", String::new()), self.pending.superseded() as f64);
        for (window, model) in &self.models {
            tally.insert(("model_samples", window.to_string()), model.samples() as f64);
            tally.insert(("model_info", format!("{window},{}", model.version())), 1.0);
        }
        if !self.options.pin.is_empty() {
            let is_used =
                |version: &ModelVersion| self.models.values().any(|it| it.version() == *version);
            let ready = self.options.pin.iter().all(is_used);
            tally.insert(("ready", "pinned models".to_owned()), f64::from(u8::from(ready)));
        }
        // Counters start at 0: `increase()` ignores the first value of a series that did not exist before.
        for name in [
            "duplicate_parameters_total",
            "duplicate_sizes_total",
            "impossible_sizes_total",
            "pending_evicted_total",
            "models_refused_total",
            "outdated_sizes_total",
        ] {
            tally.entry((name, String::new())).or_default();
        }
        for step in ["untrained", "trained"] {
            tally.entry(("predictions_total", step.to_owned())).or_default();
        }
        for reason in FALLBACKS {
            tally.entry(("prediction_fallbacks_total", reason.to_owned())).or_default();
        }
        tally
    }
}

impl Recover for Predict {
    const RESTORE: Restore = Restore {
        reads_back: &[Kind::Alert],
        starts_late: false,
        spills: true,
        joins: &[Kind::Parameters, Kind::Size],
    };

    fn output_options(&self) -> String {
        String::new()
    }

    fn replay_start(&self, offered: &[u64]) -> Option<usize> {
        let oldest = self.pending.oldest();
        offered.iter().rposition(|start| oldest.is_none_or(|oldest| *start <= oldest))
    }

    fn checkpoint(&self) -> String {
        self.pending.checkpoint()
    }

    fn spill(&mut self, _: Limit) -> Vec<Change> {
        self.withheld.spill()
    }

    fn restore(&mut self, saved: Saved<'_>) -> Result<(), Incompatible> {
        self.pending.restore(saved.checkpoint)?;
        self.withheld.restore(saved.parts)?;
        for record in saved.emitted {
            if let Record::Alert(alert) = record {
                let key = Key::of(&alert.source, &alert.cid, alert.t_obs);
                self.read_back.insert((key, alert.t.to_bits()), alert);
            }
        }
        Ok(())
    }

    fn committed(&mut self, low: u64) {
        self.withheld.committed(low);
    }

    fn replaying(&mut self, on: bool) {
        if !on {
            // What is left are alerts of cascades that are scored already.
            self.read_back = HashMap::new();
            self.withheld.end_replay();
        }
    }
}
