//! The rows that truncations are scored on.

use std::borrow::Cow;

use crate::dataset::Target;
use crate::learners::FitInput;
use crate::metrics::{Metric, Scored, Truth};

/// Truth and weights of the validation rows, gathered once a fit.
#[derive(Debug)]
pub(in crate::learners) struct Validation<'a> {
    /// The rows.
    pub rows: Cow<'a, [u32]>,
    metric: &'a Metric,
    numbers: Vec<f64>,
    classes: Vec<u32>,
    weights: Option<Vec<f64>>,
    n_outputs: usize,
}

impl<'a> Validation<'a> {
    /// Gathers truth and weights of `input.valid`.
    pub fn new(input: &FitInput<'a>) -> Validation<'a> {
        Validation::over(input, input.valid.into())
    }

    /// Gathers truth and weights of these rows.
    pub fn over(input: &FitInput<'a>, rows: Cow<'a, [u32]>) -> Validation<'a> {
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

    /// Those of the rows whose places are in `places`.
    pub fn of(&self, places: &[usize]) -> Validation<'a> {
        let weights = self.weights.as_ref().map(|weights| picked(weights, places));
        Validation {
            rows: picked(&self.rows, places).into(),
            numbers: picked(&self.numbers, places),
            classes: picked(&self.classes, places),
            weights,
            ..*self
        }
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

/// The items at these places; none of a list that is not in use.
fn picked<T: Copy>(items: &[T], places: &[usize]) -> Vec<T> {
    places.iter().filter_map(|&place| items.get(place).copied()).collect()
}
