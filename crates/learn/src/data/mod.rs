//! Tables: typed columns with missing values, and how files become tables.

pub mod csv;
pub mod infer;
pub mod table;
pub mod types;

pub use table::{Column, ColumnData, Table};
