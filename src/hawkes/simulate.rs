//! Draws a cascade from parameters and a seed: exactly, event by event, already in order.
//!
//! Chance is drawn in batches, whose logarithms go through the lanes together; only what an event leaves to the
//! next is done one by one.

use pulp::{Arch, Simd, WithSimd};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::Params;
use super::arithmetic::ln;
use super::mark::{MarkLaw, PowerLaw, uniform_of};
use crate::cascade::Point;

/// A cascade that starts with an event of `first_mark` at time 0, up to the time `end` or `max_events`.
///
/// The exact method of Dassios & Zhao (Electron. Commun. Probab. 18, 2013, algorithm 3.1) without a base
/// rate. The compensator runs from 0 to p X between an event that leaves the excitation X and
/// infinity; the next event comes where it meets an exponential draw E, and never if E ≥ p X. Then
/// p X (1 − e^(−β Δt)) = E gives Δt, and the excitation left over is X − E/p.
///
/// More is drawn from `rng` than is used: for two cascades take two streams.
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
    let (mut time, mut excitation, mut size) = (0.0, first_mark, FEWEST);
    let mut batch = Batch { spent: [0.0; MOST], marks: [0.0; MOST], left: [0.0; MOST] };
    let mut chance = [[0; MOST]; 2];
    while points.len() < max_events {
        let size_now = size.min(max_events - points.len());
        let [of_spent, of_marks] = &mut chance;
        for (spent, mark) in of_spent.iter_mut().zip(of_marks).take(size_now) {
            (*spent, *mark) = (rng.next_u64(), rng.next_u64());
        }
        let chance = chance.each_ref().map(|chance| &chance[..size_now]);
        arch.dispatch(Draws { chance, batch: &mut batch, infectiousness, law });
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
        size = (2 * size).min(MOST);
    }
    points
}

/// Events that are drawn together: so many at first, and at most.
const FEWEST: usize = 16;
const MOST: usize = 32;

/// What is drawn for the events to come, and what follows from it.
struct Batch {
    /// How much excitation is spent until the next event: E/p.
    spent: [f64; MOST],
    /// The next event's mark.
    marks: [f64; MOST],
    /// The share of the excitation that is left then; afterwards, how long it took.
    left: [f64; MOST],
}

impl Batch {
    /// Goes from event to event; how many come of so many.
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

/// Draws from the laws, out of bits of chance.
struct Draws<'a> {
    chance: [&'a [u64]; 2],
    batch: &'a mut Batch,
    infectiousness: f64,
    law: PowerLaw,
}

impl WithSimd for Draws<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { chance: [of_spent, of_marks], batch, infectiousness, law } = self;
        for (spent, &bits) in batch.spent.iter_mut().zip(of_spent) {
            *spent = -ln(uniform_of(bits)) / infectiousness;
        }
        for (mark, &bits) in batch.marks.iter_mut().zip(of_marks) {
            *mark = law.of(-ln(uniform_of(bits)));
        }
    }
}

/// From the shares of an excitation that are left, how long it took: −ln(left)/β.
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
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::hawkes::mark::exponential;
    use crate::hawkes::testing::{each_instruction_set, simulated};

    #[test]
    fn the_same_seed_draws_the_same_cascade() {
        let draw = |seed| simulated(seed, 0.9, 1e-3, 1000.0, 1e5).0;
        for seed in 0..20 {
            assert_eq!(draw(seed), draw(seed));
            assert_ne!(draw(seed), draw(seed + 1));
        }
    }

    #[test]
    fn events_come_in_order_and_within_the_bounds() {
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
    fn batches_draw_what_single_draws_would() {
        for seed in 0..300 {
            let (points, params) = simulated(seed, 0.9, 1e-3, 2000.0, 1e5);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let law = MarkLaw::USUAL.power_law();
            let (mut time, mut mark, mut excitation) = (0.0, 2000.0, 0.0);
            for (i, point) in points.iter().enumerate() {
                let near =
                    |found: f64, known: f64, ulp: f64| (found - known).abs() <= 1e-11 * known + ulp;
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
                    || time - (-spent / excitation).ln_1p() / params.decay > 1e5;
                assert_eq!(ends, i == points.len() - 1, "seed {seed}, event {i}");
                if !ends {
                    time -= (-spent / excitation).ln_1p() / params.decay;
                    excitation -= spent;
                    mark = law.draw(&mut rng);
                }
            }
        }
    }

    each_instruction_set!(draws_are_the_same_bits);

    fn draws_are_the_same_bits(arch: Arch) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let chance: [Vec<u64>; 2] = [(); 2].map(|()| (0..MOST).map(|_| rng.next_u64()).collect());
        let chance = chance.each_ref().map(Vec::as_slice);
        let draw = |arch: Arch| {
            let mut batch = Batch { spent: [0.0; MOST], marks: [0.0; MOST], left: [0.5; MOST] };
            let law = MarkLaw::USUAL.power_law();
            arch.dispatch(Draws { chance, batch: &mut batch, infectiousness: 0.02, law });
            batch.left.copy_from_slice(&batch.spent.map(|spent| (-spent / 1000.0).exp()));
            arch.dispatch(Waits { left: &mut batch.left, decay: 1e-3 });
            (batch.spent, batch.marks, batch.left)
        };
        assert_eq!(draw(arch), draw(Arch::Scalar));
    }

    /// With marks of finite variance the size 1 + p m₁/(1 − n*) is a mean that a sample finds.
    #[test]
    fn the_mean_size_is_that_of_the_theory() {
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

    /// The next event comes later than t with probability exp(−Λ(t)).
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
            let expected = (-2.0 * (1.0 - f64::exp(-t / 3600.0))).exp();
            assert!(
                (later - expected).abs() < 4.0 * (0.25 / 5e4f64).sqrt(),
                "{t}: {later} {expected}"
            );
        }
    }
}
