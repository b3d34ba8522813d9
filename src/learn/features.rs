//! The features of a cascade that models take as input: counts, timing and marks.
//!
//! Every value is finite for any input and has at most six significant digits, so its JSON is short
//! and reads back as the same number.

use super::rows::Rows;
use super::values::{Features, FeaturesBuilder, finite, rounded};
use crate::cascade::{Point, until};
use crate::math;

/// The features of a cascade at `age`, in seconds. The points are in seconds since the root and in order;
/// points after `age` are ignored. `extra` features are appended.
///
/// Where all marks are 1 there are no features of marks.
pub fn features(points: &[Point], age: f64, extra: &[(&'static str, f64)]) -> Features {
    at_age(points, age, has_marks(points), extra)
}

/// The features at `window`, in seconds, and their values in the same order at the earlier ages of
/// [`ladder`]: one cascade gives a training row at each. `extra` is called for every age.
pub fn describe(
    points: &[Point],
    window: f64,
    extra: impl Fn(&[Point], f64) -> Vec<(&'static str, f64)>,
) -> (Features, Rows) {
    let marked = has_marks(points);
    let at = |age: f64| {
        let observed = until(points, age);
        at_age(observed, age, marked, &extra(observed, age))
    };
    let now = at(window);
    let mut rows = Rows::default();
    for age in ladder(points, window) {
        let added = rows.push(aligned(&at(age), &now));
        debug_assert!(added.is_ok(), "each row is as long as the features");
    }
    rows.shrink();
    (now, rows)
}

/// Ages of a cascade before the end of the window at which it gives a training row, in seconds: the window
/// divided by √2^k, k = 1 to 10, at least the smaller of 150 s and a quarter of the window, with at least 6 events.
pub fn ladder(points: &[Point], window: f64) -> Vec<f64> {
    const RUNGS: i32 = 10;
    const MIN_AGE: f64 = 150.0;
    const MIN_EVENTS: usize = 6;
    let youngest = MIN_AGE.min(window / 4.0);
    (1..=RUNGS)
        .map(|rung| rounded(window / math::pow(2f64, f64::from(rung) / 2.0)))
        .take_while(|&age| age >= youngest && until(points, age).len() >= MIN_EVENTS)
        .collect()
}

/// The values of `row` in the order of the names of `order`; 0 for a name that `row` does not have.
fn aligned<'a>(row: &'a Features, order: &'a Features) -> impl Iterator<Item = f64> {
    let same = row.are_named_as(order);
    order.iter().enumerate().map(move |(place, (name, _))| match same {
        true => row.values()[place],
        false => row.get(name).unwrap_or(0.0),
    })
}

fn has_marks(points: &[Point]) -> bool {
    points.iter().any(|point| point.magnitude != 1.0)
}

fn at_age(points: &[Point], age: f64, marked: bool, extra: &[(&'static str, f64)]) -> Features {
    let age = if age.is_finite() { age.max(1.0) } else { 1.0 };
    let points = until(points, age);
    let times: Vec<f64> = points.iter().map(|point| finite(point.time).clamp(0.0, age)).collect();
    let mut out = FeaturesBuilder::with_capacity(96);
    let observed = Observed { times: &times, n: times.len().max(1) as f64, age };
    counts(&observed, &mut out);
    recent(&observed, &mut out);
    gaps(&observed, &mut out);
    shape(&observed, &mut out);
    burstiness(&observed, &mut out);
    if marked {
        marks(points, &observed, &mut out);
    }
    for (name, value) in extra {
        out.push(*name, *value);
    }
    out.features()
}

/// The event times up to an age, and their number n, at least 1.
struct Observed<'a> {
    times: &'a [f64],
    n: f64,
    age: f64,
}

impl Observed<'_> {
    /// Events up to `time`.
    fn count(&self, time: f64) -> f64 {
        self.times.partition_point(|&t| t <= time) as f64
    }

    /// Events in the last `seconds`.
    fn last(&self, seconds: f64) -> f64 {
        self.times.len() as f64 - self.times.partition_point(|&t| t < self.age - seconds) as f64
    }
}

const SHARES: [(&str, f64); 10] = [
    ("share_1_32", 1.0 / 32.0),
    ("share_1_16", 1.0 / 16.0),
    ("share_1_8", 1.0 / 8.0),
    ("share_1_4", 1.0 / 4.0),
    ("share_3_8", 3.0 / 8.0),
    ("share_1_2", 1.0 / 2.0),
    ("share_5_8", 5.0 / 8.0),
    ("share_3_4", 3.0 / 4.0),
    ("share_7_8", 7.0 / 8.0),
    ("share_15_16", 15.0 / 16.0),
];

fn counts(observed: &Observed, out: &mut FeaturesBuilder) {
    let Observed { n, age, .. } = *observed;
    out.push("ln_n", math::ln(n));
    out.push("ln_age", math::ln(age));
    out.push("ln_rate", math::ln(n / age));
    for (name, part) in SHARES {
        out.push(name, math::ln((observed.count(part * age) + 1.0) / (n + 1.0)));
    }
}

const PARTS: [(&str, &str, f64); 4] = [
    ("recent_2", "trend_2", 2.0),
    ("recent_4", "trend_4", 4.0),
    ("recent_8", "trend_8", 8.0),
    ("recent_16", "trend_16", 16.0),
];

const SPANS: [(&str, &str, f64); 7] = [
    ("last_60", "first_60", 60.0),
    ("last_120", "first_120", 120.0),
    ("last_300", "first_300", 300.0),
    ("last_600", "first_600", 600.0),
    ("last_1800", "first_1800", 1800.0),
    ("last_3600", "first_3600", 3600.0),
    ("last_10800", "first_10800", 10800.0),
];

fn recent(observed: &Observed, out: &mut FeaturesBuilder) {
    let Observed { n, age, .. } = *observed;
    for (name, trend, k) in PARTS {
        let (late, before) =
            (observed.last(age / k), observed.last(2.0 * age / k) - observed.last(age / k));
        out.push(name, math::ln((late + 0.5) * k / (n + 0.5)));
        out.push(trend, math::ln((late + 0.5) / (before + 0.5)));
    }
    for (last, first, seconds) in SPANS {
        out.push(last, math::ln(observed.last(seconds) + 0.5));
        out.push(first, math::ln(observed.count(seconds) + 0.5));
    }
}

fn gaps(observed: &Observed, out: &mut FeaturesBuilder) {
    let Observed { times, age, .. } = *observed;
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]).max(0.0)).collect();
    if gaps.is_empty() {
        gaps.push(age);
    }
    gaps.sort_by(f64::total_cmp);
    let (mean, sd) = mean_and_deviation(&gaps);
    let share = |length: f64| gaps.partition_point(|&gap| gap <= length) as f64 / gaps.len() as f64;
    out.push("gap_mean", math::log1p(mean));
    out.push("gap_median", math::log1p(gaps[gaps.len() / 2]));
    out.push("gap_sd", math::log1p(sd));
    out.push("gap_max", math::log1p(gaps[gaps.len() - 1]));
    out.push("gap_cv", sd / mean.max(1e-9));
    out.push("gap_0", share(0.0));
    out.push("gap_2", share(2.0));
    let back = |k: usize| times[times.len().saturating_sub(1 + k).min(times.len() - 1)];
    for (name, k) in [("back_5", 5), ("back_10", 10), ("back_20", 20)] {
        let since = if times.is_empty() { age } else { age - back(k) };
        out.push(name, math::ln((since + 1.0) / k as f64));
    }
    out.push("idle", math::ln(age - times.last().copied().unwrap_or(0.0) + 1.0));
    for (name, k) in [("time_1", 1), ("time_2", 2), ("time_5", 5), ("time_9", 9)] {
        out.push(name, math::log1p(times.get(k).copied().unwrap_or(age)));
    }
}

fn shape(observed: &Observed, out: &mut FeaturesBuilder) {
    let Observed { times, age, .. } = *observed;
    let (mean, sd) = mean_and_deviation(times);
    for (name, level) in [
        ("quantile_10", 0.1),
        ("quantile_25", 0.25),
        ("quantile_50", 0.5),
        ("quantile_75", 0.75),
        ("quantile_90", 0.9),
    ] {
        let rank = (level * times.len() as f64) as usize;
        out.push(name, times.get(rank).copied().unwrap_or(age) / age);
    }
    out.push("mean_time", mean / age);
    out.push("sd_time", sd / age);
}

fn burstiness(observed: &Observed, out: &mut FeaturesBuilder) {
    const BINS: usize = 16;
    let Observed { times, n, age } = *observed;
    let mut bins = [0.0; BINS];
    for time in times {
        bins[((time / age * BINS as f64) as usize).min(BINS - 1)] += 1.0;
    }
    let (mean, sd) = mean_and_deviation(&bins);
    out.push("bins_dispersion", math::ln(sd * sd / mean.max(1e-9) + 0.1));
    out.push(
        "bins_max",
        math::ln((bins.iter().fold(0.0, |a, &b| f64::max(a, b)) + 0.5) / (n + 0.5)),
    );
    let (slope, curvature) = dyadic_rate(observed);
    out.push("rate_slope", slope);
    out.push("rate_curvature", curvature);
}

/// Slope and curvature, over the logarithm of time, of the logarithm of the rate in the bins
/// (age/2, age], (age/4, age/2], ... The abscissas are equally spaced, so the fit uses orthogonal
/// polynomials.
fn dyadic_rate(observed: &Observed) -> (f64, f64) {
    const BINS: i32 = 6;
    let middle = f64::from(BINS - 1) / 2.0;
    let spread = f64::from(BINS * BINS - 1) / 12.0;
    let (mut slope, mut curvature, mut linear, mut square) = (0.0, 0.0, 0.0, 0.0);
    for bin in 0..BINS {
        let (high, low) = (observed.age * 0.5f64.powi(bin), observed.age * 0.5f64.powi(bin + 1));
        let rate = math::ln((observed.count(high) - observed.count(low) + 0.5) / (high - low));
        let x = middle - f64::from(bin);
        let x2 = x * x - spread;
        (slope, linear) = (slope + x * rate, linear + x * x);
        (curvature, square) = (curvature + x2 * rate, square + x2 * x2);
    }
    (slope / linear, curvature / square)
}

fn marks(points: &[Point], observed: &Observed, out: &mut FeaturesBuilder) {
    let mark = |point: &Point| finite(point.magnitude).max(0.0);
    let after = |time: f64| {
        let from = points.partition_point(|point| point.time < time);
        points[from..].iter().map(mark).sum::<f64>()
    };
    let sum = after(0.0);
    let max = points.iter().map(mark).fold(0.0, f64::max);
    out.push("mark_root", math::log1p(points.first().map_or(0.0, mark)));
    out.push("mark_sum", math::log1p(sum));
    out.push("mark_mean", math::log1p(sum / observed.n));
    out.push("mark_max", math::log1p(max));
    out.push("mark_half", math::log1p(after(observed.age / 2.0)));
    out.push("mark_eighth", math::log1p(after(observed.age * 7.0 / 8.0)));
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}
