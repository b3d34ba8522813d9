//! Flat trees whose leaves keep the training values that fell into them.

use super::pool::Pool;

/// A node: a question, or a leaf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Node {
    /// Goes on at the next node where the value is at most the threshold, else at `right`.
    Split { feature: u16, threshold: f32, right: u32 },
    /// Its values are `codes[from..to]`.
    Leaf { from: u32, to: u32 },
}

/// The trees of a model, one after another, each in preorder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trees {
    pub(super) roots: Vec<u32>,
    pub(super) nodes: Vec<Node>,
    /// Places in `book`, ascending within a leaf.
    pub(super) codes: Vec<u16>,
    /// The values that leaves can hold, ascending.
    pub(super) book: Vec<f32>,
}

impl Trees {
    /// The values that share a leaf with `values` in the trees that `wanted` names; a tree's
    /// leaf has the weight 1 in all.
    pub(super) fn pool(&self, values: &[f32], wanted: impl Fn(usize) -> bool) -> Pool {
        let trees = self.roots.iter().enumerate().filter(|(tree, _)| wanted(*tree));
        let mut leaves: Vec<(u32, u32)> = trees.map(|(_, &root)| self.leaf(root, values)).collect();
        // Equal values come in the order of their weights: those of the largest leaves first.
        leaves.sort_unstable_by_key(|(from, to)| std::cmp::Reverse(to - from));
        let mut items =
            Vec::with_capacity(leaves.iter().map(|(from, to)| (to - from) as usize).sum());
        for (place, &(from, to)) in (0_u32..).zip(&leaves) {
            let codes = &self.codes[from as usize..to as usize];
            items.extend(codes.iter().map(|&code| Item { code, place }));
        }
        let weight = |(from, to): (u32, u32)| 1.0 / f64::from(to - from);
        let weights: Vec<f64> = leaves.into_iter().map(weight).collect();
        let pair =
            |it: &Item| (f64::from(self.book[usize::from(it.code)]), weights[it.place as usize]);
        Pool::ascending(by_code(&items, pair))
    }

    fn leaf(&self, root: u32, values: &[f32]) -> (u32, u32) {
        let mut at = root;
        loop {
            match self.nodes[at as usize] {
                Node::Leaf { from, to } => return (from, to),
                Node::Split { feature, threshold, right } => {
                    let left = values[usize::from(feature)] <= threshold;
                    at = if left { at + 1 } else { right };
                }
            }
        }
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
    let mut halfway = vec![Item::default(); items.len()];
    deal(items, |item| item.code & 0xff, |item| *item, &mut halfway);
    let mut pairs = vec![(0.0, 0.0); items.len()];
    deal(&halfway, |item| item.code >> 8, pair, &mut pairs);
    pairs
}

/// Puts what `make` makes of each item where its byte says, in their order where that is the same.
fn deal<T>(items: &[Item], byte: impl Fn(&Item) -> u16, make: impl Fn(&Item) -> T, to: &mut [T]) {
    let mut places = [0_usize; 257];
    items.iter().for_each(|item| places[usize::from(byte(item)) + 1] += 1);
    for i in 0..256 {
        places[i + 1] += places[i];
    }
    for item in items {
        let place = &mut places[usize::from(byte(item))];
        to[*place] = make(item);
        *place += 1;
    }
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

    /// The leaves' values one after another, in the order that [`Pool::new`] makes.
    #[test]
    fn a_pool_is_the_same_however_it_is_put_together() {
        let mut state = 1_u64;
        let mut chance = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % most
        };
        for round in 0..200 {
            let book = (0..1 + chance(3000)).map(|i| i as f32 * 0.01).collect();
            let mut trees = Trees { book, ..Trees::default() };
            for _ in 0..1 + chance(40) {
                let from = trees.codes.len() as u32;
                let book = trees.book.len() as u64;
                trees.codes.extend((0..1 + chance(30)).map(|_| chance(book) as u16));
                trees.codes[from as usize..].sort_unstable();
                trees.roots.push(trees.nodes.len() as u32);
                trees.nodes.push(Node::Leaf { from, to: trees.codes.len() as u32 });
            }
            let wanted = |tree: usize| tree % 3 != 1;
            let mut pairs = Vec::new();
            for (tree, node) in trees.nodes.iter().enumerate().filter(|(tree, _)| wanted(*tree)) {
                let &Node::Leaf { from, to } = node else { panic!("tree {tree} is a leaf") };
                let value = |code: &u16| f64::from(trees.book[usize::from(*code)]);
                let leaf = &trees.codes[from as usize..to as usize];
                pairs.extend(leaf.iter().map(|code| (value(code), 1.0 / leaf.len() as f64)));
            }
            assert_eq!(trees.pool(&[], wanted), Pool::new(pairs), "round {round}");
        }
    }
}
