//! The negative log-likelihood of cascades as a function of the free coordinates, with the best κ.
//!
//! With n explained events, κ = n/(D − D₁/N) maximises the likelihood for given shape and population, and the
//! negative log-likelihood there is n − n ln n + n ln (D − D₁/N) − L − Σ ln(1 − (i−1)/N). The population is
//! represented by ρ = n/N between 0 (infinite) and 1, in which the likelihood is smooth at 0.

use super::jet::{Coords, DIM};
use super::model::{Family, Parameters, Precision};
use super::newton::{Point, VARIABLES, Vector};
use super::observed::Observed;
use super::sums::Sums;
use crate::math;
use crate::parallel::in_parallel;

/// The variable ρ = n/N.
pub(crate) const SHARE: usize = DIM;

/// A likelihood over one or more cascades; a finite population belongs to one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objective<'a> {
    pub(crate) family: Family,
    pub(crate) cascades: &'a [Observed],
    pub(crate) marked: bool,
    pub(crate) finite: bool,
    pub(crate) precision: Precision,
    pub(crate) threads: usize,
}

impl Objective<'_> {
    /// Parameters with the scale 1.
    pub(crate) fn parameters(&self, at: &Vector) -> Parameters {
        let mut coords: Coords = [0.0; DIM];
        coords.copy_from_slice(&at[..DIM]);
        let events: usize = self.cascades.iter().map(Observed::len).sum();
        let population = if self.finite { events as f64 / at[SHARE] } else { f64::INFINITY };
        Parameters { scale: 1.0, coords, marked: self.marked, population }
    }

    pub(crate) fn sums(&self, at: &Vector) -> Sums {
        let parameters = self.parameters(at);
        let sums = |observed: &Observed, threads| {
            self.family.sums(observed, &parameters, self.precision, self.finite, threads)
        };
        if let [one] = self.cascades {
            return sums(one, self.threads);
        }
        let mut total = Sums::default();
        let parts = in_parallel(self.cascades, self.threads, |observed| sums(observed, 1));
        parts.iter().for_each(|part| total.add(part));
        total
    }

    /// The profile of the negative log-likelihood over κ.
    pub(crate) fn at(&self, at: &Vector) -> Point {
        let sums = self.sums(at);
        let n = sums.explained;
        let (d, slope, curvature) = self.compensator(&sums, at);
        let mut point = self.fixed(&sums, at);
        if n > 0.0 {
            point.scale = n / d;
            point.value += n - n * math::ln(n) + n * math::ln(d);
            for (a, row) in curvature.iter().enumerate() {
                point.gradient[a] += n * slope[a] / d;
                for (b, of) in row.iter().enumerate() {
                    let second = of / d - slope[a] * slope[b] / (d * d);
                    point.hessian[a][b] += n * second;
                }
            }
        }
        point
    }

    /// The observed information in ln κ (in the place of `VARIABLES`) and the variables: the Hessian of the
    /// negative log-likelihood at the κ that the sums determine.
    pub(crate) fn information(&self, at: &Vector) -> (f64, Point, Vector) {
        let sums = self.sums(at);
        let (d, slope, curvature) = self.compensator(&sums, at);
        let kappa = sums.explained / d;
        let mut point = self.fixed(&sums, at);
        let to = point.hessian.as_flattened_mut().iter_mut();
        to.zip(curvature.as_flattened()).for_each(|(to, of)| *to += kappa * of);
        (sums.explained, point, slope.map(|by| kappa * by))
    }

    /// D − ρ D₁/n with its derivatives.
    fn compensator(&self, sums: &Sums, at: &Vector) -> (f64, Vector, [Vector; VARIABLES]) {
        let mut slope = [0.0; VARIABLES];
        let mut curvature = [[0.0; VARIABLES]; VARIABLES];
        let mut jet = sums.compensator;
        let n: usize = self.cascades.iter().map(Observed::len).sum();
        if self.finite {
            let per = (n as f64).recip();
            jet.add(-at[SHARE] * per, &sums.depleted);
            slope[SHARE] = -per * sums.depleted.value;
            for (a, of) in sums.depleted.gradient.iter().enumerate() {
                curvature[a][SHARE] = -per * of;
                curvature[SHARE][a] = -per * of;
            }
        }
        slope[..DIM].copy_from_slice(&jet.gradient);
        for (row, of) in curvature.iter_mut().zip(&jet.hessian) {
            row[..DIM].copy_from_slice(of);
        }
        (jet.value, slope, curvature)
    }

    /// −L − Σ ln(1 − (i−1) ρ/n): the part without κ.
    fn fixed(&self, sums: &Sums, at: &Vector) -> Point {
        let l = &sums.log_intensity;
        let mut point = Point {
            value: -l.value,
            gradient: [0.0; VARIABLES],
            hessian: [[0.0; VARIABLES]; VARIABLES],
            scale: 0.0,
        };
        for a in 0..DIM {
            point.gradient[a] = -l.gradient[a];
            for b in 0..DIM {
                point.hessian[a][b] = -l.hessian[a][b];
            }
        }
        if self.finite {
            for observed in self.cascades {
                let n = observed.len() as f64;
                for before in observed.given..observed.len() {
                    let part = before as f64 / n;
                    let left = 1.0 - at[SHARE] * part;
                    point.value -= math::ln(left);
                    point.gradient[SHARE] += part / left;
                    point.hessian[SHARE][SHARE] += (part / left).powi(2);
                }
            }
        }
        point
    }
}
