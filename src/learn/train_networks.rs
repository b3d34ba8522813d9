//! Trains the networks of a model by stochastic gradient descent, each on all folds of cascades but one, so that its
//! error can be measured on the cascades of that fold.
//!
//! A pass over the cascades draws [`ROWS_PER_DRAW`] rows of each, with their weights as
//! probabilities, and shuffles them.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;
use pulp::Arch;

use super::batch::BATCH;
use super::network::{Network, Networks, Scale};
use super::ranks::upper_median;
use super::table::{ROWS_PER_DRAW, Table};
use super::target::Aggregate;
use super::trainer::{NetworkTrainer, TrainingStep};
use crate::math;
use crate::parallel::in_parallel;
use crate::random::uniform;

/// Number of folds that cascades are assigned to.
pub(super) const FOLDS: usize = 5;
/// Networks that hold out the same fold.
const NETWORKS_PER_FOLD: usize = 2;
/// The learning rate of the first step.
const RATE: f32 = 0.003;
/// Units of the hidden layers, where there are many cascades.
const MAX_HIDDEN: [usize; 2] = [32, 16];

/// Units of the hidden layers and number of training steps.
struct Size {
    hidden: [usize; 2],
    steps: usize,
}

impl Size {
    /// Smaller and shorter for few cascades.
    fn of(cascades: usize) -> Self {
        const MANY: usize = 200;
        if cascades < MANY {
            Self { hidden: [8, 4], steps: 600 }
        } else {
            Self { hidden: MAX_HIDDEN, steps: 1500 }
        }
    }
}

/// The largest number of bytes that networks on this many features take in a model's body.
pub(super) const fn max_network_bytes(features: usize) -> usize {
    let [first, second] = MAX_HIDDEN;
    let values = (features + 1) * first + (first + 1) * second + second + 1;
    4 * (FOLDS * NETWORKS_PER_FOLD * (values + 8) + 2 * features)
}

/// The fold of a cascade.
pub(super) fn fold(cascade: usize) -> usize {
    cascade % FOLDS
}

/// The fold that a network is not trained on.
fn held_out_fold(network: usize) -> usize {
    network % FOLDS
}

/// Whether a network, by its number, is not trained on a cascade.
pub(super) fn networks_without(cascade: usize) -> impl Fn(usize) -> bool {
    move |network| held_out_fold(network) == fold(cascade)
}

/// Trains networks on a table; the result depends on the seed, never on the number of threads.
pub(super) fn train_networks(
    table: &Table,
    aggregate: Aggregate,
    seed: u64,
    threads: usize,
) -> Networks {
    let rows = || table.cascades.iter().flatten();
    let scale = Scale::of(rows().map(|row| &row.values[..]), table.names.len());
    let set = TrainingSet {
        inputs: rows().flat_map(|row| scale.inputs(&row.values)).collect(),
        columns: table.names.len(),
        targets: rows().map(|row| row.target as f32).collect(),
        cascades: cascades(table),
        aggregate,
    };
    let numbers: Vec<usize> = (0..FOLDS * NETWORKS_PER_FOLD).collect();
    let all = in_parallel(&numbers, threads, |number| set.train(seed, *number));
    Networks { scale, all }
}

/// The rows of one cascade, of which there is at least one.
struct CascadeRows {
    cascade: usize,
    /// The index of its first row.
    first: usize,
    /// Cumulative weights of its rows.
    sums: Vec<f64>,
}

fn cascades(table: &Table) -> Vec<CascadeRows> {
    let (mut all, mut first) = (Vec::new(), 0);
    for (cascade, rows) in table.cascades.iter().enumerate() {
        let mut sum = 0.0;
        let mut add = |weight: f64| {
            sum += weight;
            sum
        };
        let sums: Vec<f64> = rows.iter().map(|row| add(row.weight)).collect();
        if !rows.is_empty() {
            all.push(CascadeRows { cascade, first, sums });
        }
        first += rows.len();
    }
    all
}

/// The training rows of all networks of a model.
struct TrainingSet {
    /// Row by row.
    inputs: Vec<f32>,
    columns: usize,
    targets: Vec<f32>,
    cascades: Vec<CascadeRows>,
    aggregate: Aggregate,
}

impl TrainingSet {
    /// Trains the network of this number.
    fn train(&self, seed: u64, number: usize) -> Network {
        /// The streams below belong to the trees.
        const FIRST_STREAM: u64 = 1 << 32;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(FIRST_STREAM + number as u64);
        let is_in = |rows: &&CascadeRows| fold(rows.cascade) != held_out_fold(number);
        let cascades: Vec<&CascadeRows> = self.cascades.iter().filter(is_in).collect();
        let size = Size::of(self.cascades.len());
        // Training starts from the median of the targets.
        let median = upper_median(self.targets.clone());
        let mut trainer = NetworkTrainer::new(self.columns, size.hidden, median, &mut rng);
        if cascades.is_empty() {
            return trainer.network;
        }
        let arch = Arch::new();
        let mut rows: Vec<usize> = Vec::new();
        for step in 0..size.steps {
            if rows.len() < BATCH {
                rows.extend(pass(&cascades, &mut rng));
            }
            let batch = rows.split_off(rows.len().saturating_sub(BATCH));
            self.fill_batch(&batch, &mut trainer);
            // Cosine annealing, from the full rate to 0.
            let left =
                (1.0 + math::cosf(std::f32::consts::PI * step as f32 / size.steps as f32)) / 2.0;
            let (aggregate, rate) = (self.aggregate, RATE * left);
            arch.dispatch(TrainingStep { trainer: &mut trainer, aggregate, rate });
        }
        trainer.network
    }

    /// Copies rows into the batch; fewer than [`BATCH`] are repeated.
    fn fill_batch(&self, batch: &[usize], trainer: &mut NetworkTrainer) {
        for place in 0..BATCH {
            let row = batch[place % batch.len()];
            let inputs = &self.inputs[row * self.columns..][..self.columns];
            let lanes = trainer.activations[0].iter_mut().zip(inputs);
            lanes.for_each(|(lane, &input)| lane[place] = input);
            trainer.targets[place] = self.targets[row];
        }
    }
}

/// The rows of one pass: some of every cascade, in a random order.
fn pass(cascades: &[&CascadeRows], rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut rows = Vec::with_capacity(ROWS_PER_DRAW * cascades.len());
    for CascadeRows { first, sums, .. } in cascades {
        for _ in 0..ROWS_PER_DRAW {
            let drawn = uniform(rng) * sums[sums.len() - 1];
            rows.push(first + sums.partition_point(|&sum| sum <= drawn).min(sums.len() - 1));
        }
    }
    for last in (1..rows.len()).rev() {
        rows.swap(last, (uniform(rng) * (last + 1) as f64) as usize);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::random::normal;
    use super::super::table::Row;
    use super::*;

    /// Cascades whose growth is a function of two features: y = 1 + |a − b|/2, one row each.
    fn table(cascades: usize, seed: u64) -> Table {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut row = || {
            let (a, b) = (normal(&mut rng), normal(&mut rng));
            let values = vec![a as f32, b as f32, normal(&mut rng) as f32];
            vec![Row { values, target: 1.0 + (a - b).abs() / 2.0, split: 0.0, weight: 1.0 }]
        };
        let cascades = (0..cascades).map(|_| row()).collect();
        let names = ["a", "b", "noise"].map(String::from).to_vec();
        Table { names, cascades, ..Table::default() }
    }

    #[test]
    fn networks_learn_a_function_of_the_features() {
        for seed in 0..3 {
            let (training, test) = (table(400, seed), table(200, seed + 100));
            let networks = train_networks(&training, Aggregate::Mean, seed, 2);
            let error = |row: &Row, selected: &dyn Fn(usize) -> bool| {
                (networks.log_growth(&row.values, selected).unwrap() - row.target).powi(2)
            };
            let rows = test.cascades.iter().flatten();
            let mean = rows.map(|row| error(row, &|_| true)).sum::<f64>() / 200.0;
            // The variance of |a - b|/2 is 0.18.
            assert!(mean < 0.02, "seed {seed}: {mean}");
        }
    }

    #[test]
    fn a_network_is_not_trained_on_its_held_out_fold() {
        let (mut table, aggregate) = (table(60, 1), Aggregate::RelativeMedian);
        let before = train_networks(&table, aggregate, 1, 2);
        // Only the targets of one fold change; the median and the scale stay.
        for (cascade, rows) in table.cascades.iter_mut().enumerate() {
            if fold(cascade) == 2 {
                rows.iter_mut().filter(|row| row.target > 2.0).for_each(|row| row.target += 1.0);
            }
        }
        let after = train_networks(&table, aggregate, 1, 2);
        for (number, (before, after)) in before.all.iter().zip(&after.all).enumerate() {
            assert_eq!(before == after, held_out_fold(number) == 2, "network {number}");
        }
    }
}
