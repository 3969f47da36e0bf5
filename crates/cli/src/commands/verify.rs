//! `eyas verify`: checks the contract of a model again, on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use eyas_model::measure::{LatencyOptions, calibrate};
use serde_json::json;

use crate::failure::Failure;
use crate::model::{self, OpenModel};
use crate::quantities::{self, Bytes, Nanoseconds, show_bytes, show_ns};
use crate::run_args::Dialect;
use crate::{Context, console, latency};

/// Check the limits of a model again, on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  eyas verify adult.eyas adult.csv.gz --latency 20us\n\n\
    The latency limit is met if the upper 95 % confidence bound of the measured p99 is below it. \
    Exits with 1 if a limit is not met.")]
pub struct VerifyArgs {
    /// Model file
    model: PathBuf,

    /// Rows to predict: CSV (also gzip), Parquet or Arrow IPC; the first 100,000 are used
    data: PathBuf,

    /// Latency limit; that of the fit if not given
    #[arg(long, value_name = "TIME", value_parser = quantities::latency)]
    latency: Option<Nanoseconds>,

    /// Largest model file; that of the fit if not given
    #[arg(long, value_name = "SIZE", value_parser = quantities::size)]
    size: Option<Bytes>,

    #[command(flatten)]
    dialect: Dialect,
}

/// What must hold.
struct Limits {
    latency_ns: Option<f64>,
    size_bytes: Option<u64>,
}

/// Runs the command.
pub fn run(args: &VerifyArgs, context: &Context) -> Result<ExitCode, Failure> {
    let model = model::open(&args.model)?;
    let limits = limits(args, &model)?;
    let cost = calibrate(0.3);
    let predicted_ns = cost.predict_p99_ns(&model.predictor.shape());
    let options = LatencyOptions { n_rows: 100_000, batch: false, ..LatencyOptions::default() };
    let measured = latency::measure(&model, &args.data, &args.dialect, &options)?;
    let fast = limits.latency_ns.is_none_or(|limit| measured.p99_upper_ns <= limit);
    let small = limits.size_bytes.is_none_or(|limit| model.file_bytes <= limit);
    let met = fast && small;
    if context.json {
        let mut out = latency::as_json(&measured);
        out["met"] = met.into();
        out["latency_limit_ns"] = json!(limits.latency_ns);
        out["size_limit_bytes"] = json!(limits.size_bytes);
        out["file_bytes"] = model.file_bytes.into();
        out["predicted_p99_ns"] = predicted_ns.into();
        console::print(&out.to_string())?;
    } else {
        let mut lines = Vec::new();
        if let Some(limit) = limits.latency_ns {
            lines.push(format!("p99 up to {}: {}", show_ns(limit), verdict(fast)));
        }
        if let Some(limit) = limits.size_bytes {
            let (limit, size) = (show_bytes(limit), show_bytes(model.file_bytes));
            lines.push(format!("file up to {limit}: {} ({size})", verdict(small)));
        }
        lines.push(latency::text(&measured));
        lines.push(format!(
            "  calibrated on this machine, p99 is predicted as {}",
            show_ns(predicted_ns)
        ));
        console::print(&lines.join("\n"))?;
    }
    if met {
        return Ok(ExitCode::SUCCESS);
    }
    let failure = Failure::failed("the limits are not met on this machine");
    Err(if !fast && latency::is_noisy(&measured) {
        failure.help("the machine is busy; verify again when it is quiet")
    } else {
        failure.help("fit again on this machine, or raise the limit")
    })
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "not met" }
}

fn limits(args: &VerifyArgs, model: &OpenModel) -> Result<Limits, Failure> {
    let of_fit = &model.notes["contract"];
    let latency_ns =
        args.latency.map(|latency| latency.0).or_else(|| of_fit["latency_limit_ns"].as_f64());
    let size_bytes = args.size.map(|size| size.0).or_else(|| of_fit["size_limit_bytes"].as_u64());
    if latency_ns.is_none() && size_bytes.is_none() {
        return Err(Failure::usage(
            "the model was fitted without limits, so there is nothing to verify",
        )
        .help("say what must hold with --latency or --size"));
    }
    Ok(Limits { latency_ns, size_bytes })
}
