//! One network while it learns: a batch forward, the slopes of the loss backward, a step of Adam.
//!
//! Rows of a batch lie side by side, so that the compiler turns the loops over them into vector
//! instructions; the result does not depend on which.

use rand_chacha::ChaCha8Rng;

use super::Aggregate;
use super::network::{LEAK, Layer, Network, leaky};
use super::train::unit;

/// Rows of a batch.
pub(super) const BATCH: usize = 64;
/// Loss and gradient are smooth where the relative error is smaller.
const SMOOTH: f32 = 0.05;
/// How fast weights that nothing needs go back to zero, in a step of rate 1.
const DECAY: f32 = 0.001;

/// A value for each row of a batch.
pub(super) type Lanes = [f32; BATCH];

/// First and second moment of a gradient.
#[derive(Clone, Default)]
struct Moments(Vec<f32>, Vec<f32>);

/// A network while it learns.
pub(super) struct Learner {
    pub(super) network: Network,
    /// Of the inputs, then of each layer.
    pub(super) activations: Vec<Vec<Lanes>>,
    pub(super) targets: Lanes,
    /// Derivatives of the loss by the sums of each layer's units.
    slopes: Vec<Vec<Lanes>>,
    /// Of the weights of one input.
    gradient: Vec<f32>,
    moments: Vec<[Moments; 2]>,
    /// Powers of the moments' memories, which tell how much of them is the zero they began with.
    memory: [f32; 2],
}

/// How slowly the moments forget.
const MEMORY: [f32; 2] = [0.9, 0.999];

impl Learner {
    pub(super) fn new(
        inputs: usize,
        hidden: [usize; 2],
        middle: f32,
        chance: &mut ChaCha8Rng,
    ) -> Self {
        let mut network = Network::default();
        let mut seen = inputs;
        for units in hidden {
            network.0.push(random_layer(seen, units, (2.0 / seen.max(1) as f64).sqrt(), chance));
            seen = units;
        }
        let mut last = random_layer(seen, 1, 0.1 * (2.0 / seen as f64).sqrt(), chance);
        last.biases[0] = middle;
        network.0.push(last);
        let lanes = |count: usize| vec![[0.0; BATCH]; count];
        let zeros = |count: usize| Moments(vec![0.0; count], vec![0.0; count]);
        let sizes = network.0.iter().map(|layer| [layer.weights.len(), layer.biases.len()]);
        let slopes: Vec<_> = network.0.iter().map(|layer| lanes(layer.biases.len())).collect();
        Self {
            moments: sizes.map(|sizes| sizes.map(zeros)).collect(),
            activations: std::iter::once(lanes(inputs)).chain(slopes.iter().cloned()).collect(),
            targets: [0.0; BATCH],
            gradient: vec![0.0; hidden[0].max(hidden[1])],
            slopes,
            memory: [1.0; 2],
            network,
        }
    }

    #[inline(always)]
    pub(super) fn step(&mut self, aggregate: Aggregate, rate: f32) {
        self.forward();
        self.loss(aggregate);
        self.memory = [self.memory[0] * MEMORY[0], self.memory[1] * MEMORY[1]];
        for depth in (0..self.network.0.len()).rev() {
            self.back(depth);
            self.adapt(depth, rate);
        }
    }

    #[inline(always)]
    fn forward(&mut self) {
        let last = self.network.0.len() - 1;
        for (depth, layer) in self.network.0.iter().enumerate() {
            let (before, after) = self.activations.split_at_mut(depth + 1);
            for (unit, (bias, lanes)) in layer.biases.iter().zip(&mut after[0]).enumerate() {
                let weights = layer.weights[unit..].iter().step_by(layer.units());
                weighted_sum(*bias, weights.copied(), &before[depth], lanes);
                if depth < last {
                    lanes.iter_mut().for_each(|sum| *sum = leaky(*sum));
                }
            }
        }
    }

    /// The derivative of the mean loss by the answers.
    #[inline(always)]
    fn loss(&mut self, aggregate: Aggregate) {
        /// The logarithm of the most that one error counts.
        const MOST: f32 = 3.0;
        let answers = &self.activations[self.network.0.len()][0];
        let slopes = &mut self.slopes[self.network.0.len() - 1][0];
        for ((slope, answer), target) in slopes.iter_mut().zip(answers).zip(&self.targets) {
            let error = answer - target;
            let of_one = match aggregate {
                // |exp(f - y) - 1|, as that of a prediction from N.
                Aggregate::RelativeMedian => {
                    let ratio = error.min(MOST).exp();
                    ((ratio - 1.0) / SMOOTH).clamp(-1.0, 1.0) * ratio
                }
                Aggregate::Median => (error / SMOOTH).clamp(-1.0, 1.0),
                Aggregate::Mean => 2.0 * error,
            };
            *slope = of_one / BATCH as f32;
        }
    }

    /// From the slopes of a layer to those of the one before it.
    #[inline(always)]
    fn back(&mut self, depth: usize) {
        let Some(below) = depth.checked_sub(1) else { return };
        let (before, after) = self.slopes.split_at_mut(depth);
        let layer = &self.network.0[depth];
        let rows = layer.weights.chunks_exact(layer.units()).zip(&self.activations[depth]);
        for ((row, activations), lanes) in rows.zip(&mut before[below]) {
            weighted_sum(0.0, row.iter().copied(), &after[0], lanes);
            for (lane, activation) in lanes.iter_mut().zip(activations) {
                *lane = if *activation > 0.0 { *lane } else { LEAK * *lane };
            }
        }
    }

    /// Adam's step, with weights that decay by themselves (Loshchilov & Hutter, ICLR 2019).
    #[inline(always)]
    fn adapt(&mut self, depth: usize, rate: f32) {
        let Layer { weights, biases } = &mut self.network.0[depth];
        let [of_weights, of_biases] = &mut self.moments[depth];
        let slopes = &self.slopes[depth];
        let units = biases.len();
        let gradient = &mut self.gradient[..units];
        let moments =
            of_weights.0.chunks_exact_mut(units).zip(of_weights.1.chunks_exact_mut(units));
        let rows = weights.chunks_exact_mut(units).zip(moments);
        for ((row, (first, second)), values) in rows.zip(&self.activations[depth]) {
            gradient.iter_mut().zip(slopes).for_each(|(to, slopes)| *to = product(slopes, values));
            let moments = first.iter_mut().zip(second);
            for ((weight, moments), slope) in row.iter_mut().zip(moments).zip(&*gradient) {
                let change = adam(*slope, moments, self.memory);
                *weight -= rate * (change + DECAY * *weight);
            }
        }
        let moments = of_biases.0.iter_mut().zip(&mut of_biases.1);
        for ((bias, moments), slopes) in biases.iter_mut().zip(moments).zip(slopes) {
            *bias -= rate * adam(total(slopes), moments, self.memory);
        }
    }
}

/// For every row of the batch, a start and the sum of values times their weights, in order. Some
/// rows at a time, so that their sums stay in registers.
#[inline(always)]
fn weighted_sum(
    start: f32,
    weights: impl Iterator<Item = f32> + Clone,
    from: &[Lanes],
    to: &mut Lanes,
) {
    const PART: usize = 32;
    for (part, sums) in to.as_chunks_mut::<PART>().0.iter_mut().enumerate() {
        let mut inner = [start; PART];
        for (weight, values) in weights.clone().zip(from) {
            let values = &values.as_chunks::<PART>().0[part];
            for (sum, value) in inner.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        *sums = inner;
    }
}

/// The sum of products, in sixteen parts that are added in pairs at last: the same with any vectors.
#[inline(always)]
fn product(a: &Lanes, b: &Lanes) -> f32 {
    const PARTS: usize = 16;
    let mut parts = [0.0; PARTS];
    for (a, b) in a.as_chunks::<PARTS>().0.iter().zip(b.as_chunks::<PARTS>().0) {
        for ((part, a), b) in parts.iter_mut().zip(a).zip(b) {
            *part += a * b;
        }
    }
    let mut half = PARTS / 2;
    while half > 0 {
        for place in 0..half {
            parts[place] += parts[place + half];
        }
        half /= 2;
    }
    parts[0]
}

#[inline(always)]
fn total(values: &Lanes) -> f32 {
    product(values, &[1.0; BATCH])
}

#[inline(always)]
fn adam(slope: f32, moments: (&mut f32, &mut f32), memory: [f32; 2]) -> f32 {
    const TINY: f32 = 1e-8;
    let (first, second) = moments;
    *first += (1.0 - MEMORY[0]) * (slope - *first);
    *second += (1.0 - MEMORY[1]) * (slope * slope - *second);
    *first / (1.0 - memory[0]) / ((*second / (1.0 - memory[1])).sqrt() + TINY)
}

/// Weights by the normal law with that deviation (He et al., ICCV 2015), biases of zero.
fn random_layer(inputs: usize, units: usize, deviation: f64, chance: &mut ChaCha8Rng) -> Layer {
    let mut layer = Layer { weights: vec![0.0; inputs * units], biases: vec![0.0; units] };
    for unit in 0..units {
        let own = layer.weights[unit..].iter_mut().step_by(units);
        own.for_each(|weight| *weight = (deviation * normal(chance)) as f32);
    }
    layer
}

/// A normal draw by the method of Box and Muller.
pub(super) fn normal(chance: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - unit(chance), unit(chance));
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use pulp::Arch;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::network::{Networks, Scale};
    use super::*;
    use crate::hawkes::testing::each_instruction_set;

    fn learner(seed: u64) -> Learner {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut learner = Learner::new(4, [5, 3], 0.3, &mut chance);
        let mut draw = || normal(&mut chance) as f32;
        learner.activations[0].iter_mut().flatten().for_each(|value| *value = draw());
        learner.targets.iter_mut().for_each(|target| *target = draw().abs());
        learner
    }

    /// The mean loss of the batch, from its definition.
    fn mean_loss(learner: &Learner, aggregate: Aggregate) -> f64 {
        let smooth = f64::from(SMOOTH);
        let huber = |error: f64| {
            if error.abs() < smooth {
                error * error / (2.0 * smooth)
            } else {
                error.abs() - smooth / 2.0
            }
        };
        let answer = |row: usize| {
            let inputs: Vec<f32> = learner.activations[0].iter().map(|lane| lane[row]).collect();
            let scale = Scale { middle: vec![0.0; inputs.len()], per: vec![1.0; inputs.len()] };
            let networks = Networks { scale, all: vec![learner.network.clone()] };
            networks.log_growth(&inputs, |_| true).unwrap()
        };
        let losses = (0..BATCH).map(|row| {
            let error = answer(row) - f64::from(learner.targets[row]);
            match aggregate {
                Aggregate::RelativeMedian => huber(error.exp() - 1.0),
                Aggregate::Median => huber(error),
                Aggregate::Mean => error * error,
            }
        });
        losses.sum::<f64>() / BATCH as f64
    }

    #[test]
    fn slopes_are_those_of_the_loss() {
        for seed in 0..10 {
            for aggregate in [Aggregate::RelativeMedian, Aggregate::Median, Aggregate::Mean] {
                let mut learner = learner(seed);
                learner.forward();
                learner.loss(aggregate);
                (0..3).rev().for_each(|depth| learner.back(depth));
                for depth in 0..3 {
                    for unit in 0..learner.network.0[depth].biases.len() {
                        const STEP: f32 = 1e-3;
                        let told = f64::from(total(&learner.slopes[depth][unit]));
                        let mut moved = |by: f32| {
                            let bias = &mut learner.network.0[depth].biases[unit];
                            let before = std::mem::replace(bias, *bias + by);
                            let loss = mean_loss(&learner, aggregate);
                            learner.network.0[depth].biases[unit] = before;
                            loss
                        };
                        let seen = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
                        let off = (told - seen).abs();
                        assert!(
                            off < 2e-2 * (0.1 + seen.abs()),
                            "{seed} {aggregate:?} {depth}: {told} {seen}"
                        );
                    }
                }
            }
        }
    }

    each_instruction_set!(steps_are_the_same_bits);

    fn steps_are_the_same_bits(arch: Arch) {
        let learned = |arch: Arch| {
            let mut learner = learner(7);
            for _ in 0..20 {
                arch.dispatch(|| learner.step(Aggregate::RelativeMedian, 0.01));
            }
            learner.network
        };
        assert_eq!(learned(arch), learned(Arch::Scalar));
    }

    #[test]
    fn a_batch_answers_as_a_single_row() {
        let mut learner = learner(3);
        learner.forward();
        let scale = Scale { middle: vec![0.0; 4], per: vec![1.0; 4] };
        let networks = Networks { scale, all: vec![learner.network.clone()] };
        for row in 0..BATCH {
            let inputs: Vec<f32> = learner.activations[0].iter().map(|lane| lane[row]).collect();
            if inputs.iter().all(|input| input.abs() < 4.0) {
                let alone = networks.log_growth(&inputs, |_| true).unwrap();
                assert_eq!(alone as f32, learner.activations[3][0][row], "row {row}");
            }
        }
    }
}
