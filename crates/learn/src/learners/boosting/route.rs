//! Sending rows down a tree, a node at a time.

use std::ops::Range;

use eyas_model::Node;

use super::grow::{Grown, answers};
use crate::kernels::partition::partition;
use crate::threads::Threads;

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
