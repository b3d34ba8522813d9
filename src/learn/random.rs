//! Draws from the Poisson and the normal distribution.

use chacha20::ChaCha8Rng;

use crate::math;
use crate::random::uniform;

/// A Poisson draw by Knuth's product of uniforms.
pub(super) fn poisson(mean: f64, rng: &mut ChaCha8Rng) -> usize {
    let floor = math::exp(-mean);
    let mut product = uniform(rng);
    let mut count = 0;
    while product > floor {
        product *= uniform(rng);
        count += 1;
    }
    count
}

/// A standard normal draw by the method of Box and Muller.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - uniform(rng), uniform(rng));
    (-2.0 * math::ln(radius)).sqrt() * math::cos(std::f64::consts::TAU * angle)
}
