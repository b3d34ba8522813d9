//! The fit of a kernel of choice, as a field of a `parameters` record.

use serde::{Deserialize, Serialize};

use super::scalar::{Named, named};
use crate::cascade::number;

/// A fitted kernel: parameters, selection criteria and tests. Written by `fit --kernel`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelFit {
    /// The family: `exp`, `power-law`, `sum-exp:K` or `seismic`.
    pub kernel: String,
    /// The parameters by their names in the literature.
    #[serde(with = "named")]
    pub params: Named,
    /// Branching factor, without regard to the population.
    #[serde(serialize_with = "number")]
    pub n_star: f64,
    /// Expected final size; null where the process is supercritical and the population infinite.
    pub n_tot: Option<f64>,
    /// `ok`, or why the fit is not reliable.
    pub status: String,
    /// Log-likelihood at the parameters.
    #[serde(serialize_with = "number")]
    pub log_likelihood: f64,
    /// Number of fitted parameters.
    pub free: u64,
    /// Akaike's information criterion.
    #[serde(serialize_with = "number")]
    pub aic: f64,
    /// Bayesian information criterion.
    #[serde(serialize_with = "number")]
    pub bic: f64,
    /// Whether the sums of the power law are approximated.
    pub approximate: bool,
    /// Whether the parameters are shared by all cascades of the input.
    #[serde(skip_serializing_if = "is_false")]
    pub joint: bool,
    /// Whether times in whole seconds with ties were spread within their second.
    #[serde(skip_serializing_if = "is_false")]
    pub spread: bool,
    /// Standard errors of the parameters; empty where the curvature gives none.
    #[serde(with = "named", skip_serializing_if = "Vec::is_empty")]
    pub standard_errors: Named,
    /// Lower ends of the profile intervals of probability 0.95.
    #[serde(with = "named", skip_serializing_if = "Vec::is_empty")]
    pub lower: Named,
    /// Upper ends of the same intervals; null where there is none.
    #[serde(with = "named", skip_serializing_if = "Vec::is_empty")]
    pub upper: Named,
    /// Kolmogorov-Smirnov statistic of the residuals, and its p-value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ks: Option<[f64; 2]>,
    /// Ljung-Box statistic of the residuals, and its p-value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ljung_box: Option<[f64; 2]>,
    /// `good`, `poor fit` or `too few events`.
    pub verdict: String,
    /// Log-likelihood of the events after the share `--held-out` of the window, under the fit to those before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
    /// AIC of every candidate of `--kernel best`.
    #[serde(with = "named", skip_serializing_if = "Vec::is_empty")]
    pub candidates: Named,
}

fn is_false(value: &bool) -> bool {
    !value
}
