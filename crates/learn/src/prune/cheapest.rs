//! The cheapest model that is as good as the best, as far as the data can tell.

use super::Pruner;

/// The pruner, for help and reports.
pub(super) const PRUNER: Pruner = Pruner {
    name: "cheapest",
    help: "Takes the fastest model whose loss is within a tolerance of the best.",
    references: &[
        "Breiman, Friedman, Olshen, Stone 1984, Classification and Regression Trees, section 3.4.3",
    ],
};

/// One model to choose from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Loss on validation rows.
    pub loss: f64,
    /// Standard error of the loss.
    pub loss_se: f64,
    /// Time of a prediction, in nanoseconds.
    pub ns: f64,
    /// Size of the model.
    pub bytes: u64,
}

/// Index of the cheapest point with `loss <= best loss + tolerance * loss_se of the best`
/// (`tolerance` 1 is Breiman's rule of one standard error, 0 takes the best): of those the one with
/// the least `ns`, then `bytes`, then loss, then index. `None` where no loss is finite.
///
/// The losses of two models on the same rows rise and fall together, so the error of the best is
/// more than that of the difference; where predictions are at hand, [`cheapest_by`] is sharper.
pub fn cheapest(points: &[Point], tolerance: f64) -> Option<usize> {
    cheapest_by(points, tolerance, |best, _| points[best].loss_se)
}

/// As [`cheapest`], with `se_of_difference(best, other)`, e.g. [`crate::Metric::paired_se`]. A
/// standard error that is NaN or negative counts as 0.
pub fn cheapest_by(
    points: &[Point],
    tolerance: f64,
    se_of_difference: impl Fn(usize, usize) -> f64,
) -> Option<usize> {
    let finite = || (0..points.len()).filter(|&index| points[index].loss.is_finite());
    let cost = |a: usize, b: usize| {
        let (a, b) = (&points[a], &points[b]);
        a.ns.total_cmp(&b.ns).then(a.bytes.cmp(&b.bytes)).then(a.loss.total_cmp(&b.loss))
    };
    let best = finite()
        .min_by(|&a, &b| points[a].loss.total_cmp(&points[b].loss).then_with(|| cost(a, b)))?;
    let is_as_good = |other: usize| {
        let excess = points[other].loss - points[best].loss;
        // Dearer points need no look at their predictions.
        cost(other, best).is_le()
            && (excess <= 0.0 || excess <= tolerance * se_of_difference(best, other).max(0.0))
    };
    finite().filter(|&index| is_as_good(index)).min_by(|&a, &b| cost(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(loss: f64, loss_se: f64, ns: f64) -> Point {
        Point { loss, loss_se, ns, bytes: 100 }
    }

    #[test]
    fn the_fastest_within_one_error_of_the_best_is_taken() {
        let points = [
            point(0.30, 0.02, 5.0),
            point(0.215, 0.02, 20.0),
            point(0.20, 0.02, 90.0),
            point(0.21, 0.02, 40.0),
        ];
        assert_eq!(cheapest(&points, 1.0), Some(1));
        assert_eq!(cheapest(&points, 0.5), Some(3));
        assert_eq!(cheapest(&points, 0.0), Some(2));
        assert_eq!(cheapest(&points, 5.0), Some(0));
    }

    #[test]
    fn errors_of_differences_are_asked_for() {
        let points = [point(0.215, 9.0, 20.0), point(0.20, 9.0, 90.0)];
        assert_eq!(cheapest_by(&points, 1.0, |_, _| 0.01), Some(1));
        assert_eq!(
            cheapest_by(&points, 2.0, |best, other| if (best, other) == (1, 0) {
                0.01
            } else {
                0.0
            }),
            Some(0)
        );
        assert_eq!(cheapest_by(&points, 1.0, |_, _| f64::NAN), Some(1));
    }

    #[test]
    fn ties_go_to_the_cheaper_and_nan_is_never_taken() {
        let smaller = Point { bytes: 50, ..point(0.2, 0.0, 10.0) };
        let points = [
            point(f64::NAN, 0.1, 1.0),
            point(0.2, 0.0, 10.0),
            smaller,
            point(f64::INFINITY, 0.0, 0.0),
        ];
        assert_eq!(cheapest(&points, 1.0), Some(2));
        assert_eq!(cheapest(&points[..1], 1.0), None);
        assert_eq!(cheapest(&[], 1.0), None);
    }
}
