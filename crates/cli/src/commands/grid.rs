//! `eyas grid`: exhaustive search over a grid, as scikit-learn's `GridSearchCV`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use eyas::grid::{GridOptions, GridReport};
use eyas_learn::TaskOptions;

use crate::Context;
use crate::console::{self, Style};
use crate::data::{must_exist, read_table};
use crate::failure::Failure;
use crate::quantities::{counted, show_seconds};
use crate::report;
use crate::run_args::{Kind, Reading};
use crate::{outputs, places};

/// Score every point of a grid of parameters by cross-validation
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas grid digits.csv --target digit --learner forest --param n_estimators=10,50,100 \
    --param max_depth=none,10,20\n  \
    eyas grid adult.csv.gz --target class --learner boosting --param learning_rate=0.03,0.1 \
    --scoring roc_auc --out adult.eyas\n\n\
    Folds, scores and ranks are those of scikit-learn's GridSearchCV, and what is not given has \
    scikit-learn's default where it has one. Points that differ in nested parameters only share \
    their fits: for forests these are n_estimators, max_depth, min_samples_split, \
    min_impurity_decrease, max_leaf_nodes and ccp_alpha; for boosting n_estimators and \
    max_depth_kept; for linear models penalty; for all k_best. Each score is that of the model trained \
    with these values alone. The best is fitted on all rows, and written with --out.")]
pub struct GridArgs {
    /// Training data: CSV (also compressed with gzip), Parquet or Arrow IPC
    data: PathBuf,

    /// Column to predict
    #[arg(long, value_name = "COL")]
    target: String,

    /// Learner: random_forest (or forest), extra_trees, boosting, linear
    #[arg(long, value_name = "NAME")]
    learner: String,

    /// A parameter of the learner and its values; `none` is no limit; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE,...", required = true)]
    params: Vec<Param>,

    /// Number of folds: stratified ones of classes, else in the order of the rows; or `loo`, each row
    /// by the fit of all others (ridge regression only)
    #[arg(long, value_name = "K", default_value = "5")]
    cv: Folds,

    /// Shuffle the rows before they are dealt, by the seed
    #[arg(long)]
    shuffle: bool,

    /// Metric; accuracy or r2 if not given
    #[arg(long, value_name = "NAME")]
    scoring: Option<String>,

    /// Kind of task; found from the target if not given
    #[arg(long = "task", value_name = "KIND", value_enum)]
    kind: Option<Kind>,

    /// Columns not to be used
    #[arg(long, value_name = "COL,...", value_delimiter = ',')]
    drop: Vec<String>,

    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Threads; all cores if not given. Results do not depend on them
    #[arg(long, visible_alias = "jobs", value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..=4096))]
    threads: Option<u64>,

    /// Write the best, fitted on all rows, to this file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,
}

/// A number of folds, at least 2, or each row by itself.
#[derive(Debug, Clone, Copy)]
struct Folds(Option<usize>);

impl FromStr for Folds {
    type Err = String;

    fn from_str(text: &str) -> Result<Folds, String> {
        match text.parse::<usize>() {
            Ok(n) if n >= 2 => Ok(Folds(Some(n))),
            _ if text == "loo" => Ok(Folds(None)),
            _ => Err("it must be a whole number of at least 2, or `loo`".into()),
        }
    }
}

/// A parameter and its values.
#[derive(Debug, Clone)]
struct Param {
    name: String,
    values: Vec<String>,
}

impl FromStr for Param {
    type Err = String;

    fn from_str(text: &str) -> Result<Param, String> {
        let (name, values) = text.split_once('=').unwrap_or((text, ""));
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        if name.is_empty() || values.iter().any(String::is_empty) {
            return Err("it is not of the form NAME=VALUE,... such as max_depth=none,10".into());
        }
        Ok(Param { name: name.trim().to_owned(), values })
    }
}

/// Runs the command.
pub fn run(args: &GridArgs, context: &Context) -> Result<ExitCode, Failure> {
    must_exist(&args.data)?;
    if let Some(out) = &args.out {
        outputs::check("--out", out, &[("DATA", &args.data)])?;
        places::can_write(out)?;
    }
    let options = options(args);
    let (table, notices) = read_table(&args.data, &args.reading.options(options.threads, None))?;
    let (mut report, model) = eyas::grid::grid(&table, &options)?;
    report.notices.splice(0..0, notices.iter().map(ToString::to_string));
    if let Some(out) = &args.out {
        eyas_model::file::write_whole(out, &model.to_bytes())?;
    }
    let seconds = context.started.elapsed().as_secs_f64();
    if context.json {
        let mut value = serde_json::to_value(&report).expect("a report is JSON");
        value["seconds"] = seconds.into();
        value["model_path"] = args.out.as_ref().map(|out| out.display().to_string()).into();
        console::print(&value.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    if !context.quiet {
        report.notices.iter().for_each(|notice| console::tell(&format!("note: {notice}")));
    }
    console::print(&table_of(&report))?;
    console::tell(&summary(&report, seconds, Style::of_stderr()));
    if let Some(out) = &args.out {
        console::print(&out.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &GridArgs) -> GridOptions {
    let all = || std::thread::available_parallelism().map_or(1, |n| n.get());
    GridOptions {
        task: TaskOptions {
            target: args.target.clone(),
            kind: args.kind.map(Into::into),
            metric: None,
            groups: None,
            time: None,
            weights: None,
            drop: args.drop.clone(),
            balance_classes: false,
        },
        stated_columns: args.reading.types.iter().map(|stated| stated.column.clone()).collect(),
        learner: args.learner.clone(),
        params: args.params.iter().map(|p| (p.name.clone(), p.values.clone())).collect(),
        folds: args.cv.0,
        shuffle: args.shuffle,
        scoring: args.scoring.clone(),
        seed: args.seed,
        threads: args.threads.map_or_else(all, |n| n as usize),
    }
}

/// All points, best first.
fn table_of(report: &GridReport) -> String {
    let names = report.points[0].params.iter().map(|(name, _)| name.as_str());
    let header: Vec<&str> = ["rank", "mean", "std"].into_iter().chain(names).collect();
    let mut table = report::plain_table(&header);
    let mut points: Vec<_> = report.points.iter().collect();
    points.sort_by_key(|point| point.rank);
    for point in points {
        let mut row =
            vec![point.rank.to_string(), format!("{:.5}", point.mean), format!("{:.5}", point.std)];
        row.extend(point.params.iter().map(|(_, value)| value.to_string()));
        table.add_row(row);
    }
    report::align_right(&mut table, 0..header.len());
    table.trim_fmt()
}

fn summary(report: &GridReport, seconds: f64, style: Style) -> String {
    let best = &report.best;
    let values = best.params.iter().map(|(name, value)| format!("{name}={value}"));
    let values = values.collect::<Vec<_>>().join(" ");
    let (metric, folds) = (&report.metric, &report.folds);
    let found = format!("best: {} ({metric} {:.5} ± {:.5})", values, best.mean, best.std);
    let n_points = counted(report.points.len() as u64, "point");
    let shared = match report.nested.is_empty() {
        true => String::new(),
        false => format!(" (one fit scores all of {})", report.nested.join(", ")),
    };
    format!(
        "{}\n{n_points}, {folds}, {}: {} instead of {}{shared}, {}",
        style.bold(&found),
        counted(report.n_rows as u64, "row"),
        counted(report.n_fits as u64, "fit"),
        report.n_fits_alone,
        show_seconds(seconds)
    )
}
