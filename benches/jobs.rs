//! The jobs that `compare.py` measures against other programs, each in a process of its own.
//!
//! `cargo bench --bench jobs -- fits N EVENTS` and so on. Every job prints one line of JSON:
//! its time in seconds, and its result, which `compare.py` checks before it compares times.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails where it panics")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark measures time")]

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::time::Instant;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;
use foldhash::fast::RandomState;
use serde_json::{Value, json};
use tweetoscope::cascade::Point;
use tweetoscope::hawkes::kernels::{Family, MarkExponent, Model, Observed, Population};
use tweetoscope::hawkes::lanes::{Job, fit_many, remaining_after};
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::hawkes::simulate::simulate;
use tweetoscope::hawkes::{Estimator, Params};
use tweetoscope::input::read_history;
use tweetoscope::learn::{Aggregate, LearnOptions, Query, fit_model};
use tweetoscope::math;
use tweetoscope::record::{Item, Kind, Reader, Record, read};
use tweetoscope::stage::train::learn_sample;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments[..] {
        ["fits", file, threads] => fits(file, threads.parse().unwrap()),
        ["kernel", file, kernel, exact_below] => {
            kernel_fit(file, kernel.parse().unwrap(), exact_below.parse().unwrap())
        }
        ["group", file] => group(file),
        ["memchr", file] => lines(file),
        ["learn", file, window] => learned(file, window.parse().unwrap()),
        ["simulate", events] => simulated(events.parse().unwrap()),
        // `cargo bench` without arguments, and `cargo test --benches`.
        _ => json!({"jobs": ["fits", "kernel", "group", "memchr", "learn", "simulate"]}),
    };
    println!("{answer}");
}

/// Seconds of the second run of the job, when pages and caches are warm, and its result.
fn timed<T>(mut job: impl FnMut() -> T) -> (f64, T) {
    job();
    let began = Instant::now();
    let answer = job();
    (began.elapsed().as_secs_f64(), answer)
}

/// As `timed`, in processor time of this thread, which depends less on other processes.
fn timed_alone<T>(mut job: impl FnMut() -> T) -> (f64, T) {
    let spent = || {
        let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        schedstat.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
    };
    job();
    let began = spent();
    let answer = job();
    (spent() - began, answer)
}

/// Maximum likelihood of every cascade of a history, observed to its last event, unit mean mark.
fn fits(file: &str, threads: usize) -> Value {
    let reading = || read_history(file.as_ref()).unwrap().map(|it| it.unwrap().points).collect();
    let (read_seconds, cascades): (f64, Vec<Vec<Point>>) = timed_alone(reading);
    let mean_mark = |points: &[Point]| MarkLaw::Data.mean_mark(points);
    let jobs: Vec<Job<'_>> = cascades
        .iter()
        .map(|points| Job {
            points,
            end: points.last().unwrap().time,
            mean_mark: mean_mark(points),
            estimator: Estimator::Mle,
        })
        .collect();
    const AGAIN: u32 = 20;
    let fitting = || fit_many(&jobs, threads);
    // Repeats short jobs: the processor time of a thread is coarse.
    let again = || {
        for _ in 1..AGAIN {
            fitting();
        }
        fitting()
    };
    let (seconds, fits) = if threads == 1 { timed_alone(again) } else { timed(again) };
    let seconds = seconds / f64::from(AGAIN);
    let events: usize = cascades.iter().map(Vec::len).sum();
    let steps: f64 = jobs
        .iter()
        .zip(&fits)
        .map(|(job, fit)| job.points.len() as f64 * f64::from(fit.iterations))
        .sum();
    let likelihoods: Vec<f64> = fits.iter().map(|fit| fit.log_likelihood).collect();
    json!({"seconds": seconds, "events": events, "fits": fits.len(), "log_likelihoods": likelihoods,
        "read_seconds": read_seconds, "evaluations": steps, "exponential_ns": exponential()})
}

/// Maximum likelihood of a kernel without marks for the first cascade of a history, on one thread.
fn kernel_fit(file: &str, family: Family, exact_below: usize) -> Value {
    const MIN_SECONDS: f64 = 0.2;
    let cascade = read_history(file.as_ref()).unwrap().next().unwrap().unwrap();
    let end = cascade.points.last().unwrap().time;
    let (marks, population) = (MarkExponent::Unmarked, Population::Infinite);
    let model = Model { family, marks, population, exact_below, threads: 1 };
    let fit = || model.fit(&[Observed::new(&cascade.points, end)]);
    let (once, fitted) = timed_alone(fit);
    let again = (MIN_SECONDS / once.max(1e-4)).ceil().max(1.0) as u32;
    let repeated = || (0..again).map(|_| fit().log_likelihood).fold(0.0, f64::max);
    let (seconds, _) = if again > 1 { timed_alone(repeated) } else { (once, 0.0) };
    let parameters: Vec<(&str, f64)> = fitted.named().into_iter().collect();
    json!({"seconds": seconds / f64::from(again), "log_likelihood": fitted.log_likelihood,
        "parameters": parameters, "evaluations": fitted.evaluations})
}

/// Nanoseconds per exponential, in lanes and with data in the first-level cache.
fn exponential() -> f64 {
    let half_lives: Vec<f64> = (0..1000).map(|i| f64::from(i) * 0.01).collect();
    let mut left = vec![0.0; 1000];
    let (seconds, ()) = timed_alone(|| {
        for _ in 0..20_000 {
            remaining_after(std::hint::black_box(&half_lives), std::hint::black_box(&mut left));
        }
    });
    seconds * 1e9 / 2e7
}

/// Counts the events of each cascade in a file of tweets, read in blocks as the commands do.
fn group(file: &str) -> Value {
    let takes = [Kind::Tweet, Kind::Retweet, Kind::Watermark];
    let (seconds, (bytes, events, cascades)) = timed_alone(|| {
        let mut sizes: HashMap<Box<str>, (u64, f64), RandomState> = HashMap::default();
        let (mut total, mut events) = (0, 0_u64);
        let mut reader = Reader::new(&takes);
        blocks(file, |block| {
            total += block.len();
            let text = simdutf8::basic::from_utf8(block).unwrap();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', block) {
                let mut item = Item::default();
                reader.text(&text[start..end], None, &mut item).unwrap();
                if let Item::Event(event) = &item {
                    let time = event.time.seconds();
                    match sizes.get_mut(&*event.cid) {
                        Some(size) => *size = (size.0 + 1, size.1.max(time)),
                        None => {
                            sizes.insert((*event.cid).into(), (1, time));
                        }
                    }
                    events += 1;
                }
                start = end + 1;
            }
        });
        (total, events, sizes.len())
    });
    json!({"seconds": seconds, "bytes": bytes, "events": events, "cascades": cascades})
}

/// Calls `each` with blocks of whole lines of the file, in one buffer.
fn blocks(file: &str, mut each: impl FnMut(&[u8])) {
    const BLOCK: usize = 256 * 1024;
    let mut file = fs::File::open(file).unwrap();
    let (mut buffer, mut held) = (vec![0; 2 * BLOCK], 0);
    loop {
        let count = file.read(&mut buffer[held..held + BLOCK]).unwrap();
        held += count;
        let whole = memchr::memrchr(b'\n', &buffer[..held]).map_or(0, |last| last + 1);
        each(&buffer[..whole]);
        if count == 0 {
            return;
        }
        buffer.copy_within(whole..held, 0);
        held -= whole;
    }
}

/// Finds the ends of the lines: a lower bound for the time of any reader.
fn lines(file: &str) -> Value {
    let bytes = fs::read(file).unwrap();
    let (seconds, events) = timed_alone(|| memchr::memchr_iter(b'\n', &bytes).count());
    json!({"seconds": seconds, "bytes": bytes.len(), "events": events})
}

/// Trains a model of one window on the samples of a file; every fifth sample is held out. R² is that of ln(N/n).
fn learned(file: &str, window: f64) -> Value {
    let text = fs::read(file).unwrap();
    let mut samples = Vec::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record = read(line, None, &[Kind::Sample]).ok().and_then(Item::record);
        if let Some(Record::Sample(sample)) = record {
            samples.push(learn_sample(&sample));
        }
    }
    let (held, rest): (Vec<_>, Vec<_>) =
        samples.into_iter().enumerate().partition(|(i, _)| i % 5 == 0);
    let rest: Vec<_> = rest.into_iter().map(|(_, sample)| sample).collect();
    let aggregate = Aggregate::Mean;
    let options =
        LearnOptions { window, trees: 100, threads: 2, aggregate, ..LearnOptions::default() };
    let began = Instant::now();
    let model = fit_model(&rest, &options).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let asked: Vec<_> = held.iter().map(|(_, it)| it).filter(|it| it.t_obs == window).collect();
    let (predicting, answers) = timed_alone(|| {
        let one = |sample: &&tweetoscope::learn::Sample| {
            let query = Query { features: &sample.features, n_obs: sample.n_obs, x: sample.x };
            math::ln(model.predict(&query).map_or(sample.n_obs, |it| it.n_tot()) / sample.n_obs)
        };
        asked.iter().map(one).collect::<Vec<f64>>()
    });
    let truths: Vec<f64> = asked.iter().map(|it| math::ln(it.n_tot / it.n_obs)).collect();
    let mean = truths.iter().sum::<f64>() / truths.len() as f64;
    let squares = |of: &dyn Fn(usize) -> f64| (0..truths.len()).map(|i| of(i).powi(2)).sum::<f64>();
    let r2 = 1.0 - squares(&|i| truths[i] - answers[i]) / squares(&|i| truths[i] - mean);
    json!({"seconds": seconds, "predict_seconds": predicting, "rows": asked.len(), "r2": r2,
        "features": rest[0].features.iter().count()})
}

/// Simulates cascades until their number of events reaches `events`.
fn simulated(events: usize) -> Value {
    let params = Params::new(0.02, 1.0 / 3600.0).unwrap();
    let (seconds, (drawn, cascades)) = timed_alone(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut drawn, mut cascades) = (0, 0_u64);
        while drawn < events {
            let law = MarkLaw::USUAL;
            drawn += simulate(params, &law, 1000.0, f64::MAX, usize::MAX, &mut rng).len();
            cascades += 1;
        }
        (drawn, cascades)
    });
    json!({"seconds": seconds, "events": drawn, "cascades": cascades})
}
