//! Small feed-forward networks that are averaged with the trees: they are smooth where the trees are
//! piecewise constant, and have smaller errors on few samples.
//!
//! Symbols: the activation of a unit is a = leaky(w x + b); that of the last unit is f = w x + b, which
//! predicts ln(N/n). Inputs are the features, standardised and clipped. The outputs of several
//! networks, each trained on other cascades, are averaged.
//!
//! Weights are single precision, sums run in the order of the inputs, and there is no fused
//! multiply-add: a model gives the same output on every machine.

use pulp::{Arch, Simd, WithSimd};

/// The slope of a unit's activation below zero.
pub(super) const LEAK: f32 = 0.1;
/// Inputs are clipped to this many standard deviations.
const CLIP: f32 = 4.0;

/// A fully connected layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    /// One row for each input, of a weight for each unit.
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

impl Layer {
    /// The number of its units.
    pub(super) fn units(&self) -> usize {
        self.biases.len()
    }

    /// The sums of all units, each in the order of the inputs.
    #[inline(always)]
    fn output(&self, values: &[f32], sums: &mut Vec<f32>) {
        sums.clone_from(&self.biases);
        let mut done = self.add::<32>(0, values, sums);
        done = self.add::<16>(done, values, sums);
        done = self.add::<8>(done, values, sums);
        self.add::<1>(done, values, sums);
    }

    /// Completes the sums of the units from `first` on, `N` at a time; returns the first unit that is not done.
    #[inline(always)]
    fn add<const N: usize>(&self, first: usize, values: &[f32], sums: &mut [f32]) -> usize {
        let (groups, _) = sums[first..].as_chunks_mut::<N>();
        let mut at = first;
        for group in groups {
            // A local array, so that the sums stay in registers.
            let mut own = *group;
            for (row, value) in self.weights.chunks_exact(self.units()).zip(values) {
                let Some(row) = row[at..].first_chunk::<N>() else { break };
                own.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight * value);
            }
            *group = own;
            at += N;
        }
        at
    }
}

/// A unit's activation.
#[inline(always)]
pub(super) fn leaky(sum: f32) -> f32 {
    if sum > 0.0 { sum } else { LEAK * sum }
}

/// Layers, the last of which has one unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Network(pub(super) Vec<Layer>);

impl Network {
    /// Its output; `values` and `sums` are scratch space.
    #[inline(always)]
    fn output(&self, inputs: &[f32], [values, sums]: &mut [Vec<f32>; 2]) -> f64 {
        for (depth, layer) in self.0.iter().enumerate() {
            layer.output(if depth == 0 { inputs } else { values }, sums);
            std::mem::swap(values, sums);
            if depth + 1 < self.0.len() {
                values.iter_mut().for_each(|value| *value = leaky(*value));
            }
        }
        f64::from(values.first().copied().unwrap_or(0.0))
    }
}

/// The standardisation of the inputs: (x − middle) times `per`, clipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scale {
    pub(super) middle: Vec<f32>,
    pub(super) per: Vec<f32>,
}

impl Scale {
    /// Mean and inverse standard deviation of each column; 0 instead of the latter for a constant column.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, columns: usize) -> Self {
        const MIN_DEVIATION: f64 = 1e-6;
        let (mut sums, mut squares) = (vec![0.0; columns], vec![0.0; columns]);
        let count = rows.clone().count().max(1) as f64;
        for row in rows.clone() {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value) / count);
        }
        for row in rows {
            let pairs = squares.iter_mut().zip(row).zip(&sums);
            pairs.for_each(|((square, &x), mean)| *square += (f64::from(x) - mean).powi(2) / count);
        }
        let per = |square: &f64| {
            let deviation = square.sqrt();
            let varies = deviation > MIN_DEVIATION && deviation.is_finite();
            if varies { (1.0 / deviation) as f32 } else { 0.0 }
        };
        Self {
            middle: sums.iter().map(|&sum| sum as f32).collect(),
            per: squares.iter().map(per).collect(),
        }
    }

    /// The inputs for these feature values; 0, the mean, for one that is not finite.
    pub(super) fn inputs(&self, values: &[f32]) -> Vec<f32> {
        let scaled = values.iter().zip(self.middle.iter().zip(&self.per));
        let input = |(value, (middle, per)): (&f32, (&f32, &f32))| {
            let input = (value - middle) * per;
            if input.is_finite() { input.clamp(-CLIP, CLIP) } else { 0.0 }
        };
        scaled.map(input).collect()
    }
}

/// Networks that are averaged.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Networks {
    pub(super) scale: Scale,
    pub(super) all: Vec<Network>,
}

impl Networks {
    /// The mean prediction of ln(N/n) by the networks whose number is `selected`; `None` for no networks,
    /// or where the mean is not finite, as the weights of a model file can be any.
    pub(super) fn log_growth(
        &self,
        values: &[f32],
        selected: impl Fn(usize) -> bool,
    ) -> Option<f64> {
        let inputs = self.scale.inputs(values);
        let networks = self.all.iter().enumerate().filter(|(number, _)| selected(*number));
        // Vector lanes hold units, not terms of a sum: vectors of any width give the same.
        let networks = networks.map(|(_, network)| network);
        let mean = Arch::new().dispatch(Mean { networks, inputs: &inputs });
        mean.is_finite().then_some(mean)
    }
}

/// The mean of their outputs; NaN for no networks.
struct Mean<'a, N> {
    networks: N,
    inputs: &'a [f32],
}

impl<'n, N: Iterator<Item = &'n Network>> WithSimd for Mean<'_, N> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let (mut sum, mut count, mut scratch) = (0.0, 0.0, [Vec::new(), Vec::new()]);
        for network in self.networks {
            sum += network.output(self.inputs, &mut scratch);
            count += 1.0;
        }
        sum / count
    }
}
