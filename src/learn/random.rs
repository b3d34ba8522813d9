//! Random draws from a seeded generator.

use crate::math;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// A uniform draw from [0, 1), in steps of 2⁻⁵³.
pub(super) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A Poisson draw by Knuth's product of uniforms.
pub(super) fn poisson(mean: f64, rng: &mut ChaCha8Rng) -> usize {
    let floor = math::exp(-mean);
    let mut product = unit(rng);
    let mut count = 0;
    while product > floor {
        product *= unit(rng);
        count += 1;
    }
    count
}

/// A standard normal draw by the method of Box and Muller.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - unit(rng), unit(rng));
    (-2.0 * math::ln(radius)).sqrt() * math::cos(std::f64::consts::TAU * angle)
}
