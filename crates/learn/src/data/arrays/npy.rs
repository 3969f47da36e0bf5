//! Arrays of NumPy, `.npy`.
//!
//! ```text
//! "\x93NUMPY" | major, minor | header length, 2 or 4 bytes | header | numbers
//! header: {'descr': '<f4', 'fortran_order': False, 'shape': (n_rows, n_columns), }
//! ```
//! Floats of 4 and 8 bytes, whole numbers of 1 to 8 bytes and booleans, in either order of axes and
//! of bytes.
//!
//! Reference: NumPy Enhancement Proposal 1, A Simple File Format for NumPy Arrays.

use super::{Array, Kind};

/// First bytes of such a file.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Most bytes of a header that is read.
const MOST_HEADER_BYTES: usize = 1 << 16;

/// Reads the bytes of a `.npy` file; axes after the second are laid out in a row.
///
/// # Errors
/// What is wrong with them, and what was expected.
pub(super) fn parse(bytes: &[u8]) -> Result<Array, String> {
    let (header, body) = split(bytes)?;
    let kind = kind(&quoted(header, "descr")?)?;
    let is_fortran = match value_of(header, "fortran_order")? {
        text if text.starts_with("True") => true,
        text if text.starts_with("False") => false,
        _ => return Err("`fortran_order` is neither True nor False".into()),
    };
    let shape = shape(value_of(header, "shape")?)?;
    if is_fortran && shape.len() > 2 {
        return Err(format!(
            "an array of {} axes is in Fortran's order; write `np.ascontiguousarray(array)`",
            shape.len()
        ));
    }
    Array::new(kind, &shape, is_fortran, body)
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

/// Lengths of the axes, at least one.
fn shape(value: &str) -> Result<Vec<usize>, String> {
    let inner = value.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (inner, _) = inner.ok_or("`shape` is no tuple")?;
    let axes = inner.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    axes.map(|axis| axis.parse().map_err(|_| format!("`{axis}` is no length of an axis"))).collect()
}

/// How numbers are stored, by their description: `<f4`, `|u1`, ...
fn kind(descr: &str) -> Result<Kind, String> {
    let unknown = || {
        format!(
            "numbers are of type `{descr}`; floats of 4 or 8 bytes, whole numbers and booleans \
             are read: convert with `array.astype('float32')`"
        )
    };
    let [order, letter, digits @ ..] = descr.as_bytes() else { return Err(unknown()) };
    let size = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    let kind = Kind {
        letter: if *letter == b'b' { b'u' } else { *letter },
        size: size.ok_or_else(unknown)?,
        is_big_endian: *order == b'>',
    };
    let is_known = match *letter {
        b'f' => [4, 8].contains(&kind.size),
        b'i' | b'u' => [1, 2, 4, 8].contains(&kind.size),
        b'b' => kind.size == 1,
        _ => false,
    };
    if is_known { Ok(kind) } else { Err(unknown()) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file of version 1.
    pub fn file(descr: &str, fortran: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0][..], &length, header.as_bytes(), body].concat()
    }

    fn columns(array: &Array) -> Vec<Vec<f64>> {
        (0..array.n_columns).map(|column| array.column(column)).collect()
    }

    #[test]
    fn arrays_are_read_in_either_order() {
        let numbers = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let numbers: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let by_rows = parse(&file("<f4", "False", "(2, 3)", &numbers)).unwrap();
        assert_eq!(columns(&by_rows), [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
        let by_columns = parse(&file("<f4", "True", "(3, 2)", &numbers)).unwrap();
        assert_eq!(columns(&by_columns), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let flat = parse(&file("<f4", "False", "(6,)", &numbers)).unwrap();
        assert_eq!((flat.n_rows, flat.n_columns), (6, 1));
        let images = parse(&file("<f4", "False", "(1, 3, 2)", &numbers)).unwrap();
        assert_eq!((images.n_rows, images.n_columns), (1, 6));
        assert!(parse(&file("<f4", "True", "(1, 3, 2)", &numbers)).is_err());
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        let one = |descr: &str, body: &[u8]| {
            parse(&file(descr, "False", "(1,)", body)).map(|array| array.number(0, 0))
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
            assert!(parse(&good[..end]).is_err(), "cut off at {end}");
        }
        for shape in ["()", "(2", "(-1,)", "(18446744073709551615, 2)", "(4294967296, 4294967296)"]
        {
            assert!(parse(&file("<f4", "False", shape, &[0; 8])).is_err(), "{shape}");
        }
        assert!(parse(&file("<f4", "Maybe", "(2,)", &[0; 8])).is_err());
        assert!(parse(b"a,b\n1,2\n").is_err());
    }
}
