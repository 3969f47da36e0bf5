//! What a model costs to predict one row, from its shape alone.

use crate::encoder::Feature;
use crate::engine::encode;
use crate::engine::pack::{PackedNode, narrow};
use crate::engine::usage::Usage;
use crate::linear::{Linear, Term};
use crate::members::{Model, Part};
use crate::tree::{Tree, TreeOutput};

/// The countable parts of a model, known before it is trained or exactly after.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shape {
    /// Numeric features binned for trees.
    pub n_binned: f64,
    /// Categorical features looked up.
    pub n_looked_up: f64,
    /// Trees.
    pub n_trees: f64,
    /// Tests on the longest path, summed over trees: the steps that the branchless walk takes.
    pub n_steps: f64,
    /// Nodes of all trees.
    pub n_nodes: f64,
    /// Leaf values added to scores: trees times the width of their leaves.
    pub n_added: f64,
    /// Multiply-adds of linear members.
    pub n_products: f64,
    /// Bytes that a prediction may touch.
    pub bytes: f64,
}

impl Shape {
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
}

impl<'a> ShapeCounter<'a> {
    /// Counts models over these features.
    pub fn new(features: &'a [Feature]) -> Self {
        ShapeCounter { features, usage: Usage::new(features), members: Shape::default() }
    }

    /// Adds a tree whose leaves hold `output` of `n_outputs`.
    ///
    /// # Panics
    /// If a feature or child of the tree does not exist.
    pub fn add_tree(&mut self, tree: &Tree, output: TreeOutput, n_outputs: usize) {
        let depths = tree.depths();
        self.usage.add_tree(tree, &depths);
        let reached = || depths.iter().filter(|&&depth| depth != Tree::UNREACHED);
        let n_nodes = reached().count() as f64;
        let (n_added, n_row_bytes) = match narrow(output, n_outputs) {
            TreeOutput::One(_) => (1.0, 0.0),
            TreeOutput::All => (n_outputs as f64, 4.0 * tree.values.len() as f64),
        };
        let node_bytes = (size_of::<PackedNode>() + size_of::<u32>()) as f64;
        self.members.n_trees += 1.0;
        self.members.n_steps += f64::from(reached().copied().max().unwrap_or(0));
        self.members.n_nodes += n_nodes;
        self.members.n_added += n_added;
        self.members.bytes += n_nodes * node_bytes + n_row_bytes;
    }

    /// Adds a linear score.
    ///
    /// # Panics
    /// If a feature or weight of the score does not exist.
    pub fn add_linear(&mut self, linear: &Linear) {
        self.usage.add_linear(linear);
        let n_outputs = linear.intercept.len() as f64;
        for term in &linear.terms {
            let n_rows = match term {
                Term::Number { .. } => 2.0,
                Term::Bins { feature, .. } => self.features[*feature as usize].bins.n_bins() as f64,
            };
            self.members.n_products += n_outputs;
            self.members.bytes += 8.0 * n_rows * n_outputs;
        }
    }

    /// Adds what a member computes.
    ///
    /// # Panics
    /// As [`ShapeCounter::add_tree`] and [`ShapeCounter::add_linear`].
    pub fn add_part(&mut self, part: &Part) {
        match part {
            Part::Trees(trees) => {
                for (tree, output) in trees.trees.iter().zip(&trees.outputs) {
                    self.add_tree(tree, *output, trees.base.len());
                }
            }
            Part::Linear(linear) => self.add_linear(linear),
            Part::Constant(_) => {}
        }
    }

    /// The shape of all that was added; features that several parts use count once.
    pub fn shape(&self) -> Shape {
        let mut shape = self.members;
        for (feature, used) in self.features.iter().zip(&self.usage.features) {
            if !used.is_used() {
                continue;
            }
            shape.bytes += encode::n_bytes(feature, used) as f64;
            if used.is_categorical() {
                shape.n_looked_up += 1.0;
            } else if used.is_coded() {
                shape.n_binned += 1.0;
            }
        }
        shape
    }
}
