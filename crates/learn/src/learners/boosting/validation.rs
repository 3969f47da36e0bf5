//! Losses on rows that are not learned from.

use eyas_model::{Feature, Link};

use super::binned::{Binned, gather};
use super::objective::Objective;
use crate::dataset::Target;
use crate::learners::FitInput;
use crate::metrics::{Scored, Truth};
use crate::threads::Threads;

/// Rows whose predictions one thread computes.
const BLOCK: usize = 2048;

/// Validation rows.
pub(super) struct Validation<'a> {
    input: &'a FitInput<'a>,
    /// Bins `(n_features)` x `(n_rows,)`.
    pub columns: Vec<Vec<u8>>,
    /// Place of a feature of the dataset in `columns`.
    places: Vec<usize>,
    predictions: Vec<f64>,
    numbers: Vec<f64>,
    classes: Vec<u32>,
    weights: Option<Vec<f64>>,
    link: Link,
}

impl<'a> Validation<'a> {
    pub fn new(
        input: &'a FitInput<'a>,
        binned: &Binned<'_>,
        objective: &Objective,
    ) -> Validation<'a> {
        let (data, rows) = (input.data, input.valid);
        let columns = binned.features.iter();
        let columns = columns.map(|f| gather(&data.bins[f.index as usize], rows)).collect();
        let (mut numbers, mut classes) = (Vec::new(), Vec::new());
        match &data.target {
            Target::Numbers(all) => numbers = rows.iter().map(|&row| all[row as usize]).collect(),
            Target::Classes(all) => classes = rows.iter().map(|&row| all[row as usize]).collect(),
        }
        let mut places = vec![usize::MAX; data.n_features()];
        binned.features.iter().enumerate().for_each(|(at, f)| places[f.index as usize] = at);
        let weights = data.weights.as_ref();
        let n_outputs = data.n_outputs();
        Validation {
            input,
            columns,
            places,
            predictions: vec![0.0; rows.len() * n_outputs],
            numbers,
            classes,
            weights: weights.map(|all| rows.iter().map(|&row| all[row as usize]).collect()),
            link: objective.link(),
        }
    }

    pub fn n_rows(&self) -> usize {
        self.input.valid.len()
    }

    /// The features of the dataset.
    pub fn features(&self) -> &'a [Feature] {
        &self.input.data.features
    }

    /// The bins of a feature that a tree asks, as the dataset numbers it.
    pub fn column(&self, feature: u32) -> &[u8] {
        &self.columns[self.places[feature as usize]]
    }

    /// The loss where leaf values sum to `sums` `(n_outputs)` x `(n_rows,)`; NaN if there are no
    /// rows.
    pub fn loss(&mut self, objective: &Objective, sums: &[Vec<f64>], threads: &Threads) -> f64 {
        if self.input.valid.is_empty() {
            return f64::NAN;
        }
        let (n_outputs, link) = (sums.len(), self.link);
        let mut blocks: Vec<_> = self.predictions.chunks_mut(BLOCK * n_outputs).collect();
        threads.for_each_mut(&mut blocks, |block, scores| {
            for (row, scores) in scores.chunks_exact_mut(n_outputs).enumerate() {
                for (k, score) in scores.iter_mut().enumerate() {
                    *score = objective.base[k] + objective.scale * sums[k][block * BLOCK + row];
                }
                link.apply(scores);
            }
        });
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
