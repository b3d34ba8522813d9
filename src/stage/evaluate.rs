//! Cross-validation: what would have been said of cascades by models that have not seen them.
//!
//! No stream is needed for it: cascades that are over go straight through the same fit, the same
//! learner and the same answers as in the stages. Beside our predictions stand those of simple
//! and of published methods, on the same cascades, learned from the same folds.

#[cfg(test)]
mod laws;

use std::collections::HashMap;

use super::fit::FitOptions;
use super::predict::{PredictOptions, branching, sample, untrained};
use super::train::{TrainOptions, learn_sample};
use crate::cascade::Point;
use crate::learn::{self, Prediction, Step, in_parallel, validate};
use crate::record::Serie;
use crate::score::{Scores, Trial, mean};

/// A cascade that is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Its name, unique among all.
    pub cid: String,
    /// When it began, in Unix seconds, where that is known.
    pub t0: Option<f64>,
    /// Its events in time order, in seconds since the first.
    pub points: Vec<Point>,
}

/// How to evaluate.
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// When predictions are made: seconds since the first event, ascending.
    pub windows: Vec<u64>,
    /// In so many parts the cascades are dealt; each is predicted by models of the others.
    pub folds: usize,
    /// The final size counts the events up to this age, in seconds.
    pub max_age: f64,
    /// A cascade is scored at a window only if it has so many events by then.
    pub min_size: u64,
    /// How cascades are fitted.
    pub fit: FitOptions,
    /// What is said where there are too few cascades to learn from, and the level of intervals.
    pub predict: PredictOptions,
    /// How models are learned; its seed also deals the folds and resamples the cascades.
    pub train: TrainOptions,
}

/// Who predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    /// What `predict` says with a model that `train` learned.
    Model,
    /// n: nothing more will come.
    NoGrowth,
    /// A constant multiple of n, learned.
    MedianRatio,
    /// A law of ln n, learned (Szabo & Huberman, CACM 2010).
    LogLinear,
    /// The fitted Hawkes process, n + n_supp up to 10 n (Mishra, Rizoiu & Xie, CIKM 2016).
    Hawkes,
    /// SEISMIC (Zhao et al., KDD 2015), the process where it has no answer: `predict` untrained.
    Seismic,
    /// The original hybrid: n + omega G1/(1 - n*), omega by a forest on (beta, n*, G1).
    Hybrid,
}

impl Predictor {
    /// All of them, ours first.
    pub const ALL: [Self; 7] = [
        Self::Model,
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
            Self::NoGrowth => "no-growth",
            Self::MedianRatio => "median-ratio",
            Self::LogLinear => "log-linear",
            Self::Hawkes => "hawkes",
            Self::Seismic => "seismic",
            Self::Hybrid => "hybrid",
        }
    }
}

/// What one method predicts for one cascade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The final size: finite, at least n.
    pub n_tot: f64,
    /// The interval of the level asked for, where the method has one.
    pub interval: Option<[f64; 2]>,
    /// Whether it is the method's own, not what stands in where it has none.
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
    /// How the model answered; none where there were too few cascades to learn from.
    pub step: Option<Step>,
    /// The answers, in the order of [`Predictor::ALL`].
    pub answers: [Answer; Predictor::ALL.len()],
}

/// How a method did at a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The window, in seconds.
    pub t_obs: u64,
    /// The method.
    pub predictor: Predictor,
    /// How many answers were its own.
    pub own: usize,
    /// How good they all were.
    pub scores: Scores,
    /// The share of intervals that hold the final size.
    pub covered: Option<f64>,
}

/// Predicts every cascade at every window, in the order of windows, then of cascades. The result
/// does not depend on the number of threads.
pub fn evaluate(cascades: &[Past], options: &EvaluateOptions) -> Vec<Case> {
    let threads = options.fit.threads;
    let studies = in_parallel(&jobs(cascades, options), threads, |job| job.study(options));
    let (samples, answers): (Vec<_>, Vec<_>) = studies.into_iter().unzip();
    let together = together(&samples, options);
    let said = in_parallel(&options.windows, together, |window| {
        let threads = threads.div_ceil(together);
        let train = TrainOptions { threads, ..options.train.clone() };
        let learn = train.learn_options(*window, 1);
        validate(&samples, &learn, options.folds, options.predict.level)
    });
    let all = || samples.iter().zip(&answers);
    let windows = options.windows.iter().zip(&said);
    let cases = windows.flat_map(|(window, said)| {
        let said: HashMap<&str, &Prediction> = said.iter().map(|it| (&*it.id, it)).collect();
        let here = all().filter(|(sample, _)| sample.t_obs == *window as f64);
        let cases: Vec<Case> = here
            .filter_map(|(sample, answers)| Some(case(said.get(&*sample.id)?, answers)))
            .collect();
        cases
    });
    cases.collect()
}

/// One cascade at one window.
struct Job<'a> {
    past: &'a Past,
    window: u64,
    n_obs: usize,
    n_tot: usize,
}

fn jobs<'a>(cascades: &'a [Past], options: &EvaluateOptions) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for past in cascades {
        let until = |age: f64| past.points.partition_point(|point| point.time <= age);
        let n_tot = until(options.max_age);
        let job = |&window: &u64| Job { past, window, n_obs: until(window as f64), n_tot };
        let big = |job: &Job| job.n_obs as u64 >= options.min_size.max(1);
        jobs.extend(options.windows.iter().map(job).filter(big));
    }
    jobs
}

/// What methods say that learn nothing.
struct Untaught {
    hawkes: f64,
    seismic: Answer,
}

impl Job<'_> {
    /// Fits the cascade: what it teaches, and what is said of it untaught.
    fn study(&self, options: &EvaluateOptions) -> (learn::Sample, Untaught) {
        let Self { past, window, n_obs, n_tot } = *self;
        let root = past.t0.unwrap_or(0.0);
        let last = past.points[n_tot - 1].time;
        let serie = Serie {
            cid: past.cid.clone(),
            source: "0".to_owned(),
            t: root + window as f64,
            msg: String::new(),
            t_obs: window,
            // The fit takes the root's time from here, and the events from beside it.
            tweets: vec![Point { time: root, ..past.points[0] }],
        };
        let seen = &past.points[..n_obs];
        let parameters = options.fit.parameters(&serie, seen, window as f64);
        let alert = untrained(&parameters, &options.predict);
        let seismic = Answer {
            n_tot: alert.n_tot,
            interval: alert.interval.map(|it| [it.low, it.high]),
            own: parameters.seismic.is_some(),
        };
        let untaught = Untaught { hawkes: branching(&parameters).max(n_obs as f64), seismic };
        (learn_sample(&sample(&parameters, n_tot as u64, root + last)), untaught)
    }
}

/// The answers of all methods for a cascade.
fn case(said: &Prediction, untaught: &Untaught) -> Case {
    let Untaught { hawkes, seismic } = *untaught;
    let taught = said.step.is_some();
    let answer = |n_tot: f64| Answer { n_tot, interval: None, own: true };
    let interval = Some([said.interval.0, said.interval.1]);
    let (model, hybrid) = match taught {
        true => (Answer { interval, ..answer(said.predicted) }, answer(said.omega)),
        // As `predict` does without a model, and the original.
        false => (Answer { own: false, ..seismic }, Answer { own: false, ..answer(hawkes) }),
    };
    let by = |predictor: Predictor| match predictor {
        Predictor::Model => model,
        Predictor::NoGrowth => answer(said.n_obs),
        Predictor::MedianRatio => answer(said.median_ratio),
        Predictor::LogLinear => answer(said.log_linear),
        Predictor::Hawkes => answer(hawkes),
        Predictor::Seismic => seismic,
        Predictor::Hybrid => hybrid,
    };
    Case {
        cid: said.id.split_once('/').map_or(&*said.id, |(_, cid)| cid).to_owned(),
        t_obs: said.t_obs as u64,
        n_obs: said.n_obs as u64,
        n_tot: said.n_tot as u64,
        step: said.step,
        answers: Predictor::ALL.map(|predictor| believable(by(predictor), said.n_obs)),
    }
}

/// The answer, finite and at least n: a method is not let off for a size that is no number.
fn believable(answer: Answer, n_obs: f64) -> Answer {
    const MOST: f64 = 1e15;
    let n_tot = if answer.n_tot.is_nan() { n_obs } else { answer.n_tot.clamp(n_obs, MOST) };
    Answer { n_tot, ..answer }
}

/// How many windows are learned at once: as many as there are threads, as far as memory goes.
fn together(samples: &[learn::Sample], options: &EvaluateOptions) -> usize {
    const MEMORY: usize = 4 << 30;
    /// What learning takes of each value: its copy in the fold, its copies in the table.
    const BYTES: usize = 16;
    let values = |it: &learn::Sample| (it.rows.len() + 4) * it.features.len();
    let bytes = BYTES * samples.iter().map(values).sum::<usize>();
    let most = (MEMORY / bytes.max(1)).max(1);
    options.fit.threads.min(options.windows.len()).clamp(1, most)
}

/// How the methods did, window by window, in the order of [`Predictor::ALL`].
pub fn score(cases: &[Case], options: &EvaluateOptions) -> Vec<Row> {
    let of_window = |window: &u64| cases.iter().filter(|it| it.t_obs == *window).collect();
    let windows: Vec<Vec<&Case>> = options.windows.iter().map(of_window).collect();
    let scored = windows.iter().filter(|cases| !cases.is_empty());
    let jobs: Vec<(&[&Case], usize)> = scored
        .flat_map(|cases| (0..Predictor::ALL.len()).map(move |place| (&cases[..], place)))
        .collect();
    in_parallel(&jobs, options.fit.threads, |(cases, place)| row(cases, *place, options.train.seed))
}

fn row(cases: &[&Case], place: usize, seed: u64) -> Row {
    let answers = || cases.iter().map(|case| (case.answers[place], case.n_tot as f64));
    let trial = |(answer, n_tot): (Answer, f64)| Trial { predicted: answer.n_tot, n_tot };
    let trials: Vec<Trial> = answers().map(trial).collect();
    let covers = |(answer, n_tot): (Answer, f64)| {
        answer.interval.map(|[low, high]| f64::from(u8::from((low..=high).contains(&n_tot))))
    };
    let covered: Option<Vec<f64>> = answers().map(covers).collect();
    Row {
        t_obs: cases[0].t_obs,
        predictor: Predictor::ALL[place],
        own: answers().filter(|(answer, _)| answer.own).count(),
        scores: Scores::of(&trials, seed),
        covered: covered.map(mean),
    }
}
