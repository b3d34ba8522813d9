//! Trains one network: a batch forward, the derivatives of the loss backward, a step of Adam
//! (Kingma & Ba, ICLR 2015).

use chacha20::ChaCha8Rng;
use pulp::{Simd, WithSimd};

use super::batch::{BATCH, Lanes, gradient, total, weighted_sum};
use super::network::{LEAK, Layer, Network, leaky};
use super::random::normal;
use super::target::Aggregate;
use crate::math;

/// Below this error the loss is quadratic, above it linear (Huber's loss).
const SMOOTH: f32 = 0.05;
/// Weight decay in a step of rate 1.
const WEIGHT_DECAY: f32 = 0.001;

/// Running first and second moment of a gradient.
#[derive(Clone, Default)]
struct Moments(Vec<f32>, Vec<f32>);

/// A network in training.
pub(super) struct NetworkTrainer {
    pub(super) network: Network,
    /// Of the inputs, then of each layer.
    pub(super) activations: Vec<Vec<Lanes>>,
    pub(super) targets: Lanes,
    /// Derivatives of the loss with respect to the sums of each layer's units.
    slopes: Vec<Vec<Lanes>>,
    /// Of the weights of a layer, unit by unit for each input.
    gradient: Vec<f32>,
    /// The slopes of a layer, row by row.
    by_row: Vec<f32>,
    moments: Vec<[Moments; 2]>,
    /// Powers of [`BETAS`]: the weight of the initial zero in the moments, for their bias correction.
    betas: [f32; 2],
}

/// Decay rates of the moments per step: Adam's β₁ and β₂.
const BETAS: [f32; 2] = [0.9, 0.999];

impl NetworkTrainer {
    pub(super) fn new(
        inputs: usize,
        hidden: [usize; 2],
        first_output: f32,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut network = Network::default();
        let mut before = inputs;
        for units in hidden {
            network.0.push(random_layer(before, units, (2.0 / before.max(1) as f64).sqrt(), rng));
            before = units;
        }
        let mut last = random_layer(before, 1, 0.1 * (2.0 / before as f64).sqrt(), rng);
        last.biases[0] = first_output;
        network.0.push(last);
        let lanes = |count: usize| vec![[0.0; BATCH]; count];
        let zeros = |count: usize| Moments(vec![0.0; count], vec![0.0; count]);
        let sizes = network.0.iter().map(|layer| [layer.weights.len(), layer.biases.len()]);
        let slopes: Vec<_> = network.0.iter().map(|layer| lanes(layer.biases.len())).collect();
        Self {
            moments: sizes.map(|sizes| sizes.map(zeros)).collect(),
            activations: std::iter::once(lanes(inputs)).chain(slopes.iter().cloned()).collect(),
            targets: [0.0; BATCH],
            gradient: Vec::new(),
            by_row: Vec::new(),
            slopes,
            betas: [1.0; 2],
            network,
        }
    }

    /// One step of Adam on the batch in `activations[0]` and `targets`.
    #[inline(always)]
    fn step(&mut self, aggregate: Aggregate, rate: f32) {
        self.forward();
        self.loss(aggregate);
        self.betas = [self.betas[0] * BETAS[0], self.betas[1] * BETAS[1]];
        for depth in (0..self.network.0.len()).rev() {
            self.backward(depth);
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

    /// Computes the derivative of the mean loss with respect to the outputs.
    #[inline(always)]
    fn loss(&mut self, aggregate: Aggregate) {
        /// Larger errors of the logarithm have no larger gradient.
        const MAX_ERROR: f32 = 3.0;
        let outputs = &self.activations[self.network.0.len()][0];
        let slopes = &mut self.slopes[self.network.0.len() - 1][0];
        for ((slope, output), target) in slopes.iter_mut().zip(outputs).zip(&self.targets) {
            let error = output - target;
            let of_one = match aggregate {
                // |exp(f − y) − 1|: the relative error of the prediction.
                Aggregate::RelativeMedian => {
                    let ratio = math::expf(error.min(MAX_ERROR));
                    ((ratio - 1.0) / SMOOTH).clamp(-1.0, 1.0) * ratio
                }
                Aggregate::Median => (error / SMOOTH).clamp(-1.0, 1.0),
                Aggregate::Mean => 2.0 * error,
            };
            *slope = of_one / BATCH as f32;
        }
    }

    /// Computes the slopes of the layer before `depth` from those of `depth`.
    #[inline(always)]
    fn backward(&mut self, depth: usize) {
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

    /// Adam's step with decoupled weight decay (Loshchilov & Hutter, ICLR 2019).
    #[inline(always)]
    fn adapt(&mut self, depth: usize, rate: f32) {
        let Layer { weights, biases } = &mut self.network.0[depth];
        let [of_weights, of_biases] = &mut self.moments[depth];
        let slopes = &self.slopes[depth];
        gradient(&self.activations[depth], slopes, &mut self.by_row, &mut self.gradient);
        let moments = of_weights.0.iter_mut().zip(&mut of_weights.1);
        for ((weight, moments), slope) in weights.iter_mut().zip(moments).zip(&self.gradient) {
            let change = adam(*slope, moments, self.betas);
            *weight -= rate * (change + WEIGHT_DECAY * *weight);
        }
        let moments = of_biases.0.iter_mut().zip(&mut of_biases.1);
        for ((bias, moments), slopes) in biases.iter_mut().zip(moments).zip(slopes) {
            *bias -= rate * adam(total(slopes), moments, self.betas);
        }
    }
}

/// [`NetworkTrainer::step`] with the vector instructions of this processor. It is a type because pulp compiles for them
/// only what is inlined, and a closure of this size is not.
pub(super) struct TrainingStep<'a> {
    pub(super) trainer: &'a mut NetworkTrainer,
    pub(super) aggregate: Aggregate,
    pub(super) rate: f32,
}

impl WithSimd for TrainingStep<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.trainer.step(self.aggregate, self.rate);
    }
}

#[inline(always)]
fn adam(slope: f32, moments: (&mut f32, &mut f32), betas: [f32; 2]) -> f32 {
    const TINY: f32 = 1e-8;
    let (first, second) = moments;
    *first += (1.0 - BETAS[0]) * (slope - *first);
    *second += (1.0 - BETAS[1]) * (slope * slope - *second);
    *first / (1.0 - betas[0]) / ((*second / (1.0 - betas[1])).sqrt() + TINY)
}

/// Normally distributed weights of this deviation (He et al., ICCV 2015), biases of zero.
fn random_layer(inputs: usize, units: usize, deviation: f64, rng: &mut ChaCha8Rng) -> Layer {
    let mut layer = Layer { weights: vec![0.0; inputs * units], biases: vec![0.0; units] };
    for unit in 0..units {
        let own = layer.weights[unit..].iter_mut().step_by(units);
        own.for_each(|weight| *weight = (deviation * normal(rng)) as f32);
    }
    layer
}

#[cfg(test)]
mod tests {
    use chacha20::rand_core::SeedableRng;
    use pulp::Arch;

    use super::super::network::{Networks, Scale};
    use super::*;
    use crate::hawkes::testing::each_instruction_set;

    fn trainer(seed: u64) -> NetworkTrainer {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut trainer = NetworkTrainer::new(4, [5, 3], 0.3, &mut rng);
        let mut draw = || normal(&mut rng) as f32;
        trainer.activations[0].iter_mut().flatten().for_each(|value| *value = draw());
        trainer.targets.iter_mut().for_each(|target| *target = draw().abs());
        trainer
    }

    /// The mean loss of the batch by its definition.
    fn mean_loss(trainer: &NetworkTrainer, aggregate: Aggregate) -> f64 {
        let smooth = f64::from(SMOOTH);
        let huber = |error: f64| {
            if error.abs() < smooth {
                error * error / (2.0 * smooth)
            } else {
                error.abs() - smooth / 2.0
            }
        };
        let output = |row: usize| {
            let inputs: Vec<f32> = trainer.activations[0].iter().map(|lane| lane[row]).collect();
            let scale = Scale { middle: vec![0.0; inputs.len()], per: vec![1.0; inputs.len()] };
            let networks = Networks { scale, all: vec![trainer.network.clone()] };
            networks.log_growth(&inputs, |_| true).unwrap()
        };
        let losses = (0..BATCH).map(|row| {
            let error = output(row) - f64::from(trainer.targets[row]);
            match aggregate {
                Aggregate::RelativeMedian => huber(math::exp(error) - 1.0),
                Aggregate::Median => huber(error),
                Aggregate::Mean => error * error,
            }
        });
        losses.sum::<f64>() / BATCH as f64
    }

    #[test]
    fn slopes_agree_with_finite_differences_of_the_loss() {
        for seed in 0..10 {
            for aggregate in [Aggregate::RelativeMedian, Aggregate::Median, Aggregate::Mean] {
                let mut trainer = trainer(seed);
                trainer.forward();
                trainer.loss(aggregate);
                (0..3).rev().for_each(|depth| trainer.backward(depth));
                for depth in 0..3 {
                    for unit in 0..trainer.network.0[depth].biases.len() {
                        const STEP: f32 = 1e-3;
                        let slope = f64::from(total(&trainer.slopes[depth][unit]));
                        let mut moved = |by: f32| {
                            let bias = &mut trainer.network.0[depth].biases[unit];
                            let before = std::mem::replace(bias, *bias + by);
                            let loss = mean_loss(&trainer, aggregate);
                            trainer.network.0[depth].biases[unit] = before;
                            loss
                        };
                        let expected = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
                        let off = (slope - expected).abs();
                        assert!(
                            off < 2e-2 * (0.1 + expected.abs()),
                            "{seed} {aggregate:?} {depth}: {slope} {expected}"
                        );
                    }
                }
            }
        }
    }

    each_instruction_set!(steps_are_the_same_bits);

    fn steps_are_the_same_bits(arch: Arch) {
        let trained = |arch: Arch| {
            let mut trainer = trainer(7);
            for _ in 0..20 {
                let aggregate = Aggregate::RelativeMedian;
                arch.dispatch(TrainingStep { trainer: &mut trainer, aggregate, rate: 0.01 });
            }
            trainer.network
        };
        assert_eq!(trained(arch), trained(Arch::Scalar));
    }

    #[test]
    fn a_batch_has_the_outputs_of_single_rows() {
        let mut trainer = trainer(3);
        trainer.forward();
        let scale = Scale { middle: vec![0.0; 4], per: vec![1.0; 4] };
        let networks = Networks { scale, all: vec![trainer.network.clone()] };
        for row in 0..BATCH {
            let inputs: Vec<f32> = trainer.activations[0].iter().map(|lane| lane[row]).collect();
            if inputs.iter().all(|input| input.abs() < 4.0) {
                let alone = networks.log_growth(&inputs, |_| true).unwrap();
                assert_eq!(alone as f32, trainer.activations[3][0][row], "row {row}");
            }
        }
    }
}
