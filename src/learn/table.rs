//! Samples as a table: one row per cascade and age, of numbers only.

use std::collections::HashMap;

use super::features::rounded;
use super::{LearnOptions, Sample, Target};

/// A training row: a cascade at one of its ages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The values, in the order of the table's names.
    pub(super) values: Vec<f32>,
    /// What a leaf keeps: ln(N/n), or omega.
    pub(super) target: f64,
    /// What a split sees: n/N, or omega.
    pub(super) split: f64,
    /// How probable the row is when its cascade is drawn.
    pub(super) weight: f64,
}

/// A sample of the window itself: what held-out errors are measured on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) cascade: usize,
    pub(super) values: Vec<f32>,
    pub(super) x: [f64; 3],
    pub(super) n_obs: f64,
    pub(super) n_tot: f64,
}

/// All that the trees of one window learn from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) names: Vec<String>,
    /// The value that stands for a missing one.
    pub(super) medians: Vec<f32>,
    /// The rows of every cascade.
    pub(super) cascades: Vec<Vec<Row>>,
    pub(super) held: Vec<Held>,
    /// Least and largest `t` of the window's samples.
    pub(super) times: (f64, f64),
}

/// Names of what the original hybrid sees.
const OMEGA_NAMES: [&str; 3] = ["beta", "n_star", "G1"];

/// A row at another age weighs exp(-ln(T/W)^2 / (2 1.2^2)), and nothing where that is below .01.
fn age_weight(age: f64, window: f64) -> f64 {
    const BREADTH: f64 = 1.2;
    const LEAST: f64 = 0.01;
    let weight = (-((age / window).ln() / BREADTH).powi(2) / 2.0).exp();
    if weight >= LEAST { weight } else { 0.0 }
}

impl Table {
    pub(super) fn new(samples: &[Sample], recipe: &LearnOptions) -> Self {
        let usable: Vec<&Sample> = samples.iter().filter(|sample| is_usable(sample)).collect();
        let newest = &usable[usable.len().saturating_sub(recipe.newest)..];
        let mut table = Self { names: names(newest, recipe), ..Self::default() };
        table.times = (f64::INFINITY, f64::NEG_INFINITY);
        let mut ids = HashMap::new();
        // Most samples have the same names as the one before.
        for alike in newest.chunk_by(|a, b| a.features.are_named_as(&b.features)) {
            let places = alike[0].features.places(&table.names);
            for sample in alike {
                table.add(sample, &places, recipe, &mut ids);
            }
        }
        table.fill_gaps();
        table
    }

    fn add<'a>(
        &mut self,
        sample: &'a Sample,
        places: &[Option<usize>],
        recipe: &LearnOptions,
        ids: &mut HashMap<&'a str, usize>,
    ) {
        let cascade = *ids.entry(&sample.id).or_insert(self.cascades.len());
        if cascade == self.cascades.len() {
            self.cascades.push(Vec::new());
        }
        let rows = &mut self.cascades[cascade];
        let at_window = sample.t_obs == recipe.window;
        let values = match recipe.target {
            Target::LogRatio => {
                for row in
                    std::iter::once(sample.features.values()).chain(sample.rows.iter().cloned())
                {
                    rows.extend(log_ratio_row(sample, &row, places, recipe.window));
                }
                arranged(&sample.features.values(), places)
            }
            Target::Omega => {
                if let (true, Some(w)) = (at_window && sample.x[1] < 1.0, sample.w) {
                    rows.push(Row {
                        values: omega_values(sample.x),
                        target: w,
                        split: w,
                        weight: 1.0,
                    });
                }
                omega_values(sample.x)
            }
        };
        if at_window {
            let Sample { x, n_obs, n_tot, t, .. } = *sample;
            self.times = (self.times.0.min(t), self.times.1.max(t));
            self.held.push(Held { cascade, values, x, n_obs, n_tot: n_tot.max(n_obs) });
        }
    }

    /// Puts the median of the known values where a value is missing; drops rows that came twice,
    /// as the same age of a cascade comes with several windows.
    fn fill_gaps(&mut self) {
        self.medians = (0..self.names.len())
            .map(|i| {
                let rows = self.cascades.iter().flatten();
                let mut known: Vec<f32> =
                    rows.map(|row| row.values[i]).filter(|value| !value.is_nan()).collect();
                let middle = known.len() / 2;
                if known.is_empty() {
                    return 0.0;
                }
                *known.select_nth_unstable_by(middle, f32::total_cmp).1
            })
            .collect();
        for row in self.cascades.iter_mut().flatten() {
            fill(&mut row.values, &self.medians);
        }
        for held in &mut self.held {
            fill(&mut held.values, &self.medians);
        }
        let by_values = |a: &Row, b: &Row| {
            let pairs = a.values.iter().zip(&b.values);
            pairs
                .map(|(a, b)| a.total_cmp(b))
                .find(|o| o.is_ne())
                .unwrap_or(a.target.total_cmp(&b.target))
        };
        for rows in &mut self.cascades {
            rows.sort_by(by_values);
            rows.dedup_by(|a, b| by_values(a, b).is_eq());
        }
    }
}

/// Puts the medians where values are missing.
pub(super) fn fill(values: &mut [f32], medians: &[f32]) {
    for (value, median) in values.iter_mut().zip(medians) {
        if value.is_nan() {
            *value = *median;
        }
    }
}

fn is_usable(sample: &Sample) -> bool {
    let numbers = [sample.t_obs, sample.n_obs, sample.n_tot, sample.t];
    let omega = sample.x.iter().chain(&sample.w).all(|value| value.is_finite());
    numbers.iter().all(|value| value.is_finite())
        && sample.t_obs > 0.0
        && sample.n_obs >= 1.0
        && omega
}

/// The names that at least half of the samples know, in the order of their first sight.
fn names(samples: &[&Sample], recipe: &LearnOptions) -> Vec<String> {
    if recipe.target == Target::Omega {
        return OMEGA_NAMES.map(String::from).to_vec();
    }
    let mut order: Vec<&str> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for alike in samples.chunk_by(|a, b| a.features.are_named_as(&b.features)) {
        for (name, _) in alike[0].features.iter() {
            let count = known.entry(name).or_insert(0);
            if *count == 0 {
                order.push(name);
            }
            *count += alike.len();
        }
    }
    order.retain(|name| 2 * known[name] >= samples.len());
    order.into_iter().map(String::from).collect()
}

fn arranged(row: &[f64], places: &[Option<usize>]) -> Vec<f32> {
    let value = |place: &Option<usize>| place.and_then(|i| row.get(i)).map(|&v| rounded(v) as f32);
    places.iter().map(|place| value(place).unwrap_or(f32::NAN)).collect()
}

fn log_ratio_row(
    sample: &Sample,
    row: &[f64],
    places: &[Option<usize>],
    window: f64,
) -> Option<Row> {
    let at = |name: &str| row.get(sample.features.place(name)?).copied();
    let (ln_n, ln_age) = (at("ln_n")?, at("ln_age")?);
    let weight = age_weight(ln_age.exp(), window);
    let log_growth = (sample.n_tot.ln() - ln_n).max(0.0);
    (weight > 0.0 && log_growth.is_finite()).then(|| Row {
        values: arranged(row, places),
        target: log_growth,
        split: (-log_growth).exp(),
        weight,
    })
}

/// What the original hybrid sees, as the trees see it.
pub(super) fn omega_values(x: [f64; 3]) -> Vec<f32> {
    x.iter().map(|&value| rounded(value) as f32).collect()
}
