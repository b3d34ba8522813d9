//! Confidence intervals from the profile likelihood: the values of a parameter for which the maximum over all others
//! is within χ²/2 of the global one. They do not depend on the coordinates of the parameter.

use super::fit::{Fitted, Model};
use super::model::{Family, Precision};
use super::newton::{Vector, minimise};
use super::objective::SHARE;
use super::observed::Observed;
use crate::math;

/// Half the 95 % quantile of χ² with one degree of freedom.
const DROP: f64 = 3.841_458_820_694_124 / 2.0;
/// Widest search in a coordinate, which is logarithmic but for the mark exponent and the share.
const REACH: f64 = 12.0;

/// An interval with the probability 0.95, by the name of its parameter.
pub(crate) type NamedInterval = (&'static str, [f64; 2]);

impl Model {
    /// Profile intervals of the parameters but the factor K, of which only that of an exponential kernel is a
    /// coordinate. An end is at the bound of the parameter where the likelihood does not fall by enough.
    pub(crate) fn profile(&self, cascades: &[Observed], fitted: &Fitted) -> Vec<NamedInterval> {
        let names: Vec<(&'static str, usize)> = match self.family {
            Family::Exponential => vec![("theta", 1)],
            Family::PowerLaw => vec![("c", 1), ("theta", 2)],
            Family::SumExp(_) | Family::Seismic => vec![],
        };
        let all = names.into_iter().chain([("beta", 0), ("N", SHARE)]);
        let events = cascades.iter().map(Observed::len).sum::<usize>() as f64;
        all.filter(|(_, i)| fitted.variables.contains(i))
            .map(|(name, i)| {
                let ends = [-1.0, 1.0].map(|side| self.end(cascades, fitted, i, side));
                let ends = match name {
                    "beta" => ends,
                    "N" => [events / ends[1], events / ends[0]],
                    _ => ends.map(math::exp),
                };
                (name, ends)
            })
            .collect()
    }

    /// The value of variable `i` on one side of the maximum where the profile has fallen by [`DROP`].
    fn end(&self, cascades: &[Observed], fitted: &Fitted, i: usize, side: f64) -> f64 {
        let precision = if fitted.approximate { Precision::Approximate } else { Precision::Exact };
        let objective = self.objective(cascades, precision);
        let bounds = self.bounds();
        let rest: Vec<usize> = fitted.variables.iter().filter(|v| **v != i).copied().collect();
        let top = -fitted.log_likelihood;
        let mut from: Vector = fitted.at;
        let mut fall = |x: f64| {
            from[i] = x;
            let found = minimise(|at| objective.at(at), &rest, &bounds, from, 1e-9);
            from = found.at;
            found.point.value - top - DROP
        };
        let middle = fitted.at[i];
        let last = if side < 0.0 {
            bounds[i][0].max(middle - REACH)
        } else {
            bounds[i][1].min(middle + REACH)
        };
        // Doubles the distance until the profile has fallen, then halves the bracket.
        let (mut inside, mut distance) = (middle, 0.05);
        let mut outside = loop {
            let x = if distance < (last - middle).abs() { middle + side * distance } else { last };
            if fall(x) > 0.0 {
                break x;
            }
            if x == last {
                return last;
            }
            inside = x;
            distance *= 2.0;
        };
        for _ in 0..20 {
            let x = (inside + outside) / 2.0;
            if fall(x) > 0.0 { outside = x } else { inside = x }
        }
        (inside + outside) / 2.0
    }
}
