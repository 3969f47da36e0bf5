//! Decision trees over bins, in the logical form that learners build and prune.
//!
//! The packed form that predicts is made by [`crate::engine`]; [`Tree::leaf`] is the slow, obvious
//! walk that every faster one must equal.

/// A set of bins of one categorical feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct BinSet(pub [u64; 4]);

impl BinSet {
    /// Adds a bin.
    pub fn insert(&mut self, bin: u8) {
        self.0[usize::from(bin >> 6)] |= 1 << (bin & 63);
    }

    /// Whether the bin is in the set.
    pub fn contains(&self, bin: u8) -> bool {
        self.0[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
    }
}

/// The question a node asks. True sends the row to the right child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    /// `bin > threshold`; a missing value (bin 0) goes right only if `missing_right`.
    Above {
        /// Largest bin that goes left.
        threshold: u8,
        /// Where a missing value goes.
        missing_right: bool,
    },
    /// The bin is in the set (bin 0 and the bucket of unseen levels may be members).
    In(BinSet),
}

impl Test {
    /// Whether a row with this bin goes right.
    pub fn goes_right(&self, bin: u8) -> bool {
        match self {
            Test::Above { threshold, missing_right } => {
                bin > *threshold || (bin == 0 && *missing_right)
            }
            Test::In(set) => set.contains(bin),
        }
    }
}

/// A node of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// Asks a question.
    Split {
        /// Feature asked about.
        feature: u32,
        /// The question.
        test: Test,
        /// Index of the child for "no".
        left: u32,
        /// Index of the child for "yes".
        right: u32,
        /// Decrease of the training loss, for importances.
        gain: f32,
    },
    /// Answers.
    Leaf {
        /// Row of [`Tree::values`].
        value: u32,
    },
}

/// A tree; node 0 is the root, children come after their parent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Leaf values `(n_leaves, width)`, row-major; width is given by [`Trees::outputs`].
    pub values: Vec<f32>,
}

impl Tree {
    /// Row of [`Tree::values`] that an encoded row `bins` `(n_features,)` reaches.
    pub fn leaf(&self, bins: &[u8]) -> u32 {
        self.leaf_by(|feature| bins[feature as usize])
    }

    /// As [`Tree::leaf`], with the bins read through a function.
    pub fn leaf_by(&self, bin_of: impl Fn(u32) -> u8) -> u32 {
        let mut node = 0;
        loop {
            match self.nodes[node] {
                Node::Leaf { value } => return value,
                Node::Split { feature, test, left, right, .. } => {
                    let right_side = test.goes_right(bin_of(feature));
                    node = if right_side { right } else { left } as usize;
                }
            }
        }
    }

    /// Number of leaves.
    pub fn n_leaves(&self) -> usize {
        self.nodes.iter().filter(|node| matches!(node, Node::Leaf { .. })).count()
    }

    /// Distance from the root of every node, in tests; [`Tree::UNREACHED`] for nodes that no path
    /// from the root reaches.
    ///
    /// # Panics
    /// If a child does not come after its parent or does not exist.
    pub fn depths(&self) -> Vec<u32> {
        let mut depths = vec![Self::UNREACHED; self.nodes.len()];
        if let Some(root) = depths.first_mut() {
            *root = 0;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let Node::Split { left, right, .. } = node else { continue };
            if depths[index] == Self::UNREACHED {
                continue;
            }
            for &child in [left, right] {
                assert!(child as usize > index, "a child comes after its parent");
                depths[child as usize] = depths[index] + 1;
            }
        }
        depths
    }

    /// In [`Tree::depths`]: not below the root.
    pub const UNREACHED: u32 = u32::MAX;

    /// Longest path from the root, in tests.
    pub fn depth(&self) -> usize {
        let reached = self.depths().into_iter().filter(|&depth| depth != Self::UNREACHED);
        reached.max().unwrap_or(0) as usize
    }
}

/// What the leaves of a tree hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TreeOutput {
    /// One number, added to this output.
    One(u32),
    /// One number for each output.
    All,
}

/// Sums that run side by side.
pub const SUM_LANES: usize = 8;

/// A sum over trees that hold one number a leaf: tree `n` adds to lane `n mod 8`, in f64, so that
/// processors can add several at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LaneSums(pub [f64; SUM_LANES]);

impl LaneSums {
    /// The sum over all lanes, always added in the same order.
    pub fn total(&self) -> f64 {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

/// A sum of trees: `score[k] = base[k] + scale * (sum over trees of their leaf values for k)`.
///
/// The sum of an output is defined to the last bit: first the trees that hold a number for every
/// output, in order; to this is added the [`LaneSums`] of the trees of this output, numbered among
/// themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Trees {
    /// Start of the sum `(n_outputs,)`.
    pub base: Vec<f64>,
    /// Trees, in the order of the sum.
    pub trees: Vec<Tree>,
    /// What the leaves of each tree hold `(n_trees,)`.
    pub outputs: Vec<TreeOutput>,
    /// Factor on every leaf value, e.g. `1 / n_trees` for the mean of a forest.
    pub scale: f64,
}

impl Trees {
    /// Adds the scores of one encoded row to `scores` `(n_outputs,)`: the oracle.
    pub fn score(&self, bins: &[u8], scores: &mut [f64]) {
        self.score_by(|feature| bins[feature as usize], scores);
    }

    /// As [`Trees::score`], with the bins read through a function.
    pub fn score_by(&self, bin_of: impl Fn(u32) -> u8, scores: &mut [f64]) {
        let n_outputs = self.base.len();
        let mut sums = vec![0.0; n_outputs];
        let mut lanes = vec![(LaneSums::default(), 0); n_outputs];
        for (tree, output) in self.trees.iter().zip(&self.outputs) {
            let leaf = tree.leaf_by(&bin_of) as usize;
            match *output {
                TreeOutput::All if n_outputs > 1 => {
                    let row = &tree.values[leaf * n_outputs..][..n_outputs];
                    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
                }
                TreeOutput::One(_) | TreeOutput::All => {
                    let k = if let TreeOutput::One(k) = output { *k as usize } else { 0 };
                    let (lanes, n_trees) = &mut lanes[k];
                    lanes.0[*n_trees % SUM_LANES] += f64::from(tree.values[leaf]);
                    *n_trees += 1;
                }
            }
        }
        for k in 0..n_outputs {
            scores[k] += self.base[k] + self.scale * (sums[k] + lanes[k].0.total());
        }
    }
}
