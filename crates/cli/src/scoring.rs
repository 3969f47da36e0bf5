//! A model applied to a file, block by block, and what was true.

use std::path::Path;

use eyas_learn::data::RowBlock;
use eyas_learn::metrics::{Scored, Truth};
use eyas_model::{Predictor, Scratch, TaskKind, Value};

use eyas_learn::data::ReadOptions;

use crate::data::{BlockRows, column_names, labels_of, open_rows, row_error, unequal};
use crate::failure::Failure;
use crate::model::OpenModel;
use crate::run_args::Dialect;

/// Rows that are read and predicted at a time.
pub const ROWS_A_BLOCK: usize = 8_192;

/// Predicts every row of a file: `each` gets the cells and the predictions `(n_rows, n_outputs)`
/// of a block. `more` names columns that are read after those of the model. Gives the number of rows.
pub fn predict_file(
    model: &OpenModel,
    path: &Path,
    dialect: &Dialect,
    more: &[&str],
    mut each: impl FnMut(&RowBlock, &[f64]) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut wanted = model.columns();
    wanted.extend(more);
    let first = first_column(path, dialect, &wanted)?;
    wanted.extend(first.as_deref());
    let mut rows = open_rows(path, dialect, &wanted)?;
    let mut block = RowBlock::new(wanted.len());
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    let mut n_rows = 0;
    while rows.next_block(ROWS_A_BLOCK, &mut block)? {
        out.resize(block.n_rows() * model.predictor.n_outputs(), 0.0);
        let batch = BlockRows { block: &block };
        if let Err(error) = model.predictor.predict_batch(&batch, &mut scratch, &mut out) {
            let at = first_bad_row(&model.predictor, &block).unwrap_or(0) as u64;
            return Err(row_error(path, n_rows + at + 1, &error_of(model, &block, at, error)));
        }
        each(&block, &out)?;
        n_rows += block.n_rows() as u64;
    }
    Ok(n_rows)
}

/// The first column of a file for a model that reads none: rows without cells cannot be counted.
pub fn first_column(
    path: &Path,
    dialect: &Dialect,
    wanted: &[&str],
) -> Result<Option<String>, Failure> {
    if !wanted.is_empty() {
        return Ok(None);
    }
    Ok(column_names(path, dialect)?.into_iter().next())
}

/// The cells of a row that a model reads.
fn cells<'a>(predictor: &Predictor, block: &'a RowBlock, row: usize) -> Vec<Value<'a>> {
    block.row(row).take(predictor.schema().columns.len()).collect()
}

/// The first row that cannot be predicted.
fn first_bad_row(predictor: &Predictor, block: &RowBlock) -> Option<usize> {
    let (mut scratch, mut out) = (Scratch::default(), vec![0.0; predictor.n_outputs()]);
    (0..block.n_rows()).find(|&row| {
        predictor.predict_row(&cells(predictor, block, row), &mut scratch, &mut out).is_err()
    })
}

/// What is wrong with one row, without the number that it has in its batch.
fn error_of(
    model: &OpenModel,
    block: &RowBlock,
    row: u64,
    of_batch: eyas_model::Error,
) -> eyas_model::Error {
    let mut out = vec![0.0; model.predictor.n_outputs()];
    let values = cells(&model.predictor, block, row as usize);
    let one = model.predictor.predict_row(&values, &mut Scratch::default(), &mut out);
    one.err().unwrap_or(of_batch)
}

/// Index of the predicted class: the largest probability, ties to the lower index.
pub fn predicted_class(task: TaskKind, probabilities: &[f64]) -> u32 {
    if task == TaskKind::Binary {
        return u32::from(probabilities[0] > 0.5);
    }
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best as u32
}

/// Truth and predictions of the rows of a file whose target is known.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Numbers, for regression.
    numbers: Vec<f64>,
    /// Classes, for classification.
    classes: Vec<u32>,
    /// Predictions `(n_rows, n_outputs)`.
    predictions: Vec<f64>,
    n_outputs: usize,
    is_regression: bool,
    /// Rows without a target, which were left out.
    pub n_without_target: u64,
}

impl Outcomes {
    /// Predicts a file that has the target, or whose targets are in a file of their own.
    pub fn of(
        model: &OpenModel,
        path: &Path,
        dialect: &Dialect,
        labels: Option<&Path>,
    ) -> Result<Outcomes, Failure> {
        let schema = model.predictor.schema();
        let is_regression = schema.task == TaskKind::Regression;
        let n_outputs = model.predictor.n_outputs();
        let mut outcomes = Outcomes { n_outputs, is_regression, ..Outcomes::default() };
        let at = schema.columns.len();
        let labels = labels.map(|path| labels_of(path, &ReadOptions::default())).transpose()?;
        let more: &[&str] = if labels.is_some() { &[] } else { &[&schema.target] };
        let mut n_seen = 0;
        predict_file(model, path, dialect, more, |block, predictions| {
            for (row, prediction) in predictions.chunks_exact(n_outputs).enumerate() {
                let target = match &labels {
                    None => block.value(row, at),
                    Some(labels) if n_seen as usize + row < labels.len() => {
                        labels.value(n_seen as usize + row)
                    }
                    Some(_) => Value::Missing,
                };
                let read = outcomes.take(target, &schema.classes, prediction);
                read.map_err(|problem| {
                    let column = schema.target.clone();
                    let error = eyas_model::Error::BadRow { column, problem };
                    row_error(path, n_seen + row as u64 + 1, &error)
                })?;
            }
            n_seen += block.n_rows() as u64;
            Ok(())
        })?;
        if let Some(labels) = labels.filter(|labels| labels.len() as u64 != n_seen) {
            return Err(unequal(n_seen as usize, labels.len()));
        }
        if outcomes.n_rows() == 0 {
            let path = path.display();
            return Err(Failure::failed(format!(
                "`{path}` has no row whose target `{}` is known",
                schema.target
            )));
        }
        Ok(outcomes)
    }

    fn take(
        &mut self,
        target: Value<'_>,
        classes: &[String],
        prediction: &[f64],
    ) -> Result<(), String> {
        let target = match target {
            Value::Number(number) if number.is_nan() => Value::Missing,
            Value::Text("") => Value::Missing,
            other => other,
        };
        match target {
            Value::Missing => {
                self.n_without_target += 1;
                return Ok(());
            }
            target if self.is_regression => self.numbers.push(number_of(target)?),
            target => self.classes.push(class_of(target, classes)?),
        }
        self.predictions.extend_from_slice(prediction);
        Ok(())
    }

    /// Number of rows whose target is known.
    pub fn n_rows(&self) -> usize {
        self.numbers.len() + self.classes.len()
    }

    /// As metrics take them.
    pub fn scored(&self) -> Scored<'_> {
        let truth = if self.is_regression {
            Truth::Numbers(&self.numbers)
        } else {
            Truth::Classes(&self.classes)
        };
        Scored { truth, predictions: &self.predictions, n_outputs: self.n_outputs, weights: None }
    }
}

fn number_of(value: Value<'_>) -> Result<f64, String> {
    match value {
        Value::Number(number) => Ok(number),
        Value::Text(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| format!("`{text}` is not a number such as 3 or -0.25")),
        Value::Missing => Err("it is missing".into()),
    }
}

/// A class by its label; numbers by their shortest form, so that `1.0` is `1`.
fn class_of(value: Value<'_>, classes: &[String]) -> Result<u32, String> {
    let text = match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Missing => String::new(),
    };
    let place = |label: &str| classes.iter().position(|class| class == label);
    let shortest = || text.trim().parse::<f64>().ok().map(|number| number.to_string());
    place(&text)
        .or_else(|| place(text.trim()))
        .or_else(|| place(&shortest()?))
        .map(|class| class as u32)
        .ok_or_else(|| format!("`{text}` is none of the model's classes: {}", classes.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_label_and_by_number() {
        let classes = ["0", "1.5", "b"].map(String::from);
        for (value, expected) in [
            (Value::Text("b"), 2),
            (Value::Text(" b"), 2),
            (Value::Text("0.0"), 0),
            (Value::Number(1.5), 1),
        ] {
            assert_eq!(class_of(value, &classes), Ok(expected));
        }
        let problem = class_of(Value::Text("c"), &classes).unwrap_err();
        assert_eq!(problem, "`c` is none of the model's classes: 0, 1.5, b");
    }

    #[test]
    fn ties_go_to_the_lower_class() {
        assert_eq!(predicted_class(TaskKind::Binary, &[0.5]), 0);
        assert_eq!(predicted_class(TaskKind::Binary, &[0.6]), 1);
        assert_eq!(predicted_class(TaskKind::Multiclass, &[0.2, 0.4, 0.4]), 1);
    }
}
