//! The generating function of the size of a tree: an event and all its descendants.

use super::complex::{Complex, gamma};
use super::mark::MarkShape;
use crate::math;

/// The tree of an event and all its descendants.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// n*.
    pub(super) branching_factor: f64,
    marks: Transform,
}

impl Tree {
    pub(super) fn new(branching_factor: f64, shape: MarkShape) -> Self {
        Self { branching_factor, marks: Transform::new(shape) }
    }

    /// w = 1 − T(s) at s = e^−z: the root of w = (1 − s) + s (1 − L(n* w)).
    ///
    /// Newton's method from w = 1 (T = 0) converges for every |s| ≤ 1: its iterates are power series in s with
    /// coefficients that grow towards those of T, so the error at s is at most that at |s|, where it is
    /// quadratic (Pivoteau, Salvy & Soria, J. Combin. Theory A 119, 2012).
    pub(super) fn missing(&self, z: Complex) -> Complex {
        let minus = Complex::ZERO - z;
        let (s, rest) = (minus.exp(), Complex::ZERO - minus.exp_m1());
        let mut w = Complex::ONE;
        for _ in 0..100 {
            let (value, slope) = self.marks.complement(w.scale(self.branching_factor));
            let error = w - rest - s * value;
            let step = error * (Complex::ONE - (s * slope).scale(self.branching_factor)).inverse();
            w = w - step;
            if step.square_norm() <= 1e-28 * w.square_norm() {
                break;
            }
        }
        w
    }

    /// The probability that the trees of a Poisson number of roots of mean `roots` are finite.
    pub(super) fn extinction(&self, roots: f64) -> f64 {
        if self.branching_factor <= 1.0 {
            1.0
        } else {
            math::exp(-roots * self.missing(Complex::ZERO).re)
        }
    }
}

/// 1 − L for the Laplace transform L of marks of mean 1.
#[derive(Clone, Debug)]
enum Transform {
    Constant,
    /// With the tail index a = exponent − 1, the smallest mark (a − 1)/a, and a Γ(−a).
    PowerLaw {
        index: f64,
        smallest: f64,
        gamma: f64,
    },
}

impl Transform {
    fn new(shape: MarkShape) -> Self {
        let MarkShape::PowerLaw(exponent) = shape else { return Self::Constant };
        // Γ has poles at whole indices, where the law itself is smooth.
        let index = exponent - 1.0;
        let near = (index - index.round()).abs() < 1e-5;
        let index = if near { index.round() + 1e-5 } else { index };
        Self::PowerLaw { index, smallest: (index - 1.0) / index, gamma: index * gamma(-index) }
    }

    /// 1 − L(z) and its derivative, for |z| of some units.
    ///
    /// For the power law L(z) = a yᵃ Γ(−a, y) with y = z (a − 1)/a, and
    /// Γ(−a, y) = Γ(−a) − y^−a Σ (−y)ⁿ/(n! (n − a)): the terms for n = 0 and 1 make 1 − z.
    fn complement(&self, z: Complex) -> (Complex, Complex) {
        let Self::PowerLaw { index: a, smallest, gamma } = *self else {
            let minus = Complex::ZERO - z;
            return (Complex::ZERO - minus.exp_m1(), minus.exp());
        };
        if z == Complex::ZERO {
            return (z, Complex::ONE);
        }
        let y = z.scale(smallest);
        let singular = y.ln().scale(a).exp().scale(gamma);
        let mut value = z - singular;
        let mut slope = Complex::ONE - (singular * z.inverse()).scale(a);
        // (−y)ⁿ⁻¹/(n − 1)!
        let mut term = Complex::ZERO - y;
        for n in 2..100 {
            let n = f64::from(n);
            slope = slope - term.scale(a * smallest / (n - a));
            term = (term * y).scale(-1.0 / n);
            value = value + term.scale(a / (n - a));
            if term.square_norm() <= 1e-34 * value.square_norm() {
                break;
            }
        }
        (value, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// E exp(−z m) by the midpoint rule over the quantiles of m, finer where marks are large.
    #[test]
    fn the_transform_is_that_of_the_power_law() {
        for exponent in [2.1, 2.4, 3.0, 3.5, 6.0] {
            let a: f64 = exponent - 1.0;
            let transform = Transform::new(MarkShape::PowerLaw(exponent));
            for z in [0.001, 0.1, 0.9, 1.9] {
                // u = e^−x: m = (a − 1)/a e^(x/a).
                let (steps, width) = (400_000, 1e-4);
                let sum: f64 = (0..steps)
                    .map(|i| {
                        let x = (f64::from(i) + 0.5) * width;
                        let mark = (a - 1.0) / a * math::exp(x / a);
                        -math::expm1(-z * mark) * math::exp(-x) * width
                    })
                    .sum();
                let (found, _) = transform.complement(Complex::new(z, 0.0));
                let tolerance = if exponent == 3.0 { 1e-4 } else { 1e-6 };
                assert!(
                    (found.re / sum - 1.0).abs() < tolerance,
                    "{exponent} {z}: {found:?} {sum}"
                );
            }
        }
    }

    #[test]
    fn the_derivative_agrees_with_finite_differences() {
        for shape in [MarkShape::Constant, MarkShape::PowerLaw(2.4), MarkShape::PowerLaw(5.3)] {
            let transform = Transform::new(shape);
            for (re, im) in [(0.2, 0.0), (0.5, 0.7), (1.0, -0.9), (0.01, 0.0)] {
                let step = 1e-6;
                let at = |by: f64| transform.complement(Complex::new(re + by, im)).0;
                let slope = (at(step) - at(-step)).scale(0.5 / step);
                let (_, found) = transform.complement(Complex::new(re, im));
                assert!((slope - found).square_norm() < 1e-16, "{shape:?} {re} {im}: {found:?}");
            }
        }
    }

    /// A tree of Poisson children, of mean n*, is finite with the smallest probability q = exp(n* (q − 1)).
    #[test]
    fn a_supercritical_tree_is_finite_with_the_extinction_probability() {
        for n_star in [1.01f64, 1.5, 3.0] {
            let q = 1.0 - Tree::new(n_star, MarkShape::Constant).missing(Complex::ZERO).re;
            assert!(q < 0.99 && (q - math::exp(n_star * (q - 1.0))).abs() < 1e-12, "{n_star}: {q}");
        }
    }
}
