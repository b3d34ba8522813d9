//! Fits many cascades at once, in eight SIMD lanes.
//!
//! First the grid, where the lanes are decays of one cascade; then Newton's method around the maxima of the grid,
//! where each lane has its own cascade, and the next one when it is done. No lane depends on another, and every
//! instruction set rounds alike: a fit depends on its job only.

mod climb;
mod grid;
mod steps;
mod sums;

use pulp::{Arch, Simd, WithSimd};

use self::climb::{Climb, Outcome};
use self::grid::grid_sums;
use self::steps::Steps;
use self::sums::Loaded;
use super::Estimator;
use super::arithmetic::{LANES, lost_and_remaining};
use super::fit::{Fit, conclude, decay, fit};
use super::likelihood::Sums;
use super::objective::{GRID, Objective, grid, maxima};
use crate::cascade::Point;
use crate::parallel::{Queue, on_threads};

/// A cascade to fit.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The points up to `end`, in time order.
    pub points: &'a [Point],
    /// The end of the observation.
    pub end: f64,
    /// The mean mark E\[m\].
    pub mean_mark: f64,
    /// How the parameters are estimated.
    pub estimator: Estimator,
}

/// Fits all jobs, on at most `threads` threads; the fits are in the order of the jobs.
///
/// They agree with [`fit`] to some 1e-8 in ln β, in a fraction of the time.
pub fn fit_many(jobs: &[Job<'_>], threads: usize) -> Vec<Fit> {
    let arch = Arch::new();
    let threads = threads.clamp(1, jobs.len().max(1));
    let queue = Queue::new(jobs);
    let mut climbs: Vec<Climb> = on_threads(threads, || explore(arch, &queue)).concat();
    // Cascades in neighbouring lanes should have similar lengths. The order does not depend on the threads.
    let key = |climb: &Climb| (jobs[climb.job].points.len(), climb.job, climb.top);
    climbs.sort_unstable_by_key(|climb| std::cmp::Reverse(key(climb)));
    let queue = Queue::new(&climbs);
    let maxima = on_threads(threads, || ascend(arch, jobs, &queue)).concat();
    choose(jobs, maxima)
}

/// The share of an excitation that remains after each number of half-lives; benchmarks compare the cost of
/// an evaluation with it.
#[doc(hidden)]
pub fn remaining_after(half_lives: &[f64], left: &mut [f64]) {
    struct Left<'a>(&'a [f64], &'a mut [f64]);
    impl WithSimd for Left<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let each = self.1.iter_mut().zip(self.0);
            each.for_each(|(left, &half_lives)| *left = lost_and_remaining(half_lives).1);
        }
    }
    Arch::new().dispatch(Left(half_lives, left));
}

/// The starts of the climbs of the jobs that this thread takes: the maxima of their grids.
fn explore(arch: Arch, jobs: &Queue<'_, Job<'_>>) -> Vec<Climb> {
    let grid = grid();
    let decays = grid.map(decay);
    let mut steps = Steps::default();
    let mut climbs = Vec::new();
    while let Some((index, job)) = jobs.take() {
        if !steps.load(job.points, job.end) {
            continue;
        }
        let objective = Objective::new(job.mean_mark, job.estimator);
        let sums = grid_sums(arch, &steps, &decays);
        let mut heights = [0.0; GRID];
        for (i, [log_excitation, compensator]) in sums.into_iter().enumerate() {
            let events = steps.steps.len() as f64;
            heights[i] = objective.height(events, log_excitation, compensator, grid[i]).1;
        }
        climbs.extend(maxima(&heights).map(|top| Climb::new(index, top, &grid, &heights)));
    }
    climbs
}

/// The end of a climb.
#[derive(Clone, Copy, Debug)]
struct Maximum {
    job: usize,
    top: usize,
    at: f64,
    sums: Sums,
    height: f64,
    evaluations: u32,
}

/// Runs the climbs that this thread takes, eight at a time.
fn ascend(arch: Arch, jobs: &[Job<'_>], climbs: &Queue<'_, Climb>) -> Vec<Maximum> {
    let mut loaded = Loaded::default();
    let mut lanes: [Option<(Climb, Objective)>; LANES] = [const { None }; LANES];
    let mut maxima = Vec::new();
    loop {
        for (lane, slot) in lanes.iter_mut().enumerate() {
            if slot.is_none()
                && let Some((_, climb)) = climbs.take()
            {
                let job = &jobs[climb.job];
                loaded.load(lane, job.points, job.end);
                *slot = Some((climb.clone(), Objective::new(job.mean_mark, job.estimator)));
            }
        }
        if lanes.iter().all(Option::is_none) {
            return maxima;
        }
        let decays = lanes.each_ref().map(|slot| slot.as_ref().map_or(1.0, |(c, _)| decay(c.at)));
        let sums = loaded.sums(arch, decays);
        for (lane, slot) in lanes.iter_mut().enumerate() {
            let Some((climb, objective)) = slot else { continue };
            if let Some(maximum) = advance(climb, objective, sums[lane]) {
                maxima.push(maximum);
                *slot = None;
                loaded.unload(lane);
            }
        }
    }
}

/// Takes a step, given the sums at the present β; returns the maximum if the climb has ended.
fn advance(climb: &mut Climb, objective: &Objective, mut sums: Sums) -> Option<Maximum> {
    let mut ridge = objective.ridge(&sums, climb.at);
    match climb.step(&ridge) {
        Outcome::Continue => return None,
        Outcome::End => {}
        Outcome::EndNearby(moved) => {
            sums = sums.moved(moved);
            ridge = objective.ridge(&sums, climb.at);
            // Where p reaches its bound within the step, the ridge has a kink and Newton's step is wrong.
            if ridge.slope.abs() > 1e-7 * ridge.curvature.abs() {
                return None;
            }
        }
    }
    let Climb { job, top, at, evaluations, .. } = *climb;
    Some(Maximum { job, top, at, sums, height: ridge.value, evaluations })
}

/// For each job the highest of its maxima. A job without positive marks has none; [`fit`] handles it.
fn choose(jobs: &[Job<'_>], mut maxima: Vec<Maximum>) -> Vec<Fit> {
    maxima.sort_unstable_by_key(|maximum| (maximum.job, maximum.top));
    let mut maxima = maxima.into_iter().peekable();
    let fit_of = |(index, job): (usize, &Job<'_>)| {
        let mut evaluations = GRID as u32;
        let mut best: Option<Maximum> = None;
        while let Some(other) = maxima.next_if(|maximum| maximum.job == index) {
            evaluations += other.evaluations;
            if best.is_none_or(|best| other.height > best.height) {
                best = Some(other);
            }
        }
        let Some(best) = best else {
            return fit(job.points, job.end, job.mean_mark, job.estimator);
        };
        let objective = Objective::new(job.mean_mark, job.estimator);
        conclude(job.points, &best.sums, &objective, best.at, evaluations)
    };
    jobs.iter().enumerate().map(fit_of).collect()
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::SeedableRng;

    use super::*;
    use crate::hawkes::Status;
    use crate::hawkes::mark::{MarkLaw, uniform};
    use crate::hawkes::testing::{
        dense, extreme, random_cascade, real_cascades, simulated, two_maxima,
    };
    use crate::math;

    /// A cascade and the end of its observation.
    type Observed = (Vec<Point>, f64);

    fn jobs(cascades: &[Observed], estimator: Estimator) -> Vec<Job<'_>> {
        let mean_mark = |points: &[Point]| MarkLaw::Data.mean_mark(points);
        cascades
            .iter()
            .map(|(points, end)| Job { points, end: *end, mean_mark: mean_mark(points), estimator })
            .collect()
    }

    /// Simulated cascades of various sizes, ages and decays.
    fn various(seeds: std::ops::Range<u64>) -> Vec<Observed> {
        seeds
            .map(|seed| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let beta = math::pow(10f64, -4.5 + 2.0 * uniform(&mut rng));
                let end = math::pow(10f64, 2.0 + 3.0 * uniform(&mut rng));
                let first_mark = math::pow(10f64, 1.5 + 2.0 * uniform(&mut rng));
                (simulated(seed, 0.9, beta, first_mark, end).0, end)
            })
            .collect()
    }

    /// Simulated, random, extreme and real cascades, shuffled.
    fn mixed() -> Vec<Observed> {
        let mut all = various(0..150);
        all.extend((0..150).map(random_cascade));
        all.extend(extreme().into_iter().map(|(_, points, end)| (points, end)));
        all.extend(real_cascades(600.0));
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for i in (1..all.len()).rev() {
            all.swap(i, (uniform(&mut rng) * i as f64) as usize);
        }
        all
    }

    #[test]
    fn fits_in_lanes_agree_with_single_fits() {
        let cascades = mixed();
        for estimator in [Estimator::Map, Estimator::Mle] {
            let jobs = jobs(&cascades, estimator);
            for (job, many) in jobs.iter().zip(fit_many(&jobs, 1)) {
                let one = fit(job.points, job.end, job.mean_mark, estimator);
                let objective = Objective::new(job.mean_mark, estimator);
                let height = |fit: &Fit| {
                    let sums = Sums::of(job.points, job.end, fit.params.decay());
                    objective.ridge(&sums, math::ln(fit.params.decay())).value
                };
                let (high, low) = (height(&many), height(&one));
                let n = job.points.len();
                assert!((high - low).abs() < 1e-9 * (1.0 + low.abs()), "n {n}: {one:?} {many:?}");
                let likelihoods = (many.log_likelihood - one.log_likelihood).abs();
                let off = math::ln(many.params.decay() / one.params.decay()).abs();
                if one.status == Status::Ok {
                    assert!(
                        off < 1e-6 && likelihoods < 1e-6 * (1.0 + low.abs()),
                        "{one:?} {many:?}"
                    );
                    assert_eq!(one.status, many.status, "n {n}: {one:?} {many:?}");
                }
            }
        }
    }

    #[test]
    fn a_fit_depends_neither_on_its_neighbours_nor_on_the_threads() {
        let cascades = mixed();
        let jobs = jobs(&cascades, Estimator::Map);
        let together = fit_many(&jobs, 1);
        for threads in [2, 3, 7] {
            assert_eq!(fit_many(&jobs, threads), together, "{threads} threads");
        }
        for (i, job) in jobs.iter().enumerate() {
            assert_eq!(fit_many(&[*job], 1), together[i..=i], "job {i} alone");
        }
        let backwards: Vec<Job<'_>> = jobs.iter().rev().copied().collect();
        let mut fits = fit_many(&backwards, 2);
        fits.reverse();
        assert_eq!(fits, together);
        assert_eq!(fit_many(&[], 4), []);
    }

    #[test]
    fn the_higher_of_two_maxima_is_found() {
        let cascades = two_maxima();
        let mut jobs = jobs(&cascades, Estimator::Mle);
        jobs.iter_mut().for_each(|job| job.mean_mark = 35.0);
        for (job, many) in jobs.iter().zip(fit_many(&jobs, 1)) {
            let one = fit(job.points, job.end, 35.0, Estimator::Mle);
            assert!((many.log_likelihood - one.log_likelihood).abs() < 1e-9, "{many:?} {one:?}");
            assert!(many.iterations > GRID as u32 + 3, "a single climb: {many:?}");
        }
    }

    #[test]
    fn the_global_maximum_is_found() {
        let mut cascades = various(1000..3000);
        for seconds in [300.0, 3600.0, 21_600.0] {
            cascades.extend(real_cascades(seconds).into_iter().map(|(mut points, mut end)| {
                if points.len() > 500 {
                    points.truncate(500);
                    end = points[499].time;
                }
                (points, end)
            }));
        }
        for estimator in [Estimator::Map, Estimator::Mle] {
            let jobs = jobs(&cascades, estimator);
            for (i, (job, fit)) in jobs.iter().zip(fit_many(&jobs, 2)).enumerate() {
                let objective = Objective::new(job.mean_mark, estimator);
                let sums = Sums::of(job.points, job.end, fit.params.decay());
                let height = objective.ridge(&sums, math::ln(fit.params.decay())).value;
                let short = dense(job.points, job.end, &objective) - height;
                assert!(short < 1e-6, "cascade {i}, {estimator}: {short} below");
            }
        }
    }
}
