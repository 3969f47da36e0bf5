//! One-row latency of a model on the rows of a file.

use std::path::Path;

use eyas::report::MeasuredLatency;
use eyas_learn::data::RowBlock;
use eyas_model::RowSource;
use eyas_model::measure::{Latency, LatencyOptions, measure_latency};
use serde_json::{Value, json};

use crate::data::{BlockRows, open_rows};
use crate::failure::Failure;
use crate::model::OpenModel;
use crate::quantities::{show_count, show_ns};
use crate::report::latency_lines;
use crate::run_args::Dialect;
use crate::scoring::first_column;

/// Rows of a file that are measured at most.
const MOST_ROWS: usize = 100_000;
/// Share of slow rows from which the machine decides the p99, not the model.
const NOISY_SHARE: f64 = 0.01;

/// Measures a model on the first rows of a file.
pub fn measure(
    model: &OpenModel,
    path: &Path,
    dialect: &Dialect,
    options: &LatencyOptions,
) -> Result<Latency, Failure> {
    let block = first_rows(model, path, dialect)?;
    measure_rows(model, path, &BlockRows { block: &block }, options)
}

/// The first rows of a file, at least one, columns as the model reads them.
pub fn first_rows(model: &OpenModel, path: &Path, dialect: &Dialect) -> Result<RowBlock, Failure> {
    let mut columns = model.columns();
    let first = first_column(path, dialect, &columns)?;
    columns.extend(first.as_deref());
    let mut rows = open_rows(path, dialect, &columns)?;
    let mut block = RowBlock::new(columns.len());
    rows.next_block(MOST_ROWS, &mut block)?;
    if block.n_rows() == 0 {
        return Err(Failure::failed(format!("`{}` has no rows to measure", path.display())));
    }
    Ok(block)
}

/// Measures a model on rows that come from a file.
pub fn measure_rows(
    model: &OpenModel,
    path: &Path,
    rows: &dyn RowSource,
    options: &LatencyOptions,
) -> Result<Latency, Failure> {
    measure_latency(&model.predictor, rows, options).map_err(|error| {
        Failure::failed(format!("cannot predict the rows of `{}`: {error}", path.display()))
    })
}

/// As reports write it.
pub fn measured(latency: &Latency) -> MeasuredLatency {
    MeasuredLatency {
        n_rows: latency.n_distinct,
        p50_ns: latency.p50_ns,
        p99_ns: latency.p99_ns,
        p99_upper_ns: latency.p99_upper_ns,
        p999_ns: latency.p999_ns,
        max_ns: latency.max_ns,
        cold_p50_ns: latency.cold.map(|cold| cold.p50_ns),
        cold_p99_ns: latency.cold.map(|cold| cold.p99_ns),
    }
}

/// In words.
pub fn text(latency: &Latency) -> String {
    let mut lines = latency_lines(&measured(latency));
    lines.push(format!(
        "  {} rows timed; slowest {}; reading the clock costs {}, which is taken off",
        show_count(latency.n_rows as u64),
        show_ns(latency.max_ns),
        show_ns(latency.timer_ns),
    ));
    lines.push(format!("  {}", noise(latency)));
    lines.join("\n")
}

/// How quiet the machine was, in words.
pub fn noise(latency: &Latency) -> String {
    let share = 100.0 * latency.noise.outlier_share;
    let idle = show_ns(latency.noise.idle_max_ns);
    let verdict = if is_noisy(latency) {
        "the machine is busy and decides p99; measure again when it is quiet"
    } else {
        "the machine was quiet enough for a p99"
    };
    format!(
        "noise: {share:.2} % of rows took over twice the median, an empty measurement up to {idle}; {verdict}"
    )
}

/// Whether the machine decides the p99 rather than the model.
pub fn is_noisy(latency: &Latency) -> bool {
    latency.noise.outlier_share > NOISY_SHARE
}

/// As JSON.
pub fn as_json(latency: &Latency) -> Value {
    json!({
        "n_timed": latency.n_rows,
        "latency": measured(latency),
        "mean_ns": latency.mean_ns,
        "timer_ns": latency.timer_ns,
        "batch_ns_per_row": latency.batch_ns,
        "batch_rows_per_second": 1e9 / latency.batch_ns,
        "noise": {
            "idle_max_ns": latency.noise.idle_max_ns,
            "outlier_share": latency.noise.outlier_share,
            "is_noisy": is_noisy(latency),
        },
    })
}
