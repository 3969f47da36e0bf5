//! Parquet and Arrow IPC files in and out of tables, and one door for every format.
//!
//! ```text
//! file --format (first bytes)--> CSV (eyas_learn) | Parquet | Arrow IPC file | Arrow IPC stream
//!      --> a whole Table, or blocks of rows;  tables and predictions --> CSV | Parquet
//! ```
//! Numbers of any width become f64 (whole numbers beyond 2^53 are rounded), decimals are rounded
//! once, dates and times become seconds since 1970, booleans the names `false` and `true`.
//! Missing are nulls and NaN only; a text `NA` is a name here, unlike in CSV.
//!
//! Invariant: no type of the arrow crates is in a public signature.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use eyas_learn::Error;
use eyas_learn::data::arrays::{Arrays, first_bytes, is_arrays};
use eyas_learn::data::csv::check_stated;
use eyas_learn::data::rows::csv_header;
use eyas_learn::data::stream::Source;
use eyas_learn::data::write::output_of;
use eyas_learn::data::{
    CsvRows, CsvSource, CsvWriter, Notice, OutputColumn, ReadOptions, ReadRows, Table, WriteRows,
    read_csv,
};

mod batches;
mod cells;
mod rows;
mod source;
mod tables;
mod write;

/// The format of a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CSV, plain or gzip: anything that is not one of the others.
    Csv,
    /// Parquet.
    Parquet,
    /// Arrow IPC file, also called Feather version 2.
    ArrowFile,
    /// Arrow IPC stream.
    ArrowStream,
    /// Arrays of numbers: `.npy`, `.npz`, `idx`; also with gzip.
    Arrays,
}

/// The format of a file by its first bytes; its name does not matter.
///
/// # Errors
/// No such file, a directory, no permission.
pub fn format_of(path: &Path) -> Result<Format, Error> {
    if !std::fs::metadata(path).is_ok_and(|data| data.is_file()) {
        // The CSV reader takes pipes, and says what else is wrong.
        return Ok(Format::Csv);
    }
    let mut first = Vec::with_capacity(6);
    let file = File::open(path).map_err(|e| file_error("read", path, e))?;
    file.take(6).read_to_end(&mut first).map_err(|e| file_error("read", path, e))?;
    Ok(match first.as_slice() {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        b"ARROW1" => Format::ArrowFile,
        [0xFF, 0xFF, 0xFF, 0xFF, ..] => Format::ArrowStream,
        // What cannot be unpacked is for the CSV reader to name.
        [0x1F, 0x8B, ..] if first_bytes(path).is_ok_and(|first| is_arrays(&first)) => {
            Format::Arrays
        }
        first if is_arrays(first) => Format::Arrays,
        _ => Format::Csv,
    })
}

/// Arrays as a table; columns that are stated to be categories are names.
fn arrays_table(path: &Path, options: &ReadOptions) -> Result<(Table, Vec<Notice>), Error> {
    let arrays = Arrays::read(path)?;
    let name = path.display().to_string();
    check_stated(&name, arrays.header(), options)?;
    let table = arrays.table(|column| options.kind_of(column))?;
    let needed_bytes = 8 * (table.n_rows() * table.columns.len()) as u64;
    match options.memory_limit_bytes {
        Some(limit_bytes) if needed_bytes > limit_bytes => {
            Err(Error::Memory { what: "the table".to_string(), needed_bytes, limit_bytes })
        }
        _ => Ok((table, Vec::new())),
    }
}

fn file_error(action: &'static str, path: &Path, problem: impl std::fmt::Display) -> Error {
    Error::File { action, path: path.display().to_string(), problem: problem.to_string() }
}

/// Reads a file of any format as a table.
///
/// # Errors
/// What is wrong with the file; a column of a type that no table has, unless it is to be dropped;
/// infinite numbers; the memory limit. See [`read_csv`] for CSV.
pub fn open_table(path: &Path, options: &ReadOptions) -> Result<(Table, Vec<Notice>), Error> {
    match format_of(path)? {
        Format::Csv => read_csv(path, options),
        Format::Arrays => arrays_table(path, options),
        format => tables::read(path, format, options),
    }
}

/// Opens a file of any format that is to be read in passes.
///
/// # Errors
/// What is wrong with the file or its header.
pub fn open_source(
    path: &Path,
    options: &ReadOptions,
) -> Result<(Box<dyn Source>, Vec<Notice>), Error> {
    match format_of(path)? {
        Format::Csv => {
            let (source, notices) = CsvSource::open(path, options)?;
            Ok((Box::new(source), notices))
        }
        Format::Arrays => Ok((Box::new(Arrays::read(path)?), Vec::new())),
        format => Ok((Box::new(source::ArrowSource::open(path, format, options)?), Vec::new())),
    }
}

/// Opens a file of any format to read the columns `wanted`, in this order, block by block.
///
/// # Errors
/// What is wrong with the file; columns that it lacks, with the nearest names.
pub fn open_rows(
    path: &Path,
    options: &ReadOptions,
    wanted: &[&str],
) -> Result<Box<dyn ReadRows>, Error> {
    match format_of(path)? {
        Format::Csv => Ok(Box::new(CsvRows::open(path, options, wanted)?)),
        Format::Arrays => Ok(Box::new(Arrays::read(path)?.rows(wanted)?)),
        format => Ok(Box::new(rows::ArrowRows::open(path, format, wanted)?)),
    }
}

/// Names of the columns of a file of any format.
///
/// # Errors
/// What is wrong with the file or its header.
pub fn column_names(path: &Path, options: &ReadOptions) -> Result<Vec<String>, Error> {
    match format_of(path)? {
        Format::Csv => csv_header(path, options),
        Format::Arrays => Ok(Arrays::read(path)?.header().to_vec()),
        format => batches::Batches::open(path, format, |_| Ok(Vec::new())).map(|b| b.header),
    }
}

/// Begins an output file: Parquet if the name ends in `.parquet`, else CSV (gzip for `.gz`).
///
/// # Errors
/// The file cannot be created.
pub fn create(path: &Path) -> Result<Box<dyn WriteRows>, Error> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
        Ok(Box::new(write::ParquetWriter::create(path)?))
    } else {
        Ok(Box::new(CsvWriter::create(path)?))
    }
}

/// Writes a table in the format that the name says, see [`create`]. The kind of a boolean column is
/// found again on reading.
///
/// # Errors
/// The file cannot be written.
pub fn write_table(path: &Path, table: &Table) -> Result<(), Error> {
    let mut writer = create(path)?;
    let columns: Vec<OutputColumn<'_>> = table.columns.iter().map(output_of).collect();
    writer.write(&columns)?;
    writer.finish()
}
