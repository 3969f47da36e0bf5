//! `eyas export`: a model as a file of another format.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use eyas_convert::{EXPORTERS, Exporter};
use eyas_model::Model;

use crate::failure::Failure;
use crate::quantities::show_bytes;
use crate::{Context, console, data, outputs};

/// Write a model in another format: ONNX, or C source
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas export adult.eyas --out adult.onnx\n  \
    eyas export adult.eyas --out adult.c\n\n\
    onnx: one input a column, (rows, 1): 32-bit floats, or texts for categories. Numbers are rounded \
    to 32 bits, predictions agree to about 1e-6.\n\
    c: one C99 file with a struct for a row and a function that predicts, named after the file; \
    predictions agree to the last digits.")]
pub struct ExportArgs {
    /// Model file
    model: PathBuf,

    /// File to write
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,

    /// Format; by the ending of the file's name if not given
    #[arg(long, value_parser = PossibleValuesParser::new(EXPORTERS.iter().map(|known| known.name)))]
    format: Option<String>,
}

/// Runs the command.
pub fn run(args: &ExportArgs, context: &Context) -> Result<ExitCode, Failure> {
    let exporter = exporter(args)?;
    outputs::check("--out", &args.out, &[("MODEL", &args.model)])?;
    let model = read(&args.model)?;
    let stem = args.out.file_stem().unwrap_or_default().to_string_lossy();
    let bytes = (exporter.write)(&model, &stem).map_err(|error| {
        Failure::failed(format!("cannot export `{}`: {error}", args.model.display()))
    })?;
    eyas_model::file::write_whole(&args.out, &bytes)?;
    let (out, n_bytes) = (args.out.display(), bytes.len() as u64);
    if context.json {
        let format = exporter.name;
        let text = serde_json::json!({"out": out.to_string(), "format": format, "bytes": n_bytes});
        console::print(&text.to_string())?;
    } else {
        console::tell(&format!("{} of {} written to {out}", show_bytes(n_bytes), exporter.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// The format that was asked for, or that of the file's name.
fn exporter(args: &ExportArgs) -> Result<&'static Exporter, Failure> {
    let ending = args.out.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let fits = |known: &&Exporter| match &args.format {
        Some(name) => known.name == name,
        None => ending.as_deref() == Some(known.extension),
    };
    EXPORTERS.iter().find(fits).ok_or_else(|| {
        let known: Vec<String> = EXPORTERS
            .iter()
            .map(|known| format!("{} (.{})", known.name, known.extension))
            .collect();
        Failure::usage(format!("the ending of `{}` is that of no format", args.out.display()))
            .help(format!("give a --format; known are {}", known.join(", ")))
    })
}

fn read(path: &Path) -> Result<Model, Failure> {
    data::must_exist(path)?;
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    Model::from_bytes(&bytes).map_err(|error| {
        Failure::failed(format!("cannot load `{}`: {error}", path.display()))
            .help("name a model file that `eyas fit` wrote, or fit it again with this version")
    })
}
