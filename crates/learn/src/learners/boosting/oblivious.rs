//! Growing a tree that asks one question a level.
//!
//! Reference: Kohavi, Li 1995, Oblivious decision trees, graphs and top-down pruning, IJCAI;
//! Prokhorenkova et al. 2018, arXiv:1706.09516.

use super::estimate::{CELL_WORK, NODE_WORK};
use super::grow::{Grower, Grown, Open, TreeInput};
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
        let depth = self.ground.parameters.oblivious_depth();
        for done in 0..depth {
            let key = random::key(&[input.key, done as u64]);
            let drawn = self.node_features(input, features, &level[0], key);
            let split = self.best_common(&drawn, &level, key);
            let with_rows = level.iter().filter(|leaf| !leaf.rows.is_empty());
            let scanned: usize = with_rows.map(|leaf| leaf.histogram.len()).sum();
            self.ground.meter.spend(CELL_WORK * scanned as u64 + NODE_WORK * level.len() as u64);
            let Some(split) = split else { break };
            let last = done + 1 == depth;
            let mut next = Vec::with_capacity(2 * level.len());
            for leaf in level {
                let leaf = Open { split: Some(split), ..leaf };
                next.extend(self.divide(leaf, grown, input, features, last));
            }
            level = next;
            if self.ground.meter.stopped() {
                break;
            }
        }
        self.give_back(level, grown);
    }
}
