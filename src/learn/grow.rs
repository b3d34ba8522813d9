//! Grows the trees of a model.
//!
//! smartcore finds the splits of one tree ([`find_splits`]); which rows and features it is given, and
//! which values its leaves keep, are decided here. A tree is grown on cascades rather than rows: each cascade is drawn
//! Poisson(1) times, and each time [`ROWS_PER_DRAW`] of its rows, with their weights as
//! probabilities. A row that is drawn several times is given to smartcore once, with that number as its weight, which
//! takes less time. smartcore's random forest always resamples rows itself, which would break this
//! scheme. Its single tree does not, but considers all features at every split; so each tree is given
//! a random third of the features (Ho 1998).

use std::hint::select_unpredictable;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;

use super::options::LearnOptions;
use super::random::poisson;
use super::split::{DrawnRow, Split, find_splits};
use super::table::{ROWS_PER_DRAW, Table};
use super::trees::{Trees, TreesBuilder, code, codebook};
use crate::parallel::in_parallel;
use crate::random::uniform;

/// The largest number of rows that a tree is grown on.
pub(super) const MAX_TREE_ROWS: usize = 4096;
/// A tree is grown on one in this many features.
const FEATURE_SHARE: usize = 3;

/// Trees, and for each tree which cascades it was grown on.
pub(super) struct GrownTrees {
    pub(super) trees: Trees,
    pub(super) in_bag: InBag,
}

/// For each tree and cascade, whether the tree was grown on it.
#[derive(Default)]
pub(super) struct InBag(Vec<Vec<bool>>);

impl InBag {
    /// Whether a tree, by its number, was not grown on a cascade.
    pub(super) fn trees_without(&self, cascade: usize) -> impl Fn(usize) -> bool {
        move |tree| self.0.get(tree).is_none_or(|in_bag| !in_bag[cascade])
    }
}

/// Grows the trees of a model on a table; `None` for a table without rows or features. The result depends on the
/// seed, never on the number of threads.
pub(super) fn grow(table: &Table, options: &LearnOptions) -> Option<GrownTrees> {
    if table.cascades.iter().all(Vec::is_empty) || table.names.is_empty() {
        return None;
    }
    let numbers: Vec<usize> = (0..options.trees).collect();
    let grown = in_parallel(&numbers, options.threads, |tree| grow_one(table, options, *tree));
    Some(joined(table, grown))
}

/// One tree.
struct GrownTree {
    /// `None` is a leaf.
    nodes: Vec<Option<Split>>,
    /// The features that it was given.
    features: Vec<usize>,
    /// For each node, the training values that it keeps as a leaf.
    leaves: Vec<Vec<f32>>,
    in_bag: Vec<bool>,
}

impl GrownTree {
    /// The index of the leaf that each row reaches. Several rows descend at once: the processor cannot predict on which
    /// side of a split a row lies, and does not wait for one row while it has others.
    fn leaves_of(&self, rows: &[DrawnRow<'_>]) -> Vec<usize> {
        const AT_ONCE: usize = 16;
        let mut reached = vec![0; rows.len()];
        for (places, rows) in reached.chunks_mut(AT_ONCE).zip(rows.chunks(AT_ONCE)) {
            let mut has_moved = true;
            while has_moved {
                has_moved = false;
                for (at, (row, _)) in places.iter_mut().zip(rows) {
                    let Some(split) = self.nodes[*at] else { continue };
                    let is_left = row.values[self.features[split.column]] <= split.threshold;
                    *at = select_unpredictable(is_left, split.left, split.right);
                    has_moved = true;
                }
            }
        }
        reached
    }

    /// Adds a node and its descendants, in preorder.
    fn add_to(&self, builder: &mut TreesBuilder, at: usize, codebook: &[f32]) {
        if let Some(Split { column, threshold, left, right }) = self.nodes[at] {
            builder.split(self.features[column] as u16, threshold);
            self.add_to(builder, left, codebook);
            self.add_to(builder, right, codebook);
            return;
        }
        let values = self.leaves[at].iter();
        let mut codes: Vec<u16> = values.map(|&value| code(codebook, value)).collect();
        codes.sort_unstable();
        builder.leaf(codes);
    }
}

fn grow_one(table: &Table, options: &LearnOptions, tree: usize) -> GrownTree {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    rng.set_stream(tree as u64);
    let (rows, in_bag) = draw_rows(table, &mut rng);
    let features = draw_features(table.names.len(), &mut rng);
    let nodes = find_splits(&rows, &features, options.target.min_leaf_rows());
    let mut tree = GrownTree { leaves: vec![Vec::new(); nodes.len()], nodes, features, in_bag };
    for (leaf, (row, times)) in tree.leaves_of(&rows).into_iter().zip(&rows) {
        tree.leaves[leaf].extend((0..*times).map(|_| row.target as f32));
    }
    tree
}

/// Rows of randomly drawn cascades, at least one row, and for each cascade whether it was drawn.
fn draw_rows<'a>(table: &'a Table, rng: &mut ChaCha8Rng) -> (Vec<DrawnRow<'a>>, Vec<bool>) {
    let rate = (MAX_TREE_ROWS as f64 / (ROWS_PER_DRAW * table.cascades.len()) as f64).min(1.0);
    loop {
        let (mut rows, mut left) = (Vec::new(), MAX_TREE_ROWS);
        let mut in_bag = vec![false; table.cascades.len()];
        for (cascade, own) in table.cascades.iter().enumerate() {
            let times = if own.is_empty() { 0 } else { poisson(rate, rng) };
            if times == 0 {
                continue;
            }
            in_bag[cascade] = true;
            let total: f64 = own.iter().map(|row| row.weight).sum();
            let mut drawn = vec![0; own.len()];
            for _ in 0..(times * ROWS_PER_DRAW).min(left) {
                let mut below = uniform(rng) * total;
                let row = own.iter().position(|row| {
                    below -= row.weight;
                    below < 0.0
                });
                drawn[row.unwrap_or(own.len() - 1)] += 1;
                left -= 1;
            }
            rows.extend(own.iter().zip(drawn).filter(|(_, times)| *times > 0));
        }
        if !rows.is_empty() {
            return (rows, in_bag);
        }
    }
}

/// A random share of the features, drawn without replacement.
fn draw_features(all: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let count = if all <= FEATURE_SHARE { all } else { all.div_ceil(FEATURE_SHARE) };
    let mut features: Vec<usize> = (0..all).collect();
    for i in 0..count {
        let other = i + (uniform(rng) * (all - i) as f64) as usize;
        features.swap(i, other.min(all - 1));
    }
    features.truncate(count);
    features
}

fn joined(table: &Table, grown: Vec<GrownTree>) -> GrownTrees {
    let targets = table.cascades.iter().flatten().map(|row| row.target as f32);
    let codebook = codebook(targets.collect());
    let mut builder = TreesBuilder::new(codebook.clone());
    let mut in_bag = Vec::with_capacity(grown.len());
    for tree in grown {
        tree.add_to(&mut builder, 0, &codebook);
        in_bag.push(tree.in_bag);
    }
    GrownTrees {
        trees: builder.done().expect("every split has both branches"),
        in_bag: InBag(in_bag),
    }
}
