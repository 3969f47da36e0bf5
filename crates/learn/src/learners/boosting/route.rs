//! Sending rows down a tree, a node at a time.

use std::ops::Range;

use eyas_model::Node;

use super::grow::Grown;
use crate::kernels::partition::partition;
use crate::threads::Threads;

/// Fewest rows that a thread is handed to part.
const LEAST_SHARED_ROWS: usize = 50_000;

/// Rows that are sent down together.
const BLOCK: usize = 4096;

/// Memory for sending rows down trees.
#[derive(Debug, Default)]
pub(super) struct Router {
    rows: Vec<u32>,
    buffer: Vec<u32>,
    ranges: Vec<std::ops::Range<usize>>,
}

impl Router {
    /// Adds leaf values `(n_leaves, width)` to sums `(width)` x `(n_rows,)`, for rows of `columns`
    /// `(n_features)` x `(n_rows,)`.
    pub fn add(
        &mut self,
        grown: &Grown,
        columns: &[impl AsRef<[u8]> + Sync],
        values: &[f32],
        sums: &mut [Vec<f64>],
        threads: &Threads,
    ) {
        let (n_rows, width) = (sums[0].len(), sums.len());
        let n_blocks = n_rows.div_ceil(BLOCK);
        let mut blocks: Vec<Vec<&mut [f64]>> =
            (0..n_blocks).map(|_| Vec::with_capacity(width)).collect();
        for sums in sums {
            blocks.iter_mut().zip(sums.chunks_mut(BLOCK)).for_each(|(block, s)| block.push(s));
        }
        let work = |router: &mut Router, place: usize, sums: &mut [&mut [f64]]| {
            let first = place * BLOCK;
            let rows = first..first + sums[0].len();
            router.route(grown, columns, rows, |leaf, rows| {
                for (sums, &value) in sums.iter_mut().zip(&values[leaf * width..][..width]) {
                    let value = f64::from(value);
                    rows.iter().for_each(|&row| sums[row as usize - first] += value);
                }
            });
        };
        if threads.count() == 1 || n_blocks < 2 {
            blocks.iter_mut().enumerate().for_each(|(place, sums)| work(self, place, sums));
            return;
        }
        threads.for_each_mut(&mut blocks, |place, sums| work(&mut Router::default(), place, sums));
    }

    /// Calls `visit(leaf, rows)` for each leaf that some rows of `columns` `(n_features)` x
    /// `(n_rows,)` reach.
    fn route(
        &mut self,
        grown: &Grown,
        columns: &[impl AsRef<[u8]>],
        rows: Range<usize>,
        mut visit: impl FnMut(usize, &[u32]),
    ) {
        let n_rows = rows.len();
        self.rows.clear();
        self.rows.extend(rows.start as u32..rows.end as u32);
        self.buffer.resize(n_rows, 0);
        self.ranges.clear();
        self.ranges.resize(grown.nodes.len(), 0..0);
        self.ranges[0] = 0..n_rows;
        // Children come after their parents, so one pass in order is enough.
        for (index, node) in grown.nodes.iter().enumerate() {
            let range = self.ranges[index].clone();
            if range.is_empty() {
                continue;
            }
            match *node {
                Node::Leaf { value } => visit(value as usize, &self.rows[range]),
                Node::Split { test, left, right, .. } => {
                    let column = columns[grown.features[index]].as_ref();
                    let rows = &mut self.rows[range.clone()];
                    let n_left = partition(rows, column, &answers(&test), &mut self.buffer);
                    self.ranges[left as usize] = range.start..range.start + n_left;
                    self.ranges[right as usize] = range.start + n_left..range.end;
                }
            }
        }
    }
}

/// Moves rows that go right behind the others, in shares that are rotated together; returns how many
/// do not.
pub(super) fn partition_shared(
    threads: &Threads,
    rows: &mut [u32],
    column: &[u8],
    goes_right: &[u8; 256],
    buffer: &mut [u32],
) -> usize {
    let n_shares = threads.count().min(rows.len() / LEAST_SHARED_ROWS);
    if n_shares < 2 {
        return partition(rows, column, goes_right, buffer);
    }
    let length = rows.len().div_ceil(n_shares);
    let shares = rows.chunks_mut(length).zip(buffer.chunks_mut(length));
    let mut shares: Vec<_> = shares.map(|(rows, buffer)| (rows, buffer, 0)).collect();
    threads.for_each_mut(&mut shares, |_, (rows, buffer, n_left)| {
        *n_left = partition(rows, column, goes_right, buffer);
    });
    let sides: Vec<usize> = shares.into_iter().map(|share| share.2).collect();
    let mut n_left = sides[0];
    for (share, left) in sides.into_iter().enumerate().skip(1) {
        let start = share * length;
        rows[n_left..start + left].rotate_left(start - n_left);
        n_left += left;
    }
    n_left
}

/// The answer of a test by bin, 1 is right.
pub(super) fn answers(test: &eyas_model::Test) -> [u8; 256] {
    std::array::from_fn(|bin| u8::from(test.goes_right(bin as u8)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn shares_are_parted_as_one_list_is() {
        let mut random = Stream::new(&[3]);
        let column: Vec<u8> = (0..400_000).map(|_| random.below(8) as u8).collect();
        let goes_right = std::array::from_fn(|bin| u8::from(bin % 3 == 0));
        let all: Vec<u32> = (0..400_000).filter(|row| row % 5 > 0).collect();
        let mut buffer = vec![0; all.len()];
        let mut part = |n_threads: usize| {
            let mut rows = all.clone();
            let threads = Threads::new(n_threads);
            let n = partition_shared(&threads, &mut rows, &column, &goes_right, &mut buffer);
            (n, rows)
        };
        let one = part(1);
        assert!(one == part(2) && one == part(3) && one == part(6));
    }
}
