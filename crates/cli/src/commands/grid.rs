//! `eyas grid`: exhaustive search over a grid, as scikit-learn's `GridSearchCV`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use eyas::grid::{GridOptions, GridReport, GridValidation, parameters};
use eyas_learn::TaskOptions;
use eyas_model::TaskKind;
use eyas_search::{Domain, Parameter};
use serde_json::json;

use crate::Context;
use crate::console::{self, Style};
use crate::data::{add_labels, must_exist, read_table};
use crate::failure::Failure;
use crate::fits_done::FitsDone;
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
    --scoring roc_auc --out adult.eyas\n  \
    eyas grid --learner forest --list-params\n\n\
    Folds, scores and ranks are those of scikit-learn's GridSearchCV, and what is not given has \
    scikit-learn's default where it has one. Points that differ in nested parameters only share \
    their fits: for forests these are n_estimators, max_depth, min_samples_split, \
    min_impurity_decrease, max_leaf_nodes and ccp_alpha; for boosting n_estimators and \
    max_depth_kept; for linear models penalty; for all k_best. Each score is that of the model \
    trained with these values alone. The best is fitted on all rows, and written with --out.")]
pub struct GridArgs {
    /// Training data: CSV (also compressed with gzip), Parquet, Arrow IPC, or arrays of numbers (.npy,
    /// .npz, idx)
    #[arg(required_unless_present = "list_params")]
    data: Option<PathBuf>,

    /// Column to predict
    #[arg(long, value_name = "COL", required_unless_present_any = ["labels", "list_params"])]
    target: Option<String>,

    /// File of the targets, where the data does not hold them: an array or a table of one column
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    /// Learner: random_forest (or forest), extra_trees, boosting, linear, mlp
    #[arg(long, value_name = "NAME")]
    learner: String,

    /// A parameter of the learner and its values; `none` is no limit; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE,...", required_unless_present = "list_params")]
    params: Vec<Param>,

    /// List the parameters of the learner that a grid may name (for --task binary if none is given)
    #[arg(long, conflicts_with_all = ["params", "out"])]
    list_params: bool,

    /// Number of folds: stratified ones of classes, else in the order of the rows; `oob` scores each
    /// row by the trees of a forest that did not draw it, with one fit on all rows; `loo` each row by
    /// the fit of all others (ridge regression only)
    #[arg(long, value_name = "K|oob|loo", default_value = "5")]
    cv: Cv,

    /// Shuffle the rows before they are dealt, by the seed
    #[arg(long)]
    shuffle: bool,

    /// Metric; accuracy or r2 if not given. Those whose lower values are better are negated if neg_
    /// comes before their name, as in scikit-learn
    #[arg(long, value_name = "NAME")]
    scoring: Option<String>,

    /// Kind of task; found from the target if not given
    #[arg(long = "task", value_name = "KIND", value_enum)]
    kind: Option<Kind>,

    /// Column that names the group of a row; rows of one group are in one fold (GroupKFold)
    #[arg(long, value_name = "COL")]
    groups: Option<String>,

    /// Column of row weights, which count in fits and in scores
    #[arg(long, value_name = "COL")]
    weights: Option<String>,

    /// Weight classes inversely to their share of the rows, in fits and in scores
    #[arg(long)]
    balance_classes: bool,

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

/// How points are scored.
#[derive(Debug, Clone, Copy)]
enum Cv {
    Folds(usize),
    OutOfBag,
    LeaveOneOut,
}

impl FromStr for Cv {
    type Err = String;

    fn from_str(text: &str) -> Result<Cv, String> {
        match text.parse() {
            _ if text == "oob" => Ok(Cv::OutOfBag),
            _ if text == "loo" => Ok(Cv::LeaveOneOut),
            Ok(folds) if folds >= 2 => Ok(Cv::Folds(folds)),
            _ => Err("it is neither a number of folds, 2 at least, nor `oob` or `loo`".into()),
        }
    }
}

/// Runs the command.
pub fn run(args: &GridArgs, context: &Context) -> Result<ExitCode, Failure> {
    let Some(data) = args.data.as_ref().filter(|_| !args.list_params) else {
        return list_parameters(args, context);
    };
    must_exist(data)?;
    let labels = args.labels.as_deref().map(|path| ("--labels", path));
    if let Some(out) = &args.out {
        let inputs: Vec<_> = [("DATA", data.as_path())].into_iter().chain(labels).collect();
        outputs::check("--out", out, &inputs)?;
        places::can_write(out)?;
    }
    let options = options(args)?;
    let (mut table, notices) = read_table(data, &args.reading.options(options.threads, None))?;
    if let Some(labels) = &args.labels {
        add_labels(&mut table, labels, &options.task.target)?;
    }
    let progress = FitsDone::new(context);
    let (mut report, model) =
        eyas::grid::grid(&table, &options, &|done, all| progress.show(done, all))?;
    progress.finish();
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

/// Prints what a grid of the learner may name.
fn list_parameters(args: &GridArgs, context: &Context) -> Result<ExitCode, Failure> {
    let kind = args.kind.map_or(TaskKind::Binary, Into::into);
    let space = parameters(&args.learner, kind)?;
    if context.json {
        let parameter = |parameter: &Parameter| {
            json!({"name": parameter.name, "values": values(parameter.domain),
                   "default": parameter.default, "nested": parameter.nested,
                   "help": parameter.help})
        };
        let parameters: Vec<_> = space.parameters.iter().map(parameter).collect();
        let value = json!({"learner": space.learner, "parameters": parameters});
        console::print(&value.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        report::plain_table(&["parameter", "values", "default", "shares fits", "what it is"]);
    for parameter in &space.parameters {
        let shares = if parameter.nested { "yes" } else { "no" };
        let (values, default) = (values(parameter.domain), parameter.default.to_string());
        table.add_row([parameter.name, &values, &default, shares, parameter.help]);
    }
    console::print(&table.trim_fmt())?;
    Ok(ExitCode::SUCCESS)
}

/// A domain in a few words; ends that no one reaches are left out.
fn values(domain: Domain) -> String {
    match domain {
        Domain::Int { low, high, .. } if high >= i64::from(u32::MAX) => {
            format!("a whole number of at least {low}")
        }
        Domain::Float { low, high, .. } if high == f64::MAX => {
            format!("a number of at least {low}")
        }
        domain => domain.to_string(),
    }
}

fn options(args: &GridArgs) -> Result<GridOptions, Failure> {
    let all = || std::thread::available_parallelism().map_or(1, |n| n.get());
    let validation = match args.cv {
        Cv::Folds(n) => GridValidation::Folds { n, shuffle: args.shuffle },
        Cv::OutOfBag | Cv::LeaveOneOut if args.shuffle || args.groups.is_some() => {
            let what = if args.shuffle { "--shuffle" } else { "--groups" };
            let cv = if matches!(args.cv, Cv::OutOfBag) { "oob" } else { "loo" };
            return Err(Failure::usage(format!("{what} is about folds, and --cv {cv} has none"))
                .help(format!("leave {what} out, or give a number of folds with --cv")));
        }
        Cv::OutOfBag => GridValidation::OutOfBag,
        Cv::LeaveOneOut => GridValidation::LeaveOneOut,
    };
    Ok(GridOptions {
        task: TaskOptions {
            target: args.target.clone().unwrap_or_else(|| "label".into()),
            kind: args.kind.map(Into::into),
            metric: None,
            groups: args.groups.clone(),
            time: None,
            weights: args.weights.clone(),
            drop: args.drop.clone(),
            balance_classes: args.balance_classes,
        },
        stated_columns: args.reading.types.iter().map(|stated| stated.column.clone()).collect(),
        learner: args.learner.clone(),
        params: args.params.iter().map(|p| (p.name.clone(), p.values.clone())).collect(),
        validation,
        scoring: args.scoring.clone(),
        seed: args.seed,
        threads: args.threads.map_or_else(all, |n| n as usize),
    })
}

/// All points, best first.
fn table_of(report: &GridReport) -> String {
    let names = report.points[0].params.iter().map(|(name, _)| name.as_str());
    let header: Vec<&str> = ["rank", "mean", "std"].into_iter().chain(names).collect();
    let mut table = report::plain_table(&header);
    let mut points: Vec<_> = report.points.iter().collect();
    points.sort_by_key(|point| point.rank);
    for point in points {
        let std = point.std.map_or_else(|| "-".into(), |std| format!("{std:.5}"));
        let mut row = vec![point.rank.to_string(), format!("{:.5}", point.mean), std];
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
    let std = best.std.map_or_else(String::new, |std| format!(" ± {std:.5}"));
    let found = format!("best: {values} ({metric} {:.5}{std})", best.mean);
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
