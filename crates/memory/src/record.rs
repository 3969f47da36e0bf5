//! What goes into a memory and what comes out.

use eyas_search::Config;
use eyas_search::transfer::TaskFacts;
use serde::{Deserialize, Serialize};

/// A task to be remembered. Tasks of the same fingerprint and metric are one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// What the user calls it, e.g. the name of the file.
    pub name: String,
    /// Name of the metric that its losses are of.
    pub metric: String,
    /// When it was searched, in seconds since 1970, as the caller's clock says.
    pub time: i64,
    /// What it is like.
    pub facts: TaskFacts,
}

/// A full trial to be remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRecord {
    /// What was tried.
    pub config: Config,
    /// Its loss, as measured; not finite if it failed.
    pub loss: f64,
    /// What it took, in seconds.
    pub seconds: f64,
    /// Latency of its best point, in nanoseconds.
    pub ns: f64,
    /// Size of its best point, in bytes.
    pub bytes: u64,
}

/// A task of the memory.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTask {
    /// Number in this memory.
    pub id: i64,
    /// The task, with the facts and the time of its latest run.
    pub task: TaskRecord,
    /// Trials that are kept.
    pub n_trials: u64,
}

/// A trial of the memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTrial {
    /// What was tried.
    pub config: Config,
    /// Its loss among those of its run, in `[0, 1]`; 0 is the best.
    pub loss_normalised: f64,
    /// Its loss as measured; `None` if it failed.
    pub loss: Option<f64>,
    /// What it took, in seconds.
    pub seconds: f64,
    /// Latency of its best point, in nanoseconds; `None` if it has none.
    pub ns: Option<f64>,
    /// Size of its best point, in bytes.
    pub bytes: u64,
    /// When it was tried, in seconds since 1970.
    pub time: i64,
}
