//! The distribution of the final size: mean, quantiles and tail probabilities.
//!
//! The observed events have a Poisson number of future children, of mean G1; each is the root of a tree. An event
//! of mark m has a Poisson number of children of mean p m, so with L the Laplace transform of marks in units of
//! their mean, the size of a tree has the generating function T with
//!
//! ```text
//! T(s) = s L(n* (1 − T(s)))             (Otter 1949; Harris 1963, section I.13)
//! ```
//!
//! and the number of future events has exp(−G1 (1 − T(s))). This is inverted numerically, so the distribution is
//! exact up to rounding, without simulation: with marks of a power law the variance is infinite, and a sample
//! of sizes converges slowly.

use super::Params;
use super::complex::Complex;
use super::mark::MarkLaw;
pub use super::mark::MarkShape;
use super::predict::{branching_factor, expected_events, first_generation};
use super::tree::Tree;
use crate::cascade::Point;
use crate::math;

/// The distribution of the final size of a cascade, given the events up to the end of the observation.
#[derive(Clone, Debug)]
pub struct FinalSize {
    observed: f64,
    future: FutureEvents,
}

impl FinalSize {
    /// The distribution of the size, given the points up to `end`.
    ///
    /// Where `marks` is only a mean, marks are assumed to follow the power law of exponent 2.4 with that mean;
    /// where all points have the same mark, all future events have it too.
    pub fn new(points: &[Point], end: f64, params: Params, marks: &MarkLaw) -> Self {
        let n_star = branching_factor(params, marks.mean_mark(points));
        let first_generation = first_generation(points, end, params);
        Self::from_sums(points.len(), first_generation, n_star, MarkShape::of(marks, points))
    }

    /// The distribution of the size, given the number of observed events, G1, n* and the shape of the
    /// distribution of marks.
    pub fn from_sums(
        observed: usize,
        first_generation: f64,
        branching_factor: f64,
        shape: MarkShape,
    ) -> Self {
        let future = FutureEvents::new(first_generation, branching_factor, shape);
        Self { observed: observed as f64, future }
    }

    /// The mean of the size.
    pub fn expected(&self) -> f64 {
        let FutureEvents { first_generation, tree, .. } = &self.future;
        self.observed + expected_events(*first_generation, tree.branching_factor)
    }

    /// The smallest size that is not exceeded with probability `level`: exact below some hundreds of future
    /// events, above to 0.1 % of their number. Infinite where the cascade is infinite with a probability above
    /// 1 − `level`.
    pub fn quantile(&self, level: f64) -> f64 {
        self.observed + self.future.quantile(level)
    }

    /// The probability that the size exceeds `size`.
    pub fn probability_above(&self, size: f64) -> f64 {
        1.0 - self.future.at_most(size - self.observed)
    }
}

/// How many probabilities are computed one by one, from `minimum` on; beyond, the distribution is nearly
/// continuous.
const HEAD: usize = 256;
/// Probabilities below exp(−this) are neglected.
const NEGLECTED: f64 = 32.0;

/// The distribution of the number of future events.
#[derive(Clone, Debug)]
struct FutureEvents {
    first_generation: f64,
    tree: Tree,
    /// The probability of a smaller number is neglected.
    minimum: f64,
    /// P(number ≤ minimum + i).
    head: Vec<f64>,
}

impl FutureEvents {
    fn new(first_generation: f64, branching_factor: f64, shape: MarkShape) -> Self {
        let tree = Tree::new(branching_factor, shape);
        let mut law = Self { first_generation, tree, minimum: 0.0, head: Vec::new() };
        law.minimum = law.chernoff_bound();
        law.head = law.cumulated_head();
        law
    }

    /// The generating function of (number − minimum) at e^−z.
    fn generating(&self, z: Complex) -> Complex {
        let extinct = self.tree.missing(z).scale(-self.first_generation);
        (extinct + z.scale(self.minimum)).exp()
    }

    /// The largest c for which P(number ≤ c) is neglected, by Chernoff's bound
    /// P(number ≤ c) ≤ exp(θ c) E exp(−θ number) for every θ; this c has a single maximum over θ.
    fn chernoff_bound(&self) -> f64 {
        if self.first_generation <= NEGLECTED {
            return 0.0;
        }
        let bound = |log_theta: f64| {
            let theta = Complex::new(math::exp(log_theta), 0.0);
            (self.first_generation * self.tree.missing(theta).re - NEGLECTED) / theta.re
        };
        let (mut left, mut right) = (-35.0, 3.0);
        for _ in 0..40 {
            let third = (right - left) / 3.0;
            if bound(left + third) < bound(right - third) {
                left += third;
            } else {
                right -= third;
            }
        }
        bound(left).max(0.0).floor()
    }

    /// The first probabilities, by the discrete Fourier transform of the generating function on a circle that is
    /// small enough for the aliases of later probabilities to vanish (Abate & Whitt, Oper. Res. Lett. 12, 1992).
    fn cumulated_head(&self) -> Vec<f64> {
        const N: usize = HEAD;
        const FADE: f64 = 1e-9;
        let log_radius = math::ln(FADE) / N as f64;
        let angle = |j: usize| 2.0 * std::f64::consts::PI * j as f64 / N as f64;
        let roots: Vec<Complex> = (0..N).map(|j| Complex::new(0.0, -angle(j)).exp()).collect();
        let on_circle: Vec<Complex> =
            (0..=N / 2).map(|j| self.generating(Complex::new(-log_radius, -angle(j)))).collect();
        let mut sum = 0.0;
        let probability = |i: usize| {
            let term = |j: usize| (on_circle[j] * roots[i * j % N]).re;
            let inner: f64 = (1..N / 2).map(term).sum();
            (term(0) + 2.0 * inner + term(N / 2)) / N as f64 * math::exp(-log_radius * i as f64)
        };
        // `generating` includes the shift by `minimum`, with the powers of the radius.
        (0..N)
            .map(|i| {
                sum += probability(i).max(0.0);
                sum.min(1.0)
            })
            .collect()
    }

    /// P(number ≤ k).
    fn at_most(&self, k: f64) -> f64 {
        let beyond = k.floor() - self.minimum;
        if self.first_generation <= 0.0 {
            f64::from(k >= 0.0)
        } else if beyond < 0.0 {
            0.0
        } else if beyond < HEAD as f64 {
            self.head[beyond as usize]
        } else if beyond < FARTHEST {
            self.head[HEAD - 1].max(self.far(beyond + 0.5))
        } else {
            self.tree.extinction(self.first_generation)
        }
    }

    /// P(number − minimum ≤ x) for a large x, where the distribution is treated as continuous, from its Laplace
    /// transform: a Fourier series summed by Euler's method (Abate & Whitt, ORSA J. Comput. 7, 1995, EULER).
    fn far(&self, x: f64) -> f64 {
        /// The error of the series is exp(−this).
        const DAMPING: f64 = 18.4;
        const PLAIN: usize = 24;
        const AVERAGED: usize = 12;
        let term = |j: usize| {
            let z = Complex::new(DAMPING, 2.0 * std::f64::consts::PI * j as f64).scale(0.5 / x);
            let re = (self.generating(z) * z.inverse()).re;
            if j.is_multiple_of(2) { re } else { -re }
        };
        let mut partial = term(0) / 2.0 + (1..=PLAIN).map(term).sum::<f64>();
        let (mut mean, mut weight) = (0.0, 0.5f64.powi(AVERAGED as i32));
        for i in 0..=AVERAGED {
            mean += weight * partial;
            weight *= (AVERAGED - i) as f64 / (i + 1) as f64;
            partial += term(PLAIN + 1 + i);
        }
        (mean * math::exp(DAMPING / 2.0) / x).clamp(0.0, 1.0)
    }

    /// The smallest k with P(number ≤ k) ≥ level.
    fn quantile(&self, level: f64) -> f64 {
        if self.first_generation <= 0.0 || level <= 0.0 {
            return 0.0;
        }
        let within = self.head.partition_point(|&sum| sum < level);
        if within < HEAD {
            return self.minimum + within as f64;
        }
        let is_enough = |beyond: f64| self.at_most(self.minimum + beyond) >= level;
        let (mut below, mut above) = (HEAD as f64 - 1.0, 2.0 * HEAD as f64);
        while !is_enough(above) {
            (below, above) = (above, 2.0 * above);
            if above > FARTHEST {
                return f64::INFINITY;
            }
        }
        while above - below > f64::max(1.0, 1e-3 * above) {
            let middle = ((below + above) / 2.0).floor();
            if is_enough(middle) { above = middle } else { below = middle }
        }
        self.minimum + above
    }
}

/// Cascades above this size count as infinite.
const FARTHEST: f64 = 1e12;

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::SeedableRng;

    use super::*;
    use crate::hawkes::mark::exponential;
    use crate::hawkes::simulate::simulate;
    use crate::hawkes::testing::{extreme, random_cascade};

    /// P(k) = G1 (G1 + n* k)^(k−1) exp(−G1 − n* k)/k! (the generalised Poisson law: Borel & Tanner's with
    /// a Poisson number of roots).
    #[test]
    fn equal_marks_give_the_generalised_poisson_law() {
        for (g1, n_star) in [(0.3, 0.0), (0.3, 0.9), (20.0, 0.5), (100.0, 0.8), (1500.0, 0.6)] {
            let law = FutureEvents::new(g1, n_star, MarkShape::Constant);
            let (mut sum, mut log_factorial) = (0.0, 0.0);
            for k in 0..8000 {
                let x = f64::from(k);
                log_factorial += math::ln(f64::max(x, 1.0));
                let mean = g1 + n_star * x;
                sum += math::exp(math::ln(g1) + (x - 1.0) * math::ln(mean) - mean - log_factorial);
                if k < 600 || k % 500 == 0 {
                    let found = law.at_most(x);
                    assert!((found - sum).abs() < 2e-6, "{g1} {n_star} {k}: {found} {sum}");
                }
            }
        }
    }

    /// Roots of mean G1, each event with Pareto marks: sizes drawn generation by generation.
    #[test]
    fn the_distribution_agrees_with_simulated_sizes() {
        for (seed, g1, n_star) in [(1, 5.0, 0.9), (2, 60.0, 0.7), (3, 300.0, 0.5)] {
            let law = FutureEvents::new(g1, n_star, MarkShape::PowerLaw(2.4));
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            // A root of this mark has G1 children on average.
            let params = Params::new(n_star / 35.0, 1.0).unwrap();
            let first_mark = g1 / params.infectiousness;
            let draws = 4000;
            let mut drawn: Vec<f64> = (0..draws)
                .map(|_| simulate(params, &MarkLaw::USUAL, first_mark, f64::MAX, 100_000, &mut rng))
                .map(|points| (points.len() - 1) as f64)
                .collect();
            drawn.sort_by(f64::total_cmp);
            for share in [0.05, 0.25, 0.5, 0.75, 0.95] {
                let k = drawn[(share * f64::from(draws)) as usize];
                let below = drawn.partition_point(|&d| d <= k) as f64 / f64::from(draws);
                let error = (share * (1.0 - share) / f64::from(draws)).sqrt();
                let found = law.at_most(k);
                assert!((found - below).abs() < 4.0 * error, "{g1} {n_star} {k}: {found} {below}");
            }
        }
    }

    #[test]
    fn a_quantile_is_the_first_that_reaches_its_level() {
        for (g1, n_star) in [(0.01, 0.5), (2.0, 0.99), (40.0, 0.9), (1e3, 0.99), (1e6, 0.5)] {
            for shape in [MarkShape::Constant, MarkShape::PowerLaw(2.4)] {
                let law = FutureEvents::new(g1, n_star, shape);
                let mut before = 0.0;
                for level in [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99] {
                    let k = law.quantile(level);
                    let beyond = k - law.minimum;
                    let slack = if beyond < 255.0 { 1.0 } else { 2e-3 * beyond };
                    assert!(law.at_most(k) >= level - 1e-9, "{g1} {n_star} {level}: {k}");
                    assert!(
                        k == 0.0 || law.at_most(k - slack) < level,
                        "{g1} {n_star} {level}: {k}"
                    );
                    assert!(k >= before);
                    before = k;
                }
            }
        }
    }

    /// The interval from the quantile of α/2 to that of 1 − α/2 contains a size N if and only if F(N) ≥ α/2 and
    /// F(N − 1) < 1 − α/2.
    #[test]
    fn intervals_cover_simulated_sizes_with_their_nominal_probability() {
        let marks = MarkLaw::USUAL;
        let mean_mark = marks.mean_mark(&[]);
        let mut covered = [0; 3];
        let cascades = 2000;
        for seed in 0..cascades {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let n_star = 0.9 * (1.0 - math::exp(-exponential(&mut rng)));
            let params = Params::new(n_star / mean_mark, 1.0 / 3600.0).unwrap();
            // Many future children: with few, sizes are so discrete that intervals cover too much.
            let first_mark = 300.0 / params.infectiousness;
            let all = simulate(params, &marks, first_mark, f64::MAX, 100_000, &mut rng);
            let end = 1800.0;
            let points: Vec<Point> = all.iter().filter(|p| p.time <= end).copied().collect();
            let law = FinalSize::new(&points, end, params, &marks);
            let size = all.len() as f64;
            let (above, from) = (law.probability_above(size), law.probability_above(size - 1.0));
            for (i, level) in [0.5, 0.8, 0.9].into_iter().enumerate() {
                let outside = (1.0 - level) / 2.0;
                covered[i] += i32::from(1.0 - above >= outside && from > outside);
            }
        }
        for (covered, level) in covered.into_iter().zip([0.5, 0.8, 0.9]) {
            let share = f64::from(covered) / cascades as f64;
            assert!((share - level).abs() < 0.02, "{marks:?}: {level} covers {share}");
        }
    }

    #[test]
    fn a_supercritical_cascade_has_an_infinite_quantile() {
        let law = FinalSize::from_sums(10, 1.0, 1.5, MarkShape::Constant);
        // A tree of Poisson children of mean 1.5 is finite with the probability q = exp(1.5 (q − 1)), 0.41719.
        let finite = math::exp(-(1.0 - 0.417_188));
        assert!((law.probability_above(1e15) - (1.0 - finite)).abs() < 1e-5);
        assert_eq!(law.quantile(0.99), f64::INFINITY);
        assert!(law.quantile(0.3).is_finite());
    }

    #[test]
    fn a_cascade_without_future_events_has_its_observed_size() {
        let law = FinalSize::from_sums(17, 0.0, 0.9, MarkShape::Constant);
        assert_eq!((law.quantile(0.01), law.quantile(0.99), law.expected()), (17.0, 17.0, 17.0));
        assert_eq!((law.probability_above(16.0), law.probability_above(17.0)), (1.0, 0.0));
    }

    #[test]
    fn quantiles_of_extreme_cascades_are_finite() {
        let any = (0..20).map(|seed| ("random", random_cascade(seed)));
        let any = any.map(|(name, (points, end))| (name, points, end));
        for (name, points, end) in extreme().into_iter().chain(any) {
            let mean = MarkLaw::Data.mean_mark(&points);
            for n_star in [1e-7, 0.5, 0.99] {
                let params = Params::new(n_star / mean, 1e-4).unwrap();
                let law = FinalSize::new(&points, end, params, &MarkLaw::Data);
                let (low, high) = (law.quantile(0.05), law.quantile(0.95));
                let n = points.len() as f64;
                assert!(n <= low && low <= high && high.is_finite(), "{name}: {low} {high}");
                let above = law.probability_above(2.0 * n);
                assert!((0.0..=1.0).contains(&above), "{name}: {above}");
            }
        }
    }
}
