//! A small network beside the trees: smooth where they are coarse, and better on few samples.
//!
//! Symbols: a unit's activation is a = leaky(w x + b), the last one's is f = w x + b, which stands
//! for ln(N/n). Inputs are the features, standardised and clipped. Several networks, each of other
//! cascades, are averaged.
//!
//! Weights are single precision, sums run in the order of the inputs, and nothing is multiplied
//! and added in one step: the same model answers the same on every machine.

use pulp::Arch;

/// The slope of a unit below zero.
pub(super) const LEAK: f32 = 0.1;
/// Inputs are not believed beyond so many standard deviations.
const CLIP: f32 = 4.0;

/// A layer of units that see all of the layer before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    /// One row for each input, of a weight for each unit.
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

impl Layer {
    /// How many values it gives.
    pub(super) fn units(&self) -> usize {
        self.biases.len()
    }

    /// The sums of all units, each in the order of the inputs.
    #[inline(always)]
    fn answer(&self, values: &[f32], sums: &mut Vec<f32>) {
        sums.clone_from(&self.biases);
        let mut done = self.add::<32>(0, values, sums);
        done = self.add::<16>(done, values, sums);
        done = self.add::<8>(done, values, sums);
        self.add::<1>(done, values, sums);
    }

    /// Adds to the sums of the units from `first` on, `N` at a time, and tells which it came to.
    #[inline(always)]
    fn add<const N: usize>(&self, first: usize, values: &[f32], sums: &mut [f32]) -> usize {
        let (groups, _) = sums[first..].as_chunks_mut::<N>();
        let mut at = first;
        for group in groups {
            // They stay in registers while the inputs go by.
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
    /// Its answer, worked out in `values` and `sums`.
    #[inline(always)]
    fn answer(&self, inputs: &[f32], [values, sums]: &mut [Vec<f32>; 2]) -> f64 {
        for (depth, layer) in self.0.iter().enumerate() {
            layer.answer(if depth == 0 { inputs } else { values }, sums);
            std::mem::swap(values, sums);
            if depth + 1 < self.0.len() {
                values.iter_mut().for_each(|value| *value = leaky(*value));
            }
        }
        f64::from(values.first().copied().unwrap_or(0.0))
    }
}

/// How features become inputs: (x - middle) times `per`, clipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scale {
    pub(super) middle: Vec<f32>,
    pub(super) per: Vec<f32>,
}

impl Scale {
    /// Mean and inverse standard deviation of each column; a constant column is not seen.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, columns: usize) -> Self {
        const LEAST: f64 = 1e-6;
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
            if deviation > LEAST && deviation.is_finite() { (1.0 / deviation) as f32 } else { 0.0 }
        };
        Self {
            middle: sums.iter().map(|&sum| sum as f32).collect(),
            per: squares.iter().map(per).collect(),
        }
    }

    /// The inputs that stand for these values.
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
    /// The mean of ln(N/n) by those that `wanted` names; nothing of none.
    pub(super) fn log_growth(&self, values: &[f32], wanted: impl Fn(usize) -> bool) -> Option<f64> {
        let inputs = self.scale.inputs(values);
        let asked = self.all.iter().enumerate().filter(|(place, _)| wanted(*place));
        // Units lie side by side: vectors of any width give the same.
        let mean = Arch::new().dispatch(|| mean(asked.map(|(_, network)| network), &inputs));
        // A network of another's making may give anything.
        mean.is_finite().then_some(mean)
    }
}

/// The mean of their answers; no number where there are none.
#[inline(always)]
fn mean<'a>(networks: impl Iterator<Item = &'a Network>, inputs: &[f32]) -> f64 {
    let (mut sum, mut count, mut room) = (0.0, 0.0, [Vec::new(), Vec::new()]);
    for network in networks {
        sum += network.answer(inputs, &mut room);
        count += 1.0;
    }
    sum / count
}
