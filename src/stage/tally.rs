//! The counts of a stage: tallies, and histograms as entries of a tally.

use std::collections::BTreeMap;

/// Counts by name and labels; `telemetry` exports them as metrics.
///
/// The values of several labels are separated by commas; a [`Histogram`] adds its own entries.
/// `("ready", check)` is not a count: 1 where the check succeeds, 0 where it fails.
pub type Tally = BTreeMap<(&'static str, String), f64>;

/// The number of values up to each bound. Two histograms are merged by adding their entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds: the last counts the values above all bounds.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// An empty histogram; the bounds ascend and are finite.
    pub fn new(bounds: &'static [f64]) -> Self {
        debug_assert!(bounds.is_sorted_by(|a, b| a < b) && bounds.iter().all(|it| it.is_finite()));
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Adds `times` equal values; a value that is not finite is ignored.
    pub fn observe(&mut self, value: f64, times: u64) {
        if value.is_finite() {
            self.counts[self.bounds.partition_point(|bound| *bound < value)] += times;
            self.sum += value * times as f64;
        }
    }

    /// Adds its entries to a tally under `name`: `LABELS|le=BOUND` with the count up to each bound,
    /// `LABELS|sum` and `LABELS|count`. `labels` are values, separated by commas.
    pub fn add_to(&self, name: &'static str, labels: &str, tally: &mut Tally) {
        let mut below = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            below += count;
            tally.insert((name, format!("{labels}|le={bound}")), below as f64);
        }
        let all: u64 = self.counts.iter().sum();
        tally.insert((name, format!("{labels}|count")), all as f64);
        tally.insert((name, format!("{labels}|sum")), self.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_from_the_first_bound_that_is_not_below_it() {
        let mut histogram = Histogram::new(&[1.0, 2.0, 5.0]);
        for value in [0.0, 1.0, 1.5, 5.0, 9.0, f64::NAN, f64::INFINITY] {
            histogram.observe(value, 2);
        }
        let mut tally = Tally::new();
        histogram.add_to("x", "600", &mut tally);
        let of = |label: &str| tally[&("x", format!("600|{label}"))];
        assert_eq!([of("le=1"), of("le=2"), of("le=5"), of("count")], [4.0, 6.0, 8.0, 10.0]);
        assert_eq!(of("sum"), 2.0 * (1.0 + 1.5 + 5.0 + 9.0));
    }
}
