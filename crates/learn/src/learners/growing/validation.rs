//! The rows that truncations are scored on.

use crate::dataset::Target;
use crate::learners::FitInput;
use crate::metrics::{Metric, Scored, Truth};

/// Truth and weights of the validation rows, gathered once a fit.
#[derive(Debug)]
pub(in crate::learners) struct Validation<'a> {
    /// The rows.
    pub rows: &'a [u32],
    metric: &'a Metric,
    numbers: Vec<f64>,
    classes: Vec<u32>,
    weights: Option<Vec<f64>>,
    n_outputs: usize,
}

impl<'a> Validation<'a> {
    /// Gathers truth and weights of `input.valid`.
    pub fn new(input: &FitInput<'a>) -> Validation<'a> {
        let rows = input.valid;
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        match &input.data.target {
            Target::Numbers(all) => numbers.extend(rows.iter().map(|&row| all[row as usize])),
            Target::Classes(all) => classes.extend(rows.iter().map(|&row| all[row as usize])),
        }
        let weights = input.data.weights.as_ref();
        let weights = weights.map(|all| rows.iter().map(|&row| all[row as usize]).collect());
        let n_outputs = input.data.n_outputs();
        Validation { rows, metric: input.metric, numbers, classes, weights, n_outputs }
    }

    /// Loss of predictions `(rows, n_outputs)`; NaN without rows.
    pub fn loss(&self, predictions: &[f64]) -> f64 {
        if self.rows.is_empty() {
            return f64::NAN;
        }
        let truth = if self.classes.is_empty() {
            Truth::Numbers(&self.numbers)
        } else {
            Truth::Classes(&self.classes)
        };
        let (n_outputs, weights) = (self.n_outputs, self.weights.as_deref());
        (self.metric.loss)(&Scored { truth, predictions, n_outputs, weights })
    }
}
