//! A fitted path: one truncation a penalty, all scored in one pass over the validation rows.

use eyas_model::{Link, Part, Shape};

use super::columns::Columns;
use super::objective::stride_of;
use crate::dataset::{Dataset, Target};
use crate::learners::{FitInput, FittedModel, Step, Truncation};
use crate::metrics::{Scored, Truth};

/// Predictions that are held at a time.
const MAX_PREDICTIONS: usize = 8_000_000;

/// A path and what turns its weights into models.
#[derive(Debug)]
pub(super) struct Fitted {
    pub columns: Columns,
    /// Weights of the penalties, in the order of `truncations`.
    pub path: Vec<Vec<f64>>,
    pub n_outputs: usize,
    pub link: Link,
    /// From standardised scores to numbers: the factor and then the offset.
    pub rescale: (f64, f64),
    pub truncations: Vec<Truncation>,
    pub steps: Vec<Step>,
}

impl Fitted {
    /// Fills in the truncations: labels, losses and shapes.
    pub fn score(&mut self, input: &FitInput<'_>, penalties: &[f64]) {
        let losses = self.losses(input);
        let truncation = |(at, (penalty, loss)): (usize, (&f64, f64))| Truncation {
            label: format!("penalty={penalty}"),
            loss,
            shape: Shape::of_part(&self.part(at), &input.data.features),
        };
        self.truncations = penalties.iter().zip(losses).enumerate().map(truncation).collect();
    }

    fn losses(&self, input: &FitInput<'_>) -> Vec<f64> {
        if input.valid.is_empty() {
            return vec![f64::NAN; self.path.len()];
        }
        let n_values = input.valid.len() * self.n_outputs;
        let n_at_once = (MAX_PREDICTIONS / n_values).clamp(1, self.path.len());
        let truth = ValidTruth::new(input.data, input.valid);
        let mut losses = Vec::with_capacity(self.path.len());
        for path in self.path.chunks(n_at_once) {
            for (weights, predictions) in path.iter().zip(self.predict(input, path)) {
                let finite = weights.iter().all(|weight| weight.is_finite());
                let scored = truth.scored(&predictions, self.n_outputs);
                losses.push(if finite { (input.metric.loss)(&scored) } else { f64::NAN });
            }
        }
        losses
    }

    /// Predictions `(n_valid, n_outputs)` of each of these weights.
    fn predict(&self, input: &FitInput<'_>, path: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let stride = stride_of(self.n_outputs);
        let all = interleaved(path, stride);
        let mut predictions =
            vec![Vec::with_capacity(input.valid.len() * self.n_outputs); path.len()];
        let mut scores = vec![0.0; path.len().next_multiple_of(4) * stride];
        for rows in input.valid.chunks(4096) {
            let design = self.columns.encode(input.data, rows);
            for row in 0..rows.len() {
                design.score_row(row, &all, &mut scores);
                for (out, scores) in predictions.iter_mut().zip(scores.chunks_exact(stride)) {
                    let start = out.len();
                    out.extend(
                        scores[..self.n_outputs]
                            .iter()
                            .map(|s| s * self.rescale.0 + self.rescale.1),
                    );
                    self.link.apply(&mut out[start..]);
                }
            }
        }
        predictions
    }
}

/// The weights of several models side by side: `(n_columns + 1, n_models rounded up * stride)`.
fn interleaved(path: &[Vec<f64>], stride: usize) -> Vec<f64> {
    let width = path.len().next_multiple_of(4) * stride;
    let n_rows = path.first().map_or(0, |weights| weights.len() / stride);
    let mut all = vec![0.0; n_rows * width];
    for (model, weights) in path.iter().enumerate() {
        let rows = all.chunks_exact_mut(width).zip(weights.chunks_exact(stride));
        rows.for_each(|(all, weights)| all[model * stride..][..stride].copy_from_slice(weights));
    }
    all
}

/// Truth and weights of the validation rows.
pub(super) struct ValidTruth {
    numbers: Vec<f64>,
    classes: Vec<u32>,
    weights: Option<Vec<f64>>,
}

impl ValidTruth {
    pub fn new(data: &Dataset, valid: &[u32]) -> ValidTruth {
        let rows = || valid.iter().map(|&row| row as usize);
        let weights = data.weights.as_ref().map(|weights| rows().map(|row| weights[row]).collect());
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        match &data.target {
            Target::Numbers(values) => numbers = rows().map(|row| values[row]).collect(),
            Target::Classes(values) => classes = rows().map(|row| values[row]).collect(),
        }
        ValidTruth { numbers, classes, weights }
    }

    pub fn scored<'a>(&'a self, predictions: &'a [f64], n_outputs: usize) -> Scored<'a> {
        let truth = if self.classes.is_empty() {
            Truth::Numbers(&self.numbers)
        } else {
            Truth::Classes(&self.classes)
        };
        Scored { truth, predictions, n_outputs, weights: self.weights.as_deref() }
    }
}

impl FittedModel for Fitted {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        let (factor, offset) = self.rescale;
        let weights = &self.path[truncation];
        Part::Linear(self.columns.linear(weights, self.n_outputs, factor, offset))
    }

    fn link(&self) -> Link {
        self.link
    }

    fn steps(&self) -> &[Step] {
        &self.steps
    }
}
