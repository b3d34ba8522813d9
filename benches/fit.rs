//! The inner loops of fits, simulation and prediction: `cargo bench --bench fit`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails where it panics")]

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tweetoscope::cascade::Point;
use tweetoscope::hawkes::lanes::{Job, fit_many, remaining_after};
use tweetoscope::hawkes::likelihood::derivatives;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::hawkes::simulate::simulate;
use tweetoscope::hawkes::{Estimator, Params};
use tweetoscope::learn::{LearnOptions, Model, Query, Sample, describe, fit_model};

fn main() {
    divan::main();
}

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];

fn params() -> Params {
    Params::new(0.027, 1.0 / 3600.0).unwrap()
}

/// The first `count` events of simulated cascades, concatenated.
fn events(count: usize) -> Vec<Point> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut points: Vec<Point> = Vec::new();
    while points.len() < count {
        let start = points.last().map_or(0.0, |last| last.time + 10.0);
        let missing = count - points.len();
        let more = simulate(params(), &MarkLaw::USUAL, 1000.0, f64::MAX, missing, &mut rng);
        points.extend(more.iter().map(|it| Point { time: it.time + start, ..*it }));
    }
    points
}

/// The exponential of the decay alone: a lower bound for the time of an evaluation in lanes.
#[divan::bench(args = SIZES)]
fn exponential_alone(bencher: Bencher, count: usize) {
    let half_lives: Vec<f64> = (0..count).map(|i| (i % 977) as f64 * 0.01).collect();
    let mut left = vec![0.0; count];
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| remaining_after(black_box(&half_lives), black_box(&mut left)));
}

/// Value, gradient and Hessian of one cascade, without lanes.
#[divan::bench(args = SIZES)]
fn evaluation_of_one(bencher: Bencher, count: usize) {
    let points = events(count);
    let end = points[count - 1].time;
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| derivatives(black_box(&points), end, params()));
}

fn jobs(points: &[Point], count: usize) -> Vec<Job<'_>> {
    let mean_mark = MarkLaw::Data.mean_mark(points);
    let end = points[points.len() - 1].time;
    vec![Job { points, end, mean_mark, estimator: Estimator::Mle }; count]
}

/// A complete fit of one cascade, including the grid; the other lanes are idle during the ascent.
#[divan::bench(args = SIZES)]
fn fit_of_one(bencher: Bencher, count: usize) {
    let points = events(count);
    let jobs = jobs(&points, 1);
    bencher.counter(ItemsCount::new(count)).bench_local(|| fit_many(black_box(&jobs), 1));
}

/// Complete fits of eight cascades in parallel lanes.
#[divan::bench(args = SIZES)]
fn fits_of_eight(bencher: Bencher, count: usize) {
    let points = events(count);
    let jobs = jobs(&points, 8);
    bencher.counter(ItemsCount::new(8 * count)).bench_local(|| fit_many(black_box(&jobs), 1));
}

/// Simulates cascades of 67 events on average.
#[divan::bench]
fn simulate_cascades(bencher: Bencher) {
    let draw = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let params = Params::new(0.02, 1.0 / 3600.0).unwrap();
        simulate(params, &MarkLaw::USUAL, 1000.0, f64::MAX, usize::MAX, &mut rng)
    };
    let count: usize = (0..100).map(|seed| draw(seed).len()).sum();
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| (0..100).map(|seed| draw(black_box(seed)).len()).sum::<usize>());
}

fn samples(count: usize) -> Vec<Sample> {
    let one = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let points = simulate(params(), &MarkLaw::USUAL, 5000.0, 1e9, 10_000, &mut rng);
        let seen = points.partition_point(|point| point.time <= 600.0);
        let (features, rows) = describe(&points[..seen], 600.0, |_, _| Vec::new());
        Sample {
            id: seed.to_string(),
            t_obs: 600.0,
            t: seed as f64,
            n_obs: seen as f64,
            n_tot: points.len() as f64,
            features,
            rows,
            ..Sample::default()
        }
    };
    (0..count as u64).map(one).collect()
}

fn model(samples: &[Sample]) -> Model {
    fit_model(samples, &LearnOptions { trees: 100, ..LearnOptions::default() }).unwrap()
}

/// A prediction with 100 trees: descends every tree and sorts the values of the leaves.
#[divan::bench(args = [100, 1_000])]
fn predict(bencher: Bencher, count: usize) {
    let samples = samples(count);
    let model = model(&samples);
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        next = (next + 1) % samples.len();
        let it = &samples[next];
        let query = Query { features: &it.features, n_obs: it.n_obs, x: it.x };
        model.predict(&query).map(|forecast| forecast.interval(0.9))
    });
}

/// Trains 100 trees and computes their out-of-bag error.
#[divan::bench(args = [100, 1_000], sample_count = 3, sample_size = 1)]
fn train(bencher: Bencher, count: usize) {
    let samples = samples(count);
    bencher.counter(ItemsCount::new(count)).bench_local(|| model(black_box(&samples)));
}
