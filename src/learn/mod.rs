//! The learner: from samples of finished cascades to models that predict the final size.
//!
//! Symbols: a cascade was watched for a window of T seconds and then had n events; in the end it
//! had N. A model predicts the growth N/n >= 1. All that it sees of the cascade is [`Features`];
//! parameters of other models reach it as named numbers, so this floor knows none of them.
//!
//! Where to start reading: [`features`] (what is seen), `table` (what is learned from), `train`
//! (how trees grow, and on what), `network`, `learner` and `descend` (what stands beside them), `laws` (what
//! is used before there are samples for trees), `learn` (which of them is taken, by held-out
//! samples), [`Model`] and [`Answer`] (prediction).

mod answer;
mod descend;
mod features;
mod laws;
mod learner;
mod model;
mod network;
mod packed;
mod parallel;
mod pool;
mod select;
mod table;
mod train;
mod trees;
mod validate;
mod wire;

pub use answer::Answer;
pub use features::{Features, describe, features, ladder};
pub use laws::{LogLinear, median_ratio};
pub use model::{HeldOut, Model, Query, Step};
pub(crate) use parallel::in_parallel;
pub use select::{FEWEST_SAMPLES, fit_model};
pub use train::most_bytes;
pub use validate::{Folds, Prediction, validate};
pub use wire::Refused;

/// What one finished cascade teaches about one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Names the cascade, the same in all windows: "source/cid".
    pub id: String,
    /// The window T, in seconds.
    pub t_obs: f64,
    /// When the sample was made, on the clock of its source.
    pub t: f64,
    /// Events in the window, the first included.
    pub n_obs: f64,
    /// Events in the end.
    pub n_tot: f64,
    /// What was seen at the end of the window.
    pub features: Features,
    /// The same values, in the same order, at earlier ages of the cascade.
    pub rows: Vec<Vec<f64>>,
    /// Decay beta, branching factor n* and expected first generation still to come G1.
    pub x: [f64; 3],
    /// The omega that would have been exact: (N - n)(1 - n*)/G1.
    pub w: Option<f64>,
}

/// What the trees predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// ln(N/n), from all features.
    #[default]
    LogRatio,
    /// The omega of N = n + omega G1/(1 - n*), from (beta, n*, G1): the original hybrid.
    Omega,
}

/// How the training values that share a leaf become one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// The median weighted by 1/N: it minimises the mean of |prediction - N|/N.
    #[default]
    RelativeMedian,
    /// The median: it minimises the mean absolute error of the logarithm.
    Median,
    /// The mean, of the logarithm where the target is one: it minimises the squared error.
    Mean,
}

/// How to learn.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnOptions {
    /// The window to learn for, in seconds; samples of other windows help.
    pub window: f64,
    /// The counter in the model's version, `600-3`.
    pub counter: u64,
    /// Number of trees.
    pub trees: usize,
    /// What the trees predict.
    pub target: Target,
    /// How leaves answer.
    pub aggregate: Aggregate,
    /// The seed of all chance.
    pub seed: u64,
    /// Only that many of the newest samples are used.
    pub newest: usize,
    /// Threads to grow on; the result does not depend on it.
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
            seed: 1,
            newest: 100_000,
            threads: 1,
        }
    }
}
