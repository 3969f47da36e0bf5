//! A table made ready for learners: features as bins and numbers, target and weights as numbers.
//!
//! Bins are made once, from all rows (they look at features only, never at the target), and shared
//! by all trials and folds.

use eyas_model::{Feature, Schema, TaskKind};

/// What is to be predicted, as numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Values `(n_rows,)`, all finite.
    Numbers(Vec<f64>),
    /// Index of the class `(n_rows,)`; class names are in the schema. Binary: 1 is positive.
    Classes(Vec<u32>),
}

/// Features, target and weights of all rows.
///
/// Invariant: every vector has `n_rows` entries; `bins[f][row] < features[f].bins.n_bins()`.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Input columns, target and classes.
    pub schema: Schema,
    /// Number of rows.
    pub n_rows: usize,
    /// The features, those that are constant or dropped excluded.
    pub features: Vec<Feature>,
    /// Bins by feature, column-major `(n_features, n_rows)`; 0 is missing.
    pub bins: Vec<Vec<u8>>,
    /// Numbers of numeric features `(n_features)` x `(n_rows,)`, NaN is missing; empty for
    /// categorical features.
    pub numbers: Vec<Vec<f64>>,
    /// The target.
    pub target: Target,
    /// Row weights `(n_rows,)`, class weights included, all finite and not negative; `None` is all 1.
    pub weights: Option<Vec<f64>>,
}

impl Dataset {
    /// Kind of task.
    pub fn task(&self) -> TaskKind {
        self.schema.task
    }

    /// Number of raw scores of a row: 1 for regression and binary, else one a class.
    pub fn n_outputs(&self) -> usize {
        self.schema.n_outputs()
    }

    /// Number of features.
    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// Weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }
}
