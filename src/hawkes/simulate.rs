//! Simulates a cascade by an exact method, event by event and in order.
//!
//! Random bits are drawn in batches, whose logarithms are computed in lanes; only the recursion from event to
//! event is sequential.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::Rng;
use pulp::{Arch, Simd, WithSimd};

use super::Params;
use super::arithmetic::ln;
use super::mark::{MarkLaw, PowerLaw, uniform_of};
use crate::cascade::Point;

/// A cascade that starts with an event of `first_mark` at time 0, up to the time `end` or `max_events`.
///
/// The exact method of Dassios & Zhao (Electron. Commun. Probab. 18, 2013, algorithm 3.1) without a base
/// rate. After an event with the excitation X the compensator rises from 0 to p X; the next event is where
/// it equals an exponential draw E, and there is none if E ≥ p X. Then p X (1 − e^(−β Δt)) = E gives Δt,
/// and the excitation that remains is X − E/p.
///
/// More is drawn from `rng` than is used: use a separate stream for each cascade.
pub fn simulate(
    params: Params,
    marks: &MarkLaw,
    first_mark: f64,
    end: f64,
    max_events: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Point> {
    let (arch, law) = (Arch::new(), marks.power_law());
    let Params { infectiousness, decay } = params;
    let mut points = Vec::new();
    if max_events > 0 {
        points.push(Point { time: 0.0, magnitude: first_mark });
    }
    let (mut time, mut excitation, mut size) = (0.0, first_mark, FIRST_BATCH);
    let mut batch =
        Batch { spent: [0.0; MAX_BATCH], marks: [0.0; MAX_BATCH], left: [0.0; MAX_BATCH] };
    let mut bits = [[0; MAX_BATCH]; 2];
    while points.len() < max_events {
        let size_now = size.min(max_events - points.len());
        let [of_spent, of_marks] = &mut bits;
        for (spent, mark) in of_spent.iter_mut().zip(of_marks).take(size_now) {
            (*spent, *mark) = (rng.next_u64(), rng.next_u64());
        }
        let bits = bits.each_ref().map(|bits| &bits[..size_now]);
        arch.dispatch(Draws { bits, batch: &mut batch, infectiousness, law });
        let come = batch.run(&mut excitation, size_now);
        arch.dispatch(Waits { left: &mut batch.left[..come], decay });
        for (wait, &magnitude) in batch.left[..come].iter().zip(&batch.marks) {
            time += wait;
            if time > end {
                return points;
            }
            points.push(Point { time, magnitude });
        }
        if come < size_now {
            break;
        }
        size = (2 * size).min(MAX_BATCH);
    }
    points
}

/// Events in the first batch, and in the largest.
const FIRST_BATCH: usize = 16;
const MAX_BATCH: usize = 32;

/// The draws of a batch of events, and what follows from them.
struct Batch {
    /// The excitation that decays until the next event: E/p.
    spent: [f64; MAX_BATCH],
    /// The next event's mark.
    marks: [f64; MAX_BATCH],
    /// The share of the excitation that remains then; later the time between the events.
    left: [f64; MAX_BATCH],
}

impl Batch {
    /// Runs the recursion over at most `size` events; returns how many there are.
    fn run(&mut self, excitation: &mut f64, size: usize) -> usize {
        let drawn = self.spent.iter().zip(&self.marks).zip(&mut self.left).take(size);
        for (come, ((&spent, &mark), left)) in drawn.enumerate() {
            if spent >= *excitation {
                return come;
            }
            let rest = *excitation - spent;
            *left = rest / *excitation;
            *excitation = rest + mark;
        }
        size
    }
}

/// Computes the draws from random bits.
struct Draws<'a> {
    bits: [&'a [u64]; 2],
    batch: &'a mut Batch,
    infectiousness: f64,
    law: PowerLaw,
}

impl WithSimd for Draws<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { bits: [of_spent, of_marks], batch, infectiousness, law } = self;
        for (spent, &bits) in batch.spent.iter_mut().zip(of_spent) {
            *spent = -ln(uniform_of(bits)) / infectiousness;
        }
        for (mark, &bits) in batch.marks.iter_mut().zip(of_marks) {
            *mark = law.of(-ln(uniform_of(bits)));
        }
    }
}

/// Computes the times between events from the shares that remain: −ln(left)/β.
struct Waits<'a> {
    left: &'a mut [f64],
    decay: f64,
}

impl WithSimd for Waits<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.left.iter_mut().for_each(|left| *left = -ln(*left) / self.decay);
    }
}

#[cfg(test)]
mod tests {
    use chacha20::rand_core::SeedableRng;

    use super::*;
    use crate::hawkes::mark::exponential;
    use crate::hawkes::testing::{each_instruction_set, simulated};
    use crate::math;

    #[test]
    fn the_same_random_seed_gives_the_same_cascade() {
        let draw = |seed| simulated(seed, 0.9, 1e-3, 1000.0, 1e5).0;
        for seed in 0..20 {
            assert_eq!(draw(seed), draw(seed));
            assert_ne!(draw(seed), draw(seed + 1));
        }
    }

    #[test]
    fn events_are_in_order_and_within_the_limits() {
        for seed in 0..200 {
            let (points, _) = simulated(seed, 0.95, 1e-3, 3000.0, 3600.0);
            assert_eq!(points[0], Point { time: 0.0, magnitude: 3000.0 });
            assert!(points.is_sorted_by(|a, b| a.time <= b.time), "seed {seed}");
            assert!(points.iter().all(|p| p.time <= 3600.0 && p.magnitude >= 10.0), "seed {seed}");
        }
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let params = Params::new(2.0 / 35.0, 1e-3).unwrap();
        assert_eq!(simulate(params, &MarkLaw::USUAL, 1e5, 1e9, 777, &mut rng).len(), 777);
        assert!(simulate(params, &MarkLaw::USUAL, 1e5, 1e9, 0, &mut rng).is_empty());
        assert_eq!(simulate(params, &MarkLaw::USUAL, 0.0, 1e9, 9, &mut rng).len(), 1);
    }

    /// The same algorithm event by event, with the library's logarithms.
    #[test]
    fn batches_agree_with_single_draws() {
        for seed in 0..300 {
            let (points, params) = simulated(seed, 0.9, 1e-3, 2000.0, 1e5);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let law = MarkLaw::USUAL.power_law();
            let (mut time, mut mark, mut excitation) = (0.0, 2000.0, 0.0);
            for (i, point) in points.iter().enumerate() {
                let near =
                    |found: f64, other: f64, ulp: f64| (found - other).abs() <= 1e-11 * other + ulp;
                assert!(
                    near(point.time, time, 1e-15 / params.decay),
                    "seed {seed}, event {i}: {point:?}, not at {time}"
                );
                assert!(
                    near(point.magnitude, mark, 0.0),
                    "seed {seed}, event {i}: {point:?}, not {mark}"
                );
                excitation += mark;
                let spent = exponential(&mut rng) / params.infectiousness;
                let ends = spent >= excitation
                    || time - math::log1p(-spent / excitation) / params.decay > 1e5;
                assert_eq!(ends, i == points.len() - 1, "seed {seed}, event {i}");
                if !ends {
                    time -= math::log1p(-spent / excitation) / params.decay;
                    excitation -= spent;
                    mark = law.draw(&mut rng);
                }
            }
        }
    }

    each_instruction_set!(draws_are_the_same_bits);

    fn draws_are_the_same_bits(arch: Arch) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let bits: [Vec<u64>; 2] =
            [(); 2].map(|()| (0..MAX_BATCH).map(|_| rng.next_u64()).collect());
        let bits = bits.each_ref().map(Vec::as_slice);
        let draw = |arch: Arch| {
            let mut batch =
                Batch { spent: [0.0; MAX_BATCH], marks: [0.0; MAX_BATCH], left: [0.5; MAX_BATCH] };
            let law = MarkLaw::USUAL.power_law();
            arch.dispatch(Draws { bits, batch: &mut batch, infectiousness: 0.02, law });
            batch.left.copy_from_slice(&batch.spent.map(|spent| math::exp(-spent / 1000.0)));
            arch.dispatch(Waits { left: &mut batch.left, decay: 1e-3 });
            (batch.spent, batch.marks, batch.left)
        };
        assert_eq!(draw(arch), draw(Arch::Scalar));
    }

    /// The marks have a finite variance, so that the sample mean converges to 1 + p m₁/(1 − n*).
    #[test]
    fn the_mean_size_agrees_with_the_theory() {
        let marks = MarkLaw::Pareto { exponent: 6.0, minimum: 10.0 };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for n_star in [0.0001, 0.5, 0.8] {
            let params = Params::new(n_star / 12.5, 1e-3).unwrap();
            let first_mark = 20.0 / params.infectiousness;
            let mut draw =
                || simulate(params, &marks, first_mark, f64::MAX, 1_000_000, &mut rng).len();
            let sizes: Vec<f64> = (0..3000).map(|_| draw() as f64).collect();
            let mean = sizes.iter().sum::<f64>() / 3000.0;
            let variance = sizes.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 2999.0;
            let expected = 1.0 + 20.0 / (1.0 - n_star);
            let error = (variance / 3000.0).sqrt();
            assert!(
                (mean - expected).abs() < 4.0 * error,
                "n* {n_star}: {mean} {expected} {error}"
            );
        }
    }

    /// The next event is later than t with probability exp(−Λ(t)).
    #[test]
    fn the_first_gap_follows_the_intensity() {
        let params = Params::new(0.002, 1.0 / 3600.0).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let gaps: Vec<Option<f64>> = (0..50_000)
            .map(|_| simulate(params, &MarkLaw::USUAL, 1000.0, f64::MAX, 2, &mut rng))
            .map(|points| points.get(1).map(|p| p.time))
            .collect();
        for t in [300.0, 3600.0, 10_000.0, f64::MAX] {
            let later =
                gaps.iter().filter(|gap| gap.is_none_or(|gap| gap > t)).count() as f64 / 5e4;
            let expected = math::exp(-2.0 * (1.0 - math::exp(-t / 3600.0)));
            assert!(
                (later - expected).abs() < 4.0 * (0.25 / 5e4f64).sqrt(),
                "{t}: {later} {expected}"
            );
        }
    }
}
