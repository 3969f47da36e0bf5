//! From a table and a few words to a task: what is predicted, from what, scored how.

use eyas_model::TaskKind;

use crate::data::nearest::suggestion;
use crate::data::{Column, ColumnData, Notice, Table};
use crate::dataset::Target;
use crate::error::Error;
use crate::metrics::{Metric, default_metric, metric_for};

mod target;
mod weights;

pub use target::{MAX_CLASSES, MAX_INFERRED_CLASSES, MIN_ROWS_PER_INFERRED_CLASS};

/// What a user may say about a task; the rest is found out.
#[derive(Debug, Clone, Default)]
pub struct TaskOptions {
    /// Name of the target column.
    pub target: String,
    /// Kind of task; found from the target if absent.
    pub kind: Option<TaskKind>,
    /// Name of the metric; by kind if absent (ROC AUC, log loss, RMSE).
    pub metric: Option<String>,
    /// Column that names the group of a row.
    pub groups: Option<String>,
    /// Column that orders rows by time.
    pub time: Option<String>,
    /// Column of row weights.
    pub weights: Option<String>,
    /// Columns not to be used.
    pub drop: Vec<String>,
    /// Whether classes are weighted inversely to their share.
    pub balance_classes: bool,
}

/// A few numbers about a task, on which spaces and predictions of work depend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Kind of task.
    pub kind: TaskKind,
    /// Rows to learn from.
    pub n_rows: usize,
    /// Features.
    pub n_features: usize,
    /// Categorical features among them.
    pub n_categorical: usize,
    /// Raw scores of a row.
    pub n_outputs: usize,
    /// Sum of the features' bins.
    pub n_bins: usize,
}

/// What is to be done, found out and checked.
///
/// Invariant: `target`, `groups`, `times` and `weights` have an entry for each of `rows`.
#[derive(Debug, Clone)]
pub struct Task {
    /// Kind of task.
    pub kind: TaskKind,
    /// What is minimised.
    pub metric: &'static Metric,
    /// Name of the target column.
    pub target_name: String,
    /// Class labels in the order of the outputs; empty for regression. Numbers are in ascending
    /// order, names in the order of their bytes; of two classes the second is the positive one, as
    /// in scikit-learn.
    pub classes: Vec<String>,
    /// What is to be predicted.
    pub target: Target,
    /// Rows of the table that are used, ascending: those whose target is present.
    pub rows: Vec<u32>,
    /// Row weights, class weights included; `None` is all 1.
    pub weights: Option<Vec<f64>>,
    /// Group of each row `(n_rows,)`, where rows of one group must stay together.
    pub groups: Option<Vec<u32>>,
    /// Time of each row `(n_rows,)`, where later rows must be predicted from earlier ones.
    pub times: Option<Vec<f64>>,
    /// Columns that are no features: the target, groups, weights and those dropped by the user,
    /// and a time column of plain numbers.
    pub excluded: Vec<String>,
    /// A time column of dates: it gives month, weekday and hour, but not the year and the seconds
    /// since 1970, which would be out of range for later rows.
    pub time_column: Option<String>,
}

impl Task {
    /// Finds out what the options leave open, and checks everything.
    ///
    /// Kind, where the user states none: names and booleans are classes (two: binary, more:
    /// multiclass); two distinct numbers are binary; up to [`MAX_INFERRED_CLASSES`] distinct whole
    /// numbers from 0 or 1 to at most 10, with at least [`MIN_ROWS_PER_INFERRED_CLASS`] rows for
    /// each on average, are multiclass; other numbers are regression. Where whole numbers with at
    /// most 20 distinct values could be either, a notice says what was chosen.
    ///
    /// # Errors
    /// A column that is not there, a target that is missing throughout or constant, fewer than two
    /// rows, more than [`MAX_CLASSES`] classes, a class with one row, a metric that is unknown or
    /// for another kind, weights that are negative or missing, groups or times that are missing,
    /// an infinite target.
    pub fn new(table: &Table, options: &TaskOptions) -> Result<(Task, Vec<Notice>), Error> {
        let mut notices = Vec::new();
        let column = find(table, &options.target, "target")?;
        let rows = target::present_rows(column, &mut notices)?;
        let found = target::resolve(column, &rows, options.kind, &mut notices)?;
        let name = options.metric.as_deref().unwrap_or_else(|| default_metric(found.kind));
        let metric = metric_for(name, found.kind)?;
        let weights = weights::resolve(table, options, &rows, &found)?;
        let groups = options.groups.as_deref().map(|name| groups_of(table, name, &rows));
        let times = options.time.as_deref().map(|name| times_of(table, name, &rows));
        let (excluded, time_column) = exclusions(table, options)?;
        let task = Task {
            kind: found.kind,
            metric,
            target_name: options.target.clone(),
            classes: found.classes,
            target: found.target,
            rows,
            weights,
            groups: groups.transpose()?,
            times: times.transpose()?,
            excluded,
            time_column,
        };
        Ok((task, notices))
    }

    /// Number of rows that are used.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }
}

/// Checks that a column of this name is there, for a purpose.
///
/// # Errors
/// There is none: the nearest name is suggested.
pub(crate) fn check_column<'a>(
    header: impl Iterator<Item = &'a str> + Clone,
    name: &str,
    purpose: &str,
) -> Result<(), Error> {
    if header.clone().any(|known| known == name) {
        return Ok(());
    }
    let hint = suggestion(name, header);
    Err(Error::Task(format!("there is no {purpose} column `{name}`{hint}")))
}

/// The column of this name, for a purpose.
///
/// # Errors
/// There is none: the nearest name is suggested.
fn find<'a>(table: &'a Table, name: &str, purpose: &str) -> Result<&'a Column, Error> {
    let names = table.columns.iter().map(|column| column.name.as_str());
    check_column(names, name, purpose)?;
    Ok(table.column(name).expect("it is there"))
}

/// The first of `rows` whose cell is missing, and how many there are.
fn missing_rows(column: &Column, rows: &[u32]) -> Option<(u32, usize)> {
    let missing = || rows.iter().copied().filter(|&row| column.data.is_missing(row as usize));
    missing().next().map(|first| (first, missing().count()))
}

fn refuse_missing(column: &Column, rows: &[u32], purpose: &str) -> Result<(), Error> {
    let Some((first, count)) = missing_rows(column, rows) else { return Ok(()) };
    Err(Error::Task(format!(
        "the {purpose} column `{}` is missing in {count} of {} rows, first in row {}; fill it or \
         leave these rows out",
        column.name,
        rows.len(),
        first + 1
    )))
}

/// Groups as numbers 0, 1, ... in the order of their first row.
fn groups_of(table: &Table, name: &str, rows: &[u32]) -> Result<Vec<u32>, Error> {
    let column = find(table, name, "group")?;
    refuse_missing(column, rows, "group")?;
    let keys: Vec<u64> = match &column.data {
        ColumnData::Number(values) | ColumnData::DateTime(values) => {
            // Adding 0 makes one zero of -0 and 0.
            rows.iter().map(|&row| (values[row as usize] + 0.0).to_bits()).collect()
        }
        ColumnData::Category { codes, .. } | ColumnData::Text { codes, .. } => {
            rows.iter().map(|&row| u64::from(codes[row as usize])).collect()
        }
    };
    let mut numbers = std::collections::BTreeMap::new();
    let number = |key: &u64| {
        let next = numbers.len() as u32;
        *numbers.entry(*key).or_insert(next)
    };
    Ok(keys.iter().map(number).collect())
}

fn times_of(table: &Table, name: &str, rows: &[u32]) -> Result<Vec<f64>, Error> {
    let column = find(table, name, "time")?;
    refuse_missing(column, rows, "time")?;
    match &column.data {
        ColumnData::Number(values) | ColumnData::DateTime(values) => {
            Ok(rows.iter().map(|&row| values[row as usize]).collect())
        }
        _ => Err(Error::Task(format!(
            "the time column `{name}` is neither dates nor numbers; write dates as 2024-05-31 or \
             2024-05-31T12:30:00"
        ))),
    }
}

/// Columns that are no features, and the time column if it is one of dates.
fn exclusions(
    table: &Table,
    options: &TaskOptions,
) -> Result<(Vec<String>, Option<String>), Error> {
    let mut excluded = vec![options.target.clone()];
    for name in &options.drop {
        find(table, name, "dropped")?;
        excluded.push(name.clone());
    }
    excluded.extend(options.groups.clone());
    excluded.extend(options.weights.clone());
    let mut time_column = None;
    if let Some(name) = &options.time {
        match find(table, name, "time")?.data {
            ColumnData::DateTime(_) => time_column = Some(name.clone()),
            _ => excluded.push(name.clone()),
        }
    }
    Ok((excluded, time_column))
}
