//! Trees as they lie in a file, for someone who needs no logical trees.

use crate::error::Error;
use crate::file::layout::node;
use crate::members::Model;
use crate::tree::{BinSet, TreeOutput};

/// A model but for its trees, and these as they lie in the file.
#[derive(Debug)]
pub(crate) struct StoredModel<'a> {
    /// Its members of trees have bases, scales and outputs, but no trees.
    pub model: Model,
    /// Of every member of trees, in order.
    pub trees: Vec<StoredTrees<'a>>,
}

/// The trees of a member.
#[derive(Debug, Default)]
pub(crate) struct StoredTrees<'a> {
    pub sets: std::rc::Rc<[BinSet]>,
    trees: Vec<StoredTree<'a>>,
}

/// A tree. There are as many leaves as kinds of leaves, and as many splits as other kinds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredTree<'a> {
    pub output: TreeOutput,
    /// By node.
    pub kinds: &'a [u8],
    pub splits: &'a [[u8; 20]],
    /// Rows of values, `u32`.
    pub leaves: &'a [[u8; 4]],
    /// `f32`.
    pub values: &'a [[u8; 4]],
    /// Whether the splits come first and have their children in order, two by two, as the nodes of
    /// a heap: the first has nodes 1 and 2, the next 3 and 4, and so on.
    pub is_heap: bool,
}

/// What a split asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Above { missing_right: bool },
    In,
}

/// A node that is no leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Split {
    pub kind: Kind,
    pub feature: u32,
    /// Threshold or set.
    pub test: u32,
    pub left: u32,
    pub right: u32,
}

impl Split {
    /// Reads a split of a kind that was checked.
    #[inline]
    pub fn new(kind: u8, bytes: &[u8; 20]) -> Split {
        let (numbers, _) = bytes.as_chunks::<4>();
        let number = |place: usize| u32::from_le_bytes(numbers[place]);
        Split {
            kind: match kind {
                node::IN => Kind::In,
                kind => Kind::Above { missing_right: kind == node::ABOVE_MISSING_RIGHT },
            },
            feature: number(0),
            test: number(1),
            left: number(2),
            right: number(3),
        }
    }

    /// What is asked: equal for equal tests.
    pub fn asked(&self) -> (Kind, u32, u32) {
        (self.kind, self.feature, self.test)
    }
}

/// Whether nodes lie as in a heap, see [`StoredTree::is_heap`].
pub(super) fn is_heap(kinds: &[u8], splits: &[[u8; 20]]) -> bool {
    let mut fits = kinds[..splits.len()].iter().all(|&kind| kind != node::LEAF);
    for (index, split) in splits.iter().enumerate() {
        let (numbers, _) = split.as_chunks::<4>();
        let left = 2 * index as u32 + 1;
        fits &= numbers[2] == left.to_le_bytes() && numbers[3] == (left + 1).to_le_bytes();
    }
    fits
}

impl<'a> StoredTrees<'a> {
    pub fn new(sets: std::rc::Rc<[BinSet]>) -> Self {
        StoredTrees { sets, trees: Vec::new() }
    }

    pub fn add(&mut self, tree: StoredTree<'a>) {
        self.trees.push(tree);
    }

    pub fn trees(&self) -> impl Iterator<Item = StoredTree<'a>> + '_ {
        self.trees.iter().copied()
    }

    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    pub fn n_nodes(&self) -> usize {
        self.trees.iter().map(|tree| tree.kinds.len()).sum()
    }

    pub fn n_values(&self) -> usize {
        self.trees.iter().map(|tree| tree.values.len()).sum()
    }
}

impl<'a> StoredModel<'a> {
    /// Reads a file; see [`Model::from_bytes`].
    ///
    /// # Errors
    /// [`Error::BadFile`] if the bytes are not whole and unchanged or come from a newer version.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        crate::file::read::read_stored(bytes)
    }
}
