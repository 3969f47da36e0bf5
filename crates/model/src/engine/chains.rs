//! Deep trees as chains of small blocks.
//!
//! A block holds up to 15 tests that hang together and has up to 16 exits, each another block or a
//! leaf. All its tests are answered at once, its paths tell the exit, and a tree of a thousand
//! leaves takes three or four blocks instead of a dozen nodes that wait for each other. A block
//! grows where most leaves lie, so that most rows take few blocks.

use std::collections::VecDeque;

use crate::engine::flat::{FlatNode, FlatTree};
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
    /// Blocks, level by level.
    blocks: Vec<Grown>,
    /// Most blocks on a way from the root to a leaf.
    pub n_hops: u32,
}

impl Cut {
    /// Decides where the blocks of a tree begin.
    pub fn new(tree: &FlatTree) -> Cut {
        let below = tree.leaves_below();
        let mut cut = Cut { blocks: Vec::new(), n_hops: 0 };
        let mut open = VecDeque::from([(0u32, 1u32)]);
        while let Some((root, hop)) = open.pop_front() {
            cut.n_hops = cut.n_hops.max(hop);
            let grown = Grown::new(tree, &below, root);
            open.extend(
                grown.exits().filter(|e| !is_leaf(tree, e.node)).map(|e| (e.node, hop + 1)),
            );
            cut.blocks.push(grown);
        }
        cut
    }

    /// Number of blocks.
    pub fn n_blocks(&self) -> usize {
        self.blocks.len()
    }
}

fn is_leaf(tree: &FlatTree, node: u32) -> bool {
    tree.nodes[node as usize].is_leaf
}

/// Where a block leads: a node, and the answers wanted and cared for on the way to it.
#[derive(Debug, Clone, Copy, Default)]
struct Exit {
    node: u32,
    want: u16,
    care: u16,
}

/// Nodes of a block.
#[derive(Debug, Clone, Copy, Default)]
struct Grown {
    tests: [u32; BLOCK_TESTS],
    n_tests: usize,
    /// One more than tests.
    exits: [Exit; N_EXITS],
}

impl Grown {
    /// The block that begins at `root`: the exit with most leaves below becomes a test until there
    /// are 15.
    fn new(tree: &FlatTree, below: &[u32], root: u32) -> Grown {
        let mut grown = Grown::default();
        grown.exits[0].node = root;
        while grown.n_tests < BLOCK_TESTS {
            let open = grown.exits().enumerate().filter(|(_, exit)| !is_leaf(tree, exit.node));
            let Some((place, exit)) = open.max_by_key(|(_, exit)| below[exit.node as usize]) else {
                break;
            };
            let (left, bit) = (tree.nodes[exit.node as usize].next, 1 << grown.n_tests);
            let care = exit.care | bit;
            grown.tests[grown.n_tests] = exit.node;
            grown.n_tests += 1;
            grown.exits[place] = Exit { node: left, want: exit.want, care };
            grown.exits[grown.n_tests] = Exit { node: left + 1, want: exit.want | bit, care };
        }
        grown
    }

    fn exits(&self) -> impl Iterator<Item = Exit> + Clone + '_ {
        self.exits[..=self.n_tests].iter().copied()
    }
}

impl Chains {
    /// Appends the blocks of a tree; returns its first block. Leaves are numbered from 0 in the
    /// order of `values`, to which the row of values of each leaf is added.
    pub fn add(&mut self, tree: &FlatTree, cut: &Cut, values: &mut Vec<u32>) -> u32 {
        let first = self.blocks.len() as u32;
        let mut next_block = first + 1;
        for grown in &cut.blocks {
            let blocks = grown.exits().filter(|exit| !is_leaf(tree, exit.node));
            let leaves = grown.exits().filter(|exit| is_leaf(tree, exit.node));
            let n_blocks = blocks.clone().count() as u32;
            let mut block = empty_block();
            block.first_block = next_block;
            block.n_blocks = n_blocks;
            block.first_leaf = (values.len() as u32).wrapping_sub(n_blocks);
            // Blocks come in the order in which they were cut.
            for (place, exit) in blocks.chain(leaves.clone()).enumerate() {
                (block.want[place], block.care[place]) = (exit.want, exit.care);
            }
            fill_tests(&mut block, tree, &grown.tests[..grown.n_tests]);
            values.extend(leaves.map(|exit| tree.nodes[exit.node as usize].next));
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

fn fill_tests(block: &mut Block, tree: &FlatTree, tests: &[u32]) {
    for (test, &node) in tests.iter().enumerate() {
        let FlatNode { slot, threshold, .. } = tree.nodes[node as usize];
        block.slots[test] = slot as u8;
        block.thresholds[test] = threshold;
        block.banks |= u16::from(slot >> 8 != 0) << test;
    }
}
