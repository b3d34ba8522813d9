//! A prediction with its uncertainty.

use std::cell::OnceCell;

use super::normal;
use super::target::Aggregate;
use super::trees::ReachedLeaves;
use super::values::LARGEST_VALUE;
use super::weighted::WeightedValues;
use crate::cascade::{largest_size, rounded_outwards};
use crate::math;

/// How a model predicts; each step needs more finished cascades than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The growth law, with the intercept of the finished cascades.
    GrowthLaw,
    /// The growth law with a linear correction, by maximum a posteriori.
    MapLaw,
    /// Trees on all features, averaged with small networks, blended with the law.
    Forest,
}

impl Step {
    /// Its name in model files and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GrowthLaw => "growth-law",
            Self::MapLaw => "map-law",
            Self::Forest => "forest",
        }
    }
}

/// How far raw intervals are widened (below 0: narrowed), in ln N, as pairs (level, widening) of
/// ascending level; split conformal prediction (Romano, Patterson and Candès, NeurIPS 2019) on
/// held-out samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calibration(pub(super) Vec<(f64, f64)>);

impl Calibration {
    /// The levels at which the widening is measured.
    pub(super) const LEVELS: [f64; 7] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

    /// Measures the widening on held-out forecasts, each with the true ln(N/n).
    pub(super) fn measure(held_out: &[(HeldOutForecast, f64)]) -> Self {
        let count = held_out.len();
        Self(
            Self::LEVELS
                .iter()
                .enumerate()
                .map(|(place, &level)| {
                    let mut misses: Vec<f64> = held_out
                        .iter()
                        .map(|(forecast, truth)| {
                            let (low, high) = forecast.raw_intervals[place];
                            (low - truth).max(truth - high)
                        })
                        .collect();
                    misses.sort_by(f64::total_cmp);
                    let rank = (level * (count + 1) as f64).ceil() as usize;
                    let miss = misses.get(rank.clamp(1, count.max(1)) - 1).copied().unwrap_or(0.0);
                    (level, miss)
                })
                .collect(),
        )
    }

    /// The widening at a level, between the measured ones by interpolation.
    pub(super) fn at(&self, level: f64) -> f64 {
        let above = self.0.partition_point(|&(measured, _)| measured < level);
        match (above.checked_sub(1).and_then(|i| self.0.get(i)), self.0.get(above)) {
            (Some(&(a, low)), Some(&(b, high))) => low + (high - low) * (level - a) / (b - a),
            (Some(&(_, only)), None) | (None, Some(&(_, only))) => only,
            (None, None) => 0.0,
        }
    }
}

/// A distribution of ln(N/n), sorted on first use of a quantile; the mean does not need that.
#[derive(Debug)]
pub(super) struct Growths<'m> {
    leaves: Option<ReachedLeaves<'m>>,
    sorted: OnceCell<WeightedValues>,
}

impl From<WeightedValues> for Growths<'_> {
    fn from(values: WeightedValues) -> Self {
        Self { leaves: None, sorted: values.into() }
    }
}

impl<'m> From<ReachedLeaves<'m>> for Growths<'m> {
    fn from(leaves: ReachedLeaves<'m>) -> Self {
        Self { leaves: Some(leaves), sorted: OnceCell::new() }
    }
}

impl Growths<'_> {
    fn mean(&self) -> f64 {
        self.leaves.as_ref().map_or_else(|| self.sorted().mean(), ReachedLeaves::mean)
    }

    fn sorted(&self) -> &WeightedValues {
        let values = || self.leaves.as_ref().map(ReachedLeaves::values).unwrap_or_default();
        self.sorted.get_or_init(values)
    }
}

/// A distribution of ln(N/n) in closed form: with N = n (1 + exp(g)), g is normal with one deviation below its
/// median and another above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TwoPiece {
    /// The median of g.
    pub(super) log_further: f64,
    /// The deviation of g below the median.
    pub(super) below: f64,
    /// The deviation of g above the median.
    pub(super) above: f64,
}

impl TwoPiece {
    fn quantile(&self, share: f64) -> f64 {
        let normal = normal::quantile(share.clamp(0.0, 1.0));
        let deviation = if normal < 0.0 { self.below } else { self.above };
        log_growth(self.log_further + normal * deviation)
    }

    /// The probability that ln(N/n) is above `log_growth`.
    fn above(&self, log_growth: f64) -> f64 {
        let offset = math::ln(math::expm1(log_growth.max(0.0))) - self.log_further;
        let deviation = if offset < 0.0 { self.below } else { self.above };
        let probability = normal::above(offset / deviation);
        if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) }
    }
}

/// ln(N/n) = ln(1 + exp(g)).
pub(super) fn log_growth(log_further: f64) -> f64 {
    /// Above it ln(1 + exp(g)) is g, and exp(g) may overflow.
    const LARGE: f64 = 40.0;
    if log_further > LARGE { log_further } else { math::log1p(math::exp(log_further)) }
}

/// A distribution of ln(N/n).
#[derive(Debug)]
enum Distribution<'m> {
    Values(Growths<'m>),
    TwoPiece(TwoPiece),
}

/// A predicted final size: a point forecast and its distribution.
#[derive(Debug)]
pub struct Forecast<'m> {
    n_obs: f64,
    n_tot: f64,
    distribution: Distribution<'m>,
    /// Added to all growths.
    shift: f64,
    calibration: &'m Calibration,
}

impl<'m> Forecast<'m> {
    /// The forecast after `n_obs` events with this distribution of ln(N/n); `mean`, where given, is used
    /// for [`Aggregate::Mean`] in place of the mean of the growths.
    pub(super) fn new(
        n_obs: f64,
        growths: impl Into<Growths<'m>>,
        aggregate: Aggregate,
        mean: Option<f64>,
        calibration: &'m Calibration,
    ) -> Self {
        let n_obs = observed(n_obs);
        let growths = growths.into();
        let growth = match aggregate {
            Aggregate::RelativeMedian => {
                growths.sorted().median_weighted(|growth| math::exp(-growth))
            }
            Aggregate::Median => growths.sorted().quantile(0.5),
            Aggregate::Mean => mean.unwrap_or_else(|| growths.mean()),
        };
        let n_tot = size(n_obs, growth);
        Self { n_obs, n_tot, distribution: Distribution::Values(growths), shift: 0.0, calibration }
    }

    /// The forecast after `n_obs` events with this distribution, whose median is predicted.
    pub(super) fn two_piece(
        n_obs: f64,
        distribution: TwoPiece,
        calibration: &'m Calibration,
    ) -> Self {
        let n_obs = observed(n_obs);
        let n_tot = size(n_obs, log_growth(distribution.log_further));
        let distribution = Distribution::TwoPiece(distribution);
        Self { n_obs, n_tot, distribution, shift: 0.0, calibration }
    }

    /// Moves the forecast of ln(N/n), point and distribution, by a share of its difference from another
    /// prediction of ln(N/n), if there is one.
    pub(super) fn towards(mut self, log_growth: Option<f64>, share: f64) -> Self {
        let Some(log_growth) = log_growth else { return self };
        let own = self.log_growth();
        let difference = share * (log_growth.max(0.0) - own);
        self.shift += difference;
        self.n_tot = size(self.n_obs, own + difference);
        self
    }

    /// The predicted ln(N/n).
    pub(super) fn log_growth(&self) -> f64 {
        if self.n_obs > 0.0 { math::ln(self.n_tot / self.n_obs) } else { 0.0 }
    }

    /// Keeps the part of the forecast that held-out errors are computed from.
    pub(super) fn held_out(&self) -> HeldOutForecast {
        let raw_intervals = Calibration::LEVELS.map(|level| self.raw_interval(level));
        HeldOutForecast { n_obs: self.n_obs, n_tot: self.n_tot, raw_intervals }
    }

    /// The predicted final size: finite, and at least n.
    pub fn n_tot(&self) -> f64 {
        self.n_tot
    }

    /// An interval that contains the final size with about the probability `level`, from 0 to 1; it
    /// contains the predicted size.
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let level = if level.is_finite() { level.clamp(0.0, 1.0) } else { 0.9 };
        let (low, high) = self.raw_interval(level);
        let widening = self.calibration.at(level);
        let (low, high) = (size(self.n_obs, low - widening), size(self.n_obs, high + widening));
        rounded_outwards((low, high), self.n_tot)
    }

    /// The probability that the final size is above `k`.
    pub fn probability_above(&self, k: f64) -> f64 {
        if k < self.n_obs || k >= largest_size(self.n_obs) {
            return if k < self.n_obs { 1.0 } else { 0.0 };
        }
        match &self.distribution {
            Distribution::Values(growths) => {
                growths.sorted().above(math::ln(k / self.n_obs) - self.shift)
            }
            // N > k is N ≥ k + 1: the limit is half-way between them.
            Distribution::TwoPiece(law) => {
                law.above(math::ln((k.floor() + 0.5) / self.n_obs) - self.shift)
            }
        }
    }

    /// The interval of ln(N/n) without calibration.
    fn raw_interval(&self, level: f64) -> (f64, f64) {
        let quantile = |share: f64| {
            let own = match &self.distribution {
                Distribution::Values(growths) => growths.sorted().quantile(share),
                Distribution::TwoPiece(law) => law.quantile(share),
            };
            (own + self.shift).max(0.0)
        };
        let (low, high) = (quantile((1.0 - level) / 2.0), quantile((1.0 + level) / 2.0));
        match self.distribution {
            Distribution::Values(_) => (low, high),
            // A whole number of events, with a correction for continuity.
            Distribution::TwoPiece(_) => {
                let events = (size(self.n_obs, low) - 0.5).floor();
                (math::ln((events / self.n_obs.max(1.0)).max(1.0)), high)
            }
        }
    }
}

/// The part of a forecast that held-out errors are computed from. A forecast holds thousands of values,
/// and there can be a hundred thousand held-out forecasts.
#[derive(Clone, Debug)]
pub(super) struct HeldOutForecast {
    /// Events so far.
    pub(super) n_obs: f64,
    /// The predicted final size.
    pub(super) n_tot: f64,
    /// Without calibration, at [`Calibration::LEVELS`].
    raw_intervals: [(f64, f64); Calibration::LEVELS.len()],
}

impl HeldOutForecast {
    /// Of a cascade that a model cannot predict: no further event.
    pub(super) fn no_growth(n_obs: f64) -> Self {
        let n_obs = observed(n_obs);
        Self { n_obs, n_tot: n_obs, raw_intervals: Default::default() }
    }
}

fn observed(n_obs: f64) -> f64 {
    if n_obs.is_finite() { n_obs.clamp(0.0, LARGEST_VALUE) } else { 0.0 }
}

/// n exp(growth), at least n and at most the largest size of a prediction.
pub(super) fn size(n_obs: f64, growth: f64) -> f64 {
    let growth = if growth.is_nan() { 0.0 } else { growth.max(0.0) };
    (n_obs * math::exp(growth)).min(largest_size(n_obs)).max(n_obs)
}
