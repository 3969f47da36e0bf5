//! What a run has found.

use std::collections::{BTreeMap, BTreeSet};

use eyas_search::space::Value;
use eyas_search::study::Study;
use eyas_search::{Outcome, Trial};
use serde::{Deserialize, Serialize};

use super::TuneOptions;
use super::command::{Given, Template};

/// Trials that a report shows.
const N_SHOWN: usize = 10;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneReport {
    /// The best trial.
    pub best: Row,
    /// Its command line, for a shell.
    pub command: String,
    /// The best trials, best first.
    pub top: Vec<Row>,
    /// Trials that ended.
    pub n_trials: usize,
    /// Of these, those that ran to their end and gave a value,
    pub n_completed: usize,
    /// those that the stopper ended early,
    pub n_stopped: usize,
    /// those that took longer than they may,
    pub n_timed_out: usize,
    /// those that failed,
    pub n_failed: usize,
    /// and those whose value is not finite.
    pub n_diverged: usize,
    /// Trials that the end of the run cut off; they run again if it goes on.
    pub n_unfinished: usize,
    /// Why the last failed trial failed.
    pub failure: Option<String>,
    /// What stopping early has saved; `None` without a stopper.
    pub saved: Option<Saved>,
    /// Seconds of the run, earlier parts included.
    pub seconds: f64,
    /// Why it ended: `TrialsDone`, `BudgetSpent`, `SpaceExhausted` or `Interrupted`.
    pub over: String,
    /// Its folder.
    pub run_dir: String,
    /// Whether larger values are better.
    pub maximize: bool,
    /// Seed of the search.
    pub seed: u64,
}

/// A trial, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number.
    pub trial: u64,
    /// Its value.
    pub value: f64,
    /// The parameters that count in it.
    pub values: BTreeMap<String, Value>,
    /// Other numbers that it printed with its value.
    pub notes: BTreeMap<String, f64>,
    /// Seconds it took.
    pub seconds: f64,
    /// The step at which it was ended early.
    pub stopped_at: Option<u64>,
}

/// What stopping early has saved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Steps that were not run.
    pub steps: u64,
    /// Steps that all ended trials would have run.
    pub of_steps: u64,
    /// Seconds by which the trials ended early were shorter than the mean of those that ran to
    /// their end; 0 if none did.
    pub seconds: f64,
}

/// What is known of trials besides their history.
pub(super) struct Facts {
    pub notes: BTreeMap<u64, BTreeMap<String, f64>>,
    pub timed_out: BTreeSet<u64>,
}

impl Facts {
    pub fn remember(&mut self, id: u64, notes: BTreeMap<String, f64>, timed_out: bool) {
        self.notes.insert(id, notes);
        if timed_out {
            self.timed_out.insert(id);
        }
    }
}

impl TuneReport {
    /// The report of a study that has a best trial.
    pub(super) fn new(
        options: &TuneOptions,
        study: &Study,
        template: &Template,
        facts: &Facts,
    ) -> TuneReport {
        let trials = &study.history().trials;
        let mut ranked: Vec<(&Trial, f64)> =
            trials.iter().filter_map(|trial| Some((trial, study.value_of(trial)?))).collect();
        let sign = if options.maximize { -1.0 } else { 1.0 };
        ranked.sort_by(|(_, a), (_, b)| (sign * a).total_cmp(&(sign * b)));
        let rows = ranked.iter().take(N_SHOWN);
        let top: Vec<Row> = rows.map(|(trial, value)| row(study, facts, trial, *value)).collect();
        let best = study.best().expect("the caller has looked").trial;
        let given = Given { config: &best.config, trial: best.id, seed: best.seed };
        let count = |is: &dyn Fn(&Trial) -> bool| trials.iter().filter(|trial| is(trial)).count();
        let timed_out = |trial: &Trial| facts.timed_out.contains(&trial.id);
        let failure = trials.iter().rev().find_map(|trial| match &trial.outcome {
            Outcome::Failed(why) => Some(why.clone()),
            _ => None,
        });
        TuneReport {
            best: top[0].clone(),
            command: template.shell(&given),
            top,
            n_trials: trials.len(),
            n_completed: count(&|trial| trial.outcome == Outcome::Completed),
            n_stopped: count(&|trial| trial.outcome == Outcome::Stopped && !timed_out(trial)),
            n_timed_out: count(&timed_out),
            n_failed: count(&|t| matches!(t.outcome, Outcome::Failed(_)) && !timed_out(t)),
            n_diverged: count(&|trial| trial.outcome == Outcome::Diverged),
            n_unfinished: study.pending().len(),
            failure,
            saved: options.stopping.as_ref().map(|stopping| {
                saved(study, stopping.max_steps, &|trial| {
                    trial.outcome == Outcome::Stopped && !timed_out(trial)
                })
            }),
            seconds: 0.0,
            over: String::new(),
            run_dir: String::new(),
            maximize: options.maximize,
            seed: options.seed,
        }
    }

    /// The same, with how the run ended.
    pub(super) fn ended(self, over: &str, seconds: f64, run_dir: &str) -> TuneReport {
        TuneReport { over: over.to_owned(), seconds, run_dir: run_dir.to_owned(), ..self }
    }
}

fn row(study: &Study, facts: &Facts, trial: &Trial, value: f64) -> Row {
    let space = study.space();
    let active = space.parameters.iter().filter(|p| space.is_active(p, &trial.config));
    let values =
        active.filter_map(|p| Some((p.name.to_owned(), trial.config.values.get(p.name)?.clone())));
    let was_cut = trial.outcome == Outcome::Stopped;
    let steps = study.curve_of(trial.id).last().map(|(step, _)| *step);
    Row {
        trial: trial.id,
        value,
        values: values.collect(),
        notes: facts.notes.get(&trial.id).cloned().unwrap_or_default(),
        seconds: trial.seconds,
        stopped_at: steps.filter(|_| was_cut),
    }
}

fn saved(study: &Study, max_steps: u64, is_stopped: &dyn Fn(&Trial) -> bool) -> Saved {
    let trials = &study.history().trials;
    let mut saved = Saved { steps: 0, of_steps: max_steps * trials.len() as u64, seconds: 0.0 };
    let whole = trials.iter().filter(|trial| trial.outcome == Outcome::Completed);
    let whole: Vec<f64> = whole.map(|trial| trial.seconds).collect();
    let mean_seconds = whole.iter().sum::<f64>() / whole.len().max(1) as f64;
    for trial in trials.iter().filter(|trial| is_stopped(trial)) {
        let step = study.curve_of(trial.id).last().map_or(0, |(step, _)| *step);
        let left = max_steps.saturating_sub(step);
        saved.steps += left;
        saved.seconds += (mean_seconds - trial.seconds).max(0.0);
    }
    saved
}
