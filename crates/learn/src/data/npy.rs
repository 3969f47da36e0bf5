//! Arrays of NumPy (`.npy`) as tables.
//!
//! ```text
//! "\x93NUMPY" | major, minor | header length, 2 or 4 bytes | header | numbers
//! header: {'descr': '<f4', 'fortran_order': False, 'shape': (n_rows, n_columns), }
//! ```
//! Floats of 4 and 8 bytes, whole numbers of 1 to 8 bytes and booleans, in either order of axes and
//! of bytes. NaN is missing.
//!
//! Reference: NumPy Enhancement Proposal 1, A Simple File Format for NumPy Arrays.

use std::path::Path;

use super::table::{Column, ColumnData, Table};
use crate::error::Error;

/// First bytes of such a file.
pub const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Most bytes of a header that is read.
const MOST_HEADER_BYTES: usize = 1 << 16;

/// Numbers in rows and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Number of rows.
    pub n_rows: usize,
    /// Columns `(n_columns)` x `(n_rows,)`; one for an array of one axis.
    pub columns: Vec<Vec<f64>>,
}

/// Reads an array of one or two axes; axes after the second are laid out in a row.
///
/// # Errors
/// No such file; a file that is no `.npy`, cut off, or of a type that is no number.
pub fn read_npy(path: &Path) -> Result<Array, Error> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| Error::File {
        action: "read",
        path: name.clone(),
        problem: error.to_string(),
    })?;
    parse_npy(&bytes).map_err(|problem| Error::Data {
        path: name,
        line: None,
        column: None,
        problem,
    })
}

/// The columns of an array as a table, called `x0`, `x1`, ...
pub fn table_of(array: Array) -> Table {
    let column =
        |(place, values)| Column { name: format!("x{place}"), data: ColumnData::Number(values) };
    Table { columns: array.columns.into_iter().enumerate().map(column).collect() }
}

/// Reads the bytes of a `.npy` file.
///
/// # Errors
/// What is wrong with them, and what was expected.
pub fn parse_npy(bytes: &[u8]) -> Result<Array, String> {
    let (header, body) = split(bytes)?;
    let kind = Kind::parse(&quoted(header, "descr")?)?;
    let is_fortran = match value_of(header, "fortran_order")? {
        text if text.starts_with("True") => true,
        text if text.starts_with("False") => false,
        _ => return Err("`fortran_order` is neither True nor False".into()),
    };
    let (n_rows, n_columns) = shape(value_of(header, "shape")?)?;
    let n_cells = n_rows.checked_mul(n_columns).ok_or("the shape is too large")?;
    let wanted = n_cells.checked_mul(kind.size).ok_or("the shape is too large")?;
    if body.len() != wanted {
        return Err(format!(
            "{n_rows} x {n_columns} numbers of {} bytes are promised, {wanted} bytes in all, but \
             {} are there; write the file again",
            kind.size,
            body.len()
        ));
    }
    let (row_step, column_step) = if is_fortran { (1, n_rows) } else { (n_columns, 1) };
    let cell = |at: usize| kind.number(&body[at * kind.size..][..kind.size]);
    let column = |c: usize| (0..n_rows).map(|r| cell(r * row_step + c * column_step)).collect();
    Ok(Array { n_rows, columns: (0..n_columns).map(column).collect() })
}

/// Header and numbers.
fn split(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let cut_off = "the file is cut off in its header; write it again";
    let rest = bytes.strip_prefix(MAGIC).ok_or("this is no `.npy` file")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(cut_off)?;
    let (length, rest) = match version[0] {
        1 => rest
            .split_first_chunk::<2>()
            .map(|(n, rest)| (usize::from(u16::from_le_bytes(*n)), rest)),
        2 | 3 => {
            rest.split_first_chunk::<4>().map(|(n, rest)| (u32::from_le_bytes(*n) as usize, rest))
        }
        other => return Err(format!("version {other} of the format is unknown; 1 to 3 are read")),
    }
    .ok_or(cut_off)?;
    if length > MOST_HEADER_BYTES || length > rest.len() {
        return Err(cut_off.into());
    }
    let (header, body) = rest.split_at(length);
    let header = std::str::from_utf8(header).map_err(|_| "the header is no text")?;
    Ok((header, body))
}

/// What follows the name of a field in the header.
fn value_of<'a>(header: &'a str, field: &str) -> Result<&'a str, String> {
    let missing = || format!("the header has no `{field}`");
    let at = header.find(&format!("'{field}'")).ok_or_else(missing)?;
    let after = &header[at + field.len() + 2..];
    Ok(after.trim_start().strip_prefix(':').ok_or_else(missing)?.trim_start())
}

/// A field that is a text in quotes.
fn quoted(header: &str, field: &str) -> Result<String, String> {
    let value = value_of(header, field)?;
    let inner = value.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let problem = "the array holds records or objects; numbers of one type are expected";
    inner.map(|(text, _)| text.to_string()).ok_or_else(|| problem.into())
}

/// Rows and columns: `(3,)` is a column, `(3, 2, 2)` are three rows of four.
fn shape(value: &str) -> Result<(usize, usize), String> {
    let inner = value.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (inner, _) = inner.ok_or("`shape` is no tuple")?;
    let axes = inner.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let axes: Vec<usize> = axes
        .map(|axis| axis.parse().map_err(|_| format!("`{axis}` is no length of an axis")))
        .collect::<Result<_, String>>()?;
    let (n_rows, rest) = axes.split_first().ok_or("the array has no axes; rows are expected")?;
    let n_columns = rest.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
    Ok((*n_rows, n_columns.ok_or("the shape is too large")?))
}

/// How a number is stored.
#[derive(Debug, Clone, Copy)]
struct Kind {
    letter: u8,
    size: usize,
    is_big_endian: bool,
}

impl Kind {
    fn parse(descr: &str) -> Result<Kind, String> {
        let unknown = || {
            format!(
                "numbers are of type `{descr}`; floats of 4 or 8 bytes, whole numbers and booleans \
                 are read: convert with `array.astype('float32')`"
            )
        };
        let [order, letter, digits @ ..] = descr.as_bytes() else { return Err(unknown()) };
        let size = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
        let kind = Kind {
            letter: *letter,
            size: size.ok_or_else(unknown)?,
            is_big_endian: *order == b'>',
        };
        let is_known = match kind.letter {
            b'f' => [4, 8].contains(&kind.size),
            b'i' | b'u' => [1, 2, 4, 8].contains(&kind.size),
            b'b' => kind.size == 1,
            _ => false,
        };
        if is_known { Ok(kind) } else { Err(unknown()) }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1.
    fn file(descr: &str, fortran: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0][..], &length, header.as_bytes(), body].concat()
    }

    #[test]
    fn arrays_are_read_in_either_order() {
        let numbers: Vec<u8> =
            [1f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|n| n.to_le_bytes()).collect();
        let by_rows = parse_npy(&file("<f4", "False", "(2, 3)", &numbers)).unwrap();
        assert_eq!(by_rows.columns, [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
        let by_columns = parse_npy(&file("<f4", "True", "(3, 2)", &numbers)).unwrap();
        assert_eq!(by_columns.columns, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let flat = parse_npy(&file("<f4", "False", "(6,)", &numbers)).unwrap();
        assert_eq!((flat.n_rows, flat.columns.len()), (6, 1));
        let images = parse_npy(&file("<f4", "False", "(1, 3, 2)", &numbers)).unwrap();
        assert_eq!((images.n_rows, images.columns.len()), (1, 6));
        assert_eq!(table_of(images).columns[5].name, "x5");
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        let one = |descr: &str, body: &[u8]| {
            parse_npy(&file(descr, "False", "(1,)", body)).map(|array| array.columns[0][0])
        };
        assert_eq!(one("<f8", &0.1f64.to_le_bytes()), Ok(0.1));
        assert_eq!(one(">f8", &0.1f64.to_be_bytes()), Ok(0.1));
        assert_eq!(one("|u1", &[200]), Ok(200.0));
        assert_eq!(one("|i1", &[200]), Ok(-56.0));
        assert_eq!(one("<i2", &(-3i16).to_le_bytes()), Ok(-3.0));
        assert_eq!(one(">i4", &(-70_000i32).to_be_bytes()), Ok(-70_000.0));
        assert_eq!(one("<i8", &(-5i64).to_le_bytes()), Ok(-5.0));
        assert_eq!(one("<u8", &u64::MAX.to_le_bytes()), Ok(u64::MAX as f64));
        assert_eq!(one("|b1", &[1]), Ok(1.0));
        for descr in ["<f2", "<c8", "|O", "<U3", "<M8[ns]", "", "<f"] {
            assert!(one(descr, &[0; 8]).is_err(), "{descr}");
        }
    }

    #[test]
    fn broken_files_are_errors() {
        let good = file("<f4", "False", "(2,)", &[0; 8]);
        for end in 0..good.len() {
            assert!(parse_npy(&good[..end]).is_err(), "cut off at {end}");
        }
        for shape in ["()", "(2", "(-1,)", "(18446744073709551615, 2)", "(4294967296, 4294967296)"]
        {
            assert!(parse_npy(&file("<f4", "False", shape, &[0; 8])).is_err(), "{shape}");
        }
        assert!(parse_npy(&file("<f4", "Maybe", "(2,)", &[0; 8])).is_err());
        assert!(parse_npy(b"a,b\n1,2\n").is_err());
    }
}
