//! The arguments of a run: what `fit` takes, the journal keeps and `resume` reads again.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use clap::builder::PossibleValue;
use eyas::Method;
use eyas_learn::TaskOptions;
use eyas_learn::metrics::{METRICS, Metric};
use eyas_search::samplers::SAMPLERS;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::places;
use crate::quantities::{self, Bytes, Every, Nanoseconds, Seconds};

/// Everything that a run depends on besides the training data.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct RunArgs {
    /// Training data: CSV (also compressed with gzip), Parquet, Arrow IPC, or arrays of numbers (.npy,
    /// .npz, idx)
    pub data: PathBuf,

    /// Column to predict
    #[arg(
        long,
        value_name = "COL",
        required = false,
        required_unless_present = "labels",
        default_value_if("labels", clap::builder::ArgPredicate::IsPresent, "label")
    )]
    pub target: String,

    /// File of the targets, where the data does not hold them: an array or a table of one column
    #[arg(long, value_name = "FILE", conflicts_with = "stream")]
    #[serde(default)]
    pub labels: Option<PathBuf>,

    #[command(flatten)]
    pub limits: Limits,

    #[command(flatten)]
    pub reading: Reading,

    #[command(flatten)]
    #[serde(default)]
    pub streaming: Streaming,

    #[command(flatten)]
    pub task: TaskArgs,

    #[command(flatten)]
    pub validation: ValidationArgs,

    #[command(flatten)]
    pub search: SearchArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

/// What the model and its training may cost.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Largest p99 of predicting one row from its raw values with warm caches, upper end of the 95 %
    /// interval, e.g. 20us
    #[arg(long, value_name = "TIME", value_parser = quantities::latency)]
    pub latency: Option<Nanoseconds>,

    /// Time for everything, reading and saving included
    #[arg(long, value_name = "TIME", value_parser = quantities::budget, default_value = "60s")]
    pub budget: Seconds,

    /// Largest model file, e.g. 1MB
    #[arg(long, value_name = "SIZE", value_parser = quantities::size)]
    pub size: Option<Bytes>,

    /// Largest RAM the run may plan with (estimated before trials are started), e.g. 4GB
    #[arg(long, value_name = "SIZE", value_parser = quantities::size)]
    pub memory_limit: Option<Bytes>,

    /// Work units instead of seconds: the same model on any machine and any number of threads
    #[arg(long, value_name = "UNITS", conflicts_with = "budget",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub work: Option<u64>,

    /// Exit with 0 although a limit is missed (the fastest model is written in any case)
    #[arg(long)]
    pub best_effort: bool,
}

/// How data files are read.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Reading")]
pub struct Reading {
    /// Kind of a column (number, boolean, category, datetime, text, drop); may be repeated
    #[arg(long = "type", value_name = "COL=KIND")]
    pub types: Vec<ColumnType>,

    #[command(flatten)]
    pub dialect: Dialect,
}

/// When data is read in passes instead of as a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Where a table would take most of the memory that is free, or of --memory-limit
    #[default]
    Auto,
    /// In any case
    Always,
    /// Never
    Never,
}

/// How training data is read.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Reading")]
pub struct Streaming {
    /// Read the training data in passes and keep a byte a cell, for files larger than memory; linear
    /// models then see each number as the mean of its bin
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub stream: Stream,
}

/// How CSV files are written.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Reading")]
pub struct Dialect {
    /// Character between the cells of a CSV file (`tab` for tabulators); found out if not given
    #[arg(long, value_name = "C", value_parser = delimiter)]
    pub delimiter: Option<u8>,
}

/// What the task is.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Task")]
pub struct TaskArgs {
    /// What to optimise; roc_auc, log_loss or rmse by kind of task if not given. Aliases such as auc
    /// are accepted; of two classes the second in sort order is the positive one
    #[arg(long, value_name = "NAME", value_parser = metric_names())]
    pub metric: Option<String>,

    /// Kind of task; found from the target if not given
    #[arg(long = "task", value_name = "KIND", value_enum)]
    pub kind: Option<Kind>,

    /// Column that names the group of a row; rows of one group stay together in validation
    #[arg(long, value_name = "COL")]
    pub groups: Option<String>,

    /// Column that orders rows by time; later rows are validated from earlier ones
    #[arg(long, value_name = "COL")]
    pub time: Option<String>,

    /// Column of row weights
    #[arg(long, value_name = "COL")]
    pub weights: Option<String>,

    /// Columns not to be used
    #[arg(long, value_name = "COL,...", value_delimiter = ',')]
    pub drop: Vec<String>,

    /// Weight classes inversely to their share of the rows
    #[arg(long)]
    pub balance_classes: bool,
}

impl TaskArgs {
    /// The same as the library takes it, of this target.
    pub fn options(&self, target: &str) -> TaskOptions {
        TaskOptions {
            target: target.to_owned(),
            kind: self.kind.map(Into::into),
            metric: self.metric.clone(),
            groups: self.groups.clone(),
            time: self.time.clone(),
            weights: self.weights.clone(),
            drop: self.drop.clone(),
            balance_classes: self.balance_classes,
        }
    }
}

/// How models are validated.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[group(id = "how_validated", multiple = false)]
#[command(next_help_heading = "Validation")]
pub struct ValidationArgs {
    /// Validate on the rows of this file
    #[arg(long, value_name = "FILE")]
    pub valid: Option<PathBuf>,

    /// Validate by K folds
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(2..=100))]
    pub folds: Option<u64>,

    /// Validate on this share of the rows, e.g. 0.2
    #[arg(long, value_name = "SHARE", value_parser = quantities::share)]
    pub holdout: Option<f64>,
}

/// How the search goes.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Search")]
pub struct SearchArgs {
    /// Threads; all cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub threads: Option<u64>,

    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Propose strategies by one sampler only; by default several share the trials out among them
    #[arg(long, value_name = "NAME", value_parser = sampler_names())]
    #[serde(default)]
    pub sampler: Option<String>,

    /// Switch methods off: rate, selection, pruning, transfer, or all
    #[arg(long, value_name = "METHOD,...", value_delimiter = ',')]
    pub without: Vec<Switched>,

    /// Memory of past tasks: a file, or `off`; eyas/memory.db in the user's data folder if not given
    #[arg(long, value_name = "URL|off")]
    pub memory: Option<String>,
}

/// Where results go.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Model file; the name of the data with `.eyas` in the current folder if not given
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Folder of the run's journal; in the user's state folder, named by data and time, if not given
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,

    /// Keep the state of every fit under way in the run's folder so often, for `eyas resume`, or `never`;
    /// it takes under 1 % of the time
    #[arg(long, value_name = "TIME|never", value_parser = quantities::every, default_value = "60s")]
    #[serde(default)]
    pub checkpoint_every: Every,

    /// Write every event of the run to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
}

impl RunArgs {
    /// Fills in what depends on the current folder, so that another process can go on.
    pub fn settle(&mut self) {
        absolute(&mut self.data);
        let out = self.output.out.get_or_insert_with(|| places::model_file(&self.data));
        absolute(out);
        let valid = &mut self.validation.valid;
        let more = [&mut self.labels, valid, &mut self.output.events, &mut self.output.run];
        more.into_iter().flatten().for_each(absolute);
    }

    /// Makes the folder of the run if the user named none, and gives it then.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn settle_run_dir(&mut self) -> Result<Option<PathBuf>, Failure> {
        if self.output.run.is_some() {
            return Ok(None);
        }
        let mut made = places::make_run_dir(&self.data)?;
        absolute(&mut made);
        self.output.run = Some(made.clone());
        Ok(Some(made))
    }

    /// Threads to use.
    pub fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, |n| n.get());
        self.search.threads.map_or_else(all, |n| n as usize)
    }

    /// Where the model goes; settled.
    pub fn out(&self) -> &Path {
        self.output.out.as_deref().expect("settled before use")
    }

    /// Folder of the run; settled.
    pub fn run_dir(&self) -> &Path {
        self.output.run.as_deref().expect("settled before use")
    }
}

fn absolute(path: &mut PathBuf) {
    if let Ok(whole) = std::path::absolute(&*path) {
        *path = whole;
    }
}

/// Kind of task on the command line.
#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A number
    Regression,
    /// One of two classes
    Binary,
    /// One of three or more classes
    Multiclass,
}

impl From<Kind> for eyas_model::TaskKind {
    fn from(kind: Kind) -> eyas_model::TaskKind {
        match kind {
            Kind::Regression => eyas_model::TaskKind::Regression,
            Kind::Binary => eyas_model::TaskKind::Binary,
            Kind::Multiclass => eyas_model::TaskKind::Multiclass,
        }
    }
}

/// What is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switched {
    /// Every method.
    All,
    /// One method.
    One(Method),
}

impl Switched {
    /// The methods that are switched off.
    pub fn methods(&self) -> &[Method] {
        match self {
            Switched::All => &Method::ALL,
            Switched::One(method) => std::slice::from_ref(method),
        }
    }
}

impl FromStr for Switched {
    type Err = String;

    fn from_str(name: &str) -> Result<Switched, String> {
        if name == "all" {
            return Ok(Switched::All);
        }
        let method = Method::ALL.into_iter().find(|method| method.name() == name);
        method.map(Switched::One).ok_or_else(|| {
            let names = Method::ALL.map(Method::name).join(", ");
            format!("`{name}` is no method; the methods are {names}, or all")
        })
    }
}

/// A column and the kind it has by the user's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnType {
    /// Name of the column.
    pub column: String,
    /// Name of the kind.
    pub kind: String,
}

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<ColumnType, String> {
        let kinds = crate::data::kind_names().join(", ");
        let Some((column, kind)) = text.rsplit_once('=') else {
            return Err(format!("`{text}` is not of the form COL=KIND; the kinds are {kinds}"));
        };
        if !crate::data::kind_names().contains(&kind) {
            return Err(format!("`{kind}` is no kind of column; the kinds are {kinds}"));
        }
        Ok(ColumnType { column: column.into(), kind: kind.into() })
    }
}

/// The byte between cells.
fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        _ if text.len() == 1 && !"\"\r\n".contains(text) => Ok(text.as_bytes()[0]),
        _ => Err(format!("`{text}` is not one character such as , ; | or tab")),
    }
}

/// The metrics and their other names, as possible values.
pub fn metric_names() -> clap::builder::PossibleValuesParser {
    let value = |metric: &'static Metric| {
        PossibleValue::new(metric.name).aliases(metric.aliases.iter().copied()).help(metric.help)
    };
    METRICS.iter().map(value).collect::<Vec<_>>().into()
}

/// The samplers, as possible values.
fn sampler_names() -> clap::builder::PossibleValuesParser {
    SAMPLERS.iter().map(|sampler| PossibleValue::new(sampler.name())).collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_methods_have_one_name() {
        let methods = |name: &str| name.parse().map(|it: Switched| it.methods().to_vec());
        assert_eq!(methods("all"), Ok(Method::ALL.to_vec()));
        assert_eq!(methods("pruning"), Ok(vec![Method::Pruning]));
        assert!(methods("none").is_err());
    }
}
