//! What a fit leaves: trees, and where each truncation ends.

use std::sync::Arc;

use eyas_model::{Link, Part, Tree, TreeOutput, Trees};

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
    /// What each node of each tree would answer as a leaf `(n_nodes, width)`; empty if not kept.
    pub node_values: Vec<Vec<f32>>,
    /// Trees after each round.
    pub round_ends: Vec<usize>,
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
