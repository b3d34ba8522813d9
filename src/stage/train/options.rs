//! The options of training.

use crate::event::ModelVersion;
use crate::learn::{Aggregate, GrowthLaw, LearnOptions, Target};

/// How models are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// Number of trees of a forest.
    pub trees: usize,
    /// What the trees predict.
    pub target: Target,
    /// How a leaf aggregates its samples.
    pub aggregate: Aggregate,
    /// The growth law that finished cascades correct.
    pub law: GrowthLaw,
    /// The random seed.
    pub seed: u64,
    /// Number of samples of a window that are kept, the newest.
    pub newest: usize,
    /// Number of threads; the models do not depend on it.
    pub threads: usize,
    /// Versions that are in use elsewhere: the counters of new models are above them.
    pub used_versions: Vec<ModelVersion>,
    /// Whether a window is also trained when the errors of its predictions grow.
    pub on_drift: bool,
}

impl Default for TrainOptions {
    fn default() -> Self {
        let LearnOptions { trees, target, aggregate, law, seed, newest, threads, .. } =
            LearnOptions::default();
        let used_versions = Vec::new();
        Self {
            trees,
            target,
            aggregate,
            law,
            seed,
            newest,
            threads,
            used_versions,
            on_drift: false,
        }
    }
}

impl TrainOptions {
    /// The options of a window's model with that counter.
    pub(in crate::stage) fn learn_options(&self, window: u64, counter: u64) -> LearnOptions {
        let Self { trees, target, aggregate, law, seed, newest, threads, .. } = *self;
        LearnOptions {
            window: window as f64,
            counter,
            trees,
            target,
            aggregate,
            law,
            seed,
            newest,
            threads,
        }
    }
}
