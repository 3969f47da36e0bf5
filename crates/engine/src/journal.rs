//! The record of a run on disk, from which it can be continued after `kill -9`.
//!
//! `journal.jsonl` holds a header line, then a line a trial. A line is complete or it is not there:
//! a last line without its end (the process died in it) is ignored. `trial-N.eyas` holds the fitted
//! folds of a trial that the final model may use, until `report.json` says that the run has ended.
//! `elapsed` holds the time of the run (`heartbeat.rs`), and `checkpoints` the states of fits under
//! way (`checkpoints.rs`).

use std::path::{Path, PathBuf};

use eyas_search::Trial;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lines::{self, Lines};
use crate::{checkpoints, heartbeat};

/// Version of the journal's lines.
pub const VERSION: u32 = 1;

/// First line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub version: u32,
    /// Sum over the training data and what is predicted; a resumed run must see the same.
    pub fingerprint: String,
    /// Name of the data.
    pub data_name: String,
    /// What the caller wants back on resume (e.g. its arguments).
    pub caller_state: String,
}

/// A trial, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Seconds since the run began, earlier parts of a resumed run included.
    pub elapsed: f64,
    /// The trial.
    pub trial: Trial,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal(Lines);

/// What to do if there is no journal.
const WHICH_FOLDER: &str = "give the folder that `eyas fit` printed as its run";

/// Path of the journal in a run's folder.
pub fn journal_path(run_dir: &Path) -> PathBuf {
    run_dir.join("journal.jsonl")
}

/// Path of a trial's fitted folds.
pub fn trial_path(run_dir: &Path, trial: u64) -> PathBuf {
    run_dir.join(format!("trial-{trial}.eyas"))
}

/// Path of the report that a finished run leaves.
fn report_path(run_dir: &Path) -> PathBuf {
    run_dir.join("report.json")
}

/// Ends a run: its report is kept, the fitted folds are not needed any more.
///
/// # Errors
/// The report cannot be written.
pub fn close(run_dir: &Path, report: &str) -> Result<(), Error> {
    eyas_model::file::write_whole(&report_path(run_dir), report.as_bytes())?;
    checkpoints::remove(run_dir);
    heartbeat::remove(run_dir);
    let Ok(entries) = std::fs::read_dir(run_dir) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| name.starts_with("trial-") && name.ends_with(".eyas")) {
            // What stays costs room and nothing else.
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(())
}

/// The report of a run that has ended; `None` if it has not.
pub fn report_of(run_dir: &Path) -> Option<crate::Report> {
    serde_json::from_slice(&std::fs::read(report_path(run_dir)).ok()?).ok()
}

impl Journal {
    /// Begins the journal of a new run; the folder is made. A run that is already there is refused.
    ///
    /// # Errors
    /// The folder cannot be made or holds a journal.
    pub fn create(run_dir: &Path, header: &Header) -> Result<Journal, Error> {
        Lines::create(&journal_path(run_dir), header).map(Journal)
    }

    /// Opens the journal of a run that was stopped: what it holds, and the journal to go on with.
    ///
    /// # Errors
    /// No journal, an unreadable one, one of a newer version, or one that another process writes.
    pub fn reopen(run_dir: &Path) -> Result<(Header, Vec<Entry>, Journal), Error> {
        let path = journal_path(run_dir);
        let (lines, file) = Lines::reopen(&path, WHICH_FOLDER)?;
        let (header, entries) = lines::parse(&path, &lines, VERSION)?;
        Ok((header, entries, Journal(file)))
    }

    /// Adds a trial.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        self.0.append(entry)
    }
}

/// Header and trials of a run, and how many bytes of the journal are whole lines.
///
/// # Errors
/// As [`Journal::reopen`].
pub fn read(run_dir: &Path) -> Result<(Header, Vec<Entry>, u64), Error> {
    let path = journal_path(run_dir);
    let lines = lines::read(&path, WHICH_FOLDER)?;
    let (header, entries) = lines::parse(&path, &lines, VERSION)?;
    Ok((header, entries, lines.iter().map(|line| line.len() as u64).sum()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas_search::{Config, Origin, Outcome};

    fn header() -> Header {
        let text = String::from("x");
        Header {
            version: 1,
            fingerprint: text.clone(),
            data_name: text.clone(),
            caller_state: text,
        }
    }

    fn entry(id: u64) -> Entry {
        let config = Config { learner: "baseline".into(), values: Default::default() };
        let trial = Trial {
            id,
            config,
            fidelity: 1.0,
            seed: 7,
            origin: Origin::Default,
            outcome: Outcome::Completed,
            curve: Vec::new(),
            seconds: 0.1 + 0.2,
            work: 3,
        };
        Entry { elapsed: 1.0 / 3.0, trial }
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_overwritten() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let run = dir.path().join("run");
        let mut journal = Journal::create(&run, &header()).expect("created");
        journal.append(&entry(0)).expect("written");
        journal.append(&entry(1)).expect("written");
        drop(journal);
        let whole = std::fs::read(journal_path(&run)).expect("read");
        for cut in 1..whole.len() {
            std::fs::write(journal_path(&run), &whole[..cut]).expect("written");
            let ends = whole[..cut].iter().filter(|&&b| b == b'\n').count();
            let Ok((_, entries, mut journal)) = Journal::reopen(&run) else {
                assert_eq!(ends, 0, "a whole header was not read");
                continue;
            };
            assert_eq!(entries.len(), ends - 1);
            journal.append(&entry(9)).expect("written");
            let (_, entries, _) = read(&run).expect("read again");
            assert_eq!(entries.last(), Some(&entry(9)));
        }
    }

    #[test]
    fn a_second_run_in_the_same_folder_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        Journal::create(dir.path(), &header()).expect("created");
        let again = Journal::create(dir.path(), &header()).expect_err("refused").to_string();
        assert!(again.contains("journal.jsonl") && again.contains("--run"), "{again}");
    }
}
