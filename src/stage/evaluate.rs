//! Cross-validation: predictions of cascades by models of the other folds.
//!
//! Finished cascades go through the same fit, training and prediction as in the stages, without a
//! stream. Simple and published methods predict the same cascades, fitted to the same folds.

mod calibration;
mod curve;
mod kernels;
#[cfg(test)]
mod laws;
mod prequential;

use std::collections::HashMap;

pub use calibration::{CALIBRATED, CalibrationRow, PIT_BINS, calibration};
pub use curve::{CurveCell, CurveOptions, CurveRow, learning_curve};
pub use kernels::KernelMethod;
pub use prequential::evaluate_in_time;

use super::fit::FitOptions;
use super::predict::{Method, PredictOptions, branching, of_process, sample};
use super::train::learn_sample;
use crate::cascade::{Point, largest_size, rounded_outwards};
use crate::input::is_observed;
use crate::learn::{self, LearnOptions, Prediction, ScoredDistribution, Step, validate};
use crate::parallel::in_parallel;
use crate::record::Serie;
use crate::score::{Scores, Trial, mean};

/// A finished cascade.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinishedCascade {
    /// Its id, unique among all.
    pub cid: String,
    /// Time of the root in Unix seconds, if the data has it.
    pub t0: Option<f64>,
    /// Its events in time order, in seconds since the first.
    pub points: Vec<Point>,
    /// For how many seconds it was observed; `None`: until it was finished.
    pub observed: Option<f64>,
}

/// The options of the evaluation.
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// Observation windows in seconds, ascending.
    pub windows: Vec<u64>,
    /// Number of folds; each is predicted by models of the others.
    pub folds: usize,
    /// The final size counts the events up to this age, in seconds.
    pub max_age: f64,
    /// Events that a cascade must have in a window to be scored there.
    pub min_size: u64,
    /// Fits of cascades.
    pub fit: FitOptions,
    /// Predictions where there are too few cascades for a model, and the level of intervals.
    pub predict: PredictOptions,
    /// Kernels whose expected sizes are scored too.
    pub kernels: Vec<KernelMethod>,
    /// Training of models; its seed also assigns the folds and resamples the cascades.
    pub learn: LearnOptions,
}

/// A method of prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    /// `predict` with a model of `train`.
    Model,
    /// The growth law without training: `predict` without a model.
    GrowthLaw,
    /// n: no further events.
    NoGrowth,
    /// A fitted multiple of n.
    MedianRatio,
    /// A fitted linear function of ln n (Szabo & Huberman, CACM 2010).
    LogLinear,
    /// The fitted Hawkes process, n + n_supp up to 10 n (Mishra, Rizoiu & Xie, CIKM 2016).
    Hawkes,
    /// SEISMIC (Zhao et al., KDD 2015), the process where it has no estimate.
    Seismic,
    /// The original hybrid: n + omega G1/(1 - n*), omega by a forest on (beta, n*, G1).
    Hybrid,
    /// A kernel of `fit --kernel`, fitted to the cascade; the Hawkes process where the fit has no size.
    Kernel(KernelMethod),
}

impl Predictor {
    /// Those that are always evaluated, ours first.
    pub const ALL: [Self; 8] = [
        Self::Model,
        Self::GrowthLaw,
        Self::NoGrowth,
        Self::MedianRatio,
        Self::LogLinear,
        Self::Hawkes,
        Self::Seismic,
        Self::Hybrid,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::GrowthLaw => "growth-law",
            Self::NoGrowth => "no-growth",
            Self::MedianRatio => "median-ratio",
            Self::LogLinear => "log-linear",
            Self::Hawkes => "hawkes",
            Self::Seismic => "seismic",
            Self::Hybrid => "hybrid",
            Self::Kernel(method) => method.name(),
        }
    }
}

/// The prediction of one method for one cascade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MethodPrediction {
    /// The final size: finite, at least n.
    pub n_tot: f64,
    /// The interval of the nominal level, where the method has one.
    pub interval: Option<[f64; 2]>,
    /// Whether it is the method's own, not that of its fallback.
    pub own: bool,
}

/// A cascade at a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The cascade.
    pub cid: String,
    /// The window, in seconds.
    pub t_obs: u64,
    /// Events in the window.
    pub n_obs: u64,
    /// Events in the end.
    pub n_tot: u64,
    /// How the model predicts; `None` where there were too few cascades for a model.
    pub step: Option<Step>,
    /// The answers of [`Predictor::ALL`] in this order, then of [`EvaluateOptions::kernels`].
    pub answers: Vec<(Predictor, MethodPrediction)>,
    /// The distributions of the methods [`CALIBRATED`], where they have one.
    pub forecasts: [Option<ScoredDistribution>; CALIBRATED.len()],
}

impl Case {
    /// The answer of [`Predictor::Model`].
    pub fn ours(&self) -> MethodPrediction {
        self.answers[0].1
    }
}

/// The scores of a method at a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The window, in seconds.
    pub t_obs: u64,
    /// The method.
    pub predictor: Predictor,
    /// Number of answers that were its own.
    pub own: usize,
    /// The scores of all answers.
    pub scores: Scores,
    /// The share of intervals that hold the final size.
    pub covered: Option<f64>,
}

/// Predicts every cascade at every window that it was observed for, in the order of windows, then of cascades. The result
/// does not depend on the number of threads. `after` is called after each fold.
pub fn evaluate(
    cascades: &[FinishedCascade],
    options: &EvaluateOptions,
    after: &dyn Fn(),
) -> Vec<Case> {
    let (samples, answers) = studies(cascades, options);
    let windows: Vec<f64> = options.windows.iter().map(|window| *window as f64).collect();
    let EvaluateOptions { folds, predict, learn, .. } = options;
    let predictions = validate(&samples, learn, &windows, *folds, predict.level, after);
    let all = || samples.iter().zip(&answers);
    let cases = options.windows.iter().zip(&predictions).flat_map(|(window, predictions)| {
        let by_id: HashMap<&str, &Prediction> =
            predictions.iter().map(|it| (&*it.id, it)).collect();
        let here = all().filter(|(sample, _)| sample.t_obs == *window as f64);
        let cases: Vec<Case> = here
            .filter_map(|(sample, answers)| Some(case(by_id.get(&*sample.id)?, answers)))
            .collect();
        cases
    });
    cases.collect()
}

/// The samples of all cascades at all windows, and their predictions without training.
fn studies(
    cascades: &[FinishedCascade],
    options: &EvaluateOptions,
) -> (Vec<learn::Sample>, Vec<Untrained>) {
    let jobs = jobs(cascades, options);
    in_parallel(&jobs, options.fit.threads, |job| job.study(options)).into_iter().unzip()
}

/// One cascade at one window.
struct Job<'a> {
    past: &'a FinishedCascade,
    window: u64,
    n_obs: usize,
    n_tot: usize,
}

fn jobs<'a>(cascades: &'a [FinishedCascade], options: &EvaluateOptions) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for past in cascades {
        let until = |age: f64| past.points.partition_point(|point| point.time <= age);
        let n_tot = until(options.max_age);
        let observed = options.windows.iter().filter(|it| is_observed(past.observed, **it));
        let job = |&window: &u64| Job { past, window, n_obs: until(window as f64), n_tot };
        let big = |job: &Job| job.n_obs as u64 >= options.min_size.max(1);
        jobs.extend(observed.map(job).filter(big));
    }
    jobs
}

/// The predictions of the methods that are not fitted to other cascades.
struct Untrained {
    hawkes: f64,
    seismic: MethodPrediction,
    kernels: Vec<(KernelMethod, MethodPrediction)>,
}

impl Job<'_> {
    /// Fits the cascade: its sample, and its untrained predictions.
    fn study(&self, options: &EvaluateOptions) -> (learn::Sample, Untrained) {
        let Self { past, window, n_obs, n_tot } = *self;
        let root = past.t0.unwrap_or(0.0);
        let last = past.points[n_tot - 1].time;
        let serie = Serie {
            cid: past.cid.clone(),
            source: "0".to_owned(),
            t: root + window as f64,
            msg: String::new(),
            t_obs: window,
            // The fit takes the time of the root from here, and the events from its other argument.
            tweets: vec![Point { time: root, ..past.points[0] }],
        };
        let seen = &past.points[..n_obs];
        let parameters = options.fit.parameters(&serie, seen, window as f64);
        let alert = of_process(&parameters, &options.predict, Method::Seismic);
        let seismic = MethodPrediction {
            n_tot: alert.n_tot,
            interval: alert.interval.map(|it| [it.low, it.high]),
            own: parameters.seismic.is_some(),
        };
        let hawkes = branching(&parameters).max(n_obs as f64);
        let kernel = |method: &KernelMethod| {
            let size = method.options().size(seen, window as f64, &options.fit.marks);
            let n_tot = size.unwrap_or(hawkes);
            (*method, MethodPrediction { n_tot, interval: None, own: size.is_some() })
        };
        let kernels = options.kernels.iter().map(kernel).collect();
        let untrained_answers = Untrained { hawkes, seismic, kernels };
        (learn_sample(&sample(&parameters, n_tot as u64, root + last)), untrained_answers)
    }
}

/// The answers of all methods for a cascade.
fn case(prediction: &Prediction, untrained_answers: &Untrained) -> Case {
    let Untrained { hawkes, seismic, ref kernels } = *untrained_answers;
    let trained = prediction.step.is_some();
    let answer = |n_tot: f64| MethodPrediction { n_tot, interval: None, own: true };
    let within = |n_tot: f64, (low, high): (f64, f64)| MethodPrediction {
        interval: Some([low, high]),
        ..answer(n_tot)
    };
    let model = within(prediction.predicted, prediction.interval);
    // As the original system does without a model.
    let hybrid = prediction.omega.map_or(MethodPrediction { own: false, ..answer(hawkes) }, answer);
    let by = |predictor: Predictor| match predictor {
        Predictor::Model => MethodPrediction { own: trained, ..model },
        Predictor::GrowthLaw => within(prediction.growth_law, prediction.growth_law_interval),
        Predictor::NoGrowth => answer(prediction.n_obs),
        Predictor::MedianRatio => answer(prediction.median_ratio),
        Predictor::LogLinear => answer(prediction.log_linear),
        Predictor::Hawkes => answer(hawkes),
        Predictor::Seismic => seismic,
        Predictor::Hybrid => hybrid,
        Predictor::Kernel(method) => {
            let own = kernels.iter().find(|(it, _)| *it == method);
            own.map_or(answer(hawkes), |(_, answer)| *answer)
        }
    };
    let added = kernels.iter().map(|(method, _)| Predictor::Kernel(*method));
    let methods = Predictor::ALL.into_iter().chain(added);
    Case {
        cid: prediction.id.split_once('/').map_or(&*prediction.id, |(_, cid)| cid).to_owned(),
        t_obs: prediction.t_obs as u64,
        n_obs: prediction.n_obs as u64,
        n_tot: prediction.n_tot as u64,
        step: prediction.step,
        forecasts: prediction.calibrated,
        answers: methods.map(|it| (it, clamped(by(it), prediction.n_obs))).collect(),
    }
}

/// The answer, clamped to be at least n and at most the largest size of a prediction, so that every
/// answer is scored.
fn clamped(answer: MethodPrediction, n_obs: f64) -> MethodPrediction {
    let is_number = !answer.n_tot.is_nan();
    let n_tot = if is_number { answer.n_tot.clamp(n_obs, largest_size(n_obs)) } else { n_obs };
    let interval = answer.interval.map(|[low, high]| {
        let (low, high) = rounded_outwards((low, high), n_tot);
        [low.max(n_obs), high]
    });
    MethodPrediction { n_tot, interval, ..answer }
}

/// The scores of the methods, window by window, in the order of [`Predictor::ALL`], then of the kernels.
pub fn score(cases: &[Case], options: &EvaluateOptions) -> Vec<Row> {
    let of_window = |window: &u64| cases.iter().filter(|it| it.t_obs == *window).collect();
    let windows: Vec<Vec<&Case>> = options.windows.iter().map(of_window).collect();
    let scored = windows.iter().filter(|cases| !cases.is_empty());
    let jobs: Vec<(&[&Case], usize)> = scored
        .flat_map(|cases| (0..cases[0].answers.len()).map(move |place| (&cases[..], place)))
        .collect();
    in_parallel(&jobs, options.fit.threads, |(cases, place)| row(cases, *place, options.learn.seed))
}

fn row(cases: &[&Case], place: usize, seed: u64) -> Row {
    let answers = || cases.iter().map(|case| (case.answers[place].1, case.n_tot as f64));
    let trial = |(answer, n_tot): (MethodPrediction, f64)| Trial { predicted: answer.n_tot, n_tot };
    let trials: Vec<Trial> = answers().map(trial).collect();
    let covers = |(answer, n_tot): (MethodPrediction, f64)| {
        answer.interval.map(|[low, high]| f64::from(u8::from((low..=high).contains(&n_tot))))
    };
    let covered: Option<Vec<f64>> = answers().map(covers).collect();
    Row {
        t_obs: cases[0].t_obs,
        predictor: cases[0].answers[place].0,
        own: answers().filter(|(answer, _)| answer.own).count(),
        scores: Scores::of(&trials, seed),
        covered: covered.map(mean),
    }
}
