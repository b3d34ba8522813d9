//! The trained model of one window, and its predictions.

use super::features::Features;
use super::forecast::{Calibration, Forecast};
use super::laws::LogLinear;
use super::network::Networks;
use super::options::{Aggregate, Target};
use super::table::{fill, omega_values};
use super::trees::{ReachedLeaves, Trees};
use super::weighted::WeightedValues;
use crate::event::ModelVersion;

/// How a model predicts; each step needs more samples than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A constant multiple of n.
    MedianRatio,
    /// A law of ln n.
    LogLinear,
    /// Trees on all features, averaged with small networks.
    Forest,
}

impl Step {
    /// Its name in model files and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MedianRatio => "median-ratio",
            Self::LogLinear => "log-linear",
            Self::Forest => "forest",
        }
    }
}

/// Errors on held-out samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeldOut {
    /// Mean of |prediction - N|/N.
    pub mean_are: f64,
    /// The median of the same.
    pub median_are: f64,
    /// The same mean for the constant ratio.
    pub median_ratio: f64,
    /// The same mean for the log-linear law.
    pub log_linear: f64,
    /// The same mean for trees and networks.
    pub forest: f64,
}

/// A cascade at the end of its window, to be predicted.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The features at the end of the window.
    pub features: &'a Features,
    /// Events in the window.
    pub n_obs: f64,
    /// Decay β, branching factor n* and G1, for [`Target::Omega`].
    pub x: [f64; 3],
}

/// A predictor for one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub(super) version: ModelVersion,
    pub(super) window: f64,
    pub(super) names: Vec<String>,
    pub(super) medians: Vec<f32>,
    pub(super) target: Target,
    pub(super) aggregate: Aggregate,
    pub(super) step: Step,
    pub(super) samples: usize,
    pub(super) times: (f64, f64),
    pub(super) seed: u64,
    pub(super) held_out: HeldOut,
    pub(super) calibration: Calibration,
    pub(super) law: LogLinear,
    /// For the laws: training values of ln(N/n), or their residuals from the log-linear law.
    pub(super) residuals: Vec<f32>,
    pub(super) trees: Trees,
    /// Without networks, the trees alone predict.
    pub(super) networks: Networks,
}

impl Model {
    /// Its version: window and counter, `600-3`.
    pub fn version(&self) -> ModelVersion {
        self.version
    }

    /// The window, in seconds.
    pub fn window(&self) -> f64 {
        self.window
    }

    /// How it predicts.
    pub fn step(&self) -> Step {
        self.step
    }

    /// The number of samples of the window that it was trained on.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Its errors on held-out samples.
    pub fn held_out(&self) -> HeldOut {
        self.held_out
    }

    /// Predicts the final size of a cascade.
    pub fn predict(&self, query: &Query) -> Forecast<'_> {
        let calibration = &self.calibration;
        match self.step {
            Step::MedianRatio | Step::LogLinear => {
                let law = (self.step == Step::LogLinear).then_some(self.law);
                law_forecast(law, &self.residuals, query.n_obs, self.aggregate, calibration)
            }
            Step::Forest => {
                let values = self.values(query);
                let leaves = self.trees.reached_leaves(&values, |_| true);
                let forecast =
                    forest_forecast(leaves, query, self.target, self.aggregate, calibration);
                forecast.towards(self.networks.log_growth(&values, |_| true))
            }
        }
    }

    /// The model's input values for a cascade.
    fn values(&self, query: &Query) -> Vec<f32> {
        if self.target == Target::Omega {
            return omega_values(query.x);
        }
        let given = query.features.values();
        let value = |place: Option<usize>| place.map_or(f32::NAN, |place| given[place] as f32);
        let places = query.features.places(&self.names);
        let mut values: Vec<f32> = places.into_iter().map(value).collect();
        fill(&mut values, &self.medians);
        values
    }
}

/// The forecast of a log-linear law, or without one of a constant ratio, with residuals of ln(N/n).
pub(super) fn law_forecast<'m>(
    law: Option<LogLinear>,
    residuals: &[f32],
    n_obs: f64,
    aggregate: Aggregate,
    calibration: &'m Calibration,
) -> Forecast<'m> {
    let shift = law.map_or(0.0, |law| law.log_growth(n_obs.max(1.0)));
    let growths = residuals.iter().map(|&residual| ((shift + f64::from(residual)).max(0.0), 1.0));
    Forecast::new(n_obs, WeightedValues::new(growths.collect()), aggregate, None, calibration)
}

/// The forecast of the leaves that a cascade reaches.
pub(super) fn forest_forecast<'m>(
    leaves: ReachedLeaves<'m>,
    query: &Query,
    target: Target,
    aggregate: Aggregate,
    calibration: &'m Calibration,
) -> Forecast<'m> {
    match target {
        Target::LogRatio => Forecast::new(query.n_obs, leaves, aggregate, None, calibration),
        Target::Omega => {
            let [_, n_star, g1] = query.x;
            let scale = g1 / (1.0 - n_star).max(1e-9) / query.n_obs.max(1.0);
            let growth = |omega: f64| (omega * scale).max(0.0).ln_1p();
            let (mean, growths) = (growth(leaves.mean()), leaves.values().mapped(growth));
            Forecast::new(query.n_obs, growths, aggregate, Some(mean), calibration)
        }
    }
}
