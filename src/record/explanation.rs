//! Why a prediction is what it is.

use serde::{Deserialize, Serialize};

use super::kinds::Named;
use super::scalar;
use crate::cascade::number;

/// Contributions to a prediction: with `average` they sum to ln(n_tot / n_obs).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// What predicted: `forest`, `map-law`, `shifted-law`, `growth-law`, `seismic` or `hawkes`.
    pub step: String,
    /// Samples of the window that the forest was trained on; 0 without one.
    #[serde(default)]
    pub samples: u64,
    /// Finished cascades that the law was fitted to.
    #[serde(default)]
    pub cascades: u64,
    /// ln(N/n) of an average cascade of this platform; 0 for `seismic` and `hawkes`.
    #[serde(serialize_with = "number")]
    pub average: f64,
    /// Contributions in ln(N/n), the largest absolute value first.
    #[serde(with = "scalar::named")]
    pub terms: Named,
    /// The largest contributions in words, each with its factor.
    #[serde(default)]
    pub reasons: Vec<String>,
}
