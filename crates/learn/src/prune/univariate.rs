//! One feature against the target: the statistics of scikit-learn's univariate tests.

/// Chi-squared statistic of non-negative numbers `x` `(n,)`, such as counts, against classes
/// `(n,)` below `n_classes`: `sum_k (observed_k - expected_k)^2 / expected_k` with `observed_k` the
/// sum of `x` in class `k` and `expected_k` the share of that class in all `x`.
///
/// Classes that do not occur are left out; NaN where `x` sums to 0. `O(n)`.
/// Reference: Pearson 1900, doi:10.1080/14786440009463897; as scikit-learn's `chi2`.
pub fn chi2(x: &[f64], classes: &[u32], n_classes: usize) -> f64 {
    assert_eq!(x.len(), classes.len());
    let (mut observed, mut rows) = (vec![0.0; n_classes], vec![0.0; n_classes]);
    for (x, &class) in x.iter().zip(classes) {
        observed[class as usize] += x;
        rows[class as usize] += 1.0;
    }
    let total: f64 = observed.iter().sum();
    let of_class = |class: usize| {
        let expected = total * rows[class] / x.len() as f64;
        (observed[class] - expected).powi(2) / expected
    };
    (0..n_classes).filter(|&class| rows[class] > 0.0).map(of_class).sum()
}

/// F statistic of a one-way analysis of variance: are the means of `x` `(n,)` alike in all classes
/// `(n,)`, all below `n_classes`? `F = (between / (k - 1)) / (within / (n - k))`.
///
/// Classes that do not occur are left out. NaN for a constant `x` or one class; infinite where
/// each class has one value. `O(n)`.
/// Reference: Fisher 1925, Statistical Methods for Research Workers; as scikit-learn's `f_classif`.
pub fn f_classif(x: &[f64], classes: &[u32], n_classes: usize) -> f64 {
    assert_eq!(x.len(), classes.len());
    let variance = Variance::new(x.iter().copied().zip(classes.iter().copied()), n_classes);
    let (k, n) = (variance.n_groups, variance.n);
    (variance.between / (k - 1.0)) / (variance.within() / (n - k))
}

/// F statistic of a linear regression of `y` `(n,)` on `x` `(n,)`: `F = r^2 / (1 - r^2) (n - 2)`
/// with Pearson's correlation `r`. 0 where `x` or `y` is constant, the largest number where the
/// correlation is perfect. `O(n)`.
///
/// Reference: as scikit-learn's `f_regression`.
pub fn f_regression(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let share = squared_correlation(x.iter().copied().zip(y.iter().copied()));
    let f = share / (1.0 - share) * (x.len() as f64 - 2.0);
    match () {
        () if f.is_nan() => 0.0,
        () if f.is_infinite() => f64::MAX,
        () => f,
    }
}

/// `r^2` of pairs; NaN where one side is constant.
pub(super) fn squared_correlation(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let (mut n, mut x_total, mut y_total) = (0.0, 0.0, 0.0);
    for (x, y) in pairs.clone() {
        n += 1.0;
        x_total += x;
        y_total += y;
    }
    let (x_mean, y_mean) = (x_total / n, y_total / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (x, y) = (x - x_mean, y - y_mean);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    let share = xy * xy / (xx * yy);
    // At most 1, but for rounding; not `min`, which would turn NaN into 1.
    if share > 1.0 { 1.0 } else { share }
}

/// Sums of squares of a number, within and between groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variance {
    /// Values.
    pub(super) n: f64,
    /// Groups that occur.
    pub(super) n_groups: f64,
    /// About the mean of all.
    pub(super) total: f64,
    /// Of the groups' means about the mean of all, by values.
    pub(super) between: f64,
}

impl Variance {
    /// Of (value, group below `n_groups`).
    pub(super) fn new(
        values: impl Iterator<Item = (f64, u32)> + Clone,
        n_groups: usize,
    ) -> Variance {
        let mut sums = vec![(0.0f64, 0.0f64); n_groups];
        // Shifted by the first value: sums of squares cancel less.
        let shift = values.clone().next().map_or(0.0, |(value, _)| value);
        let mut squares = 0.0;
        for (value, group) in values {
            let value = value - shift;
            let sum = &mut sums[group as usize];
            sum.0 += value;
            sum.1 += 1.0;
            squares += value * value;
        }
        Variance::of_sums(&sums, squares)
    }

    /// Of each group's (sum of values, number of values), and the sum of all squares.
    pub(super) fn of_sums(sums: &[(f64, f64)], squares: f64) -> Variance {
        let occurring = || sums.iter().filter(|(_, n)| *n > 0.0);
        let n: f64 = sums.iter().map(|(_, n)| n).sum();
        let sum: f64 = sums.iter().map(|(sum, _)| sum).sum();
        let of_means: f64 = occurring().map(|(sum, n)| sum * sum / n).sum();
        Variance {
            n,
            n_groups: occurring().count() as f64,
            total: (squares - sum * sum / n).max(0.0),
            between: (of_means - sum * sum / n).max(0.0),
        }
    }

    /// About the groups' means.
    pub(super) fn within(&self) -> f64 {
        (self.total - self.between).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_features_have_their_limits() {
        let classes = [0, 1, 0, 1];
        assert!(f_classif(&[2.0; 4], &classes, 2).is_nan());
        assert_eq!(f_classif(&[1.0, 3.0, 1.0, 3.0], &classes, 2), f64::INFINITY);
        assert_eq!(f_regression(&[2.0; 4], &[1.0, 2.0, 3.0, 4.0]), 0.0);
        assert_eq!(f_regression(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), f64::MAX);
        assert!(chi2(&[0.0; 4], &classes, 2).is_nan());
    }

    #[test]
    fn a_large_offset_does_not_matter() {
        let x = [1.0, 2.0, 3.0, 5.0];
        let moved = x.map(|x| x + 1e8);
        let (f, f_moved) = (f_classif(&x, &[0, 0, 1, 1], 2), f_classif(&moved, &[0, 0, 1, 1], 2));
        assert!((f - f_moved).abs() < 1e-6, "{f} {f_moved}");
    }
}
