//! What a comparison found: what `--out` and `--json` write.

use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::verdict::Verdict;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Its variant, e.g. `without rate`.
    pub variant: String,
    /// Number of the fold whose rows were sealed, from 0.
    pub fold: usize,
    /// Seed.
    pub seed: u64,
    /// Value of the metric on the sealed rows; `None` without a model.
    pub score: Option<f64>,
    /// Standard error of that value, of these rows as a sample.
    pub score_se: Option<f64>,
    /// One-row median in nanoseconds: measured, or by work units priced.
    pub p50_ns: Option<f64>,
    /// One-row 99th percentile in nanoseconds: measured, or by work units priced.
    pub p99_ns: Option<f64>,
    /// Measured one-row median in nanoseconds.
    pub measured_p50_ns: Option<f64>,
    /// Measured one-row 99th percentile in nanoseconds.
    pub measured_p99_ns: Option<f64>,
    /// Bytes of the model file without its notes.
    pub bytes: Option<u64>,
    /// Seconds it took.
    pub seconds: f64,
    /// Trials it made.
    pub n_trials: usize,
    /// Whether its model meets the limits; by work units: by price and size.
    pub met: bool,
    /// The model in words.
    pub chosen: String,
    /// Why the search ended.
    pub stop_reason: String,
    /// Why there is no model; `None` if there is one.
    pub failed: Option<String>,
}

/// The runs of one variant; figures are means over them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantResult {
    /// Name, e.g. `without rate`.
    pub variant: String,
    /// Methods that were off.
    pub without: Vec<String>,
    /// Runs with a model.
    pub n_runs: usize,
    /// Runs without one.
    pub n_failed: usize,
    /// Value of the metric on the sealed rows, with the error that it has as a score.
    pub score: Option<Estimate>,
    /// Its score minus that of the run with everything on, positive is better.
    pub gain: Option<Estimate>,
    /// One-row median in nanoseconds.
    pub p50_ns: Option<f64>,
    /// One-row 99th percentile in nanoseconds.
    pub p99_ns: Option<f64>,
    /// Bytes of the model file.
    pub bytes: Option<f64>,
    /// Seconds of a run.
    pub seconds: Option<f64>,
    /// Trials of a run.
    pub n_trials: Option<f64>,
    /// Runs whose model meets the limits.
    pub n_met: usize,
}

/// Runs with a method minus runs without it, over pairs of the same fold and seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Gain of the metric, positive is better.
    pub score: Estimate,
    /// One-row median in nanoseconds, negative is faster.
    pub p50_ns: Estimate,
    /// One-row 99th percentile in nanoseconds, negative is faster.
    pub p99_ns: Estimate,
    /// Bytes of the model file, mean.
    pub bytes: f64,
    /// Seconds of a run, mean.
    pub seconds: f64,
    /// Pairs of runs.
    pub n_pairs: usize,
}

/// What one method contributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodResult {
    /// Name.
    pub method: String,
    /// Whether it is worth having here, from what it adds to the other methods.
    pub verdict: Verdict,
    /// With it against everything but it.
    pub added: Option<Effect>,
    /// It alone against nothing.
    pub alone: Option<Effect>,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Kind of task.
    pub task: String,
    /// Target column.
    pub target: String,
    /// Metric.
    pub metric: String,
    /// Whether larger values of it are better.
    pub higher_is_better: bool,
    /// Rows with a target.
    pub n_rows: usize,
    /// Which rows were sealed, in words.
    pub sealed: String,
    /// How standard errors were found, in words.
    pub errors: String,
    /// Where nanoseconds come from, in words.
    pub latency: String,
    /// Budget of each run in seconds; `None` if it was work units.
    pub budget_seconds: Option<f64>,
    /// Budget of each run in work units; `None` if it was seconds.
    pub budget_work: Option<u64>,
    /// Latency limit in nanoseconds.
    pub latency_limit_ns: Option<f64>,
    /// Size limit in bytes.
    pub size_limit_bytes: Option<u64>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Folds; 1 for one split.
    pub n_folds: usize,
    /// Runs that were planned.
    pub n_planned: usize,
    /// Runs that have ended.
    pub n_ended: usize,
    /// Past tasks that the memory could learn from.
    pub n_past_tasks: usize,
    /// One for each variant.
    pub variants: Vec<VariantResult>,
    /// One for each method that was asked about.
    pub methods: Vec<MethodResult>,
    /// Every run that has ended.
    pub runs: Vec<RunResult>,
    /// What the user should know.
    pub notices: Vec<String>,
    /// Folder of the comparison; the models are in it.
    pub run_dir: String,
}
