//! Sums over the rows of a batch, on which a network is trained.
//!
//! A batch is stored column by column, so that the compiler turns the loops over its rows into vector
//! instructions; the result does not depend on the instruction set.

/// Rows of a batch.
pub(super) const BATCH: usize = 64;

/// A value for each row of a batch.
pub(super) type Lanes = [f32; BATCH];

/// For each row of the batch, `start` plus the sum of values times weights, in order. Goes through
/// some rows at a time, so that their sums stay in registers.
#[inline(always)]
pub(super) fn weighted_sum(
    start: f32,
    weights: impl Iterator<Item = f32> + Clone,
    from: &[Lanes],
    to: &mut Lanes,
) {
    const PART: usize = 32;
    for (part, sums) in to.as_chunks_mut::<PART>().0.iter_mut().enumerate() {
        let mut inner = [start; PART];
        for (weight, values) in weights.clone().zip(from) {
            let values = &values.as_chunks::<PART>().0[part];
            for (sum, value) in inner.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        *sums = inner;
    }
}

/// For each input and unit, the sum over the rows of the batch of value times slope. The sums of eight and more
/// units are in the order of the rows.
#[inline(always)]
pub(super) fn gradient(
    values: &[Lanes],
    slopes: &[Lanes],
    by_row: &mut Vec<f32>,
    to: &mut Vec<f32>,
) {
    let units = slopes.len();
    by_row.resize(BATCH * units, 0.0);
    for (unit, lanes) in slopes.iter().enumerate() {
        for (row, slope) in by_row.chunks_exact_mut(units).zip(lanes) {
            row[unit] = *slope;
        }
    }
    to.resize(values.len() * units, 0.0);
    let mut from = 0;
    from = sums_by_row::<32>(from, values, by_row, to);
    from = sums_by_row::<16>(from, values, by_row, to);
    from = sums_by_row::<8>(from, values, by_row, to);
    for (input, values) in values.iter().enumerate() {
        for unit in from..units {
            to[input * units + unit] = product(&slopes[unit], values);
        }
    }
}

/// The gradient of the units from `from` on, `N` at a time; returns the first unit that is left. Two inputs at
/// once: the processor does not wait for the additions to each sum.
#[inline(always)]
fn sums_by_row<const N: usize>(
    from: usize,
    values: &[Lanes],
    by_row: &[f32],
    to: &mut [f32],
) -> usize {
    let units = by_row.len() / BATCH;
    let mut at = from;
    while at + N <= units {
        let (pairs, single) = values.as_chunks::<2>();
        let (pairs_to, single_to) = to.split_at_mut(2 * units * pairs.len());
        for ([first, second], to) in pairs.iter().zip(pairs_to.chunks_exact_mut(2 * units)) {
            let sums = pair_by_row::<N>(at, [first, second], by_row);
            to[at..at + N].copy_from_slice(&sums.0);
            to[units + at..units + at + N].copy_from_slice(&sums.1);
        }
        if let [single] = single {
            let sums = pair_by_row::<N>(at, [single, single], by_row);
            single_to[at..at + N].copy_from_slice(&sums.0);
        }
        at += N;
    }
    at
}

/// The gradient of the `N` units from `at` on, of two inputs.
#[inline(always)]
fn pair_by_row<const N: usize>(
    at: usize,
    [first, second]: [&Lanes; 2],
    by_row: &[f32],
) -> ([f32; N], [f32; N]) {
    let units = by_row.len() / BATCH;
    // Two arrays rather than one of two: the sums stay in registers.
    let (mut of_first, mut of_second) = ([0.0; N], [0.0; N]);
    for ((slopes, first), second) in by_row.chunks_exact(units).zip(first).zip(second) {
        let Some(slopes) = slopes[at..].first_chunk::<N>() else { break };
        of_first.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += first * slope);
        of_second.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += second * slope);
    }
    (of_first, of_second)
}

/// The sum of products, in sixteen partial sums that are added in pairs: the same for any vector width.
#[inline(always)]
fn product(a: &Lanes, b: &Lanes) -> f32 {
    const PARTS: usize = 16;
    let mut parts = [0.0; PARTS];
    for (a, b) in a.as_chunks::<PARTS>().0.iter().zip(b.as_chunks::<PARTS>().0) {
        for ((part, a), b) in parts.iter_mut().zip(a).zip(b) {
            *part += a * b;
        }
    }
    let mut half = PARTS / 2;
    while half > 0 {
        for place in 0..half {
            parts[place] += parts[place + half];
        }
        half /= 2;
    }
    parts[0]
}

#[inline(always)]
pub(super) fn total(values: &Lanes) -> f32 {
    product(values, &[1.0; BATCH])
}
