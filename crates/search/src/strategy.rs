//! The search itself: what to try next, as a function of rules and history.

use crate::history::{History, Origin};
use crate::space::{Config, Space};

/// What a configuration is expected to cost before it is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Cost of the trial, in the unit of [`Rules::remaining`].
    pub cost: f64,
    /// Least latency that any truncation of the fit could have, in nanoseconds.
    pub ns: f64,
    /// Bytes of memory that the trial needs beyond the data.
    pub memory_bytes: f64,
}

/// All that a decision may depend on besides the history.
pub struct Rules<'a> {
    /// The learners' spaces, in the order of the first trials.
    pub spaces: &'a [Space],
    /// Built-in configurations, best guess first; the first of each learner is its default.
    pub portfolio: &'a [Config],
    /// Configurations that the memory proposes, best guess first.
    pub memory: &'a [Config],
    /// Prices a configuration at a fidelity (share of the rows).
    pub price: &'a dyn Fn(&Config, f64) -> Price,
    /// Cost units left for trials; `f64::INFINITY` for none.
    pub remaining: f64,
    /// Largest latency allowed, in nanoseconds.
    pub limit_ns: f64,
    /// Largest memory a trial may take beyond the data, in bytes.
    pub limit_memory_bytes: f64,
    /// Share of the rows on which newcomers are screened; `None`: full fits only.
    pub screening: Option<f64>,
    /// Whether only the portfolio's defaults are tried (greedy selection switched off).
    pub defaults_only: bool,
    /// Whether costs are counted in work units (`true`) or seconds.
    pub by_work: bool,
    /// Seed of all randomness.
    pub seed: u64,
}

/// A trial to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Number of the trial: history and pending trials counted.
    pub id: u64,
    /// What to try.
    pub config: Config,
    /// Share of the training rows to use.
    pub fidelity: f64,
    /// Seed of its randomness.
    pub seed: u64,
    /// Who proposes it.
    pub origin: Origin,
}

/// Why a search ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// No configuration that is still worth trying fits what is left.
    BudgetSpent,
    /// Every configuration of the space has been tried.
    SpaceExhausted,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Run this trial.
    Try(Proposal),
    /// Wait for a pending trial: what comes next depends on it.
    Wait,
    /// End.
    Stop(StopReason),
}

/// Decides what to try next. `pending` are proposals whose trials are still running.
///
/// Pure: equal arguments give equal decisions, so a recorded history replays.
pub fn next(rules: &Rules<'_>, history: &History, pending: &[Proposal]) -> Decision {
    let _ = (rules, history, pending, Origin::Default);
    Decision::Stop(StopReason::BudgetSpent)
}
