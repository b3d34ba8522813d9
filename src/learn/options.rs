//! How a model is trained.

use super::growth_law::GrowthLaw;
use super::target::{Aggregate, Target};

/// How a model is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnOptions {
    /// The window that the model is for, in seconds; samples of other windows add training rows.
    pub window: f64,
    /// The counter in the model's version, `600-3`.
    pub counter: u64,
    /// Number of trees.
    pub trees: usize,
    /// What the trees predict.
    pub target: Target,
    /// How the values of a leaf become one prediction.
    pub aggregate: Aggregate,
    /// The growth law that finished cascades correct.
    pub law: GrowthLaw,
    /// The random seed.
    pub seed: u64,
    /// Trains on at most this many samples of the window, the newest, and on as many of the other windows.
    pub newest: usize,
    /// Threads to train on; the model does not depend on their number.
    pub threads: usize,
}

impl Default for LearnOptions {
    fn default() -> Self {
        Self {
            window: 600.0,
            counter: 1,
            trees: 150,
            target: Target::default(),
            aggregate: Aggregate::default(),
            law: GrowthLaw::default(),
            seed: 1,
            newest: 100_000,
            threads: 1,
        }
    }
}
