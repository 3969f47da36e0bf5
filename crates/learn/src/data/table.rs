//! A table: named, typed columns of equal length.

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
}
