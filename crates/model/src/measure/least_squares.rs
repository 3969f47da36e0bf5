//! Least squares with weights that cannot be negative.

/// Minimises `sum over rows of (row . x - target)^2` over `x >= 0`, by coordinate descent on the
/// normal equations.
///
/// A column of zeros gets 0. Converges for any rows, as the loss is convex and the constraint
/// separates by coordinate.
/// Reference: Franc, Hlaváč, Navara (2005), doi:10.1007/11556121_50.
pub(crate) fn fit_nonnegative<const N: usize>(rows: &[([f64; N], f64)]) -> [f64; N] {
    let column_dot = |a: usize, b: usize| rows.iter().map(|(row, _)| row[a] * row[b]).sum::<f64>();
    let products: [[f64; N]; N] =
        std::array::from_fn(|a| std::array::from_fn(|b| column_dot(a, b)));
    let targets: [f64; N] =
        std::array::from_fn(|a| rows.iter().map(|(row, target)| row[a] * target).sum());
    let mut x = [0.0; N];
    for _ in 0..20_000 {
        for j in 0..N {
            if products[j][j] > 0.0 {
                let slope =
                    products[j].iter().zip(&x).map(|(p, x)| p * x).sum::<f64>() - targets[j];
                x[j] = f64::max(0.0, x[j] - slope / products[j][j]);
            }
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn exact_weights_are_found() {
        let mut random = Random(5);
        let rows: Vec<([f64; 3], f64)> = (0..20)
            .map(|_| {
                let row = [1.0, random.unit(), 0.0];
                (row, 2.0 * row[0] + 3.0 * row[1])
            })
            .collect();
        let x = fit_nonnegative(&rows);
        assert!((x[0] - 2.0).abs() < 1e-9 && (x[1] - 3.0).abs() < 1e-9, "{x:?}");
        assert_eq!(x[2], 0.0);
    }

    #[test]
    fn a_weight_that_would_be_negative_is_zero() {
        // y = 4 - x at x = 1, 2, 3: with the slope held at 0 the best constant is the mean.
        let rows = [([1.0, 1.0], 3.0), ([1.0, 2.0], 2.0), ([1.0, 3.0], 1.0)];
        let [constant, slope] = fit_nonnegative(&rows);
        assert!((constant - 2.0).abs() < 1e-9, "{constant}");
        assert_eq!(slope, 0.0);
    }
}
