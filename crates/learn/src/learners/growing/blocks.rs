//! Copies of the columns for the rows of one node: below it, bytes are read from a cache.
//!
//! A tree's large nodes read columns of all rows. Where a node's rows become few, their bytes are
//! copied together, the first and second time into the second cache, the third time into the first,
//! and rows are numbered anew. Columns that are the same in all rows of the later copies are no
//! longer asked.

use super::columns::Column;

/// Most rows of the copies, by level from 2.
const MOST_ROWS: [usize; LEVELS - 1] = [8192, 512];
const LEVELS: usize = 3;
/// Bytes of the copy of level 1: it is made where few columns leave room for many rows.
const FIRST_COPY: usize = 1 << 19;
const FIRST_COPY_ROWS: usize = 1 << 16;
/// Fewest rows that are copied.
const FEWEST_ROWS: usize = 24;
/// A copy pays if at most so many columns are copied for one that is tried at a node.
const MOST_COLUMNS_A_TRY: usize = 16;
/// Rows of which bytes are turned from rows to columns together.
const TURNED: usize = 16;

/// The bytes of all columns, row by row, for reading few rows of many columns.
#[derive(Debug, Default)]
pub(in crate::learners) struct ByRow {
    bytes: Vec<u8>,
    width: usize,
}

impl ByRow {
    /// Of these columns, if a tree that tries `n_tried` columns at a node gains by it.
    pub fn new(columns: &[Column<'_>], n_tried: usize) -> Option<ByRow> {
        let width = columns.len();
        let n_rows = columns.first().map_or(0, |column| column.bytes.len());
        if width == 0 || width > MOST_COLUMNS_A_TRY * n_tried {
            return None;
        }
        let mut bytes = vec![0; n_rows * width];
        // As many rows as keep the lines that are written to in the first cache.
        for (block, bytes) in bytes.chunks_mut(256 * width).enumerate() {
            for (place, column) in columns.iter().enumerate() {
                let column = &column.bytes[block * 256..];
                for (row, &byte) in bytes.chunks_exact_mut(width).zip(column) {
                    row[place] = byte;
                }
            }
        }
        Some(ByRow { bytes, width })
    }

    /// The bytes of a row `(n_columns,)`.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.width..][..self.width]
    }
}

/// The copies that are in use: at most one a level.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Bytes `(n_columns, n_rows)` of each copy.
    bytes: [Vec<u8>; LEVELS],
    n_rows: [usize; LEVELS],
    /// Most rows of the copies.
    most_rows: [usize; LEVELS],
    /// Columns that are being copied.
    copied: Vec<u32>,
}

impl Blocks {
    /// For copies of `n_columns` columns.
    pub fn new(n_columns: usize) -> Blocks {
        let first = FIRST_COPY / n_columns.max(1);
        // A copy of few more rows than the next one is not worth its while.
        let first =
            if first < 2 * MOST_ROWS[0] { MOST_ROWS[0] } else { first.min(FIRST_COPY_ROWS) };
        Blocks { most_rows: [first, MOST_ROWS[0], MOST_ROWS[1]], ..Blocks::default() }
    }

    /// The level of the copy that a node of these rows should read, given that of its parent.
    pub fn level(&self, n_rows: usize, level: usize) -> usize {
        if n_rows < FEWEST_ROWS {
            return level;
        }
        let wanted = self.most_rows.iter().filter(|&&most| n_rows <= most).count();
        wanted.max(level)
    }

    /// Copies the bytes of some rows, given by their numbers at level `from`, to level `to`; of
    /// the `live` places of `columns` only those that vary are kept, which are added at its end (at
    /// level 1 all are kept where they are). What `varies` knows of is not copied.
    pub fn copy(
        &mut self,
        by_row: &ByRow,
        (from, to): (usize, usize),
        rows: &[u32],
        live: std::ops::Range<usize>,
        varies: impl Fn(u32) -> Option<bool>,
        columns: &mut Vec<u32>,
    ) {
        let n_rows = rows.len();
        let (sources, targets) = self.bytes.split_at_mut(to - 1);
        let target = &mut targets[0];
        target.resize(target.len().max(by_row.width * n_rows), 0);
        self.n_rows[to - 1] = n_rows;
        let mut copied = std::mem::take(&mut self.copied);
        copied.clear();
        copied.extend(columns[live.clone()].iter().filter(|column| varies(**column).is_none()));
        if from == 0 {
            turn(by_row, rows, &copied, target);
        } else {
            let (source, stride) = (&sources[from - 1], self.n_rows[from - 1]);
            for &column in &copied {
                let source = &source[column as usize * stride..][..stride];
                let target = &mut target[column as usize * n_rows..][..n_rows];
                for (byte, &row) in target.iter_mut().zip(rows) {
                    *byte = source[row as usize];
                }
            }
        }
        for place in if to > 1 { live } else { 0..0 } {
            let column = columns[place];
            let bytes = &target[column as usize * n_rows..][..n_rows];
            // Both passes are vectorised, an early exit is not.
            let differ = || bytes.iter().fold(0, |seen, byte| seen | (byte ^ bytes[0])) != 0;
            if varies(column).unwrap_or_else(differ) {
                columns.push(column);
            }
        }
        self.copied = copied;
    }

    /// A column at a level above 0.
    #[inline(always)]
    pub fn column(&self, level: usize, column: u32) -> &[u8] {
        let n_rows = self.n_rows[level - 1];
        &self.bytes[level - 1][column as usize * n_rows..][..n_rows]
    }
}

/// Turns the bytes of rows into columns `(n_columns, rows.len())`.
fn turn(by_row: &ByRow, rows: &[u32], columns: &[u32], target: &mut [u8]) {
    let n_rows = rows.len();
    let mut start = 0;
    while start < n_rows {
        let n = TURNED.min(n_rows - start);
        let mut sources = [&[][..]; TURNED];
        for (source, &row) in sources.iter_mut().zip(&rows[start..start + n]) {
            *source = by_row.row(row as usize);
        }
        for &column in columns {
            let column = column as usize;
            let target = &mut target[column * n_rows + start..][..n];
            for (byte, source) in target.iter_mut().zip(&sources) {
                *byte = source[column];
            }
        }
        start += n;
    }
}
