//! Trees as a file stores them, checked and flattened without the logical trees in between: a
//! predictor needs only the flat ones.
//!
//! What is odd here (a broken tree, or nodes that the root does not reach) is left to the slow way,
//! which reads and checks the logical model and says what is wrong.

use crate::engine::flat::{FlatNode, Forest};
use crate::engine::slots::{SetSlots, Slots};
use crate::engine::usage::Usage;
use crate::file::layout::node;
use crate::file::stored::{Kind, Split, StoredTree, StoredTrees};
use crate::tree::{Test, TreeOutput};

/// Checks trees of a member of `width` outputs and adds what they ask to `usage`; false if a tree is
/// odd.
pub(crate) fn check(trees: &StoredTrees<'_>, width: usize, usage: &mut Usage) -> bool {
    let mut checker = Checker {
        trees,
        usage,
        has_parent: Vec::new(),
        nodes: Vec::new(),
        asked: vec![None; trees.sets.len()],
    };
    trees.trees().all(|tree| {
        let leaf_width = match tree.output {
            TreeOutput::All => width,
            TreeOutput::One(output) if (output as usize) < width => 1,
            TreeOutput::One(_) => return false,
        };
        let n_values = tree.values.len();
        n_values % leaf_width == 0 && checker.is_sound(&tree, n_values / leaf_width)
    })
}

struct Checker<'a, 'f> {
    trees: &'a StoredTrees<'f>,
    usage: &'a mut Usage,
    has_parent: Vec<bool>,
    /// By split: its node.
    nodes: Vec<u32>,
    /// By set: the feature that asked for it last.
    asked: Vec<Option<u32>>,
}

impl Checker<'_, '_> {
    fn is_sound(&mut self, tree: &StoredTree<'_>, n_rows: usize) -> bool {
        // Each test has two children, and only the root is no child.
        if tree.kinds.len() != 2 * tree.splits.len() + 1 {
            return false;
        }
        let last = tree.leaves.iter().fold(0, |last, row| last.max(u32::from_le_bytes(*row)));
        let is_finite = |value: &[u8; 4]| f32::from_le_bytes(*value).is_finite();
        (last as usize) < n_rows
            && tree.values.iter().fold(true, |all, value| all & is_finite(value))
            && self.are_splits_sound(tree)
    }

    fn are_splits_sound(&mut self, tree: &StoredTree<'_>) -> bool {
        if tree.is_heap {
            return self.are_tests_sound(tree.splits.iter().zip(tree.kinds.iter().copied()));
        }
        let mut nodes = std::mem::take(&mut self.nodes);
        nodes.clear();
        nodes.resize(tree.kinds.len(), 0);
        nodes_of_splits(tree, &mut nodes);
        let kinds = nodes.iter().map(|&node| tree.kinds[node as usize]);
        let is_sound = self.are_tests_sound(tree.splits.iter().zip(kinds));
        self.nodes = nodes;
        is_sound && self.has_parents(tree)
    }

    /// Whether what is asked exists.
    fn are_tests_sound<'s>(&mut self, splits: impl Iterator<Item = (&'s [u8; 20], u8)>) -> bool {
        let mut last = None;
        for (split, kind) in splits {
            let split = Split::new(kind, split);
            // Neighbours often ask the same.
            if last != Some(split.asked()) && !self.add_test(&split) {
                return false;
            }
            last = Some(split.asked());
        }
        true
    }

    /// Whether every node but the root is the child of one node before it, by the nodes of the
    /// splits.
    fn has_parents(&mut self, tree: &StoredTree<'_>) -> bool {
        let n_nodes = tree.kinds.len();
        self.has_parent.clear();
        self.has_parent.resize(n_nodes, false);
        for (split, &node) in tree.splits.iter().zip(&self.nodes) {
            let split = Split::new(node::ABOVE, split);
            for child in [split.left, split.right] {
                let is_after = child > node && (child as usize) < n_nodes;
                if !is_after || std::mem::replace(&mut self.has_parent[child as usize], true) {
                    return false;
                }
            }
        }
        true
    }

    fn add_test(&mut self, split: &Split) -> bool {
        let Some(used) = self.usage.features.get_mut(split.feature as usize) else { return false };
        let test = match split.kind {
            Kind::Above { missing_right } => {
                let Ok(threshold) = u8::try_from(split.test) else { return false };
                Test::Above { threshold, missing_right }
            }
            Kind::In => {
                let Some(&set) = self.trees.sets.get(split.test as usize) else { return false };
                if self.asked[split.test as usize].replace(split.feature) == Some(split.feature) {
                    return true;
                }
                Test::In(set)
            }
        };
        used.add_test(&test);
        true
    }
}

/// Writes which nodes are splits, in order; what lies behind is unspecified. No branch depends on
/// the kinds, which are hard to guess.
fn nodes_of_splits(tree: &StoredTree<'_>, nodes: &mut [u32]) {
    let mut place = 0;
    for (node, &kind) in tree.kinds.iter().enumerate() {
        nodes[place] = node as u32;
        place += usize::from(kind != node::LEAF);
    }
}

/// Flattens checked trees.
pub(crate) fn flatten(trees: &StoredTrees<'_>, slots: &Slots<'_>) -> Forest {
    let n_values = trees.n_values();
    let mut forest = Forest::with_capacity(trees.n_trees(), trees.n_nodes(), n_values);
    let mut flattener = Flattener {
        slots,
        sets: SetSlots::new(&trees.sets),
        order: Vec::new(),
        made: Vec::new(),
        children: Vec::new(),
    };
    for tree in trees.trees() {
        let (start, first_value) = (forest.nodes.len(), forest.values.len());
        forest.values.extend(tree.values.iter().map(|value| f32::from_le_bytes(*value)));
        let depth = if tree.is_heap {
            flattener.heap(&tree, &mut forest.nodes)
        } else {
            flattener.by_levels(&tree, &mut forest.nodes)
        };
        forest.end(start, first_value, depth);
    }
    forest
}

struct Flattener<'a> {
    slots: &'a Slots<'a>,
    sets: SetSlots<'a>,
    /// Nodes level by level.
    order: Vec<u32>,
    /// By node of the file: its flat node, but for the children.
    made: Vec<FlatNode>,
    /// By node of the file: its children.
    children: Vec<[u32; 2]>,
}

impl Flattener<'_> {
    /// Slot and threshold of a split.
    #[inline]
    fn slot(&mut self, split: &Split) -> (u16, u8) {
        match split.kind {
            Kind::In => self.sets.of(self.slots, split.feature, split.test),
            Kind::Above { missing_right } => {
                let test = Test::Above { threshold: split.test as u8, missing_right };
                self.slots.of(split.feature, &test)
            }
        }
    }

    /// Appends the nodes of a tree that lie as in a heap; returns its depth.
    fn heap(&mut self, tree: &StoredTree<'_>, nodes: &mut Vec<FlatNode>) -> usize {
        let mut last = None;
        let splits = tree.splits.iter().zip(tree.kinds).enumerate();
        nodes.extend(splits.map(|(index, (split, &kind))| {
            let split = Split::new(kind, split);
            let slot = match last {
                Some((asked, slot)) if asked == split.asked() => slot,
                _ => self.slot(&split),
            };
            last = Some((split.asked(), slot));
            FlatNode::split(slot, 2 * index as u32 + 1)
        }));
        nodes.extend(tree.leaves.iter().map(|row| FlatNode::leaf(u32::from_le_bytes(*row))));
        tree.kinds.len().ilog2() as usize
    }

    /// As [`Flattener::heap`], for any order. No branch depends on the kinds of nodes.
    fn by_levels(&mut self, tree: &StoredTree<'_>, nodes: &mut Vec<FlatNode>) -> usize {
        self.make(tree);
        let n_nodes = tree.kinds.len();
        self.order.clear();
        self.order.resize(n_nodes + 2, 0);
        let (mut next, mut level_end, mut depth) = (1, 1, 0);
        for index in 0..n_nodes {
            if index == level_end {
                (level_end, depth) = (next, depth + 1);
            }
            let node = self.order[index] as usize;
            let mut made = self.made[node];
            self.order[next..next + 2].copy_from_slice(&self.children[node]);
            made.next = if made.is_leaf { made.next } else { next as u32 };
            next += 2 * usize::from(!made.is_leaf);
            nodes.push(made);
        }
        depth
    }

    /// Makes the nodes of a tree, as they lie in the file.
    fn make(&mut self, tree: &StoredTree<'_>) {
        let n_nodes = tree.kinds.len();
        self.made.clear();
        self.made.resize(n_nodes, FlatNode::leaf(0));
        self.children.clear();
        self.children.resize(n_nodes, [0; 2]);
        self.order.clear();
        self.order.resize(n_nodes, 0);
        let mut place = 0;
        for (node, &kind) in tree.kinds.iter().enumerate() {
            self.order[place] = node as u32;
            place += usize::from(kind == node::LEAF);
        }
        for (row, &node) in tree.leaves.iter().zip(&self.order) {
            self.made[node as usize] = FlatNode::leaf(u32::from_le_bytes(*row));
        }
        let mut order = std::mem::take(&mut self.order);
        nodes_of_splits(tree, &mut order);
        for (split, &node) in tree.splits.iter().zip(&order) {
            let split = Split::new(tree.kinds[node as usize], split);
            self.made[node as usize] = FlatNode::split(self.slot(&split), 0);
            self.children[node as usize] = [split.left, split.right];
        }
        self.order = order;
    }
}
