//! Deep trees as chains of small blocks.
//!
//! A block holds up to 15 tests that hang together and has up to 16 exits, each another block or a
//! leaf. All its tests are answered at once, its paths tell the exit, and a tree of a thousand
//! leaves takes three or four blocks instead of a dozen nodes that wait for each other. A block
//! grows where most leaves lie, so that most rows take few blocks.

use std::collections::VecDeque;

use crate::engine::flat::{FlatTree, View};
use crate::engine::packing::BLOCK_TESTS;

/// Exits of a block.
pub(crate) const N_EXITS: usize = BLOCK_TESTS + 1;
/// Chains followed side by side.
pub(crate) const CHAIN_LANES: usize = 8;
/// In a state: the rest is a leaf, not a block.
pub(crate) const IS_LEAF: u32 = 1 << 31;

/// 15 tests and 16 exits. Exits to blocks come first, and these blocks follow each other, as do
/// the leaves of the other exits.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Block {
    /// Low bytes of the slots; the last is never used.
    pub slots: [u8; 16],
    pub thresholds: [u8; 16],
    /// Answers on the path to each exit.
    pub want: [u16; N_EXITS],
    /// Tests on the path to each exit; an exit that is not used wants an answer never given.
    pub care: [u16; N_EXITS],
    /// Block of the first exit.
    pub first_block: u32,
    /// Leaf of the first exit that is a leaf, less the number of exits that are blocks.
    pub first_leaf: u32,
    /// Exits that are blocks.
    pub n_blocks: u32,
    /// Whether the slots are 256 or more, by test.
    pub banks: u16,
}

impl Block {
    /// State of a chain that leaves the block by an exit: the next block, or a leaf.
    #[inline(always)]
    pub fn leave(&self, exit: u32) -> u32 {
        let leaf = self.first_leaf.wrapping_add(exit) | IS_LEAF;
        if exit < self.n_blocks { self.first_block + exit } else { leaf }
    }
}

/// Chains of up to eight trees that take about as many blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChainGroup {
    /// Most blocks that a row can take in one of them.
    pub n_hops: u32,
    /// First block of each tree; lanes that are left over repeat the first.
    pub roots: [u32; CHAIN_LANES],
}

/// All chains of a part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chains {
    pub blocks: Vec<Block>,
    pub groups: Vec<ChainGroup>,
    /// First place of the leaves that are found.
    pub place: usize,
}

/// A tree cut into blocks.
#[derive(Debug)]
pub(crate) struct Cut {
    /// Nodes where blocks begin, level by level.
    roots: Vec<u32>,
    /// Most blocks on a way from the root to a leaf.
    pub n_hops: u32,
}

impl Cut {
    /// Decides where the blocks of a tree begin.
    pub fn new(tree: &FlatTree) -> Cut {
        let below = tree.leaves_below();
        let mut cut = Cut { roots: Vec::new(), n_hops: 0 };
        let mut open = VecDeque::from([(0u32, 1u32)]);
        while let Some((root, hop)) = open.pop_front() {
            cut.roots.push(root);
            cut.n_hops = cut.n_hops.max(hop);
            let (exits, _) = grow(tree, &below, root);
            let blocks = exits.into_iter().filter(|&exit| !is_leaf(tree, exit));
            open.extend(blocks.map(|exit| (exit, hop + 1)));
        }
        cut
    }

    /// Number of blocks.
    pub fn n_blocks(&self) -> usize {
        self.roots.len()
    }
}

fn is_leaf(tree: &FlatTree, node: u32) -> bool {
    tree.nodes[node as usize].is_leaf
}

/// Exits and inner nodes of the block that begins at `root`: the exit with most leaves below
/// becomes a test until there are 15.
fn grow(tree: &FlatTree, below: &[u32], root: u32) -> (Vec<u32>, Vec<u32>) {
    let mut exits = vec![root];
    let mut tests = Vec::with_capacity(BLOCK_TESTS);
    while tests.len() < BLOCK_TESTS {
        let open = exits.iter().enumerate().filter(|(_, exit)| !is_leaf(tree, **exit));
        let Some((place, &node)) = open.max_by_key(|(_, exit)| below[**exit as usize]) else {
            break;
        };
        let View::Split { left, .. } = tree.nodes[node as usize].view() else { break };
        tests.push(node);
        exits[place] = left;
        exits.push(left + 1);
    }
    (exits, tests)
}

impl Chains {
    /// Appends the blocks of a tree; returns its first block. Leaves are numbered from 0 in the
    /// order of `values`, to which the row of values of each leaf is added.
    pub fn add(&mut self, tree: &FlatTree, cut: &Cut, values: &mut Vec<u32>) -> u32 {
        let first = self.blocks.len() as u32;
        let below = tree.leaves_below();
        let mut next_block = first + 1;
        for &root in &cut.roots {
            let (mut exits, tests) = grow(tree, &below, root);
            // Stable, so that blocks come in the order in which they were cut.
            exits.sort_by_key(|&exit| is_leaf(tree, exit));
            let n_blocks = exits.iter().filter(|&&exit| !is_leaf(tree, exit)).count() as u32;
            let mut block = empty_block();
            block.first_block = next_block;
            block.n_blocks = n_blocks;
            block.first_leaf = (values.len() as u32).wrapping_sub(n_blocks);
            fill(&mut block, tree, root, &tests, &exits);
            for &exit in &exits[n_blocks as usize..] {
                if let View::Leaf { value } = tree.nodes[exit as usize].view() {
                    values.push(value);
                }
            }
            next_block += n_blocks;
            self.blocks.push(block);
        }
        first
    }

    /// Groups trees given by first block and blocks on the longest way, in the order of places.
    pub fn group(&mut self, trees: &[(u32, u32)]) {
        self.groups.extend(trees.chunks(CHAIN_LANES).map(|trees| ChainGroup {
            n_hops: trees.iter().map(|tree| tree.1).max().unwrap_or(0),
            roots: std::array::from_fn(|lane| trees.get(lane).unwrap_or(&trees[0]).0),
        }));
    }
}

fn empty_block() -> Block {
    Block {
        slots: [0; 16],
        thresholds: [255; 16],
        want: [u16::MAX; N_EXITS],
        care: [u16::MAX; N_EXITS],
        first_block: 0,
        first_leaf: 0,
        n_blocks: 0,
        banks: 0,
    }
}

/// Writes tests and paths of a block.
fn fill(block: &mut Block, tree: &FlatTree, root: u32, tests: &[u32], exits: &[u32]) {
    // Answers wanted and cared for on the way to a node.
    let mut open = vec![(root, 0u16, 0u16)];
    while let Some((node, want, care)) = open.pop() {
        if let Some(exit) = exits.iter().position(|&exit| exit == node) {
            block.want[exit] = want;
            block.care[exit] = care;
            continue;
        }
        let test = tests.iter().position(|&test| test == node).expect("it is a test or an exit");
        let View::Split { slot, threshold, left } = tree.nodes[node as usize].view() else {
            continue;
        };
        block.slots[test] = slot as u8;
        block.thresholds[test] = threshold;
        let bit = 1 << test;
        block.banks |= u16::from(slot >> 8 != 0) * bit;
        open.extend([(left, want, care | bit), (left + 1, want | bit, care | bit)]);
    }
}
