//! The slow, obvious way from raw cells to bins, numbers, leaves and predictions.
//!
//! Nothing here is fast. Every faster way is tested against it, and it answers questions that the
//! packed form cannot: which leaf a row reaches.

use crate::datetime;
use crate::encoder::{Bins, bin_of_number};
use crate::error::Error;
use crate::members::{Model, Part};
use crate::schema::ColumnKind;
use crate::value::Value;

/// A row as the features read it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainRow {
    /// Number of each feature `(n_features,)`; NaN if it is missing or a category.
    pub numbers: Vec<f64>,
    /// Bin of each feature `(n_features,)`.
    pub bins: Vec<u8>,
}

impl Model {
    /// Reads a row of cells, in the order of the schema's columns `(n_columns,)`.
    ///
    /// # Errors
    /// [`Error::BadRow`] if a text is no number or date where its column holds such, or if there
    /// are too few cells.
    pub fn read_row(&self, cells: &[Value<'_>]) -> Result<PlainRow, Error> {
        let mut row = PlainRow { numbers: Vec::new(), bins: Vec::new() };
        for feature in &self.features {
            let column = &self.schema.columns[feature.column as usize];
            let bad = |problem| Error::BadRow { column: column.name.clone(), problem };
            let cell = cells.get(feature.column as usize);
            let cell = cell.ok_or_else(|| bad(format!("the row has {} cells", cells.len())))?;
            let (number, bin) = match &feature.bins {
                Bins::Edges(edges) => {
                    let number = read_number(column.kind, cell)
                        .ok_or_else(|| bad(format!("{cell:?} is no number or date")))?;
                    let number = datetime::part(number, feature.derive);
                    (number, bin_of_number(edges, number))
                }
                Bins::Levels(levels) => (f64::NAN, bin_of_name(levels, cell)),
            };
            row.numbers.push(number);
            row.bins.push(bin);
        }
        Ok(row)
    }

    /// The leaf that a row reaches in each tree, member after member: the row of
    /// [`crate::Tree::values`].
    pub fn leaves(&self, row: &PlainRow) -> Vec<u32> {
        let parts = self.members.iter().filter_map(|member| match &member.part {
            Part::Trees(trees) => Some(trees),
            _ => None,
        });
        parts.flat_map(|trees| trees.trees.iter().map(|tree| tree.leaf(&row.bins))).collect()
    }

    /// Predictions of a row into `out` `(n_outputs,)`.
    pub fn predict(&self, row: &PlainRow, out: &mut [f64]) {
        self.predict_by(|f| row.numbers[f as usize], |f| row.bins[f as usize], out);
    }
}

fn read_number(kind: ColumnKind, cell: &Value<'_>) -> Option<f64> {
    match cell {
        Value::Missing => Some(f64::NAN),
        Value::Number(number) => Some(*number),
        Value::Text(text) if text.trim().is_empty() => Some(f64::NAN),
        Value::Text(text) if kind == ColumnKind::DateTime => datetime::parse(text),
        Value::Text(text) => text.trim().parse().ok(),
    }
}

fn bin_of_name(levels: &[String], cell: &Value<'_>) -> u8 {
    let name = match cell {
        Value::Missing => return 0,
        Value::Number(number) if number.is_nan() => return 0,
        // Minus zero is written as zero.
        Value::Number(number) => (number + 0.0).to_string(),
        Value::Text("") => return 0,
        Value::Text(text) => text.to_string(),
    };
    // At most 253 levels.
    levels.iter().position(|level| *level == name).unwrap_or(levels.len()) as u8 + 1
}
