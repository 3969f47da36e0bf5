//! The walk of one run: prepare, search, finish.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use eyas_learn::data::types::told;
use eyas_learn::dataset::BuildOptions;
use eyas_learn::dataset::streamed::Streamed;
use eyas_learn::splits::Split;
use eyas_learn::task::Facts;
use eyas_learn::{Dataset, Table, Target, Task, Threads};
use eyas_memory::Memory;
use eyas_model::{CostModel, TaskKind};
use eyas_search::samplers::{self, SAMPLERS};
use eyas_search::{Config, History, Outcome, Trial};

use crate::budget::{Budget, Interrupt, Meter, Moment};
use crate::candidates::Candidates;
use crate::checkpoints::{self, Head, Keeper};
use crate::error::Error;
use crate::event::{Event, InTurn, Observer};
use crate::finish;
use crate::heartbeat::{self, Heartbeat};
use crate::journal::{Header, Journal, VERSION, report_of};
use crate::options::{FitOptions, Method, Validation};
use crate::remember;
use crate::report::Report;
use crate::run::{Run, State};
use crate::storage;
use crate::strategies::{self, Strategies};
use crate::trial::{Candidate, TrialContext};
use crate::validation::{self, Rows};

/// Finds the most accurate model that meets the budgets and writes it.
///
/// `memory`: where past tasks are kept; `None` to learn from and leave nothing.
///
/// # Errors
/// The caller's mistakes ([`Error::Learn`], [`Error::Option`]), files that cannot be written, and
/// [`Error::NoModel`] if the run was stopped too early. Trials that go wrong are facts in the report.
pub fn fit<'a>(
    training: impl Into<Training<'a>>,
    options: &FitOptions,
    memory: Option<&mut Memory>,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    check(options)?;
    let (prepared, raw) = Prepared::new(training.into(), options)?;
    let header = Header {
        version: VERSION,
        fingerprint: prepared.fingerprint.clone(),
        data_name: options.data_name.clone(),
        caller_state: options.caller_state.clone(),
    };
    let journal = Journal::create(&options.run_dir, &header)?;
    let heartbeat = Heartbeat::new(&options.run_dir);
    let meter = Meter::new(options.budget, 0.0, interrupt).with_heartbeat(heartbeat);
    let observer = &InTurn::new(observer);
    let job = Job { raw: &raw, options, observer, meter: &meter };
    job.go(&prepared, memory, (Vec::new(), Vec::new()), journal)
}

/// Continues the run of a folder that was stopped or killed; `options` are those of its start,
/// with the budget of its start: what was used before counts. Trials that were under way go on from
/// the last states of their fits. Of the best trials those that were not stored whole are fitted
/// again, as far as the budget goes.
///
/// # Errors
/// As [`fit`]; also a journal that cannot be read, a run that has ended, or data that is not the
/// same.
pub fn resume<'a>(
    run_dir: &Path,
    training: impl Into<Training<'a>>,
    options: &FitOptions,
    memory: Option<&mut Memory>,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    check(options)?;
    if let Some(report) = report_of(run_dir) {
        return Err(Error::Option {
            option: "DIR",
            value: run_dir.display().to_string(),
            expected: format!(
                "that run has ended: its model is `{}`; start a new one with `eyas fit`",
                report.model_path.as_deref().unwrap_or("-")
            ),
        });
    }
    let (header, entries, journal) = Journal::reopen(run_dir)?;
    let (prepared, raw) = Prepared::new(training.into(), options)?;
    if header.fingerprint != prepared.fingerprint {
        return Err(Error::Option {
            option: "DATA",
            value: options.data_name.clone(),
            expected: "it is not the data that this run began with; restore it, or start anew \
                       with `eyas fit`"
                .into(),
        });
    }
    let observer = &InTurn::new(observer);
    let (heads, notices) = checkpoints::found(run_dir, &prepared.fingerprint);
    notices.into_iter().for_each(|text| observer.event(&Event::Notice { text }));
    // A run that is killed knows its time by the line of its last trial, the last beat or the last
    // state of a fit, whichever is later.
    let known = entries.last().map(|entry| entry.elapsed);
    let known = known.into_iter().chain(heads.iter().map(|head| head.elapsed));
    let earlier = known.fold(heartbeat::read(run_dir), f64::max);
    let heartbeat = Heartbeat::new(run_dir);
    let meter = Meter::new(options.budget, earlier, interrupt).with_heartbeat(heartbeat);
    entries.iter().for_each(|entry| meter.book(entry.trial.work));
    let options = FitOptions { run_dir: run_dir.to_owned(), ..options.clone() };
    let job = Job { raw: &raw, options: &options, observer, meter: &meter };
    let past = entries.into_iter().map(|entry| entry.trial).collect();
    job.go(&prepared, memory, (past, heads), journal)
}

fn check(options: &FitOptions) -> Result<(), Error> {
    let positive = |option, value: f64, expected: &str| {
        if value > 0.0 && value.is_finite() {
            return Ok(());
        }
        Err(Error::Option { option, value: value.to_string(), expected: expected.into() })
    };
    match options.budget {
        Budget::Wall { seconds, .. } => {
            positive("--budget", seconds, "a time above zero is expected, e.g. 60s")?;
        }
        Budget::Work(units) => {
            positive("--work", units as f64, "a number of units above zero is expected, e.g. 1e9")?;
        }
    }
    if let Some(seconds) = options.checkpoint_seconds {
        positive("--checkpoint-every", seconds, "a time above zero is expected, e.g. 60s")?;
    }
    if let Some(ns) = options.latency_ns {
        positive("--latency", ns, "a time above zero is expected, e.g. 20us")?;
    }
    if let Some(name) = options.sampler.as_deref()
        && samplers::sampler(name).is_none()
    {
        let names: Vec<&str> = SAMPLERS.iter().map(|sampler| sampler.name()).collect();
        let expected = format!("there are {}", names.join(", "));
        return Err(Error::Option { option: "--sampler", value: name.into(), expected });
    }
    match options.validation {
        Validation::Folds(n) if n < 2 => Err(Error::Option {
            option: "--folds",
            value: n.to_string(),
            expected: "at least 2 are needed; for one split use --holdout 0.2".into(),
        }),
        Validation::Holdout(share) if !(share > 0.0 && share < 1.0) => Err(Error::Option {
            option: "--holdout",
            value: share.to_string(),
            expected: "a share between 0 and 1 is expected, e.g. 0.2".into(),
        }),
        _ => Ok(()),
    }
}

/// The data of a run, ready for trials.
pub(crate) struct Prepared {
    pub task: Task,
    pub data: Dataset,
    pub rows: Rows,
    pub facts: Facts,
    pub notices: Vec<String>,
    pub fingerprint: String,
}

/// What a run learns from.
#[derive(Debug)]
pub enum Training<'a> {
    /// A table in memory.
    Table(&'a Table),
    /// A file that was read in passes.
    Streamed(Box<Streamed>),
}

impl<'a> From<&'a Table> for Training<'a> {
    fn from(table: &'a Table) -> Training<'a> {
        Training::Table(table)
    }
}

impl From<Streamed> for Training<'_> {
    fn from(streamed: Streamed) -> Self {
        Training::Streamed(Box::new(streamed))
    }
}

impl Prepared {
    /// The data, and raw rows of it that latency is measured on.
    fn new<'a>(
        training: Training<'a>,
        options: &FitOptions,
    ) -> Result<(Prepared, Cow<'a, Table>), Error> {
        match training {
            Training::Table(table) => {
                Ok((Prepared::of_table(table, options)?, Cow::Borrowed(table)))
            }
            Training::Streamed(streamed) => {
                if let Validation::Table(_) = options.validation {
                    return Err(Error::Option {
                        option: "--valid",
                        value: "a table".into(),
                        expected: "data that is read in passes is validated on a part of itself; \
                                   leave --valid out, or state --holdout 0.2"
                            .into(),
                    });
                }
                let Streamed { task, data, rows, notices } = *streamed;
                let notices = told(&notices);
                Ok((Prepared::of_data(task, data, notices, 0, options)?, Cow::Owned(rows)))
            }
        }
    }

    fn of_table(table: &Table, options: &FitOptions) -> Result<Prepared, Error> {
        let (joined, n_validation_rows);
        let table = match &options.validation {
            Validation::Table(extra) => {
                joined = table.stacked(extra)?;
                n_validation_rows = extra.n_rows();
                &joined
            }
            _ => {
                n_validation_rows = 0;
                table
            }
        };
        let (task, mut notices) = Task::new(table, &options.task)?;
        let build = BuildOptions {
            stated: options.stated_columns.clone(),
            threads: options.threads,
            memory_limit_bytes: options.memory_bytes,
            seed: options.seed,
            bins_only: false,
        };
        let (data, more) = Dataset::build(table, &task, &build)?;
        notices.extend(more);
        let first_valid = (table.n_rows() - n_validation_rows) as u32;
        let n_valid = task.rows.iter().filter(|&&row| row >= first_valid).count();
        if n_valid > 0 {
            check_classes(&data, n_valid)?;
        }
        let notices = told(&notices);
        Prepared::of_data(task, data, notices, n_valid, options)
    }

    /// `n_valid`: how many of the last rows are for validation alone.
    fn of_data(
        task: Task,
        data: Dataset,
        notices: Vec<String>,
        n_valid: usize,
        options: &FitOptions,
    ) -> Result<Prepared, Error> {
        let dear = is_dear(&data.facts(data.n_rows), options);
        let wish = &options.validation;
        let rows = validation::plan(&data, &task, wish, n_valid, dear, options.seed)?;
        let facts = data.facts(rows.n_train());
        let fingerprint = remember::fingerprint(&data);
        Ok(Prepared { task, data, rows, facts, notices, fingerprint })
    }
}

/// Every class of the validation rows, which come last, must be in the training rows.
fn check_classes(data: &Dataset, n_valid: usize) -> Result<(), Error> {
    let Target::Classes(codes) = &data.target else { return Ok(()) };
    let (train, valid) = codes.split_at(codes.len() - n_valid);
    let known: BTreeSet<u32> = train.iter().copied().collect();
    match valid.iter().find(|code| !known.contains(code)) {
        None => Ok(()),
        Some(code) => Err(Error::Option {
            option: "--valid",
            value: format!("a table with the class `{}`", data.schema.classes[*code as usize]),
            expected: "no row of the training data has this class; both must be of one task".into(),
        }),
    }
}

/// Share of the budget above which the dearest default is too dear to be fitted on every fold.
const DEAR_SHARE: f64 = 0.1;
/// Folds that small data has (see [`eyas_learn::splits::choose`]), for the decision against them.
const USUAL_FOLDS: f64 = 5.0;

/// Whether the budget is too small for folds: the dearest default would take over a tenth of it.
fn is_dear(facts: &Facts, options: &FitOptions) -> bool {
    let (total, by_work) = match options.budget {
        Budget::Wall { seconds, .. } => (seconds, false),
        Budget::Work(units) => (units as f64, true),
    };
    strategies::dearest_default(facts, by_work) * USUAL_FOLDS > DEAR_SHARE * total
}

/// A run with all that it was given.
pub(crate) struct Job<'a> {
    /// Raw rows that latency is measured on, with all columns that a model may read.
    pub raw: &'a Table,
    pub options: &'a FitOptions,
    pub observer: &'a dyn Observer,
    pub meter: &'a Meter<'a>,
}

/// Most trials that a resumed run fits again. Those that a run keeps are at most
/// [`crate::candidates::MOST`].
const MOST_FITTED_AGAIN: usize = crate::candidates::MOST;
/// Newcomers are screened on a part of the rows if a full fit takes over this share of the budget.
const SCREEN_FROM_SHARE: f64 = 0.03;
/// Cells from which on a fit uses all threads.
const LARGE_CELLS: usize = 20_000_000;
/// The part: as many rows as tell strategies apart, but not so many that nothing is saved.
const SCREEN_ROWS: f64 = 15_000.0;
const SCREEN_MOST_SHARE: f64 = 0.3;

impl Job<'_> {
    fn go(
        &self,
        prepared: &Prepared,
        memory: Option<&mut Memory>,
        (past, heads): (Vec<Trial>, Vec<Head>),
        journal: Journal,
    ) -> Result<Report, Error> {
        let mut notices = prepared.notices.clone();
        self.announce(prepared);
        let cost = self.cost_model();
        let proposals = self.ask_memory(prepared, memory.as_deref(), &mut notices);
        let (total, by_work) = (self.meter.total(), self.meter.by_work());
        let strategies = Strategies::new(&prepared.facts, &self.options.without).without_dear(
            &prepared.facts,
            prepared.rows.splits.len(),
            total,
            by_work,
        );
        let fit_threads = Threads::new(self.n_fit_threads(&prepared.data));
        let keeper = self.keeper(prepared, heads);
        let run = self.run(prepared, (&cost, &fit_threads, &keeper), &strategies, &proposals);
        let candidates = self.known_candidates(&run, &past);
        let state = State::new(History { trials: past }, candidates, journal);
        let (state, reason) = run.search(run.with_cut_off(state))?;
        let report = finish::finish(self, prepared, &run, &state, reason, &mut notices)?;
        if let Some(memory) = memory {
            self.leave_in_memory(prepared, memory, &state.history);
        }
        Ok(report)
    }

    fn keeper<'k>(&'k self, prepared: &'k Prepared, heads: Vec<Head>) -> Keeper<'k> {
        let FitOptions { run_dir, checkpoint_seconds, .. } = self.options;
        let tellers = (self.meter, self.observer);
        Keeper::new(run_dir, &prepared.fingerprint, tellers, *checkpoint_seconds, heads)
    }

    fn announce(&self, prepared: &Prepared) {
        let data = &prepared.data;
        self.observer.event(&Event::Started {
            task: task_name(data.task()),
            metric: prepared.task.metric.name,
            higher_is_better: prepared.task.metric.higher_is_better,
            n_rows: data.n_rows,
            n_features: data.n_features(),
            n_classes: data.schema.classes.len(),
            validation: prepared.rows.words.clone(),
            budget: self.meter.total(),
            notices: prepared.notices.clone(),
        });
    }

    /// Calibrated on this machine, unless the run must be alike on all machines.
    fn cost_model(&self) -> CostModel {
        if self.meter.by_work() {
            return CostModel::reference();
        }
        eyas_model::measure::calibrate((0.03 * self.meter.total()).clamp(0.02, 0.3))
    }

    /// One thread a fit, and trials side by side; where the data is large, trials one after the
    /// other, each on all threads: the first model comes sooner, and memory is that of one fit.
    fn n_fit_threads(&self, data: &Dataset) -> usize {
        let is_large = data.n_rows * data.n_features() >= LARGE_CELLS;
        if is_large { self.options.threads.max(1) } else { 1 }
    }

    fn run<'r>(
        &'r self,
        prepared: &'r Prepared,
        (cost, fit_threads, keeper): (&'r CostModel, &'r Threads, &'r Keeper<'r>),
        strategies: &'r Strategies,
        memory_proposals: &'r [Config],
    ) -> Run<'r> {
        let options = self.options;
        let data = &prepared.data;
        let splits: &[Split] = &prepared.rows.splits;
        let context = TrialContext {
            data,
            splits,
            metric: prepared.task.metric,
            cost,
            fit_threads,
            limit_ns: options.latency_ns.unwrap_or(f64::INFINITY),
            pruning: !options.without.contains(&Method::Pruning),
            keeper,
        };
        let selects = !options.without.contains(&Method::Selection);
        let screening = self.screening(prepared, splits.len()).filter(|_| selects);
        Run {
            context,
            strategies,
            memory_proposals,
            facts: prepared.facts,
            meter: self.meter,
            observer: self.observer,
            run_dir: &options.run_dir,
            defaults_only: !selects,
            screening,
            sampler: options.sampler.as_deref().and_then(samplers::sampler),
            least_ns: strategies.least_ns(&prepared.facts, cost),
            limit_memory_bytes: self.memory_for_a_trial(prepared),
            threads: options.threads / fit_threads.count().max(1),
            seed: options.seed,
            reserve_seconds: self.reserve_seconds(),
            search_end: Moment::never(),
            refits: splits.len() == 1 && !matches!(options.validation, Validation::Table(_)),
        }
    }

    /// The share of the rows on which newcomers are screened, if full fits are dear.
    fn screening(&self, prepared: &Prepared, n_folds: usize) -> Option<f64> {
        let n_rows = prepared.facts.n_rows as f64;
        let by_work = self.meter.by_work();
        let dearest = strategies::dearest_default(&prepared.facts, by_work) * n_folds as f64;
        let share = SCREEN_ROWS / n_rows;
        let worth = dearest > SCREEN_FROM_SHARE * self.meter.total();
        (worth && share < SCREEN_MOST_SHARE).then_some(share)
    }

    /// Time kept for the greedy ensemble, two measurements of latency, and writing.
    fn reserve_seconds(&self) -> f64 {
        let total = self.meter.total();
        let rows = finish::MEASURED_ROWS as f64;
        let measured = 2.0 * rows * self.options.latency_ns.unwrap_or(50_000.0) * 1e-9;
        (0.4 + 0.03 * total).min(2.2) + measured.min(0.08 * total)
    }

    fn memory_for_a_trial(&self, prepared: &Prepared) -> f64 {
        let Some(limit) = self.options.memory_bytes else { return f64::INFINITY };
        let left = limit as f64 - prepared.data.memory_bytes() as f64;
        let at_a_time = self.options.threads / self.n_fit_threads(&prepared.data);
        (left / at_a_time.max(1) as f64).max(0.0)
    }

    /// The candidates of earlier trials: as they were stored, else fitted again.
    fn known_candidates(&self, run: &Run<'_>, past: &[Trial]) -> Candidates {
        let context = &run.context;
        let mut candidates = Candidates::default();
        let mut insert = |candidate: Candidate| {
            let ns = candidate.ns;
            candidates.insert(candidate, ns, context.limit_ns);
        };
        let mut lost: Vec<&Trial> = Vec::new();
        for trial in past.iter().filter(|trial| trial.fidelity >= 1.0) {
            let dir = &self.options.run_dir;
            let (data, metric) = (context.data, context.metric);
            match storage::load(dir, trial, data, metric, context.splits, context.cost) {
                Some(candidate) => insert(candidate),
                None if trial.outcome == Outcome::Completed => lost.push(trial),
                None => {}
            }
        }
        let loss = |trial: &Trial| trial.best_within(context.limit_ns).map_or(f64::MAX, |p| p.loss);
        lost.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
        for trial in lost.into_iter().take(MOST_FITTED_AGAIN) {
            if self.meter.by_work() || trial.seconds < self.meter.remaining() {
                run.again(trial).into_iter().for_each(&mut insert);
            }
        }
        candidates
    }

    fn ask_memory(
        &self,
        prepared: &Prepared,
        memory: Option<&Memory>,
        notices: &mut Vec<String>,
    ) -> Vec<Config> {
        let Some(memory) = memory else { return Vec::new() };
        if self.options.without.contains(&Method::Transfer) {
            return Vec::new();
        }
        let limit_ns = self.options.latency_ns.unwrap_or(f64::INFINITY);
        remember::proposals(memory, prepared, limit_ns).unwrap_or_else(|problem| {
            notices.push(format!("the memory is left aside: {problem}"));
            Vec::new()
        })
    }

    fn leave_in_memory(&self, prepared: &Prepared, memory: &mut Memory, history: &History) {
        if let Err(problem) = remember::leave(memory, prepared, &self.options.data_name, history) {
            let text = format!("the run could not be kept in the memory: {problem}");
            self.observer.event(&Event::Notice { text });
        }
    }
}

/// Name of a kind of task, as on the command line.
pub(crate) fn task_name(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Regression => "regression",
        TaskKind::Binary => "binary",
        TaskKind::Multiclass => "multiclass",
    }
}
