//! Tables: typed columns with missing values, and how files become tables.

pub mod arrays;
pub(crate) mod blocks;
pub mod csv;
pub mod infer;
pub mod names;
pub mod nearest;
mod parse;
pub mod rows;
mod scan;
mod stack;
pub mod stream;
pub mod table;
pub mod types;
pub mod write;

pub use csv::{CsvSource, read_csv, read_csv_bytes};
pub use rows::{CsvRows, ReadRows, RowBlock};
pub use table::{Column, ColumnData, Table};
pub use types::{KindOverride, Notice, ReadOptions};
pub use write::{CsvWriter, OutputCells, OutputColumn, WriteRows};
