//! Arrays as MNIST is distributed, `idx`.
//!
//! ```text
//! 0 0 | type | number of axes | lengths of the axes, 4 bytes each | numbers
//! type: 8 u8, 9 i8, 11 i16, 12 i32, 13 f32, 14 f64; everything is big-endian
//! ```
//! Reference: LeCun, Cortes, Burges, The MNIST database of handwritten digits (file formats).

use super::{Array, Kind};

/// Most axes that are believed.
const MOST_AXES: u8 = 4;

/// How numbers are stored, if a file that begins so is one of these.
pub(super) fn kind(first: &[u8]) -> Option<Kind> {
    let [0, 0, kind, 1..=MOST_AXES] = *first.first_chunk::<4>()? else { return None };
    let (letter, size) = match kind {
        8 => (b'u', 1),
        9 => (b'i', 1),
        11 => (b'i', 2),
        12 => (b'i', 4),
        13 => (b'f', 4),
        14 => (b'f', 8),
        _ => return None,
    };
    Some(Kind { letter, size, is_big_endian: true })
}

/// Reads the bytes of such a file; axes after the first are laid out in a row.
///
/// # Errors
/// What is wrong with them.
pub(super) fn parse(bytes: &[u8]) -> Result<Array, String> {
    let kind = kind(bytes).ok_or("this is no `idx` file")?;
    let (lengths, _) = bytes[4..].as_chunks::<4>();
    let n_axes = usize::from(bytes[3]);
    let lengths = lengths.get(..n_axes).ok_or("the file is cut off; write it again")?;
    let shape: Vec<usize> = lengths.iter().map(|&n| u32::from_be_bytes(n) as usize).collect();
    Array::new(kind, &shape, false, &bytes[4 + 4 * n_axes..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_rows_of_pixels() {
        let images =
            [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 255]].concat();
        let array = parse(&images).unwrap();
        assert_eq!((array.n_rows, array.n_columns), (2, 2));
        assert_eq!(array.column(1), [2.0, 255.0]);
        for end in 0..images.len() {
            assert!(parse(&images[..end]).is_err(), "cut off at {end}");
        }
    }

    #[test]
    fn numbers_are_big_endian() {
        let file = [&[0, 0, 12, 1, 0, 0, 0, 1][..], &(-2i32).to_be_bytes()].concat();
        assert_eq!(parse(&file).unwrap().number(0, 0), -2.0);
        assert!(parse(&[0, 0, 10, 1, 0, 0, 0, 1, 0]).is_err());
        assert!(parse(b"\0\0\x08\x05").is_err());
    }
}
