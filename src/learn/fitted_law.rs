//! The growth law, corrected by all finished cascades so far, of all windows together: unchanged with none, by a
//! shrunken intercept with one to nine, by the MAP law with ten or more.

use std::collections::{HashMap, HashSet};

use ndarray::Array2;

use super::forecast::{Calibration, Forecast, HeldOutForecast, Step, log_growth};
use super::growth_law::{GrowthLaw, Inputs, Places, distribution, towards_seismic};
use super::map_law::{Rows, design, minimise};
use super::options::LearnOptions;
use super::sample::Sample;
use super::train_networks::{FOLDS, fold};
use super::values::Features;
use super::vector::{UNKNOWNS, Vector};
use crate::math;
use crate::parallel::in_parallel;

/// Cascades from which on the MAP law is fitted.
const MIN_CASCADES_FOR_MAP: usize = 10;
/// Cascades from which on cross-validation selects the strength of the penalty, and intervals are calibrated.
const MIN_CASCADES_FOR_FOLDS: usize = 20;
/// The newest cascades that the law is fitted to; more do not improve 18 unknowns.
const MAX_CASCADES: usize = 1000;
/// Strengths s of the penalty, the first below [`MIN_CASCADES_FOR_FOLDS`].
const STRENGTHS: [f64; 4] = [1.0, 0.3, 0.1, 0.03];
/// Rows are ages of a cascade in this range, in seconds, with at least this number of events.
const AGES: (f64, f64) = (300.0, 21_600.0);
const MIN_EVENTS: f64 = 10.0;

/// A growth law with the correction by finished cascades.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FittedLaw {
    pub(super) law: GrowthLaw,
    /// Number of finished cascades.
    pub(super) cascades: usize,
    /// Added to g.
    pub(super) shift: f64,
    /// β of the MAP law; empty below ten cascades.
    pub(super) weights: Vec<f64>,
    pub(super) calibration: Calibration,
}

impl FittedLaw {
    /// The law before the first finished cascade.
    pub fn untrained(law: GrowthLaw) -> Self {
        Self { law, ..Self::default() }
    }

    /// The law corrected by the finished cascades in `samples`, of all windows.
    pub fn fit(samples: &[Sample], options: &LearnOptions) -> Self {
        LawFit::new(samples, options).law
    }

    /// How it predicts.
    pub fn step(&self) -> Step {
        if self.weights.is_empty() { Step::GrowthLaw } else { Step::MapLaw }
    }

    /// The number of finished cascades that it is fitted to.
    pub fn cascades(&self) -> usize {
        self.cascades
    }

    /// Predicts the final size of a cascade with these features after `n_obs` events; `None` where a
    /// feature that the law needs is missing.
    pub fn forecast(&self, features: &Features, n_obs: f64) -> Option<Forecast<'_>> {
        Some(self.forecast_at(&Inputs::of(features)?, n_obs))
    }

    pub(super) fn forecast_at(&self, inputs: &Inputs, n_obs: f64) -> Forecast<'_> {
        let spread = distribution(self.log_further(inputs), inputs.ln_hours());
        Forecast::two_piece(n_obs, spread, &self.calibration)
    }

    /// ln(N/n).
    pub(super) fn log_growth(&self, inputs: &Inputs) -> f64 {
        log_growth(self.log_further(inputs))
    }

    /// g. SEISMIC's estimate is a part of it while there are few cascades; the MAP law is better without it.
    fn log_further(&self, inputs: &Inputs) -> f64 {
        let law = self.law.log_further(inputs);
        if self.weights.is_empty() {
            return towards_seismic(law, inputs) + self.shift;
        }
        law + design(inputs).iter().zip(&self.weights).map(|(value, by)| value * by).sum::<f64>()
    }
}

/// The law fitted to all cascades and, for each fold, the law fitted to the other folds.
pub(super) struct LawFit {
    pub(super) law: FittedLaw,
    folds: Vec<FittedLaw>,
    /// The fold of each cascade, by id.
    fold_of: HashMap<String, usize>,
}

impl LawFit {
    pub(super) fn new(samples: &[Sample], options: &LearnOptions) -> Self {
        Self::of(&Finished::new(samples, &options.law), options)
    }

    /// The law that was not fitted to a cascade.
    pub(super) fn without(&self, cascade: &str) -> &FittedLaw {
        self.fold_of.get(cascade).map_or(&self.law, |fold| &self.folds[*fold])
    }

    fn of(finished: &Finished, options: &LearnOptions) -> Self {
        let numbers: Vec<usize> = (0..FOLDS).collect();
        // For each fold, the laws of the other folds by strength.
        let by_strength: Vec<Vec<FittedLaw>> = in_parallel(&numbers, options.threads, |out| {
            finished.fit(|cascade| fold(cascade) != *out, &options.law, finished.strengths())
        });
        let selected = finished.select(&by_strength);
        let strengths = &STRENGTHS[..=selected];
        let mut law = finished.fit(|_| true, &options.law, strengths).pop().unwrap_or_default();
        let at = |mut laws: Vec<FittedLaw>| laws.swap_remove(selected.min(laws.len() - 1));
        let folds: Vec<FittedLaw> = by_strength.into_iter().map(at).collect();
        if finished.ids.len() >= MIN_CASCADES_FOR_FOLDS {
            // The interval has a longer side above: narrowing both sides alike would uncover the lower end.
            let measured = Calibration::measure(&finished.held_out(&folds, options.threads));
            let widening = measured.0.into_iter().map(|(level, width)| (level, width.max(0.0)));
            law.calibration = Calibration(widening.collect());
        }
        let ids = finished.ids.iter().enumerate();
        let fold_of = ids.map(|(cascade, id)| (id.clone(), fold(cascade))).collect();
        Self { law, folds, fold_of }
    }
}

/// Rows of finished cascades.
struct Finished {
    ids: Vec<String>,
    rows: Rows,
    /// For each row: the cascade, its inputs.
    cascades: Vec<usize>,
    inputs: Vec<Inputs>,
}

impl Finished {
    fn new(samples: &[Sample], law: &GrowthLaw) -> Self {
        let mut newest: HashSet<&str> = HashSet::new();
        let mut kept: Vec<&Sample> = Vec::new();
        for sample in samples.iter().rev().filter(|sample| sample.is_usable()) {
            if newest.len() < MAX_CASCADES || newest.contains(&*sample.id) {
                newest.insert(&sample.id);
                kept.push(sample);
            }
        }
        kept.reverse();
        let mut finished = Self {
            ids: Vec::new(),
            rows: Rows {
                design: Array2::zeros((0, UNKNOWNS)),
                base: Vec::new(),
                log_growth: Vec::new(),
            },
            cascades: Vec::new(),
            inputs: Vec::new(),
        };
        let (mut numbers, mut seen, mut design_values) =
            (HashMap::new(), HashSet::new(), Vec::new());
        for alike in kept.chunk_by(|a, b| a.features.are_named_as(&b.features)) {
            let Some(places) = Places::of(&alike[0].features) else { continue };
            for sample in alike {
                let now = sample.features.values();
                for values in std::iter::once(now).chain(sample.rows.iter()) {
                    let Some(inputs) = places.read(values).filter(is_scored) else { continue };
                    let log_growth = (math::ln(sample.n_tot) - inputs.ln_n()).max(0.0);
                    let next = numbers.len();
                    let cascade = *numbers.entry(&*sample.id).or_insert(next);
                    if cascade == finished.ids.len() {
                        finished.ids.push(sample.id.clone());
                    }
                    // Samples of several windows hold the same ages.
                    if log_growth.is_finite() && seen.insert((cascade, age_key(&inputs))) {
                        design_values.extend(design(&inputs));
                        finished.rows.base.push(law.log_further(&inputs));
                        finished.rows.log_growth.push(log_growth);
                        finished.cascades.push(cascade);
                        finished.inputs.push(inputs);
                    }
                }
            }
        }
        let shape = (finished.inputs.len(), UNKNOWNS);
        finished.rows.design =
            Array2::from_shape_vec(shape, design_values).expect("each row has all columns");
        finished
    }

    fn strengths(&self) -> &'static [f64] {
        let selects = self.ids.len() >= MIN_CASCADES_FOR_FOLDS;
        if selects { &STRENGTHS } else { &STRENGTHS[..1] }
    }

    /// The laws of some cascades at these descending strengths, each search from the law before it.
    fn fit(
        &self,
        is_in: impl Fn(usize) -> bool,
        law: &GrowthLaw,
        strengths: &[f64],
    ) -> Vec<FittedLaw> {
        let selected: Vec<usize> =
            (0..self.inputs.len()).filter(|&row| is_in(self.cascades[row])).collect();
        let cascades = (0..self.ids.len()).filter(|&cascade| is_in(cascade)).count();
        let fitted = FittedLaw { cascades, ..FittedLaw::untrained(*law) };
        if cascades < MIN_CASCADES_FOR_MAP {
            let shift = self.shift(&selected, cascades);
            return vec![FittedLaw { shift, ..fitted }];
        }
        let mut weights = Vector::ZERO;
        let mut at = |strength: &f64| {
            weights = minimise(&self.rows, &selected, cascades, *strength, weights);
            FittedLaw { weights: weights.0.to_vec(), ..fitted.clone() }
        };
        strengths.iter().map(&mut at).collect()
    }

    /// b k/(k + 10) for the b within ±1.5 that minimises the mean ARE of the rows, to 0.01.
    fn shift(&self, selected: &[usize], cascades: usize) -> f64 {
        const STEPS: i32 = 150;
        const STEP: f64 = 0.01;
        const SHRINKAGE: f64 = 10.0;
        let error = |shift: f64| {
            let one = |&row: &usize| {
                let base = towards_seismic(self.rows.base[row], &self.inputs[row]);
                let predicted = log_growth(base + shift);
                (math::exp(predicted - self.rows.log_growth[row]) - 1.0).abs()
            };
            selected.iter().map(one).sum::<f64>()
        };
        let grid = (-STEPS..=STEPS).map(|step| STEP * f64::from(step));
        let errors = grid.map(|shift| (error(shift), shift));
        let best = errors.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.abs().total_cmp(&b.1.abs())));
        let k = cascades as f64;
        best.map_or(0.0, |(_, shift)| shift * k / (k + SHRINKAGE))
    }

    /// The place of the largest strength whose held-out error is within half a standard error of the smallest.
    fn select(&self, by_strength: &[Vec<FittedLaw>]) -> usize {
        let count = by_strength.iter().map(Vec::len).min().unwrap_or(1);
        let scores: Vec<(f64, f64)> =
            (0..count).map(|place| self.mean_and_error(by_strength, place)).collect();
        let best = scores.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((mean, standard_error)) = best else { return 0 };
        let limit = mean + standard_error / 2.0;
        scores.iter().position(|(mean, _)| *mean <= limit).unwrap_or(0)
    }

    /// Mean over the cascades of the mean held-out ARE at a strength, and its standard error.
    fn mean_and_error(&self, by_strength: &[Vec<FittedLaw>], place: usize) -> (f64, f64) {
        let mut sums = vec![(0.0, 0.0); self.ids.len()];
        for (row, inputs) in self.inputs.iter().enumerate() {
            let cascade = self.cascades[row];
            let law = &by_strength[fold(cascade)][place];
            let error = (math::exp(law.log_growth(inputs) - self.rows.log_growth[row]) - 1.0).abs();
            (sums[cascade].0, sums[cascade].1) = (sums[cascade].0 + error, sums[cascade].1 + 1.0);
        }
        let errors: Vec<f64> =
            sums.iter().filter(|(_, rows)| *rows > 0.0).map(|(sum, rows)| sum / rows).collect();
        let count = errors.len().max(1) as f64;
        let mean = errors.iter().sum::<f64>() / count;
        let variance = errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / count;
        (mean, (variance / count).sqrt())
    }

    /// The forecast of every row by the law of the other folds, with the true ln(N/n).
    fn held_out(&self, folds: &[FittedLaw], threads: usize) -> Vec<(HeldOutForecast, f64)> {
        let rows: Vec<usize> = (0..self.inputs.len()).collect();
        in_parallel(&rows, threads, |&row| {
            let (law, inputs) = (&folds[fold(self.cascades[row])], &self.inputs[row]);
            let n_obs = math::exp(inputs.ln_n()).round();
            (law.forecast_at(inputs, n_obs).held_out(), self.rows.log_growth[row])
        })
    }
}

/// Whether a row is in the ranges of the law's rows.
fn is_scored(inputs: &Inputs) -> bool {
    const ROUNDING: f64 = 1e-3;
    let age = inputs.ln_age();
    let in_range = age > math::ln(AGES.0) - ROUNDING && age < math::ln(AGES.1) + ROUNDING;
    in_range && inputs.ln_n() > math::ln(MIN_EVENTS) - ROUNDING
}

/// The same for the same age of different samples, whose features are rounded.
fn age_key(inputs: &Inputs) -> i64 {
    (inputs.ln_age() * 1e4).round() as i64
}

#[cfg(test)]
mod tests {
    use super::super::features::describe;
    use super::*;
    use crate::hawkes::testing::real_cascades;

    /// The real cascades at one hour.
    fn samples() -> Vec<Sample> {
        let whole = real_cascades(604_800.0);
        let observed = real_cascades(3600.0);
        let sample = |i: usize| {
            let (points, all) = (&observed[i].0, &whole[i].0);
            let (features, rows) = describe(points, 3600.0, |_, _| Vec::new());
            let (n_obs, n_tot) = (points.len() as f64, all.len() as f64);
            let (id, t_obs) = (format!("0/{i}"), 3600.0);
            Sample { id, t_obs, n_obs, n_tot, features, rows, ..Sample::default() }
        };
        (0..observed.len()).map(sample).collect()
    }

    #[test]
    fn the_shift_of_few_cascades_is_the_best_one_shrunken() {
        let (samples, options) = (samples(), LearnOptions::default());
        for count in 1..MIN_CASCADES_FOR_MAP {
            let finished = Finished::new(&samples[..count], &options.law);
            let law = FittedLaw::fit(&samples[..count], &options);
            let k = count as f64;
            let best = law.shift * (k + 10.0) / k;
            assert!(best.abs() <= 1.5 + 1e-9 && law.weights.is_empty());
            let error = |shift: f64| {
                let of = |(base, truth): (&f64, &f64)| {
                    (math::exp(log_growth(base + shift) - truth) - 1.0).abs()
                };
                finished.rows.base.iter().zip(&finished.rows.log_growth).map(of).sum::<f64>()
            };
            for shift in [-1.5, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 1.5] {
                assert!(error(best) <= error(shift) + 1e-9, "{count}: {best} {shift}");
            }
        }
        assert_eq!(FittedLaw::fit(&[], &options), FittedLaw::untrained(options.law));
    }

    /// A changed end of a cascade changes the law of all, and not the one that holds its fold out.
    #[test]
    fn a_held_out_law_does_not_depend_on_its_cascades() {
        let (mut samples, options) = (samples(), LearnOptions::default());
        for count in [7, 15, 19] {
            let before = LawFit::new(&samples[..count], &options);
            let id = samples[3].id.clone();
            samples[3].n_tot *= 5.0;
            let after = LawFit::new(&samples[..count], &options);
            samples[3].n_tot /= 5.0;
            assert_ne!(before.law, after.law, "{count}");
            assert_eq!(before.without(&id), after.without(&id), "{count}");
            assert_ne!(before.without("0/4"), after.without("0/4"), "{count}");
        }
    }

    #[test]
    fn samples_of_several_windows_do_not_count_an_age_twice() {
        let (samples, options) = (samples(), LearnOptions::default());
        let twice: Vec<Sample> = samples.iter().chain(&samples).cloned().collect();
        let (once, twice) =
            (Finished::new(&samples, &options.law), Finished::new(&twice, &options.law));
        assert_eq!(once.rows.base.len(), twice.rows.base.len());
        assert!(once.rows.base.len() > 5 * samples.len());
        assert!(once.inputs.iter().all(is_scored));
    }

    #[test]
    fn the_laws_of_real_cascades_have_a_smaller_error_than_the_law_without_training() {
        let (samples, options) = (samples(), LearnOptions::default());
        let untrained = FittedLaw::untrained(options.law);
        let laws = LawFit::new(&samples, &options);
        assert_eq!((laws.law.step(), laws.law.cascades()), (Step::MapLaw, samples.len()));
        let error = |of: &dyn Fn(&Sample) -> f64| {
            let errors = samples.iter().map(|it| (of(it) / it.n_tot - 1.0).abs());
            errors.sum::<f64>() / samples.len() as f64
        };
        let by =
            |law: &FittedLaw, it: &Sample| law.forecast(&it.features, it.n_obs).unwrap().n_tot();
        let (first, held_out) =
            (error(&|it| by(&untrained, it)), error(&|it| by(laws.without(&it.id), it)));
        assert!(held_out < first && first < 0.45, "{held_out} {first}");
        // ScoredDistribution on the held-out cascades.
        let covers = |it: &Sample| {
            let (low, high) = laws.law.forecast(&it.features, it.n_obs).unwrap().interval(0.9);
            (low..=high).contains(&it.n_tot)
        };
        let covered = samples.iter().filter(|it| covers(it)).count() as f64;
        assert!(covered >= 0.85 * samples.len() as f64, "{covered}");
    }
}
