//! The numbers of a model as bytes, column by column, little endian.
//!
//! The trees are in preorder without a single index, so that whatever comes in is a tree or is
//! refused.

use super::network::{Layer, Network, Networks, Scale};
use super::trees::{Branch, Planter, Trees};
use super::wire::Refused;

const LEAF_MARK: u16 = u16::MAX;
const BROKEN: Refused = Refused::Field("body");

/// What a model's body holds: residuals of the laws, trees, networks.
pub(super) type Body = (Vec<f32>, Trees, Networks);

/// Residuals, book, number of trees, then per node its feature (or the mark of a leaf), per split
/// its threshold, per leaf its length, then the codes; last the networks.
pub(super) fn packed(residuals: &[f32], trees: &Trees, networks: &Networks) -> Vec<u8> {
    let (mut asked, mut thresholds, mut sizes, mut codes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for branch in trees.branches() {
        match branch {
            Branch::Split { feature, threshold } => {
                asked.push(feature);
                thresholds.push(threshold);
            }
            Branch::Leaf(own) => {
                asked.push(LEAF_MARK);
                sizes.push(own.len() as u32);
                codes.extend(own);
            }
        }
    }
    let mut out = Vec::new();
    let (book, roots) = (trees.book(), trees.count());
    for length in [residuals.len(), book.len(), roots, asked.len(), sizes.len(), codes.len()] {
        out.extend((length as u32).to_le_bytes());
    }
    pack_floats(residuals, &mut out);
    pack_floats(book, &mut out);
    asked.iter().for_each(|feature| out.extend(feature.to_le_bytes()));
    pack_floats(&thresholds, &mut out);
    sizes.iter().for_each(|size| out.extend(size.to_le_bytes()));
    codes.iter().for_each(|code: &u16| out.extend(code.to_le_bytes()));
    pack_networks(networks, &mut out);
    out
}

fn pack_floats(floats: &[f32], out: &mut Vec<u8>) {
    floats.iter().for_each(|value| out.extend(value.to_le_bytes()));
}

/// How many there are; where there are any, the scale of the inputs, then for each network the
/// number of its layers, and for each of these that of its units, its weights and its biases.
fn pack_networks(Networks { scale, all }: &Networks, out: &mut Vec<u8>) {
    let count = |count: usize, out: &mut Vec<u8>| out.extend((count as u32).to_le_bytes());
    count(all.len(), out);
    if all.is_empty() {
        return;
    }
    pack_floats(&scale.middle, out);
    pack_floats(&scale.per, out);
    for Network(layers) in all {
        count(layers.len(), out);
        for Layer { weights, biases } in layers {
            count(biases.len(), out);
            pack_floats(weights, out);
            pack_floats(biases, out);
        }
    }
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self, count: usize) -> Result<Vec<[u8; N]>, Refused> {
        let bytes = count.checked_mul(N).filter(|&bytes| bytes <= self.0.len());
        let (mine, rest) = self.0.split_at(bytes.ok_or(BROKEN)?);
        self.0 = rest;
        Ok(mine.as_chunks::<N>().0.to_vec())
    }

    fn counts<const N: usize>(&mut self) -> Result<[usize; N], Refused> {
        let words = self.take::<4>(N)?.into_iter().map(|bytes| u32::from_le_bytes(bytes) as usize);
        words.collect::<Vec<_>>().try_into().map_err(|_| BROKEN)
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, Refused> {
        let values: Vec<f32> = self.take(count)?.into_iter().map(f32::from_le_bytes).collect();
        let finite = values.iter().all(|value| value.is_finite());
        if finite { Ok(values) } else { Err(BROKEN) }
    }
}

/// Reads what `packed` wrote for so many features.
pub(super) fn unpacked(body: &[u8], features: usize) -> Result<Body, Refused> {
    let mut rest = Rest(body);
    let [residuals, book, trees, nodes, leaves, codes] = rest.counts()?;
    let residuals = rest.floats(residuals)?;
    let book = rest.floats(book)?;
    let asked: Vec<u16> = rest.take(nodes)?.into_iter().map(u16::from_le_bytes).collect();
    let splits = nodes.checked_sub(leaves).ok_or(BROKEN)?;
    let thresholds = rest.floats(splits)?;
    let sizes: Vec<u32> = rest.take(leaves)?.into_iter().map(u32::from_le_bytes).collect();
    let codes: Vec<u16> = rest.take(codes)?.into_iter().map(u16::from_le_bytes).collect();
    let networks = unpacked_networks(&mut rest, features)?;
    let fits = rest.0.is_empty()
        && book.is_sorted()
        && asked.iter().all(|&f| f == LEAF_MARK || usize::from(f) < features)
        && codes.iter().all(|&code| usize::from(code) < book.len());
    if !fits {
        return Err(BROKEN);
    }
    let planted = planted(book, &asked, &thresholds, &sizes, &codes);
    let trees = planted.filter(|planted| planted.count() == trees).ok_or(BROKEN)?;
    Ok((residuals, trees, networks))
}

/// Every layer sees what the one before it gives, and the last one has one unit.
fn unpacked_networks(rest: &mut Rest, features: usize) -> Result<Networks, Refused> {
    const MOST: usize = 1 << 12;
    let [networks] = rest.counts()?;
    if networks == 0 {
        return Ok(Networks::default());
    }
    let scale = Scale { middle: rest.floats(features)?, per: rest.floats(features)? };
    let mut all = Vec::new();
    for _ in 0..networks {
        let [layers] = rest.counts()?;
        let (mut inputs, mut network) = (features, Network::default());
        for _ in 0..layers {
            let [units] = rest.counts()?;
            if units == 0 || units > MOST || inputs == 0 {
                return Err(BROKEN);
            }
            let (weights, biases) = (rest.floats(inputs * units)?, rest.floats(units)?);
            network.0.push(Layer { weights, biases });
            inputs = units;
        }
        if layers == 0 || inputs != 1 {
            return Err(BROKEN);
        }
        all.push(network);
    }
    Ok(Networks { scale, all })
}

/// Trees of nodes in preorder; `None` if too much or too little of anything is there.
fn planted(
    book: Vec<f32>,
    asked: &[u16],
    thresholds: &[f32],
    sizes: &[u32],
    mut codes: &[u16],
) -> Option<Trees> {
    let (mut thresholds, mut sizes) = (thresholds.iter(), sizes.iter());
    let mut planter = Planter::new(book);
    for &feature in asked {
        if feature == LEAF_MARK {
            let size = *sizes.next().filter(|size| **size > 0)?;
            let (own, rest) = codes.split_at_checked(size as usize)?;
            planter.leaf(own.iter().copied());
            codes = rest;
        } else {
            planter.split(feature, *thresholds.next()?);
        }
    }
    let used = thresholds.next().is_none() && sizes.next().is_none() && codes.is_empty();
    planter.done().filter(|_| used)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURES: usize = 3;

    fn trees(book: Vec<f32>) -> Trees {
        let mut planter = Planter::new(book);
        planter.split(2, 0.5);
        planter.leaf([0]);
        planter.leaf([0, 1]);
        planter.done().unwrap()
    }

    fn body() -> (Vec<u8>, Body) {
        let layer = |inputs: usize, units: usize| Layer {
            weights: (0..inputs * units).map(|i| 0.5 - i as f32 / 7.0).collect(),
            biases: (0..units).map(|i| i as f32).collect(),
        };
        let network = Network(vec![layer(FEATURES, 4), layer(4, 2), layer(2, 1)]);
        let scale = Scale { middle: vec![1.0; FEATURES], per: vec![2.0; FEATURES] };
        let networks = Networks { scale, all: vec![network; 2] };
        let trees = trees(vec![0.1, 0.7]);
        let residuals = vec![0.25, 1.5];
        (packed(&residuals, &trees, &networks), (residuals, trees, networks))
    }

    #[test]
    fn what_is_packed_is_unpacked_and_what_is_torn_refused() {
        let (bytes, whole) = body();
        assert_eq!(unpacked(&bytes, FEATURES).unwrap(), whole);
        for length in 0..bytes.len() {
            assert!(unpacked(&bytes[..length], FEATURES).is_err(), "{length} bytes");
        }
        assert!(unpacked(&bytes, FEATURES - 1).is_err());
        assert!(unpacked(&bytes, FEATURES + 1).is_err());
        let (_, (residuals, _, networks)) = body();
        let disorderly = trees(vec![0.7, 0.1]);
        assert!(unpacked(&packed(&residuals, &disorderly, &networks), FEATURES).is_err());
    }

    /// With a checksum of its own making a body can hold anything: it is refused, or answers.
    #[test]
    fn altered_bytes_are_refused_or_answer() {
        let (bytes, _) = body();
        let (mut read, mut refused) = (0, 0);
        for place in 0..bytes.len() {
            for value in [0, 1, 0x3f, 0x7f, 0x80, 0xff] {
                let mut altered = bytes.clone();
                altered[place] = value;
                let Ok((_, trees, networks)) = unpacked(&altered, FEATURES) else {
                    refused += 1;
                    continue;
                };
                read += 1;
                let values = [1.0, -1e9, f32::MAX];
                assert!(networks.log_growth(&values, |_| true).is_none_or(f64::is_finite));
                trees.fallen(&values, |_| true).pool();
            }
        }
        assert!(read > 500 && refused > 300, "{read} {refused}");
    }
}
