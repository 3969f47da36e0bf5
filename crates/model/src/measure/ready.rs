//! Rows whose numbers are parsed already, to measure predictions without reading text.

use crate::datetime;
use crate::engine::RowSource;
use crate::schema::{ColumnKind, Schema};
use crate::value::Value;

/// Rows of numbers alone: cells of numbers and dates (as seconds) parsed, categories missing.
///
/// What a caller has who keeps floats; measured beside the raw rows it tells what reading text and
/// looking up names costs.
#[derive(Debug, Clone)]
pub struct ReadyRows {
    /// Row-major `(n_rows, n_columns)`, NaN is missing.
    numbers: Vec<f64>,
    n_rows: usize,
    n_columns: usize,
}

impl ReadyRows {
    /// Reads every cell of `rows`, whose columns begin with those of the schema. Text that cannot
    /// be read is missing.
    pub fn new(schema: &Schema, rows: &dyn RowSource) -> ReadyRows {
        let (n_rows, n_columns) = (rows.n_rows(), schema.columns.len());
        let mut numbers = Vec::with_capacity(n_rows * n_columns);
        for row in 0..n_rows {
            let cells = schema.columns.iter().enumerate();
            numbers.extend(cells.map(|(at, column)| number(column.kind, rows.cell(row, at))));
        }
        ReadyRows { numbers, n_rows, n_columns }
    }
}

impl RowSource for ReadyRows {
    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        let number = self.numbers[row * self.n_columns + column];
        if number.is_nan() { Value::Missing } else { Value::Number(number) }
    }
}

fn number(kind: ColumnKind, cell: Value<'_>) -> f64 {
    match (kind, cell) {
        (ColumnKind::Category | ColumnKind::Boolean, _) | (_, Value::Missing) => f64::NAN,
        (_, Value::Number(number)) => number,
        (ColumnKind::Number, Value::Text(text)) => text.trim_ascii().parse().unwrap_or(f64::NAN),
        (ColumnKind::DateTime, Value::Text(text)) => {
            datetime::parse(text.trim_ascii()).unwrap_or(f64::NAN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::FlatRows;
    use crate::schema::{InputColumn, TaskKind};

    #[test]
    fn numbers_and_dates_are_read_and_categories_left_out() {
        let kinds = [ColumnKind::Number, ColumnKind::DateTime, ColumnKind::Category];
        let columns = kinds.map(|kind| InputColumn { name: format!("{kind:?}"), kind }).to_vec();
        let (target, classes) = ("y".into(), Vec::new());
        let schema = Schema { task: TaskKind::Regression, target, classes, columns };
        let cells = [
            [Value::Text(" 1.5"), Value::Text("1970-01-02"), Value::Text("a")],
            [Value::Number(2.0), Value::Number(3.0), Value::Number(4.0)],
            [Value::Text("x"), Value::Text(""), Value::Missing],
        ]
        .concat();
        let ready = ReadyRows::new(&schema, &FlatRows::new(&cells, 3));
        let row = |row| [0, 1, 2].map(|column| ready.cell(row, column));
        let number = Value::Number;
        assert_eq!(row(0), [number(1.5), number(86_400.0), Value::Missing]);
        assert_eq!(row(1), [number(2.0), number(3.0), Value::Missing]);
        assert_eq!((row(2), ready.n_rows()), ([Value::Missing; 3], 3));
    }
}
