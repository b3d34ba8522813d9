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
        let mut pairs = Vec::with_capacity(self.roots.len() * 16);
        for (_, &root) in self.roots.iter().enumerate().filter(|(tree, _)| wanted(*tree)) {
            let (from, to) = self.leaf(root, values);
            let leaf = &self.codes[from as usize..to as usize];
            let weight = 1.0 / leaf.len() as f64;
            pairs
                .extend(leaf.iter().map(|&code| (f64::from(self.book[usize::from(code)]), weight)));
        }
        Pool::new(pairs)
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
