//! Cross-validation by cascade: what the model and the trainable baselines say of cascades that
//! they have not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::laws::{LogLinear, median_ratio};
use super::model::{Query, Step};
use super::select::{fit_model, fit_step};
use super::{Aggregate, LearnOptions, Sample, Target};

/// What was predicted for one cascade at one window while it was held out.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The cascade: "source/cid".
    pub id: String,
    /// The window, in seconds.
    pub t_obs: f64,
    /// Events in the window.
    pub n_obs: f64,
    /// Events in the end.
    pub n_tot: f64,
    /// What the learned model predicts; n where there were too few samples to learn.
    pub predicted: f64,
    /// Its interval at the level asked for.
    pub interval: (f64, f64),
    /// How the model predicted.
    pub step: Option<Step>,
    /// A constant multiple of n.
    pub median_ratio: f64,
    /// A log-linear law.
    pub log_linear: f64,
    /// The original hybrid: trees on (beta, n*, G1) that give omega.
    pub omega: f64,
}

/// Which cascade is left out when: folds as equal in size as can be.
pub struct Folds(BTreeMap<String, usize>);

impl Folds {
    /// Deals the cascades in an order that only their ids and the seed decide.
    pub fn deal<'a>(ids: impl Iterator<Item = &'a str>, seed: u64, folds: usize) -> Self {
        let unique: BTreeSet<&str> = ids.collect();
        let mut shuffled: Vec<&str> = unique.into_iter().collect();
        shuffled.sort_by_key(|id| shuffling(id, seed));
        let place = |(place, id): (usize, &str)| (id.to_owned(), place % folds.max(1));
        Self(shuffled.into_iter().enumerate().map(place).collect())
    }

    /// The fold of a cascade that was dealt.
    pub fn of(&self, id: &str) -> Option<usize> {
        self.0.get(id).copied()
    }
}

fn shuffling(id: &str, seed: u64) -> u64 {
    // FNV-1a, then the finaliser of splitmix64.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Predicts the recipe's window for every cascade by models of the other folds. The seed of the
/// recipe deals the folds.
pub fn validate(
    samples: &[Sample],
    recipe: &LearnOptions,
    folds: usize,
    level: f64,
) -> Vec<Prediction> {
    let mut predictions = Vec::new();
    let dealt = Folds::deal(samples.iter().map(|sample| sample.id.as_str()), recipe.seed, folds);
    for out in 0..folds {
        let is_out = |sample: &&Sample| dealt.of(&sample.id) == Some(out);
        let rest: Vec<Sample> = samples.iter().filter(|s| !is_out(s)).cloned().collect();
        let asked = samples.iter().filter(|s| s.t_obs == recipe.window).filter(is_out);
        predictions.extend(predict(&rest, asked, recipe, level));
    }
    predictions
}

fn predict<'a>(
    rest: &[Sample],
    asked: impl Iterator<Item = &'a Sample>,
    recipe: &LearnOptions,
    level: f64,
) -> Vec<Prediction> {
    let omega_recipe =
        LearnOptions { target: Target::Omega, aggregate: Aggregate::Mean, ..recipe.clone() };
    let model = fit_model(rest, recipe);
    // The original knows no law to fall back on.
    let omega = fit_step(rest, &omega_recipe, Some(Step::Forest));
    let pairs: Vec<(f64, f64)> = rest
        .iter()
        .filter(|sample| sample.t_obs == recipe.window)
        .map(|sample| (sample.n_obs, sample.n_tot.max(sample.n_obs)))
        .collect();
    let (ratio, law) = (median_ratio(&pairs), LogLinear::fit(&pairs));
    asked
        .map(|sample| {
            let Sample { id, t_obs, n_obs, n_tot, features, x, .. } = sample;
            let query = Query { features, n_obs: *n_obs, x: *x };
            let answer = model.as_ref().map(|model| model.answer(&query));
            Prediction {
                id: id.clone(),
                t_obs: *t_obs,
                n_obs: *n_obs,
                n_tot: *n_tot,
                predicted: answer.as_ref().map_or(*n_obs, |answer| answer.n_tot()),
                interval: answer.map_or((*n_obs, *n_obs), |answer| answer.interval(level)),
                step: model.as_ref().map(|model| model.step()),
                median_ratio: ratio * n_obs,
                log_linear: law.predict(*n_obs),
                omega: omega.as_ref().map_or(*n_obs, |model| model.answer(&query).n_tot()),
            }
        })
        .collect()
}
