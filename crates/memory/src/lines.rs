//! Export and import as JSON lines: one task a line, with its trials.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::memory::{Memory, store};
use crate::record::{StoredTrial, TaskRecord};

/// Format of a line.
const LINE_VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    eyas_memory: u32,
    task: TaskRecord,
    trials: Vec<StoredTrial>,
}

/// What an import brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Tasks read.
    pub n_tasks: usize,
    /// Trials read.
    pub n_trials: usize,
}

impl Memory {
    /// Writes all tasks, earliest first, as JSON lines; returns how many.
    ///
    /// # Errors
    /// A memory that is damaged or locked for too long; a writer that fails.
    pub fn export(&self, writer: &mut dyn Write) -> Result<usize, Error> {
        let mut tasks = self.list()?;
        tasks.reverse();
        let n_tasks = tasks.len();
        for stored in tasks {
            let trials = self.trials(stored.id)?;
            let line = Line { eyas_memory: LINE_VERSION, task: stored.task, trials };
            serde_json::to_writer(&mut *writer, &line).map_err(std::io::Error::from)?;
            writer.write_all(b"\n")?;
        }
        writer.flush()?;
        Ok(n_tasks)
    }

    /// Adds the tasks of an export to those that are there; where both have one, the later result
    /// of each configuration stays. Empty lines are passed over.
    ///
    /// # Errors
    /// A line that is not one of an export: nothing is imported then. A reader that fails; a
    /// memory that cannot be written, is locked for too long, or is damaged.
    pub fn import(&mut self, reader: &mut dyn BufRead) -> Result<Imported, Error> {
        let mut lines = Vec::new();
        for (index, text) in reader.lines().enumerate() {
            let text = text?;
            if !text.trim().is_empty() {
                lines.push(
                    parse(&text).map_err(|reason| Error::BadLine { line: index + 1, reason })?,
                );
            }
        }
        let n_trials = lines.iter().map(|line| line.trials.len()).sum();
        let imported = Imported { n_tasks: lines.len(), n_trials };
        self.change(|transaction| {
            lines
                .iter()
                .try_for_each(|line| store(transaction, &line.task, &line.trials).map(|_| ()))
        })?;
        Ok(imported)
    }
}

fn parse(text: &str) -> Result<Line, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if line.eyas_memory != LINE_VERSION {
        let found = line.eyas_memory;
        return Err(format!("its format is {found}, this release reads {LINE_VERSION}"));
    }
    match line.trials.iter().position(|t| !(0.0..=1.0).contains(&t.loss_normalised)) {
        Some(index) => Err(format!("loss_normalised of trial {index} is not between 0 and 1")),
        None => Ok(line),
    }
}
