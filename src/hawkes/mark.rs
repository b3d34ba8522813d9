//! The distribution of marks: the influence (followers) of the authors of events.
//!
//! Follower counts have a heavy tail: with the usual exponent 2.4 their variance is infinite, so
//! no computation here uses a variance.

use std::fmt;
use std::str::FromStr;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::Rng;

use super::arithmetic::{counted, doubled};
use crate::cascade::Point;
use crate::math;
use crate::random::STEP;

/// The exponent of the density of marks, α (Mishra, Rizoiu & Xie, CIKM 2016, section 3.1).
pub const MARK_EXPONENT: f64 = 2.4;
/// The smallest mark, μ, that goes with [`MARK_EXPONENT`].
pub const MARK_MINIMUM: f64 = 10.0;
/// The mean of that law, μ (α − 1)/(α − 2): the prior mean of [`MarkLaw::Data`].
pub const MEAN_MARK: f64 = 35.0;
/// The weight of the prior mean [`MEAN_MARK`], as a number of marks.
pub const PRIOR_MARKS: f64 = 20.0;

/// An assumption on the distribution of marks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum MarkLaw {
    /// A power law: density proportional to m^−exponent from `minimum` on.
    Pareto {
        /// The exponent α of the density, above 2: else there is no mean.
        exponent: f64,
        /// The smallest mark μ, above 0.
        minimum: f64,
    },
    /// The mean only, above 0.
    Mean(f64),
    /// No assumption: the mean is estimated from the marks of the cascade, shrunk towards [`MEAN_MARK`].
    #[default]
    Data,
}

impl MarkLaw {
    /// The law that the original system assumes: exponent 2.4 from 10 on, mean 35.
    pub const USUAL: Self = Self::Pareto { exponent: MARK_EXPONENT, minimum: MARK_MINIMUM };

    /// Reads `pareto:2.4,10`, `mean:35` or `data`.
    pub fn parse(text: &str) -> Result<Self, MarkLawError> {
        let positive = |text: &str| {
            let number: f64 = text.trim().parse().map_err(|_| MarkLawError::Number(text.into()))?;
            let positive = number > 0.0 && number.is_finite();
            if positive { Ok(number) } else { Err(MarkLawError::Number(text.into())) }
        };
        match text.split_once(':') {
            None if text == "data" => Ok(Self::Data),
            Some(("mean", mean)) => positive(mean).map(Self::Mean),
            Some(("pareto", numbers)) => {
                let (exponent, minimum) =
                    numbers.split_once(',').ok_or_else(|| MarkLawError::Form(text.into()))?;
                let (exponent, minimum) = (positive(exponent)?, positive(minimum)?);
                if exponent <= 2.0 {
                    return Err(MarkLawError::NoMean(exponent));
                }
                Ok(Self::Pareto { exponent, minimum })
            }
            _ => Err(MarkLawError::Form(text.into())),
        }
    }

    /// E\[m\], for a cascade with these points.
    ///
    /// `Data` shrinks the mean of the marks after the first towards [`MEAN_MARK`], with the weight of
    /// [`PRIOR_MARKS`] marks; where the marks after the first are all 1 they are unknown, and the mean is 1.
    pub fn mean_mark(&self, points: &[Point]) -> f64 {
        match *self {
            Self::Pareto { exponent, minimum } => minimum * (exponent - 1.0) / (exponent - 2.0),
            Self::Mean(mean) => mean,
            Self::Data if points.is_empty() => MEAN_MARK,
            Self::Data if is_unmarked(points) => 1.0,
            Self::Data => {
                let later = &points[1..];
                let sum: f64 = later.iter().map(|point| point.magnitude).sum();
                (sum + PRIOR_MARKS * MEAN_MARK) / (later.len() as f64 + PRIOR_MARKS)
            }
        }
    }

    /// E\[m^β\], for a cascade with these points and the mark exponent β; infinite from the α − 1 of the law on.
    ///
    /// For β = 1 this is [`MarkLaw::mean_mark`]. `Data` shrinks the mean power of the marks after the first towards that
    /// of the usual law in the same way; `Mean` assumes the usual law with another minimum.
    pub fn mean_weight(&self, points: &[Point], exponent: f64) -> f64 {
        let of_law = |law: PowerLaw| {
            // The density has the exponent 1 + 1/power.
            let rest = 1.0 - exponent * law.power;
            if rest > 0.0 { math::pow(law.minimum, exponent) / rest } else { f64::INFINITY }
        };
        match *self {
            Self::Pareto { .. } | Self::Mean(_) => of_law(self.power_law()),
            Self::Data if is_unmarked(points) => 1.0,
            Self::Data => {
                let later = points.get(1..).unwrap_or_default();
                let power = |mark: f64| if mark > 0.0 { math::pow(mark, exponent) } else { 0.0 };
                let sum: f64 = later.iter().map(|point| power(point.magnitude)).sum();
                (sum + PRIOR_MARKS * of_law(self.power_law())) / (later.len() as f64 + PRIOR_MARKS)
            }
        }
    }

    /// The mark exponent from which on E\[m^β\] is infinite: α − 1.
    pub fn infinite_from(&self) -> f64 {
        1.0 / self.power_law().power
    }

    /// A bound of the mark exponent under which E\[m^β\] is finite.
    pub fn exponent_limit(&self) -> f64 {
        (0.95 / self.power_law().power).min(1.2)
    }

    /// Draws a mark.
    ///
    /// Where only the mean is given, from the power law of exponent [`MARK_EXPONENT`] with that mean.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        self.power_law().draw(rng)
    }

    /// The power law that marks are drawn from.
    pub(crate) fn power_law(&self) -> PowerLaw {
        let (exponent, minimum) = match *self {
            Self::Pareto { exponent, minimum } => (exponent, minimum),
            Self::Mean(mean) => (MARK_EXPONENT, mean * MARK_MINIMUM / MEAN_MARK),
            Self::Data => (MARK_EXPONENT, MARK_MINIMUM),
        };
        PowerLaw { minimum, power: (exponent - 1.0).recip() }
    }
}

/// Whether the marks after the first are all 1, so that the marks of events to come are unknown, also where that of the
/// first event is known. Of a single event, its own mark decides.
fn is_unmarked(points: &[Point]) -> bool {
    let later = if points.len() > 1 { &points[1..] } else { points };
    later.iter().all(|point| point.magnitude == 1.0)
}

impl FromStr for MarkLaw {
    type Err = MarkLawError;

    fn from_str(text: &str) -> Result<Self, MarkLawError> {
        Self::parse(text)
    }
}

/// The shape of the distribution of marks, independent of their unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MarkShape {
    /// All marks are equal.
    Constant,
    /// A power law with this exponent of the density, above 2.
    PowerLaw(f64),
}

impl MarkShape {
    /// The shape of the marks of a cascade with these points.
    pub fn of(marks: &MarkLaw, points: &[Point]) -> Self {
        let mut later = points.windows(2).map(|pair| pair[0].magnitude == pair[1].magnitude);
        match marks {
            MarkLaw::Pareto { exponent, .. } => Self::PowerLaw(*exponent),
            MarkLaw::Data | MarkLaw::Mean(_) if !points.is_empty() && later.all(|same| same) => {
                Self::Constant
            }
            MarkLaw::Data | MarkLaw::Mean(_) => Self::PowerLaw(MARK_EXPONENT),
        }
    }
}

/// A power law in the form for drawing: m = μ u^(−1/(α−1)), u uniform on (0, 1].
#[derive(Clone, Copy, Debug)]
pub(crate) struct PowerLaw {
    minimum: f64,
    power: f64,
}

impl PowerLaw {
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        self.minimum * math::exp(self.power * exponential(rng))
    }

    /// The mark for a draw from the exponential law of mean 1.
    #[inline(always)]
    pub(crate) fn of(&self, exponential: f64) -> f64 {
        self.minimum * doubled(self.power * exponential * std::f64::consts::LOG2_E)
    }
}

/// Draws from the exponential law of mean 1.
pub(crate) fn exponential(rng: &mut ChaCha8Rng) -> f64 {
    -math::ln(uniform(rng))
}

/// Draws uniformly from (0, 1], in steps of 2⁻⁵³.
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    uniform_of(rng.next_u64())
}

/// The uniform draw for 64 random bits.
#[inline(always)]
pub(crate) fn uniform_of(bits: u64) -> f64 {
    counted((bits >> 11) + 1) * STEP
}

/// Why a text is not a [`MarkLaw`].
#[derive(Clone, Debug, PartialEq)]
pub enum MarkLawError {
    /// It has none of the accepted forms.
    Form(String),
    /// The text in the place of a number is not a positive number.
    Number(String),
    /// A power law with this exponent has no mean.
    NoMean(f64),
}

impl fmt::Display for MarkLawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => {
                write!(
                    f,
                    "unknown law of marks '{text}': data, mean:X, pareto:ALPHA,MINIMUM or file:HISTORY"
                )
            }
            Self::Number(text) => write!(f, "'{text}' is not a positive number"),
            Self::NoMean(exponent) => {
                write!(f, "exponent {exponent} is not above 2, so the marks have no mean")
            }
        }
    }
}

impl std::error::Error for MarkLawError {}

#[cfg(test)]
mod tests {
    use chacha20::rand_core::SeedableRng;

    use super::*;

    fn points(marks: &[f64]) -> Vec<Point> {
        let point = |(i, &magnitude)| Point { time: i as f64, magnitude };
        marks.iter().enumerate().map(point).collect()
    }

    #[test]
    fn laws_are_parsed_from_their_notation() {
        assert_eq!(MarkLaw::parse("pareto:2.4,10"), Ok(MarkLaw::USUAL));
        assert_eq!("mean:12.5".parse(), Ok(MarkLaw::Mean(12.5)));
        assert_eq!("data".parse(), Ok(MarkLaw::Data));
        for bad in
            ["", "mean", "mean:", "mean:0", "mean:inf", "mean:-1", "pareto:2.4", "pareto:2,10"]
        {
            assert!(MarkLaw::parse(bad).is_err(), "{bad}");
        }
        let error = MarkLaw::parse("pareto:1.9,10").unwrap_err();
        assert_eq!(error.to_string(), "exponent 1.9 is not above 2, so the marks have no mean");
    }

    #[test]
    fn the_estimated_mean_is_shrunk_towards_35() {
        assert!((MarkLaw::USUAL.mean_mark(&[]) - 35.0).abs() < 1e-13);
        assert_eq!(MarkLaw::Mean(7.0).mean_mark(&points(&[1.0, 1.0])), 7.0);
        assert_eq!(MarkLaw::Data.mean_mark(&[]), 35.0);
        assert_eq!(MarkLaw::Data.mean_mark(&points(&[500.0])), 35.0);
        assert_eq!(MarkLaw::Data.mean_mark(&points(&[500.0, 56.0])), 36.0);
        assert_eq!(MarkLaw::Data.mean_mark(&points(&[0.0, 0.0])), 700.0 / 21.0);
    }

    #[test]
    fn a_cascade_is_unmarked_where_all_marks_after_the_root_are_1() {
        for marks in [&[1.0][..], &[1.0; 9], &[500.0, 1.0], &[500.0, 1.0, 1.0, 1.0]] {
            assert_eq!(MarkLaw::Data.mean_mark(&points(marks)), 1.0, "{marks:?}");
            assert_eq!(MarkLaw::Data.mean_weight(&points(marks), 0.7), 1.0, "{marks:?}");
        }
        assert_eq!(MarkLaw::Data.mean_mark(&points(&[1.0, 2.0])), 702.0 / 21.0);
        assert_eq!(MarkLaw::Data.mean_mark(&points(&[500.0, 1.0, 2.0])), 703.0 / 22.0);
        assert!(MarkLaw::Data.mean_weight(&points(&[1.0, 2.0]), 0.7) > 2.0);
    }

    /// The fit with E[m] of this cascade, which is 1, has a branching factor n* well below that with the mean of the prior, 35.
    #[test]
    fn a_known_root_does_not_raise_the_branching_factor_of_cascades_without_other_marks() {
        use crate::hawkes::predict::branching_factor;
        use crate::hawkes::{Estimator, fit::fit};
        let marks: Vec<f64> = [300.0].into_iter().chain([1.0; 30]).collect();
        let points: Vec<Point> =
            points(&marks).iter().map(|it| Point { time: 20.0 * it.time, ..*it }).collect();
        let n_star = |mean: f64| {
            let found = fit(&points, 700.0, mean, Estimator::Map);
            branching_factor(found.params, mean)
        };
        let (found, with_prior_mean) =
            (n_star(MarkLaw::Data.mean_mark(&points)), n_star(MEAN_MARK));
        assert!(found < 0.7 * with_prior_mean, "{found} {with_prior_mean}");
    }

    /// P(m > x) = (x/μ)^−(α−1): compared at quantiles, as the variance is infinite.
    #[test]
    fn drawn_marks_have_the_quantiles_of_the_power_law() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (law, exponent, minimum) in [
            (MarkLaw::USUAL, 2.4, 10.0),
            (MarkLaw::Pareto { exponent: 3.7, minimum: 0.5 }, 3.7, 0.5),
            (MarkLaw::Mean(70.0), 2.4, 20.0),
            (MarkLaw::Data, 2.4, 10.0),
        ] {
            let n = 100_000;
            let marks: Vec<f64> = (0..n).map(|_| law.draw(&mut rng)).collect();
            assert!(marks.iter().all(|&m| m >= minimum));
            for tail in [0.9, 0.5, 0.1, 0.01] {
                let x = minimum * math::pow(tail, -1.0 / (exponent - 1.0));
                let share = marks.iter().filter(|&&m| m > x).count() as f64 / f64::from(n);
                let error = (tail * (1.0 - tail) / f64::from(n)).sqrt();
                assert!((share - tail).abs() < 4.5 * error, "{law:?} tail {tail}: {share}");
            }
        }
    }
}
