//! The error of the ROC AUC.
//!
//! With `V_i` the share of the other class that a row outranks (ties count half; for negatives:
//! that outranks it), the variance is `S_pos / m + S_neg / n`, the sample variances of `V` over the
//! `m` positive and `n` negative rows. One sort gives all `V_i`.
//!
//! Reference: DeLong, DeLong, Clarke-Pearson 1988, doi:10.2307/2531595; the fast way: Sun and Xu
//! 2014, doi:10.1109/LSP.2014.2337313.

use super::order::{ordered_bits, sort_by_key};
use super::ranking::{OneClass, one_class_each};
use super::scored::{Scored, correction};

/// What each row adds to the error of the ROC AUC `(n_rows,)`; several classes: of the mean over
/// classes. NaN where a class has fewer than two rows. Weights count as such.
pub(super) fn influence(scored: &Scored<'_>) -> Vec<f64> {
    let mut total = vec![0.0; scored.n_rows()];
    let mut n_areas = 0.0;
    for class in one_class_each(scored) {
        let groups = Totals::new(&class);
        if groups.weight[0] > 0.0 && groups.weight[1] > 0.0 {
            add_class(&class, &groups, &mut total);
            n_areas += 1.0;
        }
    }
    total.iter_mut().for_each(|influence| *influence /= n_areas);
    total
}

/// Of negatives and of positives.
struct Totals {
    weight: [f64; 2],
    /// `sqrt(n / (n - 1))`.
    correction: [f64; 2],
}

impl Totals {
    fn new(class: &OneClass<'_>) -> Totals {
        let mut weights = [Vec::new(), Vec::new()];
        for row in 0..class.n_rows() {
            weights[usize::from(class.is_positive(row))].push(class.scored.weight(row));
        }
        Totals {
            weight: [weights[0].iter().sum(), weights[1].iter().sum()],
            correction: [correction(&weights[0]), correction(&weights[1])],
        }
    }
}

fn add_class(class: &OneClass<'_>, totals: &Totals, influences: &mut [f64]) {
    let outranked = outranked(class, totals);
    let mut area = 0.0;
    for (row, share) in outranked.iter().enumerate().filter(|&(row, _)| class.is_positive(row)) {
        area += class.scored.weight(row) * share / totals.weight[1];
    }
    for (row, share) in outranked.iter().enumerate() {
        let label = usize::from(class.is_positive(row));
        let weight = class.scored.weight(row);
        if weight > 0.0 {
            let factor = totals.correction[label] / totals.weight[label];
            influences[row] += factor * weight * (share - area);
        }
    }
}

/// `V_i` of each row.
fn outranked(class: &OneClass<'_>, totals: &Totals) -> Vec<f64> {
    let mut rows: Vec<(u64, u32)> =
        (0..class.n_rows()).map(|row| (ordered_bits(class.score(row)), row as u32)).collect();
    sort_by_key(&mut rows, |item| item.0);
    let mut shares = vec![0.0; rows.len()];
    let mut below = [0.0; 2];
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        let mut here = [0.0; 2];
        for &(_, row) in tied {
            let label = usize::from(class.is_positive(row as usize));
            here[label] += class.scored.weight(row as usize);
        }
        for &(_, row) in tied {
            let other = usize::from(!class.is_positive(row as usize));
            let share = (below[other] + here[other] / 2.0) / totals.weight[other];
            shares[row as usize] = if other == 0 { share } else { 1.0 - share };
        }
        below = [below[0] + here[0], below[1] + here[1]];
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scored::Truth;
    use super::*;

    /// DeLong's formulas, pair by pair, unweighted.
    fn slow_variance(classes: &[u32], scores: &[f64]) -> f64 {
        let of = |class: u32| -> Vec<f64> {
            (0..classes.len()).filter(|&row| classes[row] == class).map(|row| scores[row]).collect()
        };
        let (negatives, positives) = (of(0), of(1));
        let psi = |p: f64, n: f64| f64::from(p > n) + 0.5 * f64::from(p == n);
        let n_negatives = negatives.len() as f64;
        let n_positives = positives.len() as f64;
        let v10: Vec<f64> = positives
            .iter()
            .map(|&p| negatives.iter().map(|&n| psi(p, n)).sum::<f64>() / n_negatives)
            .collect();
        let v01: Vec<f64> = negatives
            .iter()
            .map(|&n| positives.iter().map(|&p| psi(p, n)).sum::<f64>() / n_positives)
            .collect();
        let sample_variance = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
        };
        sample_variance(&v10) / n_positives + sample_variance(&v01) / n_negatives
    }

    proptest! {
        #[test]
        fn squares_sum_to_delongs_variance(
            rows in prop::collection::vec((0u32..2, -5i32..15), 2..300),
        ) {
            // Two rows of each class at least.
            let mut classes = vec![0, 0, 1, 1];
            let mut scores = vec![0.1, 0.5, 0.3, 0.7];
            classes.extend(rows.iter().map(|row| row.0));
            scores.extend(rows.iter().map(|row| f64::from(row.1) / 10.0));
            let truth = Truth::Classes(&classes);
            let scored = Scored { truth, predictions: &scores, n_outputs: 1, weights: None };
            let variance: f64 = influence(&scored).iter().map(|i| i * i).sum();
            prop_assert!((variance - slow_variance(&classes, &scores)).abs() < 1e-12);
        }
    }

    #[test]
    fn one_positive_row_has_no_error() {
        let truth = Truth::Classes(&[0, 0, 1]);
        let scored = Scored { truth, predictions: &[0.1, 0.5, 0.3], n_outputs: 1, weights: None };
        assert!(influence(&scored).iter().sum::<f64>().is_nan());
    }
}
