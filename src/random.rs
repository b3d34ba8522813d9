//! Random draws from a seeded generator, the same on every processor.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// The distance of the uniform draws: 2⁻⁵³.
pub(crate) const STEP: f64 = 1.0 / (1u64 << 53) as f64;

/// A generator for stream `stream` of `seed`; streams with different numbers are independent.
pub(crate) fn seeded_rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Draws uniformly from [0, 1), in steps of [`STEP`].
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 53 highest bits of 64, as a fraction: each draw is a multiple of the step, and none is 1.
    #[test]
    fn uniform_draws_are_the_53_highest_bits_as_a_fraction() {
        let (mut rng, mut bits) = (seeded_rng(3, 7), seeded_rng(3, 7));
        let mut sum = 0.0;
        for _ in 0..10_000 {
            let draw = uniform(&mut rng);
            assert_eq!(draw * 9_007_199_254_740_992.0, (bits.next_u64() / 2048) as f64);
            assert!((0.0..1.0).contains(&draw));
            sum += draw;
        }
        // Four standard deviations of the mean of 10,000 draws, each of 1/√12.
        assert!((sum / 1e4 - 0.5).abs() < 4.0 / (12.0_f64.sqrt() * 100.0), "{sum}");
    }

    #[test]
    fn streams_of_a_seed_differ_and_are_repeatable() {
        let first = |seed, stream| seeded_rng(seed, stream).next_u64();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }
}
