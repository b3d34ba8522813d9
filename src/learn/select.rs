//! Trains the model of a window: the law of all finished cascades and, with 20 or more samples of the window, a forest
//! that is blended with it.

use super::fitted_law::LawFit;
use super::forecast::{Calibration, Forecast, HeldOutForecast, Step};
use super::grow::{GrownTrees, InBag, grow};
use super::model::{HeldOut, Model, Query, SHARE_OF_NETWORKS, forest_forecast};
use super::network::Networks;
use super::options::LearnOptions;
use super::sample::Sample;
use super::table::{Table, WindowRow};
use super::target::Target;
use super::train_networks::{networks_without, train_networks};
use super::trees::Trees;
use crate::event::ModelVersion;
use crate::math;
use crate::parallel::in_parallel;

/// The smallest number of samples of a window that trees are grown on.
pub const MIN_SAMPLES_FOR_TREES: usize = 20;

/// Fits the model of the window in `options`, in seconds, to samples of any windows, in the order in which their cascades
/// finished; `None` without a usable sample of that window.
///
/// Below 20 samples it is the growth law, corrected by the finished cascades of all windows. From 20 on it
/// is a forest blended with that law: ln(N/n) = w forest + (1 - w) law, with w = m^2/(m^2 + 225) for m samples.
/// Intervals are calibrated on held-out forecasts of the blend: those of the trees that did not draw
/// the cascade, and of the networks and the law that were not fitted to it.
pub fn fit_model(samples: &[Sample], options: &LearnOptions) -> Option<Model> {
    let has_samples = samples.iter().any(|sample| sample.t_obs == options.window);
    if has_samples { fit_with(samples, options, &LawFit::new(samples, options)) } else { None }
}

/// Fits the model of the window in `options`, which replaces `incumbent` if it is at least as good: by mean ARE on
/// the `new` newest samples of the window, on which the incumbent was not trained. `None` where it is worse, or
/// without a sample of that window.
///
/// A model of fewer samples than the incumbent, as after a restart, must be better on all its samples, by two standard
/// errors of the difference: on a few samples the difference is mostly chance. `new` is a number of samples of the
/// window, the last ones in `samples`. A model without a forest replaces the incumbent without a comparison.
///
/// Both predict a sample without what the new model learned from its cascade: the new one by its held-out forecast,
/// the incumbent by the trees and networks of the same numbers, so that both average equally many.
pub fn fit_successor(
    samples: &[Sample],
    options: &LearnOptions,
    incumbent: &Model,
    new: usize,
) -> Option<Model> {
    let Fitted { model, window_rows, in_bag, forecasts } =
        fit_whole(samples, options, &LawFit::new(samples, options))?;
    if model.step != Step::Forest {
        return Some(model);
    }
    let of_window = samples.iter().rev().filter(|sample| sample.t_obs == options.window);
    let is_smaller = model.samples() < incumbent.samples();
    let compared = if is_smaller { usize::MAX } else { new };
    let newest = of_window.take(compared).filter(|sample| sample.is_usable());
    let mut differences = Vec::new();
    for ((sample, row), (forecast, truth)) in
        newest.zip(window_rows.iter().rev()).zip(forecasts.iter().rev())
    {
        let Sample { features, n_obs, x, .. } = sample;
        let query = Query { features, n_obs: *n_obs, x: *x };
        let (trees, networks) = (in_bag.trees_without(row.cascade), networks_without(row.cascade));
        let of_incumbent = incumbent.predict_with(&query, trees, networks);
        let predicted = of_incumbent.map_or(*n_obs, |forecast| forecast.n_tot());
        let of_incumbent = (predicted / row.n_tot - 1.0).abs();
        differences.push(forecast_are(forecast, *truth) - of_incumbent);
    }
    let is_better =
        if is_smaller { is_negative(&differences) } else { differences.iter().sum::<f64>() <= 0.0 };
    is_better.then_some(model)
}

/// Whether the mean of the values is negative by more than two of its standard errors.
fn is_negative(values: &[f64]) -> bool {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    n > 1.0 && mean < -2.0 * (squares / (n - 1.0) / n).sqrt()
}

/// A model, and what its held-out errors were measured on.
struct Fitted {
    model: Model,
    window_rows: Vec<WindowRow>,
    in_bag: InBag,
    /// The held-out forecast of each row, with the true ln(N/n).
    forecasts: Vec<(HeldOutForecast, f64)>,
}

/// As [`fit_model`], with the law fitted already; all windows share it.
pub(super) fn fit_with(samples: &[Sample], options: &LearnOptions, laws: &LawFit) -> Option<Model> {
    Some(fit_whole(samples, options, laws)?.model)
}

fn fit_whole(samples: &[Sample], options: &LearnOptions, laws: &LawFit) -> Option<Fitted> {
    let mut table = Table::new(samples, options);
    if table.window_rows.is_empty() {
        return None;
    }
    let forest = grow_forest(&table, options);
    let law = |row: &WindowRow| {
        let inputs = row.law.as_ref()?;
        Some(laws.without(&table.ids[row.cascade]).forecast_at(inputs, row.n_obs))
    };
    // A cascade without the features of the law counts as predicted not to grow: left out, it would make the errors of
    // a model that predicts nothing 0.
    let of_law: Vec<(HeldOutForecast, f64)> = table
        .window_rows
        .iter()
        .map(|row| {
            let forecast = law(row).map(|forecast| forecast.held_out());
            (forecast.unwrap_or_else(|| HeldOutForecast::no_growth(row.n_obs)), log_growth(row))
        })
        .collect();
    let held_out = HeldOut { law: mean(&of_law), ..HeldOut::default() };
    let Some(forest) = forest else {
        let held_out =
            HeldOut { mean_are: held_out.law, median_are: median_are(&of_law), ..held_out };
        let step = laws.law.step();
        let window_rows = std::mem::take(&mut table.window_rows);
        let model = Model { step, held_out, ..model(table, window_rows.len(), options, laws) };
        return Some(Fitted { model, window_rows, in_bag: InBag::default(), forecasts: of_law });
    };
    let share = share_of_forest(table.window_rows.len());
    let forecasts: Vec<(f64, HeldOutForecast, f64)> =
        in_parallel(&table.window_rows, options.threads, |row| {
            let of_law = law(row).map(|forecast| forecast.log_growth());
            let (truth, forecast) = (log_growth(row), forest.forecast_without(row, options));
            let of_forest = are(row.n_obs, forecast.n_tot(), truth);
            (of_forest, forecast.towards(of_law, 1.0 - share).held_out(), truth)
        });
    let of_forest = forecasts.iter().map(|(are, ..)| are).sum::<f64>();
    let forest_are = of_forest / forecasts.len().max(1) as f64;
    let blended: Vec<(HeldOutForecast, f64)> =
        forecasts.into_iter().map(|(_, blended, truth)| (blended, truth)).collect();
    let held_out = HeldOut {
        mean_are: mean(&blended),
        median_are: median_are(&blended),
        forest: forest_are,
        ..held_out
    };
    let window_rows = std::mem::take(&mut table.window_rows);
    let model = Model {
        step: Step::Forest,
        held_out,
        calibration: Calibration::measure(&blended),
        share,
        trees: forest.grown.trees,
        networks: forest.networks,
        ..model(table, window_rows.len(), options, laws)
    };
    Some(Fitted { model, window_rows, in_bag: forest.grown.in_bag, forecasts: blended })
}

/// The forest of the original system's hybrid, which has no law to be blended with; `None` with too few
/// samples of the window.
pub(super) fn fit_hybrid(samples: &[Sample], options: &LearnOptions) -> Option<Model> {
    let table = Table::new(samples, options);
    let forest = grow_forest(&table, options)?;
    let calibration = Calibration::measure(&held_out_forest(&table, &forest, options));
    let (trees, networks) = (forest.grown.trees, forest.networks);
    let samples = table.window_rows.len();
    let model = model(table, samples, options, &LawFit::new(&[], options));
    Some(Model { step: Step::Forest, calibration, share: 1.0, trees, networks, ..model })
}

/// w = m^2/(m^2 + 15^2): the share of the forest in the blend, with m samples of its window.
///
/// Chosen from m/(m + h) and m^2/(m^2 + h^2) by cross-validation on the three platforms of
/// docs/evaluation.md: of 40 samples with marks the forest alone is better than the law.
fn share_of_forest(samples: usize) -> f64 {
    const HALF: f64 = 15.0;
    let m = samples as f64;
    m * m / (m * m + HALF * HALF)
}

/// A model without a forest.
fn model(table: Table, samples: usize, options: &LearnOptions, laws: &LawFit) -> Model {
    Model {
        version: ModelVersion { window: options.window as u64, counter: options.counter },
        window: options.window,
        names: table.names,
        medians: table.medians,
        activity: table.activity,
        target: options.target,
        aggregate: options.aggregate,
        step: Step::GrowthLaw,
        samples,
        times: table.times,
        seed: options.seed,
        held_out: HeldOut::default(),
        calibration: Calibration::default(),
        law: laws.law.clone(),
        share: 0.0,
        trees: Trees::default(),
        networks: Networks::default(),
    }
}

/// Trees and networks of a window.
struct GrownForest {
    grown: GrownTrees,
    networks: Networks,
    uncalibrated: Calibration,
}

/// The trees and networks of a window with enough samples.
fn grow_forest(table: &Table, options: &LearnOptions) -> Option<GrownForest> {
    if table.window_rows.len() < MIN_SAMPLES_FOR_TREES {
        return None;
    }
    let grown = grow(table, options)?;
    let networks = match options.target {
        Target::LogRatio => train_networks(table, options.aggregate, options.seed, options.threads),
        Target::Omega => Networks::default(),
    };
    Some(GrownForest { grown, networks, uncalibrated: Calibration::default() })
}

impl GrownForest {
    /// The forecast of a cascade by the trees and networks that were not trained on it.
    fn forecast_without(&self, row: &WindowRow, options: &LearnOptions) -> Forecast<'_> {
        let trees = self.grown.in_bag.trees_without(row.cascade);
        let leaves = self.grown.trees.reached_leaves(&row.values, trees);
        let (target, aggregate) = (options.target, options.aggregate);
        let (n_obs, calibration) = (row.n_obs, &self.uncalibrated);
        let forecast = forest_forecast(leaves, n_obs, row.x, target, aggregate, calibration);
        let networks = networks_without(row.cascade);
        forecast.towards(self.networks.log_growth(&row.values, networks), SHARE_OF_NETWORKS)
    }
}

/// ln(N/n).
fn log_growth(row: &WindowRow) -> f64 {
    math::ln(row.n_tot / row.n_obs)
}

/// Held-out forecasts of the forest alone, with the true ln(N/n).
fn held_out_forest(
    table: &Table,
    forest: &GrownForest,
    options: &LearnOptions,
) -> Vec<(HeldOutForecast, f64)> {
    in_parallel(&table.window_rows, options.threads, |row| {
        (forest.forecast_without(row, options).held_out(), log_growth(row))
    })
}

/// The absolute relative error |prediction − N|/N of a cascade of n tweets that grew by ln(N/n).
fn are(n_obs: f64, prediction: f64, log_growth: f64) -> f64 {
    (prediction / (n_obs * math::exp(log_growth)) - 1.0).abs()
}

fn forecast_are(forecast: &HeldOutForecast, log_growth: f64) -> f64 {
    are(forecast.n_obs, forecast.n_tot, log_growth)
}

/// The mean ARE; 0 for no forecasts.
fn mean(forecasts: &[(HeldOutForecast, f64)]) -> f64 {
    let errors = forecasts.iter().map(|(forecast, truth)| forecast_are(forecast, *truth));
    errors.sum::<f64>() / forecasts.len().max(1) as f64
}

fn median_are(forecasts: &[(HeldOutForecast, f64)]) -> f64 {
    let mut errors: Vec<f64> =
        forecasts.iter().map(|(forecast, truth)| forecast_are(forecast, *truth)).collect();
    errors.sort_by(f64::total_cmp);
    match errors.len() {
        0 => 0.0,
        n => (errors[(n - 1) / 2] + errors[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::Features;

    fn sample(number: usize, features: Features) -> Sample {
        let (n_obs, n_tot) = (10.0 + number as f64, 40.0);
        Sample {
            id: format!("0/{number}"),
            t_obs: 600.0,
            n_obs,
            n_tot,
            features,
            ..Sample::default()
        }
    }

    fn with_features(number: usize) -> Sample {
        let points: Vec<crate::cascade::Point> = (0..10 + number)
            .map(|i| crate::cascade::Point { time: 30.0 * i as f64, magnitude: 1.0 })
            .collect();
        sample(number, crate::learn::features(&points, 600.0, &[]))
    }

    fn options() -> LearnOptions {
        LearnOptions { window: 600.0, trees: 3, ..LearnOptions::default() }
    }

    #[test]
    fn a_model_without_features_has_the_errors_of_no_growth() {
        for count in 1..8 {
            let samples: Vec<Sample> = (0..count).map(|i| sample(i, Features::default())).collect();
            let held_out = fit_model(&samples, &options()).unwrap().held_out();
            let mut errors: Vec<f64> = samples.iter().map(|it| 1.0 - it.n_obs / it.n_tot).collect();
            let mean = errors.iter().sum::<f64>() / count as f64;
            assert!((held_out.mean_are - mean).abs() < 1e-12, "{count}: {held_out:?}");
            assert_eq!(held_out.law, held_out.mean_are);
            errors.sort_by(f64::total_cmp);
            let median = (errors[(count - 1) / 2] + errors[count / 2]) / 2.0;
            assert!((held_out.median_are - median).abs() < 1e-12, "{count}: {held_out:?}");
        }
    }

    #[test]
    fn a_sample_without_features_counts_beside_others() {
        let [a, b, c] = [with_features(0), with_features(1), sample(2, Features::default())];
        let two = fit_model(&[a.clone(), b.clone()], &options()).unwrap().held_out().mean_are;
        let three = fit_model(&[a, b, c], &options()).unwrap().held_out().mean_are;
        assert!((3.0 * three - 2.0 * two - (1.0 - 12.0 / 40.0)).abs() < 1e-12, "{two} {three}");
    }
}
