//! A discrete predictive distribution: quantiles, mean, tail probabilities.

/// Values in ascending order, each with a positive weight.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WeightedValues {
    pairs: Vec<(f64, f64)>,
    /// Cumulative weights.
    sums: Vec<f64>,
}

impl WeightedValues {
    /// Of pairs (value, weight) in any order; drops those that are not finite or of no positive weight.
    pub(super) fn new(mut pairs: Vec<(f64, f64)>) -> Self {
        pairs.retain(|&(value, weight)| value.is_finite() && weight > 0.0 && weight.is_finite());
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        Self::ascending(pairs)
    }

    /// Of pairs (value, weight) that are in ascending order, finite and of positive weight.
    pub(super) fn ascending(pairs: Vec<(f64, f64)>) -> Self {
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(pairs.len());
        sums.extend(pairs.iter().map(|&(_, weight)| {
            sum += weight;
            sum
        }));
        Self { pairs, sums }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn total(&self) -> f64 {
        self.sums.last().copied().unwrap_or(0.0)
    }

    /// The smallest value at which the cumulative weight reaches that share of the total; 0 when empty.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        self.reaching(&self.sums, share)
    }

    /// The value at which sums of weights reach that share of the last one.
    fn reaching(&self, sums: &[f64], share: f64) -> f64 {
        let level = share * sums.last().copied().unwrap_or(0.0);
        let place = sums.partition_point(|&sum| sum < level);
        self.pairs.get(place).or(self.pairs.last()).map_or(0.0, |&(value, _)| value)
    }

    /// The weighted mean; 0 when empty.
    pub(super) fn mean(&self) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        self.pairs.iter().map(|&(value, weight)| value * weight).sum::<f64>() / self.total()
    }

    /// The share of the weight on values above `value`; 0 when empty.
    pub(super) fn above(&self, value: f64) -> f64 {
        if self.is_empty() {
            return 0.0;
        }
        let from = self.pairs.partition_point(|&(v, _)| v <= value);
        let sum: f64 = self.pairs[from..].iter().map(|&(_, weight)| weight).sum();
        (sum / self.total()).clamp(0.0, 1.0)
    }

    /// The same weights on other values.
    pub(super) fn mapped(&self, to: impl Fn(f64) -> f64) -> Self {
        Self::new(self.pairs.iter().map(|&(value, weight)| (to(value), weight)).collect())
    }

    /// The median after the weights are multiplied by a positive function of the value.
    pub(super) fn median_weighted(&self, by: impl Fn(f64) -> f64) -> f64 {
        // Equal values are adjacent: `by` is evaluated once for each run.
        let mut last = (f64::NAN, 0.0);
        let mut factor = |value: f64| {
            if value.to_bits() != last.0.to_bits() {
                last = (value, by(value));
            }
            last.1
        };
        let mut sum = 0.0;
        let mut add = |(value, weight): &(f64, f64)| {
            let weight = weight * factor(*value);
            sum += if weight.is_finite() { weight } else { 0.0 };
            sum
        };
        let sums: Vec<f64> = self.pairs.iter().map(&mut add).collect();
        self.reaching(&sums, 0.5)
    }
}

/// The median of (value, weight) pairs.
pub(super) fn weighted_median(pairs: Vec<(f64, f64)>) -> f64 {
    WeightedValues::new(pairs).quantile(0.5)
}
