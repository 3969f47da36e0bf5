//! `eyas bench`: how long predictions take.

use std::path::PathBuf;
use std::process::ExitCode;

use eyas_model::measure::LatencyOptions;

use crate::failure::Failure;
use crate::quantities::{show_count, show_ns};
use crate::run_args::Dialect;
use crate::{Context, console, latency, model};

/// Measure how long predictions take on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  eyas bench adult.eyas adult.csv.gz\n\n\
    One row at a time, in random order, each distinct row once before any comes again; encoding of \
    raw values is included, the cost of the clock taken off.")]
pub struct BenchArgs {
    /// Model file
    model: PathBuf,

    /// Rows to predict: CSV (also gzip), Parquet or Arrow IPC; the first 100,000 are used
    data: PathBuf,

    /// Rows to time
    #[arg(long, value_name = "N", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rows: u64,

    /// Rows to time with cold caches
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    cold: u64,

    /// Seed of the order of rows
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    dialect: Dialect,
}

/// Runs the command.
pub fn run(args: &BenchArgs, context: &Context) -> Result<ExitCode, Failure> {
    let model = model::open(&args.model)?;
    let options = LatencyOptions {
        n_rows: args.rows as usize,
        n_cold: args.cold as usize,
        batch: true,
        seed: args.seed,
    };
    let measured = latency::measure(&model, &args.data, &args.dialect, &options)?;
    if context.json {
        console::print(&latency::as_json(&measured).to_string())?;
    } else {
        let rate = show_count((1e9 / measured.batch_ns) as u64);
        let batch =
            format!("  as one batch {} a row, {rate} rows a second", show_ns(measured.batch_ns));
        console::print(&format!("One row\n{}\n{batch}", latency::text(&measured)))?;
    }
    Ok(ExitCode::SUCCESS)
}
