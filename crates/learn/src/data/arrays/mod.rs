//! Arrays of numbers as data: `.npy` and `.npz` of NumPy, and `idx` as MNIST is distributed; each
//! may be packed with gzip.
//!
//! Rows are the first axis; all others are laid out in a row of columns. Columns are called `x0`,
//! `x1`, ...; in an archive they have the name of their array, with a number if it has several
//! columns. NaN is missing.

use std::io::Read;
use std::path::Path;

use super::blocks::{data_error, open};
use super::csv::{column_of, joined};
use super::rows::{ReadRows, RowBlock, positions_of};
use super::stream::{Cells, Chunk, Mode, Sink, Source};
use super::table::{Column, Table};
use super::types::KindOverride;
use crate::error::Error;

mod idx;
mod npy;
mod npz;

/// Most columns of a file.
const MOST_COLUMNS: usize = 1 << 20;
/// Rows of a chunk, when a file is read in passes.
const CHUNK_ROWS: usize = 8_192;

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Kind {
    /// `f` float, `i` signed, `u` unsigned.
    letter: u8,
    /// Bytes: 1, 2, 4 or 8.
    size: usize,
    is_big_endian: bool,
}

impl Kind {
    /// The number in `size` bytes.
    fn number(self, bytes: &[u8]) -> f64 {
        let mut little = [0_u8; 8];
        little[..self.size].copy_from_slice(bytes);
        if self.is_big_endian {
            little[..self.size].reverse();
        }
        let whole = u64::from_le_bytes(little);
        match (self.letter, self.size) {
            (b'f', 4) => f64::from(f32::from_bits(whole as u32)),
            (b'f', _) => f64::from_bits(whole),
            (b'i', size) => {
                let unused = 64 - 8 * size as u32;
                ((whole << unused) as i64 >> unused) as f64
            }
            _ => whole as f64,
        }
    }
}

/// Numbers in rows and columns, as they lie in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Number of rows.
    pub n_rows: usize,
    /// Number of columns.
    pub n_columns: usize,
    kind: Kind,
    /// Numbers from a row to the next, and from a column to the next.
    steps: (usize, usize),
    bytes: Vec<u8>,
}

impl Array {
    fn new(kind: Kind, shape: &[usize], is_fortran: bool, body: &[u8]) -> Result<Array, String> {
        let too_large = "the shape is too large";
        let (&n_rows, rest) =
            shape.split_first().ok_or("the array has no axes; rows are expected")?;
        let product = |a: usize, b: &usize| a.checked_mul(*b);
        let n_columns = rest.iter().try_fold(1_usize, product).ok_or(too_large)?;
        if n_rows == 0 || n_columns == 0 {
            return Err("the array is empty; rows and columns are expected".into());
        }
        if n_columns > MOST_COLUMNS {
            return Err(format!(
                "a row has {n_columns} numbers; at most {MOST_COLUMNS} columns are read"
            ));
        }
        let n_cells = n_rows.checked_mul(n_columns).ok_or(too_large)?;
        let wanted = n_cells.checked_mul(kind.size).ok_or(too_large)?;
        if body.len() != wanted {
            return Err(format!(
                "{n_rows} x {n_columns} numbers of {} bytes are promised, {wanted} bytes in all, \
                 but {} are there; write the file again",
                kind.size,
                body.len()
            ));
        }
        let steps = if is_fortran { (1, n_rows) } else { (n_columns, 1) };
        Ok(Array { n_rows, n_columns, kind, steps, bytes: body.to_vec() })
    }

    /// One number.
    ///
    /// # Panics
    /// If the row or column is out of range.
    pub fn number(&self, row: usize, column: usize) -> f64 {
        assert!(column < self.n_columns, "column {column} of {}", self.n_columns);
        let at = (row * self.steps.0 + column * self.steps.1) * self.kind.size;
        self.kind.number(&self.bytes[at..at + self.kind.size])
    }

    /// The numbers of a column `(n_rows,)`.
    pub fn column(&self, column: usize) -> Vec<f64> {
        (0..self.n_rows).map(|row| self.number(row, column)).collect()
    }
}

/// A file of arrays with equally many rows.
#[derive(Debug, Clone)]
pub struct Arrays {
    path: String,
    header: Vec<String>,
    /// Array and its column, by column of the file.
    places: Vec<(usize, usize)>,
    arrays: Vec<Array>,
}

/// Whether a file that begins so, unpacked, holds arrays.
pub fn is_arrays(first: &[u8]) -> bool {
    first.starts_with(npy::MAGIC) || first.starts_with(npz::MAGIC) || idx::kind(first).is_some()
}

/// The first bytes of a file, unpacked.
///
/// # Errors
/// No such file, a damaged one.
pub fn first_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut first = Vec::new();
    let name = path.display().to_string();
    let broken = |error: std::io::Error| data_error(&name, None, None, error.to_string());
    open(path)?.take(8).read_to_end(&mut first).map_err(broken)?;
    Ok(first)
}

impl Arrays {
    /// Reads a file.
    ///
    /// # Errors
    /// No such file; a file that is no array, damaged, cut off, or of a type that is no number;
    /// arrays with unequal numbers of rows; no rows; infinite numbers.
    pub fn read(path: &Path) -> Result<Arrays, Error> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let broken = |problem: String| data_error(&name, None, None, problem);
        open(path)?.read_to_end(&mut bytes).map_err(|error| broken(error.to_string()))?;
        let named = Arrays::parse(&bytes).map_err(broken)?;
        drop(bytes);
        Arrays::new(name, named)
    }

    fn parse(bytes: &[u8]) -> Result<Vec<(String, Array)>, String> {
        if bytes.starts_with(npz::MAGIC) {
            return npz::parse(bytes);
        }
        let array =
            if bytes.starts_with(npy::MAGIC) { npy::parse(bytes) } else { idx::parse(bytes) };
        Ok(vec![("x".into(), array?)])
    }

    fn new(path: String, named: Vec<(String, Array)>) -> Result<Arrays, Error> {
        let (mut header, mut places, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
        let alone = named.len() == 1;
        let n_columns: usize = named.iter().map(|(_, array)| array.n_columns).sum();
        if n_columns > MOST_COLUMNS {
            let problem =
                format!("its arrays have {n_columns} columns; at most {MOST_COLUMNS} are read");
            return Err(data_error(&path, None, None, problem));
        }
        for (index, (name, array)) in named.into_iter().enumerate() {
            for column in 0..array.n_columns {
                let numbered = alone || array.n_columns > 1;
                header.push(if numbered { format!("{name}{column}") } else { name.clone() });
                places.push((index, column));
            }
            arrays.push(array);
        }
        let arrays = Arrays { path, header, places, arrays };
        arrays.check()?;
        Ok(arrays)
    }

    fn check(&self) -> Result<(), Error> {
        let broken = |column: Option<&str>, problem: String| {
            Err(data_error(&self.path, None, column, problem))
        };
        let n_rows = self.n_rows();
        if let Some(odd) = self.arrays.iter().find(|array| array.n_rows != n_rows) {
            let problem =
                format!("its arrays have {n_rows} and {} rows; they must have as many", odd.n_rows);
            return broken(None, problem);
        }
        if n_rows == 0 || self.header.is_empty() {
            return broken(None, "the array is empty; rows and columns are expected".into());
        }
        let mut sorted: Vec<&String> = self.header.iter().collect();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            let problem = "two arrays give a column of this name; rename one".into();
            return broken(Some(twice[0]), problem);
        }
        for (name, &(array, column)) in self.header.iter().zip(&self.places) {
            let array = &self.arrays[array];
            let is_float = array.kind.letter == b'f';
            let infinite = |row: &usize| array.number(*row, column).is_infinite();
            if let Some(row) = (0..if is_float { n_rows } else { 0 }).find(infinite) {
                let problem = format!(
                    "row {row}, counted from 0, is infinite; a finite number is expected: make it \
                     NaN if the value is missing, or cap it"
                );
                return broken(Some(name), problem);
            }
        }
        Ok(())
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.arrays.first().map_or(0, |array| array.n_rows)
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    fn numbers(&self, column: usize, rows: std::ops::Range<usize>) -> Vec<f64> {
        let (array, place) = self.places[column];
        rows.map(|row| self.arrays[array].number(row, place)).collect()
    }

    /// All columns as a table, of the kinds that the user states or else numbers.
    ///
    /// # Errors
    /// A column of numbers that is to hold dates.
    pub fn table(&self, stated: impl Fn(&str) -> Option<KindOverride>) -> Result<Table, Error> {
        let mut columns = Vec::with_capacity(self.header.len());
        for (at, name) in self.header.iter().enumerate() {
            let kind = stated(name);
            let mode = match kind {
                Some(KindOverride::Drop) => continue,
                None | Some(KindOverride::Number) => Mode::Number,
                Some(KindOverride::DateTime) => Mode::DateTime,
                Some(_) => Mode::Names,
            };
            let cells = vec![self.cells(at, mode, 0..self.n_rows())?];
            let data = column_of(&self.path, name, kind, joined(cells, self.n_rows()))?;
            columns.push(Column { name: name.clone(), data });
        }
        Ok(Table { columns })
    }

    /// Reads the columns `wanted`, in this order, block by block.
    ///
    /// # Errors
    /// Columns that are not there, with the nearest names.
    pub fn rows(self, wanted: &[&str]) -> Result<ArrayRows, Error> {
        let positions = positions_of(&self.path, &self.header, wanted)?;
        let columns = wanted.iter().map(|name| name.to_string()).collect();
        Ok(ArrayRows { arrays: self, columns, positions, at: 0 })
    }
}

impl Source for Arrays {
    fn name(&self) -> &str {
        &self.path
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn pass(&self, modes: &[Mode], sink: &Sink<'_>) -> Result<(), Error> {
        for (index, first) in (0..self.n_rows()).step_by(CHUNK_ROWS).enumerate() {
            let rows = first..self.n_rows().min(first + CHUNK_ROWS);
            let cells = |(column, &mode): (usize, &Mode)| self.cells(column, mode, rows.clone());
            let columns = modes.iter().enumerate().map(cells).collect::<Result<_, Error>>()?;
            sink(Chunk { index, n_rows: rows.len(), columns })?;
        }
        Ok(())
    }
}

impl Arrays {
    fn cells(
        &self,
        column: usize,
        mode: Mode,
        rows: std::ops::Range<usize>,
    ) -> Result<Cells, Error> {
        let numbers = || self.numbers(column, rows.clone());
        match mode {
            Mode::Skip => Ok(Cells::Skipped),
            Mode::Find | Mode::Number => Ok(Cells::Numbers(numbers())),
            Mode::Names => Ok(named(&numbers())),
            Mode::DateTime => {
                let problem = "it holds numbers, which cannot be read as dates";
                Err(data_error(&self.path, None, Some(&self.header[column]), problem))
            }
        }
    }
}

/// Numbers as names, e.g. codes of categories.
fn named(numbers: &[f64]) -> Cells {
    let (mut names, mut text) = (super::names::Names::default(), String::new());
    let code = |&number: &f64| {
        if number.is_nan() {
            return super::table::MISSING_CODE;
        }
        text.clear();
        super::write::put_number(&mut text, number);
        names.code(&text)
    };
    let codes = numbers.iter().map(code).collect();
    Cells::Names { codes, names }
}

/// Rows of arrays, block by block.
#[derive(Debug)]
pub struct ArrayRows {
    arrays: Arrays,
    columns: Vec<String>,
    positions: Vec<usize>,
    at: usize,
}

impl ReadRows for ArrayRows {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_block(&mut self, max_rows: usize, block: &mut RowBlock) -> Result<bool, Error> {
        block.clear(self.columns.len());
        let end = self.arrays.n_rows().min(self.at + max_rows);
        for row in self.at..end {
            for &position in &self.positions {
                let (array, column) = self.arrays.places[position];
                let number = self.arrays.arrays[array].number(row, column);
                block.push(match number.is_nan() {
                    true => eyas_model::Value::Missing,
                    false => eyas_model::Value::Number(number),
                });
            }
        }
        let is_more = self.at < end;
        self.at = end;
        Ok(is_more)
    }
}

#[cfg(test)]
mod tests {
    use super::npy::tests::file;
    use super::*;
    use crate::data::ColumnData;

    fn arrays(bytes: &[u8]) -> Result<Arrays, Error> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("data");
        std::fs::write(&path, bytes).expect("a temporary file");
        Arrays::read(&path)
    }

    #[test]
    fn an_array_is_a_table_and_rows() {
        let numbers: Vec<u8> =
            [1f32, f32::NAN, 3.0, 4.0].iter().flat_map(|n| n.to_le_bytes()).collect();
        let arrays = arrays(&file("<f4", "False", "(2, 2)", &numbers)).unwrap();
        let table = arrays.table(|_| None).unwrap();
        assert_eq!(table.columns[0].data, ColumnData::Number(vec![1.0, 3.0]));
        assert!(table.columns[1].data.is_missing(0));
        assert_eq!(table.columns[1].name, "x1");
        let named = arrays.table(|name| (name == "x0").then_some(KindOverride::Category)).unwrap();
        assert!(
            matches!(&named.columns[0].data, ColumnData::Category { levels, .. } if levels == &["1", "3"])
        );
        assert!(arrays.table(|_| Some(KindOverride::DateTime)).is_err());
        let mut rows = arrays.rows(&["x1", "x0"]).unwrap();
        let mut block = RowBlock::default();
        assert!(rows.next_block(1, &mut block).unwrap());
        assert_eq!(block.value(0, 0), eyas_model::Value::Missing);
        assert!(rows.next_block(10, &mut block).unwrap());
        assert_eq!(block.value(0, 1), eyas_model::Value::Number(3.0));
        assert!(!rows.next_block(10, &mut block).unwrap());
    }

    #[test]
    fn files_are_told_by_their_first_bytes() {
        assert!(is_arrays(b"\x93NUMPY\x01\0") && is_arrays(b"PK\x03\x04abcd"));
        assert!(is_arrays(&[0, 0, 8, 3, 0, 0, 0, 1]));
        for other in [&b"a,b\n1,2"[..], b"PAR1", b"", &[0, 0, 8], &[0, 0, 8, 9, 1]] {
            assert!(!is_arrays(other), "{other:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_table_is_refused() {
        let infinite = file("<f4", "False", "(1,)", &f32::INFINITY.to_le_bytes());
        let told = arrays(&infinite).unwrap_err().to_string();
        assert!(told.contains("`x0`") && told.contains("infinite"), "{told}");
        assert!(arrays(&file("<f4", "False", "(0,)", &[])).is_err());
    }
}
