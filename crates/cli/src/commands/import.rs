//! `eyas import`: a model of another library becomes a model file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValue;
use eyas_convert::IMPORTERS;
use eyas_model::measure::calibrate;
use eyas_model::{Model, Part, Predictor};
use serde_json::json;

use crate::failure::Failure;
use crate::model::{self, OpenModel};
use crate::quantities::{counted, show_bytes, show_ns};
use crate::{Context, console, data, outputs};

/// Turn a model of another library into a model file
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas import lightgbm.txt --out adult.eyas --target class --classes '<=50K,>50K'\n  \
    eyas import xgboost.ubj --out homes.eyas --format xgboost\n\n\
    The model predicts what its library predicts: the same leaf for every row. What cannot be carried \
    over exactly is refused.")]
pub struct ImportArgs {
    /// Model file of the other library
    file: PathBuf,

    /// Where the model goes
    #[arg(short, long, value_name = "MODEL")]
    out: PathBuf,

    /// Format of the file; found out if not given
    #[arg(long, value_name = "NAME", value_parser = format_names())]
    format: Option<String>,

    /// Name of the column that is predicted, for `eyas evaluate`; `prediction` if the file does not say
    #[arg(long, value_name = "COL")]
    target: Option<String>,

    /// Labels of the classes, in the order of the outputs; 0, 1, ... if the file does not say
    #[arg(long, value_name = "LABEL,...", value_delimiter = ',')]
    classes: Vec<String>,

    /// Names of all columns, in the order of the training data; those of the file if not given
    #[arg(long, value_name = "COL,...", value_delimiter = ',')]
    columns: Vec<String>,
}

fn format_names() -> clap::builder::PossibleValuesParser {
    let value =
        |importer: &eyas_convert::Importer| PossibleValue::new(importer.name).help(importer.about);
    IMPORTERS.iter().map(value).collect::<Vec<_>>().into()
}

/// Runs the command.
pub fn run(args: &ImportArgs, context: &Context) -> Result<ExitCode, Failure> {
    outputs::check("--out", &args.out, &[("FILE", &args.file)])?;
    let mut model = read(&args.file, args.format.as_deref())?;
    rename(&mut model, args)?;
    let n_trees = model.members.iter().map(|member| match &member.part {
        Part::Trees(trees) => trees.trees.len(),
        _ => 0,
    });
    let n_trees = n_trees.sum();
    let bytes = model.to_bytes();
    // Nothing is written that could not be used.
    Predictor::compile(model)?;
    eyas_model::file::write_whole(&args.out, &bytes)?;
    tell(&model::open(&args.out)?, n_trees, &args.out, context)?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path, format: Option<&str>) -> Result<Model, Failure> {
    data::must_exist(path)?;
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    eyas_convert::import(&bytes, format).map_err(|error| {
        let failure = Failure::failed(format!("cannot import `{}`: {error}", path.display()));
        match error {
            eyas_convert::Error::UnknownFormat { .. } => failure.help(
                "save the model as its library's own file (no pickle), and name its format with \
                 --format",
            ),
            eyas_convert::Error::BadFile(_) => {
                failure.help("save the model again with its library, and copy the whole file")
            }
            _ => failure,
        }
    })
}

/// Gives target, classes and columns the names of the options.
fn rename(model: &mut Model, args: &ImportArgs) -> Result<(), Failure> {
    let schema = &mut model.schema;
    if !args.columns.is_empty() {
        check_names("--columns", &args.columns, schema.columns.len(), "columns")?;
        for feature in &mut model.features {
            feature.name.clone_from(&args.columns[feature.column as usize]);
        }
        for (column, name) in schema.columns.iter_mut().zip(&args.columns) {
            column.name.clone_from(name);
        }
    }
    if !args.classes.is_empty() {
        check_names("--classes", &args.classes, schema.classes.len(), "classes")?;
        schema.classes.clone_from(&args.classes);
    }
    if let Some(target) = &args.target {
        if schema.columns.iter().any(|column| column.name == *target) {
            return Err(Failure::usage(format!(
                "--target `{target}` is a column that the model reads"
            ))
            .help("name the column that is predicted"));
        }
        schema.target.clone_from(target);
    }
    Ok(())
}

fn check_names(option: &str, names: &[String], expected: usize, what: &str) -> Result<(), Failure> {
    if names.len() != expected {
        let n = names.len();
        return Err(Failure::usage(format!(
            "{option} has {n} names, but the model has {expected} {what}"
        ))
        .help(if expected == 0 {
            "leave it out"
        } else {
            "name all of them, in their order"
        }));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    let twice = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    match twice.or_else(|| names.iter().find(|name| name.is_empty())) {
        Some(name) => Err(Failure::usage(format!("{option} has `{name}` twice or empty"))
            .help("give each a name of its own")),
        None => Ok(()),
    }
}

/// Says what was read and what it costs.
fn tell(model: &OpenModel, n_trees: usize, out: &Path, context: &Context) -> Result<(), Failure> {
    let cost = calibrate(0.3);
    let shape = model.predictor.shape();
    let (p50, p99) = (cost.predict_p50_ns(&shape), cost.predict_p99_ns(&shape));
    let schema = model.predictor.schema();
    let of_notes = |name: &str| model.notes[name].as_str().unwrap_or("-").to_string();
    let (format, version) = (of_notes("imported_from"), of_notes("version"));
    if context.json {
        let report = json!({
            "format": format,
            "version": version,
            "objective": model.notes["objective"],
            "task": model.task(),
            "target": schema.target,
            "classes": schema.classes,
            "columns": model.columns(),
            "n_trees": n_trees,
            "file_bytes": model.file_bytes,
            "predicted_p50_ns": p50,
            "predicted_p99_ns": p99,
            "out": out.display().to_string(),
        });
        return console::print(&report.to_string());
    }
    console::tell(&format!(
        "{format} {version}: {} of `{}`, {}, {}, {}; predicted p50 {}, p99 {}",
        model.task(),
        schema.target,
        counted(schema.columns.len() as u64, "column"),
        counted(n_trees as u64, "tree"),
        show_bytes(model.file_bytes),
        show_ns(p50),
        show_ns(p99),
    ));
    console::print(&out.display().to_string())
}
