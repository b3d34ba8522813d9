//! How a model is trained.

use super::growth_law::GrowthLaw;

/// What the trees predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// ln(N/n), from all features.
    #[default]
    LogRatio,
    /// The ω of N = n + ω G1/(1 − n*), from (β, n*, G1): the hybrid of the original system.
    Omega,
}

impl Target {
    /// The smallest number of different rows in a leaf of a tree.
    pub(super) const fn min_leaf_rows(self) -> usize {
        match self {
            Self::LogRatio => 5,
            // A cascade has one row, which is drawn three times or more.
            Self::Omega => 2,
        }
    }
}

/// How the training values of a leaf become one prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// The median weighted by 1/N: it minimises the mean of |prediction − N|/N.
    #[default]
    RelativeMedian,
    /// The median: it minimises the mean absolute error of the logarithm.
    Median,
    /// The mean, of the logarithm where the target is one: it minimises the squared error.
    Mean,
}

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
    /// Trains on at most this many samples, the newest.
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
