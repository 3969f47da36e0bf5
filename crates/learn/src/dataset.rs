//! A table made ready for learners: features as bins and numbers, target and weights as numbers.
//!
//! Bins are made once, from all rows (they look at features only, never at the target), and shared
//! by all trials and folds.
//!
//! - A number gives one feature, see [`edges`] for its thresholds.
//! - A category or boolean gives one feature: the 253 most frequent levels (ties by name), most
//!   frequent first; the others share the bucket of unseen levels.
//! - A date gives year, month, weekday, hour and seconds since 1970, those that vary.
//! - Constants, identifiers and free text give none, with a notice.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use eyas_model::{Derive, Feature, InputColumn, Schema, TaskKind};

use crate::data::types::resolve_threads;
use crate::data::{Column, ColumnData, Notice, Table};
use crate::error::Error;
use crate::task::{Facts, Task};

mod columns;
pub mod edges;
mod numbers;
pub mod streamed;

use columns::{Context, Made, Outcome, features_of};
pub use numbers::Numbers;

/// What is to be predicted, as numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Values `(n_rows,)`, all finite.
    Numbers(Vec<f64>),
    /// Index of the class `(n_rows,)`; class names are in the schema. Binary: 1 is positive.
    Classes(Vec<u32>),
}

/// Features, target and weights of all rows.
///
/// Invariant: every vector has `n_rows` entries; `bins[f][row] < features[f].bins.n_bins()`.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Input columns, target and classes.
    pub schema: Schema,
    /// Number of rows.
    pub n_rows: usize,
    /// The features, those that are constant or dropped excluded.
    pub features: Vec<Feature>,
    /// Bins by feature, column-major `(n_features, n_rows)`; 0 is missing.
    pub bins: Vec<Vec<u8>>,
    /// Numbers of numeric features `(n_features,)`.
    pub numbers: Vec<Numbers>,
    /// The target.
    pub target: Target,
    /// Row weights `(n_rows,)`, class weights included, all finite and not negative; `None` is all 1.
    pub weights: Option<Vec<f64>>,
}

impl Dataset {
    /// Kind of task.
    pub fn task(&self) -> TaskKind {
        self.schema.task
    }

    /// Number of raw scores of a row: 1 for regression and binary, else one a class.
    pub fn n_outputs(&self) -> usize {
        self.schema.n_outputs()
    }

    /// Number of features.
    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// The number of a numeric feature in a row, NaN is missing; where only bins are kept, the one
    /// that stands for its bin.
    #[inline]
    pub fn number(&self, feature: usize, row: usize) -> f64 {
        self.numbers[feature].of(row, self.bins[feature][row])
    }

    /// Weight of a row.
    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }
}

/// How a dataset is to be built; the default is one thread for every core and no limit.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Columns whose kind the user stated: they are never dropped as identifiers.
    pub stated: Vec<String>,
    /// Threads; 0 is one for every core. Results do not depend on it.
    pub threads: usize,
    /// Most bytes that the dataset may take.
    pub memory_limit_bytes: Option<u64>,
    /// Seed of the sample that thresholds are made from.
    pub seed: u64,
    /// Whether only bins are kept, a byte a cell: enough for trees; linear models then see each
    /// number as the mean of its bin.
    pub bins_only: bool,
}

impl Dataset {
    /// Makes the features of all columns that the task does not exclude.
    ///
    /// Bins depend on the features of the task's rows, not on its target. Cost: a sort of at most
    /// 200,000 numbers a column, and a binary search a cell.
    ///
    /// # Errors
    /// No column gives a feature; the memory limit.
    pub fn build(
        table: &Table,
        task: &Task,
        options: &BuildOptions,
    ) -> Result<(Dataset, Vec<Notice>), Error> {
        let needed_bytes = Dataset::memory_bytes_needed(table, task);
        if let Some(limit_bytes) = options.memory_limit_bytes.filter(|&limit| needed_bytes > limit)
        {
            let what = "the data set".to_string();
            return Err(Error::Memory { what, needed_bytes, limit_bytes });
        }
        let used = used_columns(table, task);
        let outcomes = make_features(&used, task, options);
        let (dataset, notices) = assemble(&used, outcomes, task);
        if dataset.features.is_empty() {
            return Err(no_features(used.len(), &notices));
        }
        Ok((dataset, notices))
    }

    /// Bytes that [`Dataset::build`] needs at most: a byte a bin, eight a number and a target.
    pub fn memory_bytes_needed(table: &Table, task: &Task) -> u64 {
        let a_row: u64 = used_columns(table, task)
            .iter()
            .map(|column| match column.data {
                ColumnData::Number(_) => 9,
                ColumnData::DateTime(_) => 5 * 9,
                ColumnData::Category { .. } => 1,
                ColumnData::Text { .. } => 0,
            })
            .sum();
        (a_row + 8) * task.n_rows() as u64
    }

    /// Bytes of bins, numbers and target.
    pub fn memory_bytes(&self) -> u64 {
        let numbers = |numbers: &Numbers| match numbers {
            Numbers::Exact(numbers) | Numbers::OfBins(numbers) => 8 * numbers.len() as u64,
        };
        let cells = (self.n_rows * self.n_features()) as u64;
        cells + self.numbers.iter().map(numbers).sum::<u64>() + 8 * self.n_rows as u64
    }

    /// The numbers that learners' spaces and costs depend on, for fits on `n_rows` rows.
    pub fn facts(&self, n_rows: usize) -> Facts {
        Facts {
            kind: self.task(),
            n_rows,
            n_features: self.n_features(),
            n_categorical: self.features.iter().filter(|f| f.bins.is_categorical()).count(),
            n_outputs: self.n_outputs(),
            n_bins: self.features.iter().map(|feature| feature.bins.n_bins()).sum(),
        }
    }
}

fn used_columns<'a>(table: &'a Table, task: &Task) -> Vec<&'a Column> {
    let is_used = |column: &&Column| !task.excluded.contains(&column.name);
    table.columns.iter().filter(is_used).collect()
}

fn no_features(n_columns: usize, notices: &[Notice]) -> Error {
    let reasons: Vec<String> = notices.iter().take(5).map(Notice::to_string).collect();
    let reasons =
        if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) };
    Error::Task(format!(
        "none of the {n_columns} columns beside the target can be learned from{reasons}; add columns \
         that vary"
    ))
}

/// Features by column, made by some threads that take the next column each.
fn make_features(used: &[&Column], task: &Task, options: &BuildOptions) -> Vec<Outcome> {
    const HELD: &str = "no thread panics while it holds the lock";
    let sample = edges::sampled_rows(task.n_rows(), options.seed);
    let outcomes: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::with_capacity(used.len()));
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(column) = used.get(index) else { break };
            let context = Context {
                rows: &task.rows,
                sample: sample.as_deref(),
                is_stated: options.stated.contains(&column.name),
                is_time: task.time_column.as_ref() == Some(&column.name),
                bins_only: options.bins_only,
            };
            let outcome = features_of(column, &context);
            outcomes.lock().expect(HELD).push((index, outcome));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..resolve_threads(options.threads).min(used.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut outcomes = outcomes.into_inner().expect(HELD);
    outcomes.sort_unstable_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn assemble(used: &[&Column], outcomes: Vec<Outcome>, task: &Task) -> (Dataset, Vec<Notice>) {
    let schema = Schema {
        task: task.kind,
        target: task.target_name.clone(),
        classes: task.classes.clone(),
        columns: Vec::new(),
    };
    let mut data = Dataset {
        schema,
        n_rows: task.n_rows(),
        features: Vec::new(),
        bins: Vec::new(),
        numbers: Vec::new(),
        target: task.target.clone(),
        weights: task.weights.clone(),
    };
    let mut notices = Vec::new();
    for (column, outcome) in used.iter().zip(outcomes) {
        match outcome {
            Outcome::Dropped(why) => notices.push(Notice::new(&column.name, why)),
            Outcome::Features(kind, made) => {
                data.schema.columns.push(InputColumn { name: column.name.clone(), kind });
                made.into_iter().for_each(|feature| add(&mut data, &column.name, feature));
            }
        }
    }
    (data, notices)
}

/// Adds a feature of the schema's last column.
fn add(data: &mut Dataset, column: &str, made: Made) {
    let part = match made.derive {
        Derive::Itself | Derive::NonZero => "",
        Derive::Year => ".year",
        Derive::Month => ".month",
        Derive::Weekday => ".weekday",
        Derive::Hour => ".hour",
        Derive::Epoch => ".epoch",
    };
    data.features.push(Feature {
        column: data.schema.columns.len() as u32 - 1,
        derive: made.derive,
        name: format!("{column}{part}"),
        bins: made.bins,
    });
    data.bins.push(made.codes);
    data.numbers.push(made.numbers);
}
