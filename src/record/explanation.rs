//! Why a prediction is what it is.

use serde::{Deserialize, Serialize};

use super::scalar::{self, Named, integer};
use crate::cascade::number;

/// Contributions to a prediction: with `average` they sum to ln(n_tot / n_obs).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// What predicted: `forest`, `map-law`, `shifted-law`, `growth-law`, `seismic`, `hawkes` or `kernel`.
    pub step: String,
    /// Samples of the window that the forest was trained on; 0 without one.
    #[serde(default, deserialize_with = "integer")]
    pub samples: u64,
    /// Finished cascades that the law was fitted to.
    #[serde(default, deserialize_with = "integer")]
    pub cascades: u64,
    /// ln(N/n) of an average cascade of this platform; 0 for `seismic`, `hawkes` and `kernel`.
    #[serde(serialize_with = "number")]
    pub average: f64,
    /// Contributions in ln(N/n), the largest absolute value first.
    #[serde(with = "scalar::named")]
    pub terms: Named,
    /// The largest contributions in words, each with its factor.
    #[serde(default)]
    pub reasons: Vec<String>,
}
