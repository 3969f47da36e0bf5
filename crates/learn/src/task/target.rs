//! What is predicted: the kind of task, the classes and the target as numbers.

use eyas_model::TaskKind;

use crate::data::write::put_number;
use crate::data::{Column, ColumnData, Notice};
use crate::dataset::Target;
use crate::error::Error;

/// Most classes of a task.
pub const MAX_CLASSES: usize = 1_000;
/// Most distinct whole numbers that are taken for classes without being told.
pub const MAX_INFERRED_CLASSES: usize = 10;
/// Rows for each such number, on average, at the least.
pub const MIN_ROWS_PER_INFERRED_CLASS: usize = 5;
/// Distinct whole numbers up to which a notice says what was chosen.
const AMBIGUOUS_VALUES: usize = 20;

/// A target, resolved.
pub(super) struct Resolved {
    pub kind: TaskKind,
    pub classes: Vec<String>,
    pub target: Target,
}

/// Rows whose target is present, with a notice about the others.
pub(super) fn present_rows(column: &Column, notices: &mut Vec<Notice>) -> Result<Vec<u32>, Error> {
    let n_rows = column.data.len();
    let n_rows_u32 = u32::try_from(n_rows).map_err(|_| {
        Error::Task(format!("{n_rows} rows are more than the {} that fit; take fewer", u32::MAX))
    })?;
    let rows: Vec<u32> =
        (0..n_rows_u32).filter(|&row| !column.data.is_missing(row as usize)).collect();
    let n_missing = n_rows - rows.len();
    if rows.is_empty() {
        return Err(Error::Task(format!(
            "the target `{}` is missing in all {n_rows} rows; name another target",
            column.name
        )));
    }
    if rows.len() < 2 {
        return Err(Error::Task(format!(
            "the target `{}` is present in 1 row; at least 2 rows are needed",
            column.name
        )));
    }
    if n_missing > 0 {
        let what =
            format!("the target is missing in {n_missing} of {n_rows} rows: they are left out");
        notices.push(Notice::new(&column.name, what));
    }
    Ok(rows)
}

/// Kind, classes and numbers of the target on `rows`, where it is present.
pub(super) fn resolve(
    column: &Column,
    rows: &[u32],
    stated: Option<TaskKind>,
    notices: &mut Vec<Notice>,
) -> Result<Resolved, Error> {
    match &column.data {
        ColumnData::Number(values) => {
            let numbers: Vec<f64> = rows.iter().map(|&row| values[row as usize] + 0.0).collect();
            resolve_numbers(&column.name, numbers, rows, stated, notices)
        }
        ColumnData::Category { codes, levels, .. } | ColumnData::Text { codes, levels } => {
            let codes: Vec<u32> = rows.iter().map(|&row| codes[row as usize]).collect();
            resolve_names(&column.name, &codes, levels, stated, notices)
        }
        ColumnData::DateTime(_) => Err(Error::Task(format!(
            "the target `{}` is a date; predict a number made of it, e.g. days from a fixed date",
            column.name
        ))),
    }
}

fn resolve_numbers(
    name: &str,
    numbers: Vec<f64>,
    rows: &[u32],
    stated: Option<TaskKind>,
    notices: &mut Vec<Notice>,
) -> Result<Resolved, Error> {
    if let Some(at) = numbers.iter().position(|value| value.is_infinite()) {
        return Err(Error::Task(format!(
            "the target `{name}` is {} in row {}; finite numbers are expected: leave it empty or cap it",
            numbers[at],
            rows[at] + 1
        )));
    }
    let distinct = distinct_of(&numbers);
    if distinct.len() < 2 {
        return Err(constant(name, &number_text(distinct[0])));
    }
    let kind = stated.unwrap_or_else(|| kind_of_numbers(&distinct, numbers.len()));
    if stated.is_none() {
        notices.extend(choice(name, &distinct, kind));
    }
    if kind == TaskKind::Regression {
        return Ok(Resolved { kind, classes: Vec::new(), target: Target::Numbers(numbers) });
    }
    let class_of = |value: &f64| distinct.partition_point(|other| other < value) as u32;
    let classes = numbers.iter().map(class_of).collect();
    let labels = distinct.iter().take(MAX_CLASSES + 1).map(|&value| number_text(value)).collect();
    classified(name, kind, labels, classes, (distinct.len(), notices))
}

fn resolve_names(
    name: &str,
    codes: &[u32],
    levels: &[String],
    stated: Option<TaskKind>,
    notices: &mut Vec<Notice>,
) -> Result<Resolved, Error> {
    let mut used = vec![false; levels.len()];
    codes.iter().for_each(|&code| used[code as usize] = true);
    let mut order: Vec<usize> = (0..levels.len()).filter(|&code| used[code]).collect();
    order.sort_unstable_by_key(|&code| &levels[code]);
    if order.len() < 2 {
        return Err(constant(name, &levels[order[0]]));
    }
    let kind = match stated {
        Some(TaskKind::Regression) => {
            return Err(Error::Task(format!(
                "regression needs numbers, but the target `{name}` has names such as `{}`; repair \
                 these cells or choose a classification task",
                levels[order[0]]
            )));
        }
        Some(kind) => kind,
        None if order.len() == 2 => TaskKind::Binary,
        None => TaskKind::Multiclass,
    };
    let mut class_of_code = vec![0u32; levels.len()];
    order.iter().enumerate().for_each(|(class, &code)| class_of_code[code] = class as u32);
    let classes = codes.iter().map(|&code| class_of_code[code as usize]).collect();
    let labels = order.iter().take(MAX_CLASSES + 1).map(|&code| levels[code].clone()).collect();
    classified(name, kind, labels, classes, (order.len(), notices))
}

/// Checks classes and their counts.
fn classified(
    name: &str,
    kind: TaskKind,
    labels: Vec<String>,
    classes: Vec<u32>,
    (n_classes, notices): (usize, &mut Vec<Notice>),
) -> Result<Resolved, Error> {
    if n_classes > MAX_CLASSES {
        return Err(Error::Task(format!(
            "the target `{name}` has {n_classes} classes, more than the {MAX_CLASSES} allowed; choose \
             regression if it is a number, or merge classes"
        )));
    }
    if kind == TaskKind::Binary && n_classes != 2 {
        return Err(Error::Task(format!(
            "a binary task has 2 classes, but the target `{name}` has {n_classes}; choose multiclass"
        )));
    }
    let mut counts = vec![0usize; n_classes];
    classes.iter().for_each(|&class| counts[class as usize] += 1);
    if let Some(lone) = counts.iter().position(|&count| count < 2) {
        return Err(Error::Task(format!(
            "class `{}` of the target `{name}` has 1 row, but at least 2 are needed, one to learn \
             from and one to check on; add rows, merge the class into another or leave the row out",
            labels[lone]
        )));
    }
    let mut kind = kind;
    if kind == TaskKind::Multiclass && n_classes == 2 {
        notices.push(Notice::new(name, "the target has two classes: the task is binary"));
        kind = TaskKind::Binary;
    }
    Ok(Resolved { kind, classes: labels, target: Target::Classes(classes) })
}

fn constant(name: &str, value: &str) -> Error {
    Error::Task(format!(
        "the target `{name}` is `{value}` in every row: there is nothing to learn; name another \
         target or add rows"
    ))
}

fn number_text(value: f64) -> String {
    let mut text = String::new();
    put_number(&mut text, value);
    text
}

/// Distinct numbers, ascending.
fn distinct_of(numbers: &[f64]) -> Vec<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    sorted
}

fn are_whole(distinct: &[f64]) -> bool {
    distinct.iter().all(|&value| libm::trunc(value) == value)
}

/// See [`super::Task::new`]; `distinct` is ascending and has at least two values.
fn kind_of_numbers(distinct: &[f64], n_rows: usize) -> TaskKind {
    let (least, most) = (distinct[0], distinct[distinct.len() - 1]);
    if distinct.len() == 2 {
        return TaskKind::Binary;
    }
    let counted = are_whole(distinct) && (least == 0.0 || least == 1.0) && most <= 10.0;
    let few = distinct.len() <= MAX_INFERRED_CLASSES
        && MIN_ROWS_PER_INFERRED_CLASS * distinct.len() <= n_rows;
    if counted && few { TaskKind::Multiclass } else { TaskKind::Regression }
}

fn choice(name: &str, distinct: &[f64], kind: TaskKind) -> Option<Notice> {
    if !are_whole(distinct) || distinct.len() > AMBIGUOUS_VALUES || kind == TaskKind::Binary {
        return None;
    }
    let (chosen, other) = match kind {
        TaskKind::Regression => ("numbers (regression)", "classes (multiclass)"),
        _ => ("classes (multiclass)", "numbers (regression)"),
    };
    let n = distinct.len();
    let what =
        format!("the target has {n} distinct whole numbers: taken for {chosen}, not {other}");
    Some(Notice::new(name, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_numbers() {
        let kind = |distinct: &[f64], n_rows| kind_of_numbers(distinct, n_rows);
        let run = |from: i32, to: i32| (from..=to).map(f64::from).collect::<Vec<_>>();
        assert_eq!(kind(&[0.0, 1.0], 10), TaskKind::Binary);
        assert_eq!(kind(&[-3.5, 8.0], 10), TaskKind::Binary);
        assert_eq!(kind(&run(0, 9), 1000), TaskKind::Multiclass);
        assert_eq!(kind(&run(1, 7), 1000), TaskKind::Multiclass);
        assert_eq!(kind(&[1.0, 2.0, 3.0, 4.0, 5.0, 7.0], 6430), TaskKind::Multiclass, "a gap");
        assert_eq!(kind(&run(1, 29), 4177), TaskKind::Regression, "many");
        assert_eq!(kind(&run(0, 10), 4177), TaskKind::Regression, "eleven");
        assert_eq!(kind(&run(3, 9), 4898), TaskKind::Regression, "a scale that starts at 3");
        assert_eq!(kind(&[0.0, 0.5, 1.0], 1000), TaskKind::Regression, "no whole number");
        assert_eq!(kind(&run(0, 4), 20), TaskKind::Regression, "four rows a value");
    }
}
