//! What happens during a run, told as it happens: for progress bars, dashboards and trackers.

use std::sync::{Mutex, PoisonError};

use eyas_search::Trial;
use serde::Serialize;

use crate::report::{Contribution, PriceRow};

/// Something that happened. As JSON each has a field `event` with its name.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The data is read in passes, and this far.
    Reading {
        /// The pass, counted from 1.
        pass: usize,
        /// Rows of it.
        rows: u64,
    },
    /// The data is read and understood.
    Started {
        /// Kind of task: `regression`, `binary`, `multiclass`.
        task: &'static str,
        /// Name of the metric.
        metric: &'static str,
        /// Whether larger values of it are better.
        higher_is_better: bool,
        /// Rows.
        n_rows: usize,
        /// Features.
        n_features: usize,
        /// Classes; 0 for regression.
        n_classes: usize,
        /// How models are validated, e.g. `5 folds`.
        validation: String,
        /// Whole budget, in seconds or work units.
        budget: f64,
        /// What readers and checks had to say.
        notices: Vec<String>,
    },
    /// A trial ended.
    TrialEnded {
        /// Seconds since the run began.
        elapsed: f64,
        /// The trial.
        trial: Trial,
    },
    /// A fit that was under way when the run was cut off goes on where it was.
    TakenUp {
        /// Number of the trial.
        trial: u64,
        /// Its learner.
        learner: String,
        /// The fold, counted from 1; `None` for a refit on all rows.
        fold: Option<usize>,
        /// Steps that it has done.
        steps: usize,
        /// What they are called, e.g. `rounds`.
        unit: &'static str,
    },
    /// The state of a fit under way is on disk; told by the fit itself, which waits meanwhile.
    Kept {
        /// Number of the trial.
        trial: u64,
    },
    /// Training steps of a trial: (step, learning rate, validation loss).
    Steps {
        /// Number of the trial.
        trial: u64,
        /// The steps, thinned to at most 200.
        steps: Vec<(u64, f64, f64)>,
    },
    /// State of the run after a trial; what a progress bar shows.
    Progress {
        /// Seconds since the run began.
        elapsed: f64,
        /// Used share of the budget, 0 to 1.
        fraction: f64,
        /// Trials ended.
        n_trials: usize,
        /// Points on the frontier of (loss, ns, bytes).
        frontier_size: usize,
        /// Value of the metric of the best model that meets the limits.
        best: Option<f64>,
    },
    /// What the run does now, e.g. `greedy ensemble`, `refit`, `measure`.
    Stage {
        /// Seconds since the run began.
        elapsed: f64,
        /// What it does.
        stage: &'static str,
    },
    /// The price list.
    Frontier {
        /// Its rows.
        rows: Vec<PriceRow>,
    },
    /// What each method contributed.
    Contributions {
        /// One for each method.
        contributions: Vec<Contribution>,
    },
    /// Something the user should know.
    Notice {
        /// What it is.
        text: String,
    },
}

/// Hears of events. Called from one thread at a time.
pub trait Observer: Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

/// Lets one thread at a time tell an observer.
pub(crate) struct InTurn<'a> {
    observer: &'a dyn Observer,
    turn: Mutex<()>,
}

impl<'a> InTurn<'a> {
    pub fn new(observer: &'a dyn Observer) -> InTurn<'a> {
        InTurn { observer, turn: Mutex::new(()) }
    }
}

impl Observer for InTurn<'_> {
    fn event(&self, event: &Event) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.observer.event(event);
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}
}
