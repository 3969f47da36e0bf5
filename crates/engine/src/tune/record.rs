//! The record of a run on disk: `tune.jsonl`, a header line, then a line whenever a trial begins or
//! ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use eyas_search::study::Told;
use eyas_search::{Config, Origin, Proposal};
use serde::{Deserialize, Serialize};

use super::TuneOptions;
use crate::error::Error;
use crate::lines::{self, Lines};

/// Version of the lines.
const VERSION: u32 = 1;
/// What to do if there is no record.
const WHICH_FOLDER: &str = "give the folder that `eyas tune` printed as its run";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    options: TuneOptions,
}

/// A line of the record. `elapsed` are seconds since the run began, earlier parts included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(super) enum Line {
    /// A trial began.
    Began {
        elapsed: f64,
        id: u64,
        config: Config,
        seed: u64,
        origin: Origin,
        /// Number of its process.
        process: u32,
    },
    /// A trial ended.
    Ended {
        elapsed: f64,
        id: u64,
        told: Told,
        /// Other numbers that it printed with its result.
        #[serde(default)]
        notes: BTreeMap<String, f64>,
        /// Whether it was ended since it took longer than it may.
        timed_out: bool,
    },
    /// The run was taken up again.
    Continued { elapsed: f64, changes: Changes },
}

/// What is changed as a run is taken up again; `None` leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Changes {
    /// The whole budget in seconds, what is used of it included.
    pub budget_seconds: Option<f64>,
    /// Trials in all, those that were made included.
    pub max_trials: Option<u64>,
    /// Trials at a time.
    pub jobs: Option<usize>,
    /// Seconds that a trial may take.
    pub timeout_seconds: Option<f64>,
}

impl Changes {
    /// Puts the changes into the options.
    pub(super) fn apply(&self, options: &mut TuneOptions) {
        options.budget_seconds = self.budget_seconds.or(options.budget_seconds);
        options.max_trials = self.max_trials.or(options.max_trials);
        options.jobs = self.jobs.unwrap_or(options.jobs);
        options.timeout_seconds = self.timeout_seconds.or(options.timeout_seconds);
    }
}

impl Line {
    pub fn elapsed(&self) -> f64 {
        match self {
            Line::Began { elapsed, .. }
            | Line::Ended { elapsed, .. }
            | Line::Continued { elapsed, .. } => *elapsed,
        }
    }

    /// The line of a trial that begins.
    pub fn began(elapsed: f64, proposal: &Proposal, process: u32) -> Line {
        let Proposal { id, config, seed, origin, .. } = proposal.clone();
        Line::Began { elapsed, id, config, seed, origin, process }
    }
}

fn path(run_dir: &Path) -> PathBuf {
    run_dir.join("tune.jsonl")
}

/// Begins the record of a run.
pub(super) fn create(run_dir: &Path, options: &TuneOptions) -> Result<Lines, Error> {
    Lines::create(&path(run_dir), &Header { version: VERSION, options: options.clone() })
}

/// Options and lines of a run, and its record to go on with.
pub(super) fn reopen(run_dir: &Path) -> Result<(TuneOptions, Vec<Line>, Lines), Error> {
    let path = path(run_dir);
    let (lines, file) = Lines::reopen(&path, WHICH_FOLDER)?;
    let (header, lines): (Header, Vec<Line>) = lines::parse(&path, &lines, VERSION)?;
    Ok((header.options, lines, file))
}
