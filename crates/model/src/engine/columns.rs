//! Trees laid out for batches: 64 rows take a test together, and four times as many share what
//! reading the test costs.
//!
//! Slots of rows lie side by side, so one compare answers a test for 64 of them. Which rows
//! reach a node is a number of 64 bits; a leaf that rows reach writes its number to their bytes, and
//! permutations of the leaf values turn bytes into values. Served are trees of up to 64 leaves that
//! add to one output; a part with others is predicted row by row.

use crate::engine::flat::FlatTree;
use crate::engine::packing::Packing;
use crate::engine::vectors::leaf_values;

/// Groups of 64 rows that are predicted together.
pub(crate) const GROUPS: usize = 4;
/// Rows that are predicted together.
pub(crate) const ROWS: usize = 64 * GROUPS;
/// Most nodes of a tree, rounded up.
pub(crate) const MAX_NODES: usize = 128;
/// Which rows reach each node.
pub(crate) type Reach = [[u64; GROUPS]; MAX_NODES];
/// Most leaves of a tree.
pub(crate) const MAX_LEAVES: usize = 64;
/// Most slots; with more, columns leave the caches.
pub(crate) const MAX_SLOTS: usize = 2048;

/// A test, and which nodes it leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnTest {
    /// The threshold in each of four bytes.
    pub threshold: u32,
    pub slot: u16,
    /// Numbers of nodes: tests and leaves, in the order of the tree.
    pub node: u8,
    pub left: u8,
    pub right: u8,
}

/// A tree: its tests, and where its leaves are.
#[derive(Debug, Clone)]
pub(crate) struct ColumnTree {
    pub tests: std::ops::Range<usize>,
    /// Node of each leaf; empty if the tree is oblivious, one test a level.
    pub leaves: std::ops::Range<usize>,
    /// First leaf value, and how many there are: 16, 32 or 64.
    pub value: usize,
    pub n_values: usize,
}

/// All trees of a part, those of an output in the order of their sum.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    pub n_slots: usize,
    pub tests: Vec<ColumnTest>,
    /// Nodes that are leaves.
    pub leaves: Vec<u8>,
    pub values: Vec<f32>,
    pub trees: Vec<ColumnTree>,
}

impl Columns {
    /// Whether a tree can be laid out.
    pub fn serve(tree: &FlatTree) -> bool {
        tree.n_leaves <= MAX_LEAVES
    }

    /// Appends a tree with its leaf values; `order` is written to.
    pub fn add(&mut self, tree: &FlatTree, order: &mut Vec<u32>) {
        let (first_test, first_leaf, value) =
            (self.tests.len(), self.leaves.len(), self.values.len());
        let packing = if tree.is_oblivious {
            self.tests.extend(tree.levels().map(|(slot, threshold)| ColumnTest {
                threshold: spread(threshold),
                slot,
                node: 0,
                left: 0,
                right: 0,
            }));
            Packing::Oblivious(tree.depth as u8)
        } else {
            self.add_nodes(tree);
            Packing::Chain
        };
        leaf_values(packing, tree, order);
        let n_values = order.len().next_power_of_two().max(16);
        self.values.extend(order.iter().map(|&row| tree.values[row as usize]));
        self.values.resize(value + n_values, 0.0);
        self.trees.push(ColumnTree {
            tests: first_test..self.tests.len(),
            leaves: first_leaf..self.leaves.len(),
            value,
            n_values,
        });
    }

    fn add_nodes(&mut self, tree: &FlatTree) {
        self.tests.extend(tree.splits().map(|(index, node)| ColumnTest {
            threshold: spread(node.threshold),
            slot: node.slot,
            node: index as u8,
            left: node.next as u8,
            right: node.next as u8 + 1,
        }));
        self.leaves.extend(tree.leaves().map(|(index, _)| index as u8));
    }
}

fn spread(threshold: u8) -> u32 {
    u32::from(threshold) * 0x0101_0101
}

/// Puts slots of rows `(n_rows, stride)` side by side: `columns` `(n_slots, ROWS)`.
pub(crate) fn transpose(slots: &[u8], stride: usize, n_rows: usize, columns: &mut [u8]) {
    for (slot, column) in columns.chunks_exact_mut(ROWS).enumerate() {
        for (row, byte) in column[..n_rows].iter_mut().enumerate() {
            *byte = slots[row * stride + slot];
        }
    }
}

/// Puts slots of rows side by side again: `slots` `(n_rows, stride)`.
pub(crate) fn to_rows(columns: &[[u8; ROWS]], slots: &mut [u8], stride: usize) {
    for (row, slots) in slots.chunks_exact_mut(stride).enumerate() {
        slots.iter_mut().zip(columns).for_each(|(slot, column)| *slot = column[row]);
    }
}
