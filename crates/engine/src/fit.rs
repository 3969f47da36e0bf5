//! The walk of one run.

use std::path::Path;

use eyas_learn::Table;
use eyas_memory::Memory;

use crate::budget::Interrupt;
use crate::error::Error;
use crate::event::Observer;
use crate::options::FitOptions;
use crate::report::Report;

/// Finds the most accurate model that meets the budgets and writes it.
///
/// `memory`: where past tasks are kept; `None` to learn from and leave nothing.
///
/// # Errors
/// The caller's mistakes ([`Error::Learn`], [`Error::Option`]), files that cannot be written, and
/// [`Error::NoModel`] if the run was stopped too early. Trials that go wrong are facts in the report.
pub fn fit(
    table: &Table,
    options: &FitOptions,
    memory: Option<&Memory>,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    let _ = (table, options, memory, interrupt, observer);
    Err(Error::NoModel("to be written".into()))
}

/// Continues the run of a folder that was stopped or killed; `options` are those of its start.
///
/// # Errors
/// As [`fit`]; also a journal that cannot be read, or data that is not the same.
pub fn resume(
    run_dir: &Path,
    table: &Table,
    options: &FitOptions,
    memory: Option<&Memory>,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    let _ = run_dir;
    fit(table, options, memory, interrupt, observer)
}
