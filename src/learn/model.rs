//! The trained model of one window, and its predictions.

use super::activity::Activity;
use super::explain::{Contributions, Explanation, ForestParts, of_forest};
use super::fitted_law::FittedLaw;
use super::forecast::{Calibration, Forecast, Step};
use super::growth_law::Inputs;
use super::network::Networks;
use super::table::{Columns, fill, omega_values};
use super::target::{Aggregate, Target};
use super::trees::{ReachedLeaves, Trees};
use super::values::Features;
use crate::event::ModelVersion;
use crate::math;

/// Errors on held-out samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeldOut {
    /// Mean of |prediction - N|/N.
    pub mean_are: f64,
    /// The median of the same.
    pub median_are: f64,
    /// The same mean for the law alone.
    pub law: f64,
    /// The same mean for trees and networks alone; 0 without them.
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
    /// Activity by the time of day, where the samples state it; its inputs are the last of `names`.
    pub(super) activity: Option<Activity>,
    pub(super) target: Target,
    pub(super) aggregate: Aggregate,
    pub(super) step: Step,
    pub(super) samples: usize,
    pub(super) times: (f64, f64),
    pub(super) seed: u64,
    pub(super) held_out: HeldOut,
    pub(super) calibration: Calibration,
    /// The law of the finished cascades of all windows.
    pub(super) law: FittedLaw,
    /// The share of the forest in its blend with the law; 0 without a forest.
    pub(super) share: f64,
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

    /// The law of the finished cascades of all windows, which predicts at any window.
    pub fn law(&self) -> &FittedLaw {
        &self.law
    }

    /// Time of the newest sample, on the clock of its source, in seconds.
    pub fn newest(&self) -> f64 {
        self.times.1
    }

    /// Predicts the final size of a cascade; `None` where it has no forest and a feature that the law needs
    /// is missing.
    pub fn predict(&self, query: &Query) -> Option<Forecast<'_>> {
        self.predict_with(query, |_| true, |_| true)
    }

    /// The same by the trees and networks whose numbers are selected.
    pub(super) fn predict_with(
        &self,
        query: &Query,
        trees: impl Fn(usize) -> bool,
        networks: impl Fn(usize) -> bool,
    ) -> Option<Forecast<'_>> {
        if self.step != Step::Forest {
            return self.law.forecast(query.features, query.n_obs);
        }
        let values = self.values(query);
        let leaves = self.trees.reached_leaves(&values, trees);
        let Query { n_obs, x, .. } = *query;
        let (target, aggregate, calibration) = (self.target, self.aggregate, &self.calibration);
        let forecast = forest_forecast(leaves, n_obs, x, target, aggregate, calibration)
            .towards(self.networks.log_growth(&values, networks), SHARE_OF_NETWORKS);
        let inputs = if self.share < 1.0 { Inputs::of(query.features) } else { None };
        let of_law = inputs.map(|inputs| self.law.log_growth(&inputs));
        Some(forecast.towards(of_law, 1.0 - self.share))
    }

    /// The explanation of [`Model::predict`].
    pub fn explain(&self, query: &Query) -> Option<Explanation> {
        let forecast = self.predict(query)?;
        let Query { n_obs, x, features } = *query;
        if self.step != Step::Forest {
            return self.law.explain(features, n_obs);
        }
        let values = self.values(query);
        let mut changes = vec![0.0; values.len()];
        let average = self.trees.path_changes(&values, &mut changes);
        let leaves = self.trees.reached_leaves(&values, |_| true);
        let of_trees =
            forest_forecast(leaves, n_obs, x, self.target, self.aggregate, &self.calibration);
        let mut paths = Contributions { average, terms: Vec::new() };
        if self.target == Target::Omega {
            // The trees predict omega; its changes have the mean slope of ln(N/n) between both ends.
            let growth = growth_of_omega(n_obs, x);
            let change: f64 = changes.iter().sum();
            paths.average = growth(average);
            let slope = (growth(average + change) - paths.average) / change;
            let slope = if slope.is_finite() { slope } else { 0.0 };
            changes.iter_mut().for_each(|it| *it *= slope);
        }
        paths.terms = self.names.iter().cloned().zip(changes).collect();
        let networks = self.networks.log_growth(&values, |_| true);
        let inputs = if self.share < 1.0 { Inputs::of(features) } else { None };
        let parts = ForestParts {
            paths,
            of_trees: of_trees.log_growth(),
            of_networks: networks.map(|networks| (networks, SHARE_OF_NETWORKS)),
            law: inputs.map(|inputs| (&self.law, inputs, 1.0 - self.share)),
        };
        let (cascades, samples) = (self.law.cascades(), self.samples);
        Some(Explanation { cascades, samples, ..of_forest(parts, &forecast) })
    }

    /// The model's input values for a cascade.
    fn values(&self, query: &Query) -> Vec<f32> {
        if self.target == Target::Omega {
            return omega_values(query.x);
        }
        let columns = Columns::of(query.features, &self.names);
        let mut values = columns.arranged(query.features.values(), self.activity.as_ref());
        fill(&mut values, &self.medians);
        values
    }
}

/// The share of the networks in their average with the trees.
pub(super) const SHARE_OF_NETWORKS: f64 = 0.5;

/// The forecast of the leaves that a cascade reaches.
pub(super) fn forest_forecast<'m>(
    leaves: ReachedLeaves<'m>,
    n_obs: f64,
    x: [f64; 3],
    target: Target,
    aggregate: Aggregate,
    calibration: &'m Calibration,
) -> Forecast<'m> {
    match target {
        Target::LogRatio => Forecast::new(n_obs, leaves, aggregate, None, calibration),
        Target::Omega => {
            let growth = growth_of_omega(n_obs, x);
            let (mean, growths) = (growth(leaves.mean()), leaves.values().mapped(growth));
            Forecast::new(n_obs, growths, aggregate, Some(mean), calibration)
        }
    }
}

/// ln(N/n) by omega: N = n + omega G1/(1 - n*).
fn growth_of_omega(n_obs: f64, [_, n_star, g1]: [f64; 3]) -> impl Fn(f64) -> f64 {
    let scale = g1 / (1.0 - n_star).max(1e-9) / n_obs.max(1.0);
    move |omega| math::log1p((omega * scale).max(0.0))
}
