//! The median of absolute errors.

use super::errors::error;
use super::scored::{Scored, correction};
use super::{Metric, REGRESSION};

/// Weighted median of absolute errors: the mean of the two middle ones where half the weight
/// lies on either side (type 2 of Hyndman and Fan 1996, doi:10.1080/00031305.1996.10473566).
pub(super) const MEDIAN_AE: Metric = Metric {
    name: "median_ae",
    aliases: &["median_absolute_error", "neg_median_absolute_error", "medae"],
    help: "Median of absolute errors.",
    tasks: REGRESSION,
    higher_is_better: false,
    loss: |scored| quantile(&sorted_errors(scored), 0.5),
    influence: Some(influence),
};

/// (absolute error, weight) of rows that count, ascending; empty if any error is NaN.
fn sorted_errors(scored: &Scored<'_>) -> Vec<(f64, f64)> {
    let counted = (0..scored.n_rows()).filter(|&row| scored.weight(row) > 0.0);
    let mut errors: Vec<(f64, f64)> =
        counted.map(|row| (error(scored, row).abs(), scored.weight(row))).collect();
    if scored.has_nan() || errors.iter().any(|(error, _)| error.is_nan()) {
        return Vec::new();
    }
    errors.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    errors
}

fn quantile(sorted: &[(f64, f64)], share: f64) -> f64 {
    // Summed in the order of the loop below, so that the last `below` is the total.
    let goal = sorted.iter().map(|(_, weight)| weight).sum::<f64>() * share;
    let mut below = 0.0;
    for (index, &(error, weight)) in sorted.iter().enumerate() {
        below += weight;
        if below >= goal {
            let next = sorted.get(index + 1).map_or(error, |next| next.0);
            return if below - goal > f64::EPSILON { error } else { (error + next) / 2.0 };
        }
    }
    sorted.last().map_or(f64::NAN, |last| last.0)
}

/// `w_i (1[e_i > median] - 1/2) / (W f)`, the density `f` at the median from the quantiles at
/// `1/2 -+ h`, `h = 0.98 / sqrt(n)`, so that the error is that of the 95 % interval of the median.
/// A jackknife is not consistent for quantiles, and was more than twice too large on 300 rows.
///
/// Reference: Woodruff 1952, doi:10.1080/01621459.1952.10483443.
fn influence(scored: &Scored<'_>) -> Vec<f64> {
    let weights: Vec<f64> = (0..scored.n_rows()).map(|row| scored.weight(row)).collect();
    let total: f64 = weights.iter().sum();
    let n_effective = total * total / weights.iter().map(|w| w * w).sum::<f64>();
    let sorted = sorted_errors(scored);
    let median = quantile(&sorted, 0.5);
    let h = (0.98 / n_effective.sqrt()).min(0.5);
    let spacing = (quantile(&sorted, 0.5 + h) - quantile(&sorted, 0.5 - h)) / (2.0 * h);
    let factor = correction(&weights) * spacing / total;
    let side = |row: usize| f64::from(error(scored, row).abs() > median) - 0.5;
    weights.iter().enumerate().map(|(row, weight)| weight * side(row) * factor).collect()
}
