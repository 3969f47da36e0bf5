//! A tree with its tests in the form that encoded rows answer.

use std::collections::HashSet;

use crate::tree::{Node, Test, Tree};

/// A node: asks whether `row[slot] > threshold`, or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlatNode {
    Split { slot: u16, threshold: u8, left: u32, right: u32 },
    Leaf { value: u32 },
}

/// The nodes that a root reaches, level by level; the children of a node are neighbours.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlatTree {
    pub nodes: Vec<FlatNode>,
    pub depth: usize,
    pub n_leaves: usize,
}

impl FlatTree {
    /// Flattens a checked tree; `slot_of` gives slot and threshold of a test of a feature.
    pub fn new(tree: &Tree, slot_of: impl Fn(u32, &Test) -> (u16, u8)) -> FlatTree {
        let mut flat =
            FlatTree { nodes: Vec::with_capacity(tree.nodes.len()), depth: 0, n_leaves: 0 };
        let mut level = vec![0u32];
        let mut next = Vec::new();
        let mut first = 0;
        loop {
            let children = first + level.len();
            for &node in &level {
                flat.nodes.push(match tree.nodes[node as usize] {
                    Node::Leaf { value } => {
                        flat.n_leaves += 1;
                        FlatNode::Leaf { value }
                    }
                    Node::Split { feature, test, left, right, .. } => {
                        let (slot, threshold) = slot_of(feature, &test);
                        let at = (children + next.len()) as u32;
                        next.extend([left, right]);
                        FlatNode::Split { slot, threshold, left: at, right: at + 1 }
                    }
                });
            }
            if next.is_empty() {
                return flat;
            }
            first = children;
            std::mem::swap(&mut level, &mut next);
            next.clear();
            flat.depth += 1;
        }
    }

    /// Slot and threshold of the test of every level, if all nodes of a level ask the same and all
    /// leaves lie on the last one.
    pub fn levels(&self) -> Option<Vec<(u16, u8)>> {
        if self.nodes.len() + 1 != 2 << self.depth {
            return None;
        }
        let mut levels = Vec::with_capacity(self.depth);
        for level in 0..self.depth {
            let mut asked = None;
            for node in &self.nodes[(1 << level) - 1..(2 << level) - 1] {
                let FlatNode::Split { slot, threshold, .. } = *node else { return None };
                if *asked.get_or_insert((slot, threshold)) != (slot, threshold) {
                    return None;
                }
            }
            levels.extend(asked);
        }
        Some(levels)
    }

    /// The slots that its tests ask.
    pub fn slots(&self) -> HashSet<u16> {
        let slot = |node: &FlatNode| match node {
            FlatNode::Split { slot, .. } => Some(*slot),
            FlatNode::Leaf { .. } => None,
        };
        self.nodes.iter().filter_map(slot).collect()
    }

    /// Gives every test another slot.
    pub fn renumber(&mut self, mut new: impl FnMut(u16) -> u16) {
        for node in &mut self.nodes {
            if let FlatNode::Split { slot, .. } = node {
                *slot = new(*slot);
            }
        }
    }

    /// Number of leaves below every node.
    pub fn leaves_below(&self) -> Vec<u32> {
        let mut below = vec![1; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if let FlatNode::Split { left, right, .. } = *node {
                below[index] = below[left as usize] + below[right as usize];
            }
        }
        below
    }
}
