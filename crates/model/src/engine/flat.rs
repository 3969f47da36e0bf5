//! A tree with its tests in the form that encoded rows answer.

use std::collections::HashSet;
use std::ops::Range;

use crate::tree::{Node, Test, Tree};

/// A node: asks whether `row[slot] > threshold`, or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlatNode {
    pub slot: u16,
    pub threshold: u8,
    pub is_leaf: bool,
    /// The node for "no", before that for "yes"; of a leaf the row of values.
    pub next: u32,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The node for "yes" follows `left`.
    Split {
        slot: u16,
        threshold: u8,
        left: u32,
    },
    Leaf {
        value: u32,
    },
}

impl FlatNode {
    pub fn leaf(value: u32) -> Self {
        FlatNode { slot: 0, threshold: 0, is_leaf: true, next: value }
    }

    pub fn split((slot, threshold): (u16, u8), left: u32) -> Self {
        FlatNode { slot, threshold, is_leaf: false, next: left }
    }

    pub fn view(self) -> View {
        let FlatNode { slot, threshold, is_leaf, next } = self;
        if is_leaf {
            View::Leaf { value: next }
        } else {
            View::Split { slot, threshold, left: next }
        }
    }
}

/// The nodes that a root reaches, level by level; the children of a node are neighbours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlatTree<'a> {
    pub nodes: &'a [FlatNode],
    pub depth: usize,
    pub n_leaves: usize,
    /// Whether all nodes of a level ask the same and all leaves lie on the last one.
    pub is_oblivious: bool,
    /// Leaf values, as the tree numbers them.
    pub values: &'a [f32],
    /// Splits, then leaves, each in the order of the nodes; empty if the nodes lie so.
    order: &'a [u32],
}

/// Flat trees one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forest {
    pub nodes: Vec<FlatNode>,
    pub values: Vec<f32>,
    /// Splits and leaves of trees whose nodes mix them.
    order: Vec<u32>,
    trees: Vec<Extent>,
}

/// Where a tree of a forest lies.
#[derive(Debug, Clone)]
struct Extent {
    nodes: Range<usize>,
    values: Range<usize>,
    order: Range<usize>,
    depth: usize,
    n_leaves: usize,
    is_oblivious: bool,
}

impl Forest {
    /// Room for so many trees, nodes and values.
    pub fn with_capacity(n_trees: usize, n_nodes: usize, n_values: usize) -> Forest {
        Forest {
            nodes: Vec::with_capacity(n_nodes),
            values: Vec::with_capacity(n_values),
            order: Vec::new(),
            trees: Vec::with_capacity(n_trees),
        }
    }

    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    pub fn trees(&self) -> impl Iterator<Item = FlatTree<'_>> {
        (0..self.trees.len()).map(|index| self.tree(index))
    }

    pub fn tree(&self, index: usize) -> FlatTree<'_> {
        let extent = &self.trees[index];
        FlatTree {
            nodes: &self.nodes[extent.nodes.clone()],
            depth: extent.depth,
            n_leaves: extent.n_leaves,
            is_oblivious: extent.is_oblivious,
            values: &self.values[extent.values.clone()],
            order: &self.order[extent.order.clone()],
        }
    }

    /// Appends a checked tree; `slot_of` gives slot and threshold of a test of a feature.
    pub fn add(&mut self, tree: &Tree, slot_of: impl Fn(u32, &Test) -> (u16, u8)) {
        let start = self.nodes.len();
        let first_value = self.values.len();
        let mut depth = 0;
        let mut level = vec![0u32];
        let mut next = Vec::new();
        let mut first = 0;
        loop {
            let children = first + level.len();
            for &node in &level {
                self.nodes.push(match tree.nodes[node as usize] {
                    Node::Leaf { value } => FlatNode::leaf(value),
                    Node::Split { feature, test, left, right, .. } => {
                        let at = (children + next.len()) as u32;
                        next.extend([left, right]);
                        FlatNode::split(slot_of(feature, &test), at)
                    }
                });
            }
            if next.is_empty() {
                self.values.extend_from_slice(&tree.values);
                return self.end(start, first_value, depth);
            }
            first = children;
            std::mem::swap(&mut level, &mut next);
            next.clear();
            depth += 1;
        }
    }

    /// Ends a tree whose nodes and values were appended from `start` and `first_value` on.
    pub fn end(&mut self, start: usize, first_value: usize, depth: usize) {
        let nodes = &self.nodes[start..];
        // A tree has one leaf more than tests.
        let n_leaves = nodes.len().div_ceil(2);
        let first_place = self.order.len();
        if nodes[..nodes.len() - n_leaves].iter().any(|node| node.is_leaf) {
            self.order.resize(first_place + nodes.len(), 0);
            put_in_order(nodes, &mut self.order[first_place..]);
        }
        self.trees.push(Extent {
            nodes: start..self.nodes.len(),
            values: first_value..self.values.len(),
            order: first_place..self.order.len(),
            depth,
            n_leaves,
            is_oblivious: is_oblivious(nodes, depth),
        });
    }

    /// Gives every test of a tree another slot.
    pub fn renumber(&mut self, index: usize, mut new: impl FnMut(u16) -> u16) {
        for node in &mut self.nodes[self.trees[index].nodes.clone()] {
            if !node.is_leaf {
                node.slot = new(node.slot);
            }
        }
    }
}

/// Writes splits, then leaves; no branch depends on what a node is, which is hard to guess.
fn put_in_order(nodes: &[FlatNode], order: &mut [u32]) {
    let mut next = [0, nodes.len() / 2];
    for (index, node) in nodes.iter().enumerate() {
        let next = &mut next[usize::from(node.is_leaf)];
        order[*next] = index as u32;
        *next += 1;
    }
}

/// Whether all nodes of a level ask the same and all leaves lie on the last level.
fn is_oblivious(nodes: &[FlatNode], depth: usize) -> bool {
    if depth >= usize::BITS as usize - 1 || nodes.len() + 1 != 2 << depth {
        return false;
    }
    // What a node asks, without where it leads.
    let asked = |node: &FlatNode| (node.is_leaf, node.slot, node.threshold);
    (0..depth).all(|level| {
        let nodes = &nodes[(1 << level) - 1..(2 << level) - 1];
        let first = asked(&nodes[0]);
        !first.0 && nodes.iter().all(|node| asked(node) == first)
    })
}

impl FlatTree<'_> {
    /// Slot and threshold of the test of every level of an oblivious tree.
    pub fn levels(&self) -> impl Iterator<Item = (u16, u8)> {
        assert!(self.is_oblivious, "only oblivious trees have one test a level");
        let first = (0..self.depth).map(|level| &self.nodes[(1 << level) - 1]);
        first.map(|node| (node.slot, node.threshold))
    }

    /// The splits, in the order of the nodes.
    pub fn splits(&self) -> impl Iterator<Item = (usize, FlatNode)> {
        (0..self.nodes.len() - self.n_leaves).map(|place| self.placed(place))
    }

    /// The leaves, in the order of the nodes.
    pub fn leaves(&self) -> impl Iterator<Item = (usize, FlatNode)> {
        (self.nodes.len() - self.n_leaves..self.nodes.len()).map(|place| self.placed(place))
    }

    fn placed(&self, place: usize) -> (usize, FlatNode) {
        let index = if self.order.is_empty() { place } else { self.order[place] as usize };
        (index, self.nodes[index])
    }

    /// The slots that its tests ask.
    pub fn slots(&self) -> HashSet<u16> {
        self.splits().map(|(_, node)| node.slot).collect()
    }

    /// Number of leaves left of all those below every node.
    pub fn leaves_before(&self) -> Vec<u32> {
        let below = self.leaves_below();
        let mut before = vec![0; self.nodes.len()];
        for (index, node) in self.splits() {
            let left = node.next as usize;
            before[left] = before[index];
            before[left + 1] = before[index] + below[left];
        }
        before
    }

    /// Number of leaves below every node.
    pub fn leaves_below(&self) -> Vec<u32> {
        let mut below = vec![1; self.nodes.len()];
        for place in (0..self.nodes.len() - self.n_leaves).rev() {
            let (index, node) = self.placed(place);
            let left = node.next as usize;
            below[index] = below[left] + below[left + 1];
        }
        below
    }
}
