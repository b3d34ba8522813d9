//! Cross-validation by cascade: predictions of the model and of the trainable baselines for held-out
//! cascades.

use std::collections::{BTreeMap, BTreeSet};

use super::laws::{LogLinear, median_ratio};
use super::model::{Query, Step};
use super::options::{Aggregate, LearnOptions, Target};
use super::sample::Sample;
use super::select::{fit_model, fit_step};
use crate::cascade::largest_size;

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
    /// The final size predicted by the model; n where there were too few samples to fit one.
    pub predicted: f64,
    /// Its prediction interval.
    pub interval: (f64, f64),
    /// How the model predicts; `None` without a model.
    pub step: Option<Step>,
    /// The final size predicted by a constant ratio.
    pub median_ratio: f64,
    /// The final size predicted by the log-linear law.
    pub log_linear: f64,
    /// The final size predicted by the original system's hybrid: trees on (β, n*, G1) that predict ω.
    pub omega: f64,
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

/// Predicts the final size of every cascade at the window of the options, by models that are fitted to
/// the other folds; intervals have the probability `level`. The seed of the options assigns the folds.
pub fn validate(
    samples: &[Sample],
    options: &LearnOptions,
    folds: usize,
    level: f64,
) -> Vec<Prediction> {
    let mut predictions = Vec::new();
    let assigned =
        Folds::assign(samples.iter().map(|sample| sample.id.as_str()), options.seed, folds);
    for out in 0..folds {
        let is_out = |sample: &&Sample| assigned.of(&sample.id) == Some(out);
        let rest: Vec<Sample> = samples.iter().filter(|s| !is_out(s)).cloned().collect();
        let held_out = samples.iter().filter(|s| s.t_obs == options.window).filter(is_out);
        predictions.extend(predict(&rest, held_out, options, level));
    }
    predictions
}

fn predict<'a>(
    rest: &[Sample],
    held_out: impl Iterator<Item = &'a Sample>,
    options: &LearnOptions,
    level: f64,
) -> Vec<Prediction> {
    let omega_options =
        LearnOptions { target: Target::Omega, aggregate: Aggregate::Mean, ..options.clone() };
    let model = fit_model(rest, options);
    // The original system has no law to fall back on.
    let omega = fit_step(rest, &omega_options, Some(Step::Forest));
    let pairs: Vec<(f64, f64)> = rest
        .iter()
        .filter(|sample| sample.t_obs == options.window)
        .map(|sample| (sample.n_obs, sample.n_tot.max(sample.n_obs)))
        .collect();
    let (ratio, law) = (median_ratio(&pairs), LogLinear::fit(&pairs));
    held_out
        .map(|sample| {
            let Sample { id, t_obs, n_obs, n_tot, features, x, .. } = sample;
            let query = Query { features, n_obs: *n_obs, x: *x };
            let forecast = model.as_ref().map(|model| model.predict(&query));
            Prediction {
                id: id.clone(),
                t_obs: *t_obs,
                n_obs: *n_obs,
                n_tot: *n_tot,
                predicted: forecast.as_ref().map_or(*n_obs, |forecast| forecast.n_tot()),
                interval: forecast.map_or((*n_obs, *n_obs), |forecast| forecast.interval(level)),
                step: model.as_ref().map(|model| model.step()),
                median_ratio: (ratio * n_obs).min(largest_size(*n_obs)),
                log_linear: law.predict(*n_obs),
                omega: omega.as_ref().map_or(*n_obs, |model| model.predict(&query).n_tot()),
            }
        })
        .collect()
}
