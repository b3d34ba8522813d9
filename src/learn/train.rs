//! Grows the trees; alone in naming smartcore.
//!
//! smartcore finds the splits; which rows a tree sees, and what its leaves keep, is decided here.
//! A tree draws cascades, not rows: each a Poisson(1) number of times, and for every time that it
//! is drawn 3 of its rows, near ages the likelier ones. smartcore's random forest would draw rows
//! once more and cannot be told not to; its single tree draws nothing, but looks at all features at
//! every split. So each tree is a single tree that is shown a third of the features (Ho 1998).

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Deserialize;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_regressor::{
    DecisionTreeRegressor, DecisionTreeRegressorParameters,
};

use super::parallel::in_parallel;
use super::table::{Row, Table};
use super::trees::{Planter, Trees, code, codebook};

/// The least number of rows in a leaf.
const LEAF: usize = 8;
/// Rows of a cascade for every time that it is drawn.
const ROWS: usize = 3;
/// The most rows a tree is grown on.
const MOST_ROWS: usize = 4096;
/// One in so many features is shown to a tree.
const FEATURE_SHARE: usize = 3;

/// The most bytes that a model of so many trees can have as a line, for those who must carry it.
///
/// A tree of L leaves has 2L - 1 nodes of two bytes, thresholds and lengths of four, and a code of
/// two for each row; the book of values, the networks and the header come once. Nothing is taken
/// off for the packing, and base 64 adds a third.
pub fn most_bytes(trees: usize) -> usize {
    const LEAVES: usize = MOST_ROWS / LEAF;
    const TREE: usize = 2 * (2 * LEAVES - 1) + 4 * (LEAVES - 1) + 4 * LEAVES + 2 * MOST_ROWS;
    const ONCE: usize = (4 << 16) + (64 << 10) + super::descend::most_bytes(128);
    (trees * TREE + ONCE) / 3 * 4
}

/// Trees, and for every tree the cascades that it has seen.
pub(super) struct Grown {
    pub(super) trees: Trees,
    pub(super) seen: Vec<Vec<bool>>,
}

/// Grows trees on a table; none where it has no rows. The result depends on the seed, never on
/// the number of threads.
pub(super) fn grow(table: &Table, trees: usize, seed: u64, threads: usize) -> Option<Grown> {
    if table.cascades.iter().all(Vec::is_empty) || table.names.is_empty() {
        return None;
    }
    let numbers: Vec<usize> = (0..trees).collect();
    let grown = in_parallel(&numbers, threads, |tree| grow_one(table, seed, *tree));
    Some(joined(table, grown))
}

/// One tree as smartcore grew it, with our rows in its leaves.
struct Branches {
    nodes: Vec<RawNode>,
    /// The features that were shown to it.
    features: Vec<usize>,
    /// The targets of each node that is a leaf.
    leaves: HashMap<usize, Vec<f32>>,
    seen: Vec<bool>,
}

/// smartcore's tree as serde shows it.
#[derive(Deserialize)]
struct RawRegressor {
    tree_regressor: RawTree,
}

#[derive(Deserialize)]
struct RawTree {
    nodes: Vec<RawNode>,
}

#[derive(Deserialize)]
struct RawNode {
    split_feature: usize,
    split_value: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}

fn grow_one(table: &Table, seed: u64, tree: usize) -> Branches {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(tree as u64);
    let (rows, seen) = draw(table, &mut chance);
    let features = some_features(table.names.len(), &mut chance);
    let nodes = split(&rows, &features);
    let mut leaves: HashMap<usize, Vec<f32>> = HashMap::new();
    for row in &rows {
        leaves.entry(leaf_of(&nodes, &features, &row.values)).or_default().push(row.target as f32);
    }
    Branches { nodes, features, leaves, seen }
}

fn draw<'a>(table: &'a Table, chance: &mut ChaCha8Rng) -> (Vec<&'a Row>, Vec<bool>) {
    let rate = (MOST_ROWS as f64 / (ROWS * table.cascades.len()) as f64).min(1.0);
    loop {
        let mut rows = Vec::new();
        let mut seen = vec![false; table.cascades.len()];
        for (cascade, own) in table.cascades.iter().enumerate() {
            let total: f64 = own.iter().map(|row| row.weight).sum();
            let times = if own.is_empty() { 0 } else { poisson(rate, chance) };
            seen[cascade] = times > 0;
            for _ in 0..times * ROWS {
                let mut left = unit(chance) * total;
                let drawn = own.iter().find(|row| {
                    left -= row.weight;
                    left < 0.0
                });
                rows.extend(drawn.or(own.last()));
            }
        }
        rows.truncate(MOST_ROWS);
        if !rows.is_empty() {
            return (rows, seen);
        }
    }
}

/// A uniform draw from [0, 1).
pub(super) fn unit(chance: &mut ChaCha8Rng) -> f64 {
    (chance.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A Poisson draw by Knuth's product of uniforms.
fn poisson(mean: f64, chance: &mut ChaCha8Rng) -> usize {
    let floor = (-mean).exp();
    let mut product = unit(chance);
    let mut count = 0;
    while product > floor {
        product *= unit(chance);
        count += 1;
    }
    count
}

fn some_features(all: usize, chance: &mut ChaCha8Rng) -> Vec<usize> {
    let wanted = if all <= FEATURE_SHARE { all } else { all.div_ceil(FEATURE_SHARE) };
    let mut features: Vec<usize> = (0..all).collect();
    for i in 0..wanted {
        let other = i + (unit(chance) * (all - i) as f64) as usize;
        features.swap(i, other.min(all - 1));
    }
    features.truncate(wanted);
    features
}

/// The nodes of a tree on these rows and features; a single leaf where smartcore finds no tree.
fn split(rows: &[&Row], features: &[usize]) -> Vec<RawNode> {
    let mut columns: Vec<f32> = Vec::with_capacity(rows.len() * features.len());
    for &feature in features {
        columns.extend(rows.iter().map(|row| row.values[feature]));
    }
    let targets: Vec<f64> = rows.iter().map(|row| row.split).collect();
    let parameters = DecisionTreeRegressorParameters::default()
        .with_min_samples_leaf(LEAF)
        .with_min_samples_split(2 * LEAF);
    DenseMatrix::new(rows.len(), features.len(), columns, true)
        .and_then(|matrix| DecisionTreeRegressor::fit(&matrix, &targets, parameters))
        .ok()
        .and_then(|tree| serde_json::to_value(&tree).ok())
        .and_then(|value| serde_json::from_value::<RawRegressor>(value).ok())
        .map(|raw| raw.tree_regressor.nodes)
        .unwrap_or_else(|| {
            vec![RawNode {
                split_feature: 0,
                split_value: None,
                true_child: None,
                false_child: None,
            }]
        })
}

/// The threshold as it is kept, and the branches: rounded down, a threshold between two values of
/// single precision stays between them.
fn threshold(node: &RawNode) -> Option<(f32, usize, usize)> {
    let exact = node.split_value?;
    let near = exact as f32;
    let down = if f64::from(near) > exact { near.next_down() } else { near };
    Some((down, node.true_child?, node.false_child?))
}

fn leaf_of(nodes: &[RawNode], features: &[usize], values: &[f32]) -> usize {
    let mut at = 0;
    while let Some((threshold, left, right)) = threshold(&nodes[at]) {
        let value = values[features[nodes[at].split_feature]];
        at = if value <= threshold { left } else { right };
    }
    at
}

fn joined(table: &Table, grown: Vec<Branches>) -> Grown {
    let book = codebook(table.cascades.iter().flatten().map(|row| row.target as f32).collect());
    let mut planter = Planter::new(book.clone());
    let mut seen = Vec::with_capacity(grown.len());
    for branches in grown {
        plant(&branches, 0, &book, &mut planter);
        seen.push(branches.seen);
    }
    Grown { trees: planter.done().expect("every split has both branches"), seen }
}

/// Plants a node and what is below it.
fn plant(branches: &Branches, at: usize, book: &[f32], planter: &mut Planter) {
    let raw = &branches.nodes[at];
    if let Some((threshold, left, right)) = threshold(raw) {
        planter.split(branches.features[raw.split_feature] as u16, threshold);
        plant(branches, left, book, planter);
        plant(branches, right, book, planter);
        return;
    }
    let values = branches.leaves.get(&at).into_iter().flatten();
    let mut codes: Vec<u16> = values.map(|&value| code(book, value)).collect();
    codes.sort_unstable();
    planter.leaf(codes);
}
