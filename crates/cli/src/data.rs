//! Data files in and out, by what they are called and what they begin with.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use eyas_learn::data::stream::Source;
use eyas_learn::data::types::{KIND_OVERRIDES, kind_override};
use eyas_learn::data::{
    Column, ColumnData, CsvWriter, Notice, ReadOptions, ReadRows, RowBlock, WriteRows,
};
use eyas_learn::{Error, Table};
use eyas_model::{RowSource, Value};

use crate::failure::Failure;
use crate::run_args::{Dialect, Reading};

/// Names of the kinds that a column can be given.
pub fn kind_names() -> Vec<&'static str> {
    KIND_OVERRIDES.iter().map(|(name, _)| *name).collect()
}

impl Reading {
    /// How files are read.
    pub fn options(&self, threads: usize, memory_limit_bytes: Option<u64>) -> ReadOptions {
        let kind = |name: &str| kind_override(name).expect("checked when the arguments were read");
        ReadOptions {
            delimiter: self.dialect.delimiter,
            types: self.types.iter().map(|it| (it.column.clone(), kind(&it.kind))).collect(),
            threads,
            memory_limit_bytes,
        }
    }
}

/// Fails with a usage error if a file that is to be read is not there.
pub fn must_exist(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::usage(format!("cannot read `{}`: there is no such file", path.display()))
                .help("check the path; it counts from the current folder"))
        }
        _ => Ok(()),
    }
}

/// Reads a whole table, and what the reader had to say.
pub fn read_table(path: &Path, options: &ReadOptions) -> Result<(Table, Vec<Notice>), Failure> {
    must_exist(path)?;
    Ok(eyas_arrow::open_table(path, options)?)
}

/// The only column of a file that holds the targets of another.
pub fn labels_of(path: &Path, options: &ReadOptions) -> Result<ColumnData, Failure> {
    let (mut table, _) = read_table(path, options)?;
    let n_columns = table.columns.len();
    match table.columns.pop() {
        Some(column) if n_columns == 1 => Ok(column.data),
        _ => Err(Failure::usage(format!(
            "`{}` has {n_columns} columns, but labels are one column",
            path.display()
        ))
        .help("name a file with one label for each row of the data")),
    }
}

/// Adds the targets that are in a file of their own, as a column of this name.
pub fn add_labels(table: &mut Table, path: &Path, target: &str) -> Result<(), Failure> {
    let data = labels_of(path, &ReadOptions::default())?;
    if data.len() != table.n_rows() {
        return Err(unequal(table.n_rows(), data.len()));
    }
    if table.column(target).is_some() {
        return Err(Failure::usage(format!(
            "the data has a column `{target}` already, and --labels brings another"
        ))
        .help("give the labels another name with --target"));
    }
    if let Some(same) = table.columns.iter().find(|column| column.data == data) {
        return Err(Failure::usage(format!(
            "the column `{0}` of the data holds the same values as --labels: it would give the \
             target away",
            same.name
        ))
        .help(format!("leave --labels out and state --target {}", same.name)));
    }
    table.columns.push(Column { name: target.to_owned(), data });
    Ok(())
}

/// The error of labels that are not as many as the rows.
pub fn unequal(n_rows: usize, n_labels: usize) -> Failure {
    Failure::usage(format!("the data has {n_rows} rows, but there are {n_labels} labels"))
        .help("name the labels of these very rows with --labels")
}

/// Opens a file that is to be read in passes.
pub fn open_source(
    path: &Path,
    options: &ReadOptions,
) -> Result<(Box<dyn Source>, Vec<Notice>), Failure> {
    must_exist(path)?;
    Ok(eyas_arrow::open_source(path, options)?)
}

/// About how many bytes a file takes as a table, with what is made of it for training.
pub fn table_bytes_guess(path: &Path) -> u64 {
    // What a pipe has given is gone: it must not be touched.
    let Some(facts) = std::fs::metadata(path).ok().filter(|facts| facts.is_file()) else {
        return 0;
    };
    let times = match eyas_arrow::format_of(path) {
        Ok(eyas_arrow::Format::Csv) if is_gzip(path) => 16,
        Ok(eyas_arrow::Format::Csv) => 3,
        Ok(eyas_arrow::Format::Parquet) => 12,
        _ => 3,
    };
    facts.len().saturating_mul(times)
}

fn is_gzip(path: &Path) -> bool {
    let mut magic = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && magic == [0x1f, 0x8b]
}

/// Memory that programs can still have, if the system says.
pub fn free_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}

/// Opens a file to read the columns `wanted` row by row.
pub fn open_rows(
    path: &Path,
    dialect: &Dialect,
    wanted: &[&str],
) -> Result<Box<dyn ReadRows>, Failure> {
    must_exist(path)?;
    let options = ReadOptions { delimiter: dialect.delimiter, ..ReadOptions::default() };
    Ok(eyas_arrow::open_rows(path, &options, wanted)?)
}

/// Names of the columns of a file.
pub fn column_names(path: &Path, dialect: &Dialect) -> Result<Vec<String>, Failure> {
    must_exist(path)?;
    let options = ReadOptions { delimiter: dialect.delimiter, ..ReadOptions::default() };
    Ok(eyas_arrow::column_names(path, &options)?)
}

/// Opens a file to write rows to, Parquet or CSV by its name; standard output without a name.
pub fn create_rows(path: Option<&Path>) -> Result<Box<dyn WriteRows>, Failure> {
    let Some(path) = path else {
        return Ok(Box::new(CsvWriter::to_stream("standard output", Box::new(StandardOutput))));
    };
    // Devices and pipes are written to; files appear when they are whole.
    if std::fs::metadata(path).is_ok_and(|data| !data.is_file()) {
        let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
        return Ok(Box::new(CsvWriter::to_stream(&path.display().to_string(), Box::new(file))));
    }
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    const OTHERS: [&str; 10] =
        ["npy", "npz", "json", "jsonl", "arrow", "feather", "xlsx", "png", "svg", "eyas"];
    if OTHERS.iter().any(|other| ending == *other) {
        return Err(Failure::usage(format!(
            "`{}` is named as a file of another kind than is written",
            path.display()
        ))
        .help("rows are written as Parquet to names that end in .parquet, and as CSV to .csv or .csv.gz"));
    }
    Ok(eyas_arrow::create(path)?)
}

/// Standard output. If its reader goes away, the process ends without a word.
pub struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        or_quit(std::io::stdout().write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        or_quit(std::io::stdout().flush())
    }
}

fn or_quit<T>(result: std::io::Result<T>) -> std::io::Result<T> {
    if let Err(error) = &result
        && error.kind() == ErrorKind::BrokenPipe
    {
        std::process::exit(0);
    }
    result
}

/// The first `n_columns` columns of a block, as a model reads them.
pub struct BlockRows<'a> {
    /// The rows.
    pub block: &'a RowBlock,
}

impl RowSource for BlockRows<'_> {
    fn n_rows(&self) -> usize {
        self.block.n_rows()
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        self.block.value(row, column)
    }
}

/// An error of a row of a file.
pub fn row_error(path: &Path, row: u64, error: &eyas_model::Error) -> Failure {
    let (column, problem) = match error {
        eyas_model::Error::BadRow { column, problem } => (Some(column.clone()), problem.clone()),
        other => (None, other.to_string()),
    };
    let problem = format!("data row {row}: {problem}");
    Error::Data { path: path.display().to_string(), line: None, column, problem }.into()
}
