//! What a fit is expected to take, from a few facts about the task.

use eyas_model::{Shape, TaskKind};
use eyas_search::Config;

use super::curvature::Size;
use super::objective::stride_of;
use super::options::{Numeric, Options, Solver, space};
use super::ridge;
use crate::task::Facts;

/// Bins from which on a number is taken to be dense, and up to which to be mostly one value.
const DENSE_BINS: f64 = 9.0;
const SPARSE_BINS: f64 = 3.0;
/// Share of the rows in which a mostly equal number differs.
const SPARSE_ENTRIES: f64 = 0.03;
/// Sweeps over all weights that coordinate descent takes for a penalty.
const SWEEPS: f64 = 100.0;

/// What the design matrix will look like.
struct Guess {
    options: Options,
    n_rows: f64,
    /// Entries of a row.
    n_entries: f64,
    n_columns: f64,
    n_outputs: f64,
    stride: f64,
}

impl Guess {
    /// A configuration out of its domain is priced as the default.
    fn new(facts: &Facts, config: &Config) -> Guess {
        let options = Options::new(config)
            .or_else(|_| Options::new(&space().default_config()))
            .expect("defaults are in their domains");
        let n_numeric = facts.n_features.saturating_sub(facts.n_categorical) as f64;
        let n_categorical = facts.n_categorical as f64;
        let n_bins = facts.n_bins as f64;
        let levels = (n_bins - 256.0 * n_numeric).max(5.0 * n_categorical).min(n_bins);
        let numeric_columns = match options.numeric {
            Numeric::Bins(n_groups) => {
                n_numeric * (n_groups as f64).min(n_bins / facts.n_features.max(1) as f64)
            }
            Numeric::Standard | Numeric::Robust => n_numeric,
        };
        let bins_each = (n_bins - 5.0 * n_categorical) / n_numeric.max(1.0);
        let dense = ((bins_each - SPARSE_BINS) / (DENSE_BINS - SPARSE_BINS)).clamp(0.0, 1.0);
        let numeric_entries = n_numeric * (dense + (1.0 - dense) * SPARSE_ENTRIES);
        Guess {
            options,
            n_rows: facts.n_rows as f64,
            n_entries: 1.0 + numeric_entries + n_categorical,
            n_columns: numeric_columns + if n_categorical > 0.0 { levels } else { 0.0 },
            n_outputs: facts.n_outputs.max(1) as f64,
            stride: stride_of(facts.n_outputs.max(1)) as f64,
        }
    }

    fn pass(&self) -> f64 {
        self.n_rows * (self.stride * self.n_entries + 8.0 * self.n_outputs)
    }

    fn size(&self) -> Size {
        Size {
            n_rows: self.n_rows as u64,
            n_entries: self.n_entries as u64,
            n_columns: self.n_columns as u64,
            n_outputs: self.n_outputs as u64,
            pass: self.pass() as u64,
        }
    }

    fn is_ridge(&self, facts: &Facts) -> bool {
        facts.kind == TaskKind::Regression
            && self.options.l1_ratio == 0.0
            && self.options.solver == Solver::Exact
            && self.n_columns <= ridge::MAX_COLUMNS as f64
    }
}

/// Work units that a fit is expected to spend.
pub(super) fn work(facts: &Facts, config: &Config) -> u64 {
    let guess = Guess::new(facts, config);
    let n_penalties = guess.options.penalties.len() as f64;
    let d = guess.n_columns;
    let gram = guess.n_rows * guess.n_entries * guess.n_entries / 2.0;
    let work = match &guess.options.solver {
        Solver::Sgd { n_epochs, batch_size, .. } => {
            let n_batches = guess.n_rows / *batch_size as f64;
            let epoch = 2.0 * guess.pass() + 2.0 * n_batches * d * guess.stride;
            n_penalties * *n_epochs as f64 * epoch
        }
        Solver::Exact if guess.is_ridge(facts) => gram + d * d * (d + n_penalties),
        Solver::Exact => {
            let size = guess.size();
            let steps = size.n_steps() as f64;
            let is_squared = facts.kind == TaskKind::Regression;
            let sweeps = match (guess.options.l1_ratio > 0.0, is_squared) {
                (false, _) => 0.0,
                (true, true) => 3.0 * SWEEPS * d * d,
                // Few weights of many are not zero.
                (true, false) => SWEEPS / 3.0 * d * d.min(100.0) * guess.n_outputs,
            };
            n_penalties * (2.0 * steps * guess.pass() + size.work() as f64 + sweeps)
        }
    };
    work as u64
}

/// The cheapest truncation: all features, or none where the penalty may drop them.
pub(super) fn cheapest_shape(facts: &Facts, config: &Config) -> Shape {
    let guess = Guess::new(facts, config);
    let n_outputs = facts.n_outputs as f64;
    if guess.options.l1_ratio > 0.0 {
        let bytes = 8.0 * n_outputs;
        return Shape { bytes, file_bytes: bytes, ..Shape::default() };
    }
    let n_numeric = facts.n_features.saturating_sub(facts.n_categorical) as f64;
    let is_binned = matches!(guess.options.numeric, Numeric::Bins(_));
    let n_binned = if is_binned { n_numeric } else { 0.0 };
    let bytes = 8.0 * n_outputs * (1.0 + guess.n_columns);
    Shape {
        n_binned,
        n_numbers: n_numeric - n_binned,
        n_looked_up: facts.n_categorical as f64,
        n_products: facts.n_features as f64 * n_outputs,
        bytes,
        file_bytes: bytes,
        ..Shape::default()
    }
}

/// Bytes that a fit needs beyond the data.
pub(super) fn memory_bytes(facts: &Facts, config: &Config) -> u64 {
    let guess = Guess::new(facts, config);
    let design = guess.n_rows * (12.0 * guess.n_entries + 24.0);
    let scores = 6.0 * 8.0 * guess.n_rows * guess.stride;
    let n_blocks = if guess.n_columns <= 1500.0 { guess.stride } else { 0.0 };
    let matrices = 8.0 * guess.n_columns * guess.n_columns * n_blocks;
    let n_weights = 8.0 * guess.n_columns * guess.stride;
    (design + scores + matrices + n_weights * (guess.options.penalties.len() as f64 + 25.0)) as u64
}
