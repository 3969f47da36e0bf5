//! Exponential and logarithm in a form that vectorises, alike on every machine.
//!
//! Plain sums and products in a fixed order, as `libm` has them, but without branches or tables.

/// Bounds within which `exp` is neither zero nor infinite.
const LOWEST: f64 = -708.0;
const HIGHEST: f64 = 709.0;
/// Adding this rounds to a whole number, which is then in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// `ln 2` in two parts; the first has 21 trailing zero bits, so its product with `n` is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `exp(x)`, to two units in the last place; outside of about `[-708, 709]` as at its ends.
///
/// `exp(x) = 2^n exp(r)` with `|r| <= ln(2) / 2`, by the Taylor series of degree 13.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    let x = x.clamp(LOWEST, HIGHEST);
    let shifted = x * std::f64::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    for reciprocal in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + reciprocal;
    }
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    sum * power
}

/// `ln(1 + e)` for `e` in `[0, 1]`, to two units in the last place.
///
/// `ln(1 + e) = 2 artanh(s)`, `s = e / (2 + e) <= 1/3`, by its series.
#[inline(always)]
pub(super) fn ln_1p_unit(e: f64) -> f64 {
    let s = e / (2.0 + e);
    let square = s * s;
    let mut sum = 1.0 / 35.0;
    let mut denominator = 33.0;
    for _ in 0..17 {
        sum = sum * square + 1.0 / denominator;
        denominator -= 2.0;
    }
    2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_that_of_libm() {
        for i in -70_000..70_000 {
            let x = f64::from(i) * 0.010_001_7;
            let (got, want) = (exp(x), libm::exp(x.clamp(LOWEST, HIGHEST)));
            assert!((got - want).abs() <= 5e-16 * want, "{x}: {got} {want}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(exp(f64::NEG_INFINITY), exp(LOWEST));
        assert_eq!(exp(f64::INFINITY), exp(HIGHEST));
    }

    #[test]
    fn logarithm_is_that_of_libm() {
        for i in 0..=10_000 {
            let e = f64::from(i) / 10_000.0;
            let (got, want) = (ln_1p_unit(e), libm::log1p(e));
            assert!((got - want).abs() <= 5e-16 * want, "{e}: {got} {want}");
        }
        assert_eq!(ln_1p_unit(1e-300), 1e-300);
    }
}
