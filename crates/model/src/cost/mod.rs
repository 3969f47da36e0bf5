//! What a model costs to predict one row, from its shape alone.

pub(crate) mod prices;

pub use prices::{CostModel, NextStep};

use crate::encoder::Feature;
use crate::engine::chains::{Block, Cut};
use crate::engine::encode;
use crate::engine::flat::{FlatTree, Forest};
use crate::engine::pack::narrow;
use crate::engine::packing::Packing;
use crate::engine::sections::{SECTION_SLOTS, Sectioner};
use crate::engine::usage::{Asked, Usage};
use crate::engine::vectors::Vector;
use crate::linear::{Linear, Term};
use crate::members::{Model, Part};
use crate::net::Net;
use crate::tree::{Node, Test, Tree, TreeOutput};

/// The countable parts of a model, known before it is trained or exactly after.
///
/// What the vectors of a tier are asked ([`Shape::n_vectors`] to [`Shape::n_hops`]) and what walking
/// would take ([`Shape::n_steps`]) are both counted; the [`CostModel`] of a machine knows which of
/// them it pays for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shape {
    /// Numeric features binned for trees.
    pub n_binned: f64,
    /// Categorical features looked up.
    pub n_looked_up: f64,
    /// Numbers read for linear members and nets.
    pub n_numbers: f64,
    /// Bytes of the encoded row.
    pub n_slots: f64,
    /// Bytes of the rows of sections, should the encoded row be too long for vectors; 0 if all of it
    /// fits one section.
    pub n_gathered: f64,
    /// Trees.
    pub n_trees: f64,
    /// Vectors of 64 tests, each answered at once; a tree may take a part of one.
    pub n_vectors: f64,
    /// Levels that perfect trees descend.
    pub n_descents: f64,
    /// Registers of paths compared, two for a tree of up to 32 leaves.
    pub n_paths: f64,
    /// Blocks on the longest way through the chains of deep trees.
    pub n_hops: f64,
    /// Tests on the longest path, summed over trees: the steps of the branchless walk.
    pub n_steps: f64,
    /// Nodes of all trees.
    pub n_nodes: f64,
    /// Leaf values added to scores: trees times the width of their leaves.
    pub n_added: f64,
    /// Multiply-adds of linear members.
    pub n_products: f64,
    /// Multiply-adds of nets, their layers rounded up to whole registers.
    pub n_dense: f64,
    /// Bytes that every prediction reads: vectors and paths.
    pub streamed_bytes: f64,
    /// Bytes that a prediction may touch.
    pub bytes: f64,
    /// Bytes of trees, linear scores and nets in a model file.
    pub file_bytes: f64,
}

type Field = fn(&mut Shape) -> &mut f64;

/// What trees alone add to.
const TREE_FIELDS: [Field; 12] = [
    |s| &mut s.n_gathered,
    |s| &mut s.n_trees,
    |s| &mut s.n_vectors,
    |s| &mut s.n_descents,
    |s| &mut s.n_paths,
    |s| &mut s.n_hops,
    |s| &mut s.n_steps,
    |s| &mut s.n_nodes,
    |s| &mut s.n_added,
    |s| &mut s.streamed_bytes,
    |s| &mut s.bytes,
    |s| &mut s.file_bytes,
];

impl Shape {
    /// Adds what one tree of so many levels and leaves takes, its features aside; `width`: numbers
    /// in a leaf. `n_hops` and `n_blocks` are those of its chain, if it were one.
    pub(crate) fn add_tree(&mut self, packing: Packing, tree: &TreeFacts) {
        let share = 1.0 / packing.n_trees() as f64;
        let n_values = packing.n_values().unwrap_or(tree.n_leaves) as f64;
        let (vectors, path_bytes) = match packing {
            Packing::Paths16 => (share, 32.0),
            Packing::Paths32 => (share, 128.0),
            Packing::Chain => (0.0, 0.0),
            _ => (share, 0.0),
        };
        let streamed = vectors * size_of::<Vector>() as f64 + path_bytes;
        let (n_splits, n_leaves) = (tree.n_leaves as f64 - 1.0, tree.n_leaves as f64);
        self.n_trees += 1.0;
        self.n_vectors += vectors;
        self.n_paths += path_bytes / 64.0;
        self.n_steps += tree.depth as f64;
        self.n_nodes += (2 * tree.n_leaves - 1) as f64;
        self.n_added += tree.width as f64;
        self.streamed_bytes += streamed;
        self.bytes += streamed + 4.0 * n_values * tree.width as f64;
        // As `docs/FORMAT.md` draws it: a kind for each node, splits, leaves and their values.
        self.file_bytes += 21.0 * n_splits + (5.0 + 4.0 * tree.width as f64) * n_leaves;
        match packing {
            Packing::Perfect(depth) => self.n_descents += f64::from(depth),
            Packing::Chain => {
                self.n_hops += tree.n_hops as f64;
                self.bytes += (tree.n_blocks * size_of::<Block>()) as f64;
            }
            _ => {}
        }
    }

    /// Adds what one tree takes that is known by its depth and number of leaves only: an estimate
    /// where it is deep.
    pub fn add_tree_like(&mut self, depth: usize, n_leaves: usize, width: usize) {
        // Blocks of chains are rarely full, and halve what lies below about four times.
        let n_hops = depth.div_ceil(5).max(1);
        let n_blocks = n_leaves.div_ceil(10);
        let tree = TreeFacts { depth, n_leaves, width, n_hops, n_blocks };
        self.add_tree(Packing::of(depth, n_leaves, depth == 1), &tree);
    }

    /// Adds what encoding takes.
    pub(crate) fn add_features(&mut self, features: &[Feature], usage: &Usage) {
        for (feature, used) in features.iter().zip(&usage.features) {
            if !used.is_used() {
                continue;
            }
            self.bytes += encode::n_bytes(feature, used) as f64;
            self.n_slots += used.n_slots() as f64;
            self.n_numbers += f64::from(u8::from(used.number));
            if used.is_categorical() {
                self.n_looked_up += 1.0;
            } else if used.is_coded() {
                self.n_binned += 1.0;
            }
        }
    }

    /// Adds what a linear score takes, its features aside.
    pub(crate) fn add_linear(&mut self, linear: &Linear, features: &[Feature]) {
        let n_outputs = linear.intercept.len() as f64;
        for term in &linear.terms {
            let n_rows = match term {
                Term::Number { .. } => 2.0,
                Term::Bins { feature, .. } => features[*feature as usize].bins.n_bins() as f64,
            };
            self.n_products += n_outputs;
            self.bytes += 8.0 * n_rows * n_outputs;
            self.file_bytes += 8.0 * n_rows * n_outputs;
        }
    }

    /// The shape with a share of its trees, features and linear parts unchanged.
    pub(crate) fn with_share_of_trees(&self, share: f64) -> Shape {
        let mut shape = *self;
        for field in TREE_FIELDS {
            *field(&mut shape) *= share;
        }
        shape
    }

    /// Adds `copies` parts of another shape to a model; features that both use count once.
    pub fn join(&mut self, other: &Shape, copies: f64) {
        let shared: [Field; 4] =
            [|s| &mut s.n_binned, |s| &mut s.n_looked_up, |s| &mut s.n_numbers, |s| &mut s.n_slots];
        let mut other = *other;
        for field in shared {
            *field(self) = field(self).max(*field(&mut other));
        }
        for field in TREE_FIELDS {
            *field(self) += copies * *field(&mut other);
        }
        self.n_products += copies * other.n_products;
        self.n_dense += copies * other.n_dense;
    }

    /// Shape of a model of this one part.
    ///
    /// # Panics
    /// If a feature index, child or weight of the part does not exist.
    pub fn of_part(part: &Part, features: &[Feature]) -> Shape {
        let mut counter = ShapeCounter::new(features);
        counter.add_part(part);
        counter.shape()
    }
}

impl Model {
    /// Its countable parts, exactly as its compiled form has them.
    ///
    /// # Panics
    /// If [`Model::check`] would fail.
    pub fn shape(&self) -> Shape {
        let mut counter = ShapeCounter::new(&self.features);
        self.members.iter().for_each(|member| counter.add_part(&member.part));
        counter.shape()
    }
}

/// What is counted of one tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TreeFacts {
    pub depth: usize,
    pub n_leaves: usize,
    /// Numbers in a leaf.
    pub width: usize,
    /// Blocks on the longest way, and in all, if it is a chain.
    pub n_hops: usize,
    pub n_blocks: usize,
}

impl TreeFacts {
    /// Facts of a flat tree; `cut` if it is a chain.
    pub fn new(tree: &FlatTree, width: usize, cut: Option<&Cut>) -> TreeFacts {
        TreeFacts {
            depth: tree.depth,
            n_leaves: tree.n_leaves,
            width,
            n_hops: cut.map_or(0, |cut| cut.n_hops as usize),
            n_blocks: cut.map_or(0, Cut::n_blocks),
        }
    }
}

/// Counts the shape of a growing model, so that every prefix of a fit can be priced.
///
/// ```
/// # use eyas_model::{Bins, Derive, Feature, Node, Tree, TreeOutput, cost::ShapeCounter};
/// let bins = Bins::Edges(vec![1.0, 2.0]);
/// let features = [Feature { column: 0, derive: Derive::Itself, name: "age".into(), bins }];
/// let mut counter = ShapeCounter::new(&features);
/// let leaf = Tree { nodes: vec![Node::Leaf { value: 0 }], values: vec![0.5] };
/// counter.add_tree(&leaf, TreeOutput::One(0), 1);
/// assert_eq!(counter.shape().n_trees, 1.0);
/// assert_eq!(counter.shape().n_binned, 0.0);
/// ```
#[derive(Debug, Clone)]
pub struct ShapeCounter<'a> {
    features: &'a [Feature],
    usage: Usage,
    /// Everything but the features and their bytes.
    members: Shape,
    /// Sections of the part that grows.
    sectioner: Sectioner<(u32, Asked)>,
    /// Bytes of the rows of sections of earlier parts.
    n_gathered: f64,
}

impl<'a> ShapeCounter<'a> {
    /// Counts models over these features.
    pub fn new(features: &'a [Feature]) -> Self {
        ShapeCounter {
            features,
            usage: Usage::new(features),
            members: Shape::default(),
            sectioner: Sectioner::new(),
            n_gathered: 0.0,
        }
    }

    /// Adds a tree whose leaves hold `output` of `n_outputs`.
    ///
    /// # Panics
    /// If a feature or child of the tree does not exist.
    pub fn add_tree(&mut self, tree: &Tree, output: TreeOutput, n_outputs: usize) {
        self.usage.add_tree(tree, &tree.depths());
        // Tests are equal where features and what is asked of them are; other slots do not matter.
        let mut forest = Forest::default();
        forest.add(tree, |_, _| (0, 0));
        let flat = forest.tree(0);
        self.sectioner.add(&self.usage.asked_by(tree));
        let width = if narrow(output, n_outputs) == TreeOutput::All { n_outputs } else { 1 };
        let packing = Packing::of(flat.depth, flat.n_leaves, self.is_oblivious(tree, &flat));
        let cut = (packing == Packing::Chain).then(|| Cut::new(&flat));
        self.members.add_tree(packing, &TreeFacts::new(&flat, width, cut.as_ref()));
    }

    /// Whether all nodes of a level ask the same and all leaves lie on the last one.
    fn is_oblivious(&self, tree: &Tree, flat: &FlatTree) -> bool {
        if !flat.is_oblivious {
            return false;
        }
        let asked = |feature: u32, test: &Test| {
            (feature, self.usage.features[feature as usize].asked(test))
        };
        let mut level = vec![0u32];
        while let Some(&first) = level.first() {
            let Node::Split { feature, test, .. } = &tree.nodes[first as usize] else { break };
            let wanted = asked(*feature, test);
            let mut next = Vec::with_capacity(2 * level.len());
            for node in level {
                let Node::Split { feature, test, left, right, .. } = &tree.nodes[node as usize]
                else {
                    return false;
                };
                if asked(*feature, test) != wanted {
                    return false;
                }
                next.extend([*left, *right]);
            }
            level = next;
        }
        true
    }

    /// Adds a linear score.
    ///
    /// # Panics
    /// If a feature or weight of the score does not exist.
    pub fn add_linear(&mut self, linear: &Linear) {
        self.usage.add_linear(linear);
        self.members.add_linear(linear, self.features);
    }

    /// Adds a net.
    ///
    /// # Panics
    /// If a feature of the net does not exist.
    pub fn add_net(&mut self, net: &Net) {
        self.usage.add_net(net);
        self.members.add_net(net);
    }

    /// Adds what a member computes.
    ///
    /// # Panics
    /// As [`ShapeCounter::add_tree`] and [`ShapeCounter::add_linear`].
    pub fn add_part(&mut self, part: &Part) {
        match part {
            Part::Trees(trees) => {
                let before = std::mem::replace(&mut self.sectioner, Sectioner::new());
                self.n_gathered += before.n_gathered() as f64;
                for (tree, output) in trees.trees.iter().zip(&trees.outputs) {
                    self.add_tree(tree, *output, trees.base.len());
                }
            }
            Part::Linear(linear) => self.add_linear(linear),
            Part::Net(net) => self.add_net(net),
            Part::Constant(_) => {}
        }
    }

    /// The shape of all that was added; features that several parts use count once.
    pub fn shape(&self) -> Shape {
        let mut shape = self.members;
        shape.add_features(self.features, &self.usage);
        if shape.n_slots > SECTION_SLOTS as f64 {
            shape.n_gathered += self.n_gathered + self.sectioner.n_gathered() as f64;
        }
        shape
    }
}
