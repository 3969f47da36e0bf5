//! Cuts a grown tree to a depth.

use eyas_model::tree::{Node, Tree};

use super::columns::Column;
use super::grow::Grown;

impl Grown {
    /// The tree without nodes below `max_depth`: nodes at that depth answer with their own value.
    ///
    /// Nodes keep their preorder, so that the result depends on nothing but the kept nodes.
    pub fn truncated(&self, max_depth: usize, columns: &[Column<'_>], width: usize) -> Tree {
        let mut tree = Tree::default();
        let mut place = vec![0u32; self.nodes.len()];
        let kept = |depth: u16| usize::from(depth) <= max_depth;
        let mut n_kept = 0;
        for (place, node) in place.iter_mut().zip(&self.nodes) {
            *place = n_kept;
            n_kept += u32::from(kept(node.depth));
        }
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| kept(node.depth)) {
            if node.left == 0 || usize::from(node.depth) == max_depth {
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
