//! The body of a model file: its numbers as bytes, column by column, little endian.
//!
//! Nodes of trees are in preorder and hold no indices of other nodes, so bytes that are accepted cannot
//! contain a cycle.

use super::error::ModelError;
use super::network::{Layer, Network, Networks, Scale};
use super::trees::{NodeKind, Trees, TreesBuilder};

/// The feature of a leaf.
const LEAF: u16 = u16::MAX;
const INVALID: ModelError = ModelError::Field("body");

/// The content of a body: trees, networks.
pub(super) type Body = (Trees, Networks);

/// Codebook, number of trees, then for each node its feature or [`LEAF`], for each split
/// its threshold, for each leaf its length, then the codes; last the networks.
pub(super) fn encode(trees: &Trees, networks: &Networks) -> Vec<u8> {
    let (mut node_features, mut thresholds, mut sizes, mut codes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for node in trees.contents() {
        match node {
            NodeKind::Split { feature, threshold } => {
                node_features.push(feature);
                thresholds.push(threshold);
            }
            NodeKind::Leaf(own) => {
                node_features.push(LEAF);
                sizes.push(own.len() as u32);
                codes.extend(own);
            }
        }
    }
    let mut out = Vec::new();
    let (codebook, roots) = (trees.codebook(), trees.count());
    for length in [codebook.len(), roots, node_features.len(), sizes.len(), codes.len()] {
        out.extend((length as u32).to_le_bytes());
    }
    put_floats(codebook, &mut out);
    node_features.iter().for_each(|feature| out.extend(feature.to_le_bytes()));
    put_floats(&thresholds, &mut out);
    sizes.iter().for_each(|size| out.extend(size.to_le_bytes()));
    codes.iter().for_each(|code: &u16| out.extend(code.to_le_bytes()));
    encode_networks(networks, &mut out);
    out
}

fn put_floats(floats: &[f32], out: &mut Vec<u8>) {
    floats.iter().for_each(|value| out.extend(value.to_le_bytes()));
}

/// The number of networks; if there are any, the scale of the inputs, then for each network the
/// number of its layers, and for each layer the number of its units, its weights and its biases.
fn encode_networks(Networks { scale, all }: &Networks, out: &mut Vec<u8>) {
    let count = |count: usize, out: &mut Vec<u8>| out.extend((count as u32).to_le_bytes());
    count(all.len(), out);
    if all.is_empty() {
        return;
    }
    put_floats(&scale.middle, out);
    put_floats(&scale.per, out);
    for Network(layers) in all {
        count(layers.len(), out);
        for Layer { weights, biases } in layers {
            count(biases.len(), out);
            put_floats(weights, out);
            put_floats(biases, out);
        }
    }
}

/// The bytes that are still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self, count: usize) -> Result<Vec<[u8; N]>, ModelError> {
        let bytes = count.checked_mul(N).filter(|&bytes| bytes <= self.0.len());
        let (mine, rest) = self.0.split_at(bytes.ok_or(INVALID)?);
        self.0 = rest;
        Ok(mine.as_chunks::<N>().0.to_vec())
    }

    fn counts<const N: usize>(&mut self) -> Result<[usize; N], ModelError> {
        let words = self.take::<4>(N)?.into_iter().map(|bytes| u32::from_le_bytes(bytes) as usize);
        words.collect::<Vec<_>>().try_into().map_err(|_| INVALID)
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, ModelError> {
        let values: Vec<f32> = self.take(count)?.into_iter().map(f32::from_le_bytes).collect();
        let finite = values.iter().all(|value| value.is_finite());
        if finite { Ok(values) } else { Err(INVALID) }
    }
}

/// Reads a body that [`encode`] wrote for a model with this many features, and at most
/// `max_codes` in its leaves.
pub(super) fn decode(body: &[u8], features: usize, max_codes: usize) -> Result<Body, ModelError> {
    let mut rest = Rest(body);
    let [codebook, trees, nodes, leaves, codes] = rest.counts()?;
    if codes > max_codes {
        return Err(ModelError::TooManyCodes(codes));
    }
    let codebook = rest.floats(codebook)?;
    let node_features: Vec<u16> = rest.take(nodes)?.into_iter().map(u16::from_le_bytes).collect();
    let splits = nodes.checked_sub(leaves).ok_or(INVALID)?;
    let thresholds = rest.floats(splits)?;
    let sizes: Vec<u32> = rest.take(leaves)?.into_iter().map(u32::from_le_bytes).collect();
    let codes: Vec<u16> = rest.take(codes)?.into_iter().map(u16::from_le_bytes).collect();
    let networks = decode_networks(&mut rest, features)?;
    let fits = rest.0.is_empty()
        && codebook.is_sorted()
        && node_features.iter().all(|&f| f == LEAF || usize::from(f) < features)
        && codes.iter().all(|&code| usize::from(code) < codebook.len());
    if !fits {
        return Err(INVALID);
    }
    let read_trees = read_trees(codebook, &node_features, &thresholds, &sizes, &codes);
    let trees = read_trees.filter(|read_trees| read_trees.count() == trees).ok_or(INVALID)?;
    Ok((trees, networks))
}

/// Reads the networks. The inputs of each layer are the units of the one before, and the last layer has
/// one unit.
fn decode_networks(rest: &mut Rest, features: usize) -> Result<Networks, ModelError> {
    const MAX_UNITS: usize = 1 << 12;
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
            if units == 0 || units > MAX_UNITS || inputs == 0 {
                return Err(INVALID);
            }
            let (weights, biases) = (rest.floats(inputs * units)?, rest.floats(units)?);
            network.0.push(Layer { weights, biases });
            inputs = units;
        }
        if layers == 0 || inputs != 1 {
            return Err(INVALID);
        }
        all.push(network);
    }
    Ok(Networks { scale, all })
}

/// Builds trees of nodes in preorder; `None` if values of any column are missing or left over.
fn read_trees(
    codebook: Vec<f32>,
    node_features: &[u16],
    thresholds: &[f32],
    sizes: &[u32],
    mut codes: &[u16],
) -> Option<Trees> {
    let (mut thresholds, mut sizes) = (thresholds.iter(), sizes.iter());
    let mut builder = TreesBuilder::new(codebook);
    for &feature in node_features {
        if feature == LEAF {
            let size = *sizes.next().filter(|size| **size > 0)?;
            let (own, rest) = codes.split_at_checked(size as usize)?;
            builder.leaf(own.iter().copied());
            codes = rest;
        } else {
            builder.split(feature, *thresholds.next()?);
        }
    }
    let used = thresholds.next().is_none() && sizes.next().is_none() && codes.is_empty();
    builder.done().filter(|_| used)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURES: usize = 3;

    fn trees(codebook: Vec<f32>) -> Trees {
        let mut builder = TreesBuilder::new(codebook);
        builder.split(2, 0.5);
        builder.leaf([0]);
        builder.leaf([0, 1]);
        builder.done().unwrap()
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
        (encode(&trees, &networks), (trees, networks))
    }

    #[test]
    fn a_body_is_read_back_as_written_and_a_truncated_one_is_rejected() {
        let (bytes, whole) = body();
        assert_eq!(decode(&bytes, FEATURES, 100).unwrap(), whole);
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], FEATURES, 100).is_err(), "{length} bytes");
        }
        assert_eq!(decode(&bytes, FEATURES, 2).unwrap_err(), ModelError::TooManyCodes(3));
        assert!(decode(&bytes, FEATURES - 1, 100).is_err());
        assert!(decode(&bytes, FEATURES + 1, 100).is_err());
        let (_, (_, networks)) = body();
        let unsorted = trees(vec![0.7, 0.1]);
        assert!(decode(&encode(&unsorted, &networks), FEATURES, 100).is_err());
    }

    /// The checksum does not protect from a crafted file: its body can hold any bytes.
    #[test]
    fn altered_bytes_are_rejected_or_give_finite_predictions() {
        let (bytes, _) = body();
        let (mut read, mut rejected) = (0, 0);
        for place in 0..bytes.len() {
            for value in [0, 1, 0x3f, 0x7f, 0x80, 0xff] {
                let mut altered = bytes.clone();
                altered[place] = value;
                let Ok((trees, networks)) = decode(&altered, FEATURES, 100) else {
                    rejected += 1;
                    continue;
                };
                read += 1;
                let values = [1.0, -1e9, f32::MAX];
                assert!(networks.log_growth(&values, |_| true).is_none_or(f64::is_finite));
                trees.reached_leaves(&values, |_| true).values();
            }
        }
        assert!(read > 500 && rejected > 300, "{read} {rejected}");
    }
}
