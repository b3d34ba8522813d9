//! Mutations of a corpus, which a seed decides.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::Rng;

fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    rng.next_u32() as usize % end.max(1)
}

/// A corpus file after one to four changes: bytes replaced, removed, repeated, or taken from another file.
pub(crate) fn mutated(corpus: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<u8> {
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
