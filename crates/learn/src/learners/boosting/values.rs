//! Values of leaves, and adding them to the sums of the training rows.

use std::ops::Range;

use eyas_model::Node;

use super::gradients::Pair;
use super::grow::Grown;
use super::leaf::{FREE, Leaf};
use super::objective::Objective;
use super::parameters::Parameters;
use super::sample::Sample;
use super::split::Sums;
use crate::threads::{ONE_THREAD, Threads};

/// Rows of a piece that one thread sums; sums of pieces are added in their order.
const PIECE: usize = 8192;
/// Rows from which on pieces are shared out.
const LEAST_SHARED_ROWS: usize = 30_000;

/// The leaves of a grown tree with their rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves<'a> {
    pub grown: &'a Grown,
    /// Rows, leaf by leaf.
    pub rows: &'a [u32],
    pub threads: &'a Threads,
}

impl Leaves<'_> {
    fn threads(&self) -> &Threads {
        if self.rows.len() < LEAST_SHARED_ROWS { &ONE_THREAD } else { self.threads }
    }

    /// Newton steps (or medians) of all leaves for one output.
    pub fn values(
        self,
        objective: &Objective,
        parameters: &Parameters,
        sample: &Sample,
        pairs: &[Pair],
        sums: &[f64],
    ) -> Vec<f64> {
        let leaves = &self.grown.leaves;
        let mut values = if objective.has_quantiles() {
            self.threads().map(leaves.len(), |leaf| {
                objective.quantile_residual(&self.rows[leaves[leaf].clone()], sums)
            })
        } else {
            let leaf_sums = self.sums(pairs, sample.weights.as_deref());
            leaf_values(self.grown, &leaf_sums, parameters)
        };
        for (value, bounds) in values.iter_mut().zip(&self.grown.bounds) {
            *value = value.clamp(bounds[0], bounds[1]);
        }
        values
    }

    /// Sums of gradients, hessians and counts by leaf.
    pub(super) fn sums(&self, pairs: &[Pair], weights: Option<&[f32]>) -> Vec<[f64; 3]> {
        let pieces: Vec<(usize, &[u32])> = (self.grown.leaves.iter().enumerate())
            .flat_map(|(leaf, range)| {
                self.rows[range.clone()].chunks(PIECE).map(move |r| (leaf, r))
            })
            .collect();
        let found = self.threads().map(pieces.len(), |i| piece_sums(pairs, pieces[i].1, weights));
        let mut sums = vec![[0.0; 3]; self.grown.leaves.len()];
        for ((leaf, _), piece) in pieces.into_iter().zip(found) {
            (0..3).for_each(|i| sums[leaf][i] += piece[i]);
        }
        sums
    }

    /// Adds values `(n_leaves, width)` to the sums `(width)` x `(n_rows,)` of the rows, which are
    /// in ascending order within each leaf.
    pub fn add(self, values: &[f32], sums: &mut [Vec<f64>]) {
        let width = sums.len();
        for (k, sums) in sums.iter_mut().enumerate() {
            let mut pieces: Vec<&mut [f64]> = sums.chunks_mut(PIECE).collect();
            self.threads().for_each_mut(&mut pieces, |piece, sums| {
                let first = piece * PIECE;
                for (leaf, range) in self.grown.leaves.iter().enumerate() {
                    let value = f64::from(values[leaf * width + k]);
                    for &row in within(&self.rows[range.clone()], first..first + sums.len()) {
                        sums[row as usize - first] += value;
                    }
                }
            });
        }
    }
}

/// Those of ascending rows that are in a range.
fn within(rows: &[u32], range: Range<usize>) -> &[u32] {
    let place = |row: usize| rows.partition_point(|&r| (r as usize) < row);
    &rows[place(range.start)..place(range.end)]
}

/// Sums of gradients, hessians and counts of some rows.
fn piece_sums(pairs: &[Pair], rows: &[u32], weights: Option<&[f32]>) -> [f64; 3] {
    let mut sums = [0.0, 0.0, rows.len() as f64];
    for &row in rows {
        let pair = pairs[row as usize];
        let weight = weights.map_or(1.0, |weights| f64::from(weights[row as usize]));
        sums[0] += weight * f64::from(pair[0]);
        sums[1] += weight * f64::from(pair[1]);
    }
    sums
}

/// The best value of each leaf; with `path_smooth` `s` each node's value is drawn to its
/// parent's: `(n v + s v_parent) / (n + s)`.
pub(super) fn leaf_values(grown: &Grown, leaves: &[[f64; 3]], parameters: &Parameters) -> Vec<f64> {
    let leaf = Leaf::new(parameters, FREE);
    let newton =
        |&[gradient, hessian, count]: &[f64; 3]| leaf.value(Sums { gradient, hessian, count });
    if parameters.path_smooth == 0.0 {
        return leaves.iter().map(newton).collect();
    }
    let values = node_values(grown, leaves, parameters);
    let mut out = vec![0.0; leaves.len()];
    for (node, value) in grown.nodes.iter().zip(values) {
        if let Node::Leaf { value: leaf } = *node {
            out[leaf as usize] = value;
        }
    }
    out
}

/// The best value of each node as if it were a leaf, from the sums of the leaves below it; drawn to
/// its parent's as those of leaves are.
pub(super) fn node_values(grown: &Grown, leaves: &[[f64; 3]], parameters: &Parameters) -> Vec<f64> {
    let leaf = Leaf::new(parameters, FREE);
    let mut sums = vec![[0.0; 3]; grown.nodes.len()];
    for (index, node) in grown.nodes.iter().enumerate().rev() {
        sums[index] = match *node {
            Node::Leaf { value } => leaves[value as usize],
            Node::Split { left, right, .. } => {
                let (left, right) = (sums[left as usize], sums[right as usize]);
                std::array::from_fn(|i| left[i] + right[i])
            }
        };
    }
    let newton =
        |&[gradient, hessian, count]: &[f64; 3]| leaf.value(Sums { gradient, hessian, count });
    let mut values: Vec<f64> = sums.iter().map(newton).collect();
    if parameters.path_smooth == 0.0 {
        return values;
    }
    for (index, node) in grown.nodes.iter().enumerate() {
        let Node::Split { left, right, .. } = *node else { continue };
        for child in [left as usize, right as usize] {
            let (n, s) = (sums[child][2], parameters.path_smooth);
            values[child] = (n * values[child] + s * values[index]) / (n + s);
        }
    }
    values
}
