//! Cuts a grown tree to what some limits leave of it.

use eyas_model::tree::{Node, Tree};

use super::columns::Column;
use super::grow::Grown;
use super::limits::{Limits, leaves, reached};

impl Grown {
    /// The tree under stricter limits: nodes that these make leaves answer with their own value.
    ///
    /// Nodes keep their preorder, so that the result depends on nothing but the kept nodes.
    pub fn truncated(&self, limits: &Limits, columns: &[Column<'_>], width: usize) -> Tree {
        let mut tree = Tree::default();
        let leaves = leaves(self, &[*limits]);
        let reached = reached(self, &leaves);
        let mut place = vec![0u32; self.nodes.len()];
        let mut n_kept = 0;
        for (place, reached) in place.iter_mut().zip(&reached) {
            *place = n_kept;
            n_kept += (reached & 1) as u32;
        }
        for (index, node) in self.nodes.iter().enumerate().filter(|(i, _)| reached[*i] & 1 != 0) {
            if leaves[index] & 1 != 0 {
                let value = (tree.values.len() / width) as u32;
                tree.values.extend_from_slice(&self.values[index * width..][..width]);
                tree.nodes.push(Node::Leaf { value });
                continue;
            }
            let column = &columns[node.column as usize];
            tree.nodes.push(Node::Split {
                feature: column.feature,
                test: column.test(node.threshold, node.missing_right),
                left: place[node.left as usize],
                right: place[node.right as usize],
                gain: node.gain as f32,
            });
        }
        tree
    }
}
