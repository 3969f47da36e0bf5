//! What a run asks of the memory, and what it leaves there.

use eyas_learn::{Dataset, Target};
use eyas_memory::Memory;
use eyas_search::transfer::{self, PastTask, PastTrial, TaskFacts};
use eyas_search::{Config, History};
use xxhash_rust::xxh3::Xxh3;

use crate::fit::{Prepared, task_name};

/// Configurations taken from the memory at most.
const MOST_PROPOSALS: usize = 12;

/// Configurations that past tasks propose for this one, best guess first.
///
/// # Errors
/// The memory cannot be read; in words.
pub(crate) fn proposals(
    memory: &Memory,
    prepared: &Prepared,
    limit_ns: f64,
) -> Result<Vec<Config>, String> {
    let facts = task_facts(prepared);
    let past = memory.past_tasks(&facts.kind, None).map_err(|e| e.to_string())?;
    Ok(transfer::propose(&past, &facts, limit_ns, MOST_PROPOSALS))
}
