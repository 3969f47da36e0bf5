//! Files that are read in passes, a chunk of rows at a time, because a table of them would not fit
//! the memory.

use super::names::Names;
use crate::error::Error;

/// What is to be made of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Skip,
    /// Numbers or dates if all cells are, else names.
    Find,
    /// Numbers; another cell is an error.
    Number,
    /// Dates; another cell is an error.
    DateTime,
    /// Names.
    Names,
}

/// The cells of one column in one chunk.
#[derive(Debug, Default)]
pub enum Cells {
    /// The column is skipped.
    #[default]
    Skipped,
    /// Nothing but missing cells, so many.
    Missing(usize),
    /// Numbers, NaN is missing.
    Numbers(Vec<f64>),
    /// Seconds since 1970, NaN is missing.
    Dates(Vec<f64>),
    /// Names of this chunk.
    Names {
        /// Index into `names` `(n_rows,)`; [`super::table::MISSING_CODE`] is missing.
        codes: Vec<u32>,
        /// The names.
        names: Names,
    },
    /// Some cells are numbers or dates and some are not: to be read again as names.
    Mixed,
}

impl Cells {
    /// Number of cells; 0 where they were not kept.
    pub fn n_rows(&self) -> usize {
        match self {
            Cells::Skipped | Cells::Mixed => 0,
            Cells::Missing(n_rows) => *n_rows,
            Cells::Numbers(values) | Cells::Dates(values) => values.len(),
            Cells::Names { codes, .. } => codes.len(),
        }
    }
}

/// Some rows that lie together.
#[derive(Debug)]
pub struct Chunk {
    /// 0, 1, ... in the order of the file; equal in every pass.
    pub index: usize,
    /// Rows of it.
    pub n_rows: usize,
    /// Cells of every column of the file.
    pub columns: Vec<Cells>,
}

/// Takes chunks; called by several threads, in any order.
pub type Sink<'a> = dyn Fn(Chunk) -> Result<(), Error> + Sync + 'a;

/// A file that can be read from its beginning as often as is needed.
pub trait Source: Sync {
    /// What messages call it.
    fn name(&self) -> &str;

    /// Names of its columns, all distinct.
    fn header(&self) -> &[String];

    /// Reads all rows, columns by their modes `(n_columns,)`.
    ///
    /// # Errors
    /// What is wrong with the file, or what `sink` says.
    fn pass(&self, modes: &[Mode], sink: &Sink<'_>) -> Result<(), Error>;
}
