//! Sums of SEISMIC's memory kernel, which has no parameters: ψ is constant up to 300 s, then a power law.

use super::jet::Jet;
use super::observed::Observed;
use super::sums::Sums;
use crate::hawkes::seismic;

/// ψ(s).
pub(crate) fn density(lag: f64) -> f64 {
    seismic::memory(lag)
}

/// Ψ(s).
pub(crate) fn survival(lag: f64) -> f64 {
    seismic::tail(lag)
}

/// The sums over all pairs.
pub(crate) fn sums(observed: &Observed, exponent: Option<f64>, finite: bool) -> Sums {
    let weights = observed.weights(exponent);
    let marked = exponent.is_some();
    let mut sums = Sums::default();
    let log = |j: usize| if marked { observed.log_marks[j] } else { 0.0 };
    let add = |jet: &mut Jet, part: f64, log: f64| {
        jet.value += part;
        jet.gradient[0] += part * log;
        jet.hessian[0][0] += part * log * log;
    };
    for (i, &time) in observed.times.iter().enumerate() {
        let mut intensity = Jet::default();
        for (j, &weight) in weights[..i].iter().enumerate() {
            let lag = time - observed.times[j];
            add(&mut intensity, weight * density(lag), log(j));
            if finite {
                add(&mut sums.depleted, weight * survival(lag), log(j));
            }
        }
        if i >= observed.given {
            sums.add_event(&intensity, 1);
        }
        let left = survival(observed.end - time);
        add(&mut sums.compensator, weights[i] * (1.0 - left), log(i));
        let ranked = (i + 1) as f64 - observed.len() as f64 * left;
        add(&mut sums.depleted, weights[i] * ranked, log(i));
    }
    sums
}
