//! Cascades for the tests of the model: random, real, the test vector, and extreme ones.

use std::io::Read;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;

use super::Params;
use super::fit::decay;
use super::likelihood::Sums;
use super::mark::{MarkLaw, exponential, uniform};
use super::objective::{DECAY_MAX, DECAY_MIN, Objective};
use super::simulate::simulate;
use crate::cascade::Point;
use crate::math;

/// The cascade of the test vectors, and the time of its last event.
pub(crate) fn reference_cascade() -> (Vec<Point>, f64) {
    let text = include_str!("../../testdata/reference_cascade.json");
    let points = read(&serde_json::from_str(text).unwrap());
    let end = points.last().unwrap().time;
    (points, end)
}

/// The 50 real cascades, each cut after `seconds`: the points, and the end of the observation.
pub(crate) fn real_cascades(seconds: f64) -> Vec<(Vec<Point>, f64)> {
    let packed = &include_bytes!("../../testdata/tideh.jsonl.gz")[..];
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text.lines()
        .map(|line| {
            let mut points = read(&serde_json::from_str(line).unwrap());
            points.retain(|point| point.time <= seconds);
            (points, seconds)
        })
        .collect()
}

fn read(cascade: &serde_json::Value) -> Vec<Point> {
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let point =
        |pair: &serde_json::Value| Point { time: number(&pair[0]), magnitude: number(&pair[1]) };
    cascade["tweets"].as_array().unwrap().iter().map(point).collect()
}

/// A random cascade that does not follow the model: bursts, gaps, equal times, marks of 0.
pub(crate) fn random_cascade(seed: u64) -> (Vec<Point>, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = 1 + (60.0 * uniform(&mut rng)) as usize;
    let pace = math::pow(10f64, 4.0 * uniform(&mut rng));
    let whole = uniform(&mut rng) < 0.5;
    let mut time = 0.0;
    let points: Vec<Point> = (0..n)
        .map(|i| {
            let gap = if i == 0 { 0.0 } else { pace * exponential(&mut rng) };
            time += if whole { gap.floor() } else { gap };
            let unmarked = i > 0 && uniform(&mut rng) < 0.2;
            let magnitude = if unmarked { 0.0 } else { MarkLaw::USUAL.draw(&mut rng) };
            Point { time, magnitude }
        })
        .collect();
    (points, time + pace * exponential(&mut rng))
}

/// Parameters within the bounds of the fit.
pub(crate) fn random_params(seed: u64) -> Params {
    let mut rng = ChaCha8Rng::seed_from_u64(!seed);
    let p = 0.028 * math::pow(10f64, -3.0 * uniform(&mut rng));
    let beta = math::pow(10f64, -5.0 + 3.2 * uniform(&mut rng));
    Params::new(p, beta).unwrap()
}

/// A simulated cascade with its parameters, observed until `end`.
pub(crate) fn simulated(
    seed: u64,
    n_star: f64,
    beta: f64,
    first_mark: f64,
    end: f64,
) -> (Vec<Point>, Params) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let params = Params::new(n_star / 35.0, beta).unwrap();
    (simulate(params, &MarkLaw::USUAL, first_mark, end, 1_000_000, &mut rng), params)
}

/// Cascades whose likelihood has two maxima, with a mean mark of 35: the right one is higher for the
/// first cascade, the left one for the second.
pub(crate) fn two_maxima() -> Vec<(Vec<Point>, f64)> {
    let cascade = |events: &[(f64, f64)], end: f64| {
        let point = |&(time, magnitude): &(f64, f64)| Point { time, magnitude };
        (events.iter().map(point).collect(), end)
    };
    #[rustfmt::skip]
    let right = [
        (0.0, 78.0), (23.0, 15.0), (586.0, 27.0), (658.0, 174.0), (658.0, 16.0), (127_953.0, 23.0),
        (132_259.0, 0.0), (132_264.0, 12.0), (132_268.0, 55.0),
    ];
    #[rustfmt::skip]
    let left = [
        (0.0, 14.0), (68.0, 14.0), (87.0, 13.0), (606.0, 105.0), (612.0, 189.0), (646.0, 12.0),
        (6158.0, 11.0), (9851.0, 12.0), (10_016.0, 0.0), (10_207.0, 0.0), (10_291.0, 13.0),
        (10_558.0, 12.0), (10_563.0, 30.0),
    ];
    vec![cascade(&right, 132_272.0), cascade(&left, 10_770.0)]
}

/// Valid but extreme cascades, with a name and the end of the observation.
pub(crate) fn extreme() -> Vec<(&'static str, Vec<Point>, f64)> {
    let many = |n: usize, step: f64, mark: f64| {
        (0..n).map(|i| Point { time: i as f64 * step, magnitude: mark }).collect::<Vec<_>>()
    };
    let marks = |marks: &[f64]| {
        let point = |(i, &magnitude)| Point { time: 100.0 * i as f64, magnitude };
        marks.iter().enumerate().map(point).collect::<Vec<_>>()
    };
    let unix = |mut points: Vec<Point>| {
        points.iter_mut().for_each(|p| p.time += 1_319_000_000.0);
        points
    };
    vec![
        ("no event", vec![], 600.0),
        ("one event", many(1, 0.0, 1000.0), 600.0),
        ("one event, no time", many(1, 0.0, 1000.0), 0.0),
        ("one event without influence", many(1, 0.0, 0.0), 600.0),
        ("two events", many(2, 10.0, 5.0), 600.0),
        ("two equal events", many(2, 0.0, 5.0), 0.0),
        ("equal times", many(50, 0.0, 30.0), 0.0),
        ("equal times, later end", many(50, 0.0, 30.0), 600.0),
        ("no marks", many(50, 10.0, 0.0), 600.0),
        ("no mark but the last", marks(&[0.0, 0.0, 0.0, 0.0, 9.0]), 600.0),
        ("no mark but the first", marks(&[9.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 600.0),
        ("first mark 0", marks(&[0.0, 10.0, 0.0, 12.0, 300.0, 4.0]), 600.0),
        ("huge marks", many(50, 10.0, 1e12), 600.0),
        ("one huge mark", marks(&[1.0, 1.0, 1e12, 0.0, 0.0, 1.0]), 600.0),
        ("tiny marks", many(50, 10.0, 1e-300), 600.0),
        ("huge and tiny marks", marks(&[1e12, 1e-300, 1e12, 1e-300, 1e-300, 1.0]), 600.0),
        ("100,000 events in a second", many(100_000, 1e-5, 50.0), 1.0),
        ("100,000 events at once", many(100_000, 0.0, 50.0), 600.0),
        ("a century", marks(&[5.0, 0.0, 0.0, 3.0]), 3e9),
        ("a century between the events", many(5, 3e9, 10.0), 2e10),
        ("the age of the universe", many(40, 4e17, 10.0), 2e19),
        ("unix time", unix(many(100, 7.0, 20.0)), 1_319_000_700.0),
    ]
}

/// Extreme and random cascades.
pub(crate) fn any_cascades() -> Vec<(Vec<Point>, f64)> {
    let extreme = extreme().into_iter().map(|(_, points, end)| (points, end));
    extreme.chain((0..200).map(random_cascade)).collect()
}

/// The maximum of the ridge by a dense grid, refined by ternary search.
pub(crate) fn dense(points: &[Point], end: f64, objective: &Objective) -> f64 {
    const STEPS: i32 = 120;
    let (low, high) = (math::ln(DECAY_MIN), math::ln(DECAY_MAX));
    let value = |x: f64| objective.ridge(&Sums::of(points, end, decay(x)), x).value;
    let x = |i: i32| low + (high - low) * f64::from(i.clamp(0, STEPS)) / f64::from(STEPS);
    let best = (0..=STEPS).max_by(|&i, &j| value(x(i)).total_cmp(&value(x(j)))).unwrap();
    let (mut left, mut right) = (x(best - 1), x(best + 1));
    for _ in 0..25 {
        let third = (right - left) / 3.0;
        if value(left + third) < value(right - third) { left += third } else { right -= third }
    }
    value(x(best)).max(value((left + right) / 2.0))
}

/// One test of a law for each instruction set: scalar code, AVX2 and AVX-512. A test is skipped on a
/// processor that does not have its instruction set.
macro_rules! each_instruction_set {
    ($law:ident) => {
        mod $law {
            #[test]
            fn with_scalar_code() {
                super::$law(pulp::Arch::Scalar);
            }

            #[cfg(target_arch = "x86_64")]
            #[test]
            fn with_avx2() {
                match pulp::x86::V3::try_new() {
                    Some(level) => super::$law(pulp::Arch::V3(level)),
                    None => eprintln!("skipped: this processor has no AVX2"),
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[test]
            fn with_avx512() {
                match pulp::x86::V4::try_new() {
                    Some(level) => super::$law(pulp::Arch::V4(level)),
                    None => eprintln!("skipped: this processor has no AVX-512"),
                }
            }
        }
    };
}
pub(crate) use each_instruction_set;
