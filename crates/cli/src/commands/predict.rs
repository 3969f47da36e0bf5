//! `eyas predict`: predictions for the rows of a file.

use std::path::PathBuf;
use std::process::ExitCode;

use eyas_learn::data::{OutputCells, OutputColumn, WriteRows};
use eyas_model::{Schema, TaskKind};

use crate::failure::Failure;
use crate::outputs::Unfinished;
use crate::quantities::counted;
use crate::run_args::Dialect;
use crate::scoring::{predict_file, predicted_class};
use crate::{Context, console, data, model, outputs};

/// Predict the rows of a file
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    eyas predict adult.eyas new.csv --proba > predictions.csv\n  \
    eyas predict adult.eyas new.parquet --out predictions.parquet\n\n\
    Columns may come in any order; those that the model does not read are ignored. The file is \
    streamed, so it may be larger than memory. With --json and --out a summary is printed.")]
pub struct PredictArgs {
    /// Model file
    model: PathBuf,

    /// Rows to predict: CSV (also gzip), Parquet, Arrow IPC or arrays (.npy, .npz, idx)
    data: PathBuf,

    /// Where predictions go: Parquet if the name ends in .parquet, else CSV; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Add the probability of each class, as columns `probability_CLASS`
    #[arg(long)]
    proba: bool,

    #[command(flatten)]
    dialect: Dialect,
}

/// Runs the command.
pub fn run(args: &PredictArgs, context: &Context) -> Result<ExitCode, Failure> {
    if let Some(out) = &args.out {
        outputs::check("--out", out, &[("MODEL", &args.model), ("DATA", &args.data)])?;
    }
    let model = model::open(&args.model)?;
    let schema = model.predictor.schema();
    if args.proba && schema.task == TaskKind::Regression {
        return Err(Failure::usage("--proba is for classes, but this model predicts a number")
            .help("leave --proba out"));
    }
    let rows = data::create_rows(args.out.as_deref())?;
    let _unfinished = args.out.as_deref().and_then(Unfinished::of);
    let mut sink = Sink::new(schema, args.proba, rows);
    let n_rows = predict_file(&model, &args.data, &args.dialect, &[], |_, out| sink.write(out))?;
    if n_rows == 0 {
        // No rows still have a header.
        sink.write(&[])?;
    }
    sink.finish()?;
    if let Some(out) = &args.out {
        let out = out.display();
        if context.json {
            let text = serde_json::json!({"n_rows": n_rows, "out": out.to_string()}).to_string();
            console::print(&text)?;
        } else {
            console::tell(&format!("{} predicted, written to {out}", counted(n_rows, "row")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Turns predictions into columns.
struct Sink<'a> {
    schema: &'a Schema,
    /// Names of the columns of probabilities; empty without them.
    names: Vec<String>,
    rows: Box<dyn WriteRows>,
    labels: Vec<u32>,
    probabilities: Vec<Vec<f64>>,
}

impl<'a> Sink<'a> {
    fn new(schema: &'a Schema, proba: bool, rows: Box<dyn WriteRows>) -> Sink<'a> {
        let classes = if proba { schema.classes.as_slice() } else { &[] };
        let names: Vec<String> =
            classes.iter().map(|class| format!("probability_{class}")).collect();
        let probabilities = vec![Vec::new(); names.len()];
        Sink { schema, names, rows, labels: Vec::new(), probabilities }
    }

    /// Takes predictions `(n_rows, n_outputs)`.
    fn write(&mut self, predictions: &[f64]) -> Result<(), Failure> {
        if self.schema.task == TaskKind::Regression {
            let cells = OutputCells::Numbers(predictions);
            return Ok(self.rows.write(&[OutputColumn { name: "prediction", cells }])?);
        }
        let rows = predictions.chunks_exact(self.schema.n_outputs());
        self.labels.clear();
        self.labels.extend(rows.clone().map(|row| predicted_class(self.schema.task, row)));
        self.probabilities.iter_mut().for_each(Vec::clear);
        for row in rows {
            let binary = [1.0 - row[0], row[0]];
            let row = if self.schema.task == TaskKind::Binary { &binary } else { row };
            self.probabilities.iter_mut().zip(row).for_each(|(column, value)| column.push(*value));
        }
        let cells = OutputCells::Names { codes: &self.labels, names: &self.schema.classes };
        let mut columns = vec![OutputColumn { name: "prediction", cells }];
        columns.extend(
            self.names
                .iter()
                .zip(&self.probabilities)
                .map(|(name, values)| OutputColumn { name, cells: OutputCells::Numbers(values) }),
        );
        Ok(self.rows.write(&columns)?)
    }

    fn finish(self) -> Result<(), Failure> {
        Ok(self.rows.finish()?)
    }
}
