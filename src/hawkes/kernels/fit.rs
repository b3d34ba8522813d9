//! Maximum-likelihood fits of the models.

use super::exponential::profile;
use super::jet::DIM;
use super::model::{Family, Parameters, Precision};
use super::newton::{Minimum, VARIABLES, Vector, minimise};
use super::objective::{Objective, SHARE};
use super::observed::{INFINITE_END, Observed};
use crate::cascade::Point;
use crate::hawkes::arithmetic::LANES;
use crate::math;

/// How the mark exponent β is determined: given, fitted, or marks are ignored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MarkExponent {
    /// Every event has the weight 1.
    Unmarked,
    /// The exponent is given.
    Fixed(f64),
    /// The exponent is fitted, from 0 to this bound.
    Free(f64),
}

/// The number of users that can join: infinite, given or fitted (HawkesN; Rizoiu et al., WWW 2018).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Population {
    /// Infinite.
    Infinite,
    /// Given; at least the number of events is used.
    Fixed(f64),
    /// Fitted.
    Free,
}

/// A model to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// The family of the kernel.
    pub family: Family,
    /// The mark exponent.
    pub marks: MarkExponent,
    /// The population.
    pub population: Population,
    /// From this number of events on, a power law is approximated by exponentials.
    pub exact_below: usize,
    /// Threads for one cascade.
    pub threads: usize,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The family of the kernel.
    pub family: Family,
    /// The parameters of the maximum.
    pub parameters: Parameters,
    /// The log-likelihood there.
    pub log_likelihood: f64,
    /// Number of fitted parameters.
    pub free: usize,
    /// Number of events that the likelihood explains.
    pub explained: usize,
    /// Whether a fitted parameter is at one of its bounds.
    pub at_bound: bool,
    /// Whether the search ended at a maximum.
    pub converged: bool,
    /// Number of evaluations of the likelihood.
    pub evaluations: u32,
    /// Whether the sums of a power law were approximated.
    pub approximate: bool,
    pub(crate) at: Vector,
    pub(crate) variables: Vec<usize>,
    /// The variables that are not at a bound.
    pub(crate) interior: Vec<usize>,
}

impl Fitted {
    /// Akaike's information criterion.
    pub fn aic(&self) -> f64 {
        2.0 * self.free as f64 - 2.0 * self.log_likelihood
    }

    /// The Bayesian information criterion, for the number of explained events.
    pub fn bic(&self) -> f64 {
        self.free as f64 * math::ln(self.explained.max(1) as f64) - 2.0 * self.log_likelihood
    }
}

/// Bounds of the time scales, in seconds: 1/θ of an exponential, c of a power law.
const TIME_SCALES: [f64; 2] = [1.0, 8.64e6];
/// Bounds of the exponent θ of a power law.
const EXPONENTS: [f64; 2] = [0.01, 10.0];
/// Bounds of the weight of an exponential relative to the last one, as a logarithm.
const LOG_WEIGHTS: [f64; 2] = [-14.0, 14.0];

/// The tolerance of the last search, and of the first ones.
const FINE: f64 = 1e-13;
const ROUGH: f64 = 1e-6;

impl Model {
    pub(super) fn bounds(&self) -> [[f64; 2]; VARIABLES] {
        let mut bounds = [[0.0, 0.0]; VARIABLES];
        if let MarkExponent::Free(limit) = self.marks {
            bounds[0] = [0.0, limit];
        }
        let times = TIME_SCALES.map(math::ln);
        match self.family {
            Family::Exponential => bounds[1] = [-times[1], -times[0]],
            Family::PowerLaw => {
                bounds[1] = times;
                bounds[2] = EXPONENTS.map(math::ln);
            }
            Family::SumExp(terms) => {
                bounds[1..terms].fill(LOG_WEIGHTS);
                bounds[terms..2 * terms].fill([-times[1], -times[0]]);
            }
            Family::Seismic => {}
        }
        bounds[SHARE] = [0.0, 1.0];
        bounds
    }

    fn variables(&self) -> Vec<usize> {
        let mark = matches!(self.marks, MarkExponent::Free(_)).then_some(0);
        let share = (self.population == Population::Free).then_some(SHARE);
        mark.into_iter().chain(1..=self.family.shape_len()).chain(share).collect()
    }

    pub(super) fn objective<'a>(
        &self,
        cascades: &'a [Observed],
        precision: Precision,
    ) -> Objective<'a> {
        Objective {
            family: self.family,
            cascades,
            marked: self.marks != MarkExponent::Unmarked,
            finite: self.population != Population::Infinite,
            precision,
            threads: self.threads,
        }
    }

    /// Whether the sums of this cascade are approximated.
    fn approximates(&self, cascades: &[Observed]) -> bool {
        let longest = cascades.iter().map(Observed::len).max().unwrap_or(0);
        self.family == Family::PowerLaw && longest >= self.exact_below
    }

    /// Fits the model to cascades that share the parameters; several need an infinite population.
    pub fn fit(&self, cascades: &[Observed]) -> Fitted {
        let (variables, bounds) = (self.variables(), self.bounds());
        let longest = cascades.iter().map(Observed::len).max().unwrap_or(0);
        let search = if longest > SHORT { Precision::Coarse } else { Precision::Exact };
        let rough = self.objective(cascades, search);
        let prefix: Vec<Observed>;
        let mut first = rough;
        if let [one] = cascades
            && longest > PREFIX
            && self.family != Family::Exponential
            && self.population == Population::Infinite
        {
            prefix = vec![one.prefix(PREFIX)];
            first.cascades = &prefix;
        }
        let mut evaluations = 0;
        let starts = self.starts(cascades);
        evaluations += starts.len() as u32;
        let mut starts: Vec<(f64, Vector)> = match (cascades, self.population) {
            ([one], Population::Infinite) if self.family == Family::Exponential => {
                self.compare_exponentials(one, &starts)
            }
            _ => starts.into_iter().map(|start| (first.at(&start).value, start)).collect(),
        };
        starts.retain(|(value, _)| value.is_finite());
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts.truncate(if self.family == Family::Exponential { 2 * CLIMBS } else { CLIMBS });
        let mut best: Option<Minimum> = None;
        for (_, start) in starts {
            let found = minimise(|at| first.at(at), &variables, &bounds, start, ROUGH);
            evaluations += found.evaluations;
            if best.is_none_or(|best| found.point.value < best.point.value) {
                best = Some(found);
            }
        }
        let mut from = best.map_or([0.0; VARIABLES], |best| best.at);
        let mut climb = |precision, tolerance| {
            let objective = self.objective(cascades, precision);
            let found = minimise(|at| objective.at(at), &variables, &bounds, from, tolerance);
            from = found.at;
            evaluations += found.evaluations;
            found
        };
        if longest > SHORT && self.family == Family::PowerLaw {
            if longest > PREFIX {
                climb(Precision::Coarse, ROUGH);
            }
            if !self.approximates(cascades) {
                climb(Precision::Approximate, FINE);
            }
        }
        let last =
            if self.approximates(cascades) { Precision::Approximate } else { Precision::Exact };
        let found = climb(last, FINE);
        let fine = self.objective(cascades, last);
        self.conclude(&fine, &variables, &bounds, found, evaluations)
    }

    fn conclude(
        &self,
        objective: &Objective<'_>,
        variables: &[usize],
        bounds: &[[f64; 2]; VARIABLES],
        found: Minimum,
        evaluations: u32,
    ) -> Fitted {
        let at = found.at;
        let (scale, log_likelihood) = (found.point.scale, -found.point.value);
        let mut parameters = objective.parameters(&at);
        parameters.scale = scale;
        let explained = objective.cascades.iter().map(|it| it.len() - it.given).sum::<usize>();
        Fitted {
            family: self.family,
            parameters,
            log_likelihood,
            free: 1 + variables.len(),
            explained,
            at_bound: variables.iter().any(|&i| bounds[i].contains(&at[i])),
            converged: found.converged,
            evaluations,
            approximate: objective.precision != Precision::Exact && self.family == Family::PowerLaw,
            at,
            variables: variables.to_vec(),
            interior: variables.iter().filter(|&&i| !bounds[i].contains(&at[i])).copied().collect(),
        }
    }

    /// The distance of the starts of an exponential in ln θ: from 1/s to one over the span.
    fn spacing(&self, cascades: &[Observed]) -> f64 {
        math::ln(span(cascades).clamp(10.0, TIME_SCALES[1])) / (2 * LANES) as f64
    }

    /// The starts of an exponential at the local minima of each mark exponent, with their values.
    fn compare_exponentials(&self, observed: &Observed, starts: &[Vector]) -> Vec<(f64, Vector)> {
        let marked = self.marks != MarkExponent::Unmarked;
        let mut sorted = starts.to_vec();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        let mut minima = Vec::new();
        for group in sorted.chunks_exact(2 * LANES) {
            let exponent = marked.then_some(group[0][0]);
            let values: Vec<f64> = group
                .chunks_exact(LANES)
                .flat_map(|part| {
                    profile(observed, exponent, std::array::from_fn(|lane| part[lane][1]))
                })
                .collect();
            let lower = |i: usize, j: usize| values.get(j).is_none_or(|other| values[i] <= *other);
            let is_minimum = |&i: &usize| lower(i, i + 1) && (i == 0 || lower(i, i - 1));
            minima.extend((0..values.len()).filter(is_minimum).map(|i| (values[i], group[i])));
        }
        minima
    }

    /// The starts of the search.
    fn starts(&self, cascades: &[Observed]) -> Vec<Vector> {
        let span = span(cascades);
        let mut shapes: Vec<Vec<f64>> = Vec::new();
        match self.family {
            Family::Exponential => {
                let spacing = self.spacing(cascades);
                shapes.extend((0..2 * LANES).map(|k| vec![-spacing * (k as f64 + 0.5)]));
            }
            Family::PowerLaw => {
                for part in [1e-4, 3e-3, 0.1] {
                    for theta in [0.2_f64, 0.7, 2.5] {
                        shapes.push(vec![math::ln(part * span), math::ln(theta)]);
                    }
                }
            }
            Family::SumExp(terms) => {
                for (fastest, slowest) in
                    [(300.0, 1.0), (3000.0, 10.0), (30.0, 1.0), (30_000.0, 1.0)]
                {
                    let ratio: f64 = fastest / slowest;
                    let rate = |k: usize| {
                        math::ln(slowest / span * math::pow(ratio, k as f64 / (terms - 1) as f64))
                    };
                    shapes.push(
                        std::iter::repeat_n(0.0, terms - 1).chain((0..terms).map(rate)).collect(),
                    );
                }
            }
            Family::Seismic => shapes.push(Vec::new()),
        }
        let exponents = match self.marks {
            MarkExponent::Unmarked => vec![0.0],
            MarkExponent::Fixed(exponent) => vec![exponent],
            MarkExponent::Free(limit) => vec![0.2 * limit, 0.7 * limit],
        };
        let events = cascades.iter().map(Observed::len).sum::<usize>() as f64;
        let shares = match self.population {
            Population::Infinite => vec![0.0],
            Population::Fixed(population) => vec![(events / population).min(1.0)],
            Population::Free => vec![0.02, 0.6],
        };
        let mut starts = Vec::new();
        for shape in &shapes {
            for exponent in &exponents {
                for share in &shares {
                    let mut start = [0.0; VARIABLES];
                    start[0] = *exponent;
                    start[1..=shape.len()].copy_from_slice(shape);
                    start[SHARE] = *share;
                    starts.push(start);
                }
            }
        }
        starts
    }
}

/// The longest observation of a finite length.
fn span(cascades: &[Observed]) -> f64 {
    cascades
        .iter()
        .map(|it| it.end - it.times.first().copied().unwrap_or(0.0))
        .filter(|span| *span < INFINITE_END / 2.0)
        .fold(1.0, f64::max)
}

/// Number of starts from which the search climbs.
const CLIMBS: usize = 2;
/// A search over a longer cascade starts with this number of its first events.
const PREFIX: usize = 1000;
/// Up to this number of events the search uses all pairs.
const SHORT: usize = 150;

/// The log-likelihood, in nats, of the events from `cut` on, given those before, under the fit of the model to those
/// before; `cut` and `end` are in seconds on the clock of the points.
pub fn held_out(model: &Model, points: &[Point], cut: f64, end: f64) -> f64 {
    let before = points.partition_point(|point| point.time < cut);
    let training = [Observed::new(&points[..before], cut)];
    let fitted = model.fit(&training);
    let all = [Observed::new(points, end)];
    let of = |cascade: &Observed, at: &Parameters| {
        let finite = at.population.is_finite();
        let precision = if fitted.approximate { Precision::Approximate } else { Precision::Exact };
        let sums = fitted.family.sums(cascade, at, precision, finite, model.threads);
        let share = at.population.recip();
        let left: f64 = (cascade.given..cascade.len())
            .map(|before| math::log1p((-(before as f64) * share).max(-1.0 + 1e-9)))
            .sum();
        let spent = at.scale * (sums.compensator.value - share * sums.depleted.value);
        sums.log_intensity.value + sums.explained * math::ln(at.scale) + left - spent
    };
    of(&all[0], &fitted.parameters) - of(&training[0], &fitted.parameters)
}

/// Whether a given population is smaller than the cascade, whose size is used then.
pub fn restricted(model: &Model, observed: &Observed) -> bool {
    matches!(model.population, Population::Fixed(population) if population < observed.len() as f64)
}

const _: () = assert!(DIM + 1 == VARIABLES);
