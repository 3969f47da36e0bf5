//! Tests by the vector, and the paths that find a leaf from their answers.

use crate::engine::flat::FlatTree;
use crate::engine::packing::{LANES, Packing};

/// 64 tests `row[slot] > threshold`. A test that is not used asks whether a byte is above 255.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Vector {
    /// Low bytes of the slots.
    pub slots: [u8; LANES],
    pub thresholds: [u8; LANES],
}

/// Paths to leaves, left to right: a path is the tests at which it turns left. The first leaf none of
/// whose tests is passed is reached: its own are not, and a leaf before it turns left where the row
/// turns right. Bits of `u16` or `u32`, as many as fit (two trees share those of `u16`, one in the even
/// and one in the odd words). The last leaf turns left nowhere, so what lies behind is never
/// looked for.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Paths(pub [u8; 64]);

/// Trees of one packing, in vectors that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub packing: Packing,
    /// First place of the leaves that are found.
    pub place: usize,
    pub n_trees: usize,
    pub vector: usize,
    pub n_vectors: usize,
    /// First of its paths.
    pub path: usize,
}

/// All vectors of a part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vectors {
    pub vectors: Vec<Vector>,
    /// Lane by lane: whether the slot is 256 or more, by vector.
    pub banks: Vec<u64>,
    pub paths: Vec<Paths>,
}

/// Where one tree's tests lie.
#[derive(Debug, Clone, Copy)]
struct Place {
    vector: usize,
    lane: usize,
}

impl Vectors {
    /// Appends trees of one packing; `place` is where their leaves will be found.
    pub fn add(&mut self, packing: Packing, trees: &[FlatTree<'_>], place: usize) -> Run {
        let (vector, path) = (self.vectors.len(), self.paths.len());
        let n_vectors = trees.len().div_ceil(packing.n_trees());
        let unused = Vector { slots: [0; LANES], thresholds: [255; LANES] };
        self.vectors.resize(vector + n_vectors, unused);
        self.banks.resize(vector + n_vectors, 0);
        for (index, tree) in trees.iter().enumerate() {
            let at = Place {
                vector: vector + index / packing.n_trees(),
                lane: index % packing.n_trees() * packing.n_lanes(),
            };
            match packing {
                Packing::Oblivious(_) => self.add_levels(tree, at),
                Packing::Perfect(_) => self.add_heap(tree, at),
                Packing::Paths16 => self.add_paths::<2>(tree, at, index % 2),
                Packing::Paths32 => self.add_paths::<4>(tree, at, 0),
                Packing::Chain => unreachable!("chains are laid out elsewhere"),
            }
        }
        Run { packing, place, n_trees: trees.len(), vector, n_vectors, path }
    }

    fn set(&mut self, at: Place, lane: usize, slot: u16, threshold: u8) {
        let vector = &mut self.vectors[at.vector];
        vector.slots[at.lane + lane] = slot as u8;
        vector.thresholds[at.lane + lane] = threshold;
        self.banks[at.vector] |= u64::from(slot >> 8 != 0) << (at.lane + lane);
    }

    /// The last level's answer is the lowest bit.
    fn add_levels(&mut self, tree: &FlatTree, at: Place) {
        for (level, (slot, threshold)) in tree.levels().enumerate() {
            self.set(at, tree.depth - 1 - level, slot, threshold);
        }
    }

    /// Heap order from lane 1 on: the children of lane `i` are `2 i` and `2 i + 1`; a missing child
    /// goes left.
    fn add_heap(&mut self, tree: &FlatTree, at: Place) {
        let mut lanes = vec![1; tree.nodes.len()];
        for (index, node) in tree.splits() {
            let (lane, left) = (lanes[index], node.next as usize);
            self.set(at, lane, node.slot, node.threshold);
            (lanes[left], lanes[left + 1]) = (2 * lane, 2 * lane + 1);
        }
    }

    /// Tests in the order of the nodes, leaves from left to right; paths of `BYTES` bytes. `half`:
    /// the tree's place in the pair that shares a register of paths.
    fn add_paths<const BYTES: usize>(&mut self, tree: &FlatTree, at: Place, half: usize) {
        let per_word = 64 / BYTES;
        let n_words = (8 * BYTES).div_ceil(per_word).max(1);
        if half == 0 {
            self.paths.resize(self.paths.len() + n_words, Paths([0; 64]));
        }
        let first = self.paths.len() - n_words;
        // Tests at which the way to a node turns left.
        let mut ways = vec![0u32; tree.nodes.len()];
        for (test, (index, node)) in tree.splits().enumerate() {
            let (way, left) = (ways[index], node.next as usize);
            self.set(at, test, node.slot, node.threshold);
            ways[left] = way | 1 << test;
            ways[left + 1] = way;
        }
        let before = tree.leaves_before();
        for (index, _) in tree.leaves() {
            let leaf = before[index] as usize;
            let lane = if BYTES == 2 { 2 * leaf + half } else { leaf };
            let Paths(paths) = &mut self.paths[first + lane / per_word];
            let byte = lane % per_word * BYTES;
            paths[byte..byte + BYTES].copy_from_slice(&ways[index].to_le_bytes()[..BYTES]);
        }
    }
}

/// Row of values of every leaf that a packing may find, in the order in which it numbers them, into
/// `values`.
pub(crate) fn leaf_values(packing: Packing, tree: &FlatTree, values: &mut Vec<u32>) {
    values.clear();
    if matches!(packing, Packing::Paths16 | Packing::Paths32) {
        let before = tree.leaves_before();
        values.resize(tree.n_leaves, 0);
        tree.leaves().for_each(|(index, leaf)| values[before[index] as usize] = leaf.next);
        return;
    }
    let is_full = tree.nodes.len() + 1 == 2 << tree.depth;
    let n_values = packing.n_values().filter(|&n_values| !is_full || n_values != tree.n_leaves);
    let Some(n_values) = n_values else {
        // As many as leaves; should all lie on the last level, they are in the order of their places.
        return values.extend(tree.leaves().map(|(_, leaf)| leaf.next));
    };
    values.resize(n_values, 0);
    // A leaf above the last level is reached by going left, and takes all the places below it.
    let mut spans = vec![(0, n_values); tree.nodes.len()];
    for (index, node) in tree.splits() {
        let ((start, length), left) = (spans[index], node.next as usize);
        spans[left] = (start, length / 2);
        spans[left + 1] = (start + length / 2, length / 2);
    }
    for (index, leaf) in tree.leaves() {
        let (start, length) = spans[index];
        values[start..start + length].fill(leaf.next);
    }
}
