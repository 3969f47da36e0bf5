//! Trees as flat arrays of small nodes that are walked without branches: for every tier, and right
//! for every tree.

use crate::engine::flat::{FlatTree, View};

/// Trees walked side by side.
pub(crate) const LANES: usize = 8;

/// A test or a leaf. The next node is `left + (row[slot] > threshold)`; the children of a test are
/// neighbours, and a leaf leads to itself (nothing is above 255), so walking on stays there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub(crate) struct PackedNode {
    pub slot: u16,
    pub threshold: u8,
    pub unused: u8,
    pub left: u32,
}

/// Trees of about equal depth, walked together for the steps of the deepest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub depth: u32,
    /// First node of each tree; lanes that are left over repeat the first.
    pub roots: [u32; LANES],
    pub n_trees: usize,
}

/// Where a tree begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Root {
    pub depth: u32,
    pub node: u32,
}

/// Trees that are walked node by node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Walked {
    pub nodes: Vec<PackedNode>,
    /// By node: for a leaf, the row of values it stands for.
    pub values: Vec<u32>,
    /// In the order of places.
    pub groups: Vec<Group>,
    /// In the order of places.
    pub trees: Vec<Root>,
    /// First place of the leaves that are found.
    pub place: usize,
}

impl Walked {
    /// Appends a tree.
    pub fn add(&mut self, tree: &FlatTree) {
        let first = self.nodes.len() as u32;
        self.trees.push(Root { depth: tree.depth as u32, node: first });
        for (index, node) in tree.nodes.iter().enumerate() {
            let (node, value) = match node.view() {
                View::Leaf { value } => {
                    let own = first + index as u32;
                    (PackedNode { threshold: 255, left: own, ..PackedNode::default() }, value)
                }
                View::Split { slot, threshold, left, .. } => {
                    (PackedNode { slot, threshold, unused: 0, left: first + left }, 0)
                }
            };
            self.nodes.push(node);
            self.values.push(value);
        }
    }

    /// Groups all trees, in the order of places.
    pub fn group(&mut self) {
        let groups = self.trees.chunks(LANES).map(|trees| Group {
            depth: trees.iter().map(|tree| tree.depth).max().unwrap_or(0),
            roots: std::array::from_fn(|lane| trees.get(lane).unwrap_or(&trees[0]).node),
            n_trees: trees.len(),
        });
        self.groups = groups.collect();
    }

    /// Walks one row through all trees; `found` `(n_trees,)` becomes the row of values that each
    /// one ends in.
    pub fn find(&self, row: &[u8], found: &mut [u32]) {
        let mut place = 0;
        for group in &self.groups {
            let mut at = group.roots;
            for _ in 0..group.depth {
                for lane in &mut at {
                    let node = self.nodes[*lane as usize];
                    *lane = node.left + u32::from(row[usize::from(node.slot)] > node.threshold);
                }
            }
            let found = &mut found[place..place + group.n_trees];
            found.iter_mut().zip(at).for_each(|(found, at)| *found = self.values[at as usize]);
            place += group.n_trees;
        }
    }

    /// Walks many rows `slots` `(n_rows, stride)` through one tree; `found[row]` becomes the row of
    /// values that a row ends in. The number of rows is a multiple of [`LANES`].
    pub fn find_rows(&self, tree: Root, slots: &[u8], stride: usize, found: &mut [u32]) {
        let (groups, rest) = found.as_chunks_mut::<LANES>();
        assert!(rest.is_empty(), "rows come in whole groups");
        for (group, found) in groups.iter_mut().enumerate() {
            let rows = &slots[group * LANES * stride..];
            let mut at = [tree.node; LANES];
            for _ in 0..tree.depth {
                for (lane, at) in at.iter_mut().enumerate() {
                    let node = self.nodes[*at as usize];
                    let bin = rows[lane * stride + usize::from(node.slot)];
                    *at = node.left + u32::from(bin > node.threshold);
                }
            }
            *found = at.map(|at| self.values[at as usize]);
        }
    }
}
