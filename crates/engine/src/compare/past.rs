//! The memory of a comparison: as it was at the start, a copy for each run.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use eyas_learn::dataset::BuildOptions;
use eyas_learn::{Dataset, Table, Task};
use eyas_memory::{Forget, Memory};

use super::folder::{has_runs, memory_path};
use crate::error::Error;
use crate::fit::task_name;
use crate::options::FitOptions;
use crate::remember::shape_fingerprint;

/// What the memory knows that can help.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    /// Tasks of this kind, this very one left aside.
    pub n_tasks: usize,
    /// Tasks that are this very one: they were searched with the sealed rows, too.
    pub n_same: usize,
    /// Fingerprint of this very one.
    same: Option<String>,
}

fn failure(path: &Path, error: impl std::fmt::Display) -> Error {
    let problem = format!("{error}; or compare without a memory: --memory off");
    Error::File { action: "copy", path: path.display().to_string(), problem }
}

impl Past {
    /// Looks at the memory of an earlier start of this comparison, else at the user's.
    ///
    /// # Errors
    /// A memory that cannot be read.
    pub fn look(
        dir: &Path,
        memory: Option<&Memory>,
        (table, task): (&Table, &Task),
        options: &FitOptions,
    ) -> Result<Past, Error> {
        let kept = memory_path(dir);
        if kept.exists() {
            let n_tasks = of_kind(&open(&kept)?, task, &kept)?.len();
            return Ok(Past { n_tasks, ..Past::default() });
        }
        let Some(memory) = memory.filter(|_| !has_runs(dir)) else { return Ok(Past::default()) };
        let found = of_kind(memory, task, &kept)?;
        if found.is_empty() {
            return Ok(Past::default());
        }
        let same = this_task(table, task, options)?;
        let n_same = found.iter().filter(|fingerprint| **fingerprint == same).count();
        Ok(Past { n_tasks: found.len() - n_same, n_same, same: Some(same) })
    }

    /// Keeps the memory as it is now, this very task left out, in the folder of the comparison.
    ///
    /// # Errors
    /// A memory that cannot be read or written.
    pub fn keep(&self, dir: &Path, memory: &Memory) -> Result<(), Error> {
        let (path, beside) = (memory_path(dir), dir.join("memory.partial"));
        if path.exists() {
            return Ok(());
        }
        remove(&beside);
        let mut lines = Vec::new();
        memory.export(&mut lines).map_err(|error| failure(&path, error))?;
        let fill = || -> Result<(), eyas_memory::Error> {
            let mut copy = Memory::open(&beside)?;
            copy.import(&mut Cursor::new(&lines))?;
            for stored in copy.list()? {
                if Some(&stored.task.facts.fingerprint) == self.same.as_ref() {
                    copy.forget(Forget::Task(stored.id))?;
                }
            }
            Ok(())
        };
        fill().map_err(|error| failure(&path, error))?;
        fs::rename(&beside, &path).map_err(|error| failure(&path, error))
    }

    /// A copy for one run: what it leaves there, no other run reads.
    ///
    /// # Errors
    /// The copy cannot be made.
    pub fn copy(dir: &Path) -> Result<Memory, Error> {
        let (path, copy) = (memory_path(dir), dir.join("memory-of-run.db"));
        remove(&copy);
        fs::copy(&path, &copy).map_err(|error| failure(&copy, error))?;
        open(&copy)
    }

    /// Removes the copy of the last run.
    pub fn drop_copy(dir: &Path) {
        remove(&dir.join("memory-of-run.db"));
    }
}

/// Removes a database with what may lie beside it.
fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        // What is not there need not be removed; what stays is written over or reported later.
        let _ = fs::remove_file(format!("{}{ending}", path.display()));
    }
}

fn open(path: &Path) -> Result<Memory, Error> {
    Memory::open(path).map_err(|error| failure(path, error))
}

/// Fingerprints of the tasks of a kind that have trials.
fn of_kind(memory: &Memory, task: &Task, path: &Path) -> Result<Vec<String>, Error> {
    let past = memory.past_tasks(task_name(task.kind), None);
    let past = past.map_err(|error| failure(path, error))?;
    let known = past.into_iter().filter(|task| !task.trials.is_empty());
    Ok(known.map(|task| task.facts.fingerprint).collect())
}

/// The fingerprint under which a run on the whole table would be remembered.
fn this_task(table: &Table, task: &Task, options: &FitOptions) -> Result<String, Error> {
    let build = BuildOptions {
        stated: options.stated_columns.clone(),
        threads: options.threads,
        memory_limit_bytes: options.memory_bytes,
        seed: options.seed,
        bins_only: false,
    };
    let (data, _) = Dataset::build(table, task, &build)?;
    Ok(shape_fingerprint(&data))
}
