//! Trees as flat arrays of small nodes that are walked without branches.

use crate::engine::encode::Places;
use crate::engine::usage::Usage;
use crate::error::Error;
use crate::tree::{Node, Tree, TreeOutput, Trees};

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
    /// First node of each tree.
    pub roots: [u32; LANES],
    /// Which tree it is; a place after the last tree for lanes that are left over.
    pub trees: [u32; LANES],
}

/// Where a tree begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Root {
    pub depth: u32,
    pub node: u32,
}

/// A sum of trees, ready to walk.
#[derive(Debug, Clone)]
pub(crate) struct PackedTrees {
    pub nodes: Vec<PackedNode>,
    /// By node: for leaves of one number its bits, for rows of numbers where the row starts.
    pub payload: Vec<u32>,
    /// Rows of the leaves that hold a number for each output.
    pub rows: Vec<f32>,
    pub groups: Vec<Group>,
    /// Depth and first node of each tree.
    pub trees: Vec<Root>,
    pub outputs: Vec<TreeOutput>,
    pub base: Vec<f64>,
    pub scale: f64,
}

impl PackedTrees {
    /// Packs checked trees.
    ///
    /// # Errors
    /// More nodes or values than four bytes can count.
    pub fn new(trees: &Trees, usage: &Usage, places: &[Places]) -> Result<Self, Error> {
        let n_nodes: usize = trees.trees.iter().map(|tree| tree.nodes.len()).sum();
        let n_values: usize = trees.trees.iter().map(|tree| tree.values.len()).sum();
        if n_nodes.max(n_values) >= u32::MAX as usize {
            return Err(Error::BadModel("it has more than 4 billion nodes or values".into()));
        }
        let n_outputs = trees.base.len();
        let mut packed = PackedTrees {
            nodes: Vec::with_capacity(n_nodes),
            payload: Vec::with_capacity(n_nodes),
            rows: Vec::new(),
            groups: Vec::new(),
            trees: Vec::with_capacity(trees.trees.len()),
            outputs: trees.outputs.iter().map(|&output| narrow(output, n_outputs)).collect(),
            base: trees.base.clone(),
            scale: trees.scale,
        };
        for (tree, output) in trees.trees.iter().zip(&trees.outputs) {
            let node = packed.nodes.len() as u32;
            let depth = packed.add(tree, narrow(*output, n_outputs), usage, places);
            packed.trees.push(Root { depth, node });
        }
        packed.groups = group(&packed.trees);
        Ok(packed)
    }

    /// Appends the nodes of a tree that its root reaches, level by level; returns its depth.
    fn add(&mut self, tree: &Tree, output: TreeOutput, usage: &Usage, places: &[Places]) -> u32 {
        let row_start = self.rows.len();
        if output == TreeOutput::All {
            self.rows.extend_from_slice(&tree.values);
        }
        let mut level = vec![0u32];
        let mut next = Vec::new();
        let mut first = self.nodes.len();
        let mut depth = 0;
        loop {
            let children = first + level.len();
            for (offset, &node) in level.iter().enumerate() {
                match tree.nodes[node as usize] {
                    Node::Leaf { value } => {
                        let own = (first + offset) as u32;
                        self.nodes.push(PackedNode {
                            threshold: 255,
                            left: own,
                            ..PackedNode::default()
                        });
                        self.payload.push(match output {
                            TreeOutput::One(_) => tree.values[value as usize].to_bits(),
                            TreeOutput::All => {
                                (row_start + value as usize * self.base.len()) as u32
                            }
                        });
                    }
                    Node::Split { feature, test, left, right, .. } => {
                        let used = &usage.features[feature as usize];
                        let (slot, threshold) = used.slot_of(&used.asked(&test));
                        let slot = (places[feature as usize].slot + slot) as u16;
                        let left_child = (children + next.len()) as u32;
                        self.nodes.push(PackedNode {
                            slot,
                            threshold,
                            unused: 0,
                            left: left_child,
                        });
                        self.payload.push(0);
                        next.extend([left, right]);
                    }
                }
            }
            if next.is_empty() {
                return depth;
            }
            first = children;
            std::mem::swap(&mut level, &mut next);
            next.clear();
            depth += 1;
        }
    }
}

/// Rows of one number are single numbers.
pub(crate) fn narrow(output: TreeOutput, n_outputs: usize) -> TreeOutput {
    if n_outputs == 1 { TreeOutput::One(0) } else { output }
}

impl PackedTrees {
    /// Sets `scores` `(n_outputs,)` to what the reached leaves hold, summed in f64 in the order of
    /// the trees; `leaves` gives the node that each tree ended in.
    pub fn sum(&self, leaves: &[u32], scores: &mut [f64]) {
        let leaves = &leaves[..self.outputs.len()];
        if let [score] = scores {
            let values = leaves.iter().map(|&leaf| self.value(leaf));
            *score = values.fold(0.0, |sum, value| sum + value);
        } else {
            scores.fill(0.0);
            for (&leaf, output) in leaves.iter().zip(&self.outputs) {
                self.add_leaf(leaf, *output, scores);
            }
        }
        self.finish(scores);
    }

    /// Adds what a leaf holds to the sums `(n_outputs,)`.
    #[inline]
    pub fn add_leaf(&self, leaf: u32, output: TreeOutput, sums: &mut [f64]) {
        match output {
            TreeOutput::One(k) => sums[k as usize] += self.value(leaf),
            TreeOutput::All => {
                let row = &self.rows[self.payload[leaf as usize] as usize..][..sums.len()];
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
            }
        }
    }

    #[inline]
    fn value(&self, leaf: u32) -> f64 {
        f64::from(f32::from_bits(self.payload[leaf as usize]))
    }

    /// Turns sums into scores `(n_outputs,)`, as the oracle adds them to scores of zero.
    pub fn finish(&self, sums: &mut [f64]) {
        for (sum, base) in sums.iter_mut().zip(&self.base) {
            *sum = 0.0 + (base + self.scale * *sum);
        }
    }
}

/// Groups trees of similar depth, so that few steps are wasted.
fn group(roots: &[Root]) -> Vec<Group> {
    let mut order: Vec<usize> = (0..roots.len()).collect();
    order.sort_by_key(|&tree| roots[tree].depth);
    let groups = order.chunks(LANES).map(|trees| {
        let tree_of = |lane: usize| trees.get(lane).copied();
        // Lanes that are left over walk a tree of the group again and write elsewhere.
        let root_of = |lane| roots[tree_of(lane).unwrap_or(trees[0])].node;
        Group {
            depth: trees.iter().map(|&tree| roots[tree].depth).max().unwrap_or(0),
            roots: std::array::from_fn(root_of),
            trees: std::array::from_fn(|lane| tree_of(lane).unwrap_or(roots.len()) as u32),
        }
    });
    groups.collect()
}
