//! Which method helps on this data: the same run with everything, with each method left out, with
//! each method alone and with none, under the same budget.
//!
//! ```text
//! table --seal--> rows to learn from --fit, variant by variant--> models --load--> sealed rows
//!       --> paired differences, their standard errors --> a verdict a method
//! ```
//! Runs go one after another, each with the whole machine; their order turns with every block (a
//! fold and a seed). Rows are sealed once, before the first run, by a seed of their own. Each run
//! reads a copy of the memory as it was at the start; the memory itself is never written.
//!
//! What a run is, is [`crate::fit`]: nothing here decides what is tried or chosen.

use eyas_learn::{Table, Task, TaskOptions};
use eyas_memory::Memory;
use serde_json::{Map, Value, json};

use crate::budget::{Budget, Interrupt};
use crate::error::Error;
use crate::event::Silent;
use crate::fit::{fit, task_name};
use crate::options::{FitOptions, Method, Validation};
use crate::report::Report;

mod check;
mod estimate;
mod folder;
mod past;
mod report;
mod results;
mod scoring;
mod sealing;
mod variants;
mod verdict;

pub use estimate::Estimate;
pub use report::{Comparison, Effect, MethodResult, RunResult, VariantResult};
pub use sealing::Sealing;
pub use variants::Variant;
pub use verdict::Verdict;

use folder::{Folder, Record};
use past::Past;
use results::Ended;
use sealing::{Fold, Known};

/// What a caller of [`compare`] may ask for.
#[derive(Debug, Clone)]
pub struct CompareOptions {
    /// Options of every run. `seed` is the first seed and that by which rows are sealed; `run_dir` is
    /// the folder of the comparison; `out` is not used.
    pub fit: FitOptions,
    /// The methods to compare.
    pub methods: Vec<Method>,
    /// Seeds that each variant is run with, at least 1.
    pub n_seeds: usize,
    /// Which rows are sealed.
    pub sealing: Sealing,
}

/// What happens during a comparison.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// All is checked; the runs begin.
    Planned {
        /// Variants that are run.
        n_variants: usize,
        /// Seeds.
        n_seeds: usize,
        /// Folds; 1 for one split.
        n_folds: usize,
        /// Runs that had ended before.
        n_known: usize,
        /// Which rows are sealed.
        sealed: &'a str,
        /// What readers and checks had to say.
        notices: &'a [String],
    },
    /// A run begins.
    Started {
        /// Number of the run, from 1.
        number: usize,
        /// Its variant.
        variant: &'a str,
        /// Its fold, from 0.
        fold: usize,
        /// Its seed.
        seed: u64,
    },
    /// A run has ended.
    Ended {
        /// Number of the run, from 1.
        number: usize,
        /// What it found; `None` if it found no model.
        report: Option<&'a Report>,
    },
    /// Models are scored on the sealed rows and measured.
    Scoring,
}

/// Times that each model is measured, in turns with the others of its block.
const ROUNDS: usize = 3;

/// Compares the methods on a table.
///
/// `memory`: past tasks that transfer may learn from; it is read once and not written.
/// A folder of a comparison with the same settings is gone on with: what has ended there is not run
/// again. When interrupted, the result is of the runs that have ended.
///
/// # Errors
/// The caller's mistakes, before anything starts ([`Error::Learn`], [`Error::Option`]); files that cannot
/// be read or written; [`Error::NoModel`] if the budget is too small for the first run, or if no run
/// has ended.
pub fn compare(
    table: &Table,
    options: &CompareOptions,
    memory: Option<&Memory>,
    interrupt: &Interrupt,
    tell: &dyn Fn(&Step<'_>),
) -> Result<Comparison, Error> {
    check::check(options)?;
    let (task, notices) = Task::new(table, &options.fit.task)?;
    let mut notices = eyas_learn::data::types::told(&notices);
    let settled = TaskOptions {
        kind: Some(task.kind),
        metric: Some(task.metric.name.into()),
        ..options.fit.task.clone()
    };
    let folds = sealing::folds(table, &task, &settled, options.sealing, options.fit.seed)?;
    let dir = &options.fit.run_dir;
    let past = Past::look(dir, memory, (table, &task), &options.fit)?;
    let methods = helpful(options, &past, &mut notices)?;
    let mut folder = Folder::open(dir, &settings(table, options))?;
    if let Some(memory) = memory.filter(|_| past.n_tasks > 0) {
        past.keep(dir, memory)?;
    }
    let variants = Variant::of(&methods);
    let seeds: Vec<u64> =
        (0..options.n_seeds as u64).map(|n| options.fit.seed.wrapping_add(n)).collect();
    let job = Job {
        table,
        options,
        task_options: &settled,
        folds: &folds,
        seeds: &seeds,
        variants: &variants,
        has_memory: past.n_tasks > 0,
        interrupt,
        tell,
    };
    let sealed = sealing::words(&task, &folds);
    let n_known = job.all().filter(|run| run.is_known(&folder)).count();
    tell(&Step::Planned {
        n_variants: variants.len(),
        n_seeds: seeds.len(),
        n_folds: folds.len(),
        n_known,
        sealed: &sealed,
        notices: &notices,
    });
    job.run_all(&mut folder)?;
    let n_ended = job.all().filter(|run| run.is_known(&folder)).count();
    if n_ended == 0 {
        return Err(Error::NoModel("the comparison was interrupted in its first run".into()));
    }
    tell(&Step::Scoring);
    let by_work = matches!(options.fit.budget, Budget::Work(_));
    let ended = Ended {
        table,
        task: &task,
        folds: &folds,
        seeds: &seeds,
        variants: &variants,
        folder: &folder,
        by_work,
        latency_ns: options.fit.latency_ns,
        size_bytes: options.fit.size_bytes,
        n_rounds: if interrupt.is_raised() { 1 } else { ROUNDS },
    };
    let scores = ended.scores()?;
    let mut of_methods = ended.methods(&scores, &methods);
    if options.methods.len() > methods.len() {
        of_methods.push(MethodResult {
            method: Method::Transfer.name().into(),
            verdict: Verdict::CannotHelpYet,
            added: None,
            alone: None,
        });
    }
    Ok(Comparison {
        task: task_name(task.kind).into(),
        target: task.target_name.clone(),
        metric: task.metric.name.into(),
        higher_is_better: task.metric.higher_is_better,
        n_rows: task.n_rows(),
        sealed,
        errors: errors_words(folds.len(), seeds.len()),
        latency: latency_words(by_work),
        budget_seconds: match options.fit.budget {
            Budget::Wall { seconds, .. } => Some(seconds),
            Budget::Work(_) => None,
        },
        budget_work: match options.fit.budget {
            Budget::Wall { .. } => None,
            Budget::Work(units) => Some(units),
        },
        latency_limit_ns: options.fit.latency_ns,
        size_limit_bytes: options.fit.size_bytes,
        n_folds: folds.len(),
        n_planned: variants.len() * seeds.len() * folds.len(),
        n_ended,
        n_past_tasks: past.n_tasks,
        variants: variants.iter().map(|&variant| scores.variant(variant)).collect(),
        methods: of_methods,
        runs: scores.runs,
        notices,
        run_dir: dir.display().to_string(),
        seeds,
    })
}

/// The methods that can make a difference; says why others cannot.
fn helpful(
    options: &CompareOptions,
    past: &Past,
    notices: &mut Vec<String>,
) -> Result<Vec<Method>, Error> {
    if past.n_same > 0 {
        notices.push(
            "the memory knows this very table: it was searched there with the sealed rows, so it is \
             left out of what transfer may learn from"
                .into(),
        );
    }
    if past.n_tasks > 0 || !options.methods.contains(&Method::Transfer) {
        return Ok(options.methods.clone());
    }
    let why = "the memory has no other task of this kind: transfer cannot help yet";
    let mut rest = options.methods.clone();
    rest.retain(|&method| method != Method::Transfer);
    if rest.is_empty() {
        return Err(Error::Option {
            option: "--methods",
            value: "transfer".into(),
            expected: format!("{why}; let `eyas fit` see other tasks first, or name --memory"),
        });
    }
    notices.push(format!("{why}, so it is not run"));
    Ok(rest)
}

/// What must not change when a comparison goes on; seeds and methods may be added.
fn settings(table: &Table, options: &CompareOptions) -> Map<String, Value> {
    let fit = &options.fit;
    let budget = match fit.budget {
        Budget::Wall { seconds, .. } => json!({"seconds": seconds, "threads": fit.threads}),
        Budget::Work(units) => json!({"work": units}),
    };
    let task = &fit.task;
    let value = json!({
        "version": 1,
        "data": check::fingerprint(table),
        "target": task.target,
        "task": task.kind.map(task_name),
        "metric": task.metric,
        "groups": task.groups,
        "time": task.time,
        "weights": task.weights,
        "drop": task.drop,
        "balance_classes": task.balance_classes,
        "type": fit.stated_columns,
        "latency": fit.latency_ns,
        "size": fit.size_bytes,
        "memory_limit": fit.memory_bytes,
        "budget": budget,
        "seed": fit.seed,
        "validation": match &fit.validation {
            Validation::Folds(n) => json!({"folds": n}),
            Validation::Holdout(share) => json!({"holdout": share}),
            Validation::Auto | Validation::Table(_) => json!("auto"),
        },
        "sealed": match options.sealing {
            Sealing::Share(share) => json!({"holdout": share}),
            Sealing::Folds(n) => json!({"folds": n}),
        },
    });
    match value {
        Value::Object(settings) => settings,
        _ => unreachable!("it was made as an object"),
    }
}

fn errors_words(n_folds: usize, n_seeds: usize) -> String {
    match (n_folds, n_seeds) {
        (1, 1) => {
            "of paired differences over the sealed rows; how much runs differ by their seed is \
                   not in it (one seed)"
                .into()
        }
        (1, n) => format!("of paired differences over the sealed rows and over {n} seeds"),
        (k, 1) => format!("of paired differences over {k} folds"),
        (k, n) => format!("of paired differences over {k} folds, each the mean of {n} seeds"),
    }
}

fn latency_words(by_work: bool) -> String {
    if by_work {
        return "priced by fixed coefficients, alike on every machine".into();
    }
    format!("measured on the written models, loaded again, least of {ROUNDS} times in turns")
}

/// One run of the plan.
#[derive(Debug, Clone, Copy)]
struct Planned {
    variant: Variant,
    fold: usize,
    seed: u64,
}

impl Planned {
    fn is_known(&self, folder: &Folder) -> bool {
        folder.find(&self.variant.name(), self.fold, self.seed).is_some()
    }
}

/// The runs of a comparison.
struct Job<'a> {
    table: &'a Table,
    options: &'a CompareOptions,
    task_options: &'a TaskOptions,
    folds: &'a [Fold],
    seeds: &'a [u64],
    variants: &'a [Variant],
    has_memory: bool,
    interrupt: &'a Interrupt,
    tell: &'a dyn Fn(&Step<'_>),
}

impl Job<'_> {
    /// All runs in their order: block by block, the variants of every second block backwards.
    fn all(&self) -> impl Iterator<Item = Planned> {
        let blocks =
            self.seeds.iter().flat_map(|&seed| (0..self.folds.len()).map(move |fold| (fold, seed)));
        blocks.enumerate().flat_map(|(block, (fold, seed))| {
            let order = variants::in_turn(self.variants, block);
            order.into_iter().map(move |variant| Planned { variant, fold, seed })
        })
    }

    /// Runs what has not ended yet, until interrupted.
    fn run_all(&self, folder: &mut Folder) -> Result<(), Error> {
        let mut part: Option<(usize, Table)> = None;
        for (index, run) in self.all().enumerate() {
            if run.is_known(folder) {
                continue;
            }
            if self.interrupt.is_raised() {
                break;
            }
            if part.as_ref().is_none_or(|(fold, _)| *fold != run.fold) {
                let learned = &self.folds[run.fold].learned;
                part = Some((run.fold, sealing::part_of(self.table, learned)));
            }
            let table = &part.as_ref().expect("it was made").1;
            let (number, variant) = (index + 1, run.variant.name());
            let (fold, seed) = (run.fold, run.seed);
            (self.tell)(&Step::Started { number, variant: &variant, fold, seed });
            let ended = self.run_one(&run, table, folder)?;
            if !run.is_known(folder) {
                break;
            }
            (self.tell)(&Step::Ended { number, report: ended.as_ref() });
        }
        let _ = std::fs::remove_dir_all(folder.run_dir()?);
        Past::drop_copy(&folder.dir);
        Ok(())
    }

    /// One run; it is kept unless it was cut short.
    fn run_one(
        &self,
        run: &Planned,
        table: &Table,
        folder: &mut Folder,
    ) -> Result<Option<Report>, Error> {
        let name = run.variant.name();
        let options = FitOptions {
            task: self.task_options.clone(),
            seed: run.seed,
            without: run.variant.switched_off(),
            out: folder.model(&name, run.fold, run.seed),
            run_dir: folder.run_dir()?,
            ..self.options.fit.clone()
        };
        let wants_memory = self.has_memory && run.variant.has_transfer();
        let mut memory = wants_memory.then(|| Past::copy(&folder.dir)).transpose()?;
        // The copy is made before the clock of the run starts.
        let options = FitOptions { budget: options.budget.from_now(), ..options };
        let ended = fit(table, &options, memory.as_mut(), self.interrupt, &Silent);
        if self.interrupt.is_raised() {
            return Ok(None);
        }
        let record = |report: Option<&Report>, failed: Option<String>| Record {
            variant: name.clone(),
            fold: run.fold,
            seed: run.seed,
            seconds: report.map_or(0.0, |report| report.seconds),
            n_trials: report.map_or(0, |report| report.n_trials),
            met: report.is_some_and(|report| report.contract.met),
            chosen: report.map_or_else(String::new, |report| report.chosen.clone()),
            stop_reason: report.map_or_else(String::new, |report| report.stop_reason.clone()),
            failed,
        };
        match ended {
            Ok(report) => {
                folder.add(record(Some(&report), None))?;
                Ok(Some(report))
            }
            // Where not even the first run has a model, the budget is too small for all.
            Err(Error::NoModel(why)) if !folder.records.is_empty() => {
                folder.add(record(None, Some(why)))?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
