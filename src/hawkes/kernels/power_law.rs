//! Sums of the power-law kernel ψ(s) = θ c^θ (s + c)^−(1+θ), over all pairs of events, in SIMD lanes.
//!
//! With v = ln(1 + s/c), q = 1/(1 + s/c) and E = exp(−(1+θ) v) the kernel is ψ = (θ/c) E and its survival function
//! Ψ = exp(−θ v) = E/q. Its derivatives by x = ln c and y = ln θ follow from
//!
//! ```text
//! ∂x ln ψ = θ − (1+θ) q     ∂y ln ψ = 1 − θ v     ∂xx = −(1+θ) q (1−q)     ∂xy = θ (1−q)     ∂yy = −θ v
//! ∂x ln Ψ = θ (1−q)         ∂y ln Ψ = −θ v        ∂xx = −θ q (1−q)         ∂xy = θ (1−q)     ∂yy = −θ v
//! ```
//!
//! so that all derivatives are combinations of the moments of E in q, v and the logarithm ℓ of the mark.

use std::f64::consts::LOG2_E;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::jet::{Jet, LogSum};
use super::observed::Observed;
use super::sums::Sums;
use crate::hawkes::arithmetic::{LANES, Lanes, ln, lost_and_remaining};
use crate::math;
use crate::parallel::in_parallel;

/// Moments: Σ w E times 1, q, v, q², q v, v², ℓ, ℓ², ℓ q, ℓ v; then Σ w Ψ times 1, v, v², ℓ, ℓ², ℓ v.
pub(super) const MOMENTS: usize = 16;

/// Coordinates of the shape.
pub(super) const X: usize = 1;
pub(super) const Y: usize = 2;

/// Events whose rows a thread takes at a time; the sum of the blocks does not depend on the threads.
const BLOCK: usize = 64;

/// c and θ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) c: f64,
    pub(crate) theta: f64,
}

/// The intensity times c/θ with its derivatives, from the moments of E.
#[inline(always)]
fn intensity(m: &[f64; MOMENTS], t: f64) -> (f64, [f64; 3], [f64; 6]) {
    let [one, q, v, qq, qv, vv, l, ll, lq, lv, ..] = *m;
    let u = 1.0 + t;
    let gradient = [l, t * one - u * q, one - t * v];
    let hessian = [
        ll,
        t * l - u * lq,
        l - t * lv,
        t * t * one - u * (1.0 + 2.0 * t) * q + u * (1.0 + u) * qq,
        2.0 * t * one - t * t * v - (1.0 + 2.0 * t) * q + t * u * qv,
        one - 3.0 * t * v + t * t * vv,
    ];
    (one, gradient, hessian)
}

/// Σ w Ψ and its derivatives, from its moments times 1, q, v, q², q v, v², ℓ, ℓ², ℓ q, ℓ v.
fn survival([one, q, v, qq, qv, vv, l, ll, lq, lv]: [f64; 10], t: f64) -> Jet {
    let mut jet = Jet { value: one, ..Jet::default() };
    jet.gradient[..3].copy_from_slice(&[l, t * (one - q), -t * v]);
    jet.set(0, 0, ll);
    jet.set(0, X, t * (l - lq));
    jet.set(0, Y, -t * lv);
    jet.set(X, X, t * t * one - t * (2.0 * t + 1.0) * q + t * (t + 1.0) * qq);
    jet.set(X, Y, t * (one - q) - t * t * (v - qv));
    jet.set(Y, Y, t * t * vv - t * v);
    jet
}

/// The moments of Ψ in the order of [`survival`]: those in q are moments of E.
fn moments_of_survival(m: &[f64; MOMENTS]) -> [f64; 10] {
    [m[10], m[0], m[11], m[1], m[2], m[12], m[13], m[14], m[6], m[15]]
}

/// The sums over all pairs.
pub(crate) fn sums(
    observed: &Observed,
    exponent: Option<f64>,
    shape: Shape,
    finite: bool,
    threads: usize,
) -> Sums {
    sums_on(Arch::new(), observed, exponent, shape, finite, threads)
}

/// The same with an instruction set.
pub(super) fn sums_on(
    arch: Arch,
    observed: &Observed,
    exponent: Option<f64>,
    shape: Shape,
    finite: bool,
    threads: usize,
) -> Sums {
    let weights = observed.weights(exponent);
    let pairs = Pairs::new(observed, &weights, exponent.is_some(), finite, shape);
    let n = observed.len();
    let blocks: Vec<Range<usize>> =
        (0..n).step_by(BLOCK).map(|start| start..(start + BLOCK).min(n)).collect();
    let factor = shape.theta / shape.c;
    let parts = in_parallel(&blocks, if n < 1000 { 1 } else { threads }, |block| {
        let mut sums = Sums::default();
        let mut rows = vec![[0.0; MOMENTS]; block.len()];
        arch.dispatch(Rows { pairs: &pairs, first: block.start, rows: &mut rows });
        let mut total = [0.0; MOMENTS];
        let mut logs = LogSum::new();
        for (i, row) in block.clone().zip(&rows) {
            if i >= observed.given {
                sums.add_small(&mut logs, factor, intensity(row, shape.theta));
            }
            total.iter_mut().zip(row).for_each(|(total, of)| *total += of);
        }
        logs.add_to(&mut sums.log_intensity);
        // The factor has the logarithm ln θ − ln c in every event; its derivatives are in those of E.
        sums.log_intensity.value += sums.explained * math::ln(factor);
        if finite {
            sums.depleted = survival(moments_of_survival(&total), shape.theta);
        }
        sums
    });
    let mut sums = Sums::default();
    parts.iter().for_each(|part| sums.add(part));
    let at_end = compensator(observed, &weights, exponent.is_some(), shape, &mut sums);
    if finite {
        finish_depleted(observed, &weights, exponent.is_some(), &at_end, &mut sums);
        let Shape { c, theta } = shape;
        let floored = sums.floored;
        sums.floored_scale.value = floored * (math::ln(theta) + theta * math::ln(c));
        sums.floored_scale.gradient[X] = floored * theta;
        sums.floored_scale.gradient[Y] = floored * (1.0 + theta * math::ln(c));
        sums.floored_scale.set(X, Y, floored * theta);
        sums.floored_scale.hessian[Y][Y] = floored * theta * math::ln(c);
    }
    sums
}

/// Computes D; returns Σ w Ψ(T − t_i).
pub(super) fn compensator(
    observed: &Observed,
    weights: &[f64],
    marked: bool,
    shape: Shape,
    sums: &mut Sums,
) -> Jet {
    let Shape { c, theta } = shape;
    let mut moments = [0.0; 10];
    let mut lost = 0.0;
    for ((&time, &weight), &l) in observed.times.iter().zip(weights).zip(&observed.log_marks) {
        let s = observed.end - time;
        let v = math::log1p(s / c);
        let q = c / (s + c);
        let left = weight * math::exp(-theta * v);
        lost -= weight * math::expm1(-theta * v);
        let l = if marked { l } else { 0.0 };
        let each = [1.0, q, v, q * q, q * v, v * v, l, l * l, l * q, l * v];
        moments.iter_mut().zip(each).for_each(|(to, of)| *to += left * of);
    }
    let at_end = survival(moments, theta);
    sums.compensator = Sums::total_weight(observed, weights, marked);
    sums.compensator.add(-1.0, &at_end);
    sums.compensator.value = lost;
    at_end
}

/// D₁ = Σ j w_j + Σ_j Σ_(i<j) w_i Ψ(t_j − t_i) − n Σ w_i Ψ(T − t_i), given the double sum in `depleted`.
pub(super) fn finish_depleted(
    observed: &Observed,
    weights: &[f64],
    marked: bool,
    at_end: &Jet,
    sums: &mut Sums,
) {
    let ranked: Vec<f64> =
        weights.iter().enumerate().map(|(j, weight)| (j + 1) as f64 * weight).collect();
    sums.depleted.add(1.0, &Sums::total_weight(observed, &ranked, marked));
    sums.depleted.add(-(observed.len() as f64), at_end);
}

/// Σ_(i<j) w_i Ψ(t_j − t_i) for every event j.
pub(crate) fn survivals(observed: &Observed, exponent: Option<f64>, shape: Shape) -> Vec<f64> {
    let weights = observed.weights(exponent);
    let pairs = Pairs::new(observed, &weights, false, true, shape);
    let mut rows = vec![[0.0; MOMENTS]; observed.len()];
    Arch::new().dispatch(Rows { pairs: &pairs, first: 0, rows: &mut rows });
    rows.iter().map(|row| row[10]).collect()
}

/// The events, padded to whole lanes.
struct Pairs {
    times: Vec<f64>,
    weights: Vec<f64>,
    log_marks: Vec<f64>,
    per_c: f64,
    /// (1 + θ) in units of half-lives.
    power: f64,
    marked: bool,
    finite: bool,
}

impl Pairs {
    fn new(
        observed: &Observed,
        weights: &[f64],
        marked: bool,
        finite: bool,
        Shape { c, theta }: Shape,
    ) -> Self {
        let padded = |values: &[f64], by: f64| {
            let mut values = values.to_vec();
            values.resize(values.len().next_multiple_of(LANES), by);
            values
        };
        Self {
            times: padded(&observed.times, observed.times.last().copied().unwrap_or(0.0)),
            weights: padded(weights, 0.0),
            log_marks: padded(&observed.log_marks, 0.0),
            per_c: c.recip(),
            power: (1.0 + theta) * LOG2_E,
            marked,
            finite,
        }
    }

    /// Adds the moments of eight earlier events for the event at `time`.
    #[inline(always)]
    fn eight<const MARKED: bool, const FINITE: bool>(
        &self,
        time: f64,
        times: &[f64],
        weights: &[f64],
        logs: &[f64],
        sums: &mut [Lanes; MOMENTS],
    ) {
        let [mut q, mut v, mut e] = [[0.0; LANES]; 3];
        for lane in 0..LANES {
            let lag = time - times[lane];
            let grown = 1.0 + self.per_c * if lag > 0.0 { lag } else { 0.0 };
            q[lane] = 1.0 / grown;
            v[lane] = ln(grown);
            e[lane] = weights[lane] * lost_and_remaining(self.power * v[lane]).1;
        }
        for lane in 0..LANES {
            let (q, v, e, l) = (q[lane], v[lane], e[lane], logs[lane]);
            let (eq, ev) = (e * q, e * v);
            sums[0][lane] += e;
            sums[1][lane] += eq;
            sums[2][lane] += ev;
            sums[3][lane] += eq * q;
            sums[4][lane] += eq * v;
            sums[5][lane] += ev * v;
            if MARKED {
                let el = e * l;
                sums[6][lane] += el;
                sums[7][lane] += el * l;
                sums[8][lane] += el * q;
                sums[9][lane] += el * v;
            }
            if FINITE {
                let s = e * (1.0 + self.per_c * (time - times[lane]).max(0.0));
                sums[10][lane] += s;
                sums[11][lane] += s * v;
                sums[12][lane] += s * v * v;
                if MARKED {
                    sums[13][lane] += s * l;
                    sums[14][lane] += s * l * l;
                    sums[15][lane] += s * l * v;
                }
            }
        }
    }

    /// The moments of the events before event `i`.
    #[inline(always)]
    fn row<const MARKED: bool, const FINITE: bool>(&self, i: usize) -> [f64; MOMENTS] {
        let mut sums = [[0.0; LANES]; MOMENTS];
        let time = self.times[i];
        let whole = i / LANES * LANES;
        let times = self.times[..whole].chunks_exact(LANES);
        let weights = self.weights[..whole].chunks_exact(LANES);
        let logs = self.log_marks[..whole].chunks_exact(LANES);
        for ((times, weights), logs) in times.zip(weights).zip(logs) {
            self.eight::<MARKED, FINITE>(time, times, weights, logs, &mut sums);
        }
        if whole < i {
            let mut last = [0.0; LANES];
            last[..i - whole].copy_from_slice(&self.weights[whole..i]);
            let rest = whole..whole + LANES;
            let (times, logs) = (&self.times[rest.clone()], &self.log_marks[rest]);
            self.eight::<MARKED, FINITE>(time, times, &last, logs, &mut sums);
        }
        sums.map(|lanes| {
            let [a, b, c, d, e, f, g, h] = lanes;
            ((a + e) + (c + g)) + ((b + f) + (d + h))
        })
    }
}

/// The moments of consecutive events.
struct Rows<'a> {
    pairs: &'a Pairs,
    first: usize,
    rows: &'a mut [[f64; MOMENTS]],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (pairs, first) = (self.pairs, self.first);
        let each = self.rows.iter_mut().enumerate();
        match (pairs.marked, pairs.finite) {
            (false, false) => each.for_each(|(i, row)| *row = pairs.row::<false, false>(first + i)),
            (false, true) => each.for_each(|(i, row)| *row = pairs.row::<false, true>(first + i)),
            (true, false) => each.for_each(|(i, row)| *row = pairs.row::<true, false>(first + i)),
            (true, true) => each.for_each(|(i, row)| *row = pairs.row::<true, true>(first + i)),
        }
    }
}
