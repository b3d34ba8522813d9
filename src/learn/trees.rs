//! Flat trees whose leaves keep the training values that fell into them.

use std::hint::select_unpredictable;

use super::pool::Pool;

/// A question; or a leaf, which leads to itself whatever is asked.
#[derive(Clone, Copy, Debug)]
struct Node {
    threshold: f32,
    /// Where a value goes that is not at most the threshold; one that is goes on at the next node.
    right: u32,
    feature: u16,
}

/// The trees of a model, one after another, each in preorder.
#[derive(Clone, Debug, Default)]
pub(super) struct Trees {
    roots: Vec<u32>,
    nodes: Vec<Node>,
    /// How many codes the leaves before each node have.
    starts: Vec<u32>,
    /// Places in `book`, ascending within a leaf.
    codes: Vec<u16>,
    /// The values that leaves can hold, ascending.
    book: Vec<f32>,
    /// The mean of the values of each node that is a leaf.
    means: Vec<f64>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Branch<'a> {
    /// Goes on at the next node where the value of the feature is at most the threshold.
    Split { feature: u16, threshold: f32 },
    /// The codes of the values that fell here.
    Leaf(&'a [u16]),
}

impl PartialEq for Trees {
    fn eq(&self, other: &Self) -> bool {
        self.book == other.book && self.branches().eq(other.branches())
    }
}

impl Trees {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.roots.len()
    }

    /// The values that leaves can hold, ascending.
    pub(super) fn book(&self) -> &[f32] {
        &self.book
    }

    /// All nodes, each tree's in preorder.
    pub(super) fn branches(&self) -> impl Iterator<Item = Branch<'_>> + Clone {
        (0_u32..).zip(&self.nodes).map(|(place, &Node { threshold, right, feature })| {
            if right == place {
                Branch::Leaf(self.codes_of(place))
            } else {
                Branch::Split { feature, threshold }
            }
        })
    }

    /// The codes of a leaf.
    fn codes_of(&self, leaf: u32) -> &[u16] {
        let from = self.starts[leaf as usize] as usize;
        let to = self.starts.get(leaf as usize + 1).map_or(self.codes.len(), |to| *to as usize);
        &self.codes[from..to]
    }

    /// The leaves into which `values` fall in the trees that `wanted` names: several trees are
    /// gone down side by side, so that none waits for the memory of another.
    pub(super) fn fallen(&self, values: &[f32], wanted: impl Fn(usize) -> bool) -> Fallen<'_> {
        const ABREAST: usize = 8;
        let roots = self.roots.iter().enumerate().filter(|(tree, _)| wanted(*tree));
        let mut places: Vec<u32> = roots.map(|(_, &root)| root).collect();
        let (groups, rest) = places.as_chunks_mut::<ABREAST>();
        groups.iter_mut().for_each(|group| self.descend(group, values));
        self.descend(rest, values);
        Fallen { trees: self, leaves: places }
    }

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

/// Leaves, one of each of some trees; each has the weight 1 in all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fallen<'m> {
    trees: &'m Trees,
    leaves: Vec<u32>,
}

impl Fallen<'_> {
    /// The mean of the leaves' means; 0 of no leaves.
    pub(super) fn mean(&self) -> f64 {
        let means = self.leaves.iter().map(|leaf| self.trees.means[*leaf as usize]);
        means.sum::<f64>() / self.leaves.len().max(1) as f64
    }

    /// The values of all leaves.
    pub(super) fn pool(&self) -> Pool {
        let mut leaves: Vec<&[u16]> =
            self.leaves.iter().map(|&leaf| self.trees.codes_of(leaf)).collect();
        // Equal values come in the order of their weights: those of the largest leaves first.
        leaves.sort_unstable_by_key(|codes| std::cmp::Reverse(codes.len()));
        let mut items = Vec::with_capacity(leaves.iter().map(|codes| codes.len()).sum());
        for (place, codes) in (0_u32..).zip(&leaves) {
            items.extend(codes.iter().map(|&code| Item { code, place }));
        }
        let weights: Vec<f64> = leaves.iter().map(|codes| 1.0 / codes.len() as f64).collect();
        let book = &self.trees.book;
        let pair = |it: &Item| (f64::from(book[usize::from(it.code)]), weights[it.place as usize]);
        Pool::ascending(by_code(&items, pair))
    }
}

/// Puts trees together, node by node in preorder.
#[derive(Debug)]
pub(super) struct Planter {
    trees: Trees,
    /// Splits whose right branch is still to come.
    open: Vec<u32>,
    /// Whether the next node begins a tree.
    at_root: bool,
}

impl Planter {
    /// For trees whose leaves will hold values of this ascending book.
    pub(super) fn new(book: Vec<f32>) -> Self {
        Self { trees: Trees { book, ..Trees::default() }, open: Vec::new(), at_root: true }
    }

    /// Adds a split.
    pub(super) fn split(&mut self, feature: u16, threshold: f32) {
        let place = self.begin();
        self.open.push(place);
        self.trees.nodes.push(Node { threshold, right: 0, feature });
    }

    /// Adds a leaf, whose codes are places in the book.
    pub(super) fn leaf(&mut self, codes: impl IntoIterator<Item = u16>) {
        let place = self.begin();
        let Trees { nodes, codes: all, book, means, .. } = &mut self.trees;
        nodes.push(Node { threshold: f32::NAN, right: place, feature: 0 });
        let from = all.len();
        all.extend(codes);
        let values = all[from..].iter().map(|code| f64::from(book[usize::from(*code)]));
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

    /// The trees, if none is left without a branch.
    pub(super) fn done(self) -> Option<Trees> {
        self.at_root.then_some(self.trees)
    }
}

/// A value in a leaf: its code, and which leaf that is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Item {
    code: u16,
    place: u32,
}

/// What `pair` makes of the items by ascending code, in their order where that is the same: sorted by
/// counting, first by the lower byte, then by the upper.
fn by_code(items: &[Item], pair: impl Fn(&Item) -> (f64, f64)) -> Vec<(f64, f64)> {
    let bytes = |item: &Item| item.code.to_le_bytes().map(usize::from);
    let (mut lower, mut upper) = ([0; 256], [0; 256]);
    for item in items {
        let [low, high] = bytes(item);
        lower[low] += 1;
        upper[high] += 1;
    }
    let mut halfway = vec![Item::default(); items.len()];
    let mut place = firsts(lower);
    for item in items {
        deal(*item, &mut place[bytes(item)[0]], &mut halfway);
    }
    let mut pairs = vec![(0.0, 0.0); items.len()];
    let mut place = firsts(upper);
    for item in &halfway {
        deal(pair(item), &mut place[bytes(item)[1]], &mut pairs);
    }
    pairs
}

/// From how many there are of each to where the first of each goes.
fn firsts(counts: [u32; 256]) -> [u32; 256] {
    let mut sum = 0;
    counts.map(|count| {
        sum += count;
        sum - count
    })
}

/// Puts something at a place, and the next one behind it.
#[inline(always)]
fn deal<T>(what: T, place: &mut u32, to: &mut [T]) {
    to[*place as usize] = what;
    *place += 1;
}

/// The values that leaves can hold: all of them, or as many as a code can name, evenly by rank.
pub(super) fn codebook(mut values: Vec<f32>) -> Vec<f32> {
    const MOST: usize = 1 << 16;
    values.sort_unstable_by(f32::total_cmp);
    values.dedup();
    if values.len() <= MOST {
        return values;
    }
    (0..MOST).map(|i| values[i * (values.len() - 1) / (MOST - 1)]).collect()
}

/// The place of the value in the book that is nearest.
pub(super) fn code(book: &[f32], value: f32) -> u16 {
    let above = book.partition_point(|&known| known < value).min(book.len() - 1);
    let below = above.saturating_sub(1);
    let nearest = if value - book[below] < book[above] - value { below } else { above };
    u16::try_from(nearest).expect("a book has at most 65,536 values")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws of whole numbers below a given one.
    fn chances(mut state: u64) -> impl FnMut(u64) -> u64 {
        move |most| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % most
        }
    }

    /// What a leaf says is what following its questions one by one finds.
    #[test]
    fn trees_are_gone_down_side_by_side_as_one_by_one() {
        let mut chance = chances(7);
        const FEATURES: u64 = 5;
        for round in 0..100 {
            let mut planter = Planter::new((0..1000).map(|i| i as f32).collect());
            let count = 1 + chance(40);
            let mut leaf = 0;
            for _ in 0..count {
                let mut left = 1;
                while left > 0 {
                    if chance(5) < 2 {
                        planter.split(chance(FEATURES) as u16, chance(10) as f32);
                        left += 1;
                    } else {
                        planter.leaf([leaf % 1000]);
                        (leaf, left) = (leaf + 1, left - 1);
                    }
                }
            }
            let trees = planter.done().unwrap();
            assert_eq!(trees.count() as u64, count);
            let values: Vec<f32> = (0..FEATURES).map(|_| chance(10) as f32).collect();
            let branches: Vec<Branch<'_>> = trees.branches().collect();
            // Where the branch that begins at a place ends.
            fn end(branches: &[Branch<'_>], at: usize) -> usize {
                match branches[at] {
                    Branch::Leaf(_) => at + 1,
                    Branch::Split { .. } => end(branches, end(branches, at + 1)),
                }
            }
            let (mut root, mut found) = (0, Vec::new());
            while root < branches.len() {
                let mut at = root;
                while let Branch::Split { feature, threshold } = branches[at] {
                    let left = values[usize::from(feature)] <= threshold;
                    at = if left { at + 1 } else { end(&branches, at + 1) };
                }
                found.push(at as u32);
                root = end(&branches, root);
            }
            assert_eq!(trees.fallen(&values, |_| true).leaves, found, "round {round}");
        }
    }

    /// The leaves' values one after another, in the order that [`Pool::new`] makes.
    #[test]
    fn a_pool_is_the_same_however_it_is_put_together() {
        let mut chance = chances(1);
        for round in 0..200 {
            let book: Vec<f32> = (0..1 + chance(3000)).map(|i| i as f32 * 0.01).collect();
            let mut planter = Planter::new(book.clone());
            let mut pairs = Vec::new();
            let wanted = |tree: usize| tree % 3 != 1;
            for tree in 0..1 + chance(40) as usize {
                let codes = (0..1 + chance(30)).map(|_| chance(book.len() as u64) as u16);
                let mut codes: Vec<u16> = codes.collect();
                codes.sort_unstable();
                if wanted(tree) {
                    let weight = 1.0 / codes.len() as f64;
                    let value = |code: &u16| f64::from(book[usize::from(*code)]);
                    pairs.extend(codes.iter().map(|code| (value(code), weight)));
                }
                planter.leaf(codes);
            }
            let trees = planter.done().unwrap();
            let fallen = trees.fallen(&[0.0], wanted);
            let whole = Pool::new(pairs);
            assert!((fallen.mean() - whole.mean()).abs() < 1e-9, "round {round}");
            assert_eq!(fallen.pool(), whole, "round {round}");
        }
    }
}
