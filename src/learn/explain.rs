//! Why a model predicts what it predicts: contributions to ln(N/n).
//!
//! The law is a function L(g) = ln(1 + exp g) of a sum g of terms. With g₀ for a cascade of average features and
//! g = g₀ + Σ Δ_j, the contribution of a term is its share of the change of L,
//!
//! ```text
//! Δ_j (L(g) − L(g₀)) / (g − g₀),
//! ```
//!
//! which is the integral of its slope along the straight line from g₀ to g (integrated gradients: Sundararajan,
//! Taly and Yan, ICML 2017). A tree contributes the changes of the mean of its training values along the path of
//! the cascade, each to the feature of its split (Saabas, 2014). All contributions sum to the prediction.

use super::fitted_law::FittedLaw;
use super::forecast::{Forecast, Step, log_growth};
use super::growth_law::{Inputs, towards_seismic};
use super::map_law::{average_inputs, design};
use super::values::Features;
use crate::math;

/// Contributions to a prediction, in ln(N/n).
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The step (growth law, MAP law or forest) that made the prediction.
    pub step: Step,
    /// Finished cascades that the law was fitted to.
    pub cascades: usize,
    /// Samples of the window that the forest was trained on; 0 without a forest.
    pub samples: usize,
    /// ln(N/n) of an average cascade of this platform.
    pub average: f64,
    /// Contributions by feature, and those that belong to no feature; the largest absolute value first. With
    /// the average they sum to the predicted ln(N/n).
    pub terms: Vec<(String, f64)>,
}

/// The contribution of the networks, where they differ from the trees.
const NETWORKS: &str = "networks";
/// The predicted value of the distribution of the leaves, minus the mean of that distribution.
const AGGREGATE: &str = "aggregate";
/// What the bounds of a prediction changed: at least n, at most the largest size.
const LIMIT: &str = "limit";

/// An average, and contributions to the difference from it.
#[derive(Debug, Default)]
pub(super) struct Contributions {
    pub(super) average: f64,
    pub(super) terms: Vec<(String, f64)>,
}

impl Contributions {
    fn sum(&self) -> f64 {
        self.average + self.terms.iter().map(|(_, value)| value).sum::<f64>()
    }

    fn add(&mut self, name: &str, value: f64) {
        match self.terms.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own += value,
            None => self.terms.push((name.to_owned(), value)),
        }
    }

    /// Adds a share of others.
    fn add_share(&mut self, share: f64, others: &Self) {
        self.average += share * others.average;
        for (name, value) in &others.terms {
            self.add(name, share * value);
        }
    }

    /// The explanation of a forecast: what the terms do not explain becomes that of the limits.
    fn into_explanation(mut self, forecast: &Forecast<'_>, step: Step) -> Explanation {
        const ROUNDING: f64 = 1e-9;
        let rest = forecast.log_growth() - self.sum();
        if rest.abs() > ROUNDING {
            self.add(LIMIT, rest);
        }
        self.terms.retain(|(_, value)| *value != 0.0);
        self.terms.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        let Self { average, terms } = self;
        Explanation { step, cascades: 0, samples: 0, average, terms }
    }
}

/// The terms of g and of L(g) of a law for a cascade.
pub(super) fn of_law(law: &FittedLaw, inputs: &Inputs) -> Contributions {
    let reference = average_inputs();
    let mut terms = Contributions::default();
    let slopes = law.law.terms(inputs).into_iter().zip(law.law.terms(&reference));
    for (name, (here, there)) in Inputs::LAW_NAMES.into_iter().zip(slopes) {
        terms.add(name, here - there);
    }
    let mut intercept = law.shift;
    if let Some((constant, weights)) = law.weights.split_first() {
        intercept += constant;
        let names = Inputs::LAW_NAMES.into_iter().chain(Inputs::SHAPE_NAMES);
        for (name, (value, weight)) in names.zip(design(inputs)[1..].iter().zip(weights)) {
            terms.add(name, value * weight);
        }
    } else {
        let own = law.law.log_further(inputs);
        terms.add("ln_seismic", towards_seismic(own, inputs) - own);
    }
    let from = law.law.log_further(&reference) + intercept;
    let change = terms.sum();
    let slope = mean_slope(from, change);
    terms.terms.iter_mut().for_each(|(_, value)| *value *= slope);
    terms.average = log_growth(from);
    terms
}

/// (L(g₀ + Δ) − L(g₀)) / Δ.
fn mean_slope(from: f64, change: f64) -> f64 {
    const SMALL: f64 = 1e-5;
    if change.abs() < SMALL {
        return 1.0 / (1.0 + math::exp(-(from + change / 2.0)));
    }
    (log_growth(from + change) - log_growth(from)) / change
}

/// The parts of the forecast of a forest.
pub(super) struct ForestParts<'a> {
    /// Those of the trees, in ln(N/n).
    pub(super) paths: Contributions,
    /// ln(N/n) of the trees, as predicted.
    pub(super) of_trees: f64,
    /// The mean of the networks, and its share in their average with the trees.
    pub(super) of_networks: Option<(f64, f64)>,
    /// The law of the blend, the cascade, and the share of the law.
    pub(super) law: Option<(&'a FittedLaw, Inputs, f64)>,
}

/// The explanation of the forecast of a forest.
pub(super) fn of_forest(parts: ForestParts<'_>, forecast: &Forecast<'_>) -> Explanation {
    let ForestParts { mut paths, of_trees, of_networks, law } = parts;
    paths.add(AGGREGATE, of_trees - paths.sum());
    if let Some((networks, share)) = of_networks {
        paths.add(NETWORKS, share * (networks.max(0.0) - of_trees));
    }
    let of_law = law.as_ref().map(|(law, inputs, share)| (self::of_law(law, inputs), *share));
    let mut blend = Contributions::default();
    blend.add_share(1.0 - of_law.as_ref().map_or(0.0, |(_, share)| *share), &paths);
    if let Some((terms, share)) = &of_law {
        blend.add_share(*share, terms);
    }
    blend.into_explanation(forecast, Step::Forest)
}

impl FittedLaw {
    /// The explanation of [`FittedLaw::forecast`].
    pub fn explain(&self, features: &Features, n_obs: f64) -> Option<Explanation> {
        let inputs = Inputs::of(features)?;
        let forecast = self.forecast_at(&inputs, n_obs);
        let explanation = of_law(self, &inputs).into_explanation(&forecast, self.step());
        Some(Explanation { cascades: self.cascades, ..explanation })
    }
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::super::features::describe;
    use super::super::options::LearnOptions;
    use super::super::sample::Sample;
    use super::super::select::{fit_hybrid, fit_model};
    use super::super::target::{Aggregate, Target};
    use super::super::{Model, Query};
    use super::*;
    use crate::cascade::Point;

    /// A cascade with random times, of which most are early, and marks.
    fn cascade(rng: &mut ChaCha8Rng) -> Vec<Point> {
        let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
        let (size, power) = (30.0 + 300.0 * uniform(), 1.0 + 4.0 * uniform());
        let marked = uniform() < 0.5;
        let mut times: Vec<f64> =
            (0..size as usize).map(|_| 20_000.0 * math::pow(uniform(), power)).collect();
        times.sort_by(f64::total_cmp);
        times[0] = 0.0;
        let mark = |i: usize| if marked { ((7 * i) % 100) as f64 } else { 1.0 };
        times.into_iter().enumerate().map(|(i, time)| Point { time, magnitude: mark(i) }).collect()
    }

    fn sample(i: usize, rng: &mut ChaCha8Rng) -> Sample {
        const WINDOW: f64 = 3600.0;
        let points = cascade(rng);
        let extra = |_: &[Point], _: f64| vec![("ln_seismic", 0.7)];
        let (features, rows) = describe(&points, WINDOW, extra);
        let n_obs = points.iter().filter(|it| it.time <= WINDOW).count() as f64;
        Sample {
            id: format!("0/{i}"),
            t_obs: WINDOW,
            n_obs,
            n_tot: points.len() as f64,
            features,
            rows,
            x: [1e-3, 0.5, 20.0],
            w: Some(0.5 + 0.01 * (i % 7) as f64),
            ..Sample::default()
        }
    }

    fn query(sample: &Sample) -> Query<'_> {
        Query { features: &sample.features, n_obs: sample.n_obs, x: sample.x }
    }

    fn models(samples: &[Sample], seed: u64) -> Vec<Model> {
        let aggregates = [Aggregate::RelativeMedian, Aggregate::Median, Aggregate::Mean];
        let options = LearnOptions {
            window: 3600.0,
            trees: 8,
            seed,
            aggregate: aggregates[seed as usize % 3],
            ..LearnOptions::default()
        };
        let omega = LearnOptions { target: Target::Omega, ..options.clone() };
        fit_model(samples, &options).into_iter().chain(fit_hybrid(samples, &omega)).collect()
    }

    #[test]
    fn contributions_sum_to_the_prediction_in_every_step() {
        let mut steps = std::collections::BTreeMap::new();
        for seed in 0..24 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let samples: Vec<Sample> = (0..30).map(|i| sample(i, &mut rng)).collect();
            let untrained = FittedLaw::default();
            let count = [1, 5, 9, 10, 15, 25][seed as usize % 6];
            for model in models(&samples[..count], seed) {
                for sample in &samples {
                    let n = sample.n_obs;
                    let forecast = model.predict(&query(sample)).unwrap();
                    let law = untrained.forecast(&sample.features, n).unwrap();
                    for (forecast, explanation) in [
                        (forecast, model.explain(&query(sample)).unwrap()),
                        (law, untrained.explain(&sample.features, n).unwrap()),
                    ] {
                        let terms = explanation.terms.iter().map(|(_, value)| value);
                        let sum = explanation.average + terms.sum::<f64>();
                        let predicted = math::ln(forecast.n_tot() / n);
                        assert!(
                            (sum - predicted).abs() < 1e-9,
                            "{seed}: {explanation:?} {predicted}"
                        );
                        // Nothing is left over for the bounds of a prediction.
                        let names: Vec<&str> =
                            explanation.terms.iter().map(|(name, _)| &**name).collect();
                        assert!(!names.contains(&LIMIT), "{seed}: {explanation:?}");
                        *steps
                            .entry((explanation.step.name(), explanation.cascades > 0))
                            .or_insert(0) += 1;
                    }
                }
            }
        }
        let steps: Vec<_> = steps.into_keys().collect();
        let expected = [
            ("forest", false),
            ("forest", true),
            ("growth-law", false),
            ("growth-law", true),
            ("map-law", true),
        ];
        assert_eq!(steps, expected);
    }

    /// The mean of trees is their mean over all training values and the changes along the paths.
    #[test]
    fn the_paths_of_trees_end_at_the_mean_of_the_leaves() {
        for seed in 0..6 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let samples: Vec<Sample> = (0..40).map(|i| sample(i, &mut rng)).collect();
            let options = LearnOptions {
                window: 3600.0,
                trees: 8,
                seed,
                aggregate: Aggregate::Mean,
                ..LearnOptions::default()
            };
            let model = fit_model(&samples[..30], &options).unwrap();
            for sample in &samples {
                let explanation = model.explain(&query(sample)).unwrap();
                let aggregate = explanation.terms.iter().find(|(name, _)| name == AGGREGATE);
                assert!(aggregate.is_none_or(|(_, value)| value.abs() < 1e-9), "{explanation:?}");
                assert!(explanation.terms.iter().any(|(name, _)| name.starts_with("share_")));
                assert_eq!(
                    (explanation.samples, explanation.cascades),
                    (30, model.law().cascades())
                );
            }
        }
    }

    /// A change of one input of the law changes the contribution of its feature; g by hand.
    #[test]
    fn the_contributions_of_the_law_are_proportional_to_the_terms_of_its_formula() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let sample = sample(0, &mut rng);
        let law = FittedLaw::default();
        let explanation = law.explain(&sample.features, sample.n_obs).unwrap();
        let slope = |name: &str, by: f64, mean: f64, (low, high): (f64, f64)| {
            let value = sample.features.get(name).unwrap().clamp(low, high) - mean;
            let found = explanation.terms.iter().find(|(own, _)| own == name).unwrap().1;
            found / (by * value)
        };
        let slopes = [
            slope("recent_8", 0.4969, -1.03, (-4.0, 1.6)),
            slope("recent_16", 0.1297, -0.952, (-4.0, 1.6)),
            slope("trend_8", -0.2507, -0.122, (-2.5, 2.3)),
            slope("gap_cv", -0.1851, 1.783, (0.5, 5.5)),
        ];
        for found in slopes {
            assert!(
                (found / slopes[0] - 1.0).abs() < 1e-9 && (0.0..=1.0).contains(&found),
                "{slopes:?}"
            );
        }
    }
}
