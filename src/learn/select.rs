//! From samples to a model: the law or the trees, whichever wins on samples it has not seen.

use super::answer::{Calibration, Tried};
use super::descend::{FOLDS, descend, fold, unseen};
use super::laws::LogLinear;
use super::model::{HeldOut, Model, Query, Step, forest_answer, law_answer};
use super::network::Networks;
use super::parallel::in_parallel;
use super::table::{Held, Table};
use super::train::{Grown, grow};
use super::trees::Trees;
use super::{Aggregate, Features, LearnOptions, Sample, Target};
use crate::event::ModelVersion;

/// Fewer samples of a window teach nothing.
pub const FEWEST_SAMPLES: usize = 10;
/// Fewer samples of a window grow no trees.
const FEWEST_FOR_TREES: usize = 20;

/// Learns a window's model, or nothing from fewer than 10 samples of that window; below 20, one of the
/// two laws.
///
/// Held-out errors of the laws come from five folds, those of the trees from the samples that a
/// tree has not drawn. The step with the least error is taken, and its intervals are calibrated
/// on the same held-out answers.
pub fn fit_model(samples: &[Sample], recipe: &LearnOptions) -> Option<Model> {
    fit_step(samples, recipe, None)
}

/// The same, by one step whatever the others would do; by the best where that one cannot learn.
pub(super) fn fit_step(
    samples: &[Sample],
    recipe: &LearnOptions,
    only: Option<Step>,
) -> Option<Model> {
    let table = Table::new(samples, recipe);
    if table.held.len() < FEWEST_SAMPLES {
        return None;
    }
    let enough = table.held.len() >= FEWEST_FOR_TREES;
    let grown = enough.then(|| grow(&table, recipe.trees, recipe.seed, recipe.threads)).flatten();
    let mut candidates = vec![
        (Step::MedianRatio, held_out_law(&table.held, recipe, false)),
        (Step::LogLinear, held_out_law(&table.held, recipe, true)),
    ];
    let networks = match (&grown, recipe.target) {
        (Some(_), Target::LogRatio) => {
            descend(&table, recipe.aggregate, recipe.seed, recipe.threads)
        }
        _ => Networks::default(),
    };
    let forest = grown.as_ref().map(|grown| held_out_forest(&table, grown, &networks, recipe));
    candidates.extend(forest.map(|answers| (Step::Forest, answers)));
    let held_out = errors(&candidates);
    if candidates.iter().any(|(step, _)| Some(*step) == only) {
        candidates.retain(|(step, _)| Some(*step) == only);
    }
    let loss =
        |answers: &[(Tried, f64)]| mean(answers, |a, truth| loss(recipe.aggregate, a, truth));
    let (step, answers) = candidates
        .into_iter()
        .min_by(|a, b| loss(&a.1).total_cmp(&loss(&b.1)))
        .expect("there are always the two laws");
    let law = LogLinear::fit(&pairs(&table.held));
    let kept_law = (step == Step::LogLinear).then_some(law);
    let (trees, networks) = match (step, grown) {
        (Step::Forest, Some(grown)) => (grown.trees, networks),
        _ => (Trees::default(), Networks::default()),
    };
    Some(Model {
        version: ModelVersion { window: recipe.window as u64, counter: recipe.counter },
        window: recipe.window,
        names: table.names,
        medians: table.medians,
        target: recipe.target,
        aggregate: recipe.aggregate,
        step,
        samples: table.held.len(),
        times: table.times,
        seed: recipe.seed,
        held_out: HeldOut {
            mean_are: mean(&answers, are),
            median_are: median_are(&answers),
            ..held_out
        },
        calibration: Calibration::measure(&answers),
        law,
        residuals: residuals(&table.held, kept_law),
        trees,
        networks,
    })
}

fn pairs(held: &[Held]) -> Vec<(f64, f64)> {
    held.iter().map(|held| (held.n_obs, held.n_tot)).collect()
}

fn log_growth(held: &Held) -> f64 {
    (held.n_tot / held.n_obs).ln()
}

/// What is left of ln(N/n) beside the law; evenly by rank where there are many.
fn residuals(held: &[Held], law: Option<LogLinear>) -> Vec<f32> {
    const MOST: usize = 1024;
    let expected = |held: &Held| law.map_or(0.0, |law| law.log_growth(held.n_obs));
    let mut all: Vec<f32> =
        held.iter().map(|held| (log_growth(held) - expected(held)) as f32).collect();
    all.sort_unstable_by(f32::total_cmp);
    if all.len() <= MOST {
        return all;
    }
    (0..MOST).map(|i| all[i * (all.len() - 1) / (MOST - 1)]).collect()
}

fn held_out_law(held: &[Held], recipe: &LearnOptions, log_linear: bool) -> Vec<(Tried, f64)> {
    let none = Calibration::default();
    let mut answers = Vec::with_capacity(held.len());
    for out in 0..FOLDS {
        let is_out = |held: &&Held| fold(held.cascade) == out;
        let rest: Vec<Held> = held.iter().filter(|held| !is_out(held)).cloned().collect();
        let law = log_linear.then(|| LogLinear::fit(&pairs(&rest)));
        let residuals = residuals(&rest, law);
        let asked: Vec<&Held> = held.iter().filter(is_out).collect();
        answers.extend(in_parallel(&asked, recipe.threads, |held| {
            let answer = law_answer(law, &residuals, held.n_obs, recipe.aggregate, &none);
            (answer.tried(), log_growth(held))
        }));
    }
    answers
}

/// What trees and networks say of cascades that they have not seen.
fn held_out_forest(
    table: &Table,
    grown: &Grown,
    networks: &Networks,
    recipe: &LearnOptions,
) -> Vec<(Tried, f64)> {
    let (none, no_features) = (Calibration::default(), Features::default());
    let answer = |held: &Held| {
        let stranger = |tree: usize| !grown.seen[tree][held.cascade];
        let fallen = grown.trees.fallen(&held.values, stranger);
        let query = Query { features: &no_features, n_obs: held.n_obs, x: held.x };
        let answer = forest_answer(fallen, &query, recipe.target, recipe.aggregate, &none);
        let stranger = |network| unseen(network) == fold(held.cascade);
        answer.towards(networks.log_growth(&held.values, stranger))
    };
    in_parallel(&table.held, recipe.threads, |held| (answer(held).tried(), log_growth(held)))
}

fn are(answer: &Tried, log_growth: f64) -> f64 {
    (answer.n_tot / (answer.n_obs * log_growth.exp()) - 1.0).abs()
}

/// What the aggregate minimises.
fn loss(aggregate: Aggregate, answer: &Tried, log_growth: f64) -> f64 {
    let log_error = (answer.n_tot / answer.n_obs).ln() - log_growth;
    match aggregate {
        Aggregate::RelativeMedian => are(answer, log_growth),
        Aggregate::Median => log_error.abs(),
        Aggregate::Mean => log_error * log_error,
    }
}

fn mean(answers: &[(Tried, f64)], of: impl Fn(&Tried, f64) -> f64) -> f64 {
    answers.iter().map(|(answer, truth)| of(answer, *truth)).sum::<f64>() / answers.len() as f64
}

fn median_are(answers: &[(Tried, f64)]) -> f64 {
    let mut errors: Vec<f64> = answers.iter().map(|(answer, truth)| are(answer, *truth)).collect();
    errors.sort_by(f64::total_cmp);
    errors[errors.len() / 2]
}

fn errors(candidates: &[(Step, Vec<(Tried, f64)>)]) -> HeldOut {
    let of = |wanted: Step| {
        let found = candidates.iter().find(|(step, _)| *step == wanted);
        found.map_or(0.0, |(_, answers)| mean(answers, are))
    };
    HeldOut {
        median_ratio: of(Step::MedianRatio),
        log_linear: of(Step::LogLinear),
        forest: of(Step::Forest),
        ..HeldOut::default()
    }
}
