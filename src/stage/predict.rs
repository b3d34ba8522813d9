//! Answers parameters with a prediction, and scores it when the final size is known.
//!
//! `hawkes` and `forest` meet here. State: the predictions whose size has not come, and the sizes
//! whose parameters have not; what never finds its partner is bounded, evicted oldest first.
//!
//! **After a crash** the answers cannot be computed again, because they depend on the models of
//! their moment: the alerts that went out are read back instead ([`Recover::read_back`]), so that
//! a sample and a stat always score what was really said.

mod waiting;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use waiting::{Key, Met, Side, Table, Waiting};

use super::{Body, Ending, Out, RecordRef, Recover, Stage, Tally};
use crate::cascade::Point;
use crate::forest::{Model, Query};
use crate::hawkes::mark::MARK_EXPONENT;
use crate::hawkes::size::{FinalSize, MarkShape};
use crate::record::{Alert, Interval, Kind, Parameters, Record, Sample, Size, Stat};

/// How predictions are made and told.
#[derive(Clone, Debug, PartialEq)]
pub struct Manner {
    /// Nominal level of the intervals, above 0 and below 1.
    pub level: f64,
    /// Tell only predictions above this size; its probability to be passed stands in the alert.
    pub alert_above: Option<f64>,
    /// Predictions and sizes that may wait for their partners.
    pub max_pending: usize,
    /// Use this version of a window's model, whatever is newer.
    pub pin: Vec<String>,
    /// Tell the expected growth after the window too.
    pub curve: bool,
}

/// A prediction that went out, and what the sample will need.
struct Said {
    parameters: Parameters,
    n_pred: f64,
    interval: Option<Interval>,
    model: String,
}

/// The predictor.
pub struct Predict {
    manner: Manner,
    /// The model in use, by window.
    models: BTreeMap<u64, Arc<Model>>,
    waiting: Table,
    /// Alerts that were read back, by what they are about and their time (ids are used again).
    read_back: HashMap<(Key, u64), Alert>,
    counts: BTreeMap<(&'static str, String), f64>,
}

impl Predict {
    /// A predictor without models.
    pub fn new(manner: Manner) -> Self {
        Self {
            waiting: Table::new(manner.max_pending),
            manner,
            models: BTreeMap::new(),
            read_back: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    fn count(&mut self, name: &'static str, label: &str) {
        *self.counts.entry((name, label.to_owned())).or_default() += 1.0;
    }

    /// Takes a model into use; a pinned window keeps its version.
    pub fn adopt(&mut self, model: Arc<Model>) {
        let window = model.window() as u64;
        let prefix = format!("{window}-");
        let pinned = self.manner.pin.iter().find(|version| version.starts_with(&prefix));
        if pinned.is_none_or(|version| version == model.version()) {
            self.models.insert(window, model);
        }
    }

    /// What is predicted for a cascade, as the alert that tells it.
    pub fn answer(&self, parameters: &Parameters) -> Alert {
        let told = match self.models.get(&parameters.t_obs) {
            Some(model) if !parameters.features.is_empty() => {
                trained(parameters, model, &self.manner)
            }
            _ => untrained(parameters, &self.manner),
        };
        Alert {
            cid: parameters.cid.clone(),
            source: parameters.source.clone(),
            t: parameters.t,
            msg: parameters.msg.clone(),
            t_obs: parameters.t_obs,
            n_obs: parameters.n_obs,
            status: parameters.status.clone(),
            curve: if self.manner.curve { curve(parameters, told.n_tot) } else { Vec::new() },
            ..told
        }
    }

    fn parameters(&mut self, parameters: &Parameters, position: u64, out: &mut Out) {
        let key = Key::of(&parameters.source, &parameters.cid, parameters.t_obs);
        let told = (key.clone(), parameters.t.to_bits());
        let size = match self.waiting.meet(&key, Side::Parameters) {
            Met::Partner(Waiting::Sized(size)) => Some(size),
            Met::Nobody => None,
            Met::Ghost => return drop(self.read_back.remove(&told)),
            Met::Twin | Met::Partner(_) => return self.count("duplicate_parameters_total", ""),
        };
        let alert = self.read_back.remove(&told).unwrap_or_else(|| self.answer(parameters));
        self.count("predictions_total", step_of(&alert.model));
        let said = Said {
            parameters: parameters.clone(),
            n_pred: alert.n_tot,
            interval: alert.interval,
            model: alert.model.clone(),
        };
        if self.manner.alert_above.is_none_or(|above| alert.n_tot > above) {
            out.write(Record::Alert(alert));
        }
        match size {
            Some(size) => score(&said, &size, out),
            None => self.wait(key, position, Waiting::Said(Box::new(said))),
        }
    }

    fn size(&mut self, size: &Size, position: u64, out: &mut Out) {
        let key = Key::of(&size.source, &size.cid, size.t_obs);
        match self.waiting.meet(&key, Side::Size) {
            Met::Partner(Waiting::Said(said)) => score(&said, size, out),
            Met::Nobody => self.wait(key, position, Waiting::Sized(size.clone())),
            Met::Ghost => {}
            Met::Twin | Met::Partner(_) => self.count("duplicate_sizes_total", ""),
        }
    }

    fn wait(&mut self, key: Key, position: u64, waiting: Waiting) {
        for _ in 0..self.waiting.wait(key, position, waiting) {
            self.count("pending_evicted_total", "");
        }
    }

    fn model(&mut self, text: &str) {
        match Model::from_line(text) {
            Ok(model) => self.adopt(Arc::new(model)),
            Err(_) => self.count("models_refused_total", ""),
        }
    }
}

/// The expected growth after the window: pairs (seconds after its end, events by then).
///
/// The course is that of the fitted process, n + n_supp (1 - exp(-beta (1 - n*) s)) (SPEC.md
/// section 5), scaled so that it ends in the prediction.
fn curve(parameters: &Parameters, n_tot: f64) -> Vec<Point> {
    const POINTS: i32 = 24;
    /// The last point comes when all but so little of the growth is over.
    const REST: f64 = 0.005;
    let [_, beta] = parameters.params;
    let rate = beta * (1.0 - parameters.n_star.min(SUBCRITICAL));
    let n_obs = parameters.n_obs as f64;
    let at = |i: i32| {
        let time = -REST.ln() / rate * (f64::from(i) / f64::from(POINTS)).powi(2);
        Point { time, magnitude: n_obs + (n_tot - n_obs) * -(-rate * time).exp_m1() }
    };
    (0..=POINTS).map(at).filter(|point| point.time.is_finite()).collect()
}

fn step_of(model: &str) -> &'static str {
    if model == UNTRAINED { "untrained" } else { "trained" }
}

/// What an alert names where no model spoke.
pub const UNTRAINED: &str = "untrained";

/// The answer of a model.
fn trained(parameters: &Parameters, model: &Model, manner: &Manner) -> Alert {
    let n_obs = parameters.n_obs as f64;
    let [_, beta] = parameters.params;
    let x = [beta, parameters.n_star, parameters.g1];
    let answer = model.answer(&Query { features: &parameters.features, n_obs, x });
    let (low, high) = answer.interval(manner.level);
    let above = |k: f64| (k.to_string(), answer.probability_above(k));
    told(
        answer.n_tot(),
        Some(Interval { level: manner.level, low, high }),
        manner.alert_above.map(above).into_iter().collect(),
        model.version().to_owned(),
    )
}

/// Where no model knows the window: SEISMIC's estimate where it has one, else the branching
/// process, of which no more than ten times what was seen is believed. The uncertainty is that of
/// the branching process, marks of infinite variance in mind.
pub(super) fn untrained(parameters: &Parameters, manner: &Manner) -> Alert {
    const MOST: f64 = 1e15;
    let n_obs = parameters.n_obs as f64;
    let branching = branching(parameters);
    let guess = parameters.seismic.unwrap_or(branching);
    let n_tot = if guess.is_finite() { guess.clamp(n_obs, MOST) } else { branching.max(n_obs) };
    let n_star = parameters.n_star.clamp(0.0, SUBCRITICAL);
    let observed = parameters.n_obs as usize;
    let law = FinalSize::from_sums(observed, parameters.g1, n_star, shape(parameters));
    let quantile = |share: f64| law.quantile(share).clamp(n_obs, MOST);
    let tail = (1.0 - manner.level) / 2.0;
    let (low, high) = (quantile(tail).min(n_tot), quantile(1.0 - tail).max(n_tot));
    let above = |k: f64| (k.to_string(), law.probability_above(k).clamp(0.0, 1.0));
    told(
        n_tot,
        Some(Interval { level: manner.level, low, high }),
        manner.alert_above.map(above).into_iter().collect(),
        UNTRAINED.to_owned(),
    )
}

/// What the fitted process expects, n + n_supp, as far as it is believed.
pub(super) fn branching(parameters: &Parameters) -> f64 {
    const MOST_GROWTH: f64 = 10.0;
    let n_obs = parameters.n_obs as f64;
    (n_obs + parameters.n_supp).min(MOST_GROWTH * n_obs)
}

/// The largest branching factor that a fit may give (SPEC.md section 5).
const SUBCRITICAL: f64 = 0.99;

/// The shape of the law of marks: E\[m\] = n*/p is 1 exactly where there are no magnitudes.
fn shape(parameters: &Parameters) -> MarkShape {
    let [p, _] = parameters.params;
    let unit = p == parameters.n_star;
    if unit { MarkShape::Constant } else { MarkShape::PowerLaw(MARK_EXPONENT) }
}

fn told(
    n_tot: f64,
    interval: Option<Interval>,
    p_above: Vec<(String, f64)>,
    model: String,
) -> Alert {
    Alert {
        cid: String::new(),
        source: String::new(),
        t: 0.0,
        msg: String::new(),
        t_obs: 0,
        n_obs: 0,
        n_tot,
        interval,
        p_above,
        curve: Vec::new(),
        status: String::new(),
        model,
    }
}

/// The sample and the stat of a prediction whose cascade is over.
fn score(said: &Said, size: &Size, out: &mut Out) {
    let it = &said.parameters;
    let n_tot = size.n_tot as f64;
    out.write(Record::Sample(Box::new(sample(it, size.n_tot, size.t))));
    let covers = |interval: Interval| (interval.low..=interval.high).contains(&n_tot);
    out.write(Record::Stat(Stat {
        cid: it.cid.clone(),
        source: it.source.clone(),
        t: size.t,
        t_obs: it.t_obs,
        are: (said.n_pred - n_tot).abs() / n_tot.max(1.0),
        n_obs: it.n_obs,
        n_tot: size.n_tot,
        n_pred: said.n_pred,
        covered: said.interval.map(covers),
        level: said.interval.map(|interval| interval.level),
        model: said.model.clone(),
    }));
}

/// What a cascade teaches whose final size is known at time `t`.
pub(super) fn sample(it: &Parameters, n_tot: u64, t: f64) -> Sample {
    let [_, beta] = it.params;
    let exact = (n_tot as f64 - it.n_obs as f64) * (1.0 - it.n_star) / it.g1;
    Sample {
        cid: it.cid.clone(),
        source: it.source.clone(),
        t,
        t_obs: it.t_obs,
        x: [beta, it.n_star, it.g1],
        w: exact.is_finite().then_some(exact),
        n_obs: it.n_obs,
        n_tot,
        features: it.features.clone(),
        rows: it.rows.clone(),
    }
}

impl Stage for Predict {
    const TAKES: &'static [Kind] = &[Kind::Parameters, Kind::Size, Kind::Model];

    fn on_batch(&mut self, batch: &[RecordRef<'_>], out: &mut Out) {
        for record in batch {
            match &record.body {
                Body::Foreign(bytes) => out.hand_on(bytes),
                Body::Event(_) => {}
                Body::Record(body) => match &**body {
                    Record::Parameters(it) => self.parameters(it, record.position, out),
                    Record::Size(it) => self.size(it, record.position, out),
                    Record::Model(it) => self.model(it.text.get()),
                    _ => {}
                },
            }
        }
    }

    fn on_end(&mut self, _: Ending, _: &mut Out) {}

    fn tally(&self) -> Tally {
        let mut tally = self.counts.clone();
        tally.insert(("truth_pending", String::new()), self.waiting.len() as f64);
        for (window, model) in &self.models {
            tally.insert(("model_samples", window.to_string()), model.samples() as f64);
            tally.insert(("model_info", format!("{window},{}", model.version())), 1.0);
        }
        // A count that appears with its first event would hide that event from an alert.
        for name in [
            "duplicate_parameters_total",
            "duplicate_sizes_total",
            "pending_evicted_total",
            "models_refused_total",
        ] {
            tally.entry((name, String::new())).or_default();
        }
        for step in ["untrained", "trained"] {
            tally.entry(("predictions_total", step.to_owned())).or_default();
        }
        tally
    }
}

impl Recover for Predict {
    const READS_BACK: &'static [Kind] = &[Kind::Alert];

    fn oldest_needed(&self) -> Option<u64> {
        self.waiting.oldest()
    }

    fn mark(&self) -> String {
        self.waiting.mark()
    }

    fn resume(&mut self, mark: &str) -> bool {
        self.waiting.haunt(mark)
    }

    fn read_back(&mut self, record: &Record) {
        if let Record::Alert(alert) = record {
            let key = Key::of(&alert.source, &alert.cid, alert.t_obs);
            self.read_back.insert((key, alert.t.to_bits()), alert.clone());
        }
    }

    fn silence(&mut self, silent: bool) {
        if !silent {
            // Alerts of cascades that are scored already: nothing will ask for them.
            self.read_back = HashMap::new();
        }
    }
}
