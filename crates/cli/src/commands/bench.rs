//! `eyas bench`: how long predictions take.

use std::path::PathBuf;
use std::process::ExitCode;

use eyas_model::measure::{Latency, LatencyOptions, ReadyRows, Spread};
use serde_json::{Value, json};

use crate::data::BlockRows;
use crate::failure::Failure;
use crate::quantities::{show_count, show_ns};
use crate::report::{align_right, plain_table};
use crate::run_args::Dialect;
use crate::{Context, console, latency, model};

/// Measure how long predictions take on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  eyas bench adult.eyas adult.csv.gz\n\n\
    One row at a time, in random order, each distinct row once before any comes again; the cost of \
    the clock is taken off. Raw values: encoding of text and names included. Ready numbers: numbers \
    and dates parsed before, categories left out. Other work: 1 MiB of other data read and written \
    before each row.")]
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

    /// Rows to time with other work in between
    #[arg(long, value_name = "N", default_value_t = 5000,
          value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
    interleaved: u64,

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
        n_interleaved: args.interleaved as usize,
        batch: true,
        seed: args.seed,
    };
    let block = latency::first_rows(&model, &args.data, &args.dialect)?;
    let rows = BlockRows { block: &block };
    let raw = latency::measure_rows(&model, &args.data, &rows, &options)?;
    let rows = ReadyRows::new(model.predictor.schema(), &rows);
    let ready = latency::measure_rows(&model, &args.data, &rows, &options)?;
    if context.json {
        let mut out = latency::as_json(&raw);
        out["conditions"] = json!({ "raw": conditions(&raw), "ready": conditions(&ready) });
        console::print(&out.to_string())?;
    } else {
        let lines = [latency::text(&raw), table(&raw, &ready), batch("raw values", &raw)];
        let text = lines.join("\n");
        console::print(&format!("One row\n{text}\n{}", batch("ready numbers", &ready)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The undisturbed rows.
fn warm(latency: &Latency) -> Spread {
    Spread {
        n_rows: latency.n_rows,
        p50_ns: latency.p50_ns,
        p99_ns: latency.p99_ns,
        p999_ns: (latency.n_rows >= 1000).then_some(latency.p999_ns),
        max_ns: latency.max_ns,
    }
}

/// What was measured, by what came between the rows.
fn spreads(latency: &Latency) -> [(&'static str, Option<Spread>); 3] {
    [
        ("warm caches", Some(warm(latency))),
        ("other work between", latency.interleaved),
        ("cold caches", latency.cold),
    ]
}

fn table(raw: &Latency, ready: &Latency) -> String {
    let mut table = plain_table(&["", "", "p50", "p99", "p99.9", "slowest", "rows"]);
    for (from, latency) in [("raw values", raw), ("ready numbers", ready)] {
        for (name, spread) in spreads(latency) {
            let Some(spread) = spread else { continue };
            let tail = spread.p999_ns.map_or_else(|| "-".into(), show_ns);
            let figures = [show_ns(spread.p50_ns), show_ns(spread.p99_ns), tail];
            let count = show_count(spread.n_rows as u64);
            let cells = [from.to_string(), name.to_string()].into_iter().chain(figures);
            table.add_row(cells.chain([show_ns(spread.max_ns), count]));
        }
    }
    align_right(&mut table, 2..7);
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn batch(from: &str, latency: &Latency) -> String {
    let rate = show_count((1e9 / latency.batch_ns) as u64);
    let row = show_ns(latency.batch_ns);
    format!("  as one batch of {from}: {row} a row, {rate} rows a second")
}

fn conditions(latency: &Latency) -> Value {
    let of = |spread: Option<Spread>| {
        spread.map(|spread| {
            json!({
                "n_timed": spread.n_rows,
                "p50_ns": spread.p50_ns,
                "p99_ns": spread.p99_ns,
                "p999_ns": spread.p999_ns,
                "max_ns": spread.max_ns,
            })
        })
    };
    json!({
        "warm": of(Some(warm(latency))),
        "interleaved": of(latency.interleaved),
        "cold": of(latency.cold),
        "batch_ns_per_row": latency.batch_ns,
        "batch_rows_per_second": 1e9 / latency.batch_ns,
    })
}
