//! What has been tried and what came of it. The history is the only state of a search.

use serde::{Deserialize, Serialize};

use crate::space::Config;

/// Who proposed a trial; contributions are reported by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A learner's own default.
    Default,
    /// The built-in portfolio.
    Portfolio,
    /// The memory of past tasks.
    Memory,
    /// Drawn at random.
    Random,
    /// A move around one of the best.
    Local,
    /// Where a model of the losses promises most.
    Model,
}

/// How a trial ended. A trial that goes wrong is a fact, not an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran to its end.
    Completed,
    /// It was ended early by time or a stopper; what it has is usable.
    Stopped,
    /// The loss became infinite or NaN.
    Diverged,
    /// It panicked or ran out of memory; the text says how.
    Failed(String),
    /// It was never started, since by its price it cannot meet a limit.
    Infeasible(String),
}

/// One truncation of a fit, priced: a point of the curve (loss, ns, bytes).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Index of the truncation in the fit's own grid.
    pub truncation: usize,
    /// What it is, for reports, e.g. `n_estimators=120`.
    pub label: String,
    /// Loss on validation rows; lower is better.
    pub loss: f64,
    /// Standard error of that loss.
    pub loss_se: f64,
    /// Predicted one-row latency in nanoseconds, encoding included.
    pub ns: f64,
    /// Bytes of the model.
    pub bytes: u64,
}

/// One thing tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Number, counted from 0 in the order of proposal.
    pub id: u64,
    /// What was tried.
    pub config: Config,
    /// Share of the training rows used, 1 for a full fit.
    pub fidelity: f64,
    /// Seed of its randomness.
    pub seed: u64,
    /// Who proposed it.
    pub origin: Origin,
    /// How it ended.
    pub outcome: Outcome,
    /// Points of its curve that no other point of the same curve dominates, by ascending ns.
    pub curve: Vec<Point>,
    /// What it cost, in seconds.
    pub seconds: f64,
    /// What it cost, in deterministic work units.
    pub work: u64,
}

impl Trial {
    /// The point of least loss, ties to the cheaper one; `None` where there is none.
    pub fn best(&self) -> Option<&Point> {
        self.best_within(f64::INFINITY)
    }

    /// The point of least loss among those of at most `ns` nanoseconds.
    pub fn best_within(&self, ns: f64) -> Option<&Point> {
        let finite = self.curve.iter().filter(|p| p.loss.is_finite() && p.ns <= ns);
        finite.min_by(|a, b| a.loss.total_cmp(&b.loss).then(a.ns.total_cmp(&b.ns)))
    }
}

/// All trials of a run, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    /// The trials.
    pub trials: Vec<Trial>,
}
