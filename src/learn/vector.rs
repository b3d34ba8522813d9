//! Vectors of the unknowns of the MAP law, with the operations that argmin's L-BFGS needs.

use argmin_math::{
    ArgminAdd, ArgminDot, ArgminL1Norm, ArgminL2Norm, ArgminMinMax, ArgminMul, ArgminSignum,
    ArgminSub, ArgminZeroLike,
};

/// The number of unknowns of the MAP law.
pub(super) const UNKNOWNS: usize = 18;

/// A point, or a gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vector(pub(super) [f64; UNKNOWNS]);

impl Vector {
    pub(super) const ZERO: Self = Self([0.0; UNKNOWNS]);

    fn map(&self, of: impl Fn(f64) -> f64) -> Self {
        Self(self.0.map(of))
    }

    fn zip(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = *self;
        out.0.iter_mut().zip(other.0).for_each(|(to, by)| *to = of(*to, by));
        out
    }
}

impl ArgminAdd<Self, Self> for Vector {
    fn add(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl ArgminAdd<f64, Self> for Vector {
    fn add(&self, other: &f64) -> Self {
        self.map(|value| value + other)
    }
}

impl ArgminSub<Self, Self> for Vector {
    fn sub(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl ArgminSub<f64, Self> for Vector {
    fn sub(&self, other: &f64) -> Self {
        self.map(|value| value - other)
    }
}

impl ArgminMul<Self, Self> for Vector {
    fn mul(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl ArgminMul<f64, Self> for Vector {
    fn mul(&self, other: &f64) -> Self {
        self.map(|value| value * other)
    }
}

impl ArgminDot<Self, f64> for Vector {
    fn dot(&self, other: &Self) -> f64 {
        self.0.iter().zip(other.0).map(|(a, b)| a * b).sum()
    }
}

impl ArgminL1Norm<f64> for Vector {
    fn l1_norm(&self) -> f64 {
        self.0.iter().map(|value| value.abs()).sum()
    }
}

impl ArgminL2Norm<f64> for Vector {
    fn l2_norm(&self) -> f64 {
        self.dot(self).sqrt()
    }
}

impl ArgminSignum for Vector {
    fn signum(self) -> Self {
        self.map(f64::signum)
    }
}

impl ArgminZeroLike for Vector {
    fn zero_like(&self) -> Self {
        Self::ZERO
    }
}

impl ArgminMinMax for Vector {
    fn min(x: &Self, y: &Self) -> Self {
        x.zip(y, f64::min)
    }

    fn max(x: &Self, y: &Self) -> Self {
        x.zip(y, f64::max)
    }
}

impl ArgminMul<Vector, Vector> for f64 {
    fn mul(&self, other: &Vector) -> Vector {
        other.map(|value| self * value)
    }
}
