//! The fields of each kind of record, as in docs/formats.md.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::explanation::Explanation;
use super::kernel_fit::KernelFit;
use super::scalar::{self, Named, id, integer, log_seconds, seconds, text, window};
use crate::cascade::{Point, number};
use crate::learn::{Features, Rows};

/// A source has reached a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watermark {
    /// The source whose clock it is.
    pub source: String,
    /// Seconds on that clock.
    #[serde(serialize_with = "number")]
    pub t: f64,
}

/// The events of a cascade within its window, in time order, the initial tweet first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Serie {
    /// The cascade.
    #[serde(deserialize_with = "id")]
    pub cid: String,
    /// Its source.
    #[serde(default = "nought", deserialize_with = "id")]
    pub source: String,
    /// The source's clock when this was made, in seconds.
    #[serde(default, serialize_with = "number", deserialize_with = "seconds")]
    pub t: f64,
    /// The text of the initial tweet.
    #[serde(default, deserialize_with = "text")]
    pub msg: String,
    /// The window, in seconds.
    #[serde(rename = "T_obs", deserialize_with = "window")]
    pub t_obs: u64,
    /// (t, m) of every event with t - t_0 <= T_obs, on the source's clock.
    pub tweets: Vec<Point>,
}

/// The final size of a cascade, once for every window that was emitted for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// The cascade.
    #[serde(deserialize_with = "id")]
    pub cid: String,
    /// Its source.
    #[serde(default = "nought", deserialize_with = "id")]
    pub source: String,
    /// The source's clock when this was made, in seconds.
    #[serde(default, serialize_with = "number", deserialize_with = "seconds")]
    pub t: f64,
    /// The window, in seconds.
    #[serde(rename = "T_obs", deserialize_with = "window")]
    pub t_obs: u64,
    /// Number of events, the initial tweet included.
    #[serde(deserialize_with = "integer")]
    pub n_tot: u64,
    /// Time of the last event, on the source's clock.
    #[serde(default, serialize_with = "number", deserialize_with = "seconds")]
    pub t_end: f64,
}

/// A marked Hawkes process fitted to a serie, and the other inputs of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The cascade.
    #[serde(deserialize_with = "id")]
    pub cid: String,
    /// Its source.
    #[serde(default = "nought", deserialize_with = "id")]
    pub source: String,
    /// The source's clock when the serie was made, in seconds.
    #[serde(default, serialize_with = "number", deserialize_with = "seconds")]
    pub t: f64,
    /// The text of the initial tweet.
    #[serde(default, deserialize_with = "text")]
    pub msg: String,
    /// The window, in seconds.
    #[serde(rename = "T_obs", deserialize_with = "window")]
    pub t_obs: u64,
    /// Events observed within the window, the initial tweet included.
    #[serde(deserialize_with = "integer")]
    pub n_obs: u64,
    /// Expected number of events still to come.
    #[serde(serialize_with = "number")]
    pub n_supp: f64,
    /// Infectiousness p, in children per unit of mark, and decay beta, in 1/s.
    pub params: [f64; 2],
    /// Branching factor p E\[m\]; the original system does not write it.
    #[serde(default = "missing", serialize_with = "number")]
    pub n_star: f64,
    /// Expected first generation still to come.
    #[serde(rename = "G1", default = "missing", serialize_with = "number")]
    pub g1: f64,
    /// Which estimator found the parameters.
    #[serde(default)]
    pub estimator: String,
    /// `ok`, or why the fit is not reliable.
    #[serde(default)]
    pub status: String,
    /// Log-likelihood at the parameters.
    #[serde(default, serialize_with = "number")]
    pub log_likelihood: f64,
    /// Standard errors of p and beta, where the curvature gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_errors: Option<[f64; 2]>,
    /// Kolmogorov-Smirnov statistic of the rescaled times, and its p-value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ks: Option<[f64; 2]>,
    /// SEISMIC's untrained estimate of the final size, where it has one.
    #[serde(default)]
    pub seismic: Option<f64>,
    /// The fit of the kernel of `--kernel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_fit: Option<Box<KernelFit>>,
    /// The features of the forest, by name.
    #[serde(default, skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// Values of the same features at earlier ages of the cascade.
    #[serde(default, skip_serializing_if = "Rows::is_empty")]
    pub rows: Rows,
}

/// An interval that holds the final size with the probability `level`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Nominal probability, above 0 and below 1.
    pub level: f64,
    /// Lower end, in events.
    #[serde(serialize_with = "number")]
    pub low: f64,
    /// Upper end, in events.
    #[serde(serialize_with = "number")]
    pub high: f64,
}

/// A prediction of the final size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The cascade.
    #[serde(deserialize_with = "id")]
    pub cid: String,
    /// Its source.
    #[serde(default = "nought", deserialize_with = "id")]
    pub source: String,
    /// The source's clock when the serie was made, in seconds.
    #[serde(default, serialize_with = "number", deserialize_with = "seconds")]
    pub t: f64,
    /// The text of the initial tweet.
    #[serde(default, deserialize_with = "text")]
    pub msg: String,
    /// The window, in seconds.
    #[serde(rename = "T_obs", deserialize_with = "window")]
    pub t_obs: u64,
    /// Events observed within the window.
    #[serde(default, deserialize_with = "integer")]
    pub n_obs: u64,
    /// Predicted final size.
    #[serde(serialize_with = "number")]
    pub n_tot: f64,
    /// The interval for the final size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Probability that the final size is above a number (the key).
    #[serde(default, with = "scalar::named", skip_serializing_if = "Vec::is_empty")]
    pub p_above: Named,
    /// Seconds after the window's end at which the expected growth reaches a number (the key); a number that
    /// it does not reach has no entry.
    #[serde(default, with = "scalar::named", skip_serializing_if = "Vec::is_empty")]
    pub reached_after: Named,
    /// Expected growth: pairs (seconds after the window's end, events by then).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<Point>,
    /// Status of the fit behind it.
    #[serde(default)]
    pub status: String,
    /// Version of the model, or `untrained`.
    #[serde(default)]
    pub model: String,
    /// How it predicts: `forest`, `map-law`, `growth-law`, `seismic`, `hawkes` or `kernel`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Why it predicts this size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Box<Explanation>>,
}

/// A fitted window and the final size that followed: the input of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
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
    /// beta, n*, G1: the features of the original forest.
    #[serde(rename = "X")]
    pub x: [f64; 3],
    /// The omega that gives the final size exactly; absent where G1 is 0.
    #[serde(rename = "W", default, skip_serializing_if = "Option::is_none")]
    pub w: Option<f64>,
    /// Events observed within the window.
    #[serde(default, deserialize_with = "integer")]
    pub n_obs: u64,
    /// Final size.
    #[serde(default, deserialize_with = "integer")]
    pub n_tot: u64,
    /// The features of the forest, by name.
    #[serde(default, skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// Values of the same features at earlier ages of the cascade.
    #[serde(default, skip_serializing_if = "Rows::is_empty")]
    pub rows: Rows,
    /// The final size that was predicted, from which `train --on-drift` detects a drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_pred: Option<f64>,
}

/// A trained model: its version, its window, and its text, which only `learn` reads.
#[derive(Clone, Debug)]
pub struct Model {
    /// Version, `<window>-<counter>`.
    pub model: String,
    /// The window, in seconds.
    pub t_obs: u64,
    /// The whole line of JSON.
    pub text: Box<RawValue>,
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.text.get() == other.text.get()
    }
}

/// A log message of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// Unix seconds; milliseconds are read too.
    #[serde(serialize_with = "number", deserialize_with = "log_seconds")]
    pub t: f64,
    /// DEBUG, INFO, WARNING, ERROR, CRITICAL or TRACE.
    pub level: String,
    /// The stage.
    #[serde(deserialize_with = "id")]
    pub source: String,
    /// The source file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The line in the source file.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "integer_if_any")]
    pub line: Option<u64>,
    /// The text of the message.
    #[serde(deserialize_with = "text")]
    pub message: String,
}

/// A finished cascade, times in seconds since its initial tweet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// The cascade.
    pub cid: String,
    /// The source; "0" where the input has none.
    pub source: String,
    /// The text of the initial tweet.
    pub msg: String,
    /// (t, m) of every event, in time order.
    pub tweets: Vec<Point>,
    /// The time of the initial tweet in Unix seconds, where the input has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t0: Option<f64>,
    /// How long it was observed, in seconds since its initial tweet, where the input has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<f64>,
}

/// A count, or `null`.
pub(super) fn integer_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    struct Count(#[serde(deserialize_with = "integer")] u64);
    Ok(Option::<Count>::deserialize(from)?.map(|Count(count)| count))
}

pub(super) fn nought() -> String {
    "0".to_owned()
}

fn missing() -> f64 {
    f64::NAN
}
