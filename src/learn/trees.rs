//! Regression trees in arrays, whose leaves keep the training values that reached them.

use std::hint::select_unpredictable;
use std::sync::OnceLock;

use super::ranks::at_even_ranks;
use super::weighted::WeightedValues;

/// A split, or a leaf. The threshold of a leaf is NaN and its `right` the leaf itself, so that a descent
/// stays there.
#[derive(Clone, Copy, Debug)]
struct Node {
    threshold: f32,
    /// The next node of a value above the threshold; for others, it is the node that follows in order.
    right: u32,
    feature: u16,
}

/// The trees of a model, one after the other, each in preorder.
#[derive(Clone, Debug, Default)]
pub(super) struct Trees {
    roots: Vec<u32>,
    nodes: Vec<Node>,
    /// For each node, the number of codes of the leaves before it.
    starts: Vec<u32>,
    /// Indices into `codebook`, ascending within a leaf.
    codes: Vec<u16>,
    /// The values that leaves hold, ascending.
    codebook: Vec<f32>,
    /// The mean of the values of each node that is a leaf.
    means: Vec<f64>,
    /// The sums of the values of all codes before each one; computed for the first explanation.
    sums: OnceLock<Vec<f64>>,
}

/// The content of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NodeKind<'a> {
    /// Values of the feature up to the threshold go to the node that follows.
    Split { feature: u16, threshold: f32 },
    /// The codes of the training values that reached the leaf.
    Leaf(&'a [u16]),
}

impl PartialEq for Trees {
    fn eq(&self, other: &Self) -> bool {
        self.codebook == other.codebook && self.contents().eq(other.contents())
    }
}

impl Trees {
    /// The number of trees.
    pub(super) fn count(&self) -> usize {
        self.roots.len()
    }

    /// The values that leaves hold, ascending.
    pub(super) fn codebook(&self) -> &[f32] {
        &self.codebook
    }

    /// All nodes, each tree's in preorder.
    pub(super) fn contents(&self) -> impl Iterator<Item = NodeKind<'_>> + Clone {
        (0_u32..).zip(&self.nodes).map(|(place, &Node { threshold, right, feature })| {
            if right == place {
                NodeKind::Leaf(self.codes_of(place))
            } else {
                NodeKind::Split { feature, threshold }
            }
        })
    }

    /// The codes of a leaf.
    fn codes_of(&self, leaf: u32) -> &[u16] {
        let from = self.starts[leaf as usize] as usize;
        let to = self.starts.get(leaf as usize + 1).map_or(self.codes.len(), |to| *to as usize);
        &self.codes[from..to]
    }

    /// The leaves that `values` reach in the trees whose number is `selected`. Several trees are
    /// descended at once, so that their memory accesses overlap.
    pub(super) fn reached_leaves(
        &self,
        values: &[f32],
        selected: impl Fn(usize) -> bool,
    ) -> ReachedLeaves<'_> {
        const TREES_AT_ONCE: usize = 8;
        let roots = self.roots.iter().enumerate().filter(|(tree, _)| selected(*tree));
        let mut places: Vec<u32> = roots.map(|(_, &root)| root).collect();
        let (groups, rest) = places.as_chunks_mut::<TREES_AT_ONCE>();
        groups.iter_mut().for_each(|group| self.descend(group, values));
        self.descend(rest, values);
        ReachedLeaves { trees: self, leaves: places }
    }

    /// Descends every tree: the mean over the trees of the mean of all training values, and of the changes of
    /// the mean from a node to the next one, by the feature of the split.
    pub(super) fn path_changes(&self, values: &[f32], changes: &mut [f64]) -> f64 {
        let trees = self.roots.len().max(1) as f64;
        let mut average = 0.0;
        for (tree, &root) in self.roots.iter().enumerate() {
            let after = self.roots.get(tree + 1).copied().unwrap_or(self.nodes.len() as u32);
            let (mut at, mut end) = (root, after);
            let mut mean = self.mean_between(at, end);
            average += mean / trees;
            loop {
                let Node { threshold, right, feature } = self.nodes[at as usize];
                if right == at {
                    break;
                }
                let feature = usize::from(feature);
                (at, end) =
                    if values[feature] <= threshold { (at + 1, right) } else { (right, end) };
                let next = self.mean_between(at, end);
                changes[feature] += (next - mean) / trees;
                mean = next;
            }
        }
        average
    }

    /// The mean of the training values of a subtree, which are the nodes from `at` to before `end`; of a leaf,
    /// exactly the mean that it predicts.
    fn mean_between(&self, at: u32, end: u32) -> f64 {
        if end == at + 1 {
            return self.means[at as usize];
        }
        let sums = self.sums.get_or_init(|| {
            let value = |code: &u16| f64::from(self.codebook[usize::from(*code)]);
            let mut sum = 0.0;
            let mut sums = vec![0.0];
            sums.extend(self.codes.iter().map(|code| {
                sum += value(code);
                sum
            }));
            sums
        });
        let place = |node: u32| {
            self.starts.get(node as usize).map_or(self.codes.len(), |start| *start as usize)
        };
        let (from, to) = (place(at), place(end));
        (sums[to] - sums[from]) / (to - from).max(1) as f64
    }

    /// Replaces each node by the leaf below it that `values` reach.
    #[inline(always)]
    fn descend(&self, places: &mut [u32], values: &[f32]) {
        loop {
            let mut moved = false;
            for at in &mut *places {
                let Node { threshold, right, feature } = self.nodes[*at as usize];
                let left = values[usize::from(feature)] <= threshold;
                let next = select_unpredictable(left, *at + 1, right);
                moved |= next != *at;
                *at = next;
            }
            if !moved {
                return;
            }
        }
    }
}

/// One leaf of each of some trees; the values of each leaf have a total weight of 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReachedLeaves<'m> {
    trees: &'m Trees,
    leaves: Vec<u32>,
}

impl ReachedLeaves<'_> {
    /// The mean of the means of the leaves; 0 for no leaves.
    pub(super) fn mean(&self) -> f64 {
        let means = self.leaves.iter().map(|leaf| self.trees.means[*leaf as usize]);
        means.sum::<f64>() / self.leaves.len().max(1) as f64
    }

    /// The values of all leaves.
    pub(super) fn values(&self) -> WeightedValues {
        let mut leaves: Vec<&[u16]> =
            self.leaves.iter().map(|&leaf| self.trees.codes_of(leaf)).collect();
        // Equal values are in ascending order of weight, so those of the largest leaves are first.
        leaves.sort_unstable_by_key(|codes| std::cmp::Reverse(codes.len()));
        let mut items = Vec::with_capacity(leaves.iter().map(|codes| codes.len()).sum());
        for (place, codes) in (0_u32..).zip(&leaves) {
            items.extend(codes.iter().map(|&code| Item { code, place }));
        }
        let weights: Vec<f64> = leaves.iter().map(|codes| 1.0 / codes.len() as f64).collect();
        let codebook = &self.trees.codebook;
        let pair =
            |it: &Item| (f64::from(codebook[usize::from(it.code)]), weights[it.place as usize]);
        WeightedValues::ascending(by_code(&items, pair))
    }
}

/// Builds trees from their nodes in preorder.
#[derive(Debug)]
pub(super) struct TreesBuilder {
    trees: Trees,
    /// Splits whose right branch has not begun.
    open: Vec<u32>,
    /// Whether the next node begins a tree.
    at_root: bool,
}

impl TreesBuilder {
    /// For trees whose leaves hold values of this codebook, which is ascending.
    pub(super) fn new(codebook: Vec<f32>) -> Self {
        Self { trees: Trees { codebook, ..Trees::default() }, open: Vec::new(), at_root: true }
    }

    /// Adds a split.
    pub(super) fn split(&mut self, feature: u16, threshold: f32) {
        let place = self.begin();
        self.open.push(place);
        self.trees.nodes.push(Node { threshold, right: 0, feature });
    }

    /// Adds a leaf, whose codes are indices into the codebook.
    pub(super) fn leaf(&mut self, codes: impl IntoIterator<Item = u16>) {
        let place = self.begin();
        let Trees { nodes, codes: all, codebook, means, .. } = &mut self.trees;
        nodes.push(Node { threshold: f32::NAN, right: place, feature: 0 });
        let from = all.len();
        all.extend(codes);
        let values = all[from..].iter().map(|code| f64::from(codebook[usize::from(*code)]));
        means[place as usize] = values.sum::<f64>() / (all.len() - from).max(1) as f64;
        match self.open.pop() {
            Some(split) => self.trees.nodes[split as usize].right = place + 1,
            None => self.at_root = true,
        }
    }

    fn begin(&mut self) -> u32 {
        let Trees { roots, nodes, starts, codes, means, .. } = &mut self.trees;
        let place = nodes.len() as u32;
        if std::mem::take(&mut self.at_root) {
            roots.push(place);
        }
        starts.push(codes.len() as u32);
        means.push(0.0);
        place
    }

    /// The trees; `None` if a branch is missing.
    pub(super) fn done(self) -> Option<Trees> {
        self.at_root.then_some(self.trees)
    }
}

/// A value of a leaf: its code, and the index of the leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Item {
    code: u16,
    place: u32,
}

/// `pair` of each item, in ascending order of code: a stable radix sort by the lower, then the upper byte.
fn by_code(items: &[Item], pair: impl Fn(&Item) -> (f64, f64)) -> Vec<(f64, f64)> {
    let bytes = |item: &Item| item.code.to_le_bytes().map(usize::from);
    let (mut lower, mut upper) = ([0; 256], [0; 256]);
    for item in items {
        let [low, high] = bytes(item);
        lower[low] += 1;
        upper[high] += 1;
    }
    let mut halfway = vec![Item::default(); items.len()];
    let mut next = first_places(lower);
    for item in items {
        put(*item, &mut next[bytes(item)[0]], &mut halfway);
    }
    let mut pairs = vec![(0.0, 0.0); items.len()];
    let mut next = first_places(upper);
    for item in &halfway {
        put(pair(item), &mut next[bytes(item)[1]], &mut pairs);
    }
    pairs
}

/// For each byte, the place of its first item, from the number of items of each.
fn first_places(counts: [u32; 256]) -> [u32; 256] {
    let mut sum = 0;
    counts.map(|count| {
        sum += count;
        sum - count
    })
}

/// Puts an item at the next place and advances it.
#[inline(always)]
fn put<T>(item: T, next: &mut u32, to: &mut [T]) {
    to[*next as usize] = item;
    *next += 1;
}

/// The largest number of values in a codebook: a code has two bytes.
pub(super) const MAX_CODES: usize = 1 << 16;

/// The distinct values, ascending; at even ranks where there are more than codes.
pub(super) fn codebook(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    values.dedup();
    at_even_ranks(values, MAX_CODES)
}

/// The index of the nearest value of the codebook.
pub(super) fn code(codebook: &[f32], value: f32) -> u16 {
    let above = codebook.partition_point(|&below| below < value).min(codebook.len() - 1);
    let below = above.saturating_sub(1);
    let nearest = if value - codebook[below] < codebook[above] - value { below } else { above };
    u16::try_from(nearest).expect("a codebook has at most MAX_CODES values")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws whole numbers below a given one.
    fn draws(mut state: u64) -> impl FnMut(u64) -> u64 {
        move |limit| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % limit
        }
    }

    #[test]
    fn descending_many_trees_at_once_reaches_the_leaves_of_one_at_a_time() {
        let mut draw = draws(7);
        const FEATURES: u64 = 5;
        for round in 0..100 {
            let mut builder = TreesBuilder::new((0..1000).map(|i| i as f32).collect());
            let count = 1 + draw(40);
            let mut leaf = 0;
            for _ in 0..count {
                let mut left = 1;
                while left > 0 {
                    if draw(5) < 2 {
                        builder.split(draw(FEATURES) as u16, draw(10) as f32);
                        left += 1;
                    } else {
                        builder.leaf([leaf % 1000]);
                        (leaf, left) = (leaf + 1, left - 1);
                    }
                }
            }
            let trees = builder.done().unwrap();
            assert_eq!(trees.count() as u64, count);
            let values: Vec<f32> = (0..FEATURES).map(|_| draw(10) as f32).collect();
            let nodes: Vec<NodeKind<'_>> = trees.contents().collect();
            // The end of the branch that begins at a node.
            fn end(nodes: &[NodeKind<'_>], at: usize) -> usize {
                match nodes[at] {
                    NodeKind::Leaf(_) => at + 1,
                    NodeKind::Split { .. } => end(nodes, end(nodes, at + 1)),
                }
            }
            let (mut root, mut found) = (0, Vec::new());
            while root < nodes.len() {
                let mut at = root;
                while let NodeKind::Split { feature, threshold } = nodes[at] {
                    let left = values[usize::from(feature)] <= threshold;
                    at = if left { at + 1 } else { end(&nodes, at + 1) };
                }
                found.push(at as u32);
                root = end(&nodes, root);
            }
            assert_eq!(trees.reached_leaves(&values, |_| true).leaves, found, "round {round}");
        }
    }

    #[test]
    fn the_values_of_leaves_are_sorted_as_weighted_values_sorts_them() {
        let mut draw = draws(1);
        for round in 0..200 {
            let codebook: Vec<f32> = (0..1 + draw(3000)).map(|i| i as f32 * 0.01).collect();
            let mut builder = TreesBuilder::new(codebook.clone());
            let mut pairs = Vec::new();
            let selected = |tree: usize| tree % 3 != 1;
            for tree in 0..1 + draw(40) as usize {
                let codes = (0..1 + draw(30)).map(|_| draw(codebook.len() as u64) as u16);
                let mut codes: Vec<u16> = codes.collect();
                codes.sort_unstable();
                if selected(tree) {
                    let weight = 1.0 / codes.len() as f64;
                    let value = |code: &u16| f64::from(codebook[usize::from(*code)]);
                    pairs.extend(codes.iter().map(|code| (value(code), weight)));
                }
                builder.leaf(codes);
            }
            let trees = builder.done().unwrap();
            let leaves = trees.reached_leaves(&[0.0], selected);
            let whole = WeightedValues::new(pairs);
            assert!((leaves.mean() - whole.mean()).abs() < 1e-9, "round {round}");
            assert_eq!(leaves.values(), whole, "round {round}");
        }
    }
}
