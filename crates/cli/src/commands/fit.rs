//! `eyas fit`: finds a model.

use std::process::ExitCode;

use eyas::event::{Event, Observer};
use eyas::{Budget, FitOptions, Interrupt, MEASURED_ROWS, Report, Training, Validation};
use eyas_learn::Table;
use eyas_learn::data::ReadOptions;
use eyas_learn::dataset::BuildOptions;
use eyas_learn::dataset::streamed::{self, StreamOptions, Streamed};

use crate::Context;
use crate::console::{self, Style};
use crate::data::{
    add_labels, free_memory_bytes, must_exist, open_source, read_table, table_bytes_guess,
};
use crate::failure::Failure;
use crate::outputs;
use crate::places;
use crate::progress::Progress;
use crate::run_args::{RunArgs, Stream, Switched};
use crate::store;

/// Find the most accurate model that meets the limits
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas fit adult.csv.gz --target class --latency 20us --budget 60s\n  \
    eyas fit sales.parquet --target units --metric mae --time day --size 1MB\n\n\
    The report goes to standard error, the path of the model (or with --json the whole report) to \
    standard output. Ctrl-C ends the run with the best model so far; a second one ends at once. \
    Exits with 1 if a limit is not met.")]
pub struct FitArgs {
    #[command(flatten)]
    run: RunArgs,
}

/// Raised by Ctrl-C.
static INTERRUPT: Interrupt = Interrupt::new();

/// Runs the command.
pub fn run(args: FitArgs, context: &Context) -> Result<ExitCode, Failure> {
    let mut args = args.run;
    args.settle();
    check_outputs(&args)?;
    must_exist(&args.data)?;
    places::can_write(args.out())?;
    store::check(args.search.memory.as_deref())?;
    let made = args.settle_run_dir()?;
    let ended = go(&args, context, false);
    if let Some(dir) = made.filter(|_| ended.is_err()) {
        // Only an empty folder goes: that of a run that did not begin.
        let _ = std::fs::remove_dir(dir);
    }
    ended
}

/// Fails if a file to be written is one of those that are read.
fn check_outputs(args: &RunArgs) -> Result<(), Failure> {
    let valid = args.validation.valid.as_deref().map(|path| ("--valid", path));
    let labels = args.labels.as_deref().map(|path| ("--labels", path));
    let data = [("DATA", args.data.as_path())];
    let mut inputs: Vec<_> = data.into_iter().chain(valid).chain(labels).collect();
    outputs::check("--out", args.out(), &inputs)?;
    inputs.push(("--out", args.out()));
    args.output.events.iter().try_for_each(|path| outputs::check("--events", path, &inputs))
}

/// Begins a run, or goes on with one.
pub fn go(args: &RunArgs, context: &Context, resumes: bool) -> Result<ExitCode, Failure> {
    listen_for_interrupts();
    let seconds = args.limits.work.is_none().then_some(args.limits.budget.0);
    let mut progress = Progress::new(context, seconds, args.output.events.as_deref())?;
    let memory_limit = args.limits.memory_limit.map(|bytes| bytes.0);
    let reading = args.reading.options(args.threads(), memory_limit);
    let read = if streams(args) {
        Read::Streamed(Box::new(read_in_passes(args, &reading, &progress)?))
    } else {
        let (mut table, notices) = read_table(&args.data, &reading)?;
        for notice in notices {
            progress.notice(&notice.to_string());
        }
        if let Some(labels) = &args.labels {
            add_labels(&mut table, labels, &args.target)?;
        }
        Read::Table(table)
    };
    let validation = validation(args, &reading)?;
    let mut memory =
        store::open_for_run(args.search.memory.as_deref(), |text| progress.notice(text))?;
    let options = options(args, context, validation);
    let training = match read {
        Read::Table(ref table) => Training::Table(table),
        Read::Streamed(streamed) => Training::Streamed(streamed),
    };
    let result = if resumes {
        eyas::resume(args.run_dir(), training, &options, memory.as_mut(), &INTERRUPT, &progress)
    } else {
        eyas::fit(training, &options, memory.as_mut(), &INTERRUPT, &progress)
    };
    progress.finish();
    tell(&result?, args, context)
}

/// The training data.
enum Read {
    Table(Table),
    Streamed(Box<Streamed>),
}

/// Whether the data is read in passes.
fn streams(args: &RunArgs) -> bool {
    match args.streaming.stream {
        _ if args.labels.is_some() => false,
        Stream::Always => true,
        Stream::Never => false,
        Stream::Auto => {
            let limit = args.limits.memory_limit.map(|bytes| bytes.0);
            let free = free_memory_bytes().map(|bytes| bytes / 10 * 7);
            let most = limit.into_iter().chain(free).min();
            most.is_some_and(|most| table_bytes_guess(&args.data) > most)
        }
    }
}

fn read_in_passes(
    args: &RunArgs,
    reading: &ReadOptions,
    progress: &Progress,
) -> Result<Streamed, Failure> {
    let (source, notices) = open_source(&args.data, reading)?;
    for notice in notices {
        progress.notice(&notice.to_string());
    }
    let build = BuildOptions {
        stated: stated_columns(args),
        threads: args.threads(),
        memory_limit_bytes: reading.memory_limit_bytes,
        seed: args.search.seed,
        bins_only: true,
    };
    let task = args.task.options(&args.target);
    let tell = |pass, rows| progress.event(&Event::Reading { pass, rows });
    let options = StreamOptions {
        read: reading,
        task: &task,
        build: &build,
        n_raw_rows: MEASURED_ROWS,
        progress: &tell,
    };
    Ok(streamed::read(source.as_ref(), &options)?)
}

fn stated_columns(args: &RunArgs) -> Vec<String> {
    args.reading.types.iter().map(|stated| stated.column.clone()).collect()
}

/// Prints the report and decides the exit code.
fn tell(report: &Report, args: &RunArgs, context: &Context) -> Result<ExitCode, Failure> {
    if context.json {
        let text = serde_json::to_string_pretty(report).expect("a report is JSON");
        console::print(&text)?;
    } else {
        console::tell(&crate::report::text(report, Style::of_stderr()));
        if let Some(path) = &report.model_path {
            console::print(path)?;
        }
    }
    if report.contract.met || args.limits.best_effort {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::failed(format!("the limits are not met: {}", report.contract.explanation)).help(
        format!(
            "the fastest model found is in `{}`; raise the limit, or accept what misses it with \
             --best-effort",
            report.model_path.as_deref().unwrap_or("-")
        ),
    ))
}

fn options(args: &RunArgs, context: &Context, validation: Validation) -> FitOptions {
    let limits = &args.limits;
    let budget = match limits.work {
        Some(units) => Budget::Work(units),
        None => Budget::Wall { started: context.started, seconds: limits.budget.0 },
    };
    FitOptions {
        task: args.task.options(&args.target),
        stated_columns: stated_columns(args),
        latency_ns: limits.latency.map(|latency| latency.0),
        size_bytes: limits.size.map(|size| size.0),
        memory_bytes: limits.memory_limit.map(|size| size.0),
        budget,
        validation,
        threads: args.threads(),
        seed: args.search.seed,
        sampler: args.search.sampler.clone(),
        without: args.search.without.iter().flat_map(Switched::methods).copied().collect(),
        out: args.out().to_path_buf(),
        run_dir: args.run_dir().to_path_buf(),
        checkpoint_seconds: args.output.checkpoint_every.0,
        data_name: args
            .data
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        caller_state: serde_json::to_string(args).expect("arguments are plain data"),
    }
}

fn validation(args: &RunArgs, reading: &ReadOptions) -> Result<Validation, Failure> {
    let validation = &args.validation;
    if let Some(path) = &validation.valid {
        return Ok(Validation::Table(read_table(path, reading)?.0));
    }
    Ok(match (validation.folds, validation.holdout) {
        (Some(folds), _) => Validation::Folds(folds as usize),
        (None, Some(share)) => Validation::Holdout(share),
        (None, None) => Validation::Auto,
    })
}

/// The first Ctrl-C ends the run with the best model so far, the second ends the process.
fn listen_for_interrupts() {
    // Fails only if a handler is set already, which nobody does.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPT.is_raised() {
            std::process::exit(130);
        }
        INTERRUPT.raise();
        console::tell("\nfinishing with the best model so far; Ctrl-C again ends at once");
    });
}
