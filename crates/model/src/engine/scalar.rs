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
/// that a row ends in. The number of rows is a multiple of [`LANES`].
pub(crate) fn walk_rows(
    nodes: &[PackedNode],
    tree: Root,
    slots: &[u8],
    n_slots: usize,
    leaves: &mut [u32],
) {
    let (groups, rest) = leaves.as_chunks_mut::<LANES>();
    assert!(rest.is_empty(), "rows come in whole groups");
    for (group, leaves) in groups.iter_mut().enumerate() {
        let rows = &slots[group * LANES * n_slots..];
        let mut at = [tree.node; LANES];
        for _ in 0..tree.depth {
            for (lane, at) in at.iter_mut().enumerate() {
                let node = nodes[*at as usize];
                let bin = rows[lane * n_slots + usize::from(node.slot)];
                *at = node.left + u32::from(bin > node.threshold);
            }
        }
        *leaves = at;
    }
}
