//! Sums of the exponential kernel ψ(s) = θ exp(−θ s), and of sums of exponentials, in O(n).
//!
//! With the age a = θ (t − t_j) of an event, ln ψ = ln θ − a, and its derivatives by ln θ are 1 − a and −a. The
//! excitation Σ w e^(−a) and its moments in a and in the logarithm ℓ of the mark follow from event to event,
//! because e^(−a) decays by the same factor for all events (Ozaki 1979).

use pulp::{Arch, Simd, WithSimd};

use super::jet::{DIM, Jet};
use super::observed::{FLOOR, Observed};
use super::sums::Sums;
use crate::hawkes::arithmetic::{LANES, Lanes, Product, lost_and_remaining};
use crate::math;

/// A sum of exponentials Σ_k e^(z_k) θ_k exp(−θ_k s), with z of the last component 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixture<'a> {
    /// Logarithms of the weights of all components but the last.
    pub(crate) log_weights: &'a [f64],
    /// Logarithms of the rates θ.
    pub(crate) log_rates: &'a [f64],
}

/// The excitation and its moments: Σ w e^(−a) times 1, a, a², ℓ, ℓ², ℓ a.
#[derive(Clone, Copy, Debug, Default)]
struct Moments([f64; 6]);

impl Moments {
    /// After the age has grown by `d`, with e^(−d) = `left`.
    fn aged(&self, d: f64, left: f64) -> Self {
        let [x, y, z, l, ll, ly] = self.0;
        // Beyond this age e^(−d) is 0; its square would overflow later.
        let d = d.min(1e3);
        let moved = [x, y + d * x, z + d * (2.0 * y + d * x), l, ll, ly + d * l];
        Self(moved.map(|moment| left * moment))
    }

    fn add(&mut self, weight: f64, log_mark: f64) {
        self.0[0] += weight;
        self.0[3] += weight * log_mark;
        self.0[4] += weight * log_mark * log_mark;
    }

    /// Σ w e^(−a) with derivatives by β (first coordinate) and ln θ (coordinate `y`).
    fn remaining(&self, y: usize) -> Jet {
        let [x, a, aa, l, ll, la] = self.0;
        let mut jet = Jet { value: x, ..Jet::default() };
        (jet.gradient[0], jet.gradient[y]) = (l, -a);
        jet.set(0, 0, ll);
        jet.set(0, y, -la);
        jet.set(y, y, aa - a);
        jet
    }

    /// Σ w θ e^(−a), with its derivatives.
    fn intensity(&self, rate: f64, y: usize) -> Jet {
        let [x, a, aa, l, ll, la] = self.0.map(|moment| rate * moment);
        let mut jet = Jet { value: x, ..Jet::default() };
        (jet.gradient[0], jet.gradient[y]) = (l, x - a);
        jet.set(0, 0, ll);
        jet.set(0, y, l - la);
        jet.set(y, y, x - 3.0 * a + aa);
        jet
    }
}

/// The shares of an excitation that are lost and that remain after each gap.
struct Decays<'a> {
    half_lives: &'a [f64],
    lost: &'a mut [f64],
    left: &'a mut [f64],
}

impl WithSimd for Decays<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let each = self.half_lives.iter().zip(self.lost.iter_mut()).zip(self.left.iter_mut());
        each.for_each(|((&h, lost), left)| (*lost, *left) = lost_and_remaining(h));
    }
}

/// The ages that a gap adds, and the shares that are lost and that remain.
struct Gaps {
    ages: Vec<f64>,
    lost: Vec<f64>,
    left: Vec<f64>,
}

impl Gaps {
    /// The gap after each event; the last one ends with the observation.
    fn of(observed: &Observed, rate: f64) -> Self {
        let next = observed.times.iter().skip(1).copied().chain([observed.end]);
        let ages: Vec<f64> =
            observed.times.iter().zip(next).map(|(now, next)| rate * (next - now)).collect();
        let half_lives: Vec<f64> = ages.iter().map(|age| age * std::f64::consts::LOG2_E).collect();
        let (mut lost, mut left) = (vec![0.0; ages.len()], vec![0.0; ages.len()]);
        Arch::new().dispatch(Decays { half_lives: &half_lives, lost: &mut lost, left: &mut left });
        Self { ages, lost, left }
    }
}

/// The sums of a mixture over a cascade.
pub(crate) fn sums(
    observed: &Observed,
    exponent: Option<f64>,
    mixture: Mixture<'_>,
    finite: bool,
) -> Sums {
    let count = mixture.log_rates.len();
    if count == 1 {
        return single(observed, exponent, math::exp(mixture.log_rates[0]), finite);
    }
    let rates: Vec<f64> = mixture.log_rates.iter().map(|log| math::exp(*log)).collect();
    let weight_of = |k: usize| mixture.log_weights.get(k).map_or(1.0, |log| math::exp(*log));
    let gaps: Vec<Gaps> = rates.iter().map(|&rate| Gaps::of(observed, rate)).collect();
    let weights = observed.weights(exponent);
    let mut moments = vec![Moments::default(); count];
    let mut remaining = vec![Moments::default(); count];
    let mut lost = vec![0.0; count];
    let mut sums = Sums::default();
    for (i, (&weight, &log_mark)) in weights.iter().zip(&observed.log_marks).enumerate() {
        if i >= observed.given {
            let mut intensity = Jet::default();
            for (k, moments) in moments.iter().enumerate() {
                let part = moments.intensity(rates[k], count + k);
                place(&mut intensity, &part, k, count, weight_of(k));
            }
            sums.add_event(&intensity, 2 * count);
        }
        for (k, moments) in moments.iter_mut().enumerate() {
            remaining[k].0.iter_mut().zip(moments.0).for_each(|(to, of)| *to += of);
            moments.add(weight, log_mark);
            lost[k] += moments.0[0] * gaps[k].lost[i];
            *moments = moments.aged(gaps[k].ages[i], gaps[k].left[i]);
        }
    }
    let total = Sums::total_weight(observed, &weights, exponent.is_some());
    for k in 0..count {
        let mut spent = total;
        spent.add(-1.0, &moments[k].remaining(count + k));
        spent.value = lost[k];
        place(&mut sums.compensator, &spent, k, count, weight_of(k));
        if finite {
            let depleted = depleted(observed, &weights, exponent.is_some(), &spent, |of| {
                of.add(1.0, &remaining[k].remaining(count + k));
            });
            place(&mut sums.depleted, &depleted, k, count, weight_of(k));
        }
    }
    sums
}

/// D₁ = n D − Σ_j Σ_(i<j) w_i (1 − Ψ(t_j − t_i)), where `add_remaining` adds the double sum of w_i Ψ(t_j − t_i).
fn depleted(
    observed: &Observed,
    weights: &[f64],
    marked: bool,
    spent: &Jet,
    add_remaining: impl Fn(&mut Jet),
) -> Jet {
    let n = observed.len();
    let later: Vec<f64> =
        weights.iter().enumerate().map(|(i, weight)| -((n - 1 - i) as f64) * weight).collect();
    let mut jet = Sums::total_weight(observed, &later, marked);
    jet.add(n as f64, spent);
    add_remaining(&mut jet);
    jet
}

/// Adds component `k` times its weight to a jet, with the derivatives by the logarithm of that weight.
fn place(to: &mut Jet, part: &Jet, k: usize, count: usize, weight: f64) {
    to.add(weight, part);
    if k + 1 == count {
        return;
    }
    // Coordinate 1 + k; the derivative by the logarithm of a factor is the product.
    let z = 1 + k;
    to.gradient[z] += weight * part.value;
    to.set(z, z, weight * part.value);
    for b in [0, count + k] {
        to.set(z, b, weight * part.gradient[b]);
    }
}

/// The profile of the negative log-likelihood of single exponentials at eight rates, in one pass, up to a constant: to
/// compare starts.
pub(crate) fn profile(observed: &Observed, exponent: Option<f64>, log_rates: Lanes) -> Lanes {
    let weights = observed.weights(exponent);
    Arch::new().dispatch(Profile { observed, weights: &weights, log_rates })
}

struct Profile<'a> {
    observed: &'a Observed,
    weights: &'a [f64],
    log_rates: Lanes,
}

impl WithSimd for Profile<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Lanes {
        let Self { observed, weights, log_rates } = self;
        let half_lives = log_rates.map(|log| math::exp(log) * std::f64::consts::LOG2_E);
        let (mut x, mut spent) = ([0.0; LANES], [0.0; LANES]);
        let mut product = Product::<LANES>::one();
        let next = observed.times.iter().skip(1).copied().chain([observed.end]);
        for (i, ((time, next), weight)) in observed.times.iter().zip(next).zip(weights).enumerate()
        {
            let gap = next - time;
            for lane in 0..LANES {
                if i >= observed.given {
                    product.mantissa[lane] *= if x[lane] > 1e-90 { x[lane] } else { 1e-90 };
                }
                let (lost, left) = lost_and_remaining(half_lives[lane] * gap);
                let here = x[lane] + weight;
                spent[lane] += here * lost;
                x[lane] = here * left;
            }
            product.normalize();
        }
        let events = (observed.len() - observed.given) as f64;
        std::array::from_fn(|lane| {
            events * (math::ln(spent[lane]) - log_rates[lane]) - product.ln(lane)
        })
    }
}

/// The sums of one exponential, without the jets of every event.
fn single(observed: &Observed, exponent: Option<f64>, rate: f64, finite: bool) -> Sums {
    let gaps = Gaps::of(observed, rate);
    let weights = observed.weights(exponent);
    match (exponent.is_some(), finite) {
        (false, false) => single_of::<false, false>(observed, &weights, &gaps, rate),
        (false, true) => single_of::<false, true>(observed, &weights, &gaps, rate),
        (true, false) => single_of::<true, false>(observed, &weights, &gaps, rate),
        (true, true) => single_of::<true, true>(observed, &weights, &gaps, rate),
    }
}

fn single_of<const MARKED: bool, const FINITE: bool>(
    observed: &Observed,
    weights: &[f64],
    gaps: &Gaps,
    rate: f64,
) -> Sums {
    let mut sums = Sums::default();
    let (mut moments, mut spent) = (Moments::default(), 0.0);
    let mut remaining = Moments::default();
    // A product of intensities instead of the sum of logarithms; it is taken before it may underflow.
    let (mut product, mut logs) = (1.0_f64, 0.0);
    let mut g = [0.0; 2];
    let mut h = [0.0; 3];
    for (i, &weight) in weights.iter().enumerate() {
        let [x, y, z, l, ll, ly] = moments.0;
        if i >= observed.given {
            if x > 1e-90 {
                product *= x;
                if !(1e-100..=1e100).contains(&product) {
                    logs += math::ln(product);
                    product = 1.0;
                }
                let inverse = x.recip();
                let age = y * inverse;
                g[1] += 1.0 - age;
                h[2] += z * inverse - age * (1.0 + age);
                if MARKED {
                    let mean = l * inverse;
                    g[0] += mean;
                    h[0] += ll * inverse - mean * mean;
                    h[1] += mean * age - ly * inverse;
                }
                sums.explained += 1.0;
            } else {
                sums.floored += 1.0;
            }
        }
        if FINITE {
            remaining.0.iter_mut().zip(moments.0).for_each(|(to, of)| *to += of);
        }
        let (d, lost, left) = (gaps.ages[i].min(1e3), gaps.lost[i], gaps.left[i]);
        let x = x + weight;
        spent += x * lost;
        moments.0[0] = left * x;
        moments.0[1] = left * (y + d * x);
        moments.0[2] = left * (z + d * (2.0 * y + d * x));
        if MARKED {
            let log = observed.log_marks[i];
            let l = l + weight * log;
            moments.0[3] = left * l;
            moments.0[4] = left * (ll + weight * log * log);
            moments.0[5] = left * (ly + d * l);
        }
    }
    logs += math::ln(product);
    let value = logs + sums.explained * math::ln(rate) + sums.floored * math::ln(FLOOR);
    let mut gradient = [0.0; DIM];
    (gradient[0], gradient[1]) = (g[0], g[1]);
    sums.log_intensity = Jet { value, gradient, ..Jet::default() };
    sums.log_intensity.set(0, 0, h[0]);
    sums.log_intensity.set(0, 1, h[1]);
    sums.log_intensity.set(1, 1, h[2]);
    let after = moments.remaining(1);
    sums.compensator = Sums::total_weight(observed, weights, MARKED);
    sums.compensator.add(-1.0, &after);
    sums.compensator.value = spent;
    if FINITE {
        sums.depleted = depleted(observed, weights, MARKED, &sums.compensator, |of| {
            of.add(1.0, &remaining.remaining(1));
        });
        sums.floored_scale.value = sums.floored * math::ln(rate);
        sums.floored_scale.gradient[1] = sums.floored;
    }
    sums
}

impl Mixture<'_> {
    /// The weight and the rate of each exponential.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.log_rates.iter().enumerate().map(|(k, rate)| {
            (self.log_weights.get(k).map_or(1.0, |weight| math::exp(*weight)), math::exp(*rate))
        })
    }
}
