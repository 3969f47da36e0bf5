//! The exponential function in single precision, in a form that compilers vectorise.

/// `exp(x)` with a relative error below 2e-7 for `x` in `[-87, 88]`; clamped outside.
///
/// Only additions, multiplications and bit operations, so every machine gives the same bits.
/// Method: `exp(x) = 2^k exp(r)` with `|r| <= ln(2) / 2` and a Taylor polynomial of degree 7.
///
/// Reference: Cody, Waite 1980, Software Manual for the Elementary Functions, chapter 6.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    // ln(2) in two parts; the first has so few bits that `k * HIGH` is exact.
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * HIGH) - k * LOW;
    let mut p = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p * r + coefficient;
    }
    // The low bits of `shifted` hold k; moved to the exponent they multiply by 2^k.
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_double_precision() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let expected = libm::exp(f64::from(x));
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2e-7, "exp({x}): relative error {error}");
        }
    }

    #[test]
    fn is_finite_everywhere() {
        assert!(exp(1e30).is_finite() && exp(-1e30) > 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(logistic(0.0), 0.5);
    }
}
