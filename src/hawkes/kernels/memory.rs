//! Sums of SEISMIC's memory kernel, which has no parameters: ψ is constant up to 300 s, then a power law.

use pulp::{Arch, Simd, WithSimd};

use super::jet::Jet;
use super::observed::Observed;
use super::sums::Sums;
use crate::hawkes::arithmetic::{LANES, ln, lost_and_remaining};
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
    let logs = if marked { observed.log_marks.clone() } else { vec![0.0; observed.len()] };
    let mut sums = Sums::default();
    let add = |jet: &mut Jet, part: f64, log: f64| {
        jet.value += part;
        jet.gradient[0] += part * log;
        jet.hessian[0][0] += part * log * log;
    };
    let pairs = Pairs { times: &observed.times, weights: &weights, logs: &logs };
    let mut rows = vec![[0.0; 6]; observed.len()];
    Arch::new().dispatch(Rows { pairs: &pairs, rows: &mut rows });
    for (i, row) in rows.iter().enumerate() {
        let time = observed.times[i];
        if i >= observed.given {
            let mut intensity = Jet { value: row[0], ..Jet::default() };
            intensity.gradient[0] = row[1];
            intensity.hessian[0][0] = row[2];
            sums.add_event(&intensity, 1);
        }
        let left = survival(observed.end - time);
        add(&mut sums.compensator, weights[i] * (1.0 - left), logs[i]);
        if finite {
            sums.depleted.value += row[3];
            sums.depleted.gradient[0] += row[4];
            sums.depleted.hessian[0][0] += row[5];
            let ranked = (i + 1) as f64 - observed.len() as f64 * left;
            add(&mut sums.depleted, weights[i] * ranked, logs[i]);
        }
    }
    sums
}

/// Events, their weights, and the logarithms of their marks.
struct Pairs<'a> {
    times: &'a [f64],
    weights: &'a [f64],
    logs: &'a [f64],
}

impl Pairs<'_> {
    /// Σ w ψ and Σ w Ψ over the events before event `i`, each times 1, ℓ, ℓ².
    #[inline(always)]
    fn row(&self, i: usize) -> [f64; 6] {
        let mut sums = [[0.0; LANES]; 6];
        for start in (0..i).step_by(LANES) {
            let mut lags = [0.0; LANES];
            let mut weights = [0.0; LANES];
            let mut logs = [0.0; LANES];
            let range = start..(start + LANES).min(i);
            for (lane, j) in range.enumerate() {
                lags[lane] = self.times[i] - self.times[j];
                (weights[lane], logs[lane]) = (self.weights[j], self.logs[j]);
            }
            for lane in 0..LANES {
                let [density, survival] = both(lags[lane]);
                let (d, s) = (weights[lane] * density, weights[lane] * survival);
                let l = logs[lane];
                let each = [d, d * l, d * l * l, s, s * l, s * l * l];
                for m in 0..6 {
                    sums[m][lane] += each[m];
                }
            }
        }
        sums.map(|lanes| lanes.iter().sum())
    }
}

/// ψ and Ψ at a lag.
#[inline(always)]
fn both(lag: f64) -> [f64; 2] {
    let ratio = lag / seismic::CUTOFF;
    let over = if ratio > 1.0 { ratio } else { 1.0 };
    let power = (1.0 + seismic::THETA) * std::f64::consts::LOG2_E;
    let density = seismic::DENSITY * lost_and_remaining(power * ln(over)).1;
    let late = density * lag / seismic::THETA;
    let early = 1.0 - seismic::DENSITY * lag;
    [density, if ratio > 1.0 { late } else { early }]
}

/// The rows of all events.
struct Rows<'a> {
    pairs: &'a Pairs<'a>,
    rows: &'a mut [[f64; 6]],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.rows.iter_mut().enumerate().for_each(|(i, row)| *row = self.pairs.row(i));
    }
}
