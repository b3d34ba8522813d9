//! The errors of predictions: of one, and of those of a window.

use serde::{Deserialize, Serialize};

use super::kinds::{integer_if_any, nought};
use super::scalar::{self, Named, id, integer, seconds, window};
use crate::cascade::{Number, number};

/// The error of a prediction, with the final size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// The cascade.
    #[serde(deserialize_with = "id")]
    pub cid: String,
    /// Its source.
    #[serde(default = "nought", deserialize_with = "id")]
    pub source: String,
    /// The source's clock when the cascade ended, in seconds.
    #[serde(default, serialize_with = "number", deserialize_with = "seconds")]
    pub t: f64,
    /// The window, in seconds.
    #[serde(rename = "T_obs", deserialize_with = "window")]
    pub t_obs: u64,
    /// |n_pred - n_tot| / n_tot.
    #[serde(rename = "ARE", serialize_with = "number")]
    pub are: f64,
    /// Events observed within the window.
    #[serde(default, deserialize_with = "integer")]
    pub n_obs: u64,
    /// Final size.
    #[serde(default, deserialize_with = "integer")]
    pub n_tot: u64,
    /// Predicted final size.
    #[serde(default, serialize_with = "number")]
    pub n_pred: f64,
    /// Whether the interval held the final size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<bool>,
    /// Nominal level of that interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// Version of the model, or `untrained`.
    #[serde(default)]
    pub model: String,
    /// The source's clock when the prediction was made, in seconds; older records lack it.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number_if_any")]
    pub t_alert: Option<f64>,
    /// Final sizes of the window that the predictor had joined with predictions when this one was made; older
    /// records lack it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "integer_if_any")]
    pub finished: Option<u64>,
}

/// The monitor's summary of a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The window, in seconds.
    #[serde(rename = "T_obs", deserialize_with = "window")]
    pub t_obs: u64,
    /// Predictions scored so far.
    #[serde(deserialize_with = "integer")]
    pub scored: u64,
    /// Mean ARE of all.
    #[serde(rename = "mean_ARE", serialize_with = "number")]
    pub mean_are: f64,
    /// Median ARE of all.
    #[serde(rename = "median_ARE", serialize_with = "number")]
    pub median_are: f64,
    /// Mean ARE of the last ones.
    #[serde(rename = "last_mean_ARE", default, serialize_with = "number")]
    pub last_mean_are: f64,
    /// Median ARE of the last ones.
    #[serde(rename = "last_median_ARE", default, serialize_with = "number")]
    pub last_median_are: f64,
    /// Median of ln((n_pred + 1) / (n_tot + 1)): below 0, predictions are low; `None` where no stat has sizes.
    #[serde(default, serialize_with = "number_if_any")]
    pub bias: Option<f64>,
    /// Share of intervals that held the final size.
    #[serde(default)]
    pub covered: Option<f64>,
    /// The same share of the last ones.
    #[serde(default)]
    pub last_covered: Option<f64>,
    /// The nominal level of the intervals.
    #[serde(default)]
    pub level: Option<f64>,
    /// 1 - mean ARE / mean ARE of the baseline, by baseline: above 0 is better than it.
    #[serde(default, with = "scalar::named")]
    pub skill: Named,
    /// Of the largest tenth by final size (at most 100), the share among as many largest by prediction.
    #[serde(default)]
    pub top_hits: Option<f64>,
    /// `ok`, or the first problem, in a word.
    pub verdict: String,
    /// Predictions without a trained model, scored so far.
    #[serde(default, deserialize_with = "integer")]
    pub untrained: u64,
    /// Mean ARE of the predictions without a trained model.
    #[serde(rename = "untrained_mean_ARE", default)]
    pub untrained_mean_are: Option<f64>,
    /// Mean ARE of the predictions of trained models.
    #[serde(rename = "trained_mean_ARE", default)]
    pub trained_mean_are: Option<f64>,
    /// Predictions that the fitted baselines could answer with the final sizes of that time.
    #[serde(default, deserialize_with = "integer")]
    pub compared: u64,
    /// Median number of final sizes of the window that existed when a trained model predicted.
    #[serde(default, serialize_with = "number_if_any")]
    pub finished: Option<f64>,
}

/// A number without a fraction where it is whole.
fn number_if_any<S: serde::Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    value.map(Number).serialize(to)
}
