//! Tests of libraries that compare in 32-bit floats, as edges in 64-bit floats.
//!
//! XGBoost, CatBoost and ONNX round a value to f32 before they compare it. Rounding is monotone, so
//! the values that pass `f32(v) >= t` are all those above one f64, the edge.

/// Twice the largest power of two of f32: what infinity stands for when its neighbourhood is
/// halved.
const BEYOND: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;

/// The edge `e` such that `v > e` if and only if `v as f32 >= t`, for every f64 `v` that is a
/// number. NaN gives NaN; minus infinity gives minus infinity (every number passes).
pub fn edge_at_least(t: f32) -> f64 {
    if t.is_nan() || t == f32::NEG_INFINITY {
        return f64::from(t);
    }
    let widened = |x: f32| if x.is_infinite() { BEYOND.copysign(f64::from(x)) } else { x.into() };
    // Halfway to the float below; both have 24 bits, so this is exact.
    let middle = (widened(t.next_down()) + widened(t)) / 2.0;
    // Ties go to the even neighbour.
    if middle as f32 >= t { middle.next_down() } else { middle }
}

/// The edge `e` such that `v > e` if and only if `v as f32 > t`.
pub fn edge_above(t: f32) -> f64 {
    if t == f32::INFINITY { f64::INFINITY } else { edge_at_least(t.next_up()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(t: f32, v: f64) {
        assert_eq!(v > edge_at_least(t), v as f32 >= t, "at least {t:e}: {v:e}");
        assert_eq!(v > edge_above(t), v as f32 > t, "above {t:e}: {v:e}");
    }

    #[test]
    fn special_thresholds() {
        let smallest = f32::from_bits(1);
        let specials =
            [0.0, -0.0, smallest, -smallest, 1.0, -1.0, f32::MAX, f32::MIN, f32::INFINITY];
        for t in specials {
            for near in [t, t.next_up(), t.next_down()] {
                for edge in [edge_at_least(t), edge_above(t), f64::from(near)] {
                    for v in [edge, edge.next_up(), edge.next_down(), f64::from(near), 0.0, -0.0] {
                        check(t, v);
                    }
                }
            }
        }
        assert_eq!(edge_at_least(f32::NEG_INFINITY), f64::NEG_INFINITY);
    }

    proptest! {
        #[test]
        fn edges_split_as_rounding_does(t in any::<f32>(), steps in -3i64..3, other in any::<f64>()) {
            prop_assume!(t.is_finite());
            check(t, other);
            for edge in [edge_at_least(t), edge_above(t)] {
                let mut v = edge;
                for _ in 0..steps.abs() {
                    v = if steps > 0 { v.next_up() } else { v.next_down() };
                }
                check(t, v);
            }
        }
    }
}
