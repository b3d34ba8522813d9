//! What was learned for one window: all that a prediction needs.

use super::answer::{Answer, Calibration};
use super::laws::LogLinear;
use super::network::Networks;
use super::pool::Pool;
use super::table::{fill, omega_values};
use super::trees::{Fallen, Trees};
use super::{Aggregate, Features, Target};
use crate::event::ModelVersion;

/// How a model predicts; each step needs more samples than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A constant multiple of n.
    MedianRatio,
    /// A law of ln n.
    LogLinear,
    /// Trees on all features, moved half of the way to what small networks say.
    Forest,
}

impl Step {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MedianRatio => "median-ratio",
            Self::LogLinear => "log-linear",
            Self::Forest => "forest",
        }
    }
}

/// Errors on samples that the predictor had not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeldOut {
    /// Mean of |prediction - N|/N.
    pub mean_are: f64,
    /// Its median.
    pub median_are: f64,
    /// The same mean for the constant ratio.
    pub median_ratio: f64,
    /// The same mean for the log-linear law.
    pub log_linear: f64,
    /// The same mean for trees and networks.
    pub forest: f64,
}

/// What is asked: a cascade after its window.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// What was seen.
    pub features: &'a Features,
    /// Events in the window.
    pub n_obs: f64,
    /// Decay beta, branching factor n* and G1, for the target omega.
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
    /// What the steps before the trees keep: values of ln(N/n), or residuals of the law.
    pub(super) residuals: Vec<f32>,
    pub(super) trees: Trees,
    /// None where the trees stand alone.
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

    /// How many samples of the window it learned from.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Its errors on held-out samples.
    pub fn held_out(&self) -> HeldOut {
        self.held_out
    }

    /// Predicts the final size.
    pub fn answer(&self, query: &Query) -> Answer<'_> {
        let calibration = &self.calibration;
        match self.step {
            Step::MedianRatio | Step::LogLinear => {
                let law = (self.step == Step::LogLinear).then_some(self.law);
                law_answer(law, &self.residuals, query.n_obs, self.aggregate, calibration)
            }
            Step::Forest => {
                let values = self.values(query);
                let fallen = self.trees.fallen(&values, |_| true);
                let answer = forest_answer(fallen, query, self.target, self.aggregate, calibration);
                answer.towards(self.networks.log_growth(&values, |_| true))
            }
        }
    }

    fn values(&self, query: &Query) -> Vec<f32> {
        if self.target == Target::Omega {
            return omega_values(query.x);
        }
        let known = query.features.values();
        let value = |place: Option<usize>| place.map_or(f32::NAN, |place| known[place] as f32);
        let places = query.features.places(&self.names);
        let mut values: Vec<f32> = places.into_iter().map(value).collect();
        fill(&mut values, &self.medians);
        values
    }
}

/// The answer of a law (none: of a constant ratio) with residuals of ln(N/n).
pub(super) fn law_answer<'m>(
    law: Option<LogLinear>,
    residuals: &[f32],
    n_obs: f64,
    aggregate: Aggregate,
    calibration: &'m Calibration,
) -> Answer<'m> {
    let shift = law.map_or(0.0, |law| law.log_growth(n_obs.max(1.0)));
    let growths = residuals.iter().map(|&residual| ((shift + f64::from(residual)).max(0.0), 1.0));
    Answer::new(n_obs, Pool::new(growths.collect()), aggregate, None, calibration)
}

/// The answer of leaves.
pub(super) fn forest_answer<'m>(
    fallen: Fallen<'m>,
    query: &Query,
    target: Target,
    aggregate: Aggregate,
    calibration: &'m Calibration,
) -> Answer<'m> {
    match target {
        Target::LogRatio => Answer::new(query.n_obs, fallen, aggregate, None, calibration),
        Target::Omega => {
            let [_, n_star, g1] = query.x;
            let scale = g1 / (1.0 - n_star).max(1e-9) / query.n_obs.max(1.0);
            let growth = |omega: f64| (omega * scale).max(0.0).ln_1p();
            let (mean, pool) = (growth(fallen.mean()), fallen.pool().mapped(growth));
            Answer::new(query.n_obs, pool, aggregate, Some(mean), calibration)
        }
    }
}
