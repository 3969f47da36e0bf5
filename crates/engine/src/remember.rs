//! What a run asks of the memory, and what it leaves there.

use eyas_learn::{Dataset, Target};
use eyas_memory::{Memory, TaskRecord, TrialRecord};
use eyas_search::transfer::{self, TaskFacts};
use eyas_search::{Config, History, Trial};
use xxhash_rust::xxh3::Xxh3;

use crate::fit::{Prepared, task_name};

/// Configurations taken from the memory at most.
const MOST_PROPOSALS: usize = 12;

/// Configurations that past tasks propose for this one, best guess first.
///
/// # Errors
/// The memory cannot be read.
pub(crate) fn proposals(
    memory: &Memory,
    prepared: &Prepared,
    limit_ns: f64,
) -> Result<Vec<Config>, eyas_memory::Error> {
    let facts = task_facts(prepared);
    let past = memory.past_tasks(&facts.kind, None)?;
    Ok(transfer::propose(&past, &facts, limit_ns, MOST_PROPOSALS))
}

/// Keeps the full trials of a run.
///
/// # Errors
/// The memory cannot be written.
pub(crate) fn leave(
    memory: &mut Memory,
    prepared: &Prepared,
    name: &str,
    history: &History,
) -> Result<(), eyas_memory::Error> {
    let task = TaskRecord {
        name: name.to_owned(),
        metric: prepared.task.metric.name.to_owned(),
        time: jiff::Timestamp::now().as_second(),
        facts: task_facts(prepared),
    };
    let full = history.trials.iter().filter(|trial| trial.fidelity >= 1.0);
    let records: Vec<TrialRecord> = full.map(record).collect();
    if !records.is_empty() {
        memory.remember(&task, &records)?;
    }
    Ok(())
}

fn record(trial: &Trial) -> TrialRecord {
    let best = trial.best();
    TrialRecord {
        config: trial.config.clone(),
        loss: best.map_or(f64::NAN, |point| point.loss),
        seconds: trial.seconds,
        ns: best.map_or(f64::NAN, |point| point.ns),
        bytes: best.map_or(0, |point| point.bytes),
    }
}

fn task_facts(prepared: &Prepared) -> TaskFacts {
    let data = &prepared.data;
    let missing: usize =
        data.bins.iter().map(|column| column.iter().filter(|&&bin| bin == 0).count()).sum();
    let cells = (data.n_rows * data.n_features()).max(1);
    TaskFacts {
        fingerprint: shape_fingerprint(data),
        kind: task_name(data.task()).into(),
        n_rows: data.n_rows as u64,
        n_features: data.n_features() as u64,
        n_categorical: data.features.iter().filter(|f| f.bins.is_categorical()).count() as u64,
        n_classes: data.schema.classes.len() as u64,
        missing_share: missing as f64 / cells as f64,
    }
}

/// The same for tables that differ in their rows only: names and kinds of columns and target.
pub(crate) fn shape_fingerprint(data: &Dataset) -> String {
    let mut hash = Xxh3::new();
    hash.update(task_name(data.task()).as_bytes());
    hash.update(data.schema.target.as_bytes());
    for column in &data.schema.columns {
        hash.update(column.name.as_bytes());
        hash.update(&[0, column.kind as u8]);
    }
    format!("{:016x}", hash.digest())
}

/// The same only for equal data: features, bins, target and weights.
pub(crate) fn fingerprint(data: &Dataset) -> String {
    let mut hash = Xxh3::new();
    hash.update(shape_fingerprint(data).as_bytes());
    hash.update(&(data.n_rows as u64).to_le_bytes());
    data.bins.iter().for_each(|column| hash.update(column));
    let mut numbers = |values: &[f64]| {
        values.iter().for_each(|value| hash.update(&value.to_bits().to_le_bytes()));
    };
    if let Some(weights) = &data.weights {
        numbers(weights);
    }
    match &data.target {
        Target::Numbers(values) => numbers(values),
        Target::Classes(codes) => codes.iter().for_each(|code| hash.update(&code.to_le_bytes())),
    }
    format!("{:016x}", hash.digest())
}
