//! Anyone's objective: a search of the parameters of any program.
//!
//! ```text
//! Study --ask--> process --lines--> values on the way --report--> go on or end
//!       <--tell-- exit code, last line                 (each step a line of tune.jsonl)
//! ```
//! A program is told its parameters by placeholders in its arguments and by variables of its
//! environment (`EYAS_NAME`, `EYAS_TRIAL`, `EYAS_SEED`, `EYAS_RUN`). The last line that it prints is
//! its value. An exit code other than 0 is a failed trial: a fact of the history, not an error,
//! unless nothing ever works.

mod child;
mod command;
mod group;
mod output;
mod record;
mod report;
mod session;

use std::path::Path;
use std::time::Instant;

use eyas_search::space::text::SpaceText;
use eyas_search::stoppers::Course;
use eyas_search::study::{Study, StudyError};
use eyas_search::{Space, Trial};
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, Interrupt, Meter};
use crate::error::Error;
use command::Template;
use session::Session;

pub use record::Changes;
pub use report::{Row, Saved, TuneReport};

/// What is tuned, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TuneOptions {
    /// The parameters.
    pub space: SpaceText,
    /// Program and arguments, with placeholders.
    pub command: Vec<String>,
    /// Seconds for all; `None`: no limit.
    pub budget_seconds: Option<f64>,
    /// Trials in all; `None`: no limit.
    pub max_trials: Option<u64>,
    /// Trials at a time, at least 1.
    pub jobs: usize,
    /// Seconds that a trial may take; `None`: no limit.
    pub timeout_seconds: Option<f64>,
    /// Name of the sampler; `None`: the search's blend.
    pub sampler: Option<String>,
    /// The rule that ends trials early.
    pub stopping: Option<Stopping>,
    /// Whether larger values are better.
    pub maximize: bool,
    /// Seed of the search; trials get seeds from it.
    pub seed: u64,
}

/// A rule that ends trials early.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// Name of the stopper.
    pub stopper: String,
    /// Steps of a trial that runs to its end.
    pub max_steps: u64,
    /// Steps before the first decision; `None`: a 27th of all.
    pub min_steps: Option<u64>,
}

/// Something that happened.
#[derive(Debug)]
pub enum TuneEvent<'a> {
    /// A trial ended.
    Ended {
        /// The trial.
        trial: &'a Trial,
        /// Its value, as the program printed it.
        value: Option<f64>,
        /// Whether no earlier one is as good.
        is_best: bool,
        /// Trials that have ended.
        n_ended: usize,
    },
    /// Time passed.
    Tick {
        /// Trials that have ended.
        n_ended: usize,
        /// Trials that run.
        n_running: usize,
        /// The best value so far.
        best: Option<f64>,
    },
}

/// Names of the stoppers that a running program can be ended by. The others make trials wait for
/// each other, which programs cannot.
pub static STOPPERS: &[&str] = &["asha", "median", "patience", "learning-curve"];

impl TuneOptions {
    /// Checks all that can be checked before anything runs. What the user should know comes back,
    /// such as parameters that no argument mentions.
    ///
    /// # Errors
    /// The first option that makes no sense.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        let study = self.study()?;
        let template = Template::parse(&self.command, study.space())?;
        let told = template.unmentioned(study.space()).into_iter().map(|name| {
            format!(
                "no argument mentions {{{name}}}: the program sees it as {} in its environment only",
                command::variable(name)
            )
        });
        Ok(told.collect())
    }

    fn space(&self) -> Result<Space, Error> {
        let space = self.space.space().map_err(|error| Error::Option {
            option: "--space",
            value: format!("wrong at {}", error.place),
            expected: error.problem,
        })?;
        if space.parameters.is_empty() {
            return Err(Error::Option {
                option: "--space",
                value: "empty".into(),
                expected: "there is nothing to tune; give it a [[parameter]]".into(),
            });
        }
        Ok(space)
    }

    fn study(&self) -> Result<Study, Error> {
        let study = Study::new(self.space()?, self.seed);
        let study = if self.maximize { study.maximizing() } else { study };
        let study = study.with_max_trials(self.max_trials.unwrap_or(u64::MAX));
        let study = match &self.sampler {
            Some(name) => study.with_sampler(name).map_err(|error| named("--sampler", &error))?,
            None => study,
        };
        let Some(stopping) = &self.stopping else { return Ok(study) };
        if !STOPPERS.contains(&stopping.stopper.as_str()) {
            return Err(Error::Option {
                option: "--stopper",
                value: format!("`{}`", stopping.stopper),
                expected: format!("programs can be ended by {} only", STOPPERS.join(", ")),
            });
        }
        let min_steps = stopping.min_steps.unwrap_or(stopping.max_steps.div_ceil(27));
        let course = Course { min_steps, max_steps: stopping.max_steps, eta: 3, is_last: false };
        study.with_stopper(&stopping.stopper, course).map_err(|error| named("--stopper", &error))
    }
}

fn named(option: &'static str, error: &StudyError) -> Error {
    let StudyError::UnknownName { name, known, .. } = error else {
        return Error::Program(error.to_string());
    };
    let expected = format!("it must be one of {}", known.join(", "));
    Error::Option { option, value: format!("`{name}`"), expected }
}

/// Tunes a program from the beginning, recording all in `run_dir`. The budget counts from `started`.
///
/// # Errors
/// An option makes no sense, the program cannot be started, nothing it does gives a value, or the
/// record cannot be written.
pub fn tune(
    options: &TuneOptions,
    run_dir: &Path,
    started: Instant,
    interrupt: &Interrupt,
    observer: &mut dyn FnMut(&TuneEvent<'_>),
) -> Result<TuneReport, Error> {
    options.check()?;
    let record = record::create(run_dir, options)?;
    let meter = meter(options, started, 0.0, interrupt);
    let mut session = Session::new(options, run_dir, &meter, record, observer)?;
    session.run()
}

/// Goes on with a run that was stopped or killed: trials that had not ended run again. What was used
/// of the budget stays used; `changes` are kept for the next time.
///
/// # Errors
/// As [`tune`]; no record, or another process works on it.
pub fn resume(
    run_dir: &Path,
    changes: &Changes,
    started: Instant,
    interrupt: &Interrupt,
    observer: &mut dyn FnMut(&TuneEvent<'_>),
) -> Result<TuneReport, Error> {
    let (mut options, lines, mut record) = record::reopen(run_dir)?;
    for line in &lines {
        if let record::Line::Continued { changes, .. } = line {
            changes.apply(&mut options);
        }
    }
    changes.apply(&mut options);
    let elapsed = lines.last().map_or(0.0, record::Line::elapsed);
    record.append(&record::Line::Continued { elapsed, changes: *changes })?;
    let meter = meter(&options, started, elapsed, interrupt);
    let mut session = Session::new(&options, run_dir, &meter, record, observer)?;
    session.replay(lines)?;
    session.run()
}

fn meter<'a>(
    options: &TuneOptions,
    started: Instant,
    earlier_seconds: f64,
    interrupt: &'a Interrupt,
) -> Meter<'a> {
    let seconds = options.budget_seconds.unwrap_or(f64::INFINITY);
    Meter::new(Budget::Wall { started, seconds }, earlier_seconds, interrupt)
}
