//! The confusion matrix, from which several metrics are made.

use super::scored::{Scored, Truth};

/// Weighted counts of (true class, predicted class).
pub(super) struct Confusion {
    n_classes: usize,
    /// `(n_classes, n_classes)`, row-major by true class.
    cells: Vec<f64>,
    /// Whether a class is the truth or the prediction of any row, whatever its weight.
    pub(super) seen: Vec<bool>,
}

impl Confusion {
    /// Counts; `None` where the truth is no class or a prediction is NaN.
    pub(super) fn new(scored: &Scored<'_>) -> Option<Confusion> {
        let Truth::Classes(classes) = scored.truth else { return None };
        if scored.has_nan() || classes.is_empty() {
            return None;
        }
        let n_classes = scored.n_classes();
        let mut cells = vec![0.0; n_classes * n_classes];
        let mut seen = vec![false; n_classes];
        for (row, &class) in classes.iter().enumerate() {
            let predicted = scored.predicted_class(row);
            cells[class as usize * n_classes + predicted] += scored.weight(row);
            seen[class as usize] = true;
            seen[predicted] = true;
        }
        Some(Confusion { n_classes, cells, seen })
    }

    pub(super) fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Weight of rows of this class that were predicted so.
    pub(super) fn hits(&self, class: usize) -> f64 {
        self.cells[class * self.n_classes + class]
    }

    /// Weight of rows of this class.
    pub(super) fn true_total(&self, class: usize) -> f64 {
        self.cells[class * self.n_classes..][..self.n_classes].iter().sum()
    }

    /// Weight of rows that were predicted to be of this class.
    pub(super) fn predicted_total(&self, class: usize) -> f64 {
        self.cells[class..].iter().step_by(self.n_classes).sum()
    }

    /// Weight of all rows.
    pub(super) fn total(&self) -> f64 {
        self.cells.iter().sum()
    }
}
