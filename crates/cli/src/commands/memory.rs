//! `eyas memory`: the past tasks that new ones learn from.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use eyas_learn::metrics::METRICS;
use eyas_memory::{Forget, StoredTask, StoredTrial};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::quantities::{counted, show_bytes, show_count, show_ns, show_seconds};
use crate::report::{align_right, plain_table};
use crate::{Context, console, data, store};

/// Show and change the memory of past tasks
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eyas memory list\n  eyas memory export --out team.jsonl\n\n\
    The memory keeps configurations, scores and a few numbers about each table, no rows of data.")]
pub struct MemoryArgs {
    #[command(subcommand)]
    action: Action,

    /// Memory: a file; eyas/memory.db in the user's data folder if not given
    #[arg(long, global = true, value_name = "URL")]
    memory: Option<String>,
}

/// What to do with it.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the tasks
    #[command(after_help = "Example:\n  eyas memory list")]
    List,

    /// Show the trials of a task, best first
    #[command(after_help = "Example:\n  eyas memory show 3")]
    Show {
        /// Number of the task, as `list` shows it
        #[arg(value_parser = task_number)]
        task: i64,
    },

    /// Forget a task, or everything
    #[command(after_help = "Examples:\n  eyas memory forget 3\n  eyas memory forget --all")]
    Forget {
        /// Number of the task, as `list` shows it
        #[arg(required_unless_present = "all", conflicts_with = "all", value_parser = task_number)]
        task: Option<i64>,

        /// Forget every task
        #[arg(long)]
        all: bool,
    },

    /// Write every task as a line of JSON
    #[command(after_help = "Example:\n  eyas memory export --out team.jsonl")]
    Export {
        /// Where to; standard output if not given
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },

    /// Add the tasks of an export
    #[command(after_help = "Example:\n  eyas memory import team.jsonl")]
    Import {
        /// What `export` wrote
        file: PathBuf,
    },
}

fn task_number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a task number is expected (see `eyas memory list`)".into())
}

/// Runs the command.
pub fn run(args: &MemoryArgs, context: &Context) -> Result<ExitCode, Failure> {
    let named = args.memory.as_deref();
    match &args.action {
        Action::List => list(&store::open_named(named, false)?.list()?, context),
        Action::Show { task } => {
            let (task, trials) = store::open_named(named, false)?.show(*task)?;
            show(&task, &trials, context)
        }
        Action::Forget { task, .. } => {
            let what = task.map_or(Forget::All, Forget::Task);
            let n_tasks = store::open_named(named, false)?.forget(what)?;
            told(
                &json!({"n_tasks": n_tasks}),
                &format!("{} forgotten", counted(n_tasks as u64, "task")),
                context,
            )
        }
        Action::Export { out } => export(&store::open_named(named, false)?, out.as_ref(), context),
        Action::Import { file } => {
            data::must_exist(file)?;
            let opened = File::open(file).map_err(|error| Failure::file("read", file, &error))?;
            let mut memory = store::open_named(named, true)?;
            let brought = memory.import(&mut BufReader::new(opened))?;
            let (n_tasks, n_trials) = (brought.n_tasks, brought.n_trials);
            let json = json!({"n_tasks": n_tasks, "n_trials": n_trials});
            let (tasks, trials) =
                (counted(n_tasks as u64, "task"), counted(n_trials as u64, "trial"));
            told(&json, &format!("{tasks} with {trials} imported"), context)
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn told(json: &Value, text: &str, context: &Context) -> Result<(), Failure> {
    console::print(&if context.json { json.to_string() } else { text.to_string() })
}

fn list(tasks: &[StoredTask], context: &Context) -> Result<(), Failure> {
    if context.json {
        return console::print(&Value::from_iter(tasks.iter().map(task_json)).to_string());
    }
    if tasks.is_empty() {
        return console::print("the memory is empty");
    }
    let mut table =
        plain_table(&["task", "name", "kind", "metric", "rows", "features", "trials", "last run"]);
    for stored in tasks {
        let (task, facts) = (&stored.task, &stored.task.facts);
        table.add_row([
            stored.id.to_string(),
            task.name.clone(),
            facts.kind.clone(),
            task.metric.clone(),
            show_count(facts.n_rows),
            show_count(facts.n_features),
            show_count(stored.n_trials),
            day(task.time),
        ]);
    }
    align_right(&mut table, 4..7);
    console::print(&table.trim_fmt())
}

fn show(stored: &StoredTask, trials: &[StoredTrial], context: &Context) -> Result<(), Failure> {
    if context.json {
        let mut json = task_json(stored);
        json["trials"] = serde_json::to_value(trials).expect("trials are plain data");
        return console::print(&json.to_string());
    }
    let mut trials: Vec<&StoredTrial> = trials.iter().collect();
    trials.sort_by(|a, b| a.loss_normalised.total_cmp(&b.loss_normalised));
    let metric = METRICS.iter().find(|metric| metric.name == stored.task.metric);
    let header = metric.map_or("loss", |metric| metric.name);
    let mut table = plain_table(&[
        "gap (0 best, 1 worst)",
        header,
        "p99",
        "bytes",
        "training",
        "configuration",
    ]);
    let value = |loss: f64| format!("{:.5}", metric.map_or(loss, |metric| metric.value(loss)));
    for trial in trials {
        table.add_row([
            format!("{:.3}", trial.loss_normalised),
            trial.loss.map_or_else(|| "failed".into(), value),
            trial.ns.map_or_else(|| "-".into(), show_ns),
            show_bytes(trial.bytes),
            show_seconds(trial.seconds),
            config_words(&trial.config),
        ]);
    }
    align_right(&mut table, 0..5);
    let (task, facts) = (&stored.task, &stored.task.facts);
    let classes = match facts.n_classes {
        0 => String::new(),
        n => format!(", {n} classes"),
    };
    console::print(&format!(
        "{}: {}, {}, {} ({} categorical), {:.1} % missing{classes}; {}, {}\n{}",
        task.name,
        facts.kind,
        counted(facts.n_rows, "row"),
        counted(facts.n_features, "feature"),
        facts.n_categorical,
        100.0 * facts.missing_share,
        task.metric,
        day(task.time),
        table.trim_fmt()
    ))
}

/// The learner and the values of its parameters.
fn config_words(config: &eyas_search::Config) -> String {
    let values = config.values.iter().map(|(name, value)| format!(" {name}={value}"));
    std::iter::once(config.learner.clone()).chain(values).collect()
}

fn task_json(stored: &StoredTask) -> Value {
    let mut json = serde_json::to_value(&stored.task).expect("tasks are plain data");
    json["id"] = stored.id.into();
    json["n_trials"] = stored.n_trials.into();
    json
}

fn export(
    memory: &eyas_memory::Memory,
    out: Option<&PathBuf>,
    context: &Context,
) -> Result<(), Failure> {
    let Some(path) = out else {
        memory.export(&mut data::StandardOutput)?;
        return Ok(());
    };
    let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
    let n_tasks = memory.export(&mut BufWriter::new(file))?;
    told(
        &json!({"n_tasks": n_tasks}),
        &format!("{} exported", counted(n_tasks as u64, "task")),
        context,
    )
}

/// The day of a time in seconds since 1970.
fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "-".into(), |time| time.strftime("%Y-%m-%d").to_string())
}
