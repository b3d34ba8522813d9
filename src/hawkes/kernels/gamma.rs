//! The logarithm of the gamma function and its derivatives, for positive arguments.

use crate::math;

/// ln Γ(x), ψ(x) = (ln Γ)′ and ψ′(x), to some 1e-14 of their size plus 1.
///
/// Shifts x above 12 by the recurrence, then uses Stirling's series (Abramowitz & Stegun 6.1.40, 6.3.18, 6.4.12).
pub(crate) fn log_gamma(x: f64) -> [f64; 3] {
    let (mut x, mut product) = (x, 1.0);
    let (mut digamma, mut trigamma) = (0.0, 0.0);
    while x < 12.0 {
        product *= x;
        digamma -= x.recip();
        trigamma += (x * x).recip();
        x += 1.0;
    }
    let (r, log) = (x.recip(), math::ln(x));
    let s = r * r;
    let value = (x - 0.5) * log - x
        + 0.5 * math::ln(std::f64::consts::TAU)
        + r * (1.0 / 12.0
            - s * (1.0 / 360.0 - s * (1.0 / 1260.0 - s * (1.0 / 1680.0 - s / 1188.0))));
    digamma += log
        - 0.5 * r
        - s * (1.0 / 12.0
            - s * (1.0 / 120.0 - s * (1.0 / 252.0 - s * (1.0 / 240.0 - s * (1.0 / 132.0)))));
    trigamma += r
        + 0.5 * s
        + r * s
            * (1.0 / 6.0 - s * (1.0 / 30.0 - s * (1.0 / 42.0 - s * (1.0 / 30.0 - s * 5.0 / 66.0))));
    [value - math::ln(product), digamma, trigamma]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_agree_with_closed_forms() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        let square = std::f64::consts::PI * std::f64::consts::PI;
        let near = |found: f64, expected: f64| {
            assert!(
                (found - expected).abs() < 2e-14 * (1.0 + expected.abs()),
                "{found} {expected}"
            );
        };
        for (x, value, digamma, trigamma) in [
            (1.0, 0.0, -EULER, square / 6.0),
            (0.5, math::ln(std::f64::consts::PI) / 2.0, -EULER - math::ln(4f64), square / 2.0),
            (2.0, 0.0, 1.0 - EULER, square / 6.0 - 1.0),
        ] {
            let found = log_gamma(x);
            near(found[0], value);
            near(found[1], digamma);
            near(found[2], trigamma);
        }
        // The recurrence Γ(x + 1) = x Γ(x).
        for x in [0.01f64, 0.3, 3.7, 11.9, 40.0] {
            let (here, next) = (log_gamma(x), log_gamma(x + 1.0));
            near(next[0] - here[0], math::ln(x));
            near(next[1] - here[1], x.recip());
            near(next[2] - here[2], -(x * x).recip());
        }
    }
}
