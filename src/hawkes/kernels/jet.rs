//! A value with its first and second derivatives by the shape coordinates of a kernel.

/// The largest number of shape coordinates: the mark exponent, and 2K − 1 of a sum of K = 4 exponentials.
pub(crate) const DIM: usize = 8;

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
        self.value += of.value.ln();
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

    /// Sets a second derivative, and the one of exchanged coordinates.
    pub(crate) fn set(&mut self, a: usize, b: usize, value: f64) {
        self.hessian[a][b] = value;
        self.hessian[b][a] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_of_an_exponential_of_a_quadratic_is_that_quadratic() {
        // exp(q) with q = 2 + 3x − y + xy at 0: value e², gradient e² q′, Hessian e² (q″ + q′ q′ᵀ).
        let e = 2f64.exp();
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
