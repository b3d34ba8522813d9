//! Cross-validation by cascade: predictions of the model and of the trainable baselines for held-out
//! cascades.

use std::collections::{BTreeMap, BTreeSet};

use super::baselines::{LogLinear, median_ratio};
use super::fitted_law::{FittedLaw, LawFit};
use super::forecast::{Forecast, Step};
use super::model::Query;
use super::options::LearnOptions;
use super::sample::Sample;
use super::select::{fit_hybrid, fit_with};
use super::target::{Aggregate, Target};
use crate::cascade::largest_size;
use crate::parallel::in_parallel;

/// Intervals of a forecast at several levels, and the place of the final size in its distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredDistribution {
    /// The intervals of [`ScoredDistribution::LEVELS`].
    pub intervals: [(f64, f64); ScoredDistribution::LEVELS.len()],
    /// The probabilities of a size below the final size, and of one up to it.
    pub step: (f64, f64),
}

impl ScoredDistribution {
    /// Nominal levels of the intervals.
    pub const LEVELS: [f64; 4] = [0.5, 0.8, 0.9, 0.95];

    fn of(forecast: &Forecast<'_>, n_tot: f64) -> Self {
        let up_to = |size: f64| 1.0 - forecast.probability_above(size);
        Self {
            intervals: Self::LEVELS.map(|level| forecast.interval(level)),
            step: (up_to(n_tot - 1.0), up_to(n_tot)),
        }
    }
}

/// The predictions for one held-out cascade at one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The cascade: "source/cid".
    pub id: String,
    /// The window, in seconds.
    pub t_obs: f64,
    /// Events in the window.
    pub n_obs: f64,
    /// Final size N.
    pub n_tot: f64,
    /// The final size predicted by the model, or by the law without one.
    pub predicted: f64,
    /// Its prediction interval.
    pub interval: (f64, f64),
    /// How the model predicts; `None` without any finished cascade.
    pub step: Option<Step>,
    /// The final size predicted by the growth law without training.
    pub growth_law: f64,
    /// Its prediction interval.
    pub growth_law_interval: (f64, f64),
    /// The distributions of the model and of the growth law without training; `None` where a feature is missing.
    pub calibrated: [Option<ScoredDistribution>; 2],
    /// The final size predicted by a constant ratio.
    pub median_ratio: f64,
    /// The final size predicted by the log-linear law.
    pub log_linear: f64,
    /// The final size predicted by the original system's hybrid, trees on (β, n*, G1) that predict ω;
    /// `None` with too few samples.
    pub omega: Option<f64>,
}

/// An assignment of cascades to folds, whose sizes differ by at most one.
pub struct Folds(BTreeMap<String, usize>);

impl Folds {
    /// Assigns the cascades at random; the result depends on their ids and the seed only.
    pub fn assign<'a>(ids: impl Iterator<Item = &'a str>, seed: u64, folds: usize) -> Self {
        let unique: BTreeSet<&str> = ids.collect();
        let mut shuffled: Vec<&str> = unique.into_iter().collect();
        shuffled.sort_by_key(|id| hash(id, seed));
        let place = |(place, id): (usize, &str)| (id.to_owned(), place % folds.max(1));
        Self(shuffled.into_iter().enumerate().map(place).collect())
    }

    /// The fold of a cascade; `None` for one that was not assigned.
    pub fn of(&self, id: &str) -> Option<usize> {
        self.0.get(id).copied()
    }
}

fn hash(id: &str, seed: u64) -> u64 {
    // FNV-1a, then the finaliser of splitmix64.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Predicts the final size of every cascade at the windows, by models that are fitted to the other folds;
/// for each window its cascades in the order of the folds. Intervals have the probability `level`. The
/// seed of the options assigns the folds; their window is ignored. `after` is called after each fold.
pub fn validate(
    samples: &[Sample],
    options: &LearnOptions,
    windows: &[f64],
    folds: usize,
    level: f64,
    after: &dyn Fn(),
) -> Vec<Vec<Prediction>> {
    let assigned =
        Folds::assign(samples.iter().map(|sample| sample.id.as_str()), options.seed, folds);
    let mut predictions = vec![Vec::new(); windows.len()];
    for out in 0..folds {
        let is_out = |sample: &&Sample| assigned.of(&sample.id) == Some(out);
        let (held_out, rest): (Vec<&Sample>, Vec<&Sample>) = samples.iter().partition(is_out);
        let rest: Vec<Sample> = rest.into_iter().cloned().collect();
        let found = predict_with(&rest, &held_out, options, windows, level);
        predictions.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
        after();
    }
    predictions
}

/// The predictions for held-out cascades at the windows, by models that are fitted to `rest`.
pub fn predict_with(
    rest: &[Sample],
    held_out: &[&Sample],
    options: &LearnOptions,
    windows: &[f64],
    level: f64,
) -> Vec<Vec<Prediction>> {
    let laws = LawFit::new(rest, options);
    let at_once = windows_at_once(rest, options.threads.min(windows.len()));
    in_parallel(windows, at_once, |&window| {
        // Each window may use all threads: otherwise some would be idle during the last windows.
        let options = LearnOptions { window, ..options.clone() };
        let here = held_out.iter().copied().filter(|sample| sample.t_obs == window);
        predict(rest, here, &options, &laws, level)
    })
}

/// Number of windows that are trained at once: at most `threads`, bounded by memory.
fn windows_at_once(samples: &[Sample], threads: usize) -> usize {
    const MEMORY: usize = 4 << 30;
    /// Bytes that training allocates for each value: copies in the table.
    const BYTES: usize = 16;
    let values = |it: &Sample| (it.rows.len() + 4) * it.features.len();
    let bytes = BYTES * samples.iter().map(values).sum::<usize>();
    let fitting = (MEMORY / bytes.max(1)).max(1);
    threads.clamp(1, fitting)
}

fn predict<'a>(
    rest: &[Sample],
    held_out: impl Iterator<Item = &'a Sample>,
    options: &LearnOptions,
    laws: &LawFit,
    level: f64,
) -> Vec<Prediction> {
    let omega_options =
        LearnOptions { target: Target::Omega, aggregate: Aggregate::Mean, ..options.clone() };
    let model = fit_with(rest, options, laws);
    let omega = fit_hybrid(rest, &omega_options);
    let pairs: Vec<(f64, f64)> = rest
        .iter()
        .filter(|sample| sample.t_obs == options.window)
        .map(|sample| (sample.n_obs, sample.n_tot.max(sample.n_obs)))
        .collect();
    let (ratio, law) = (median_ratio(&pairs), LogLinear::fit(&pairs));
    let steps = model.as_ref().map_or(laws.law.step(), |model| model.step());
    let untrained = FittedLaw::untrained(options.law);
    held_out
        .map(|sample| {
            let Sample { id, t_obs, n_obs, n_tot, features, x, .. } = sample;
            let query = Query { features, n_obs: *n_obs, x: *x };
            // As in `predict`: without a model of the window, the law of the other windows.
            let forecast = match &model {
                Some(model) => model.predict(&query),
                None => laws.law.forecast(features, *n_obs),
            };
            let growth_law = untrained.forecast(features, *n_obs);
            let point = |forecast: &Option<Forecast>| {
                forecast.as_ref().map_or(*n_obs, |forecast| forecast.n_tot())
            };
            let interval = |forecast: &Option<Forecast>| {
                forecast.as_ref().map_or((*n_obs, *n_obs), |forecast| forecast.interval(level))
            };
            Prediction {
                id: id.clone(),
                t_obs: *t_obs,
                n_obs: *n_obs,
                n_tot: *n_tot,
                predicted: point(&forecast),
                interval: interval(&forecast),
                step: (laws.law.cascades() > 0 || model.is_some()).then_some(steps),
                growth_law: point(&growth_law),
                growth_law_interval: interval(&growth_law),
                calibrated: [&forecast, &growth_law]
                    .map(|it| it.as_ref().map(|forecast| ScoredDistribution::of(forecast, *n_tot))),
                median_ratio: (ratio * n_obs).min(largest_size(*n_obs)),
                log_linear: if pairs.is_empty() { *n_obs } else { law.predict(*n_obs) },
                omega: omega.as_ref().and_then(|model| model.predict(&query)).map(|it| it.n_tot()),
            }
        })
        .collect()
}
