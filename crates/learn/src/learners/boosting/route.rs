//! Sending rows down a tree, a node at a time.

use eyas_model::Node;

use super::grow::{Grown, answers};
use crate::kernels::partition::partition;

/// Memory for sending rows down trees.
#[derive(Debug, Default)]
pub(super) struct Router {
    rows: Vec<u32>,
    buffer: Vec<u32>,
    ranges: Vec<std::ops::Range<usize>>,
}

impl Router {
    /// Calls `visit(leaf, rows)` for each leaf that rows `0..n_rows` of `columns` `(n_features)` x
    /// `(n_rows,)` reach.
    pub fn route(
        &mut self,
        grown: &Grown,
        columns: &[Vec<u8>],
        n_rows: usize,
        mut visit: impl FnMut(usize, &[u32]),
    ) {
        self.rows.clear();
        self.rows.extend(0..n_rows as u32);
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
                    let column = &columns[grown.features[index]];
                    let rows = &mut self.rows[range.clone()];
                    let n_left = partition(rows, column, &answers(&test), &mut self.buffer);
                    self.ranges[left as usize] = range.start..range.start + n_left;
                    self.ranges[right as usize] = range.start + n_left..range.end;
                }
            }
        }
    }
}
