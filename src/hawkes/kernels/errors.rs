//! The parameters of a fit by their names in the literature, and their standard errors.

use super::fit::Fitted;
use super::model::{Family, Parameters, Precision};
use super::newton::{VARIABLES, inverse};
use super::objective::{Objective, SHARE};
use super::observed::Observed;
use crate::math;

impl Fitted {
    /// Standard errors of the parameters of [`Fitted::named`], in that order, from the observed information; `None`
    /// where it is not positive definite. Parameters at a bound are taken as given, and have the error 0.
    pub fn standard_errors(&self, cascades: &[Observed], threads: usize) -> Option<Vec<f64>> {
        let objective = Objective {
            family: self.family,
            cascades,
            marked: self.parameters.marked,
            finite: self.parameters.population.is_finite() || self.variables.contains(&SHARE),
            precision: if self.approximate { Precision::Approximate } else { Precision::Exact },
            threads,
        };
        let (n, point, mixed) = objective.information(&self.at);
        // ln κ takes the place of a variable that is not free: there is always one, as free ones are at most
        // the mark exponent, the shape and the share.
        let spare = (0..VARIABLES).find(|i| !self.variables.contains(i))?;
        let mut matrix = point.hessian;
        for i in 0..VARIABLES {
            matrix[spare][i] = mixed[i];
            matrix[i][spare] = mixed[i];
        }
        matrix[spare][spare] = n;
        let mut over = self.interior.clone();
        over.push(spare);
        let covariance = inverse(&matrix, &over)?;
        let deviation = |direction: &[(usize, f64)]| {
            let each = direction
                .iter()
                .flat_map(|&(i, a)| direction.iter().map(move |&(j, b)| (i, j, a * b)));
            // Rows of variables that are given are 0.
            each.map(|(i, j, ab)| ab * covariance[i][j]).sum::<f64>().max(0.0).sqrt()
        };
        let free = |i: usize| self.interior.contains(&i);
        let named = self.named();
        let mut errors = Vec::new();
        for (name, value) in &named {
            let error = match (*name, self.family) {
                ("K", Family::PowerLaw) => {
                    // ln K = ln κ + ln θ + θ ln c.
                    let theta = math::exp(self.at[2]);
                    let direction = [(spare, 1.0), (1, theta), (2, 1.0 + theta * self.at[1])];
                    value * deviation(&direction)
                }
                ("K", _) => value * deviation(&[(spare, 1.0)]),
                ("beta", _) if free(0) => deviation(&[(0, 1.0)]),
                ("c", _) => value * deviation(&[(1, 1.0)]),
                ("theta", Family::Exponential) => value * deviation(&[(1, 1.0)]),
                ("theta", _) => value * deviation(&[(2, 1.0)]),
                ("N", _) if free(SHARE) => value * deviation(&[(SHARE, self.at[SHARE].recip())]),
                // Given or at a bound.
                ("beta" | "N", _) => 0.0,
                (name, Family::SumExp(terms)) => {
                    let k = usize::from(name.as_bytes()[name.len() - 1] - b'1');
                    match name.starts_with('K') {
                        true if k + 1 < terms => value * deviation(&[(spare, 1.0), (1 + k, 1.0)]),
                        true => value * deviation(&[(spare, 1.0)]),
                        false => value * deviation(&[(terms + k, 1.0)]),
                    }
                }
                _ => 0.0,
            };
            errors.push(error);
        }
        Some(errors)
    }

    /// The parameters by the names of the literature.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        const WEIGHTS: [&str; 3] = ["K1", "K2", "K3"];
        const RATES: [&str; 3] = ["theta1", "theta2", "theta3"];
        let Parameters { scale, coords, marked, population } = self.parameters;
        let mut named = Vec::new();
        match self.family {
            Family::Exponential => named.extend([("K", scale), ("theta", math::exp(coords[1]))]),
            Family::PowerLaw => {
                let (c, theta) = (math::exp(coords[1]), math::exp(coords[2]));
                named.extend([
                    ("K", scale * theta * math::pow(c, theta)),
                    ("c", c),
                    ("theta", theta),
                ]);
            }
            Family::SumExp(terms) => {
                for k in 0..terms {
                    let weight = if k + 1 < terms { math::exp(coords[1 + k]) } else { 1.0 };
                    named.push((WEIGHTS[k], scale * weight));
                    named.push((RATES[k], math::exp(coords[terms + k])));
                }
            }
            Family::Seismic => named.push(("K", scale)),
        }
        if marked {
            named.push(("beta", coords[0]));
        }
        if population.is_finite() {
            named.push(("N", population));
        }
        named
    }
}
