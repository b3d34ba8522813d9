//! The errors of predictions: their mean, and whether the last ones are larger than those before.

use serde::{Deserialize, Serialize};

/// Minimum number of predictions for a verdict other than `young`, and of earlier errors for a drift.
pub(super) const FEWEST: usize = 50;

/// An error above this enters the comparison for a drift as this: one wild error would otherwise enlarge mean and
/// variance of all earlier ones so much that no later error is significant.
pub(super) const LARGEST_COMPARED: f64 = 10.0;

/// Sums of errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Errors {
    pub(super) count: f64,
    sum: f64,
    squares: f64,
}

impl Errors {
    pub(super) fn add(&mut self, error: f64) {
        self.count += 1.0;
        self.sum += error;
        self.squares += error * error;
    }

    pub(super) fn of(errors: impl IntoIterator<Item = f64>) -> Self {
        let mut all = Self::default();
        errors.into_iter().for_each(|error| all.add(error));
        all
    }

    /// The sums without those of a subset.
    pub(super) fn without(self, others: Self) -> Self {
        Self {
            count: self.count - others.count,
            sum: self.sum - others.sum,
            squares: self.squares - others.squares,
        }
    }

    pub(super) fn mean(self) -> f64 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }

    /// The variance of the mean.
    fn variance(self) -> f64 {
        let spread = (self.squares - self.sum * self.mean()).max(0.0);
        spread / (self.count * (self.count - 1.0).max(1.0))
    }

    /// Whether the mean is larger than the one before by a factor, and significantly: by three
    /// standard errors of the difference of the means.
    fn worse_than(self, before: Self, factor: f64) -> bool {
        let standard_error = (before.variance() + self.variance()).sqrt();
        self.mean() > factor * before.mean() && self.mean() - before.mean() > 3.0 * standard_error
    }

    /// Whether the mean of the last of these errors is larger than that of those before by a factor of 1.25 and by three
    /// standard errors of the difference, where those before are at least [`FEWEST`]. Errors are at most
    /// [`LARGEST_COMPARED`].
    pub(super) fn drift(self, last: Self) -> bool {
        const DRIFTED: f64 = 1.25;
        let before = self.without(last);
        before.count >= FEWEST as f64 && last.worse_than(before, DRIFTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 errors of 0.9 after some of 0.1.
    fn is_drift(before: usize) -> bool {
        let (few, last) = (vec![0.1; before], vec![0.9; 100]);
        let all = Errors::of(few.iter().chain(&last).copied());
        all.drift(Errors::of(last))
    }

    #[test]
    fn a_drift_needs_50_errors_before_the_last_ones() {
        assert_eq!([0, 49, 50, 51].map(is_drift), [false, false, true, true]);
    }

    #[test]
    fn a_drift_is_a_mean_larger_by_more_than_a_quarter_and_significantly() {
        let drift = |before: &[f64], last: &[f64]| {
            Errors::of(before.iter().chain(last).copied()).drift(Errors::of(last.iter().copied()))
        };
        let before = [0.5; 64];
        assert!(!drift(&before, &[0.625; 64]), "a factor of 1.25");
        assert!(drift(&before, &[0.626; 64]));
        // The mean is twice as large, but the errors are from 0 to 2.
        let wild =
            |count: usize| -> Vec<f64> { (0..count).map(|i| 2.0 * (i % 2) as f64).collect() };
        assert!(!drift(&before, &wild(8)) && drift(&before, &wild(64)));
    }
}
