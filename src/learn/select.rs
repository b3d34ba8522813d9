//! Trains the model of a window: fits all predictors and keeps the one with the smallest held-out error.

use super::features::Features;
use super::forecast::{Calibration, HeldOutForecast};
use super::grow::{GrownTrees, grow};
use super::laws::LogLinear;
use super::model::{HeldOut, Model, Query, Step, forest_forecast, law_forecast};
use super::network::Networks;
use super::options::{Aggregate, LearnOptions, Target};
use super::ranks::at_even_ranks;
use super::sample::Sample;
use super::table::{Table, WindowRow};
use super::train_networks::{FOLDS, fold, held_out_fold, train_networks};
use super::trees::Trees;
use crate::event::ModelVersion;
use crate::parallel::in_parallel;

/// The smallest number of samples of a window that a model is fitted to.
pub const MIN_SAMPLES: usize = 10;
/// The smallest number of samples of a window that trees are grown on.
const MIN_SAMPLES_FOR_TREES: usize = 20;

/// Fits the model of the window in `options`; `None` for fewer than [`MIN_SAMPLES`] samples of that window.
/// Below 20 samples the model is one of the two laws.
///
/// Held-out errors of the laws come from five folds, those of a tree from the cascades that it
/// did not draw. The step with the smallest error is kept, and its intervals are calibrated on the same
/// held-out forecasts.
pub fn fit_model(samples: &[Sample], options: &LearnOptions) -> Option<Model> {
    fit_step(samples, options, None)
}

/// Fits a model of one given step, whatever the errors of the others; of the best step where that one
/// has too few samples.
pub(super) fn fit_step(
    samples: &[Sample],
    options: &LearnOptions,
    only: Option<Step>,
) -> Option<Model> {
    let table = Table::new(samples, options);
    if table.window_rows.len() < MIN_SAMPLES {
        return None;
    }
    let enough = table.window_rows.len() >= MIN_SAMPLES_FOR_TREES;
    let grown =
        enough.then(|| grow(&table, options.trees, options.seed, options.threads)).flatten();
    let mut candidates = vec![
        (Step::MedianRatio, held_out_law(&table.window_rows, options, false)),
        (Step::LogLinear, held_out_law(&table.window_rows, options, true)),
    ];
    let networks = match (&grown, options.target) {
        (Some(_), Target::LogRatio) => {
            train_networks(&table, options.aggregate, options.seed, options.threads)
        }
        _ => Networks::default(),
    };
    let forest = grown.as_ref().map(|grown| held_out_forest(&table, grown, &networks, options));
    candidates.extend(forest.map(|forecasts| (Step::Forest, forecasts)));
    let held_out = errors(&candidates);
    if candidates.iter().any(|(step, _)| Some(*step) == only) {
        candidates.retain(|(step, _)| Some(*step) == only);
    }
    let loss = |forecasts: &[(HeldOutForecast, f64)]| {
        mean(forecasts, |a, truth| loss(options.aggregate, a, truth))
    };
    let (step, forecasts) = candidates
        .into_iter()
        .min_by(|a, b| loss(&a.1).total_cmp(&loss(&b.1)))
        .expect("the two laws are always candidates");
    let law = LogLinear::fit(&pairs(&table.window_rows));
    let kept_law = (step == Step::LogLinear).then_some(law);
    let (trees, networks) = match (step, grown) {
        (Step::Forest, Some(grown)) => (grown.trees, networks),
        _ => (Trees::default(), Networks::default()),
    };
    Some(Model {
        version: ModelVersion { window: options.window as u64, counter: options.counter },
        window: options.window,
        names: table.names,
        medians: table.medians,
        target: options.target,
        aggregate: options.aggregate,
        step,
        samples: table.window_rows.len(),
        times: table.times,
        seed: options.seed,
        held_out: HeldOut {
            mean_are: mean(&forecasts, are),
            median_are: median_are(&forecasts),
            ..held_out
        },
        calibration: Calibration::measure(&forecasts),
        law,
        residuals: residuals(&table.window_rows, kept_law),
        trees,
        networks,
    })
}

/// (n, N) of each row.
fn pairs(rows: &[WindowRow]) -> Vec<(f64, f64)> {
    rows.iter().map(|row| (row.n_obs, row.n_tot)).collect()
}

/// ln(N/n).
fn log_growth(row: &WindowRow) -> f64 {
    (row.n_tot / row.n_obs).ln()
}

/// The residuals of ln(N/n) from the law, ascending; at even ranks where there are many.
fn residuals(rows: &[WindowRow], law: Option<LogLinear>) -> Vec<f32> {
    const MAX_RESIDUALS: usize = 1024;
    let expected = |row: &WindowRow| law.map_or(0.0, |law| law.log_growth(row.n_obs));
    let mut all: Vec<f32> =
        rows.iter().map(|row| (log_growth(row) - expected(row)) as f32).collect();
    all.sort_unstable_by(f32::total_cmp);
    at_even_ranks(all, MAX_RESIDUALS)
}

/// Forecasts of a law, fitted to the other folds, with the true ln(N/n).
fn held_out_law(
    rows: &[WindowRow],
    options: &LearnOptions,
    log_linear: bool,
) -> Vec<(HeldOutForecast, f64)> {
    let uncalibrated = Calibration::default();
    let mut forecasts = Vec::with_capacity(rows.len());
    for out in 0..FOLDS {
        let is_out = |row: &&WindowRow| fold(row.cascade) == out;
        let rest: Vec<WindowRow> = rows.iter().filter(|row| !is_out(row)).cloned().collect();
        let law = log_linear.then(|| LogLinear::fit(&pairs(&rest)));
        let residuals = residuals(&rest, law);
        let held_out: Vec<&WindowRow> = rows.iter().filter(is_out).collect();
        forecasts.extend(in_parallel(&held_out, options.threads, |row| {
            let forecast =
                law_forecast(law, &residuals, row.n_obs, options.aggregate, &uncalibrated);
            (forecast.held_out(), log_growth(row))
        }));
    }
    forecasts
}

/// Forecasts of each cascade by the trees and networks that were not trained on it, with the true ln(N/n).
fn held_out_forest(
    table: &Table,
    grown: &GrownTrees,
    networks: &Networks,
    options: &LearnOptions,
) -> Vec<(HeldOutForecast, f64)> {
    let (uncalibrated, no_features) = (Calibration::default(), Features::default());
    let forecast = |row: &WindowRow| {
        let out_of_bag = |tree: usize| !grown.in_bag[tree][row.cascade];
        let leaves = grown.trees.reached_leaves(&row.values, out_of_bag);
        let query = Query { features: &no_features, n_obs: row.n_obs, x: row.x };
        let (target, aggregate) = (options.target, options.aggregate);
        let forecast = forest_forecast(leaves, &query, target, aggregate, &uncalibrated);
        let held_out = |network| held_out_fold(network) == fold(row.cascade);
        forecast.towards(networks.log_growth(&row.values, held_out))
    };
    in_parallel(&table.window_rows, options.threads, |row| {
        (forecast(row).held_out(), log_growth(row))
    })
}

/// The absolute relative error |prediction − N|/N.
fn are(forecast: &HeldOutForecast, log_growth: f64) -> f64 {
    (forecast.n_tot / (forecast.n_obs * log_growth.exp()) - 1.0).abs()
}

/// The error whose mean the aggregate minimises.
fn loss(aggregate: Aggregate, forecast: &HeldOutForecast, log_growth: f64) -> f64 {
    let log_error = (forecast.n_tot / forecast.n_obs).ln() - log_growth;
    match aggregate {
        Aggregate::RelativeMedian => are(forecast, log_growth),
        Aggregate::Median => log_error.abs(),
        Aggregate::Mean => log_error * log_error,
    }
}

fn mean(forecasts: &[(HeldOutForecast, f64)], of: impl Fn(&HeldOutForecast, f64) -> f64) -> f64 {
    forecasts.iter().map(|(forecast, truth)| of(forecast, *truth)).sum::<f64>()
        / forecasts.len() as f64
}

fn median_are(forecasts: &[(HeldOutForecast, f64)]) -> f64 {
    let mut errors: Vec<f64> =
        forecasts.iter().map(|(forecast, truth)| are(forecast, *truth)).collect();
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

/// The mean error of each step; 0 for a step that is no candidate.
fn errors(candidates: &[(Step, Vec<(HeldOutForecast, f64)>)]) -> HeldOut {
    let of = |selected: Step| {
        let found = candidates.iter().find(|(step, _)| *step == selected);
        found.map_or(0.0, |(_, forecasts)| mean(forecasts, are))
    };
    HeldOut {
        median_ratio: of(Step::MedianRatio),
        log_linear: of(Step::LogLinear),
        forest: of(Step::Forest),
        ..HeldOut::default()
    }
}
