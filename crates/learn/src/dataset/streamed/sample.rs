//! The rows of the smallest hashes.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::data::stream::Cells;
use crate::random::key;

/// Kind of key, so that rows are not drawn by what other draws use.
const ROWS: u64 = 0x0072_6F77_7321;

/// A row: its hash, its chunk and its place there.
pub(super) type Key = (u64, u32, u32);

/// Rows with the smallest hashes so far, up to twice as many as are wanted.
#[derive(Debug)]
pub(super) struct RowSample {
    seed: u64,
    n_wanted: usize,
    pub keys: Vec<Key>,
    /// Numbers of every column `(n_columns)` x `(keys.len(),)`; NaN where a cell is none.
    pub columns: Vec<Vec<f64>>,
}

/// Rows of a chunk that may belong to the sample.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    keys: Vec<Key>,
    columns: Vec<Vec<f64>>,
}

/// No row with a hash above it is in the sample; falls as rows come.
#[derive(Debug)]
pub(super) struct Threshold(AtomicU64);

impl Default for Threshold {
    fn default() -> Threshold {
        Threshold(AtomicU64::new(u64::MAX))
    }
}

impl RowSample {
    pub fn new(seed: u64, n_wanted: usize, n_columns: usize) -> RowSample {
        RowSample { seed, n_wanted, keys: Vec::new(), columns: vec![Vec::new(); n_columns] }
    }

    /// Adds rows, and forgets the largest hashes when there are too many.
    pub fn add(&mut self, drawn: Drawn, threshold: &Threshold) {
        self.keys.extend(drawn.keys);
        for (column, more) in self.columns.iter_mut().zip(drawn.columns) {
            column.extend(more);
        }
        if self.keys.len() > 2 * self.n_wanted {
            self.prune();
            let highest = self.keys.iter().max().map_or(u64::MAX, |key| key.0);
            threshold.0.store(highest, Ordering::Relaxed);
        }
    }

    /// Keeps the rows that are wanted.
    pub fn prune(&mut self) {
        if self.keys.len() <= self.n_wanted {
            return;
        }
        let mut sorted = self.keys.clone();
        let (_, &mut first_out, _) = sorted.select_nth_unstable(self.n_wanted);
        let kept: Vec<bool> = self.keys.iter().map(|key| *key < first_out).collect();
        for column in &mut self.columns {
            let mut kept = kept.iter();
            column.retain(|_| kept.next().copied().unwrap_or(false));
        }
        self.keys.retain(|key| *key < first_out);
    }
}

/// The rows of a chunk whose hashes are small enough.
pub(super) fn draw(
    seed: u64,
    chunk: u32,
    cells: &[Cells],
    n_rows: usize,
    threshold: &Threshold,
) -> Drawn {
    let highest = threshold.0.load(Ordering::Relaxed);
    let hashed = |row: u32| (key(&[seed, ROWS, u64::from(chunk), u64::from(row)]), chunk, row);
    let keys: Vec<Key> = (0..n_rows as u32).map(hashed).filter(|key| key.0 <= highest).collect();
    let column = |cells: &Cells| match cells {
        Cells::Numbers(values) | Cells::Dates(values) => {
            keys.iter().map(|key| values[key.2 as usize]).collect()
        }
        _ => vec![f64::NAN; keys.len()],
    };
    let columns = cells.iter().map(column).collect();
    Drawn { keys, columns }
}

impl RowSample {
    /// Seed of the hashes.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Chunk and place of the `n` rows of the smallest hashes, in the order of the file.
    pub fn first(&self, n: usize) -> Vec<(u32, u32)> {
        let mut keys = self.keys.clone();
        keys.sort_unstable();
        keys.truncate(n);
        let mut places: Vec<(u32, u32)> = keys.iter().map(|key| (key.1, key.2)).collect();
        places.sort_unstable();
        places
    }
}
