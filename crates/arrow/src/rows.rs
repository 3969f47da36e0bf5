//! Rows of Parquet and Arrow files, block by block.

use std::path::Path;

use arrow_array::{Array, RecordBatch};
use eyas_learn::Error;
use eyas_learn::data::rows::positions_of;
use eyas_learn::data::{ReadRows, RowBlock};
use eyas_model::Value;

use crate::Format;
use crate::batches::Batches;
use crate::cells::{Cell, cells};

/// Reads chosen columns of a file.
pub(crate) struct ArrowRows {
    batches: Batches,
    columns: Vec<String>,
    /// Columns of the file, in the order of `columns`.
    positions: Vec<usize>,
    current: Option<RecordBatch>,
    at: usize,
}

impl ArrowRows {
    /// Opens a file to read the columns `wanted`, in this order.
    pub fn open(path: &Path, format: Format, wanted: &[&str]) -> Result<ArrowRows, Error> {
        let name = path.display().to_string();
        let batches = Batches::open(path, format, |header| positions_of(&name, header, wanted))?;
        let positions = positions_of(&name, &batches.header, wanted)?;
        let columns = wanted.iter().map(|name| name.to_string()).collect();
        Ok(ArrowRows { batches, columns, positions, current: None, at: 0 })
    }

    /// Adds rows of the current batch until the block has `max_rows` of them.
    fn take_rows(&mut self, max_rows: usize, block: &mut RowBlock) -> Result<(), Error> {
        let Some(batch) = &self.current else { return Ok(()) };
        let n_rows = (batch.num_rows() - self.at).min(max_rows - block.n_rows());
        let slice = batch.slice(self.at, n_rows);
        self.at += n_rows;
        let mut columns = Vec::with_capacity(self.positions.len());
        for &position in &self.positions {
            let place = self.batches.places[position].expect("every wanted column is selected");
            let array: &dyn Array = slice.column(place).as_ref();
            columns.push(cells(array).ok_or_else(|| self.batches.unsupported(position))?);
        }
        for row in 0..n_rows {
            for column in &columns {
                block.push(value_of(column[row]));
            }
        }
        Ok(())
    }
}

fn value_of(cell: Cell<'_>) -> Value<'_> {
    match cell {
        Cell::Missing => Value::Missing,
        Cell::Number(number) | Cell::Seconds(number) => Value::Number(number),
        Cell::Text(text) => Value::Text(text),
    }
}

impl ReadRows for ArrowRows {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_block(&mut self, max_rows: usize, block: &mut RowBlock) -> Result<bool, Error> {
        block.clear(self.columns.len());
        loop {
            self.take_rows(max_rows, block)?;
            if block.n_rows() >= max_rows {
                return Ok(block.n_rows() > 0);
            }
            self.current = self.batches.next()?;
            self.at = 0;
            if self.current.is_none() {
                return Ok(block.n_rows() > 0);
            }
        }
    }
}
