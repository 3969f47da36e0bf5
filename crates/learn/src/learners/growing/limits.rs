//! What ends the growth of a tree early, and which nodes are leaves by it.
//!
//! All of these are *nested*: a tree grown under stricter limits is the tree grown under laxer
//! ones, cut off at the first node of each path where a limit says so. Definitions are
//! scikit-learn's:
//!
//! - `max_depth`: a node that deep is a leaf.
//! - `min_samples_split`: a node of fewer (distinct) rows is one.
//! - `min_impurity_decrease`: a node is one whose split decreases impurity by less than this,
//!   `w_t / w * (impurity_t - w_l / w_t impurity_l - w_r / w_t impurity_r)` for weights `w_t` of
//!   the node, `w_l`, `w_r` of its sides and `w` of the tree.
//! - `max_leaf_nodes`: nodes are split in the order of that decrease, largest first, until there
//!   are so many leaves (ties: the node that comes first in preorder).
//! - `ccp_alpha`: minimal cost-complexity pruning of what the others leave. A node becomes a leaf
//!   if its subtree decreases impurity by no more than `ccp_alpha` for each further leaf.
//!   Reference: Breiman, Friedman, Olshen, Stone 1984, Classification and regression trees, ch. 3.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::grow::Grown;

/// Most limits that are told apart in one walk through a tree: one bit each.
pub(in crate::learners) const MOST: usize = 64;

/// Limits of the growth of a tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::learners) struct Limits {
    /// Deepest node; the root has depth 0.
    pub max_depth: usize,
    /// Fewest rows of a node that is split.
    pub min_samples_split: usize,
    /// Least decrease of weighted impurity by a split.
    pub min_impurity_decrease: f64,
    /// Most leaves; `usize::MAX` for any number.
    pub max_leaf_nodes: usize,
    /// Least decrease of impurity for a leaf more.
    pub ccp_alpha: f64,
}

impl Limits {
    /// Limits under which a tree holds those of all of these; leaves and pruning cut afterwards.
    pub fn laxest(all: &[Limits]) -> Limits {
        let lax = |a: Limits, b: &Limits| Limits {
            max_depth: a.max_depth.max(b.max_depth),
            min_samples_split: a.min_samples_split.min(b.min_samples_split),
            min_impurity_decrease: a.min_impurity_decrease.min(b.min_impurity_decrease),
            max_leaf_nodes: a.max_leaf_nodes.max(b.max_leaf_nodes),
            ccp_alpha: a.ccp_alpha.min(b.ccp_alpha),
        };
        all.iter().skip(1).fold(all[0], lax)
    }

    /// Whether a split that decreases impurity by this much is made.
    pub fn is_worth(min_impurity_decrease: f64, decrease: f64) -> bool {
        // As scikit-learn, which allows for rounding.
        decrease + f64::EPSILON >= min_impurity_decrease
    }
}

/// For each node, a bit for each of at most [`MOST`] limits: whether it is a leaf, were it reached.
pub(in crate::learners) fn leaves(grown: &Grown, limits: &[Limits]) -> Vec<u64> {
    assert!(limits.len() <= MOST, "one bit each");
    let all = u64::MAX >> (MOST - limits.len().max(1));
    let mut leaves: Vec<u64> =
        grown.nodes.iter().map(|n| if n.left == 0 { all } else { 0 }).collect();
    let by_depth = ByStep::new(limits, |limits| limits.max_depth as f64);
    let by_rows = ByStep::new(limits, |limits| limits.min_samples_split as f64);
    let by_decrease = ByStep::new(limits, |limits| limits.min_impurity_decrease);
    for (leaf, node) in leaves.iter_mut().zip(&grown.nodes) {
        *leaf |= by_depth.of(|max_depth| f64::from(node.depth) >= max_depth)
            | by_rows.of(|fewest| f64::from(node.n_rows) < fewest)
            | by_decrease.of(|least| !Limits::is_worth(least, node.gain * grown.scale));
    }
    for (place, limits) in limits.iter().enumerate() {
        if limits.max_leaf_nodes < usize::MAX {
            limit_leaves(grown, limits.max_leaf_nodes, 1 << place, &mut leaves);
        }
        if limits.ccp_alpha > 0.0 {
            prune(grown, limits.ccp_alpha, 1 << place, &mut leaves);
        }
    }
    leaves
}

/// The distinct values of one limit, with the bits of those that have it.
struct ByStep(Vec<(f64, u64)>);

impl ByStep {
    fn new(limits: &[Limits], value: impl Fn(&Limits) -> f64) -> ByStep {
        let mut steps: Vec<(f64, u64)> = Vec::new();
        for (place, limits) in limits.iter().enumerate() {
            let value = value(limits);
            match steps.iter_mut().find(|(other, _)| *other == value) {
                Some((_, bits)) => *bits |= 1 << place,
                None => steps.push((value, 1 << place)),
            }
        }
        ByStep(steps)
    }

    #[inline(always)]
    fn of(&self, holds: impl Fn(f64) -> bool) -> u64 {
        self.0.iter().fold(0, |all, &(value, bits)| all | if holds(value) { bits } else { 0 })
    }
}

/// A node that could be split next.
#[derive(PartialEq)]
struct Candidate {
    gain: f64,
    node: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> Ordering {
        self.gain.total_cmp(&other.gain).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Best-first growth: makes nodes leaves that would be split after there are enough.
fn limit_leaves(grown: &Grown, max_leaf_nodes: usize, bit: u64, leaves: &mut [u64]) {
    let mut heap = BinaryHeap::new();
    let add = |heap: &mut BinaryHeap<Candidate>, leaves: &[u64], node: usize| {
        if leaves[node] & bit == 0 {
            heap.push(Candidate { gain: grown.nodes[node].gain, node });
        }
    };
    add(&mut heap, leaves, 0);
    let mut n_leaves = 1;
    while n_leaves < max_leaf_nodes
        && let Some(Candidate { node, .. }) = heap.pop()
    {
        n_leaves += 1;
        let node = &grown.nodes[node];
        add(&mut heap, leaves, node.left as usize);
        add(&mut heap, leaves, node.right as usize);
    }
    heap.into_iter().for_each(|candidate| leaves[candidate.node] |= bit);
}

/// Minimal cost-complexity pruning.
fn prune(grown: &Grown, ccp_alpha: f64, bit: u64, leaves: &mut [u64]) {
    // What the best pruned subtree of a node decreases, less `ccp_alpha` for each further leaf.
    let mut worth = vec![0.0; grown.nodes.len()];
    for (index, node) in grown.nodes.iter().enumerate().rev() {
        if leaves[index] & bit != 0 {
            continue;
        }
        let below = worth[node.left as usize] + worth[node.right as usize];
        let own = node.gain * grown.scale + below - ccp_alpha;
        if own > 0.0 {
            worth[index] = own;
        } else {
            leaves[index] |= bit;
        }
    }
}

/// Which nodes are reached, with the same bits as [`leaves`].
pub(in crate::learners) fn reached(grown: &Grown, leaves: &[u64]) -> Vec<u64> {
    let mut reached = vec![0; grown.nodes.len()];
    reached[0] = u64::MAX;
    for (index, node) in grown.nodes.iter().enumerate().filter(|(_, node)| node.left != 0) {
        let below = reached[index] & !leaves[index];
        reached[node.left as usize] = below;
        reached[node.right as usize] = below;
    }
    reached
}
