//! What a caller of [`crate::fit`] may ask for.

use std::path::PathBuf;

use eyas_learn::{Table, TaskOptions};
use serde::{Deserialize, Serialize};

use crate::budget::Budget;

/// The four methods that a run combines; each can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Learning rates that change during a fit (and the closed-form rate of boosting).
    Rate,
    /// Greedy strategy selection: without it only the learners' defaults are tried.
    Selection,
    /// Pruning: without it models keep all their trees, depth and features.
    Pruning,
    /// Knowledge transfer: without it the memory proposes nothing.
    Transfer,
}

impl Method {
    /// Every method, in the order of reports.
    pub const ALL: [Method; 4] =
        [Method::Rate, Method::Selection, Method::Pruning, Method::Transfer];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Method::Rate => "rate",
            Method::Selection => "selection",
            Method::Pruning => "pruning",
            Method::Transfer => "transfer",
        }
    }
}

/// How models are validated.
#[derive(Debug, Clone, Default)]
pub enum Validation {
    /// By the number of rows: folds for small data, a hold-out for large data.
    #[default]
    Auto,
    /// This many folds, at least 2.
    Folds(usize),
    /// This share of the rows is held out, in (0, 1).
    Holdout(f64),
    /// On rows of a table of its own.
    Table(Table),
}

/// Everything a run depends on besides the training table.
#[derive(Debug, Clone)]
pub struct FitOptions {
    /// Target, metric, columns.
    pub task: TaskOptions,
    /// Columns whose kind the user stated: they are never dropped as identifiers.
    pub stated_columns: Vec<String>,
    /// Largest one-row p99 latency in nanoseconds, encoding of raw values included.
    pub latency_ns: Option<f64>,
    /// Largest model file in bytes.
    pub size_bytes: Option<u64>,
    /// Largest memory of the run in bytes, by accounting.
    pub memory_bytes: Option<u64>,
    /// Training budget.
    pub budget: Budget,
    /// How models are validated.
    pub validation: Validation,
    /// Threads; results do not depend on it (with a clock, how much is tried does).
    pub threads: usize,
    /// Seed of all randomness.
    pub seed: u64,
    /// Name of the only sampler of strategies ([`eyas_search::samplers::SAMPLERS`]); `None`: the
    /// blend.
    pub sampler: Option<String>,
    /// Methods that are switched off.
    pub without: Vec<Method>,
    /// Where the model goes.
    pub out: PathBuf,
    /// Folder of the journal and of what `resume` needs; made if it is not there.
    pub run_dir: PathBuf,
    /// Seconds between two states of a fit under way that are kept in `run_dir`, so that a resumed run
    /// goes on inside it; `None` to keep none.
    pub checkpoint_seconds: Option<f64>,
    /// Name of the data in reports and in the memory, e.g. the file's name.
    pub data_name: String,
    /// Free text kept in the journal, from which the caller can restart (e.g. its arguments as JSON).
    pub caller_state: String,
}
