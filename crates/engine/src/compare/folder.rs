//! The folder of a comparison: what it is about, the runs that have ended, and their models.
//!
//! ```text
//! compare.json    settings; a comparison that goes on must have the same
//! runs.jsonl      a line a run that has ended; a last line without its end is ignored
//! models/         the model of each run
//! memory.db       the memory as it was at the start; every run reads a copy
//! run/            the run that is going on
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub variant: String,
    pub fold: usize,
    pub seed: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Trials it made.
    pub n_trials: usize,
    /// Whether its model meets the limits.
    pub met: bool,
    /// The model in words.
    pub chosen: String,
    /// Why its search ended.
    pub stop_reason: String,
    /// Why there is no model; `None` if there is one.
    pub failed: Option<String>,
}

/// An open folder; no other process works in it.
pub(super) struct Folder {
    pub dir: PathBuf,
    pub records: Vec<Record>,
    log: File,
}

fn failure(action: &'static str, path: &Path, error: &std::io::Error) -> Error {
    let problem = format!("{error}; choose another folder with --run");
    Error::File { action, path: path.display().to_string(), problem }
}

/// The memory of a comparison that has begun.
pub(super) fn memory_path(dir: &Path) -> PathBuf {
    dir.join("memory.db")
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join("runs.jsonl")
}

/// Whether runs of an earlier start are known.
pub(super) fn has_runs(dir: &Path) -> bool {
    fs::metadata(log_path(dir)).is_ok_and(|facts| facts.len() > 0)
}

impl Folder {
    /// Opens the folder of a new comparison, or of one with the same settings to go on with.
    ///
    /// # Errors
    /// A folder with other contents or other settings, or one that another process works in; a disk
    /// that cannot be written.
    pub fn open(dir: &Path, settings: &Map<String, Value>) -> Result<Folder, Error> {
        let path = dir.join("compare.json");
        let is_new = match fs::read(&path) {
            Ok(bytes) => {
                same(dir, &bytes, settings)?;
                false
            }
            Err(_) => {
                let is_used = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
                if is_used {
                    let expected =
                        "it holds other files; name a folder that is empty or that of a \
                                    comparison"
                            .into();
                    return Err(refused(dir, expected));
                }
                true
            }
        };
        let models = dir.join("models");
        fs::create_dir_all(&models).map_err(|error| failure("make the folder", &models, &error))?;
        if is_new {
            let text = serde_json::to_string_pretty(settings).expect("settings are JSON");
            eyas_model::file::write_whole(&path, text.as_bytes())?;
        }
        let (log, records) = open_log(dir)?;
        Ok(Folder { dir: dir.to_owned(), records, log })
    }

    /// Adds a run that has ended.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn add(&mut self, record: Record) -> Result<(), Error> {
        let mut line = serde_json::to_string(&record).expect("a record is JSON");
        line.push('\n');
        let written = self.log.write_all(line.as_bytes()).and_then(|()| self.log.sync_data());
        written.map_err(|error| failure("write", &log_path(&self.dir), &error))?;
        self.records.push(record);
        Ok(())
    }

    /// The run of a variant, fold and seed, if it has ended and its model is still there.
    pub fn find(&self, variant: &str, fold: usize, seed: u64) -> Option<&Record> {
        let is_it = |r: &&Record| r.variant == variant && r.fold == fold && r.seed == seed;
        let found = self.records.iter().rev().find(is_it)?;
        let is_whole = found.failed.is_some() || self.model(variant, fold, seed).is_file();
        is_whole.then_some(found)
    }

    /// Where the model of a run is.
    pub fn model(&self, variant: &str, fold: usize, seed: u64) -> PathBuf {
        let name = variant.replace(' ', "-");
        self.dir.join("models").join(format!("{name}-fold{fold}-seed{seed}.eyas"))
    }

    /// An empty place for the run that begins now.
    ///
    /// # Errors
    /// What an earlier one left cannot be removed.
    pub fn run_dir(&self) -> Result<PathBuf, Error> {
        let dir = self.dir.join("run");
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failure("remove", &dir, &error))
            }
            _ => Ok(dir),
        }
    }
}

fn refused(dir: &Path, expected: String) -> Error {
    Error::Option { option: "--run", value: dir.display().to_string(), expected }
}

/// Fails if the settings of a folder are others than now.
fn same(dir: &Path, bytes: &[u8], settings: &Map<String, Value>) -> Result<(), Error> {
    let theirs: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| refused(dir, format!("its compare.json cannot be read: {error}")))?;
    let nothing = Value::Null;
    for (name, now) in settings {
        let then = theirs.get(name).unwrap_or(&nothing);
        if then != now {
            let expected = format!(
                "it holds a comparison whose {name} was {then} and is {now} now; repeat the command \
                 as it was, or name another folder"
            );
            return Err(refused(dir, expected));
        }
    }
    Ok(())
}

/// The log to go on with, and what it holds; a torn last line goes.
fn open_log(dir: &Path) -> Result<(File, Vec<Record>), Error> {
    let path = log_path(dir);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    let log = opened.map_err(|error| failure("open", &path, &error))?;
    log.try_lock().map_err(|_| Error::File {
        action: "continue",
        path: path.display().to_string(),
        problem: "another process works on this comparison; wait for it, or end it first".into(),
    })?;
    let bytes = fs::read(&path).map_err(|error| failure("read", &path, &error))?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    log.set_len(whole as u64).map_err(|error| failure("shorten", &path, &error))?;
    let mut records = Vec::new();
    for (number, line) in bytes[..whole].split(|&b| b == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        records.push(serde_json::from_slice(line).map_err(|error| Error::File {
            action: "read",
            path: path.display().to_string(),
            problem: format!("line {} is damaged: {error}; remove it", number + 1),
        })?);
    }
    Ok((log, records))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seed: u64) -> Record {
        Record {
            variant: "without rate".into(),
            fold: 0,
            seed,
            seconds: 0.1 + 0.2,
            n_trials: 3,
            met: true,
            chosen: "forest".into(),
            stop_reason: "the budget is spent".into(),
            failed: Some("a test".into()),
        }
    }

    fn settings(budget: &str) -> Map<String, Value> {
        [("budget".to_owned(), Value::from(budget))].into_iter().collect()
    }

    #[test]
    fn a_torn_line_is_dropped_and_all_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path(), &settings("1s")).unwrap();
        folder.add(record(0)).unwrap();
        folder.add(record(1)).unwrap();
        drop(folder);
        let whole = fs::read(log_path(dir.path())).unwrap();
        for cut in 0..=whole.len() {
            fs::write(log_path(dir.path()), &whole[..cut]).unwrap();
            let n_lines = whole[..cut].iter().filter(|&&b| b == b'\n').count();
            let mut folder = Folder::open(dir.path(), &settings("1s")).unwrap();
            assert_eq!(folder.records.len(), n_lines);
            folder.add(record(9)).unwrap();
            drop(folder);
            let folder = Folder::open(dir.path(), &settings("1s")).unwrap();
            assert_eq!(folder.records.last(), Some(&record(9)));
            assert_eq!(folder.find("without rate", 0, 9), Some(&record(9)));
            assert_eq!(folder.find("without rate", 1, 9), None);
        }
    }

    #[test]
    fn a_run_whose_model_is_gone_has_not_ended() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path(), &settings("1s")).unwrap();
        folder.add(Record { failed: None, ..record(0) }).unwrap();
        assert_eq!(folder.find("without rate", 0, 0), None);
        fs::write(folder.model("without rate", 0, 0), b"model").unwrap();
        assert!(folder.find("without rate", 0, 0).is_some());
    }

    #[test]
    fn other_settings_other_files_and_other_processes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path(), &settings("1s")).unwrap();
        let error = |budget| Folder::open(dir.path(), &settings(budget)).err().unwrap().to_string();
        assert!(error("1s").contains("another process"), "{}", error("1s"));
        drop(folder);
        let told = error("2s");
        assert!(told.contains("budget") && told.contains("1s") && told.contains("2s"), "{told}");
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("thesis.txt"), b"mine").unwrap();
        let told = Folder::open(other.path(), &settings("1s")).err().unwrap().to_string();
        assert!(told.contains("other files"), "{told}");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
    }
}
