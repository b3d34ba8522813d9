//! The complex arithmetic of generating functions.

use crate::math;
use std::f64::consts::PI;
use std::ops::{Add, Mul, Sub};

/// x + iy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const ZERO: Self = Self { re: 0.0, im: 0.0 };
    pub(super) const ONE: Self = Self { re: 1.0, im: 0.0 };

    pub(super) fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }

    pub(super) fn scale(self, by: f64) -> Self {
        Self { re: by * self.re, im: by * self.im }
    }

    /// |z|².
    pub(super) fn square_norm(self) -> f64 {
        self.re * self.re + self.im * self.im
    }

    pub(super) fn inverse(self) -> Self {
        let norm = self.square_norm();
        Self { re: self.re / norm, im: -self.im / norm }
    }

    pub(super) fn exp(self) -> Self {
        let (sin, cos) = math::sincos(self.im);
        Self { re: cos, im: sin }.scale(math::exp(self.re))
    }

    /// e^z − 1, without cancellation near 0.
    pub(super) fn exp_m1(self) -> Self {
        let half = math::sin(self.im / 2.0);
        let re = math::expm1(self.re) * math::cos(self.im) - 2.0 * half * half;
        Self { re, im: math::exp(self.re) * math::sin(self.im) }
    }

    /// The principal value of ln z.
    pub(super) fn ln(self) -> Self {
        Self { re: math::ln(self.square_norm()) / 2.0, im: math::atan2(self.im, self.re) }
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }
}

/// Γ(x) for any real x but 0, −1, −2, …: Stirling's series for x ≥ 20, and Γ(x + 1) = x Γ(x) for smaller x.
pub(super) fn gamma(x: f64) -> f64 {
    let (mut shifted, mut product) = (x, 1.0);
    while shifted < 20.0 {
        product *= shifted;
        shifted += 1.0;
    }
    let r = 1.0 / (shifted * shifted);
    let series = (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r / 1680.0))) / shifted;
    math::exp((shifted - 0.5) * math::ln(shifted) - shifted + math::ln(2.0 * PI) / 2.0 + series)
        / product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_agrees_with_tabulated_values() {
        for (x, expected) in
            [(0.5, PI.sqrt()), (5.0, 24.0), (-1.4, 2.659_271_872_882_33), (-0.5, -2.0 * PI.sqrt())]
        {
            assert!((gamma(x) / expected - 1.0).abs() < 1e-12, "{x}: {}", gamma(x));
        }
    }

    #[test]
    fn functions_agree_with_their_inverses() {
        for (re, im) in [(0.3, 0.4), (-1e-9, 2e-9), (-3.0, 3.1), (2.0, -1.0)] {
            let z = Complex::new(re, im);
            for (found, expected) in [
                (z.exp().ln(), z),
                (z * z.inverse(), Complex::ONE),
                (z.exp_m1() + Complex::ONE, z.exp()),
            ] {
                assert!((found - expected).square_norm() < 1e-28, "{z:?}: {found:?}");
            }
        }
    }
}
