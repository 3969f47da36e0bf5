//! What a fit leaves: trees, and where each truncation ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use eyas_model::{BinSet, Bins, Link, Node, Part, Shape, Test, Tree, TreeOutput, Trees};

use crate::dataset::Dataset;
use crate::learners::{FittedModel, Step, Truncation};

/// The rounds after which a fit of `n` rounds is scored: every one up to 50, then in steps of 5 %.
pub(super) fn grid(n: usize) -> Vec<usize> {
    let mut rounds = Vec::new();
    let mut round = 1;
    while round < n {
        rounds.push(round);
        round = (round + 1).max(if round < 50 { 0 } else { round + round / 20 });
    }
    rounds.push(n);
    rounds
}

/// The label of a truncation.
pub(super) fn label(n_rounds: usize) -> String {
    format!("n_estimators={n_rounds}")
}

/// A fitted sum of trees and its truncations.
#[derive(Debug)]
pub(super) struct Boosted {
    pub trees: Arc<Vec<Tree>>,
    pub outputs: Vec<TreeOutput>,
    pub base: Vec<f64>,
    pub scale: f64,
    pub link: Link,
    pub truncations: Vec<Truncation>,
    /// Trees of each truncation.
    pub ends: Vec<usize>,
    pub steps: Vec<Step>,
}

impl FittedModel for Boosted {
    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn part(&self, truncation: usize) -> Part {
        let end = self.ends[truncation];
        Part::Trees(Trees {
            base: self.base.clone(),
            trees: self.trees[..end].to_vec(),
            outputs: self.outputs[..end].to_vec(),
            scale: self.scale,
        })
    }

    fn link(&self) -> Link {
        self.link
    }

    fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// The shape of a growing sum of trees.
#[derive(Debug, Clone, Default)]
pub(super) struct ShapeCounter {
    shape: Shape,
    used: BTreeSet<u32>,
    sets: BTreeSet<BinSet>,
}

/// Bytes of a packed node.
pub(super) const NODE_BYTES: f64 = 8.0;
/// Bytes of a leaf value.
pub(super) const VALUE_BYTES: f64 = 4.0;
/// Bytes of a set of bins.
const SET_BYTES: f64 = 32.0;

impl ShapeCounter {
    /// Counts one more tree.
    pub fn add(&mut self, tree: &Tree, data: &Dataset) {
        let width = tree.values.len() / tree.n_leaves().max(1);
        self.shape.n_trees += 1.0;
        self.shape.n_steps += tree.depth() as f64;
        self.shape.n_nodes += tree.nodes.len() as f64;
        self.shape.n_added += width as f64;
        self.shape.bytes +=
            NODE_BYTES * tree.nodes.len() as f64 + VALUE_BYTES * tree.values.len() as f64;
        for node in &tree.nodes {
            let Node::Split { feature, test, .. } = *node else { continue };
            if self.used.insert(feature) {
                self.count_feature(&data.features[feature as usize].bins);
            }
            if let Test::In(set) = test {
                self.shape.bytes += if self.sets.insert(set) { SET_BYTES } else { 0.0 };
            }
        }
    }

    fn count_feature(&mut self, bins: &Bins) {
        match bins {
            Bins::Edges(edges) => {
                self.shape.n_binned += 1.0;
                self.shape.bytes += 8.0 * edges.len() as f64;
            }
            Bins::Levels(levels) => {
                self.shape.n_looked_up += 1.0;
                self.shape.bytes += 16.0 * levels.len() as f64;
            }
        }
    }

    /// The shape so far.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Distinct sets of bins so far.
    pub fn n_sets(&self) -> usize {
        self.sets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_ends_at_its_end_and_longer_ones_extend_it() {
        assert_eq!(grid(1), [1]);
        assert_eq!(grid(53), (1..=50).chain([52, 53]).collect::<Vec<_>>());
        let (short, long) = (grid(300), grid(3000));
        assert_eq!(short[..short.len() - 1], long[..short.len() - 1]);
        assert_eq!(*long.last().expect("not empty"), 3000);
        assert!(long.len() < 150);
    }
}
