//! Scores of predictions: errors, rank correlation, and confidence intervals of these.
//!
//! Symbols: N is the final size and p its prediction; both count the first event.
//! Quantiles are those of linear interpolation between order statistics (Hyndman & Fan, The
//! American Statistician 1996, definition 7). All functions are pure; randomness comes from a seed.

use crate::math;
use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// A prediction and the final size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The predicted final size p.
    pub predicted: f64,
    /// The final size N.
    pub n_tot: f64,
}

impl Trial {
    /// The absolute relative error |p - N|/N.
    pub fn are(&self) -> f64 {
        (self.predicted - self.n_tot).abs() / self.n_tot.max(1.0)
    }

    /// ln((p + 1)/(N + 1)): above 0 where the prediction is too large.
    pub fn log_ratio(&self) -> f64 {
        math::ln((self.predicted + 1.0) / (self.n_tot + 1.0))
    }
}

/// The scores of one method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Number of predictions.
    pub count: usize,
    /// Mean ARE (absolute relative error) and its 95 % confidence interval.
    pub mean_are: (f64, [f64; 2]),
    /// Median ARE and its 95 % confidence interval.
    pub median_are: (f64, [f64; 2]),
    /// The 95th percentile of the ARE.
    pub p95_are: f64,
    /// Kendall's tau-b between predictions and final sizes; `None` where either is constant.
    pub tau: Option<f64>,
    /// Mean squared logarithmic error: mean of ln((p + 1)/(N + 1))^2.
    pub msle: f64,
    /// The median of ln((p + 1)/(N + 1)).
    pub bias: f64,
    /// How many of the largest cascades are among those predicted largest.
    pub top_hits: Option<TopHits>,
}

impl Scores {
    /// Scores the predictions of a method; the intervals are by [`bootstrap`] with the random seed.
    pub fn of(trials: &[Trial], seed: u64) -> Self {
        let errors: Vec<f64> = trials.iter().map(Trial::are).collect();
        let ratios: Vec<f64> = trials.iter().map(Trial::log_ratio).collect();
        let pairs: Vec<_> = trials.iter().map(|it| (it.predicted, it.n_tot)).collect();
        let with_interval = |statistic: fn(Vec<f64>) -> f64| {
            (statistic(errors.clone()), bootstrap(&errors, seed, statistic))
        };
        Self {
            count: trials.len(),
            mean_are: with_interval(mean),
            median_are: with_interval(median),
            p95_are: quantile(errors.clone(), 0.95),
            tau: tau_b(&pairs),
            msle: mean(ratios.iter().map(|it| it * it)),
            bias: median(ratios),
            top_hits: top_hits(trials),
        }
    }
}

/// The mean; 0 for no values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let add = |(sum, count), value| (sum + value, count + 1.0);
    let (sum, count) = values.into_iter().fold((0.0, 0.0), add);
    if count > 0.0 { sum / count } else { 0.0 }
}

/// The median, the mean of the two middle values for an even number; 0 for no values.
pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which that share of the values lies; 0 for no values.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let place = (values.len() - 1) as f64 * share;
    let (below, part) = (place as usize, place.fract());
    let (_, &mut low, rest) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    // The weighted sum of two equal or infinite values may be neither of them.
    if part == 0.0 || low == high { low } else { low * (1.0 - part) + high * part }
}

/// The skill score 1 − (mean error) / (mean error of a baseline), over pairs (error, baseline's error);
/// `None` where the baseline has no error.
pub fn skill(errors: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let add = |(ours, theirs), (our, their)| (ours + our, theirs + their);
    let (ours, theirs) = errors.into_iter().fold((0.0, 0.0), add);
    (theirs > 0.0).then(|| 1.0 - ours / theirs)
}

/// The overlap of the k largest cascades with the k predicted largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopHits {
    /// The number of cascades in both.
    pub hits: usize,
    /// k.
    pub of: usize,
}

/// The overlap for k = 100, or for a tenth of the cascades where that is less; `None` for fewer than ten
/// cascades. Of equal sizes the earlier ranks higher.
pub fn top_hits(trials: &[Trial]) -> Option<TopHits> {
    const MAX_TOP: usize = 100;
    let of = (trials.len() / 10).min(MAX_TOP);
    if of == 0 {
        return None;
    }
    let largest = |size: fn(&Trial) -> f64| {
        let mut order: Vec<usize> = (0..trials.len()).collect();
        order.sort_by(|a, b| size(&trials[*b]).total_cmp(&size(&trials[*a])).then(a.cmp(b)));
        order.truncate(of);
        order
    };
    let (actual, predicted) = (largest(|it| it.n_tot), largest(|it| it.predicted));
    let hits = actual.iter().filter(|place| predicted.contains(place)).count();
    Some(TopHits { hits, of })
}

/// Kendall's rank correlation tau-b, corrected for ties, in O(n log n) (Knight, JASA 1966); `None`
/// where all x or all y are equal.
///
/// The discordant pairs are the exchanges that a merge sort by y makes after a sort by x.
pub fn tau_b(pairs: &[(f64, f64)]) -> Option<f64> {
    // -0 and 0 are a tie.
    let mut pairs: Vec<(f64, f64)> = pairs.iter().map(|(x, y)| (x + 0.0, y + 0.0)).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let tied_x = tied(pairs.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len));
    let tied_both = tied(pairs.chunk_by(|a, b| a == b).map(<[_]>::len));
    let mut ys: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let discordant = sort_counting(&mut ys, &mut Vec::new());
    let tied_y = tied(ys.chunk_by(|a, b| a == b).map(<[_]>::len));
    let all = choose_two(pairs.len());
    let concordant = (all + tied_both - tied_x - tied_y) as f64 - discordant as f64;
    let scale = ((all - tied_x) as f64 * (all - tied_y) as f64).sqrt();
    (scale > 0.0).then(|| (concordant - discordant as f64) / scale)
}

fn choose_two(count: usize) -> u64 {
    let count = count as u64;
    count * count.saturating_sub(1) / 2
}

/// Pairs within runs of equal values.
fn tied(runs: impl Iterator<Item = usize>) -> u64 {
    runs.map(choose_two).sum()
}

/// Merge sort; returns the number of pairs that were in the wrong order.
fn sort_counting(values: &mut [f64], spare: &mut Vec<f64>) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let middle = values.len() / 2;
    let (left, right) = values.split_at_mut(middle);
    let mut exchanges = sort_counting(left, spare) + sort_counting(right, spare);
    spare.clear();
    spare.extend_from_slice(left);
    let (mut from_left, mut from_right) = (0, middle);
    for to in 0..values.len() {
        let right_next = from_right < values.len()
            && (from_left == middle || values[from_right] < spare[from_left]);
        if right_next {
            exchanges += (middle - from_left) as u64;
            values[to] = values[from_right];
            from_right += 1;
        } else {
            values[to] = spare[from_left];
            from_left += 1;
        }
    }
    exchanges
}

/// A 95 % confidence interval of a statistic, by the percentiles of 400 bootstrap resamples
/// (Efron, The Annals of Statistics 1979). A random seed draws the same indices for any values.
pub fn bootstrap(values: &[f64], seed: u64, statistic: fn(Vec<f64>) -> f64) -> [f64; 2] {
    const RESAMPLES: usize = 400;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = values.len() as u128;
    // 64 random bits times the count, shifted: uniform to 2^-64 of the count.
    let mut draw = || values[((u128::from(rng.next_u64()) * count) >> 64) as usize];
    let resample = |_| statistic((0..values.len()).map(|_| draw()).collect());
    let statistics: Vec<f64> = (0..RESAMPLES).map(resample).collect();
    [0.025, 0.975].map(|share| quantile(statistics.clone(), share))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random numbers with ties.
    fn numbers(seed: u64, count: usize, different: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| (rng.next_u64() % different) as f64 / 7.0).collect()
    }

    fn trials(seed: u64, count: usize) -> Vec<Trial> {
        let (p, n) = (numbers(seed, count, 90), numbers(seed + 1000, count, 90));
        let trial = |(p, n): (&f64, &f64)| Trial { predicted: p + n + 1.0, n_tot: n + 1.0 };
        p.iter().zip(&n).map(trial).collect()
    }

    #[test]
    fn tau_agrees_with_the_definition_over_all_pairs() {
        for seed in 0..200 {
            let (count, different) = (seed as usize % 40, 2 + seed % 50);
            let (x, y) = (numbers(seed, count, different), numbers(seed + 1000, count, 9));
            let (mut order, mut by_x, mut by_y) = (0.0, 0.0, 0.0);
            for i in 0..count {
                for j in 0..i {
                    let sign = |v: &[f64]| v[i].partial_cmp(&v[j]).unwrap() as i8 as f64;
                    order += sign(&x) * sign(&y);
                    by_x += sign(&x).abs();
                    by_y += sign(&y).abs();
                }
            }
            let slow = order / f64::sqrt(by_x * by_y);
            let pairs: Vec<_> = x.into_iter().zip(y).collect();
            match tau_b(&pairs) {
                Some(tau) => assert!((tau - slow).abs() < 1e-12, "seed {seed}: {tau} {slow}"),
                None => assert!(slow.is_nan(), "seed {seed}: {slow}"),
            }
        }
        assert_eq!(tau_b(&[(0.0, 1.0), (-0.0, 2.0), (1.0, 3.0)]), Some(2.0 / 6f64.sqrt()));
    }

    #[test]
    fn quantiles_lie_on_the_line_through_the_sorted_values() {
        for seed in 0..200 {
            let values = numbers(seed, 1 + seed as usize % 30, 20);
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            for share in [0.0, 0.025, 0.3, 0.5, 0.95, 1.0] {
                let place = (sorted.len() - 1) as f64 * share;
                let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
                let slow = low + (high - low) * (place - place.floor());
                let fast = quantile(values.clone(), share);
                assert!((fast - slow).abs() < 1e-12, "seed {seed}, share {share}");
            }
        }
        assert_eq!(median(vec![3.0, 1.0, f64::INFINITY]), 3.0);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn scores_agree_with_their_definitions() {
        for seed in 0..50 {
            let trials = trials(seed, 1 + seed as usize * 7);
            let scores = Scores::of(&trials, seed);
            let (mut errors, mut squares, mut ratios) = (Vec::new(), 0.0, Vec::new());
            for Trial { predicted, n_tot } in &trials {
                errors.push((predicted / n_tot - 1.0).abs());
                let log = math::ln(predicted + 1.0) - math::ln(n_tot + 1.0);
                squares += log * log / trials.len() as f64;
                ratios.push(log);
            }
            let mean = errors.iter().sum::<f64>() / errors.len() as f64;
            errors.sort_by(f64::total_cmp);
            ratios.sort_by(f64::total_cmp);
            let middle = |v: &[f64]| (v[v.len() / 2] + v[(v.len() - 1) / 2]) / 2.0;
            for (fast, slow) in [
                (scores.mean_are.0, mean),
                (scores.median_are.0, middle(&errors)),
                (scores.msle, squares),
                (scores.bias, middle(&ratios)),
            ] {
                assert!((fast - slow).abs() < 1e-12, "seed {seed}: {fast} {slow}");
            }
        }
    }

    #[test]
    fn top_hits_agree_with_the_definition_by_ranks() {
        for seed in 0..50 {
            let trials = trials(seed, seed as usize * 31);
            let of = (trials.len() / 10).min(100);
            // The rank is the number of larger ones and of equal ones that are earlier.
            let rank = |place: usize, size: fn(&Trial) -> f64| {
                let mine = size(&trials[place]);
                let ahead = |&other: &usize| {
                    let its = size(&trials[other]);
                    its > mine || (its == mine && other < place)
                };
                (0..trials.len()).filter(ahead).count()
            };
            let both = |&place: &usize| {
                rank(place, |it| it.n_tot) < of && rank(place, |it| it.predicted) < of
            };
            let hits = (0..trials.len()).filter(both).count();
            let expected = (of > 0).then_some(TopHits { hits, of });
            assert_eq!(top_hits(&trials), expected, "seed {seed}");
        }
    }

    #[test]
    fn bootstrap_intervals_cover_the_mean_with_their_nominal_probability() {
        let mut covered = 0;
        const SAMPLES: u64 = 400;
        for seed in 0..SAMPLES {
            let values = numbers(seed, 60, 1 << 40);
            let middle = ((1u64 << 40) - 1) as f64 / 2.0 / 7.0;
            let [low, high] = bootstrap(&values, seed, mean);
            assert_eq!([low, high], bootstrap(&values, seed, mean), "seed {seed}");
            assert_ne!([low, high], bootstrap(&values, seed + 1, mean), "seed {seed}");
            covered += u64::from((low..=high).contains(&middle));
        }
        // 95 %, less the bias of percentiles on 60 values; three standard errors are 3.3 %.
        let share = covered as f64 / SAMPLES as f64;
        assert!((0.91..0.98).contains(&share), "{share}");
        // Every value is drawn: of two values, a quarter of the resamples has only the first.
        assert_eq!(bootstrap(&[0.0, 1.0], 1, mean), [0.0, 1.0]);
        assert_eq!(bootstrap(&[], 1, mean), [0.0, 0.0]);
    }

    #[test]
    fn skill_is_one_without_errors_and_zero_at_the_baseline() {
        assert_eq!(skill([(0.0, 2.0), (0.0, 1.0)]), Some(1.0));
        assert_eq!(skill([(1.0, 2.0), (2.0, 1.0)]), Some(0.0));
        assert_eq!(skill([(1.0, 0.0)]), None);
    }
}
