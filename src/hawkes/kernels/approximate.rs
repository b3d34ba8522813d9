//! The power law as a sum of exponentials with a proven error: its sums in O(n K) instead of O(n²).
//!
//! With σ = s + c, Euler's integral and x = e^u give
//!
//! ```text
//! σ^−(1+θ) Γ(1+θ) = ∫ x^θ e^(−σx) dx = ∫ f(u) du,    f(u) = exp((1+θ) u − σ e^u),    u from −∞ to ∞
//! ```
//!
//! and the trapezoidal rule with the step h replaces the integral by h Σ f(h k): exponentials in s with the rates
//! e^(hk), which do not depend on c and θ. Three errors, each relative to the kernel and uniform in s ≥ 0:
//!
//! - the step: in the strip |Im u| ≤ d < π/2 the integral of |f| on a line is at most Γ(1+θ) (σ cos d)^−(1+θ), so
//!   the error is at most 2 (cos d)^−(1+θ)/(e^(2πd/h) − 1) (Trefethen and Weideman, SIAM Review 2014);
//! - nodes left of u₀, where f rises: at most ((T+c) e^(u₀))^(1+θ)/Γ(2+θ) for lags up to T;
//! - nodes right of u₁, where f falls: at most Γ(1+θ, X)/Γ(1+θ) ≤ X^θ e^(−X)/((1 − θ/X) Γ(1+θ)), X = c e^(u₁) > θ.
//!
//! A relative error ε of the kernel is one of every intensity, so the log-likelihood is off by at most n ε (to first
//! order); the compensator is computed exactly, but for a finite population, where it is off by a share ε.

use std::f64::consts::{LOG2_E, PI};

use pulp::{Arch, Simd, WithSimd};

use super::gamma::log_gamma;
use super::jet::{Jet, LogSum};
use super::observed::Observed;
use super::power_law::{Shape, compensator};
use super::sums::Sums;
use crate::hawkes::arithmetic::{LANES, Lanes, lost_and_remaining};
use crate::math;

/// The relative error of the kernel where a fit uses the approximation.
pub(crate) const TOLERANCE: f64 = 1e-8;

/// Moments of the weights: 1, p, r, p², p r, r² with p = b c and r = ∂y ln a/θ.
const MOMENTS: usize = 6;

/// The exponentials Σ a_k exp(−b_k s), padded with zeros to whole lanes.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    rates: Vec<f64>,
    /// a_k times the moments.
    weights: [Vec<f64>; MOMENTS],
}

impl Nodes {
    /// Exponentials within `tolerance` of the kernel at lags up to `reach`.
    pub(crate) fn new(shape: Shape, reach: f64, tolerance: f64) -> Self {
        let Shape { c, theta } = shape;
        let step = step(theta, tolerance / 2.0);
        let [log_gamma_of, digamma, _] = log_gamma(theta);
        let log_gamma_next = log_gamma_of + math::ln(theta);
        // ln of ((T+c) e^u)^(1+θ)/Γ(2+θ) ≤ ε/4.
        let room = math::ln(tolerance / 4.0) + log_gamma_next + math::ln(1.0 + theta);
        let left = room / (1.0 + theta) - math::ln(reach + c);
        let mut x = 1.0 + 2.0 * theta;
        while theta * math::ln(x) - x - math::ln(1.0 - theta / x) - log_gamma_next
            > math::ln(tolerance / 4.0)
        {
            x += 0.25;
        }
        let right = math::ln(x / c);
        let (first, last) = ((left / step).floor() as i64, (right / step).ceil() as i64);
        let count = usize::try_from(last - first + 1).unwrap_or(1);
        let padded = count.next_multiple_of(LANES);
        let mut nodes =
            Self { rates: vec![0.0; padded], weights: std::array::from_fn(|_| vec![0.0; padded]) };
        for k in 0..count {
            let u = step * (first + k as i64) as f64;
            let rate = math::exp(u);
            let p = rate * c;
            let a = math::exp(
                math::ln(step) + theta * math::ln(c) - log_gamma_of + (1.0 + theta) * u - p,
            );
            let r = math::ln(c) - digamma + u;
            nodes.rates[k] = rate;
            for (to, of) in nodes.weights.iter_mut().zip([1.0, p, r, p * p, p * r, r * r]) {
                to[k] = a * of;
            }
        }
        nodes
    }

    /// The number of exponentials, with the padding.
    pub(crate) fn len(&self) -> usize {
        self.rates.len()
    }

    /// The kernel at a lag.
    #[cfg(test)]
    pub(super) fn kernel(&self, lag: f64) -> f64 {
        self.weights[0].iter().zip(&self.rates).map(|(a, b)| a * math::exp(-b * lag)).sum()
    }
}

/// The largest step whose error is at most `tolerance`, to a percent.
fn step(theta: f64, tolerance: f64) -> f64 {
    let error = |h: f64| {
        // The bound is smallest where (1+θ) tan d = 2π/h.
        let d = math::atan(2.0 * PI / (h * (1.0 + theta)));
        math::expm1(2.0 * PI * d / h).recip() * 2.0 * math::pow(math::cos(d), -1.0 - theta)
    };
    let mut h = 1.0;
    while error(h) > tolerance {
        h *= 0.99;
    }
    h
}

/// The derivatives of Σ a_k X_k from its moments; the last four are in ℓ: ℓ, ℓ², ℓ p, ℓ r.
#[inline(always)]
fn combined(
    [one, p, r, pp, pr, rr, l, ll, lp, lr]: [f64; 10],
    t: f64,
    trigamma: f64,
) -> (f64, [f64; 3], [f64; 6]) {
    let hessian = [
        ll,
        t * l - lp,
        t * lr,
        t * t * one - (2.0 * t + 1.0) * p + pp,
        t * (one + t * r - pr),
        t * t * (rr - trigamma * one) + t * r,
    ];
    (one, [l, t * one - p, t * r], hessian)
}

/// The sums, within the tolerance.
pub(crate) fn sums(
    observed: &Observed,
    exponent: Option<f64>,
    shape: Shape,
    finite: bool,
    tolerance: f64,
) -> Sums {
    let mut sums = Sums::default();
    let [Some(first), Some(last)] = [observed.times.first(), observed.times.last()] else {
        return sums;
    };
    let weights = observed.weights(exponent);
    let marked = exponent.is_some();
    let nodes = Nodes::new(shape, last - first, tolerance);
    let trigamma = log_gamma(shape.theta)[2];
    let mut rows = vec![[0.0; 10]; observed.len()];
    let mut lost = [const { Vec::new() }; 3];
    Arch::new().dispatch(Pass {
        observed,
        weights: &weights,
        nodes: &nodes,
        marked,
        rows: &mut rows,
        lost: finite.then_some(&mut lost),
    });
    let mut logs = LogSum::new();
    for row in &rows[observed.given..] {
        sums.add_small(&mut logs, 1.0, combined(*row, shape.theta, trigamma));
    }
    logs.add_to(&mut sums.log_intensity);
    compensator(observed, &weights, marked, shape, &mut sums);
    if finite {
        let mut moments = [0.0; 10];
        for (k, &rate) in nodes.rates.iter().enumerate().filter(|(_, rate)| **rate > 0.0) {
            let a: [f64; MOMENTS] = std::array::from_fn(|m| nodes.weights[m][k] / rate);
            let [x, l, ll] = [lost[0][k], lost[1][k], lost[2][k]];
            for (to, a) in moments.iter_mut().zip(a) {
                *to += a * x;
            }
            moments[6] += a[0] * l;
            moments[7] += a[0] * ll;
            moments[8] += a[1] * l;
            moments[9] += a[2] * l;
        }
        // D₁ = n D − Σ_j Σ_(i<j) w_i (1 − Ψ(t_j − t_i)).
        sums.depleted.add(observed.len() as f64, &sums.compensator);
        sums.depleted.add(-1.0, &Jet::of_three(combined(moments, shape.theta, trigamma)));
    }
    sums
}

/// Σ_(i<j) w_i Ψ(t_j − t_i) for every event j, as Σ w_i less Σ w_i (1 − Ψ).
pub(crate) fn survivals(observed: &Observed, exponent: Option<f64>, shape: Shape) -> Vec<f64> {
    let [Some(first), Some(last)] = [observed.times.first(), observed.times.last()] else {
        return Vec::new();
    };
    let weights = observed.weights(exponent);
    let mut nodes = Nodes::new(shape, last - first, TOLERANCE);
    // With the weights a/b the first moment is Σ_k (a_k/b_k) X_k.
    for (weight, rate) in nodes.weights[0].iter_mut().zip(&nodes.rates) {
        *weight /= if *rate > 0.0 { *rate } else { 1.0 };
    }
    let all: f64 = nodes.weights[0].iter().sum();
    let mut rows = vec![[0.0; 10]; observed.len()];
    let pass = Pass {
        observed,
        weights: &weights,
        nodes: &nodes,
        marked: false,
        rows: &mut rows,
        lost: None,
    };
    Arch::new().dispatch(pass);
    let mut total = 0.0;
    let each = rows.iter().zip(&weights).map(|(row, weight)| {
        let survival = total * (1.0 - all) + row[0];
        total += weight;
        survival
    });
    each.collect()
}

/// A pass over the events with the excitation of every exponential.
struct Pass<'a> {
    observed: &'a Observed,
    weights: &'a [f64],
    nodes: &'a Nodes,
    marked: bool,
    rows: &'a mut [[f64; 10]],
    /// Σ_j Σ_(i<j) w_i (1 − exp(−b (t_j − t_i))) times 1, ℓ, ℓ².
    lost: Option<&'a mut [Vec<f64>; 3]>,
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if self.marked { self.run::<true>() } else { self.run::<false>() }
    }
}

impl Pass<'_> {
    #[inline(always)]
    fn run<const MARKED: bool>(self) {
        let Self { observed, weights, nodes, rows, lost, .. } = self;
        let mut states = [const { Vec::new() }; 3].map(|_: Vec<f64>| vec![0.0; nodes.len()]);
        let mut lost = lost;
        if let Some(lost) = &mut lost {
            lost.iter_mut().for_each(|lost| *lost = vec![0.0; nodes.len()]);
        }
        let mut totals = [0.0; 3];
        for i in 1..observed.len() {
            let (w, l) = (weights[i - 1], observed.log_marks[i - 1]);
            let added = [w, w * l, w * l * l];
            let gap = (observed.times[i] - observed.times[i - 1]) * LOG2_E;
            rows[i] = advance::<MARKED>(nodes, &mut states, gap, added);
            if let Some(lost) = &mut lost {
                totals.iter_mut().zip(added).for_each(|(total, added)| *total += added);
                for ((lost, state), total) in lost.iter_mut().zip(&states).zip(totals) {
                    lost.iter_mut().zip(state).for_each(|(lost, state)| *lost += total - state);
                }
            }
        }
    }
}

/// Adds an event to the excitations, lets them decay over a gap, and returns their moments.
#[inline(always)]
fn advance<const MARKED: bool>(
    nodes: &Nodes,
    states: &mut [Vec<f64>; 3],
    gap: f64,
    added: [f64; 3],
) -> [f64; 10] {
    let mut sums: [Lanes; 10] = [[0.0; LANES]; 10];
    let [x, l, ll] = states;
    for start in (0..nodes.rates.len()).step_by(LANES) {
        let range = start..start + LANES;
        let rates = &nodes.rates[range.clone()];
        let of: [&[f64]; MOMENTS] =
            std::array::from_fn(|m| &nodes.weights[m][start..start + LANES]);
        let x = &mut x[range.clone()];
        let mut left = [0.0; LANES];
        for lane in 0..LANES {
            left[lane] = lost_and_remaining(rates[lane] * gap).1;
            x[lane] = (x[lane] + added[0]) * left[lane];
        }
        for m in 0..MOMENTS {
            for lane in 0..LANES {
                sums[m][lane] += of[m][lane] * x[lane];
            }
        }
        if MARKED {
            let (l, ll) = (&mut l[range.clone()], &mut ll[range]);
            for lane in 0..LANES {
                l[lane] = (l[lane] + added[1]) * left[lane];
                ll[lane] = (ll[lane] + added[2]) * left[lane];
                sums[6][lane] += of[0][lane] * l[lane];
                sums[7][lane] += of[0][lane] * ll[lane];
                sums[8][lane] += of[1][lane] * l[lane];
                sums[9][lane] += of[2][lane] * l[lane];
            }
        }
    }
    sums.map(|lanes| {
        let [a, b, c, d, e, f, g, h] = lanes;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    })
}
