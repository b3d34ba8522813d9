//! The fit of a kernel of choice to each cascade, or to all cascades together.

use std::borrow::Cow;

use crate::cascade::Point;
use crate::hawkes::Status;
use crate::hawkes::kernels::{
    Family, Fitted, MarkExponent, Model, Observed, Population, branching_factor, held_out,
    mean_size, restricted, spread,
};
use crate::hawkes::mark::MarkLaw;
use crate::record::{KernelFit, Named};

use super::job::without_zero_marks;

/// Which kernels are fitted, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelOptions {
    /// The candidates; the one with the smallest AIC is emitted.
    pub families: Vec<Family>,
    /// The mark exponent.
    pub exponent: Exponent,
    /// The population.
    pub population: Population,
    /// From this number of events on, a power law is approximated.
    pub exact_below: usize,
    /// The share of the window after which events are held out.
    pub held_out: Option<f64>,
    /// Whether profile intervals are computed.
    pub profile: bool,
    /// Whether all cascades share the parameters.
    pub joint: bool,
}

/// The mark exponent of a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exponent {
    /// Fitted; 1 for SEISMIC's kernel.
    Fit,
    /// Given.
    Fixed(f64),
    /// Marks are ignored.
    None,
}

/// From this number of events on, a power law is approximated by default: there it takes less time.
pub const EXACT_BELOW: usize = 500;

/// Fewer events than this in the smaller part give no held-out likelihood.
const MIN_PART: usize = 3;

impl KernelOptions {
    fn model(&self, family: Family, marks: &MarkLaw, unmarked: bool, threads: usize) -> Model {
        let exponent = match self.exponent {
            Exponent::None => MarkExponent::Unmarked,
            // A power of 1 is 1: an exponent could not be determined.
            _ if unmarked => MarkExponent::Unmarked,
            Exponent::Fit if family == Family::Seismic => MarkExponent::Fixed(1.0),
            Exponent::Fit => MarkExponent::Free(marks.exponent_limit()),
            Exponent::Fixed(exponent) => MarkExponent::Fixed(exponent),
        };
        Model {
            family,
            marks: exponent,
            population: self.population,
            exact_below: self.exact_below,
            threads,
        }
    }

    /// A kernel with the exponent of the marks fitted, in an infinite or a finite population.
    pub(crate) fn plain(family: Family, population: Population) -> Self {
        Self {
            families: vec![family],
            exponent: Exponent::Fit,
            population,
            exact_below: EXACT_BELOW,
            held_out: None,
            profile: false,
            joint: false,
        }
    }

    /// The expected final size of one cascade under the kernel, from its events up to `end`; `None` where the fit has
    /// none.
    pub(crate) fn size(&self, points: &[Point], end: f64, marks: &MarkLaw) -> Option<f64> {
        let mut points = points.to_vec();
        without_zero_marks(&mut points);
        let (points, end, _) = &resolved(&points, end);
        let observed = [Observed::new(points, *end)];
        let (_, fitted, _) = self.fit(&observed, marks, 1);
        expected_size(&fitted, &observed[0], points, marks).1
    }

    /// Fits every candidate to cascades that share the parameters; the one with the smallest AIC, and all AIC.
    pub(super) fn fit(
        &self,
        cascades: &[Observed],
        marks: &MarkLaw,
        threads: usize,
    ) -> (Model, Fitted, Named) {
        let unmarked = cascades.iter().all(Observed::is_unmarked);
        let mut best: Option<(Model, Fitted)> = None;
        let mut candidates = Named::new();
        for &family in &self.families {
            let model = self.model(family, marks, unmarked, threads);
            let fitted = model.fit(cascades);
            candidates.push((family.to_string(), fitted.aic()));
            if best.as_ref().is_none_or(|(_, best)| fitted.aic() < best.aic()) {
                best = Some((model, fitted));
            }
        }
        let (model, fitted) = best.expect("there is at least one candidate");
        (model, fitted, candidates)
    }

    /// The fit of one cascade.
    pub(super) fn describe_one(
        &self,
        points: &[Point],
        end: f64,
        marks: &MarkLaw,
        threads: usize,
    ) -> KernelFit {
        let (points, end, spread) = &resolved(points, end);
        let (points, end): (&[Point], f64) = (points, *end);
        let observed = [Observed::new(points, end)];
        let (model, fitted, candidates) = self.fit(&observed, marks, threads);
        let of = (points, end);
        let mut kernel = self.describe(&model, &fitted, of, marks, is_too_few(&[points]));
        kernel.spread = *spread;
        kernel.standard_errors = errors(&fitted, &observed, threads);
        if self.profile && fitted.converged {
            let intervals = model.profile(&observed, &fitted);
            let ends = |i: usize| {
                intervals.iter().map(|(name, ends)| ((*name).to_owned(), ends[i])).collect()
            };
            (kernel.lower, kernel.upper) = (ends(0), ends(1));
        }
        kernel.held_out = self.held_out.and_then(|share| {
            let cut = share * end;
            let before = points.iter().filter(|point| point.time < cut).count();
            let enough = before >= MIN_PART && points.len() - before >= MIN_PART;
            enough.then(|| held_out(&model, points, cut, end))
        });
        if candidates.len() > 1 {
            kernel.candidates = candidates;
        }
        kernel
    }

    /// What a fit means for one of its cascades, which has these events until `end`. `too_few` states whether the events
    /// of all its cascades are too few.
    pub(super) fn describe(
        &self,
        model: &Model,
        fitted: &Fitted,
        (points, end): (&[Point], f64),
        marks: &MarkLaw,
        too_few: bool,
    ) -> KernelFit {
        let observed = Observed::new(points, end);
        let (n_star, n_tot) = expected_size(fitted, &observed, points, marks);
        let tests = fitted.diagnose(&observed);
        let status = if too_few {
            Status::TooFew
        } else if n_star >= 1.0 && fitted.parameters.population().is_infinite() {
            Status::Supercritical
        } else if fitted.at_bound || restricted(model, &observed) {
            Status::AtBound
        } else if !fitted.converged {
            Status::NotConverged
        } else {
            Status::Ok
        };
        KernelFit {
            kernel: fitted.family.to_string(),
            params: owned(fitted.named()),
            n_star,
            n_tot,
            status: status.name().to_owned(),
            log_likelihood: fitted.log_likelihood,
            free: fitted.free as u64,
            aic: fitted.aic(),
            bic: fitted.bic(),
            approximate: fitted.approximate,
            joint: self.joint,
            ks: tests.ks.map(|test| [test.statistic, test.p_value]),
            ljung_box: tests.ljung_box.map(|test| [test.statistic, test.p_value]),
            verdict: tests.verdict.to_owned(),
            ..KernelFit::default()
        }
    }
}

/// Whether the cascades that share the parameters have fewer than two events after their roots, or each has all its
/// events at the same time: then the events do not determine the parameters.
pub(super) fn is_too_few(cascades: &[&[Point]]) -> bool {
    let later: usize = cascades.iter().map(|points| points.len().saturating_sub(1)).sum();
    let same = |points: &&[Point]| {
        points.first().map(|point| point.time) == points.last().map(|point| point.time)
    };
    later < 2 || cascades.iter().all(same)
}

/// The events and the end of their observation, with times spread where they are rounded; whether they were.
pub(super) fn resolved(points: &[Point], end: f64) -> (Cow<'_, [Point]>, f64, bool) {
    match spread(points) {
        Some(points) => {
            let last = points.last().map_or(end, |last| last.time);
            (Cow::Owned(points), end.max(last), true)
        }
        None => (Cow::Borrowed(points), end, false),
    }
}

/// The branching factor, and the expected final size where it is finite.
fn expected_size(
    fitted: &Fitted,
    observed: &Observed,
    points: &[Point],
    marks: &MarkLaw,
) -> (f64, Option<f64>) {
    let (family, at) = (fitted.family, &fitted.parameters);
    let mean = at.exponent().map_or(1.0, |exponent| marks.mean_weight(points, exponent));
    let n_tot = mean_size(family, observed, at, mean);
    (branching_factor(family, at, mean), n_tot.is_finite().then_some(n_tot))
}

/// The standard errors by name; empty where there are none. A given parameter has none.
pub(super) fn errors(fitted: &Fitted, cascades: &[Observed], threads: usize) -> Named {
    let errors = fitted.standard_errors(cascades, threads).unwrap_or_default();
    let named = owned(fitted.named()).into_iter().zip(errors);
    let with_error = named.filter(|(_, error)| *error > 0.0 && error.is_finite());
    with_error.map(|((name, _), error)| (name, error)).collect()
}

fn owned(named: Vec<(&'static str, f64)>) -> Named {
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math;

    fn options(families: Vec<Family>) -> KernelOptions {
        KernelOptions {
            families,
            exponent: Exponent::Fit,
            population: Population::Infinite,
            exact_below: 2000,
            held_out: Some(0.5),
            profile: true,
            joint: false,
        }
    }

    fn points() -> Vec<Point> {
        (0..80)
            .map(|i| Point {
                time: 2.5 * math::pow(f64::from(i), 1.5),
                magnitude: 1.0 + f64::from(13 * i % 29),
            })
            .collect()
    }

    #[test]
    fn the_candidate_with_the_smallest_aic_is_described() {
        let all = vec![Family::Exponential, Family::PowerLaw, Family::SumExp(2), Family::Seismic];
        let best = options(all.clone()).describe_one(&points(), 2000.0, &MarkLaw::Data, 1);
        assert_eq!(best.candidates.len(), 4);
        let smallest = best.candidates.iter().map(|(_, aic)| *aic).fold(f64::INFINITY, f64::min);
        assert_eq!(best.aic, smallest);
        for family in all {
            let one = options(vec![family]).describe_one(&points(), 2000.0, &MarkLaw::Data, 1);
            let aic = best.candidates.iter().find(|(name, _)| *name == family.to_string());
            assert_eq!(aic.unwrap().1, one.aic, "{family}");
            assert!(one.held_out.unwrap().is_finite() && one.candidates.is_empty());
            assert!(one.aic == 2.0 * one.free as f64 - 2.0 * one.log_likelihood);
        }
    }

    #[test]
    fn equal_cascades_have_together_the_parameters_of_one_and_errors_smaller_by_the_root() {
        let one = [Observed::new(&points(), 2000.0)];
        let four = vec![one[0].clone(); 4];
        let options = options(vec![Family::Exponential]);
        let of = |cascades: &[Observed]| {
            let (_, fitted, _) = options.fit(cascades, &MarkLaw::Data, 2);
            let errors = errors(&fitted, cascades, 2);
            (fitted.named(), fitted.log_likelihood, errors)
        };
        let ((alone, value, errors), (together, sum, smaller)) = (of(&one), of(&four));
        assert!((sum - 4.0 * value).abs() < 1e-8 * sum.abs());
        for ((_, a), (_, b)) in alone.iter().zip(&together) {
            assert!((a - b).abs() <= 1e-4 * a.abs(), "{alone:?} {together:?}");
        }
        assert!(!errors.is_empty());
        for ((_, a), (_, b)) in errors.iter().zip(&smaller) {
            assert!((a / b - 2.0).abs() < 1e-3, "{errors:?} {smaller:?}");
        }
    }

    #[test]
    fn a_fit_has_too_few_events_where_all_its_cascades_together_have_too_few() {
        let points = |times: &[f64]| -> Vec<Point> {
            times.iter().map(|&time| Point { time, magnitude: 1.0 }).collect()
        };
        let [alone, same, two, three] =
            [&[0.0][..], &[0.0, 0.0, 0.0], &[0.0, 9.0], &[0.0, 9.0, 9.0]].map(points);
        for (cascades, expected) in [
            (vec![], true),
            (vec![&alone[..]], true),
            (vec![&two[..]], true),
            (vec![&same[..]], true),
            (vec![&three[..]], false),
            (vec![&alone[..], &two[..]], true),
            (vec![&two[..], &two[..]], false),
            (vec![&same[..], &same[..]], true),
            (vec![&same[..], &two[..]], false),
        ] {
            assert_eq!(is_too_few(&cascades), expected, "{cascades:?}");
        }
    }

    #[test]
    fn a_population_below_the_size_is_replaced_and_reported() {
        let mut options = options(vec![Family::Exponential]);
        options.population = Population::Fixed(50.0);
        let fit = options.describe_one(&points(), 2000.0, &MarkLaw::Data, 1);
        assert_eq!(fit.status, "at_bound");
        assert!(fit.params.contains(&("N".to_owned(), 80.0)) && fit.n_tot == Some(80.0));
    }
}
