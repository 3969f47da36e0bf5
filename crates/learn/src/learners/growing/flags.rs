//! Columns of two values, a bit a row: up to 64 of them are a word, which a tree takes along with
//! its rows. A node then knows at once which of them are the same in all its rows, and reads its
//! words one after the other, wherever its rows lie.

use super::columns::Column;

/// Most columns in a word.
const MOST: usize = 64;
/// A word a row pays if at least one in so many columns is in it.
const LEAST_SHARE: usize = 4;
/// Rows whose words are made together.
const BLOCK: usize = 2048;

/// The words of all rows.
#[derive(Debug)]
pub(in crate::learners) struct Flags {
    words: Vec<u64>,
    /// By column.
    flags: Vec<Option<Flag>>,
}

/// A column of two values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learners) struct Flag {
    /// Bit of a word: 1 where the value is `high`.
    pub bit: u32,
    pub low: u8,
    pub high: u8,
}

impl Flags {
    /// Of these columns; `None` if few of them have two values.
    pub fn new(columns: &[Column<'_>]) -> Option<Flags> {
        let mut n_flags = 0;
        let mut next = |column: &Column<'_>| {
            let (low, high) = two_values(&column.bytes)?;
            n_flags += 1;
            (n_flags <= MOST).then_some(Flag { bit: n_flags as u32 - 1, low, high })
        };
        let flags: Vec<Option<Flag>> = columns.iter().map(&mut next).collect();
        if n_flags == 0 || n_flags * LEAST_SHARE < columns.len() {
            return None;
        }
        let mut words = vec![0; columns[0].bytes.len()];
        for (block, words) in words.chunks_mut(BLOCK).enumerate() {
            for (column, flag) in columns.iter().zip(&flags) {
                let Some(flag) = flag else { continue };
                let bytes = &column.bytes[block * BLOCK..];
                for (word, &byte) in words.iter_mut().zip(bytes) {
                    *word |= u64::from(byte == flag.high) << flag.bit;
                }
            }
        }
        Some(Flags { words, flags })
    }

    /// The word of a row.
    #[inline(always)]
    pub fn word(&self, row: u32) -> u64 {
        self.words[row as usize]
    }

    /// Where a column is in a word.
    #[inline(always)]
    pub fn of(&self, column: u32) -> Option<Flag> {
        self.flags[column as usize]
    }
}

impl Flag {
    /// The value of a row with this word.
    #[inline(always)]
    pub fn byte(self, word: u64) -> u8 {
        if word >> self.bit & 1 == 1 { self.high } else { self.low }
    }
}

/// The two values of a column, if it has no other and neither is missing.
fn two_values(bytes: &[u8]) -> Option<(u8, u8)> {
    let low = bytes.iter().copied().min()?;
    let high = bytes.iter().copied().max()?;
    // No early exit: the pass is vectorised.
    let both = low > 0 && low < high;
    let is_other = |&byte: &u8| u8::from(byte != low) & u8::from(byte != high);
    (both && bytes.iter().fold(0, |seen, byte| seen | is_other(byte)) == 0).then_some((low, high))
}

/// Bits that are 1 in some of the words and 0 in others.
pub(super) fn varying(words: &[u64]) -> u64 {
    let (mut any, mut all) = (0, u64::MAX);
    for word in words {
        any |= word;
        all &= word;
    }
    any & !all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_are_found() {
        assert_eq!(two_values(&[3, 7, 3]), Some((3, 7)));
        assert_eq!(two_values(&[3, 7, 4]), None);
        assert_eq!(two_values(&[3, 3]), None);
        assert_eq!(two_values(&[0, 3]), None);
        assert_eq!(two_values(&[]), None);
    }

    #[test]
    fn bits_vary_where_words_differ() {
        assert_eq!(varying(&[0b1100, 0b1010, 0b1000]), 0b0110);
        assert_eq!(varying(&[5, 5]), 0);
    }
}
