//! Compares every fit with the maximum on a dense grid, which is independent of the optimizer.
//!
//! `cargo bench --bench optima -- 5m,10m,1h FILE...` fits every cascade of the histories at every window, by
//! both estimators; `cargo bench --bench optima -- simulated 2000` fits 2000 simulated cascades. It prints the
//! number of fits, the largest shortfall in log-likelihood, and the number of shortfalls above 1e-6.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails where it panics")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its results")]

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use tweetoscope::cascade::Point;
use tweetoscope::hawkes::lanes::{Job, fit_many};
use tweetoscope::hawkes::likelihood::derivatives;
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::hawkes::simulate::simulate;
use tweetoscope::hawkes::{Estimator, Params};
use tweetoscope::input::read_history;
use tweetoscope::math;

type Watched = (Vec<Point>, f64);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let cascades = match arguments.split_first() {
        Some((word, rest)) if word == "simulated" => simulated(rest[0].parse().unwrap()),
        Some((windows, files)) => histories(windows, files),
        None => return println!("optima WINDOWS FILE... or optima simulated COUNT"),
    };
    for estimator in [Estimator::Mle, Estimator::Map] {
        let short = shortfalls(&cascades, estimator);
        let worst = short.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let missed = short.iter().filter(|short| short.is_nan() || **short > 1e-6).count();
        let fits = short.len();
        println!("{estimator}: {fits} fits, {missed} optima missed, worst shortfall {worst:.1e}");
    }
}

fn histories(windows: &str, files: &[String]) -> Vec<Watched> {
    let seconds = |text: &str| {
        let (number, unit) = text.split_at(text.len() - 1);
        number.parse::<f64>().unwrap() * if unit == "h" { 3600.0 } else { 60.0 }
    };
    let windows: Vec<f64> = windows.split(',').map(seconds).collect();
    let mut watched = Vec::new();
    for file in files {
        for cascade in read_history(file.as_ref()).unwrap() {
            let points = cascade.unwrap().points;
            watched.extend(windows.iter().map(|&window| {
                let seen = points.partition_point(|point| point.time <= window);
                (points[..seen].to_vec(), window)
            }));
        }
    }
    watched
}

/// Simulated cascades of any size, age and decay.
fn simulated(count: u64) -> Vec<Watched> {
    let one = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let params = Params::new(0.9 / 35.0, math::pow(10f64, -4.5 + 2.0 * uniform())).unwrap();
        let (end, first) =
            (math::pow(10f64, 2.0 + 3.0 * uniform()), math::pow(10f64, 1.5 + 2.0 * uniform()));
        (simulate(params, &MarkLaw::USUAL, first, end, 100_000, &mut rng), end)
    };
    (0..count).map(one).collect()
}

/// The maximum on a dense grid minus the fitted value, per cascade.
fn shortfalls(cascades: &[Watched], estimator: Estimator) -> Vec<f64> {
    let jobs: Vec<Job<'_>> = cascades
        .iter()
        .map(|(points, end)| {
            let mean_mark = MarkLaw::Data.mean_mark(points);
            Job { points, end: *end, mean_mark, estimator }
        })
        .collect();
    let short = |(job, fit): (&Job<'_>, &tweetoscope::hawkes::fit::Fit)| {
        let hill = Hill { job };
        let at = math::ln(fit.params.decay());
        hill.dense() - hill.height_of(fit.params.infectiousness(), at)
    };
    let fits = fit_many(&jobs, 1);
    jobs.iter().zip(&fits).map(short).collect()
}

/// The objective as a function of ln β, implemented from the definition.
struct Hill<'a> {
    job: &'a Job<'a>,
}

impl Hill<'_> {
    /// k, Σ ln A and D at a β.
    fn sums(&self, log_beta: f64) -> [f64; 3] {
        let params = Params::new(1.0, math::exp(log_beta)).unwrap();
        let found = derivatives(self.job.points, self.job.end, params);
        let d = -found.hessian[0][0];
        let k = found.gradient[0] + d;
        [k, found.value - k * log_beta + d, d]
    }

    /// The log-density of the prior on (ln p, ln β), less a constant, and its slope by ln p.
    fn prior(&self, log_p: f64, log_beta: f64) -> [f64; 2] {
        if self.job.estimator == Estimator::Mle {
            return [0.0; 2];
        }
        let [s11, s12, s22] = [0.25, -0.25, 25.0].map(math::log1p);
        let u = log_p - (math::ln(0.02f64) - s11 / 2.0 + math::ln(35.0 / self.job.mean_mark));
        let v = log_beta - (math::ln(0.0002f64) - s22 / 2.0);
        let determinant = s11 * s22 - s12 * s12;
        let [to_u, to_v] = [s22 * u - s12 * v, s11 * v - s12 * u].map(|it| it / determinant);
        [-0.5 * (u * to_u + v * to_v), -to_u]
    }

    fn height_of(&self, p: f64, log_beta: f64) -> f64 {
        let [k, l, d] = self.sums(log_beta);
        k * (math::ln(p) + log_beta) + l - p * d + self.prior(math::ln(p), log_beta)[0]
    }

    /// The objective at the best p, by bisection of its slope.
    fn height(&self, log_beta: f64) -> f64 {
        let [k, l, d] = self.sums(log_beta);
        let most = math::ln(0.99 / self.job.mean_mark);
        let (mut low, mut high) = (math::ln(1e-8).min(most), most);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            let slope = k - math::exp(middle) * d + self.prior(middle, log_beta)[1];
            if slope > 0.0 { low = middle } else { high = middle }
        }
        let height =
            |u: f64| k * (u + log_beta) + l - math::exp(u) * d + self.prior(u, log_beta)[0];
        height(low).max(height(high))
    }

    /// The maximum on a dense grid, refined by ternary search around every local maximum.
    fn dense(&self) -> f64 {
        const STEPS: i32 = 150;
        let (low, high) = (math::ln(1.0 / 864_000f64), math::ln(1.0 / 60f64));
        let x = |i: i32| low + (high - low) * f64::from(i.clamp(0, STEPS)) / f64::from(STEPS);
        let heights: Vec<f64> = (0..=STEPS).map(|i| self.height(x(i))).collect();
        let highest = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut best = highest;
        for i in 0..=STEPS {
            let here = heights[i as usize];
            let beside = [i - 1, i + 1].map(|j| heights[j.clamp(0, STEPS) as usize]);
            // Skips local maxima too far below the highest for the refinement to make up the difference.
            if here < beside[0].max(beside[1]) || here < highest - 1.0 {
                continue;
            }
            let (mut left, mut right) = (x(i - 1), x(i + 1));
            for _ in 0..25 {
                let third = (right - left) / 3.0;
                let rises = self.height(left + third) < self.height(right - third);
                if rises { left += third } else { right -= third }
            }
            best = best.max(self.height((left + right) / 2.0));
        }
        best
    }
}
