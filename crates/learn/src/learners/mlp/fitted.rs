//! A trained net: one truncation for each of the epochs whose weights were kept.

use eyas_model::{Feature, Link, Part, Shape};

use super::network::{Network, Workspace};
use super::options::Options;
use super::train::Trained;
use crate::dataset::Target;
use crate::learners::{FitInput, FittedModel, Step, Truncation};
use crate::metrics::{Scored, Truth};

/// Validation rows that are scored at a time.
const ROWS_AT_ONCE: usize = 512;

/// A network and its kept parameters.
#[derive(Debug)]
pub(super) struct Fitted {
    network: Network,
    kept: Vec<Vec<f32>>,
    /// From outputs to scores: factor and offset.
    rescale: (f64, f64),
    link: Link,
    truncations: Vec<Truncation>,
    steps: Vec<Step>,
    schedule: String,
}

impl Fitted {
    pub fn new(
        network: Network,
        trained: Trained,
        options: &Options,
        (rescale, link): ((f64, f64), Link),
        features: &[Feature],
    ) -> Fitted {
        let Trained { kept, losses, steps, .. } = trained;
        let truncations = Vec::with_capacity(kept.len());
        let (epochs, kept): (Vec<usize>, Vec<Vec<f32>>) = kept.into_iter().unzip();
        let schedule = options.why.clone();
        let mut fitted = Fitted { network, kept, rescale, link, truncations, steps, schedule };
        // All have the same shape.
        let shape = Shape::of_part(&fitted.part(0), features);
        let truncation = |(epochs, loss): (usize, f64)| Truncation {
            label: match options.knows_end {
                true => format!("epochs={epochs}/{}", options.max_epochs),
                false => format!("max_epochs={epochs}"),
            },
            loss,
            shape,
        };
        fitted.truncations.extend(epochs.into_iter().zip(losses).map(truncation));
        fitted
    }
}

impl FittedModel for Fitted {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        let (factor, offset) = self.rescale;
        let n_outputs = self.network.sizes.last().copied().unwrap_or(1);
        Part::Net(self.network.net(&self.kept[truncation], vec![offset; n_outputs], factor))
    }

    fn link(&self) -> Link {
        self.link
    }

    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn schedule(&self) -> &str {
        &self.schedule
    }
}

/// Scores parameters on the validation rows.
pub(super) struct Validation<'a> {
    input: &'a FitInput<'a>,
    network: &'a Network,
    link: Link,
    rescale: (f64, f64),
    work: Workspace,
    predictions: Vec<f64>,
    numbers: Vec<f64>,
    classes: Vec<u32>,
    weights: Option<Vec<f64>>,
}

impl<'a> Validation<'a> {
    pub fn new(
        input: &'a FitInput<'a>,
        network: &'a Network,
        link: Link,
        rescale: (f64, f64),
    ) -> Validation<'a> {
        let rows = || input.valid.iter().map(|&row| row as usize);
        let weights = input.data.weights.as_ref();
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        match &input.data.target {
            Target::Numbers(values) => numbers = rows().map(|row| values[row]).collect(),
            Target::Classes(values) => classes = rows().map(|row| values[row]).collect(),
        }
        Validation {
            input,
            network,
            link,
            rescale,
            work: network.workspace(ROWS_AT_ONCE.min(input.valid.len())),
            predictions: Vec::new(),
            numbers,
            classes,
            weights: weights.map(|weights| rows().map(|row| weights[row]).collect()),
        }
    }

    /// The metric's loss; NaN without rows, or where the training diverged.
    pub fn loss(&mut self, params: &[f32]) -> f64 {
        if self.input.valid.is_empty() || params.iter().any(|param| !param.is_finite()) {
            return f64::NAN;
        }
        let n_outputs = self.input.data.n_outputs();
        let (factor, offset) = self.rescale;
        self.predictions.clear();
        let order: Vec<u32> = (0..ROWS_AT_ONCE as u32).collect();
        for rows in self.input.valid.chunks(ROWS_AT_ONCE) {
            let data = self.network.inputs.encode(self.input.data, rows);
            let order = &order[..rows.len()];
            let outputs = self.network.forward(params, &data, order, None, &mut self.work);
            for outputs in outputs.chunks_exact(n_outputs) {
                let start = self.predictions.len();
                let scores = outputs.iter().map(|&output| offset + factor * f64::from(output));
                self.predictions.extend(scores);
                self.link.apply(&mut self.predictions[start..]);
            }
        }
        let truth = match self.classes.is_empty() {
            true => Truth::Numbers(&self.numbers),
            false => Truth::Classes(&self.classes),
        };
        let weights = self.weights.as_deref();
        let predictions = &self.predictions;
        (self.input.metric.loss)(&Scored { truth, predictions, n_outputs, weights })
    }
}
