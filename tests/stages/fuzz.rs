//! The fuzz targets (tests/fuzz) on their corpora and on mutations of them by seed.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[path = "../fuzz/targets.rs"]
mod targets;

fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    rng.next_u32() as usize % end.max(1)
}

/// A corpus file after one to four changes: bytes replaced, removed, repeated, or taken from another file.
fn mutated(corpus: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<u8> {
    const TOKENS: [&[u8]; 12] = [
        b"\"", b"\\", b"{", b"}", b",", b"\n", b"\r\n", b"1e308", b"-", b"\\ud800", b"null",
        b"\xff",
    ];
    let mut bytes = corpus[below(rng, corpus.len())].clone();
    for _ in 0..=below(rng, 4) {
        let at = below(rng, bytes.len());
        let end = (at + 1 + below(rng, 12)).min(bytes.len());
        match below(rng, 5) {
            0 => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= 1 << (rng.next_u32() % 8)),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let token = TOKENS[below(rng, TOKENS.len())];
                bytes.splice(at..end, token.iter().copied());
            }
            _ => {
                let other = &corpus[below(rng, corpus.len())];
                let from = below(rng, other.len());
                let to = (from + below(rng, 200)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn every_target_holds_on_its_corpus_and_on_mutations_of_it() {
    const MUTATIONS: u64 = 10_000;
    for (name, target) in targets::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        assert!(!corpus.is_empty(), "{name}");
        corpus.iter().for_each(|bytes| target(bytes));
        for seed in 0..MUTATIONS {
            let bytes = mutated(&corpus, &mut ChaCha8Rng::seed_from_u64(seed));
            if catch_unwind(|| target(&bytes)).is_err() {
                panic!("{name}, seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
