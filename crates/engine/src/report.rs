//! What a run found. Everything here is also what `--json` prints and what the model file keeps.

use serde::{Deserialize, Serialize};

/// A row of the price list: what a budget of latency buys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriceRow {
    /// What it is, e.g. `boosting n_estimators=120` or `ensemble of 3`.
    pub model: String,
    /// Trial it came from; `None` for an ensemble.
    pub trial: Option<u64>,
    /// Value of the metric on validation rows.
    pub score: f64,
    /// Standard error of that value.
    pub score_se: f64,
    /// Predicted one-row p50 in nanoseconds.
    pub p50_ns: f64,
    /// Predicted one-row p99 in nanoseconds.
    pub p99_ns: f64,
    /// Bytes that a prediction touches.
    pub bytes: u64,
    /// Seconds its training took.
    pub train_seconds: f64,
    /// Whether it is the chosen one.
    pub chosen: bool,
}

/// What one method contributed to the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// `rate`, `selection`, `pruning` or `transfer`.
    pub method: String,
    /// Whether it was on.
    pub on: bool,
    /// Gain of the metric (positive is better) against the run's best without it.
    pub score_gain: f64,
    /// Standard error of that gain, where it could be found.
    pub score_gain_se: Option<f64>,
    /// Nanoseconds of predicted p99 saved (negative: cost).
    pub ns_saved: f64,
    /// Seconds of the run spent on it.
    pub seconds: f64,
    /// One sentence: what was compared with what.
    pub how: String,
}

/// A score with its standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Name of the metric.
    pub metric: String,
    /// Its value, as users know it.
    pub value: f64,
    /// Standard error.
    pub se: f64,
    /// Rows it was computed on.
    pub n_rows: usize,
    /// Which rows: `sealed rows`, `out-of-fold rows`, `held-out rows`, `validation file`.
    pub rows: String,
}

/// One-row latency as measured on the file, saved and loaded again; nanoseconds, encoding of raw
/// values included, cost of the timer subtracted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredLatency {
    /// Distinct rows measured.
    pub n_rows: usize,
    /// Median.
    pub p50_ns: f64,
    /// 99th percentile.
    pub p99_ns: f64,
    /// Upper 95 % confidence bound of the 99th percentile.
    pub p99_upper_ns: f64,
    /// 99.9th percentile.
    pub p999_ns: f64,
    /// Largest.
    pub max_ns: f64,
    /// Median with caches swept between rows.
    pub cold_p50_ns: Option<f64>,
    /// 99th percentile with caches swept between rows.
    pub cold_p99_ns: Option<f64>,
}

/// Whether the limits were met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// Latency limit in nanoseconds.
    pub latency_limit_ns: Option<f64>,
    /// Size limit in bytes.
    pub size_limit_bytes: Option<u64>,
    /// Whether all limits are met by measurement.
    pub met: bool,
    /// What to know where they are not: the nearest feasible points, in words.
    pub explanation: String,
}

/// How a picked strategy that is trained step by step was trained on its first fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Trial.
    pub trial: u64,
    /// Learner.
    pub learner: String,
    /// Which schedule the learning rate followed, and why.
    pub schedule: String,
    /// Steps (epochs), thinned to at most 200: (step, learning rate, validation loss where it was
    /// computed).
    pub steps: Vec<(u64, f64, Option<f64>)>,
    /// How often the training diverged and went back to its last good state, at half the rate.
    pub n_recovered: u64,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Kind of task.
    pub task: String,
    /// Target column.
    pub target: String,
    /// Metric.
    pub metric: String,
    /// Whether larger values of it are better.
    pub higher_is_better: bool,
    /// Rows the run learned from.
    pub n_rows: usize,
    /// Features offered.
    pub n_features: usize,
    /// How models were validated.
    pub validation: String,
    /// Trials ended.
    pub n_trials: usize,
    /// Trials that failed, diverged or were infeasible.
    pub n_failed: usize,
    /// Score against latency, bytes and training time.
    pub price_list: Vec<PriceRow>,
    /// What 20 us more would buy, or less would cost; in words.
    pub more_latency: String,
    /// What each method contributed.
    pub contributions: Vec<Contribution>,
    /// The chosen model in words.
    pub chosen: String,
    /// Members of the chosen model: (weight, learner, configuration in words).
    pub members: Vec<(f64, String, String)>,
    /// How its members that are trained step by step were trained.
    #[serde(default)]
    pub trainings: Vec<Training>,
    /// Score of the chosen model on rows it was not trained on.
    pub score: Score,
    /// Measured latency; `None` only if nothing could be measured.
    pub latency: Option<MeasuredLatency>,
    /// Predicted p50 of the chosen model in nanoseconds.
    pub predicted_p50_ns: f64,
    /// Whether the limits were met.
    pub contract: Contract,
    /// Bytes of the model file.
    pub file_bytes: u64,
    /// Where the model is; `None` if it was not written.
    pub model_path: Option<String>,
    /// Folder of the run.
    pub run_dir: String,
    /// Importances of the features: (name, share of gain), largest first.
    pub importances: Vec<(String, f64)>,
    /// Papers and sources of the methods that were used.
    pub references: Vec<String>,
    /// Why the search ended.
    pub stop_reason: String,
    /// Budget in seconds; `None` if it was work units.
    pub budget_seconds: Option<f64>,
    /// Seconds the run took until the report was made.
    pub seconds: f64,
    /// Seed.
    pub seed: u64,
    /// What the user should know.
    pub notices: Vec<String>,
}
