//! Elementary functions that have the same bits on every processor.
//!
//! Those of the standard library call the C library, which has one version for processors with fused multiply-add
//! and another for those without; about one in 1,500 results of their `exp` differs in the last bit. Those of the
//! crate libm are compiled once. clippy.toml refuses the ones of the standard library.

pub use libm::{
    atan, atan2, cos, cosf, exp, exp2, expf, expm1, log as ln, log1p, log2, log10, pow, sin, sincos,
};

/// 2^53: every whole number below it is exact as a floating-point number, and different from the next ones.
pub const EXACT_WHOLE: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{seeded_rng, uniform};

    /// FNV-1a of the bits of 20,000 values of each function. Run on an emulated processor without fused
    /// multiply-add too (tests/processors.sh); the functions of the standard library differ there.
    #[test]
    fn every_function_has_the_same_bits() {
        let found = FUNCTIONS.map(|(name, function)| {
            let rng = &mut seeded_rng(1, 1);
            let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
            for _ in 0..20_000 {
                let bits = function(40.0 * uniform(rng) - 20.0).to_bits();
                hash = (hash ^ bits).wrapping_mul(0x0100_0000_01b3);
            }
            (name, hash)
        });
        assert_eq!(found, EXPECTED);
    }

    type Function = fn(f64) -> f64;

    const FUNCTIONS: [(&str, Function); 15] = [
        ("exp", exp),
        ("expf", |x| f64::from(expf(x as f32))),
        ("exp2", exp2),
        ("expm1", expm1),
        ("ln", |x| ln(x.abs())),
        ("log1p", |x| log1p(x.abs())),
        ("log2", |x| log2(x.abs())),
        ("log10", |x| log10(x.abs())),
        ("pow", |x| pow(x.abs(), x / 4.0)),
        ("sin", sin),
        ("cos", cos),
        ("cosf", |x| f64::from(cosf(x as f32))),
        ("sincos", |x| sincos(x).0 - sincos(x).1),
        ("atan", atan),
        ("atan2", |x| atan2(x, 1.5)),
    ];

    const EXPECTED: [(&str, u64); FUNCTIONS.len()] = [
        ("exp", 0x1bd6_8c2e_fda2_9601),
        ("expf", 0x8578_0f4b_01f2_0da5),
        ("exp2", 0x76f5_82ac_681f_42c1),
        ("expm1", 0x9b02_455b_3576_1989),
        ("ln", 0xf4e0_7454_cb40_3a22),
        ("log1p", 0x2187_f45d_a630_4206),
        ("log2", 0xbeae_efa2_404e_1c1c),
        ("log10", 0x46dd_7d07_eab0_64be),
        ("pow", 0xfdb4_2ced_21f2_dcde),
        ("sin", 0xdfe6_d5c0_9497_b2a1),
        ("cos", 0x6b8f_7ce4_ccd7_38b9),
        ("cosf", 0x80e9_2441_a1f2_0da5),
        ("sincos", 0x1684_fa31_fd6d_5c54),
        ("atan", 0x9f5f_56ca_7721_6656),
        ("atan2", 0xc877_8f70_ba21_da33),
    ];

    #[test]
    #[expect(clippy::disallowed_methods, reason = "they are compared with ours")]
    fn functions_agree_with_those_of_the_standard_library() {
        let standard: [Function; 11] = [
            f64::exp,
            |x| f64::from((x as f32).exp()),
            f64::exp2,
            f64::exp_m1,
            |x| x.abs().ln(),
            |x| x.abs().ln_1p(),
            |x| x.abs().log2(),
            |x| x.abs().log10(),
            |x| x.abs().powf(x / 4.0),
            f64::sin,
            f64::cos,
        ];
        for ((name, ours), theirs) in FUNCTIONS.into_iter().zip(standard) {
            let accuracy = if name.ends_with('f') { 2e-7 } else { 5e-16 };
            let rng = &mut seeded_rng(2, 1);
            for _ in 0..20_000 {
                let x = 40.0 * uniform(rng) - 20.0;
                let (ours, theirs) = (ours(x), theirs(x));
                let off = (ours - theirs).abs();
                assert!(off <= accuracy * theirs.abs().max(1e-3), "{name}({x}): {ours} {theirs}");
            }
        }
    }
}
