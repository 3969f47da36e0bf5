//! `eyas evaluate`: scores of a model on rows whose target is known.

use std::path::PathBuf;
use std::process::ExitCode;

use eyas_learn::Error;
use eyas_learn::metrics::{METRICS, Metric, metric_for};
use serde_json::json;

use crate::failure::Failure;
use crate::model::{self, OpenModel};
use crate::quantities::counted;
use crate::report;
use crate::run_args::{Dialect, metric_names};
use crate::scoring::Outcomes;
use crate::{Context, console};

/// Score a model on rows whose target is known
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas evaluate adult.eyas test.csv\n  \
    eyas evaluate adult.eyas test.csv --metric roc_auc,log_loss --json\n\n\
    Rows whose target is missing are left out. Standard errors are those of these rows as a sample.")]
pub struct EvaluateArgs {
    /// Model file
    model: PathBuf,

    /// Rows with the target: CSV (also gzip), Parquet, Arrow IPC or arrays (.npy, .npz, idx)
    data: PathBuf,

    /// Metrics; all that fit the task if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', value_parser = metric_names())]
    metric: Vec<String>,

    /// File of the targets, where DATA does not hold them: an array or a table of one column
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    #[command(flatten)]
    dialect: Dialect,
}

/// Runs the command.
pub fn run(args: &EvaluateArgs, context: &Context) -> Result<ExitCode, Failure> {
    let model = model::open(&args.model)?;
    let metrics = metrics(args, &model)?;
    let outcomes = Outcomes::of(&model, &args.data, &args.dialect, args.labels.as_deref())?;
    let scored = outcomes.scored();
    let scores: Vec<(&Metric, f64, f64)> = metrics
        .into_iter()
        .map(|metric| {
            let (loss, se) = metric.loss_and_se(&scored);
            (metric, metric.value(loss), se)
        })
        .collect();
    if outcomes.n_without_target > 0 && !context.quiet {
        let left_out = counted(outcomes.n_without_target, "row");
        console::tell(&format!("note: {left_out} without a target left out"));
    }
    let n_rows = outcomes.n_rows();
    console::print(&if context.json {
        as_json(&scores, n_rows)
    } else {
        as_text(&scores, n_rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The metrics asked for, or all of the task with the one that was optimised first.
fn metrics(args: &EvaluateArgs, model: &OpenModel) -> Result<Vec<&'static Metric>, Failure> {
    let task = model.predictor.schema().task;
    if !args.metric.is_empty() {
        let found = args.metric.iter().map(|name| metric_for(name, task));
        return Ok(found.collect::<Result<_, Error>>()?);
    }
    let mut metrics: Vec<&Metric> =
        METRICS.iter().filter(|metric| metric.tasks.contains(&task)).collect();
    metrics.sort_by_key(|metric| model.notes["metric"] != metric.name);
    Ok(metrics)
}

fn as_json(scores: &[(&Metric, f64, f64)], n_rows: usize) -> String {
    let scores: Vec<_> = scores
        .iter()
        .map(|(metric, value, se)| {
            let better = metric.higher_is_better;
            json!({"metric": metric.name, "value": value, "se": se, "higher_is_better": better})
        })
        .collect();
    json!({"n_rows": n_rows, "scores": scores}).to_string()
}

fn as_text(scores: &[(&Metric, f64, f64)], n_rows: usize) -> String {
    let mut table = report::plain_table(&["metric", "value ± se", "better"]);
    let is_defined = |value: f64, se: f64| value.is_finite() && !se.is_infinite();
    let mut undefined = Vec::new();
    for (metric, value, se) in scores {
        if !is_defined(*value, *se) {
            undefined.push(metric.name);
            continue;
        }
        let better = if metric.higher_is_better { "higher" } else { "lower" };
        let value = format!("{} ± {}", report::digits(*value, *se), report::se(*se));
        table.add_row([metric.name, value.as_str(), better]);
    }
    report::align_right(&mut table, 1..2);
    let mut lines = vec![counted(n_rows as u64, "row")];
    if undefined.len() < scores.len() {
        lines.insert(0, table.trim_fmt());
    }
    if !undefined.is_empty() {
        lines.push(format!("not defined for these rows: {}", undefined.join(", ")));
    }
    lines.join("\n")
}
