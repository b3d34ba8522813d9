//! The learning curve: errors on held-out cascades by the number of finished cascades that were learned from.

use std::collections::HashMap;

use super::{
    Case, EvaluateOptions, FinishedCascade, MethodPrediction, Predictor, Untrained, case, studies,
};
use crate::learn::{Folds, Sample, predict_with};
use crate::score::mean;

/// The size of a learning curve.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveOptions {
    /// Numbers of finished cascades.
    pub cascades: Vec<usize>,
    /// Random draws of the halves and of the cascades; the errors are pooled over them.
    pub draws: usize,
}

/// The errors of a method after a number of finished cascades, over all draws.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveRow {
    /// The number of finished cascades.
    pub cascades: usize,
    /// The method.
    pub predictor: Predictor,
    /// The errors at each window, in the order of the options; `None` where no cascade is scored.
    pub windows: Vec<Option<CurveCell>>,
}

/// The errors at a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurveCell {
    /// Number of predictions.
    pub scored: usize,
    /// Mean of |prediction - N|/N.
    pub mean_are: f64,
    /// The share of intervals that hold the final size.
    pub covered: Option<f64>,
}

impl CurveRow {
    /// The mean over the windows of a value of each.
    pub fn average(&self, of: impl Fn(&CurveCell) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.windows.iter().flatten().map(of).collect();
        values.filter(|values| !values.is_empty()).map(mean)
    }
}

/// Number of cascades that are predicted in a draw at most.
const MAX_PREDICTED: usize = 400;

/// In each draw, divides the cascades into two halves, trains on random cascades of one, each number
/// including the smaller ones, and predicts at most 400 of the other. Odd draws swap the halves of the
/// draw before. A number that is above the size of the smaller half has no row.
pub fn learning_curve(
    cascades: &[FinishedCascade],
    options: &EvaluateOptions,
    curve: &CurveOptions,
) -> Vec<CurveRow> {
    // Kernels are not trained.
    let options = &EvaluateOptions { kernels: Vec::new(), ..options.clone() };
    let (samples, answers) = studies(cascades, options);
    let mut cases: Vec<Vec<Case>> = vec![Vec::new(); curve.cascades.len()];
    let draw = |draw: usize| Draw::new(&samples, options.learn.seed, draw as u64);
    let draws: Vec<Draw> = (0..curve.draws).map(draw).collect();
    // With an odd number of cascades the halves differ: a row has the errors of all draws.
    let most = draws.iter().map(|draw| draw.finished).min().unwrap_or(0);
    for draw in draws {
        for (count, cases) in curve.cascades.iter().zip(&mut cases) {
            if *count <= most {
                cases.extend(draw.predict(*count, &samples, &answers, options));
            }
        }
    }
    let counts = curve.cascades.iter().zip(&cases).filter(|(_, cases)| !cases.is_empty());
    let rows = counts.flat_map(|(count, cases)| {
        let row = |place: usize| CurveRow {
            cascades: *count,
            predictor: Predictor::ALL[place],
            windows: options.windows.iter().map(|window| cell(cases, *window, place)).collect(),
        };
        (0..Predictor::ALL.len()).map(row)
    });
    rows.collect()
}

/// A division of the cascades.
struct Draw {
    /// For each id, whether the cascade is predicted, and its place in the random order of its half.
    places: HashMap<String, (bool, usize)>,
    /// Number of cascades of the half that is learned from.
    finished: usize,
}

impl Draw {
    fn new(samples: &[Sample], seed: u64, draw: u64) -> Self {
        let ids = || samples.iter().map(|sample| &*sample.id);
        let halves = Folds::assign(ids(), seed.wrapping_add(draw / 2), 2);
        let mut places = HashMap::new();
        let mut finished = 0;
        for half in 0..2 {
            let own: Vec<&str> = ids().filter(|id| halves.of(id) == Some(half)).collect();
            let is_predicted = half as u64 == draw % 2;
            // With as many folds as cascades, the fold is the place in a random order.
            let seed = seed.wrapping_add(0x9e37 * (draw + 1));
            let order = Folds::assign(own.iter().copied(), seed, own.len());
            for id in own {
                let place = order.of(id).unwrap_or(0);
                if places.insert(id.to_owned(), (is_predicted, place)).is_none() && !is_predicted {
                    finished += 1;
                }
            }
        }
        Self { places, finished }
    }

    /// The predictions by models of the first cascades of the half that is learned from.
    fn predict(
        &self,
        count: usize,
        samples: &[Sample],
        answers: &[Untrained],
        options: &EvaluateOptions,
    ) -> Vec<Case> {
        let is_learned =
            |sample: &&Sample| matches!(self.places[&sample.id], (false, place) if place < count);
        let is_predicted = |sample: &Sample| matches!(self.places[&sample.id], (true, place) if place < MAX_PREDICTED);
        let rest: Vec<Sample> = samples.iter().filter(is_learned).cloned().collect();
        let held_out: Vec<(&Sample, &Untrained)> =
            samples.iter().zip(answers).filter(|(sample, _)| is_predicted(sample)).collect();
        let of_samples: Vec<&Sample> = held_out.iter().map(|(sample, _)| *sample).collect();
        let windows: Vec<f64> = options.windows.iter().map(|window| *window as f64).collect();
        let EvaluateOptions { learn, predict, .. } = options;
        let predictions = predict_with(&rest, &of_samples, learn, &windows, predict.level);
        // The predictions of a window are in the order of its samples.
        let of_windows = windows.iter().zip(&predictions).flat_map(|(window, predictions)| {
            let here = held_out.iter().filter(move |(sample, _)| sample.t_obs == *window);
            predictions.iter().zip(here).map(|(it, (_, answers))| case(it, answers))
        });
        of_windows.collect()
    }
}

fn cell(cases: &[Case], window: u64, place: usize) -> Option<CurveCell> {
    let here: Vec<(MethodPrediction, f64)> = cases
        .iter()
        .filter(|case| case.t_obs == window)
        .map(|case| (case.answers[place].1, case.n_tot as f64))
        .collect();
    let error = |(answer, n_tot): &(MethodPrediction, f64)| (answer.n_tot - n_tot).abs() / n_tot;
    let covers = |(answer, n_tot): &(MethodPrediction, f64)| {
        answer.interval.map(|[low, high]| f64::from(u8::from((low..=high).contains(n_tot))))
    };
    let covered: Option<Vec<f64>> = here.iter().map(covers).collect();
    (!here.is_empty()).then(|| CurveCell {
        scored: here.len(),
        mean_are: mean(here.iter().map(error)),
        covered: covered.map(mean),
    })
}
