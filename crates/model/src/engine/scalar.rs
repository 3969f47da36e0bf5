//! The walk in portable code: always right, and what every faster one is tested against.

use crate::engine::pack::{Group, LANES, PackedNode, Root};

/// Walks one row through all groups; `leaves[tree]` becomes the node it ends in.
///
/// `leaves` has one entry more than there are trees, for lanes that are left over.
pub(crate) fn walk(nodes: &[PackedNode], groups: &[Group], row: &[u8], leaves: &mut [u32]) {
    for group in groups {
        let mut at = group.roots;
        for _ in 0..group.depth {
            for lane in &mut at {
                let node = nodes[*lane as usize];
                *lane = node.left + u32::from(row[usize::from(node.slot)] > node.threshold);
            }
        }
        for lane in 0..LANES {
            leaves[group.trees[lane] as usize] = at[lane];
        }
    }
}

/// Walks many rows `slots` `(n_rows, n_slots)` through one tree; `leaves[row]` becomes the node
/// that a row ends in.
pub(crate) fn walk_rows(
    nodes: &[PackedNode],
    tree: Root,
    slots: &[u8],
    n_slots: usize,
    leaves: &mut [u32],
) {
    leaves.fill(tree.node);
    // A tree of more than a leaf has slots.
    for (lanes, slots) in leaves.chunks_mut(LANES).zip(slots.chunks(LANES * n_slots.max(1))) {
        for _ in 0..tree.depth {
            for (lane, at) in lanes.iter_mut().enumerate() {
                let node = nodes[*at as usize];
                let place = lane * n_slots + usize::from(node.slot);
                *at = node.left + u32::from(slots[place] > node.threshold);
            }
        }
    }
}
