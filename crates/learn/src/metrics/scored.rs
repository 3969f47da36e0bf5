//! What metrics look at: truth, predictions and weights of some rows.

/// Truth and predictions of some rows.
///
/// Invariant: all lengths fit `n_rows`; class indices are below `max(n_outputs, 2)`.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// What was true.
    pub truth: Truth<'a>,
    /// Predictions `(n_rows, n_outputs)`, row-major: numbers, or probabilities (binary: that of
    /// class 1, one column).
    pub predictions: &'a [f64],
    /// Number of columns of `predictions`.
    pub n_outputs: usize,
    /// Row weights `(n_rows,)`; `None` is all 1.
    pub weights: Option<&'a [f64]>,
}

/// What was true.
#[derive(Debug, Clone, Copy)]
pub enum Truth<'a> {
    /// Numbers `(n_rows,)`.
    Numbers(&'a [f64]),
    /// Class indices `(n_rows,)`.
    Classes(&'a [u32]),
}

impl Scored<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self.truth {
            Truth::Numbers(numbers) => numbers.len(),
            Truth::Classes(classes) => classes.len(),
        }
    }

    /// Number of classes: two where there is one column of probabilities.
    pub fn n_classes(&self) -> usize {
        self.n_outputs.max(2)
    }

    /// Weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Predictions of a row `(n_outputs,)`.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.predictions[row * self.n_outputs..][..self.n_outputs]
    }

    /// The class predicted for a row: that of the largest probability, ties to the lower index.
    pub fn predicted_class(&self, row: usize) -> usize {
        if self.n_outputs == 1 {
            return usize::from(self.predictions[row] > 0.5);
        }
        let mut best = 0;
        let probabilities = self.row(row);
        for (class, &probability) in probabilities.iter().enumerate() {
            if probability > probabilities[best] {
                best = class;
            }
        }
        best
    }

    /// Whether any prediction is NaN: then no metric has a value.
    pub fn has_nan(&self) -> bool {
        // A sum instead of `any`: no early exit, so it is vectorised.
        self.predictions.iter().map(|p| usize::from(p.is_nan())).sum::<usize>() > 0
    }
}

/// Weighted mean of a loss of each row; NaN without rows or weight.
pub(super) fn mean(scored: &Scored<'_>, row_loss: impl Fn(usize) -> f64) -> f64 {
    let (mut total, mut weight_total) = (0.0, 0.0);
    for row in 0..scored.n_rows() {
        let weight = scored.weight(row);
        // Not `0 * loss`: the loss of a row that does not count may be infinite.
        if weight > 0.0 {
            total += weight * row_loss(row);
            weight_total += weight;
        }
    }
    total / weight_total
}

/// What each row adds to the error of [`mean`]: `w_i (l_i - mean) / W`, times `sqrt(n / (n - 1))`
/// for `n` rows of positive weight, so that the squares sum to `s^2 / n` where weights are equal.
pub(super) fn mean_influence(scored: &Scored<'_>, row_loss: impl Fn(usize) -> f64) -> Vec<f64> {
    let weights: Vec<f64> = (0..scored.n_rows()).map(|row| scored.weight(row)).collect();
    let factor = correction(&weights) / weights.iter().sum::<f64>();
    let centre = mean(scored, &row_loss);
    let of_row = |(row, &weight): (usize, &f64)| {
        if weight > 0.0 { factor * weight * (row_loss(row) - centre) } else { 0.0 }
    };
    weights.iter().enumerate().map(of_row).collect()
}

/// `sqrt(n / (n - 1))` for `n` positive weights; infinite for one, so that its error is NaN.
pub(super) fn correction(weights: &[f64]) -> f64 {
    let n = weights.iter().filter(|&&weight| weight > 0.0).count() as f64;
    (n / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(predictions: &[f64], n_outputs: usize) -> Scored<'_> {
        Scored { truth: Truth::Classes(&[0]), predictions, n_outputs, weights: None }
    }

    #[test]
    fn ties_go_to_the_lower_class() {
        assert_eq!(scored(&[0.5], 1).predicted_class(0), 0);
        assert_eq!(scored(&[0.5000001], 1).predicted_class(0), 1);
        assert_eq!(scored(&[0.2, 0.4, 0.4], 3).predicted_class(0), 1);
    }

    #[test]
    fn squared_influences_sum_to_the_variance_of_a_mean() {
        let truth = Truth::Numbers(&[0.0; 4]);
        let losses = [1.0, 2.0, 4.0, 9.0];
        let scored = Scored { truth, predictions: &losses, n_outputs: 1, weights: None };
        let influences = mean_influence(&scored, |row| losses[row]);
        let variance = influences.iter().map(|i| i * i).sum::<f64>();
        // Sample variance 38 / 3, of four rows.
        assert!((variance - 38.0 / 12.0).abs() < 1e-12, "{variance}");
    }
}
