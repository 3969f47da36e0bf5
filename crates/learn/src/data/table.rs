//! A table: named, typed columns of equal length.

use crate::random::Stream;

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnData {
    /// Numbers; NaN is missing. Infinite values are refused by the readers.
    Number(Vec<f64>),
    /// Names by code; `codes[row] == MISSING_CODE` is missing.
    Category {
        /// Index into `levels` `(n_rows,)`.
        codes: Vec<u32>,
        /// Distinct names, in the order of their first row.
        levels: Vec<String>,
        /// Whether the two levels are a yes and a no (`true/false`, `yes/no`, `t/f`, ...).
        boolean: bool,
    },
    /// Seconds since 1970-01-01T00:00:00 without time zone; NaN is missing.
    DateTime(Vec<f64>),
    /// Free text, kept as categories are: it is dropped with a notice for now.
    Text {
        /// Index into `levels` `(n_rows,)`.
        codes: Vec<u32>,
        /// Distinct texts, in the order of their first row.
        levels: Vec<String>,
    },
}

/// The code of a missing name.
pub const MISSING_CODE: u32 = u32::MAX;

impl ColumnData {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            ColumnData::Number(values) | ColumnData::DateTime(values) => values.len(),
            ColumnData::Category { codes, .. } | ColumnData::Text { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the cell of this row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            ColumnData::Number(values) | ColumnData::DateTime(values) => values[row].is_nan(),
            ColumnData::Category { codes, .. } | ColumnData::Text { codes, .. } => {
                codes[row] == MISSING_CODE
            }
        }
    }

    /// The cells of these rows, in this order.
    fn take(&self, rows: &[u32]) -> ColumnData {
        fn pick<T: Copy>(cells: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&row| cells[row as usize]).collect()
        }
        match self {
            ColumnData::Number(values) => ColumnData::Number(pick(values, rows)),
            ColumnData::DateTime(values) => ColumnData::DateTime(pick(values, rows)),
            ColumnData::Category { codes, levels, boolean } => ColumnData::Category {
                codes: pick(codes, rows),
                levels: levels.clone(),
                boolean: *boolean,
            },
            ColumnData::Text { codes, levels } => {
                ColumnData::Text { codes: pick(codes, rows), levels: levels.clone() }
            }
        }
    }

    /// The cell as a prediction takes it: what the model sees of this row.
    ///
    /// Dates are given as numbers of seconds.
    pub fn value(&self, row: usize) -> eyas_model::Value<'_> {
        use eyas_model::Value;
        match self {
            _ if self.is_missing(row) => Value::Missing,
            ColumnData::Number(values) | ColumnData::DateTime(values) => Value::Number(values[row]),
            ColumnData::Category { codes, levels, .. } | ColumnData::Text { codes, levels } => {
                Value::Text(&levels[codes[row] as usize])
            }
        }
    }
}

/// A named column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name as in the header.
    pub name: String,
    /// Cells.
    pub data: ColumnData,
}

/// Named columns of equal length; names are distinct.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The columns, in the order of the file.
    pub columns: Vec<Column>,
}

impl Table {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.data.len())
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// These rows, in this order; a row may be taken twice. Names of categories stay all.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn take(&self, rows: &[u32]) -> Table {
        let column =
            |column: &Column| Column { name: column.name.clone(), data: column.data.take(rows) };
        Table { columns: self.columns.iter().map(column).collect() }
    }

    /// Splits rows at random into two tables, of which the second has `share` of the rows, rounded;
    /// both keep the order of rows. Equal seeds give equal splits.
    pub fn split(&self, share: f64, seed: u64) -> (Table, Table) {
        let n_rows = self.n_rows() as u32;
        let mut rows: Vec<u32> = (0..n_rows).collect();
        Stream::new(&[seed, 0x0073_706c_6974]).shuffle(&mut rows);
        let n_second = libm::round(share.clamp(0.0, 1.0) * f64::from(n_rows)) as usize;
        let (second, first) = rows.split_at_mut(n_second);
        first.sort_unstable();
        second.sort_unstable();
        (self.take(first), self.take(second))
    }
}
