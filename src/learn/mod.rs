//! Models that are trained on finished cascades and predict the final size.
//!
//! Symbols: a cascade was observed for a window of T seconds and had n events then; its final size is
//! N. A model predicts the growth N/n ≥ 1 from the cascade's [`Features`]. Parameters of the Hawkes
//! model are features as well, passed in as named numbers: this module does not import `hawkes`.
//!
//! Start reading at [`features`] (what a model takes as input), then `table` (training rows), `activity` (the time of day), `grow` and
//! `split` (how trees are grown), `network`, `trainer` and `train_networks` (the networks that are blended
//! with the trees), `growth_law` (the predictor without training), `map_law` and `fitted_law` (its correction by
//! finished cascades), `select` (the model of a window), [`Model`] and [`Forecast`] (prediction), [`Explanation`]
//! (contributions to it), `wire` and
//! `body` (the model file). `baselines` has the baselines of the evaluation.

mod activity;
mod baselines;
mod batch;
mod body;
mod error;
mod explain;
mod features;
mod fitted_law;
mod forecast;
mod grow;
mod growth_law;
mod map_law;
mod model;
mod network;
mod normal;
mod options;
mod random;
mod ranks;
mod rows;
mod sample;
mod select;
mod split;
mod table;
mod target;
mod train_networks;
mod trainer;
mod trees;
mod validate;
mod values;
mod vector;
mod weighted;
mod wire;

#[cfg(test)]
mod laws;

pub use baselines::{LogLinear, median_ratio};
pub use error::ModelError;
pub use explain::Explanation;
pub use features::{describe, features, ladder};
pub use fitted_law::FittedLaw;
pub use forecast::{Forecast, Step};
pub use growth_law::{GrowthLaw, NO_ESTIMATE};
pub use model::{HeldOut, Model, Query};
pub(crate) use normal::quantile as normal_quantile;
pub use options::LearnOptions;
pub use rows::Rows;
pub use sample::Sample;
pub use select::{MIN_SAMPLES_FOR_TREES, fit_model, fit_successor};
pub use target::{Aggregate, Target};
pub use validate::{Folds, Prediction, ScoredDistribution, predict_with, validate};
pub use values::Features;
pub use wire::{MAX_LINE_BYTES, MAX_TREES, max_model_bytes};
