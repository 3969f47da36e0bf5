//! `eyas compare`: which of the methods helps on this data, and which does not.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use eyas::compare::{CompareOptions, Comparison, Sealing, Step, compare};
use eyas::{Budget, FitOptions, Interrupt, Validation};

use crate::comparison::{self, Told};
use crate::console::{self, Style};
use crate::data::{must_exist, read_table};
use crate::failure::Failure;
use crate::quantities::{self, Bytes, Nanoseconds, Seconds};
use crate::run_args::{Reading, Switched, TaskArgs};
use crate::{Context, outputs, places, store};

/// Run with and without each method under one budget, and tell which helps on this data
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas compare adult.csv.gz --target class --budget 30s --seeds 3\n  \
    eyas compare sales.parquet --target units --time day --methods pruning --latency 20us --out \
    pruning.json\n\n\
    Variants: all methods, all but each of those named, each of those named alone, and none. All run \
    one after another on the same rows with the same seeds and the same budget, and are scored on \
    rows that were sealed before. A difference counts as seen beyond two standard errors (more where \
    there are few runs); about one in twenty is seen where there is none.\n\
    The memory is read as it is at the start and never written. Ctrl-C ends with the runs that are \
    done; the same command with --run DIR goes on, also with more seeds or methods.")]
pub struct CompareArgs {
    /// Training data: CSV (also compressed with gzip), Parquet, Arrow IPC, or arrays of numbers
    data: PathBuf,

    /// Column to predict
    #[arg(long, value_name = "COL")]
    target: String,

    /// Methods to compare: rate, selection, pruning, transfer, or all
    #[arg(long, value_name = "METHOD,...", value_delimiter = ',', default_value = "all")]
    methods: Vec<Switched>,

    /// Runs of each variant, by seeds that count up from --seed; with one, nothing tells how much
    /// runs differ by luck
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,

    #[command(flatten)]
    limits: CompareLimits,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    task: TaskArgs,

    #[command(flatten)]
    sealing: SealingArgs,

    #[command(flatten)]
    search: CompareSearch,

    #[command(flatten)]
    output: CompareOutput,
}

/// What each run and its model may cost.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct CompareLimits {
    /// Time for each run; reading the data once is not counted
    #[arg(long, value_name = "TIME", value_parser = quantities::budget, default_value = "30s")]
    budget: Seconds,

    /// Work units for each run instead of seconds: the same result on any machine and any number of
    /// threads; latency is priced, not measured
    #[arg(long, value_name = "UNITS", conflicts_with = "budget",
          value_parser = clap::value_parser!(u64).range(1..))]
    work: Option<u64>,

    /// Largest p99 of predicting one row, e.g. 20us
    #[arg(long, value_name = "TIME", value_parser = quantities::latency)]
    latency: Option<Nanoseconds>,

    /// Largest model file, e.g. 1MB
    #[arg(long, value_name = "SIZE", value_parser = quantities::size)]
    size: Option<Bytes>,

    /// Largest RAM a run may plan with, e.g. 4GB
    #[arg(long, value_name = "SIZE", value_parser = quantities::size)]
    memory_limit: Option<Bytes>,
}

/// Which rows are sealed.
#[derive(Debug, clap::Args)]
#[group(id = "how_sealed", multiple = false)]
#[command(next_help_heading = "Sealed rows")]
struct SealingArgs {
    /// Seal this share of the rows for the score
    #[arg(long, value_name = "SHARE", value_parser = quantities::share, default_value = "0.25")]
    holdout: f64,

    /// Seal each of K folds in turn: K times as many runs
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(2..=100))]
    folds: Option<u64>,
}

/// How runs search.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Search")]
struct CompareSearch {
    /// Threads of a run; all cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4096))]
    threads: Option<u64>,

    /// First seed; it also decides which rows are sealed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Memory of past tasks: a file, or `off`; eyas/memory.db in the user's data folder if not given
    #[arg(long, value_name = "URL|off")]
    memory: Option<String>,
}

/// Where results go.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct CompareOutput {
    /// Write all figures to this file, as JSON
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Folder of the comparison, to go on with if it is there; in the user's state folder, named by
    /// data and time, if not given
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
}

/// Raised by Ctrl-C.
static INTERRUPT: Interrupt = Interrupt::new();

/// Runs the command.
pub fn run(args: &CompareArgs, context: &Context) -> Result<ExitCode, Failure> {
    must_exist(&args.data)?;
    let memory = store::open_to_read(args.search.memory.as_deref(), |text| {
        console::tell(&format!("{} {text}", Style::of_stderr().yellow("note:")));
    })?;
    if let Some(out) = &args.output.out {
        let mut inputs = vec![("DATA", args.data.as_path())];
        let named = args.search.memory.as_deref().filter(|&url| url != "off").map(Path::new);
        inputs.extend(named.map(|path| ("--memory", path)));
        outputs::check("--out", out, &inputs)?;
        check_new(out, args.output.run.as_deref())?;
        places::can_write(out)?;
    }
    listen_for_interrupts();
    let (dir, made) = match &args.output.run {
        Some(dir) => (dir.clone(), None),
        None => {
            let made = places::make_run_dir(&args.data)?;
            (made.clone(), Some(made))
        }
    };
    let ended = go(args, dir, memory.as_ref(), context);
    if let Some(dir) = made.filter(|_| ended.is_err()) {
        // Only an empty folder goes: that of a comparison that did not begin.
        let _ = std::fs::remove_dir(dir);
    }
    ended
}

fn go(
    args: &CompareArgs,
    dir: PathBuf,
    memory: Option<&eyas_memory::Memory>,
    context: &Context,
) -> Result<ExitCode, Failure> {
    let dir = std::path::absolute(&dir).unwrap_or(dir);
    let options = options(args, dir);
    let memory_limit = args.limits.memory_limit.map(|bytes| bytes.0);
    let reading = args.reading.options(options.fit.threads, memory_limit);
    let (table, notices) = read_table(&args.data, &reading)?;
    if !context.quiet {
        for notice in &notices {
            console::tell(&format!("{} {notice}", Style::of_stderr().yellow("note:")));
        }
    }
    let told = Told::new(&options, context.quiet);
    let tell = |step: &Step<'_>| told.step(step);
    let comparison = compare(&table, &options, memory, &INTERRUPT, &tell)?;
    let json = || serde_json::to_string_pretty(&comparison).expect("a comparison is JSON");
    if let Some(out) = &args.output.out {
        eyas_model::file::write_whole(out, json().as_bytes())?;
    }
    if context.json {
        console::print(&json())?;
    } else {
        console::print(&comparison::text(&comparison))?;
    }
    if !context.quiet {
        console::tell(&comparison::ending(&comparison, args.output.out.as_deref()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A file that is there is not written over, unless it is what this comparison wrote before.
fn check_new(out: &Path, run: Option<&Path>) -> Result<(), Failure> {
    let Ok(bytes) = std::fs::read(out) else { return Ok(()) };
    let before = serde_json::from_slice::<Comparison>(&bytes).ok();
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let is_ours = |run: &Path| before.is_some_and(|it| Path::new(&it.run_dir) == absolute(run));
    if run.is_some_and(is_ours) {
        return Ok(());
    }
    let shown = out.display();
    Err(Failure::usage(format!("--out `{shown}` is there already and would be overwritten"))
        .help("name another file with --out, or remove it"))
}

fn options(args: &CompareArgs, run_dir: PathBuf) -> CompareOptions {
    let limits = &args.limits;
    let budget = match limits.work {
        Some(units) => Budget::Work(units),
        // Each run begins to count when it begins.
        None => Budget::Wall { started: std::time::Instant::now(), seconds: limits.budget.0 },
    };
    let all = || std::thread::available_parallelism().map_or(1, |n| n.get());
    let fit = FitOptions {
        task: args.task.options(&args.target),
        stated_columns: args.reading.types.iter().map(|stated| stated.column.clone()).collect(),
        latency_ns: limits.latency.map(|latency| latency.0),
        size_bytes: limits.size.map(|size| size.0),
        memory_bytes: limits.memory_limit.map(|size| size.0),
        budget,
        validation: Validation::Auto,
        threads: args.search.threads.map_or_else(all, |n| n as usize),
        seed: args.search.seed,
        without: Vec::new(),
        out: PathBuf::new(),
        run_dir,
        data_name: places::stem(&args.data),
        checkpoint_seconds: None,
        sampler: None,
        caller_state: "{}".into(),
    };
    let sealing = match args.sealing.folds {
        Some(folds) => Sealing::Folds(folds as usize),
        None => Sealing::Share(args.sealing.holdout),
    };
    let methods = args.methods.iter().flat_map(Switched::methods).copied().collect();
    CompareOptions { fit, methods, n_seeds: args.seeds as usize, sealing }
}

/// The first Ctrl-C ends with the runs that are done, the second ends the process.
fn listen_for_interrupts() {
    // Fails only if a handler is set already, which nobody does.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPT.is_raised() {
            std::process::exit(130);
        }
        INTERRUPT.raise();
        console::tell("\nending with the runs that are done; Ctrl-C again ends at once");
    });
}
