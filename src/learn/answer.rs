//! A prediction with its uncertainty.

use std::cell::OnceCell;

use super::Aggregate;
use super::pool::Pool;
use super::trees::Fallen;

/// How far raw intervals must be widened (below 0: narrowed), in ln N, at some levels; split
/// conformal prediction (Romano, Patterson and Candès, NeurIPS 2019) on held-out samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calibration(pub(super) Vec<(f64, f64)>);

impl Calibration {
    /// The levels at which it is measured.
    pub(super) const LEVELS: [f64; 7] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

    /// From held-out answers and the true ln(N/n).
    pub(super) fn measure(held_out: &[(Tried, f64)]) -> Self {
        let count = held_out.len();
        Self(
            Self::LEVELS
                .iter()
                .enumerate()
                .map(|(place, &level)| {
                    let mut misses: Vec<f64> = held_out
                        .iter()
                        .map(|(answer, truth)| {
                            let (low, high) = answer.raw_intervals[place];
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
    fn at(&self, level: f64) -> f64 {
        let above = self.0.partition_point(|&(known, _)| known < level);
        match (above.checked_sub(1).and_then(|i| self.0.get(i)), self.0.get(above)) {
            (Some(&(a, low)), Some(&(b, high))) => low + (high - low) * (level - a) / (b - a),
            (Some(&(_, only)), None) | (None, Some(&(_, only))) => only,
            (None, None) => 0.0,
        }
    }
}

/// Values of ln(N/n) that are put in order where somebody asks for their order; a mean needs none.
#[derive(Debug)]
pub(super) struct Growths<'m> {
    fallen: Option<Fallen<'m>>,
    pool: OnceCell<Pool>,
}

impl From<Pool> for Growths<'_> {
    fn from(pool: Pool) -> Self {
        Self { fallen: None, pool: pool.into() }
    }
}

impl<'m> From<Fallen<'m>> for Growths<'m> {
    fn from(fallen: Fallen<'m>) -> Self {
        Self { fallen: Some(fallen), pool: OnceCell::new() }
    }
}

impl Growths<'_> {
    fn mean(&self) -> f64 {
        self.fallen.as_ref().map_or_else(|| self.pool().mean(), Fallen::mean)
    }

    fn pool(&self) -> &Pool {
        let pool = || self.fallen.as_ref().map(Fallen::pool).unwrap_or_default();
        self.pool.get_or_init(pool)
    }
}

/// A predicted final size: a point, and the distribution behind it.
#[derive(Debug)]
pub struct Answer<'m> {
    n_obs: f64,
    n_tot: f64,
    growths: Growths<'m>,
    /// What is added to all growths.
    shift: f64,
    calibration: &'m Calibration,
}

impl<'m> Answer<'m> {
    /// Of these growths; `mean` stands for the point where the aggregate is one.
    pub(super) fn new(
        n_obs: f64,
        growths: impl Into<Growths<'m>>,
        aggregate: Aggregate,
        mean: Option<f64>,
        calibration: &'m Calibration,
    ) -> Self {
        let n_obs = if n_obs.is_finite() { n_obs.clamp(0.0, 1e15) } else { 0.0 };
        let growths = growths.into();
        let growth = match aggregate {
            Aggregate::RelativeMedian => growths.pool().median_weighted(|growth| (-growth).exp()),
            Aggregate::Median => growths.pool().quantile(0.5),
            Aggregate::Mean => mean.unwrap_or_else(|| growths.mean()),
        };
        Self { n_obs, n_tot: size(n_obs, growth), growths, shift: 0.0, calibration }
    }

    /// The same answer with its distribution moved half of the way to a growth ln(N/n) that
    /// another method gives, if any. All three aggregates move along with what they are of.
    pub(super) fn towards(mut self, log_growth: Option<f64>) -> Self {
        const SHARE: f64 = 0.5;
        let Some(log_growth) = log_growth else { return self };
        let own = if self.n_obs > 0.0 { (self.n_tot / self.n_obs).ln() } else { 0.0 };
        self.shift = SHARE * (log_growth.max(0.0) - own);
        self.n_tot = size(self.n_obs, own + self.shift);
        self
    }

    /// What is kept of it where many are compared with the truth.
    pub(super) fn tried(&self) -> Tried {
        let raw_intervals = Calibration::LEVELS.map(|level| self.raw_interval(level));
        Tried { n_obs: self.n_obs, n_tot: self.n_tot, raw_intervals }
    }

    /// The predicted final size: finite, and at least n.
    pub fn n_tot(&self) -> f64 {
        self.n_tot
    }

    /// An interval that covers the truth with about that probability; it contains the prediction.
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let level = if level.is_finite() { level.clamp(0.0, 1.0) } else { 0.9 };
        let (low, high) = self.raw_interval(level);
        let more = self.calibration.at(level);
        let (low, high) = (size(self.n_obs, low - more), size(self.n_obs, high + more));
        (low.min(self.n_tot), high.max(self.n_tot))
    }

    /// The probability that the final size is above `k`.
    pub fn probability_above(&self, k: f64) -> f64 {
        if k < self.n_obs || self.n_obs <= 0.0 {
            return if k < self.n_obs { 1.0 } else { 0.0 };
        }
        self.growths.pool().above((k / self.n_obs).ln() - self.shift)
    }

    /// The interval of ln(N/n) without calibration.
    fn raw_interval(&self, level: f64) -> (f64, f64) {
        let quantile = |share: f64| (self.growths.pool().quantile(share) + self.shift).max(0.0);
        (quantile((1.0 - level) / 2.0), quantile((1.0 + level) / 2.0))
    }
}

/// An answer of which only so much is kept that it can be judged: the thousands of values behind
/// each of a hundred thousand would fill the memory.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    /// Events so far.
    pub(super) n_obs: f64,
    /// The predicted final size.
    pub(super) n_tot: f64,
    /// Without calibration, at [`Calibration::LEVELS`].
    raw_intervals: [(f64, f64); Calibration::LEVELS.len()],
}

/// n exp(growth), finite and at least n.
fn size(n_obs: f64, growth: f64) -> f64 {
    const MOST: f64 = 30.0;
    let growth = if growth.is_nan() { 0.0 } else { growth.clamp(0.0, MOST) };
    n_obs * growth.exp()
}
