//! Elementary functions for loops over lanes, which the compiler turns into vector instructions, in fits and
//! in simulation.
//!
//! They use operations with a unique rounding by IEEE 754, and no fused multiply-add, so every instruction set
//! gives the same bits.

use crate::math;

/// The number of lanes.
pub(crate) const LANES: usize = 8;

/// One number for each lane.
pub(crate) type Lanes = [f64; LANES];

/// Coefficients of (2ᶠ − 1)/f for |f| ≤ ½, interpolated at Chebyshev's points: relative error 2e-17.
const FINE: [f64; 11] = [
    std::f64::consts::LN_2,
    0.24022650695910097,
    0.0555041086648216,
    0.009618129107606888,
    0.0013333558146416936,
    0.0001540353044173611,
    1.525273382983615e-5,
    1.32154425878863e-6,
    1.017806244582691e-7,
    7.072585956347123e-9,
    4.4549606019592226e-10,
];

/// Coefficients of the same function with fewer terms: relative error 5e-7.
const ROUGH: [f64; 5] = [
    std::f64::consts::LN_2,
    0.24022349037778712,
    0.055503810137725505,
    0.009666368534722615,
    0.0013381302556450426,
];

/// 2 to this power, and its reciprocal, are normal numbers with a margin of a few doublings.
const MAX_EXPONENT: f64 = 1020.0;
/// Added to a small number, it leaves the nearest whole number in the last bits: 1.5 · 2^52.
const ROUNDER: f64 = 6755399441055744.0;
/// The bits of the fraction of a float.
const FRACTION: u64 = (1 << 52) - 1;

/// The share that is lost, 1 − 2^−h, and the share that remains, 2^−h, after h ≥ 0 half-lives.
///
/// The relative error of the first is some units of the last digit, that of the second some units times 1 + h. −h = k + f makes
/// 2^−h = 2ᵏ (1 + (2ᶠ − 1)): the share that is lost is computed without cancellation.
#[inline(always)]
pub(crate) fn lost_and_remaining(half_lives: f64) -> (f64, f64) {
    let (shifted, f) = split(half_lives);
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()));
    let grown = power * (series(&FINE, f) * f);
    (1.0 - power - grown, power + grown)
}

/// The share that remains, 2^−h, with the error of a relative error of 5e-7 in h.
#[inline(always)]
pub(crate) fn remaining_approx(half_lives: f64) -> f64 {
    let (shifted, f) = split(half_lives);
    let left = 1.0 + series(&ROUGH, f) * f;
    f64::from_bits(left.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// 2ʰ, for 0 ≤ h < 1000, to some units of the last digit.
#[inline(always)]
pub(crate) fn doubled(doublings: f64) -> f64 {
    lost_and_remaining(-doublings).1
}

/// The natural logarithm of a positive, normal number, to a unit or two of the last digit.
///
/// x = 2ᵏ m with m between √½ and √2, and ln m = 2 artanh s with s = (m − 1)/(m + 1), by artanh's power series.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    const TERMS: [f64; 11] = {
        let mut terms = [0.0; 11];
        let mut i = 0;
        while i < 11 {
            terms[i] = 2.0 / (2 * i + 3) as f64;
            i += 1;
        }
        terms
    };
    /// ln 2 in two parts; the first has so few bits that k times it is exact.
    const LN_2: [f64; 2] = [0.6931471803691238, 1.9082149292705877e-10];
    const HALF_ROOT: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    // Offset so that the exponent changes at √½, and is never negative.
    let counted = x.to_bits() + ((1 << 62) - HALF_ROOT);
    let k = f64::from_bits((counted >> 52) | WHOLE.to_bits()) - (WHOLE + 1024.0);
    let m = f64::from_bits((counted & FRACTION) + HALF_ROOT);
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let square = s * s;
    let rest = s * square * series(&TERMS, square);
    (k * LN_2[0] + 2.0 * s) + (rest + k * LN_2[1])
}

/// 2^52: the last bits of its significand count ones.
const WHOLE: f64 = 4503599627370496.0;

/// The nearest whole number k to −h, in the last bits of a number, and f = −h − k.
#[inline(always)]
fn split(half_lives: f64) -> (f64, f64) {
    let minus = if -half_lives > -MAX_EXPONENT { -half_lives } else { -MAX_EXPONENT };
    let shifted = minus + ROUNDER;
    (shifted, minus - (shifted - ROUNDER))
}

/// Σ termsᵢ fⁱ, with separate sums of even and odd powers: half the latency.
#[inline(always)]
fn series<const TERMS: usize>(terms: &[f64; TERMS], f: f64) -> f64 {
    let square = f * f;
    let [mut even, mut odd] = [0.0; 2];
    for i in (0..TERMS).rev() {
        let sum = if i % 2 == 0 { &mut even } else { &mut odd };
        *sum = *sum * square + terms[i];
    }
    even + odd * f
}

/// A whole number below 2^53 as a float, without a conversion instruction, which not every instruction set has.
#[inline(always)]
pub(crate) fn counted(whole: u64) -> f64 {
    const LOW: u64 = (1 << 32) - 1;
    let small = |bits: u64| f64::from_bits(bits | WHOLE.to_bits()) - WHOLE;
    small(whole >> 32) * (LOW + 1) as f64 + small(whole & LOW)
}

/// The number of factors between `min` and `max` whose product, times a number in [1, 2), neither underflows
/// nor overflows: from 1 to `MAX_FACTORS`.
pub(crate) fn safe_factors(min: f64, max: f64) -> usize {
    let size = math::log2(max).abs().max(math::log2(min).abs());
    ((MAX_EXPONENT / (size + 1.0)) as usize).clamp(1, MAX_FACTORS)
}

/// More factors between two calls of [`Product::normalize`] save no time.
pub(crate) const MAX_FACTORS: usize = 32;

/// The product of many positive, normal numbers in each of `N` lanes, with separate exponents: the sum
/// of their logarithms at the cost of a multiplication each.
///
/// Scaling by powers of 2 is exact, so the result does not depend on when the product is normalized.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<const N: usize> {
    /// In [1, 2) after [`Product::normalize`].
    pub(crate) mantissa: [f64; N],
    exponents: [i64; N],
}

impl<const N: usize> Product<N> {
    pub(crate) fn one() -> Self {
        Self { mantissa: [1.0; N], exponents: [0; N] }
    }

    /// Makes a lane's product 1.
    pub(crate) fn reset(&mut self, lane: usize) {
        (self.mantissa[lane], self.exponents[lane]) = (1.0, 0);
    }

    /// Moves the exponents of the mantissas into `exponents`, before they overflow or underflow.
    #[inline(always)]
    pub(crate) fn normalize(&mut self) {
        for lane in 0..N {
            let bits = self.mantissa[lane].to_bits();
            self.mantissa[lane] = f64::from_bits((bits & FRACTION) | 1.0f64.to_bits());
            self.exponents[lane] += (bits >> 52) as i64 - 1023;
        }
    }

    /// The logarithm of a lane's product, which must be normalized.
    pub(crate) fn ln(&self, lane: usize) -> f64 {
        self.exponents[lane] as f64 * std::f64::consts::LN_2 + math::ln(self.mantissa[lane])
    }
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::SeedableRng;

    use super::*;
    use crate::hawkes::mark::uniform;

    #[test]
    fn powers_agree_with_the_standard_library() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..100_000 {
            let h = math::pow(10f64, -12.0 + 15.0 * uniform(&mut rng));
            let x = h * std::f64::consts::LN_2;
            let (lost, left) = lost_and_remaining(h);
            assert!((lost / -math::expm1(-x) - 1.0).abs() < 5e-16, "1 - 2^-{h}: {lost}");
            assert!((left / math::exp2(-h) - 1.0).abs() < 4e-16, "2^-{h}: {left}");
            let off = 1e-6 * (1.0 - math::exp2(-h)) * (1.0 + h) + 2e-16;
            assert!((remaining_approx(h) / math::exp2(-h) - 1.0).abs() < off, "about 2^-{h}");
        }
        assert_eq!((lost_and_remaining(0.0), remaining_approx(0.0)), ((0.0, 1.0), 1.0));
        let (lost, left) = lost_and_remaining(f64::MAX);
        assert!(lost == 1.0 && left > 0.0 && left < 1e-300);
    }

    #[test]
    fn logarithms_agree_with_the_standard_library() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let near_one = (0..2000).map(|i| 1.0 + f64::from(i - 1000) * 1e-12);
        let any = (0..100_000).map(|_| math::pow(10f64, 600.0 * uniform(&mut rng) - 300.0));
        let ends =
            [f64::MIN_POSITIVE, f64::MAX, 1.0 - f64::EPSILON / 2.0, 0.5, 2.0, 0.7071067811865475];
        let drawn: Vec<f64> = {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            (0..100_000).map(|_| uniform(&mut rng)).collect()
        };
        for x in near_one.chain(any).chain(ends).chain(drawn) {
            let (found, expected) = (ln(x), math::ln(x));
            let off = (found - expected).abs();
            assert!(off <= 4.5e-16 * expected.abs(), "ln {x}: {found} {expected}");
        }
        assert_eq!(ln(1.0), 0.0);
        for whole in [0, 1, 77, 1 << 32, (1 << 32) - 1, (1 << 53) - 1, 1 << 53, 123_456_789_012_345]
        {
            assert_eq!(counted(whole), whole as f64);
        }
        for h in (0..4000).map(|i| f64::from(i) / 100.0) {
            assert!((doubled(h) / math::exp2(h) - 1.0).abs() < 5e-16, "2^{h}");
        }
    }

    #[test]
    fn the_logarithm_of_a_product_is_the_sum_of_logarithms() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for size in [0.0, 3.0, 300.0, 307.0] {
            let (mut product, mut sum) = (Product::<1>::one(), 0.0);
            let every = safe_factors(math::pow(10f64, -size), math::pow(10f64, size));
            let mut often = Product::<1>::one();
            for _ in 0..2000 {
                for _ in 0..every {
                    let x = math::pow(10f64, size * (2.0 * uniform(&mut rng) - 1.0));
                    product.mantissa[0] *= x;
                    often.mantissa[0] *= x;
                    often.normalize();
                    sum += math::ln(x);
                }
                product.normalize();
            }
            let found = product.ln(0);
            assert_eq!(found, often.ln(0), "the product depends on when it is normalized");
            assert!((found - sum).abs() < 1e-8 * (1.0 + size), "{size}: {found} {sum}");
        }
    }
}
