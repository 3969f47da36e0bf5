//! Scores every truncation of a forest: one walk a row and tree.
//!
//! A bit of a node says for each of the limits whether the node is a leaf under it. On its way
//! from the root to a leaf a row adds the value of a node to the sums of those limits whose first
//! leaf it is, so all limits together cost one walk.
//!
//! Rows are cut into chunks of a size of their own, and trees are added in their order: sums do
//! not depend on the number of threads.

use eyas_model::Shape;

use super::blocks::ByRow;
use super::columns::Column;
use super::grow::{Grown, GrownNode, goes_right};
use super::limits::{Limits, MOST, leaves, reached};
use crate::threads::Threads;

/// Rows of a chunk.
const CHUNK: usize = 512;

/// A tree with what its truncations look like.
#[derive(Debug)]
pub(super) struct Marked {
    pub grown: Grown,
    /// Places of the rows that it is scored on; `None`: all.
    pub scored: Option<Vec<u32>>,
    /// How rows pass it, by [`MOST`] limits.
    steps: Vec<Vec<Step>>,
    /// By limits: nodes, and the deepest one's depth.
    sizes: Vec<(usize, usize)>,
    /// By [`MOST`] limits and column: the limits under which it is asked.
    used: Vec<Vec<u64>>,
}

impl Marked {
    /// Finds the leaves of all limits.
    pub fn new(
        grown: Grown,
        scored: Option<Vec<u32>>,
        limits: &[Limits],
        n_columns: usize,
    ) -> Marked {
        assert!(n_columns <= 1 << 23, "a column is numbered in 23 bits");
        let (steps, sizes, used) = (Vec::new(), Vec::new(), Vec::new());
        let mut marked = Marked { grown, scored, steps, sizes, used };
        for limits in limits.chunks(MOST) {
            marked.add(limits, n_columns);
        }
        marked
    }

    fn add(&mut self, limits: &[Limits], n_columns: usize) {
        let grown = &self.grown;
        let leaves = leaves(grown, limits);
        let reached = reached(grown, &leaves);
        let mut sizes = vec![(0, 0); limits.len()];
        let mut used = vec![0; n_columns];
        let all = u64::MAX >> (MOST - limits.len());
        for ((node, &leaf), &reached) in grown.nodes.iter().zip(&leaves).zip(&reached) {
            let mut bits = reached & all;
            if bits & !leaf != 0 {
                used[node.column as usize] |= bits & !leaf;
            }
            while bits != 0 {
                let size = &mut sizes[bits.trailing_zeros() as usize];
                *size = (size.0 + 1, size.1.max(usize::from(node.depth)));
                bits &= bits - 1;
            }
        }
        let step = |(node, &leaves): (&GrownNode, &u64)| Step::new(node, leaves);
        self.steps.push(grown.nodes.iter().zip(&leaves).map(step).collect());
        self.sizes.extend(sizes);
        self.used.push(used);
    }
}

/// Where the bytes of rows are read.
pub(super) struct Table<'a> {
    pub columns: &'a [Column<'a>],
    pub by_row: Option<&'a ByRow>,
}

impl Table<'_> {
    #[inline(always)]
    fn byte(&self, row: u32, column: usize) -> u8 {
        match self.by_row {
            Some(by_row) => by_row.row(row as usize)[column],
            None => self.columns[column].bytes[row as usize],
        }
    }
}

/// Sums of the values of trees, by row and limits.
#[derive(Debug)]
pub(super) struct Sums {
    width: usize,
    n_limits: usize,
    n_rows: usize,
    /// `(n_rows, n_limits, width)`: a row adds to its limits side by side.
    cells: Vec<f64>,
}

impl Sums {
    pub fn new(n_rows: usize, n_limits: usize, width: usize) -> Sums {
        Sums { width, n_limits, n_rows, cells: vec![0.0; n_rows * n_limits * width] }
    }

    /// Adds trees, in their order.
    pub fn add(&mut self, trees: &[Marked], table: &Table<'_>, rows: &[u32], threads: &Threads) {
        if rows.is_empty() {
            return;
        }
        let (width, n_limits) = (self.width, self.n_limits);
        let chunks: Vec<&mut [f64]> = self.cells.chunks_mut(CHUNK * n_limits * width).collect();
        threads.for_each_item(chunks, |index, cells| {
            let chunk = index * CHUNK..rows.len().min((index + 1) * CHUNK);
            for tree in trees {
                let walked = Walked::new(rows, tree.scored.as_deref(), &chunk);
                for (group, steps) in tree.steps.iter().enumerate() {
                    let first = group * MOST;
                    let of_group = MOST.min(n_limits - first);
                    let cells = Cells { cells: &mut *cells, n_limits, first, width };
                    let all = u64::MAX >> (MOST - of_group);
                    add_tree(&tree.grown, steps, all, table, walked, cells);
                }
            }
        });
    }

    /// The mean of the trees of a row plus `center`, `(n_rows, width)`, under some limits; NaN
    /// of no trees.
    pub fn means(&self, limits: usize, n_trees: impl Fn(usize) -> usize, center: f64) -> Vec<f64> {
        let mut means = Vec::with_capacity(self.n_rows * self.width);
        for (place, row) in self.cells.chunks(self.n_limits * self.width).enumerate() {
            let scale = 1.0 / n_trees(place) as f64;
            let sums = &row[limits * self.width..][..self.width];
            means.extend(sums.iter().map(|sum| center + scale * sum));
        }
        means
    }
}

/// A node as rows pass it: its left child is the next one.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Limits under which it is a leaf.
    leaves: u64,
    right: u32,
    /// Column, side of missing values and threshold: 23, 1 and 8 bits.
    test: u32,
}

impl Step {
    fn new(node: &GrownNode, leaves: u64) -> Step {
        let test =
            node.column << 9 | u32::from(node.missing_right) << 8 | u32::from(node.threshold);
        Step { leaves, right: node.right, test }
    }
}

/// Rows that are walked side by side, so that one waits for memory while others go on.
const BESIDE: usize = 8;

/// Some rows of a chunk.
#[derive(Clone, Copy)]
struct Walked<'a> {
    rows: &'a [u32],
    /// Places in `rows`, ascending; `None`: the whole chunk.
    scored: Option<&'a [u32]>,
    first: usize,
    n_rows: usize,
}

impl<'a> Walked<'a> {
    fn new(
        rows: &'a [u32],
        scored: Option<&'a [u32]>,
        chunk: &std::ops::Range<usize>,
    ) -> Walked<'a> {
        let scored = scored.map(|places| {
            let until = |end: usize| places.partition_point(|&place| (place as usize) < end);
            &places[until(chunk.start)..until(chunk.end)]
        });
        let n_rows = scored.map_or(chunk.len(), <[u32]>::len);
        Walked { rows, scored, first: chunk.start, n_rows }
    }

    /// Place in the chunk of its `index`-th row.
    #[inline(always)]
    fn place(&self, index: usize) -> usize {
        self.scored.map_or(index, |scored| scored[index] as usize - self.first)
    }
}

/// Sums of some rows.
struct Cells<'a> {
    cells: &'a mut [f64],
    n_limits: usize,
    /// Where the limits of a walk begin.
    first: usize,
    width: usize,
}

impl Cells<'_> {
    /// Adds a value to the sums of a row under these limits.
    #[inline(always)]
    fn add(&mut self, row: usize, mut limits: u64, values: &[f32]) {
        while limits != 0 {
            let place = self.first + limits.trailing_zeros() as usize;
            let cells = &mut self.cells[(row * self.n_limits + place) * self.width..];
            cells.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
            limits &= limits - 1;
        }
    }
}

/// Adds a tree to the sums of some rows.
fn add_tree(
    grown: &Grown,
    steps: &[Step],
    all: u64,
    table: &Table<'_>,
    walked: Walked<'_>,
    mut cells: Cells<'_>,
) {
    let width = cells.width;
    for group in (0..walked.n_rows).step_by(BESIDE) {
        let n_beside = BESIDE.min(walked.n_rows - group);
        let mut places = [0usize; BESIDE];
        let mut rows = [0u32; BESIDE];
        for lane in 0..n_beside {
            places[lane] = walked.place(group + lane);
            rows[lane] = walked.rows[walked.first + places[lane]];
        }
        let (mut index, mut open) = ([0usize; BESIDE], [all; BESIDE]);
        let mut going = true;
        while going {
            going = false;
            for (lane, &row) in rows[..n_beside].iter().enumerate() {
                if open[lane] == 0 {
                    continue;
                }
                let step = steps[index[lane]];
                let ended = step.leaves & open[lane];
                if ended != 0 {
                    let values = &grown.values[index[lane] * width..][..width];
                    cells.add(places[lane], ended, values);
                    open[lane] &= !ended;
                }
                if open[lane] != 0 {
                    going = true;
                    let byte = table.byte(row, (step.test >> 9) as usize);
                    let missing_right = step.test & 256 != 0;
                    let right = goes_right(byte, step.test as u8, missing_right);
                    index[lane] = if right { step.right as usize } else { index[lane] + 1 };
                }
            }
        }
    }
}

/// Running shapes by limits, over the trees made so far.
#[derive(Debug)]
pub(super) struct Counts {
    shapes: Vec<Shape>,
    /// Nodes of all trees.
    n_nodes: Vec<usize>,
    used: Vec<Vec<u64>>,
}

impl Counts {
    pub fn new(n_limits: usize, n_columns: usize) -> Counts {
        Counts {
            shapes: vec![Shape::default(); n_limits],
            n_nodes: vec![0; n_limits],
            used: vec![vec![0; n_columns]; n_limits.div_ceil(MOST)],
        }
    }

    pub fn add(&mut self, tree: &Marked, width: usize) {
        for (limits, &(n_nodes, depth)) in tree.sizes.iter().enumerate() {
            self.shapes[limits].add_tree_like(depth, n_nodes.div_ceil(2), width);
            self.n_nodes[limits] += n_nodes;
        }
        for (used, more) in self.used.iter_mut().zip(&tree.used) {
            used.iter_mut().zip(more).for_each(|(used, more)| *used |= more);
        }
    }

    /// Shape of the trees counted, under some limits.
    pub fn shape(&self, limits: usize, columns: &[Column<'_>]) -> Shape {
        let bit = 1u64 << (limits % MOST);
        let used = |categorical: bool| {
            let columns = columns.iter().zip(&self.used[limits / MOST]);
            let used = columns.filter(|(column, used)| {
                column.is_categorical() == categorical && *used & bit != 0
            });
            used.count() as f64
        };
        with_features(self.shapes[limits], used(false), used(true))
    }

    /// Whether trees under `laxer` limits are those under `stricter` ones.
    pub fn are_alike(&self, stricter: usize, laxer: usize) -> bool {
        self.n_nodes[stricter] == self.n_nodes[laxer]
    }
}

/// A shape of trees with the features that they ask: at least one slot each.
pub(in crate::learners) fn with_features(trees: Shape, n_binned: f64, n_looked_up: f64) -> Shape {
    Shape { n_binned, n_looked_up, n_slots: n_binned + n_looked_up, ..trees }
}
