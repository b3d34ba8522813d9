//! The splits of one tree, found by smartcore; no other file names that crate.
//!
//! smartcore keeps the nodes of a tree private and shows them through serde only, so they are read
//! from JSON. A field that another version renames is an error that names it.

use serde::{Deserialize, Deserializer};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_regressor::{
    DecisionTreeRegressor, DecisionTreeRegressorParameters,
};

use super::table::Row;

/// A node as smartcore serializes it; a leaf has no `split_value`.
#[derive(Debug, Deserialize)]
struct RawNode {
    split_feature: usize,
    #[serde(deserialize_with = "required")]
    split_value: Option<f64>,
    #[serde(deserialize_with = "required")]
    true_child: Option<usize>,
    #[serde(deserialize_with = "required")]
    false_child: Option<usize>,
}

#[derive(Deserialize)]
struct RawTree {
    nodes: Vec<RawNode>,
}

#[derive(Deserialize)]
struct RawRegressor {
    tree_regressor: RawTree,
}

/// A number or null. Without this, serde reads an absent `Option` field as null.
fn required<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// A split: rows whose value of `column` is at most `threshold` go to the node `left`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) column: usize,
    pub(super) threshold: f32,
    pub(super) left: usize,
    pub(super) right: usize,
}

/// A row of a tree, and how many times it was drawn.
pub(super) type DrawnRow<'a> = (&'a Row, u32);

/// The nodes of a tree that is grown on the rows and the given features, with at least `min_leaf` rows in a leaf;
/// the root is the first, `None` is a leaf, and `column` counts within `features`.
///
/// A single leaf where smartcore refuses the rows, as it does when there are too few.
pub(super) fn find_splits(
    rows: &[DrawnRow<'_>],
    features: &[usize],
    min_leaf: usize,
) -> Vec<Option<Split>> {
    let mut columns: Vec<f32> = Vec::with_capacity(rows.len() * features.len());
    for &feature in features {
        columns.extend(rows.iter().map(|(row, _)| row.values[feature]));
    }
    let targets: Vec<f64> = rows.iter().map(|(row, _)| row.split).collect();
    let weights: Vec<f64> = rows.iter().map(|(_, times)| f64::from(*times)).collect();
    let parameters = DecisionTreeRegressorParameters::default()
        .with_min_samples_leaf(min_leaf)
        .with_min_samples_split(2 * min_leaf);
    let tree = DenseMatrix::new(rows.len(), features.len(), columns, true).and_then(|matrix| {
        DecisionTreeRegressor::fit_with_weights(&matrix, &targets, &weights, parameters)
    });
    let Ok(tree) = tree else { return vec![None] };
    serde_json::to_vec(&tree)
        .and_then(|text| nodes_of(&text))
        .expect("a test checks the fields of the smartcore version in Cargo.lock")
}

/// The nodes of a serialized tree; the error names a field that is missing. Numbers are read exactly: serde_json's
/// feature `float_roundtrip` is on.
fn nodes_of(tree: &[u8]) -> Result<Vec<Option<Split>>, serde_json::Error> {
    let tree: RawRegressor = serde_json::from_slice(tree)?;
    Ok(tree.tree_regressor.nodes.iter().map(split_of).collect())
}

/// The split of a node. The threshold is rounded down, so that it stays between the two values of
/// single precision that it separates.
fn split_of(node: &RawNode) -> Option<Split> {
    let exact = node.split_value?;
    let near = exact as f32;
    let threshold = if f64::from(near) > exact { near.next_down() } else { near };
    let (left, right) = (node.true_child?, node.false_child?);
    Some(Split { column: node.split_feature, threshold, left, right })
}

#[cfg(test)]
mod tests {
    use chacha20::ChaCha8Rng;
    use chacha20::rand_core::{Rng, SeedableRng};

    use super::*;

    const MIN_LEAF: usize = 5;

    fn row(value: f32) -> Row {
        let split = f64::from(value);
        Row { values: vec![7.0, value], target: split, split, weight: 1.0 }
    }

    fn serialized_tree() -> String {
        let columns = (0..40).map(|i| i as f32).collect();
        let matrix = DenseMatrix::new(40, 1, columns, true).unwrap();
        let targets: Vec<f64> = (0..40).map(f64::from).collect();
        let tree = DecisionTreeRegressor::fit(&matrix, &targets, Default::default()).unwrap();
        serde_json::to_string(&tree).unwrap()
    }

    #[test]
    fn a_renamed_field_of_a_serialized_tree_is_an_error_that_names_it() {
        let tree = serialized_tree();
        assert!(nodes_of(tree.as_bytes()).unwrap().iter().flatten().count() > 10);
        for field in
            ["tree_regressor", "nodes", "split_feature", "split_value", "true_child", "false_child"]
        {
            let text = tree.replace(&format!("\"{field}\""), "\"renamed\"");
            let error = nodes_of(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("missing field `{field}`")), "{error}");
        }
    }

    #[test]
    fn rows_of_two_values_are_split_between_them() {
        let rows: Vec<Row> = (0..20).map(|i| row(if i < 10 { 1.0 } else { 2.0 })).collect();
        let nodes =
            find_splits(&rows.iter().map(|row| (row, 1)).collect::<Vec<_>>(), &[1], MIN_LEAF);
        let Some(Split { column, threshold, left, right }) = nodes[0] else { panic!("{nodes:?}") };
        assert!(column == 0 && (1.0..2.0).contains(&threshold), "{nodes:?}");
        assert_eq!((nodes[left], nodes[right]), (None, None));
    }

    /// The smallest weighted sum of squares of two parts of the rows, by brute force.
    fn least_squares(rows: &[(Row, u32)]) -> f64 {
        let squares = |part: &[&(Row, u32)]| {
            let weight: f64 = part.iter().map(|(_, times)| f64::from(*times)).sum();
            let mean =
                part.iter().map(|(row, times)| row.split * f64::from(*times)).sum::<f64>() / weight;
            part.iter()
                .map(|(row, times)| (row.split - mean).powi(2) * f64::from(*times))
                .sum::<f64>()
        };
        let mut least = f64::INFINITY;
        for column in 0..2 {
            for (threshold, _) in rows {
                let at_most = |it: &&(Row, u32)| it.0.values[column] <= threshold.values[column];
                let (left, right): (Vec<_>, Vec<_>) = rows.iter().partition(at_most);
                if left.len().min(right.len()) >= MIN_LEAF {
                    least = least.min(squares(&left) + squares(&right));
                }
            }
        }
        least
    }

    #[test]
    fn a_split_leaves_the_smallest_weighted_variance() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for turn in 0..300 {
            let mut draw = |count: u32| rng.next_u32() % count;
            let mut one = || {
                let split = f64::from(draw(1000));
                let values = vec![draw(50) as f32, draw(50) as f32];
                (Row { values, target: split, split, weight: 1.0 }, 1 + draw(4))
            };
            let rows: Vec<(Row, u32)> = (0..40).map(|_| one()).collect();
            let drawn: Vec<DrawnRow<'_>> = rows.iter().map(|(row, times)| (row, *times)).collect();
            let Some(split) = find_splits(&drawn, &[0, 1], MIN_LEAF)[0] else {
                panic!("{turn}: a leaf")
            };
            // The same rows, each in the part that the split gives it: no other threshold divides these.
            let side = |(row, times): &(Row, u32)| {
                let value = f32::from(u8::from(row.values[split.column] > split.threshold));
                (Row { values: vec![value; 2], ..row.clone() }, *times)
            };
            let found = least_squares(&rows.iter().map(side).collect::<Vec<_>>());
            let least = least_squares(&rows);
            assert!((found / least - 1.0).abs() < 1e-9, "{turn}: {found} and {least}");
        }
    }

    #[test]
    fn too_few_rows_make_a_single_leaf() {
        let rows = [row(1.0), row(2.0)];
        assert_eq!(
            find_splits(&rows.iter().map(|row| (row, 1)).collect::<Vec<_>>(), &[0, 1], MIN_LEAF),
            [None]
        );
    }
}
