//! Trains networks: stochastic gradient descent by Adam (Kingma & Ba, ICLR 2015).
//!
//! Cascades are dealt to folds; a network learns from all folds but one, so that on the cascades of
//! that one it can be held against the truth. A pass over the cascades draws 3 rows of each, near
//! ages the likelier ones, in a new order.

use pulp::Arch;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::Aggregate;
use super::learner::{BATCH, Learner};
use super::network::{Network, Networks, Scale};
use super::parallel::in_parallel;
use super::table::Table;
use super::train::unit;

/// Folds that cascades are dealt to.
pub(super) const FOLDS: usize = 5;
/// Networks for every fold.
const TWINS: usize = 2;
/// Rows of a cascade in a pass.
const ROWS: usize = 3;
/// How far a step goes at first.
const RATE: f32 = 0.003;
/// Units of the hidden layers, where there are many cascades.
const MOST_HIDDEN: [usize; 2] = [32, 16];

/// How large networks are and how long they learn.
struct Size {
    hidden: [usize; 2],
    steps: usize,
}

impl Size {
    /// Small ones for few cascades.
    fn of(cascades: usize) -> Self {
        const MANY: usize = 200;
        if cascades < MANY {
            Self { hidden: [8, 4], steps: 600 }
        } else {
            Self { hidden: MOST_HIDDEN, steps: 1500 }
        }
    }
}

/// The most bytes that networks on so many features take in a model.
pub(super) const fn most_bytes(features: usize) -> usize {
    let [first, second] = MOST_HIDDEN;
    let values = (features + 1) * first + (first + 1) * second + second + 1;
    4 * (FOLDS * TWINS * (values + 8) + 2 * features)
}

/// The fold of a cascade.
pub(super) fn fold(cascade: usize) -> usize {
    cascade % FOLDS
}

/// The fold that a network has not seen.
pub(super) fn unseen(network: usize) -> usize {
    network % FOLDS
}

/// Networks on a table; the result depends on the seed, never on the number of threads.
pub(super) fn descend(table: &Table, aggregate: Aggregate, seed: u64, threads: usize) -> Networks {
    let rows = || table.cascades.iter().flatten();
    let scale = Scale::of(rows().map(|row| &row.values[..]), table.names.len());
    let lessons = Lessons {
        inputs: rows().flat_map(|row| scale.inputs(&row.values)).collect(),
        columns: table.names.len(),
        targets: rows().map(|row| row.target as f32).collect(),
        cascades: cascades(table),
        aggregate,
    };
    let places: Vec<usize> = (0..FOLDS * TWINS).collect();
    let all = in_parallel(&places, threads, |place| lessons.fit(seed, *place));
    Networks { scale, all }
}

/// First row of every cascade that has any, and the weights of its rows, summed up.
struct Drawn {
    cascade: usize,
    first: usize,
    sums: Vec<f64>,
}

fn cascades(table: &Table) -> Vec<Drawn> {
    let (mut all, mut first) = (Vec::new(), 0);
    for (cascade, rows) in table.cascades.iter().enumerate() {
        let mut sum = 0.0;
        let mut add = |weight: f64| {
            sum += weight;
            sum
        };
        let sums: Vec<f64> = rows.iter().map(|row| add(row.weight)).collect();
        if !rows.is_empty() {
            all.push(Drawn { cascade, first, sums });
        }
        first += rows.len();
    }
    all
}

/// What all networks of a model learn from.
struct Lessons {
    /// One row after the other.
    inputs: Vec<f32>,
    columns: usize,
    targets: Vec<f32>,
    cascades: Vec<Drawn>,
    aggregate: Aggregate,
}

impl Lessons {
    fn fit(&self, seed: u64, place: usize) -> Network {
        /// The trees have the streams below.
        const STREAMS: u64 = 1 << 32;
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(STREAMS + place as u64);
        let seen = |drawn: &&Drawn| fold(drawn.cascade) != unseen(place);
        let cascades: Vec<&Drawn> = self.cascades.iter().filter(seen).collect();
        let size = Size::of(self.cascades.len());
        let mut learner = Learner::new(self.columns, size.hidden, self.middle(), &mut chance);
        if cascades.is_empty() {
            return learner.network;
        }
        let arch = Arch::new();
        let mut rows: Vec<usize> = Vec::new();
        for step in 0..size.steps {
            if rows.len() < BATCH {
                rows.extend(pass(&cascades, &mut chance));
            }
            let batch = rows.split_off(rows.len().saturating_sub(BATCH));
            self.gather(&batch, &mut learner);
            // From the full rate down to none, along a cosine.
            let left = (1.0 + (std::f32::consts::PI * step as f32 / size.steps as f32).cos()) / 2.0;
            arch.dispatch(|| learner.step(self.aggregate, RATE * left));
        }
        learner.network
    }

    /// The median of the targets: where learning begins.
    fn middle(&self) -> f32 {
        let mut targets = self.targets.clone();
        let middle = targets.len() / 2;
        if targets.is_empty() {
            return 0.0;
        }
        *targets.select_nth_unstable_by(middle, f32::total_cmp).1
    }

    /// Puts rows beside each other; where a batch has too few, they come again.
    fn gather(&self, batch: &[usize], learner: &mut Learner) {
        for place in 0..BATCH {
            let row = batch[place % batch.len()];
            let inputs = &self.inputs[row * self.columns..][..self.columns];
            let lanes = learner.activations[0].iter_mut().zip(inputs);
            lanes.for_each(|(lane, &input)| lane[place] = input);
            learner.targets[place] = self.targets[row];
        }
    }
}

/// Rows of every cascade, in a random order.
fn pass(cascades: &[&Drawn], chance: &mut ChaCha8Rng) -> Vec<usize> {
    let mut rows = Vec::with_capacity(ROWS * cascades.len());
    for Drawn { first, sums, .. } in cascades {
        for _ in 0..ROWS {
            let wanted = unit(chance) * sums[sums.len() - 1];
            rows.push(first + sums.partition_point(|&sum| sum <= wanted).min(sums.len() - 1));
        }
    }
    for last in (1..rows.len()).rev() {
        rows.swap(last, (unit(chance) * (last + 1) as f64) as usize);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::learner::normal;
    use super::super::table::Row;
    use super::*;

    /// Cascades whose growth follows from what was seen: y = 1 + |a - b|/2, one row each.
    fn table(cascades: usize, seed: u64) -> Table {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut row = || {
            let (a, b) = (normal(&mut chance), normal(&mut chance));
            let values = vec![a as f32, b as f32, normal(&mut chance) as f32];
            vec![Row { values, target: 1.0 + (a - b).abs() / 2.0, split: 0.0, weight: 1.0 }]
        };
        let cascades = (0..cascades).map(|_| row()).collect();
        let names = ["a", "b", "noise"].map(String::from).to_vec();
        Table { names, cascades, ..Table::default() }
    }

    #[test]
    fn what_follows_from_the_features_is_learned() {
        for seed in 0..3 {
            let (known, new) = (table(400, seed), table(200, seed + 100));
            let networks = descend(&known, Aggregate::Mean, seed, 2);
            let error = |row: &Row, wanted: &dyn Fn(usize) -> bool| {
                (networks.log_growth(&row.values, wanted).unwrap() - row.target).powi(2)
            };
            let rows = new.cascades.iter().flatten();
            let mean = rows.map(|row| error(row, &|_| true)).sum::<f64>() / 200.0;
            // The variance of |a - b|/2 is 0.18.
            assert!(mean < 0.02, "seed {seed}: {mean}");
        }
    }

    #[test]
    fn a_network_has_not_seen_its_own_fold() {
        let (mut table, aggregate) = (table(60, 1), Aggregate::RelativeMedian);
        let before = descend(&table, aggregate, 1, 2);
        // The targets of one fold alone change; the median and the scale stay.
        for (cascade, rows) in table.cascades.iter_mut().enumerate() {
            if fold(cascade) == 2 {
                rows.iter_mut().filter(|row| row.target > 2.0).for_each(|row| row.target += 1.0);
            }
        }
        let after = descend(&table, aggregate, 1, 2);
        for (place, (before, after)) in before.all.iter().zip(&after.all).enumerate() {
            assert_eq!(before == after, unseen(place) == 2, "network {place}");
        }
    }
}
