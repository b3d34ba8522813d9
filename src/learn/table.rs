//! The training table: one row for each cascade and age.

use std::collections::HashMap;

use super::activity::{self, Activity, ClockPlaces};
use super::growth_law::Inputs;
use super::options::LearnOptions;
use super::ranks::upper_median;
use super::sample::Sample;
use super::target::Target;
use super::values::{Features, rounded};
use crate::math;

/// Rows of a cascade that are drawn each time the cascade is drawn, for a tree or a network.
pub(super) const ROWS_PER_DRAW: usize = 3;

/// A training row: a cascade at one of its ages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The values, in the order of the table's names.
    pub(super) values: Vec<f32>,
    /// The value that leaves keep: ln(N/n), or ω.
    pub(super) target: f64,
    /// The value whose variance the splits reduce: n/N, or ω.
    pub(super) split: f64,
    /// Proportional to the probability of the row when its cascade is drawn.
    pub(super) weight: f64,
}

/// A sample of the model's own window; held-out errors are measured on these.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WindowRow {
    pub(super) cascade: usize,
    pub(super) values: Vec<f32>,
    /// The inputs of the law, where the sample has all of them.
    pub(super) law: Option<Inputs>,
    pub(super) x: [f64; 3],
    pub(super) n_obs: f64,
    pub(super) n_tot: f64,
}

/// The training data of one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) names: Vec<String>,
    /// For each feature, the value that replaces a missing one.
    pub(super) medians: Vec<f32>,
    /// The rows of every cascade.
    pub(super) cascades: Vec<Vec<Row>>,
    /// The ids of the cascades.
    pub(super) ids: Vec<String>,
    pub(super) window_rows: Vec<WindowRow>,
    /// Activity by the time of day, where the features state it; its inputs are the last ones of a row.
    pub(super) activity: Option<Activity>,
    /// Smallest and largest `t` of the window's samples.
    pub(super) times: (f64, f64),
}

/// The features of the original system's hybrid.
const OMEGA_NAMES: [&str; 3] = ["beta", "n_star", "G1"];

/// The weight of a row at another age T than the window W: exp(−ln(T/W)²/(2·1.2²)), or 0 where that is
/// below 0.01.
fn age_weight(age: f64, window: f64) -> f64 {
    const BREADTH: f64 = 1.2;
    const MIN_WEIGHT: f64 = 0.01;
    let weight = math::exp(-(math::ln(age / window) / BREADTH).powi(2) / 2.0);
    if weight >= MIN_WEIGHT { weight } else { 0.0 }
}

impl Table {
    pub(super) fn new(samples: &[Sample], options: &LearnOptions) -> Self {
        let newest = &newest(samples, options)[..];
        let mut table = Self { names: names(newest, options), ..Self::default() };
        if options.target == Target::LogRatio
            && table.names.iter().any(|name| name == "clock_now_sin")
        {
            table.activity = Activity::of(newest);
        }
        if table.activity.is_some() {
            table.names.retain(|name| !activity::NAMES.contains(&&**name));
            table.names.extend(activity::NAMES.map(String::from));
        }
        table.times = (f64::INFINITY, f64::NEG_INFINITY);
        let mut ids = HashMap::new();
        // Consecutive samples mostly have the same names, so places are looked up once for each run.
        for alike in newest.chunk_by(|a, b| a.features.are_named_as(&b.features)) {
            let columns = Columns::of(&alike[0].features, &table.names);
            for sample in alike {
                table.add(sample, &columns, options, &mut ids);
            }
        }
        table.fill_gaps();
        table
    }

    fn add<'a>(
        &mut self,
        sample: &'a Sample,
        columns: &Columns,
        options: &LearnOptions,
        ids: &mut HashMap<&'a str, usize>,
    ) {
        let cascade = *ids.entry(&sample.id).or_insert(self.cascades.len());
        if cascade == self.cascades.len() {
            self.cascades.push(Vec::new());
            self.ids.push(sample.id.clone());
        }
        let activity = self.activity.as_ref();
        let rows = &mut self.cascades[cascade];
        let at_window = sample.t_obs == options.window;
        let values = match options.target {
            Target::LogRatio => {
                for row in std::iter::once(sample.features.values()).chain(sample.rows.iter()) {
                    let values = || columns.arranged(row, activity);
                    rows.extend(log_ratio_row(sample, row, values, options.window));
                }
                columns.arranged(sample.features.values(), activity)
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
            let (law, n_tot) = (Inputs::of(&sample.features), n_tot.max(n_obs));
            self.window_rows.push(WindowRow { cascade, values, law, x, n_obs, n_tot });
        }
    }

    /// Replaces missing values by the median of the present ones, and removes duplicate rows: samples
    /// of several windows of a cascade can hold the same age.
    fn fill_gaps(&mut self) {
        self.medians = (0..self.names.len())
            .map(|i| {
                let rows = self.cascades.iter().flatten();
                upper_median(
                    rows.map(|row| row.values[i]).filter(|value| !value.is_nan()).collect(),
                )
            })
            .collect();
        for row in self.cascades.iter_mut().flatten() {
            fill(&mut row.values, &self.medians);
        }
        for row in &mut self.window_rows {
            fill(&mut row.values, &self.medians);
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

/// Replaces missing values, which are NaN, by the medians.
pub(super) fn fill(values: &mut [f32], medians: &[f32]) {
    for (value, median) in values.iter_mut().zip(medians) {
        if value.is_nan() {
            *value = *median;
        }
    }
}

/// The newest usable samples of the window, and as many of all other windows, in their order.
fn newest<'a>(samples: &'a [Sample], options: &LearnOptions) -> Vec<&'a Sample> {
    let (mut of_window, mut of_others) = (options.newest, options.newest);
    let mut is_taken = |sample: &&Sample| {
        let left = if sample.t_obs == options.window { &mut of_window } else { &mut of_others };
        let is_taken = sample.is_usable() && *left > 0;
        *left -= usize::from(is_taken);
        is_taken
    };
    let mut newest: Vec<&Sample> = samples.iter().rev().filter(&mut is_taken).collect();
    newest.reverse();
    newest
}

/// The names of features that at least half of the samples have, in order of first occurrence.
fn names(samples: &[&Sample], options: &LearnOptions) -> Vec<String> {
    if options.target == Target::Omega {
        return OMEGA_NAMES.map(String::from).to_vec();
    }
    let mut order: Vec<&str> = Vec::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for alike in samples.chunk_by(|a, b| a.features.are_named_as(&b.features)) {
        for (name, _) in alike[0].features.iter() {
            let count = counts.entry(name).or_insert(0);
            if *count == 0 {
                order.push(name);
            }
            *count += alike.len();
        }
    }
    order.retain(|name| 2 * counts[name] >= samples.len());
    order.into_iter().map(String::from).collect()
}

/// Where the inputs of a model are in a row of features.
pub(super) struct Columns {
    places: Vec<Option<usize>>,
    clock: Option<ClockPlaces>,
}

impl Columns {
    pub(super) fn of(features: &Features, names: &[String]) -> Self {
        Self { places: features.places(names), clock: ClockPlaces::of(features) }
    }

    /// The inputs of a model in a row; NaN where there is none. Those of the activity are the last ones.
    pub(super) fn arranged(&self, row: &[f64], activity: Option<&Activity>) -> Vec<f32> {
        let at = |place: &Option<usize>| place.and_then(|i| row.get(i)).map(|&v| rounded(v) as f32);
        let mut values: Vec<f32> =
            self.places.iter().map(|place| at(place).unwrap_or(f32::NAN)).collect();
        if let Some(activity) = activity {
            let ahead = self.clock.as_ref().and_then(|clock| activity.ahead(clock, row));
            let ahead = ahead.unwrap_or([f64::NAN; activity::NAMES.len()]);
            let first = values.len().saturating_sub(ahead.len());
            values[first..].iter_mut().zip(ahead).for_each(|(value, ahead)| *value = ahead as f32);
        }
        values
    }
}

fn log_ratio_row(
    sample: &Sample,
    row: &[f64],
    values: impl FnOnce() -> Vec<f32>,
    window: f64,
) -> Option<Row> {
    let at = |name: &str| row.get(sample.features.place(name)?).copied();
    let (ln_n, ln_age) = (at("ln_n")?, at("ln_age")?);
    let weight = age_weight(math::exp(ln_age), window);
    let log_growth = (math::ln(sample.n_tot) - ln_n).max(0.0);
    (weight > 0.0 && log_growth.is_finite()).then(|| Row {
        values: values(),
        target: log_growth,
        split: math::exp(-log_growth),
        weight,
    })
}

/// The feature values of the original system's hybrid.
pub(super) fn omega_values(x: [f64; 3]) -> Vec<f32> {
    x.iter().map(|&value| rounded(value) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::super::values::FeaturesBuilder;
    use super::*;

    #[test]
    fn the_samples_of_other_windows_do_not_displace_those_of_the_window() {
        let features = |t_obs: f64| {
            let mut builder = FeaturesBuilder::with_capacity(2);
            builder.push("ln_n", 1.0);
            builder.push("ln_age", math::ln(t_obs));
            builder.features()
        };
        let sample = |i: usize, t_obs: f64| Sample {
            id: i.to_string(),
            t_obs,
            features: features(t_obs),
            n_obs: 3.0,
            n_tot: 10.0 + i as f64,
            t: i as f64,
            ..Sample::default()
        };
        let windows = [600.0, 1200.0, 1800.0];
        let samples: Vec<Sample> =
            (0..50).flat_map(|i| windows.map(|window| sample(i, window))).collect();
        for window in windows {
            let options = LearnOptions { window, newest: 40, ..LearnOptions::default() };
            let table = Table::new(&samples, &options);
            let sizes: Vec<f64> = table.window_rows.iter().map(|row| row.n_tot).collect();
            assert_eq!(sizes, (20..60).map(f64::from).collect::<Vec<_>>()[..]);
            // 20 cascades more of the two other windows.
            let rows: usize = table.cascades.iter().map(Vec::len).sum();
            assert_eq!(rows, 80);
        }
    }
}
