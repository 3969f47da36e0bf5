//! Rows of raw cells, as batches and measurements read them.

use crate::value::Value;

/// A table of raw cells, columns in the order of the model's schema.
pub trait RowSource {
    /// Number of rows.
    fn n_rows(&self) -> usize;

    /// The cell of a row and column, both below their numbers.
    fn cell(&self, row: usize, column: usize) -> Value<'_>;
}

/// Rows one after the other in one slice `(n_rows, n_columns)`.
#[derive(Debug, Clone, Copy)]
pub struct FlatRows<'a> {
    values: &'a [Value<'a>],
    n_columns: usize,
}

impl<'a> FlatRows<'a> {
    /// Cells of a row that is not full are left out.
    pub fn new(values: &'a [Value<'a>], n_columns: usize) -> Self {
        FlatRows { values, n_columns }
    }
}

impl RowSource for FlatRows<'_> {
    fn n_rows(&self) -> usize {
        self.values.len().checked_div(self.n_columns).unwrap_or(0)
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        self.values[row * self.n_columns + column]
    }
}
