//! The activity of a platform by the time of day: inputs of the forest where event times are Unix times.
//!
//! With a(t) the share of the events in the half-hour of the day at t, relative to its mean over the day,
//! a cascade of age T at time t has for each horizon h the input
//!
//! ```text
//! ahead_h = ln(mean of a over [t, t + h]) − ln(mean of a over [t − T, t])
//! ```
//!
//! The times of the events are not in a sample; the numbers of events between the ages of its rows are, and
//! are spread evenly between them.

use std::collections::HashMap;

use super::sample::Sample;
use super::values::{Features, rounded};
use crate::math;

/// Parts of a day.
pub(super) const PARTS: usize = 48;
const SECONDS: f64 = 86_400.0 / PARTS as f64;
/// The inputs, and their horizons in hours.
const HORIZONS: [(&str, f64); 5] =
    [("ahead_1", 1.0), ("ahead_3", 3.0), ("ahead_6", 6.0), ("ahead_12", 12.0), ("ahead_24", 24.0)];
/// The names of the inputs.
pub(super) const NAMES: [&str; HORIZONS.len()] =
    [HORIZONS[0].0, HORIZONS[1].0, HORIZONS[2].0, HORIZONS[3].0, HORIZONS[4].0];
/// The features that state the time of day.
const CLOCK: [&str; 2] = ["clock_now_sin", "clock_now_cos"];

/// For each half-hour of the local day, the number of events relative to the mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Activity(pub(super) [f64; PARTS]);

/// The places of age and time of day in a row of features.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockPlaces {
    sin: usize,
    cos: usize,
    ln_age: usize,
}

impl ClockPlaces {
    /// `None` where the time of day is not available.
    pub(super) fn of(features: &Features) -> Option<Self> {
        let [sin, cos] = CLOCK.map(|name| features.place_from_end(name));
        Some(Self { sin: sin?, cos: cos?, ln_age: features.place("ln_age")? })
    }

    fn read(&self, row: &[f64]) -> Option<Clock> {
        let (sin, cos) = (row.get(self.sin)?, row.get(self.cos)?);
        let turns = math::atan2(*sin, *cos) / std::f64::consts::TAU;
        let age = math::exp(*row.get(self.ln_age)?);
        let clock = Clock { now: turns.rem_euclid(1.0) * PARTS as f64, age: age / SECONDS };
        (clock.now.is_finite() && clock.age.is_finite()).then_some(clock)
    }
}

/// The time of day and the age of a cascade, in half-hours.
#[derive(Clone, Copy, Debug)]
struct Clock {
    now: f64,
    age: f64,
}

impl Activity {
    /// The activity of the cascades in `samples`, each with the same weight; `None` where none has a time of
    /// day. Of the samples of a cascade, that of the largest window counts. Ten cascades with events at all times
    /// of the day are added, so that few cascades give a flat profile.
    pub(super) fn of(samples: &[&Sample]) -> Option<Self> {
        const FLAT_CASCADES: f64 = 10.0;
        let mut largest: HashMap<&str, &Sample> = HashMap::new();
        for sample in samples {
            let kept = largest.entry(&sample.id).or_insert(sample);
            if sample.t_obs > kept.t_obs {
                *kept = sample;
            }
        }
        let (mut parts, mut cascades) = ([FLAT_CASCADES / PARTS as f64; PARTS], 0.0);
        // In the order of the samples: sums depend on it in the last bit.
        for sample in samples {
            let is_largest = largest.get(&*sample.id).is_some_and(|it| std::ptr::eq(*it, *sample));
            if let Some(own) = is_largest.then(|| of_cascade(sample)).flatten() {
                cascades += 1.0;
                parts.iter_mut().zip(own).for_each(|(part, own)| *part += own);
            }
        }
        let scale = PARTS as f64 / (FLAT_CASCADES + cascades);
        (cascades > 0.0).then(|| Self(parts.map(|part| round(part * scale))))
    }

    /// The inputs named [`NAMES`] of a row; `None` where the row lacks the time of day.
    pub(super) fn ahead(&self, places: &ClockPlaces, row: &[f64]) -> Option<[f64; NAMES.len()]> {
        let Clock { now, age } = places.read(row)?;
        let seen = math::ln(self.mean(now - age, now));
        let ahead = |(_, hours): (&str, f64)| {
            let length = hours * 3600.0 / SECONDS;
            rounded(math::ln(self.mean(now, now + length)) - seen)
        };
        Some(HORIZONS.map(ahead))
    }

    /// The mean between two times, in half-hours of the first day.
    fn mean(&self, from: f64, to: f64) -> f64 {
        const SHORTEST: f64 = 1.0 / 30.0;
        let to = to.max(from + SHORTEST);
        (self.integral(to) - self.integral(from)) / (to - from)
    }

    fn integral(&self, time: f64) -> f64 {
        let days = (time / PARTS as f64).floor();
        let of_day = time - days * PARTS as f64;
        let part = (of_day as usize).min(PARTS - 1);
        let whole: f64 = self.0.iter().sum();
        let before: f64 = self.0[..part].iter().sum();
        days * whole + before + self.0[part] * (of_day - part as f64)
    }
}

/// The smallest value of a part: the inputs are logarithms.
pub(super) const MIN_PART: f64 = 0.001;

/// Rounded to a thousandth.
fn round(part: f64) -> f64 {
    const GRAIN: f64 = 1000.0;
    ((part * GRAIN).round() / GRAIN).max(MIN_PART)
}

/// The share of the events of a cascade in each half-hour of the day, the root left out; `None` without a time of
/// day, or with no event after the root.
fn of_cascade(sample: &Sample) -> Option<[f64; PARTS]> {
    let places = ClockPlaces::of(&sample.features)?;
    let ln_n = sample.features.place("ln_n")?;
    let now = sample.features.values();
    // (events, clock) at each age, the youngest first.
    let at = |row: &[f64]| Some((math::exp(*row.get(ln_n)?), places.read(row)?));
    let mut ages: Vec<(f64, Clock)> =
        std::iter::once(now).chain(sample.rows.iter()).filter_map(at).collect();
    ages.sort_by(|a, b| a.1.age.total_cmp(&b.1.age));
    let (mut parts, mut events, mut age) = ([0.0; PARTS], 1.0, 0.0);
    for (count, clock) in ages {
        spread((count - events).max(0.0), clock.now, clock.age - age, &mut parts);
        (events, age) = (count.max(events), clock.age);
    }
    let total: f64 = parts.iter().sum();
    (total > 0.0 && total.is_finite()).then(|| parts.map(|part| part / total))
}

/// Adds events that are spread evenly over the last `length` half-hours before `end`.
fn spread(events: f64, end: f64, length: f64, parts: &mut [f64; PARTS]) {
    if length >= PARTS as f64 {
        parts.iter_mut().for_each(|part| *part += events / PARTS as f64);
        return;
    }
    const SHORTEST: f64 = 1e-6;
    let length = length.max(SHORTEST);
    let mut left = length;
    let mut from = (end - length).rem_euclid(PARTS as f64);
    // At most one more part than the length has, and one for rounding.
    for _ in 0..PARTS + 2 {
        let part = (from as usize).min(PARTS - 1);
        let step = (part as f64 + 1.0 - from).min(left);
        parts[part] += events * step / length;
        left -= step;
        from = (part + 1) as f64 % PARTS as f64;
        if left <= 0.0 {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::super::features::describe;
    use super::super::options::LearnOptions;
    use super::super::select::fit_model;
    use super::super::{Model, Query, Step};
    use super::*;
    use crate::cascade::Point;

    const WINDOW: f64 = 14_400.0;
    const DAY: f64 = 86_400.0;

    fn clock(root: f64, age: f64) -> Vec<(&'static str, f64)> {
        let angle = (root + age) / DAY * std::f64::consts::TAU;
        vec![
            ("ln_seismic", 0.7),
            ("clock_now_sin", math::sin(angle)),
            ("clock_now_cos", math::cos(angle)),
        ]
    }

    fn sample(id: usize, root: f64, times: &[f64], n_tot: f64, dated: bool) -> Sample {
        let points: Vec<Point> = times.iter().map(|&time| Point { time, magnitude: 1.0 }).collect();
        let extra = |_: &[Point], age: f64| if dated { clock(root, age) } else { Vec::new() };
        let (features, rows) = describe(&points, WINDOW, extra);
        let (id, n_obs) = (format!("0/{id}"), times.len() as f64);
        Sample { id, t_obs: WINDOW, n_obs, n_tot, features, rows, ..Sample::default() }
    }

    /// Cascades at random hours with 40 events at even times in the window, which double if the four hours after it
    /// are before noon.
    fn samples(count: usize, dated: bool) -> Vec<Sample> {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
        let one = |id: usize| {
            let root = uniform() * DAY;
            let times: Vec<f64> = (0..40).map(|i| f64::from(i) / 40.0 * WINDOW).collect();
            let end = (root + WINDOW) % DAY;
            let n_tot = if end < DAY / 2.0 { 80.0 } else { 41.0 };
            sample(id, root, &times, n_tot, dated)
        };
        (0..count).map(one).collect()
    }

    /// 40 events at even times from 6 to 10 o'clock: of 39 after the root an eighth in each half-hour, and the flat
    /// cascades.
    #[test]
    fn the_profile_is_the_share_of_the_events_in_each_half_hour() {
        let times: Vec<f64> = (0..40).map(|i| f64::from(i) / 40.0 * WINDOW).collect();
        let all: Vec<Sample> =
            (0..90).map(|id| sample(id, 6.0 * 3600.0, &times, 50.0, true)).collect();
        let activity = Activity::of(&all.iter().collect::<Vec<_>>()).unwrap();
        for (part, value) in activity.0.iter().enumerate() {
            let (low, high) = if (12..20).contains(&part) { (4.9, 6.1) } else { (0.1, 0.1) };
            assert!((low..=high).contains(value), "{part}: {value}");
        }
        let mean = activity.0.iter().sum::<f64>() / PARTS as f64;
        assert!((mean - 1.0).abs() < 1e-3, "{mean}");
        // The order of magnitude of a cascade does not matter, nor do smaller windows of it.
        let mut more = all.clone();
        more.extend(all.iter().map(|it| Sample { t_obs: 10.0, ..it.clone() }));
        assert_eq!(Activity::of(&more.iter().collect::<Vec<_>>()), Some(activity));
        let undated = sample(0, 0.0, &times, 50.0, false);
        assert_eq!(Activity::of(&[&undated]), None);
    }

    /// Twice the activity from 12 to 18 o'clock: at noon, after four hours, the next hour has twice the seen activity.
    #[test]
    fn the_inputs_are_the_mean_activity_ahead_relative_to_that_seen() {
        let mut activity = Activity([1.0; PARTS]);
        activity.0[24..36].fill(2.0);
        let times: Vec<f64> = (0..20).map(|i| f64::from(i) * 700.0).collect();
        let at = |hour: f64| {
            let sample = sample(0, hour * 3600.0 - WINDOW, &times, 30.0, true);
            let places = ClockPlaces::of(&sample.features).unwrap();
            activity.ahead(&places, sample.features.values()).unwrap()
        };
        let close = |found: [f64; 5], expected: [f64; 5]| {
            let far = found.iter().zip(expected).map(|(a, b): (&f64, f64)| (a - math::ln(b)).abs());
            assert!(far.fold(0.0, f64::max) < 1e-3, "{found:?} {expected:?}");
        };
        close(at(12.0), [2.0, 2.0, 2.0, 1.5, 1.25]);
        close(at(18.0), [0.5, 0.5, 0.5, 0.5, 0.625]);
        // From 20 to 24 o'clock as much as in the four hours before, and over midnight.
        close(at(2.0), [1.0, 1.0, 1.0, 14.0 / 12.0, 1.25]);
    }

    #[test]
    fn a_forest_uses_the_profile_of_its_samples_and_keeps_it_in_its_file() {
        let options = LearnOptions { window: WINDOW, trees: 20, ..LearnOptions::default() };
        let fit = |samples: &[Sample]| fit_model(samples, &options).unwrap();
        let dated = samples(120, true);
        let model = fit(&dated);
        assert_eq!(model.step(), Step::Forest);
        let line = model.to_line();
        assert!(line.contains("\"format\":5") && line.contains("\"activity\":["));
        let again = Model::from_line(&line).unwrap();
        assert!(again == model && again.to_line() == line);
        let of = |model: &Model, it: &Sample| {
            let query = Query { features: &it.features, n_obs: it.n_obs, x: it.x };
            model.predict(&query).unwrap().n_tot()
        };
        for sample in &dated {
            assert_eq!(of(&again, sample), of(&model, sample));
        }
        // Another profile gives other predictions: the trees split by it.
        let mut shifted = model.clone();
        shifted.activity.as_mut().unwrap().0.rotate_left(PARTS / 2);
        assert!(dated.iter().any(|sample| of(&shifted, sample) != of(&model, sample)));
        // Without the time of day there is none, and the file is of format 4.
        let undated = samples(120, false);
        let line = fit(&undated).to_line();
        assert!(line.contains("\"format\":4") && !line.contains("activity"));
        // A record without the time of day is predicted by the medians.
        assert!(of(&model, &undated[0]).is_finite());
    }

    #[test]
    fn a_profile_that_is_not_valid_is_refused() {
        let options = LearnOptions { window: WINDOW, trees: 20, ..LearnOptions::default() };
        let model = fit_model(&samples(60, true), &options).unwrap();
        for value in [0.0, -1.0, f64::INFINITY, 1e9] {
            let mut altered = model.clone();
            altered.activity.as_mut().unwrap().0[7] = value;
            assert!(Model::from_line(&altered.to_line()).is_err(), "{value}");
        }
        let mut altered = model.clone();
        altered.names.reverse();
        let refused = Model::from_line(&altered.to_line()).unwrap_err().to_string();
        assert!(refused.contains("activity"), "{refused}");
        let mut altered = model;
        altered.activity = None;
        assert!(Model::from_line(&altered.to_line()).is_ok());
    }

    #[test]
    fn extreme_times_of_day_and_ages_give_finite_inputs() {
        let activity = Activity([1.0; PARTS]);
        let places = ClockPlaces { sin: 0, cos: 1, ln_age: 2 };
        for ln_age in [-1e15, 0.0, 5.0, 30.0, 700.0, 1e15] {
            for (sin, cos) in [(0.0, 0.0), (1.0, 0.0), (-1e15, 1e15), (-1e-12, 1.0)] {
                if let Some(ahead) = activity.ahead(&places, &[sin, cos, ln_age]) {
                    assert!(ahead.iter().all(|it| it.is_finite()), "{ln_age} {sin}: {ahead:?}");
                }
            }
        }
        assert!(activity.ahead(&places, &[0.0, 1.0]).is_none());
        let (mut parts, mut sum) = ([0.0; PARTS], 0.0);
        for (end, length) in [(0.0, 0.0), (47.999, 5.0), (3.0, 47.9), (0.2, 1e9), (12.0, 1e-9)] {
            spread(3.0, end, length, &mut parts);
            sum += 3.0;
            let total: f64 = parts.iter().sum();
            assert!((total - sum).abs() < 1e-9, "{end} {length}: {total} {sum}");
        }
    }
}
