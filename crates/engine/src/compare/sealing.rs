//! Which rows are sealed: no run sees them, every run is scored on them.

use std::collections::{BTreeSet, HashMap};

use eyas_learn::data::table::MISSING_CODE;
use eyas_learn::metrics::{Scored, Truth};
use eyas_learn::splits::{Plan, SplitInput};
use eyas_learn::{Column, ColumnData, Table, Target, Task, TaskOptions};

use crate::error::Error;

/// How rows are sealed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sealing {
    /// This share of the rows, once.
    Share(f64),
    /// Each of so many folds in turn.
    Folds(usize),
}

/// One way to seal rows. Rows are those of the table, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fold {
    pub learned: Vec<u32>,
    pub sealed: Vec<u32>,
}

/// The folds of a task; with a seed of their own, so that every run has the same.
///
/// # Errors
/// Too few rows, groups or times; a part on which runs cannot learn or be scored.
pub(super) fn folds(
    table: &Table,
    task: &Task,
    options: &TaskOptions,
    sealing: Sealing,
    seed: u64,
) -> Result<Vec<Fold>, Error> {
    let input = SplitInput {
        target: &task.target,
        groups: task.groups.as_deref(),
        times: task.times.as_deref(),
    };
    let plan = match sealing {
        Sealing::Folds(n_folds) => Plan::Folds { n_folds, n_repeats: 1 },
        Sealing::Share(share) => {
            Plan::HoldOut { n_valid: ((share * task.n_rows() as f64).round() as usize).max(1) }
        }
    };
    let splits = plan.splits(&input, seed ^ 0x5EA1_ED00)?;
    let mut folds = Vec::with_capacity(splits.len());
    for (number, split) in splits.iter().enumerate() {
        let of = |places: &[u32]| places.iter().map(|&place| task.rows[place as usize]).collect();
        let fold = Fold { learned: of(&split.train), sealed: of(&split.valid) };
        check(table, task, options, &fold, &split.valid)
            .map_err(|problem| unusable(sealing, number, &problem))?;
        folds.push(fold);
    }
    Ok(folds)
}

fn unusable(sealing: Sealing, number: usize, problem: &str) -> Error {
    let (option, value) = match sealing {
        Sealing::Share(share) => ("--holdout", share.to_string()),
        Sealing::Folds(n) => ("--folds", format!("{n} (here fold {})", number + 1)),
    };
    let expected = format!("{problem}; seal other rows with --holdout, --folds or --seed");
    Error::Option { option, value, expected }
}

/// The task must be the same on the rows that are learned from, and the score defined on the others.
fn check(
    table: &Table,
    task: &Task,
    options: &TaskOptions,
    fold: &Fold,
    places: &[u32],
) -> Result<(), String> {
    let (learned, _) =
        Task::new(&part_of(table, &fold.learned), options).map_err(|error| error.to_string())?;
    if let Some(lost) = task.classes.iter().find(|class| !learned.classes.contains(class)) {
        return Err(format!("all rows of the class `{lost}` are sealed, so no run can learn it"));
    }
    let n_outputs = if task.classes.len() > 2 { task.classes.len() } else { 1 };
    let flat = if n_outputs > 1 { 1.0 / n_outputs as f64 } else { 0.5 };
    let predictions = vec![flat; places.len() * n_outputs];
    let truth = Known::of(task, places);
    if (task.metric.loss)(&truth.scored(&predictions, n_outputs)).is_nan() {
        return Err(format!(
            "{} has no value on the {} sealed rows (too few, or of one class)",
            task.metric.name,
            places.len()
        ));
    }
    Ok(())
}

/// What is true of some rows, and what they weigh.
pub(super) struct Known {
    numbers: Vec<f64>,
    classes: Vec<u32>,
    weights: Option<Vec<f64>>,
    is_regression: bool,
}

impl Known {
    /// Of rows by their places among those of the task.
    pub fn of(task: &Task, places: &[u32]) -> Known {
        fn pick<T: Copy>(values: &[T], places: &[u32]) -> Vec<T> {
            places.iter().map(|&place| values[place as usize]).collect()
        }
        let (numbers, classes, is_regression) = match &task.target {
            Target::Numbers(values) => (pick(values, places), Vec::new(), true),
            Target::Classes(codes) => (Vec::new(), pick(codes, places), false),
        };
        let weights = task.weights.as_ref().map(|weights| pick(weights, places));
        Known { numbers, classes, weights, is_regression }
    }

    /// Of rows of the table.
    pub fn of_rows(task: &Task, rows: &[u32]) -> Known {
        let place = |row| task.rows.binary_search(row).expect("sealed rows are rows of the task");
        Known::of(task, &rows.iter().map(|row| place(row) as u32).collect::<Vec<u32>>())
    }

    /// As metrics take them, with predictions `(n_rows, n_outputs)`.
    pub fn scored<'a>(&'a self, predictions: &'a [f64], n_outputs: usize) -> Scored<'a> {
        let truth = if self.is_regression {
            Truth::Numbers(&self.numbers)
        } else {
            Truth::Classes(&self.classes)
        };
        Scored { truth, predictions, n_outputs, weights: self.weights.as_deref() }
    }
}

/// The table as it would be if the file had these rows only: names that no row has are gone.
pub(super) fn part_of(table: &Table, rows: &[u32]) -> Table {
    let part = table.take(rows);
    let column = |Column { name, data }: Column| Column { name, data: without_unused(data) };
    Table { columns: part.columns.into_iter().map(column).collect() }
}

fn without_unused(data: ColumnData) -> ColumnData {
    match data {
        ColumnData::Category { codes, levels, boolean } => {
            let (codes, levels) = used(&codes, &levels);
            ColumnData::Category { codes, levels, boolean }
        }
        ColumnData::Text { codes, levels } => {
            let (codes, levels) = used(&codes, &levels);
            ColumnData::Text { codes, levels }
        }
        numbers => numbers,
    }
}

/// Codes and levels in the order of their first row.
fn used(codes: &[u32], levels: &[String]) -> (Vec<u32>, Vec<String>) {
    let mut kept: Vec<String> = Vec::new();
    let mut new_codes: HashMap<u32, u32> = HashMap::new();
    let mut recoded = Vec::with_capacity(codes.len());
    for &code in codes {
        if code == MISSING_CODE {
            recoded.push(code);
            continue;
        }
        recoded.push(*new_codes.entry(code).or_insert_with(|| {
            kept.push(levels[code as usize].clone());
            kept.len() as u32 - 1
        }));
    }
    (recoded, kept)
}

/// In words, e.g. `1,000 of 4,000 rows sealed, classes kept in proportion`.
pub(super) fn words(task: &Task, folds: &[Fold]) -> String {
    let how = match (&task.groups, &task.times) {
        (Some(_), Some(_)) => "the latest ones, groups kept together",
        (None, Some(_)) => "the latest ones",
        (Some(_), None) => "groups kept together",
        (None, None) => "drawn at random, shares of the target kept",
    };
    let sealed: BTreeSet<u32> = folds.iter().flat_map(|f| f.sealed.iter().copied()).collect();
    let (n_sealed, n_rows) = (sealed.len(), task.n_rows());
    match folds.len() {
        1 => format!("{n_sealed} of {n_rows} rows, {how}"),
        n => format!("each of {n} folds of {n_rows} rows in turn, {how}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let n = 40u32;
        let numbers = |f: fn(u32) -> f64| ColumnData::Number((0..n).map(f).collect());
        let names = ColumnData::Category {
            codes: (0..n).map(|row| if row == 3 { MISSING_CODE } else { row % 5 }).collect(),
            levels: ["a", "b", "c", "d", "e"].map(String::from).to_vec(),
            boolean: false,
        };
        let column = |name: &str, data| Column { name: name.into(), data };
        Table {
            columns: vec![
                column("x", numbers(f64::from)),
                column("name", names),
                column("when", numbers(|row| f64::from(row / 2))),
                column("who", numbers(|row| f64::from(row % 8))),
                column("y", numbers(|row| f64::from(u8::from(row % 3 == 0)))),
            ],
        }
    }

    fn options() -> TaskOptions {
        TaskOptions { target: "y".into(), ..TaskOptions::default() }
    }

    fn sealed(options: &TaskOptions, sealing: Sealing) -> Result<Vec<Fold>, Error> {
        let table = table();
        let (task, _) = Task::new(&table, options)?;
        folds(&table, &task, options, sealing, 1)
    }

    #[test]
    fn folds_seal_every_row_once_and_never_what_is_learned() {
        let folds = sealed(&options(), Sealing::Folds(4)).unwrap();
        let mut all: Vec<u32> = folds.iter().flat_map(|fold| fold.sealed.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..40).collect::<Vec<u32>>());
        for fold in &folds {
            assert!(fold.learned.iter().all(|row| !fold.sealed.contains(row)));
            assert_eq!(fold.learned.len() + fold.sealed.len(), 40);
        }
        assert_eq!(folds, sealed(&options(), Sealing::Folds(4)).unwrap());
    }

    #[test]
    fn groups_stay_together_and_later_rows_are_sealed() {
        let by_group = TaskOptions { groups: Some("who".into()), ..options() };
        let fold = &sealed(&by_group, Sealing::Share(0.25)).unwrap()[0];
        let groups = |rows: &[u32]| rows.iter().map(|row| row % 8).collect::<BTreeSet<u32>>();
        assert!(groups(&fold.learned).is_disjoint(&groups(&fold.sealed)));
        let by_time = TaskOptions { time: Some("when".into()), ..options() };
        let fold = &sealed(&by_time, Sealing::Share(0.25)).unwrap()[0];
        assert!(fold.learned.iter().max() < fold.sealed.iter().min());
    }

    #[test]
    fn names_of_sealed_rows_are_not_known_to_runs() {
        let rows: Vec<u32> = (0..40).filter(|row| row % 5 != 0).rev().collect();
        let part = part_of(&table(), &rows);
        let ColumnData::Category { codes, levels, .. } = &part.columns[1].data else {
            panic!("it is a column of names");
        };
        assert_eq!(levels, &["e", "d", "c", "b"]);
        for (place, &row) in rows.iter().enumerate() {
            let expected =
                if row == 3 { None } else { Some(["a", "b", "c", "d", "e"][row as usize % 5]) };
            let name =
                (codes[place] != MISSING_CODE).then(|| levels[codes[place] as usize].as_str());
            assert_eq!(name, expected);
        }
    }

    #[test]
    fn a_class_that_would_be_sealed_whole_is_named() {
        let mut table = table();
        // The last two times hold all rows of the third class.
        let names = (0..40u32).map(|row| if row >= 36 { 2 } else { row % 2 }).collect();
        table.columns[4].data = ColumnData::Category {
            codes: names,
            levels: ["no", "yes", "late"].map(String::from).to_vec(),
            boolean: false,
        };
        let options = TaskOptions { time: Some("when".into()), ..options() };
        let (task, _) = Task::new(&table, &options).unwrap();
        let refused = folds(&table, &task, &options, Sealing::Share(0.1), 1);
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("`late`") && error.contains("--holdout"), "{error}");
    }
}
