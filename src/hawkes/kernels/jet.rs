//! A value with its first and second derivatives by the shape coordinates of a kernel.

use crate::math;

/// The largest number of shape coordinates: the mark exponent, and 2K − 1 of a sum of K = 3 exponentials.
pub(crate) const DIM: usize = 6;

/// The shape coordinates; those a family does not have are 0. The first is the mark exponent.
pub(crate) type Coords = [f64; DIM];

/// A value, its gradient and its Hessian.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Jet {
    pub(crate) value: f64,
    pub(crate) gradient: [f64; DIM],
    pub(crate) hessian: [[f64; DIM]; DIM],
}

impl Jet {
    /// Adds `factor` times another jet.
    pub(crate) fn add(&mut self, factor: f64, other: &Self) {
        self.value += factor * other.value;
        for (to, from) in self.gradient.iter_mut().zip(&other.gradient) {
            *to += factor * from;
        }
        let to = self.hessian.as_flattened_mut();
        for (to, from) in to.iter_mut().zip(other.hessian.as_flattened()) {
            *to += factor * from;
        }
    }

    /// Adds the logarithm of a jet whose first `dim` coordinates are used.
    pub(crate) fn add_log(&mut self, of: &Self, dim: usize) {
        let inverse = of.value.recip();
        self.value += math::ln(of.value);
        for a in 0..dim {
            let slope = of.gradient[a] * inverse;
            self.gradient[a] += slope;
            for b in 0..=a {
                let second = of.hessian[a][b] * inverse - slope * of.gradient[b] * inverse;
                self.hessian[a][b] += second;
                if a != b {
                    self.hessian[b][a] += second;
                }
            }
        }
    }

    /// A jet in three coordinates; the second derivatives are in the order of [`PLACES`].
    pub(crate) fn of_three((value, gradient, hessian): (f64, [f64; 3], [f64; 6])) -> Self {
        let mut jet = Self { value, ..Self::default() };
        jet.gradient[..3].copy_from_slice(&gradient);
        PLACES.into_iter().zip(hessian).for_each(|((a, b), of)| jet.set(a, b, of));
        jet
    }

    /// Sets a second derivative, and the one of exchanged coordinates.
    pub(crate) fn set(&mut self, a: usize, b: usize, value: f64) {
        self.hessian[a][b] = value;
        self.hessian[b][a] = value;
    }
}

/// Σ ln S of many jets in three coordinates, without their zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSum {
    logs: f64,
    /// Intensities whose logarithms are not yet in `logs`.
    product: f64,
    gradient: [f64; 3],
    hessian: [f64; 6],
}

/// The places of the second derivatives that [`LogSum`] holds.
const PLACES: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];

impl LogSum {
    pub(crate) fn new() -> Self {
        Self { logs: 0.0, product: 1.0, gradient: [0.0; 3], hessian: [0.0; 6] }
    }

    /// Adds ln S, given S above 1e-90, its gradient, and its second derivatives in the order of [`PLACES`].
    #[inline(always)]
    pub(crate) fn add(&mut self, value: f64, gradient: [f64; 3], hessian: [f64; 6]) {
        let inverse = value.recip();
        self.product *= value;
        if !(1e-100..=1e100).contains(&self.product) {
            self.logs += math::ln(self.product);
            self.product = 1.0;
        }
        let slopes = gradient.map(|of| of * inverse);
        for (to, slope) in self.gradient.iter_mut().zip(slopes) {
            *to += slope;
        }
        for ((to, of), (a, b)) in self.hessian.iter_mut().zip(hessian).zip(PLACES) {
            *to += of * inverse - slopes[a] * slopes[b];
        }
    }

    /// Adds the sum to a jet.
    pub(crate) fn add_to(&self, jet: &mut Jet) {
        jet.value += self.logs + math::ln(self.product);
        for (to, of) in jet.gradient.iter_mut().zip(self.gradient) {
            *to += of;
        }
        for ((a, b), of) in PLACES.into_iter().zip(self.hessian) {
            jet.hessian[a][b] += of;
            if a != b {
                jet.hessian[b][a] += of;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_of_an_exponential_of_a_quadratic_is_that_quadratic() {
        // exp(q) with q = 2 + 3x − y + xy at 0: value e², gradient e² q′, Hessian e² (q″ + q′ q′ᵀ).
        let e = math::exp(2f64);
        let mut jet = Jet { value: e, ..Jet::default() };
        (jet.gradient[0], jet.gradient[1]) = (3.0 * e, -e);
        jet.set(0, 0, 9.0 * e);
        jet.set(1, 1, e);
        jet.set(0, 1, e * (1.0 - 3.0));
        let mut log = Jet::default();
        log.add_log(&jet, 2);
        assert!((log.value - 2.0).abs() < 1e-15);
        assert!((log.gradient[0] - 3.0).abs() < 1e-14 && (log.gradient[1] + 1.0).abs() < 1e-14);
        assert!(log.hessian[0][0].abs() < 1e-13 && log.hessian[1][1].abs() < 1e-13);
        assert!((log.hessian[0][1] - 1.0).abs() < 1e-14 && log.hessian[0][1] == log.hessian[1][0]);
    }
}
