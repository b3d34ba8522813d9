//! SEISMIC, the untrained estimate of Zhao et al. (KDD 2015), with a fixed power-law memory kernel.
//!
//! Its infectiousness is that of the recent past: the weight of an event falls linearly with its age, to 0 at the
//! far end of a window. Windows, boundaries and constants are those of the authors' R package `seismic`.

use crate::cascade::{Point, largest_size};
use crate::math;

/// The exponent θ of the memory kernel φ(s), proportional to s^−(1+θ) above the cutoff.
pub(crate) const THETA: f64 = 0.2314843;
/// The cutoff: φ is constant up to this lag, in seconds.
pub(crate) const CUTOFF: f64 = 300.0;
/// The value c of φ up to the cutoff, in 1/s: of φ(s) = c for s ≤ 300 s and c (s/300)^−(1+θ) above, the integral is
/// 300 c (1 + 1/θ) = 1 (Zhao et al., KDD 2015; the digits are those of the R package).
pub(crate) const DENSITY: f64 = 6.265725e-4;
/// The bounds of the window, in seconds, which is half the age within them (the R package `seismic`).
const WINDOW: [f64; 2] = [300.0, 7200.0];
/// A window is widened to hold this many events (the R package `seismic`, function `get.infectiousness`).
const MIN_WINDOW_EVENTS: usize = 5;
/// The mean mark of the authors' network, in followers: a cascade with an infectiousness of 1/100 per follower or more is
/// supercritical.
const MEAN_MARK: f64 = 100.0;

/// The expected final size, in events with the root, of a cascade observed until `end`; `None` where it is
/// supercritical or empty, or where events occurred although the expected number is 0. Limited like every prediction.
/// `points` are in order; their times and `end` are in seconds on one clock, their marks in followers.
///
/// Its infectiousness is the present one (equation 8): the number of events in the window over the number
/// that is expected per unit of infectiousness, each weighted by k(x) = 1 − x/w, x seconds before the end.
pub fn final_size(points: &[Point], end: f64) -> Option<f64> {
    let first = points.first()?;
    // The window is closed at its far end and open at the near one.
    let until = points.partition_point(|p| p.time < end);
    let window = window(&points[..until], end - first.time, end);
    let from = points.partition_point(|p| p.time < end - window);
    let occurred: f64 =
        points[from.max(1).min(until)..until].iter().map(|p| 1.0 - (end - p.time) / window).sum();
    let (mut expected, mut excitation) = (0.0, 0.0);
    for (i, point) in points.iter().enumerate() {
        let age = end - point.time;
        let decayed = decayed(age);
        if i < until {
            expected += point.magnitude * weighted_kernel(age, decayed, window);
        }
        excitation += point.magnitude * tail_of(age, decayed);
    }
    let infectiousness = if occurred == 0.0 { 0.0 } else { occurred / expected };
    let subcritical = 1.0 - MEAN_MARK * infectiousness;
    let size = points.len() as f64 + infectiousness * excitation / subcritical;
    let observed = points.len() as f64;
    (subcritical > 0.0 && size.is_finite()).then(|| size.min(largest_size(observed)))
}

/// The length of the window that ends at `end`, in seconds: half the `age` within bounds; where it holds fewer
/// than five events, it starts at the fifth event before the last.
fn window(points: &[Point], age: f64, end: f64) -> f64 {
    let usual = (age / 2.0).clamp(WINDOW[0], WINDOW[1]);
    let held = points.len() - points.partition_point(|p| p.time < end - usual);
    match points.get(points.len().saturating_sub(MIN_WINDOW_EVENTS + 1)) {
        Some(oldest) if held < MIN_WINDOW_EVENTS => end - oldest.time,
        _ => usual,
    }
}

/// (age/c)^−θ above the cutoff c, else 1.
fn decayed(age: f64) -> f64 {
    if age > CUTOFF { math::pow(age / CUTOFF, -THETA) } else { 1.0 }
}

/// ∫ k(x) φ(age − x) dx over the window, x ≥ 0 being the time before the end.
fn weighted_kernel(age: f64, decayed: f64, window: f64) -> f64 {
    let nearest = (age - CUTOFF).max(0.0);
    let farthest = age.min(window);
    // Where φ is constant: ages of at most the cutoff.
    let flat = if nearest < farthest {
        DENSITY * (farthest - nearest) * (1.0 - (nearest + farthest) / (2.0 * window))
    } else {
        0.0
    };
    flat + power_law(age, decayed, nearest.min(farthest), window)
}

/// ∫ (1 − x/w) φ(age − x) dx for x from 0 to `reach`, where φ is the power law.
///
/// With y = age − x the integrand is c y₀^(1+θ) ((1 − age/w) y^−(1+θ) + y^−θ/w); differences of powers are taken
/// as expm1(· ln1p), as the window can be short against the age.
fn power_law(age: f64, decayed: f64, reach: f64, window: f64) -> f64 {
    if reach <= 0.0 {
        return 0.0;
    }
    let shrink = log_of_rest(reach / age);
    let zeroth = growth(-THETA * shrink) / THETA;
    let first = -growth((1.0 - THETA) * shrink) / (1.0 - THETA) * age / window;
    DENSITY * CUTOFF * decayed * ((1.0 - age / window) * zeroth + first)
}

/// Above this value ln(1 − x) and exp(x) − 1 keep thirteen digits, and are three times as fast as `ln_1p` and
/// `exp_m1`.
const NO_CANCELLATION: f64 = 1e-3;

/// ln(1 − x) for x in [0, 1].
fn log_of_rest(x: f64) -> f64 {
    if x > NO_CANCELLATION { math::ln(1.0 - x) } else { math::log1p(-x) }
}

/// exp(x) − 1.
fn growth(x: f64) -> f64 {
    if x.abs() > NO_CANCELLATION { math::exp(x) - 1.0 } else { math::expm1(x) }
}

/// φ at a lag, in 1/s.
pub(crate) fn memory(lag: f64) -> f64 {
    if lag <= CUTOFF { DENSITY } else { DENSITY * math::pow(lag / CUTOFF, -1.0 - THETA) }
}

/// ∫φ from `age` to infinity: the expected share of an event's children after that age.
pub(crate) fn tail(age: f64) -> f64 {
    tail_of(age, decayed(age))
}

/// The same, given `decayed` = (age/c)^−θ.
fn tail_of(age: f64, decayed: f64) -> f64 {
    if age <= CUTOFF { 1.0 - DENSITY * age.max(0.0) } else { DENSITY * CUTOFF / THETA * decayed }
}

/// The share, from 0 to 1, of the growth between the ages `from` and `horizon` of a cascade that has occurred at
/// the age `at`, as if all events were children of the first. Ages are in seconds.
pub fn share_of_growth(from: f64, at: f64, horizon: f64) -> f64 {
    let all = tail(from) - tail(horizon);
    let occurred = tail(from) - tail(at);
    if all > 0.0 { (occurred / all).clamp(0.0, 1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hawkes::testing::{extreme, random_cascade, real_cascades};

    fn memory(lag: f64) -> f64 {
        if lag <= 300.0 { 6.265725e-4 } else { 6.265725e-4 * math::pow(lag / 300.0, -1.2314843) }
    }

    /// Simpson's rule on each smooth piece.
    fn integrate(f: impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
        const STEPS: i32 = 500;
        let h = (to - from) / f64::from(2 * STEPS);
        let at = |i: i32| f(from + f64::from(i) * h);
        (0..STEPS).map(|i| at(2 * i) + 4.0 * at(2 * i + 1) + at(2 * i + 2)).sum::<f64>() * h / 3.0
    }

    /// The formulas of the paper with numerical integrals.
    fn slowly(points: &[Point], end: f64) -> Option<f64> {
        let age = end - points[0].time;
        let mut window = (age / 2.0).clamp(300.0, 7200.0);
        let before: Vec<&Point> = points.iter().filter(|p| p.time < end).collect();
        if before.iter().filter(|p| p.time >= end - window).count() < 5 && !before.is_empty() {
            window = end - before[before.len().max(6) - 6].time;
        }
        let weight = |s: f64| 1.0 - (end - s) / window;
        let occurred: f64 = points[1..]
            .iter()
            .filter(|p| p.time < end && p.time >= end - window)
            .map(|p| weight(p.time))
            .sum();
        let expected: f64 = before
            .iter()
            .map(|p| {
                let from = p.time.max(end - window);
                let knee = (p.time + 300.0).clamp(from, end);
                let f = |s: f64| weight(s) * memory(s - p.time);
                // The power law over the logarithm of the lag, where it is smooth.
                let g = |z: f64| f(p.time + math::exp(z)) * math::exp(z);
                let late = |s: f64| math::ln(s - p.time);
                let tail = if knee < end { integrate(g, late(knee), late(end)) } else { 0.0 };
                p.magnitude * (integrate(f, from, knee) + tail)
            })
            .sum();
        let infectiousness = if occurred == 0.0 { 0.0 } else { occurred / expected };
        let remaining = |age: f64| {
            let beyond =
                |age: f64| 6.265725e-4 * 300.0 / 0.2314843 * math::pow(age / 300.0, -0.2314843);
            if age <= 300.0 { 1.0 - 6.265725e-4 * age } else { beyond(age) }
        };
        let rest: f64 = points.iter().map(|p| p.magnitude * remaining(end - p.time)).sum();
        let size = points.len() as f64 + infectiousness * rest / (1.0 - 100.0 * infectiousness);
        (infectiousness < 0.01).then_some(size)
    }

    fn agree(points: &[Point], end: f64, what: &str) {
        let (fast, slow) = (final_size(points, end), slowly(points, end));
        match (fast, slow) {
            (Some(fast), Some(slow)) => {
                assert!((fast / slow - 1.0).abs() < 1e-9, "{what}: {fast}, slowly {slow}")
            }
            (None, None) => {}
            _ => panic!("{what}: {fast:?}, slowly {slow:?}"),
        }
    }

    #[test]
    fn the_size_agrees_with_its_definition() {
        for seed in 0..150 {
            let (points, end) = random_cascade(seed);
            agree(&points, end, &format!("seed {seed}"));
            let scaled: Vec<Point> =
                points.iter().map(|p| Point { magnitude: 30.0 * p.magnitude, ..*p }).collect();
            agree(&scaled, end, &format!("scaled, seed {seed}"));
        }
    }

    #[test]
    fn the_size_of_real_cascades_agrees_with_its_definition_at_any_age() {
        for seconds in [60.0, 250.0, 600.0, 7200.0, 86_400.0, 604_800.0] {
            for (i, (points, end)) in real_cascades(seconds).iter().enumerate().take(6) {
                let few: Vec<Point> =
                    points.iter().step_by(1 + points.len() / 50).copied().collect();
                agree(&few, *end, &format!("cascade {i} at {seconds} s"));
            }
        }
    }

    #[test]
    fn the_memory_kernel_is_a_density() {
        assert!((tail(0.0) - 1.0).abs() < 1e-15);
        assert!((tail(300.0) / tail(300.0 + 1e-9) - 1.0).abs() < 1e-6);
        let middle = integrate(memory, 0.0, 300.0) + integrate(memory, 300.0, 3000.0);
        assert!((middle + tail(3000.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_size_does_not_depend_on_the_origin_of_time() {
        for (points, end) in real_cascades(3600.0) {
            let moved: Vec<Point> =
                points.iter().map(|p| Point { time: p.time + 1.3e9, ..*p }).collect();
            assert_eq!(final_size(&points, end), final_size(&moved, end + 1.3e9));
        }
    }

    #[test]
    fn the_median_error_on_real_cascades_agrees_with_the_reference_values() {
        for (seconds, expected) in [(600.0, 0.47), (3600.0, 0.38), (21_600.0, 0.20)] {
            let whole = real_cascades(604_800.0);
            let mut errors: Vec<f64> = real_cascades(seconds)
                .iter()
                .zip(&whole)
                .filter(|((points, _), _)| points.len() >= 10)
                .map(|((points, end), (all, _))| {
                    let size = final_size(points, *end).unwrap_or(points.len() as f64);
                    (size / all.len() as f64 - 1.0).abs()
                })
                .collect();
            errors.sort_by(f64::total_cmp);
            let median = errors[errors.len() / 2];
            assert!(median < expected + 0.02, "{seconds} s: {median}");
        }
    }

    #[test]
    fn the_size_of_extreme_cascades_is_finite() {
        for (name, points, end) in extreme() {
            let size = final_size(&points, end);
            assert!(
                size.is_none_or(|s| s.is_finite() && s >= points.len() as f64),
                "{name}: {size:?}"
            );
        }
        assert_eq!(final_size(&[], 600.0), None);
        assert_eq!(final_size(&[Point { time: 5.0, magnitude: 1e4 }], 605.0), Some(1.0));
    }
}
