//! Arithmetic for loops over lanes, which the compiler turns into vector instructions.
//!
//! Only operations that IEEE 754 rounds in one way, and no fused multiply-add: every instruction set gives
//! the same bits.

/// How many numbers go together.
pub(crate) const LANES: usize = 8;

/// One number a lane.
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

/// The same with fewer terms: relative error 5e-7.
const ROUGH: [f64; 5] = [
    std::f64::consts::LN_2,
    0.24022349037778712,
    0.055503810137725505,
    0.009666368534722615,
    0.0013381302556450426,
];

/// After so many half-lives so little is left that less would be no normal number.
const LONGEST: f64 = 1020.0;
/// Added to a small number, it leaves the nearest whole number in the last bits.
const ROUNDER: f64 = 6755399441055744.0;

/// What is lost, 1 − 2^−h, and what is left, 2^−h, after h ≥ 0 half-lives.
///
/// The relative error is some units of the last digit, for what is left some h more. −h = k + f makes
/// 2^−h = 2ᵏ (1 + (2ᶠ − 1)): the first part is put together without cancellation.
#[inline(always)]
pub(crate) fn lost_and_left(half_lives: f64) -> (f64, f64) {
    let (shifted, f) = split(half_lives);
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()));
    let grown = power * (series(&FINE, f) * f);
    (1.0 - power - grown, power + grown)
}

/// What is left, 2^−h, roughly: as if h were known to 5e-7.
#[inline(always)]
pub(crate) fn roughly_left(half_lives: f64) -> f64 {
    let (shifted, f) = split(half_lives);
    let left = 1.0 + series(&ROUGH, f) * f;
    f64::from_bits(left.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// The nearest whole number k to −h, in the last bits of a number, and f = −h − k.
#[inline(always)]
fn split(half_lives: f64) -> (f64, f64) {
    let minus = if -half_lives > -LONGEST { -half_lives } else { -LONGEST };
    let shifted = minus + ROUNDER;
    (shifted, minus - (shifted - ROUNDER))
}

#[inline(always)]
fn series<const TERMS: usize>(terms: &[f64; TERMS], f: f64) -> f64 {
    let mut sum = terms[TERMS - 1];
    for term in terms[..TERMS - 1].iter().rev() {
        sum = sum * f + term;
    }
    sum
}

/// The biased exponent and the mantissa, in [1, 2), of a positive, normal number.
#[inline(always)]
pub(crate) fn exponent_and_mantissa(x: f64) -> (u64, f64) {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    (bits >> 52, f64::from_bits((bits & FRACTION) | 1.0f64.to_bits()))
}

/// So many mantissas below 2 surely have a finite product.
pub(crate) const TIDY_EVERY: usize = 1000;

/// The product of many numbers in each of `N` lanes, with the exponents kept apart: the sum of their
/// logarithms for the price of a multiplication each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<const N: usize> {
    /// The product of the mantissas, to be tidied after [`TIDY_EVERY`] factors.
    pub(crate) mantissa: [f64; N],
    /// The sum of the biased exponents.
    pub(crate) exponents: [u64; N],
    /// How many exponents were added, each 1023 too large.
    factors: u64,
}

impl<const N: usize> Product<N> {
    pub(crate) fn one() -> Self {
        Self { mantissa: [1.0; N], exponents: [0; N], factors: 0 }
    }

    /// Takes the exponents out of the products, after so many factors since the last time.
    #[inline(always)]
    pub(crate) fn tidy(&mut self, factors: usize) {
        for lane in 0..N {
            let (exponent, mantissa) = exponent_and_mantissa(self.mantissa[lane]);
            self.mantissa[lane] = mantissa;
            self.exponents[lane] += exponent;
        }
        self.factors += factors as u64 + 1;
    }

    /// The logarithm of a lane's product.
    pub(crate) fn ln(&self, lane: usize) -> f64 {
        let exponent = self.exponents[lane] as i64 - 1023 * self.factors as i64;
        exponent as f64 * std::f64::consts::LN_2 + self.mantissa[lane].ln()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::hawkes::mark::uniform;

    #[test]
    fn powers_are_good_to_the_last_digits() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..100_000 {
            let h = 10f64.powf(-12.0 + 15.0 * uniform(&mut rng));
            let x = h * std::f64::consts::LN_2;
            let (lost, left) = lost_and_left(h);
            assert!((lost / -(-x).exp_m1() - 1.0).abs() < 5e-16, "1 - 2^-{h}: {lost}");
            assert!((left / (-h).exp2() - 1.0).abs() < 4e-16, "2^-{h}: {left}");
            let off = 1e-6 * (1.0 - (-h).exp2()) * (1.0 + h) + 2e-16;
            assert!((roughly_left(h) / (-h).exp2() - 1.0).abs() < off, "roughly 2^-{h}");
        }
        assert_eq!((lost_and_left(0.0), roughly_left(0.0)), ((0.0, 1.0), 1.0));
        let (lost, left) = lost_and_left(f64::MAX);
        assert!(lost == 1.0 && left > 0.0 && left < 1e-300);
    }

    #[test]
    fn the_product_is_the_sum_of_logarithms() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for size in [0.0, 3.0, 300.0] {
            let (mut product, mut sum) = (Product::<1>::one(), 0.0);
            for _ in 0..20 {
                for _ in 0..TIDY_EVERY {
                    let x = 10f64.powf(size * (2.0 * uniform(&mut rng) - 1.0));
                    let (exponent, mantissa) = exponent_and_mantissa(x);
                    product.exponents[0] += exponent;
                    product.mantissa[0] *= mantissa;
                    sum += x.ln();
                }
                product.tidy(TIDY_EVERY);
            }
            let found = product.ln(0);
            assert!((found - sum).abs() < 1e-9 * (1.0 + size), "{size}: {found} {sum}");
        }
    }
}
