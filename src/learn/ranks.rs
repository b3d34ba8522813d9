//! Order statistics of single-precision values.

/// The upper median; 0 for no values.
pub(super) fn upper_median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// The values if there are at most `count`, else `count` of them at evenly spaced ranks, the first
/// and the last included. `sorted` is ascending.
pub(super) fn at_even_ranks(sorted: Vec<f32>, count: usize) -> Vec<f32> {
    if sorted.len() <= count {
        return sorted;
    }
    (0..count).map(|i| sorted[i * (sorted.len() - 1) / (count - 1)]).collect()
}
