//! Growing a tree that asks one question a level.
//!
//! Reference: Kohavi, Li 1995, Oblivious decision trees, graphs and top-down pruning, IJCAI;
//! Prokhorenkova et al. 2018, arXiv:1706.09516.

use super::estimate::{CELL_WORK, NODE_WORK};
use super::grow::{Grower, Grown, Open, TreeInput};
use super::split::NodeSums;
use crate::random;

impl Grower<'_> {
    /// Splits all leaves by one question, level by level. Leaves without rows stay in the tree, so
    /// that it is full.
    pub(super) fn grow_levels(
        &mut self,
        input: TreeInput<'_>,
        features: &[usize],
        root: Open,
        grown: &mut Grown,
    ) {
        grown.push_leaf(root.rows.clone());
        let mut level = vec![root];
        let depth = self.parameters.oblivious_depth();
        for done in 0..depth {
            let drawn = self.node_features(features, random::key(&[input.key, done as u64]));
            let sums: Vec<NodeSums<'_>> = level
                .iter()
                .filter(|leaf| !leaf.rows.is_empty())
                .map(|leaf| NodeSums {
                    histogram: &leaf.histogram,
                    totals: &leaf.totals,
                    key: random::key(&[input.key, done as u64]),
                })
                .collect();
            let split = self.search.best_common(&drawn, &sums);
            let scanned: usize = sums.iter().map(|node| node.histogram.len()).sum();
            drop(sums);
            self.spend(CELL_WORK * scanned as u64 + NODE_WORK * level.len() as u64);
            let Some(split) = split else { break };
            let last = done + 1 == depth;
            let mut next = Vec::with_capacity(2 * level.len());
            for leaf in level {
                let leaf = Open { split: Some(split), ..leaf };
                next.extend(self.divide(leaf, grown, input, last));
            }
            level = next;
            if self.stopped {
                break;
            }
        }
        self.give_back(level);
    }
}
