//! Datasets of files that are too large for a table: read in passes, kept as a byte a cell.
//!
//! ```text
//! pass 1: kinds, levels with their counts, a sample of rows       --plan--> thresholds, levels
//! (columns that were names in some chunks and numbers in others are read again as names)
//! pass 2: bins; target, weights, groups and times whole; some raw rows to measure latency on
//! ```
//! Thresholds come from the rows of the smallest hashes, up to [`SAMPLED_ROWS`] of them (bottom-k
//! sampling: each subset is as likely, and no order of chunks or threads changes it), so quantiles
//! are off by about 0.1 % of the rows. A file of no more rows gives the bins of
//! [`Dataset::build`] exactly.
//!
//! Reference: Cohen, Kaplan 2007, Summarizing data using bottom-k sketches,
//! doi:10.1145/1281100.1281133.

use crate::data::stream::{Mode, Source};
use crate::data::{KindOverride, Notice, ReadOptions, Table};
use crate::dataset::edges::SAMPLED_ROWS;
use crate::dataset::{BuildOptions, Dataset};
use crate::error::Error;
use crate::task::{Task, TaskOptions, check_column};

mod encode;
mod plan;
mod sample;
mod scan;

/// Most cells of the sample that thresholds are made from: 160 MB.
const SAMPLED_CELLS: usize = 20_000_000;
/// Fewest rows of that sample, however many columns there are.
const LEAST_SAMPLED_ROWS: usize = 10_000;

/// What a file gives.
#[derive(Debug)]
pub struct Streamed {
    /// What is to be done.
    pub task: Task,
    /// Bins of all rows whose target is present; only bins are kept.
    pub data: Dataset,
    /// Some rows as they were read, drawn at random, without the columns that give no feature.
    pub rows: Table,
    /// What a user should know.
    pub notices: Vec<Notice>,
}

/// How a file is read in passes.
#[derive(Clone, Copy)]
pub struct StreamOptions<'a> {
    /// Kinds of columns that the user states.
    pub read: &'a ReadOptions,
    /// The task.
    pub task: &'a TaskOptions,
    /// Seed, memory limit and stated columns.
    pub build: &'a BuildOptions,
    /// Most raw rows that are kept.
    pub n_raw_rows: usize,
    /// Told now and then: the pass, counted from 1, and how many rows of it are read.
    pub progress: &'a (dyn Fn(usize, u64) + Sync),
}

/// Reads a file in passes.
///
/// # Errors
/// What is wrong with the file, the task or a stated kind; the memory limit; a file that changes
/// while it is read.
pub fn read(source: &dyn Source, options: &StreamOptions<'_>) -> Result<Streamed, Error> {
    let modes = modes(source, options)?;
    let sampled =
        (SAMPLED_CELLS / source.header().len().max(1)).clamp(LEAST_SAMPLED_ROWS, SAMPLED_ROWS);
    let scan = scan::scan(source, modes, sampled, options)?;
    let plans = plan::plans(source, &scan, options)?;
    check_memory(&scan, &plans, options)?;
    encode::encode(source, &scan, plans, options)
}

/// How each column is to be read.
fn modes(source: &dyn Source, options: &StreamOptions<'_>) -> Result<Vec<Mode>, Error> {
    let header = source.header();
    crate::data::csv::check_stated(source.name(), header, options.read)?;
    let TaskOptions { target, groups, time, weights, drop, .. } = options.task;
    let named = [("target", Some(target)), ("group", groups.as_ref())];
    let named = named.into_iter().chain([("time", time.as_ref()), ("weight", weights.as_ref())]);
    let named = named.filter_map(|(purpose, name)| Some((purpose, name?)));
    for (purpose, name) in named.chain(drop.iter().map(|name| ("dropped", name))) {
        check_column(header.iter().map(String::as_str), name, purpose)?;
    }
    let mode = |name: &String| match options.read.kind_of(name) {
        _ if options.task.drop.contains(name) => Mode::Skip,
        None => Mode::Find,
        Some(KindOverride::Drop) => Mode::Skip,
        Some(KindOverride::Number) => Mode::Number,
        Some(KindOverride::DateTime) => Mode::DateTime,
        Some(KindOverride::Boolean | KindOverride::Category | KindOverride::Text) => Mode::Names,
    };
    Ok(header.iter().map(mode).collect())
}

fn check_memory(
    scan: &scan::Scan,
    plans: &[plan::Plan],
    options: &StreamOptions<'_>,
) -> Result<(), Error> {
    let n_features: usize = plans.iter().map(|plan| plan.parts.len()).sum();
    // Bins, and the target.
    let needed_bytes = scan.n_rows() as u64 * (n_features as u64 + 8);
    match options.build.memory_limit_bytes {
        Some(limit_bytes) if needed_bytes > limit_bytes => {
            let what = "the data set, a byte a cell,".to_string();
            Err(Error::Memory { what, needed_bytes, limit_bytes })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
