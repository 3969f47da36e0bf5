//! Losses on rows that are not learned from, kept up to date tree by tree.

use eyas_model::Link;

use super::binned::{Binned, gather};
use super::grow::Grown;
use super::objective::Objective;
use super::route::Router;
use crate::dataset::Target;
use crate::learners::FitInput;
use crate::metrics::{Scored, Truth};

/// Validation rows with the sums of their leaf values.
pub(super) struct Validation<'a> {
    input: &'a FitInput<'a>,
    columns: Vec<Vec<u8>>,
    sums: Vec<Vec<f64>>,
    predictions: Vec<f64>,
    numbers: Vec<f64>,
    classes: Vec<u32>,
    weights: Option<Vec<f64>>,
    link: Link,
}

impl<'a> Validation<'a> {
    pub fn new(input: &'a FitInput<'a>, binned: &Binned, objective: &Objective) -> Validation<'a> {
        let (data, rows) = (input.data, input.valid);
        let columns = binned.features.iter();
        let columns = columns.map(|f| gather(&data.bins[f.index as usize], rows)).collect();
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        match &data.target {
            Target::Numbers(all) => numbers = rows.iter().map(|&row| all[row as usize]).collect(),
            Target::Classes(all) => classes = rows.iter().map(|&row| all[row as usize]).collect(),
        }
        let weights = data.weights.as_ref();
        let n_outputs = data.n_outputs();
        Validation {
            input,
            columns,
            sums: vec![vec![0.0; rows.len()]; n_outputs],
            predictions: vec![0.0; rows.len() * n_outputs],
            numbers,
            classes,
            weights: weights.map(|all| rows.iter().map(|&row| all[row as usize]).collect()),
            link: objective.link(),
        }
    }

    /// Adds a tree with leaf values `(n_leaves, width)`; its first output is `output`.
    pub fn add(&mut self, router: &mut Router, grown: &Grown, values: &[f32], output: usize) {
        let n_rows = self.input.valid.len();
        let width = values.len() / grown.leaves.len();
        let sums = &mut self.sums[output..output + width];
        router.route(grown, &self.columns, n_rows, |leaf, rows| {
            for (sums, &value) in sums.iter_mut().zip(&values[leaf * width..][..width]) {
                rows.iter().for_each(|&row| sums[row as usize] += f64::from(value));
            }
        });
    }

    /// The loss of the trees so far; NaN if there are no rows.
    pub fn loss(&mut self, objective: &Objective) -> f64 {
        if self.input.valid.is_empty() {
            return f64::NAN;
        }
        let n_outputs = self.sums.len();
        for (row, scores) in self.predictions.chunks_exact_mut(n_outputs).enumerate() {
            for (k, score) in scores.iter_mut().enumerate() {
                *score = objective.base[k] + objective.scale * self.sums[k][row];
            }
            self.link.apply(scores);
        }
        let truth = match &self.input.data.target {
            Target::Numbers(_) => Truth::Numbers(&self.numbers),
            Target::Classes(_) => Truth::Classes(&self.classes),
        };
        (self.input.metric.loss)(&Scored {
            truth,
            predictions: &self.predictions,
            n_outputs,
            weights: self.weights.as_deref(),
        })
    }
}
