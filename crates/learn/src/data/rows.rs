//! Rows of a file, block by block, for predictions: memory does not grow with the file.

use std::path::Path;

use eyas_model::Value;

use super::blocks::{Block, Blocks, data_error, open};
use super::csv::checked_header;
use super::nearest::nearest_name;
use super::parse::{Layout, line_of};
use super::scan::Scanner;
use super::types::{ReadOptions, is_missing};
use crate::error::Error;

/// Rows that a block has by default.
pub const ROWS_A_BLOCK: usize = 8_192;
/// Bytes read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Some rows of chosen columns, as a prediction takes them. Reused from block to block.
#[derive(Debug, Clone, Default)]
pub struct RowBlock {
    n_columns: usize,
    /// Row-major `(n_rows, n_columns)`.
    cells: Vec<Cell>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
enum Cell {
    Missing,
    Number(f64),
    /// Range in `text`.
    Text(usize, usize),
}

impl RowBlock {
    /// An empty block of rows of `n_columns` cells.
    pub fn new(n_columns: usize) -> RowBlock {
        RowBlock { n_columns, ..RowBlock::default() }
    }

    /// Takes all rows out; later rows have `n_columns` cells.
    pub fn clear(&mut self, n_columns: usize) {
        self.n_columns = n_columns;
        self.cells.clear();
        self.text.clear();
    }

    /// Adds a cell at the end of the last row, which is a new one if the last is full.
    pub fn push(&mut self, value: Value<'_>) {
        self.cells.push(match value {
            Value::Missing => Cell::Missing,
            Value::Number(number) => Cell::Number(number),
            Value::Text(text) => {
                let start = self.text.len();
                self.text.push_str(text);
                Cell::Text(start, self.text.len())
            }
        });
    }

    /// Number of cells of a row.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Number of rows; 0 for a block without columns.
    pub fn n_rows(&self) -> usize {
        self.cells.len().checked_div(self.n_columns).unwrap_or(0)
    }

    /// One cell.
    ///
    /// # Panics
    /// If the row or column is out of range.
    pub fn value(&self, row: usize, column: usize) -> Value<'_> {
        assert!(column < self.n_columns, "column {column} of {}", self.n_columns);
        self.resolve(self.cells[row * self.n_columns + column])
    }

    /// The cells of one row, in the order of the chosen columns.
    ///
    /// # Panics
    /// If the row is out of range.
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = Value<'_>> {
        let start = row * self.n_columns;
        self.cells[start..start + self.n_columns].iter().map(|&cell| self.resolve(cell))
    }

    fn resolve(&self, cell: Cell) -> Value<'_> {
        match cell {
            Cell::Missing => Value::Missing,
            Cell::Number(number) => Value::Number(number),
            Cell::Text(start, end) => Value::Text(&self.text[start..end]),
        }
    }
}

/// Reads chosen columns of a file in blocks of rows: one implementation a format.
pub trait ReadRows: Send {
    /// Names of the chosen columns, in the order of a row's cells.
    fn columns(&self) -> &[String];

    /// Replaces `block` by the next rows, at most `max_rows`; false (and an empty block) at the
    /// end of the file.
    ///
    /// # Errors
    /// What is wrong with the file, as when it is read as a table.
    fn next_block(&mut self, max_rows: usize, block: &mut RowBlock) -> Result<bool, Error>;
}

/// Places of the wanted columns in a file.
///
/// # Errors
/// Columns that the file lacks, all of them, each with the nearest name.
pub fn positions_of(path: &str, header: &[String], wanted: &[&str]) -> Result<Vec<usize>, Error> {
    let mut places: Vec<(&str, usize)> =
        header.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    places.sort_unstable();
    let find = |name: &str| {
        let found = places.binary_search_by(|(known, _)| (*known).cmp(name));
        found.ok().map(|at| places[at].1)
    };
    let lacking: Vec<&str> = wanted.iter().copied().filter(|name| find(name).is_none()).collect();
    if lacking.is_empty() {
        return Ok(wanted.iter().copied().filter_map(find).collect());
    }
    let hinted = |name: &&str| match nearest_name(name, header.iter().map(String::as_str)) {
        Some(near) => format!("`{name}` (is it `{near}`?)"),
        None => format!("`{name}`"),
    };
    let (listed, total) = (lacking.iter().take(20).map(hinted).collect::<Vec<_>>(), lacking.len());
    let more = if total > 20 { format!(" and {} more", total - 20) } else { String::new() };
    let problem = format!(
        "the model needs columns that the file lacks: {}{more}; name them as in the training data",
        listed.join(", ")
    );
    Err(data_error(path, Some(1), None, problem))
}

/// Rows of a CSV file, plain or gzip. Every cell that is present is given as text.
pub struct CsvRows {
    path: String,
    header: Vec<String>,
    columns: Vec<String>,
    /// Places in a row of the block by column of the file; a column may be wanted twice.
    wanted: Vec<Vec<usize>>,
    blocks: Blocks,
    current: Option<Block>,
    at: usize,
    /// Byte ranges of the wanted cells of a record, `None` is missing.
    record: Vec<Option<(usize, usize)>>,
    record_text: String,
}

impl CsvRows {
    /// Opens a file to read the columns `wanted`, in this order; other columns are ignored.
    ///
    /// # Errors
    /// What is wrong with the file or its header; columns that it lacks.
    pub fn open(path: &Path, options: &ReadOptions, wanted: &[&str]) -> Result<CsvRows, Error> {
        let (name, blocks, header) = begin(path, options)?;
        let positions = positions_of(&name, &header, wanted)?;
        let mut places = vec![Vec::new(); header.len()];
        for (place, position) in positions.into_iter().enumerate() {
            places[position].push(place);
        }
        Ok(CsvRows {
            path: name,
            header,
            columns: wanted.iter().map(|name| name.to_string()).collect(),
            record: vec![None; wanted.len()],
            wanted: places,
            blocks,
            current: None,
            at: 0,
            record_text: String::new(),
        })
    }

    /// All columns of the file, in its order.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    fn next_text_block(&mut self) -> Result<bool, Error> {
        self.current = self.blocks.next_block()?;
        self.at = 0;
        Ok(self.current.is_some())
    }

    /// Adds rows of the current text block until `rows` has `max_rows` of them.
    fn take_rows(&mut self, max_rows: usize, rows: &mut RowBlock) -> Result<(), Error> {
        let Some(block) = &self.current else { return Ok(()) };
        let mut scanner = Scanner::new(&block.text, self.at, self.blocks.delimiter());
        while rows.n_rows() < max_rows && scanner.next_record() {
            let start = scanner.at();
            self.record_text.clear();
            let mut column = 0;
            loop {
                let field = scanner.next_field();
                let places = self.wanted.get(column).map_or(&[][..], Vec::as_slice);
                if !places.is_empty() {
                    let range = keep(&mut self.record_text, scanner.text(field));
                    places.iter().for_each(|&place| self.record[place] = range);
                }
                column += 1;
                if field.last {
                    break;
                }
            }
            if column != self.header.len() {
                let delimiter = self.blocks.delimiter();
                let layout = Layout { path: &self.path, header: &self.header, delimiter };
                return Err(layout.ragged(line_of(block, start), column));
            }
            for range in &self.record {
                let cell = range.map(|(start, end)| Value::Text(&self.record_text[start..end]));
                rows.push(cell.unwrap_or(Value::Missing));
            }
        }
        self.at = scanner.at();
        Ok(())
    }
}

/// Appends a cell and gives its range; `None` for a missing one.
fn keep(text: &mut String, cell: &str) -> Option<(usize, usize)> {
    let start = text.len();
    if is_missing(cell) {
        return None;
    }
    text.push_str(cell);
    Some((start, text.len()))
}

fn begin(path: &Path, options: &ReadOptions) -> Result<(String, Blocks, Vec<String>), Error> {
    let name = path.display().to_string();
    let (blocks, header) = Blocks::start(&name, open(path)?, options.delimiter, BLOCK_BYTES)?;
    let (header, _) = checked_header(&name, header)?;
    Ok((name, blocks, header))
}

/// The names of a CSV file's columns.
///
/// # Errors
/// What is wrong with the file or its header.
pub fn csv_header(path: &Path, options: &ReadOptions) -> Result<Vec<String>, Error> {
    begin(path, options).map(|(_, _, header)| header)
}

impl ReadRows for CsvRows {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_block(&mut self, max_rows: usize, block: &mut RowBlock) -> Result<bool, Error> {
        block.clear(self.columns.len());
        loop {
            self.take_rows(max_rows, block)?;
            if block.n_rows() >= max_rows || !self.next_text_block()? {
                return Ok(block.n_rows() > 0);
            }
        }
    }
}
