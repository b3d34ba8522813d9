//! The models: a family of kernels, with or without marks, with or without a finite population.

use std::fmt;
use std::str::FromStr;

use super::approximate;
use super::exponential::{self, Mixture};
use super::jet::{Coords, DIM, Jet};
use super::memory;
use super::observed::Observed;
use super::power_law::{self, Shape};
use super::sums::Sums;
use crate::math;

/// The most exponentials of a sum.
pub const MAX_TERMS: usize = 3;

/// A family of kernels; κ is the integral of the kernel, and ψ the kernel divided by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ψ(s) = θ exp(−θ s).
    Exponential,
    /// ψ(s) = θ c^θ (s + c)^−(1+θ).
    PowerLaw,
    /// A weighted sum of 2 to [`MAX_TERMS`] exponentials.
    SumExp(usize),
    /// The fixed memory kernel of SEISMIC (Zhao et al., KDD 2015).
    Seismic,
}

impl Family {
    /// Number of shape coordinates, without the mark exponent.
    pub(crate) fn shape_len(self) -> usize {
        match self {
            Self::Exponential => 1,
            Self::PowerLaw => 2,
            Self::SumExp(terms) => 2 * terms - 1,
            Self::Seismic => 0,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exponential => f.write_str("exp"),
            Self::PowerLaw => f.write_str("power-law"),
            Self::SumExp(terms) => write!(f, "sum-exp:{terms}"),
            Self::Seismic => f.write_str("seismic"),
        }
    }
}

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(name: &str) -> Result<Self, UnknownFamily> {
        let terms = |text: &str| text.parse().ok().filter(|terms| (2..=MAX_TERMS).contains(terms));
        match name {
            "exp" | "exponential" => Ok(Self::Exponential),
            "power-law" => Ok(Self::PowerLaw),
            "seismic" => Ok(Self::Seismic),
            _ => name
                .strip_prefix("sum-exp:")
                .and_then(terms)
                .map(Self::SumExp)
                .ok_or_else(|| UnknownFamily(name.to_owned())),
        }
    }
}

/// A name that no [`Family`] has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFamily(String);

impl fmt::Display for UnknownFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown kernel '{}': exp, power-law, sum-exp:2, sum-exp:3 or seismic", self.0)
    }
}

impl std::error::Error for UnknownFamily {}

/// How the sums of a power law are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Over all pairs of events.
    Exact,
    /// As a sum of exponentials, with a relative error of the kernel of at most 1e-8.
    Approximate,
    /// The same with 1e-4, for the search.
    Coarse,
}

/// The parameters of a model: κ, the mark exponent, the coordinates of the shape, and the population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// κ: expected children of an event of weight 1.
    pub(crate) scale: f64,
    /// The mark exponent, and the coordinates of the shape of the family.
    pub(crate) coords: Coords,
    /// Whether events have the weight m^β.
    pub(crate) marked: bool,
    /// N; infinite in the models without a finite population.
    pub(crate) population: f64,
}

impl Parameters {
    /// The exponential kernel K θ exp(−θ s); `exponent` is the mark exponent of a marked model.
    ///
    /// `k`: children of an event of weight 1; `theta` in 1/s; `population` in events, infinite for none.
    pub fn exponential(k: f64, theta: f64, exponent: Option<f64>, population: f64) -> Self {
        let mut coords = [0.0; DIM];
        coords[0] = exponent.unwrap_or(0.0);
        coords[1] = math::ln(theta);
        Self { scale: k, coords, marked: exponent.is_some(), population }
    }

    /// The power law K (s + c)^−(1+θ): `c` in seconds, `theta` without unit.
    pub fn power_law(k: f64, c: f64, theta: f64, exponent: Option<f64>, population: f64) -> Self {
        let mut coords = [0.0; DIM];
        coords[0] = exponent.unwrap_or(0.0);
        (coords[1], coords[2]) = (math::ln(c), math::ln(theta));
        let scale = k / (theta * math::pow(c, theta));
        Self { scale, coords, marked: exponent.is_some(), population }
    }

    /// The mark exponent of a marked model.
    pub fn exponent(&self) -> Option<f64> {
        self.marked.then_some(self.coords[0])
    }

    /// κ, the integral of the kernel.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// N; infinite where the population is not finite.
    pub fn population(&self) -> f64 {
        self.population
    }

    pub(crate) fn mixture(&self, family: Family) -> Mixture<'_> {
        let terms = family.terms();
        Mixture { log_weights: &self.coords[1..terms], log_rates: &self.coords[terms..2 * terms] }
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape { c: math::exp(self.coords[1]), theta: math::exp(self.coords[2]) }
    }
}

impl Family {
    /// Number of exponentials.
    pub(crate) fn terms(self) -> usize {
        if let Self::SumExp(terms) = self { terms } else { 1 }
    }

    /// The sums of the likelihood over a cascade.
    pub(crate) fn sums(
        self,
        observed: &Observed,
        at: &Parameters,
        precision: Precision,
        finite: bool,
        threads: usize,
    ) -> Sums {
        let exponent = at.exponent();
        match self {
            Self::Exponential | Self::SumExp(_) => {
                exponential::sums(observed, exponent, at.mixture(self), finite)
            }
            Self::PowerLaw => {
                let tolerance = match precision {
                    Precision::Exact => {
                        return power_law::sums(observed, exponent, at.shape(), finite, threads);
                    }
                    Precision::Approximate => approximate::TOLERANCE,
                    Precision::Coarse => 1e-4,
                };
                approximate::sums(observed, exponent, at.shape(), finite, tolerance)
            }
            Self::Seismic => memory::sums(observed, exponent, finite),
        }
    }

    /// ψ(s).
    pub(crate) fn density(self, at: &Parameters, lag: f64) -> f64 {
        match self {
            Self::Exponential | Self::SumExp(_) => {
                let mixture = at.mixture(self);
                let each =
                    mixture.terms().map(|(weight, rate)| weight * rate * math::exp(-rate * lag));
                each.sum()
            }
            Self::PowerLaw => {
                let Shape { c, theta } = at.shape();
                theta / c * math::pow(1.0 + lag / c, -1.0 - theta)
            }
            Self::Seismic => memory::density(lag),
        }
    }

    /// Ψ(s): the share of children after a lag (of a mixture: times the total weight).
    pub(crate) fn survival(self, at: &Parameters, lag: f64) -> f64 {
        match self {
            Self::Exponential | Self::SumExp(_) => {
                at.mixture(self).terms().map(|(weight, rate)| weight * math::exp(-rate * lag)).sum()
            }
            Self::PowerLaw => {
                let Shape { c, theta } = at.shape();
                math::exp(-theta * math::log1p(lag / c))
            }
            Self::Seismic => memory::survival(lag),
        }
    }
}

/// The negative log-likelihood and its derivatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Likelihood {
    /// The negative log-likelihood.
    pub value: f64,
    /// Its derivative by κ, at fixed coordinates.
    pub(crate) by_scale: f64,
    /// Its derivatives by the coordinates, at fixed κ.
    pub(crate) by_coords: Jet,
    /// Its derivative by N.
    pub by_population: f64,
    /// The compensator over the observation.
    pub compensator: f64,
}

/// The negative log-likelihood of the later events, over all pairs where the kernel is a power law.
pub fn likelihood(family: Family, observed: &Observed, at: &Parameters) -> Likelihood {
    let finite = at.population.is_finite();
    let sums = family.sums(observed, at, Precision::Exact, finite, 1);
    let (kappa, share) = (at.scale, at.population.recip());
    let mut by_coords = Jet::default();
    by_coords.add(kappa, &sums.compensator);
    by_coords.add(-kappa * share, &sums.depleted);
    let compensator = by_coords.value;
    by_coords.add(-1.0, &sums.log_intensity);
    let mut events = sums.explained;
    let (mut value, mut by_population) = (0.0, 0.0);
    if finite {
        // Events without a possible parent carry the factor of the kernel here.
        by_coords.add(-1.0, &sums.floored_scale);
        events += sums.floored;
        for before in observed.given..observed.len() {
            let before = before as f64;
            value -= math::log1p(-before * share);
            by_population -= before * share / (at.population - before);
        }
        by_population += kappa * share * share * sums.depleted.value;
    }
    value += by_coords.value - events * math::ln(kappa);
    let by_scale = compensator / kappa - events / kappa;
    Likelihood { value, by_scale, by_coords, by_population, compensator }
}
