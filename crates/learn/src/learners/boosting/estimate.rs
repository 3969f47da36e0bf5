//! What a fit will cost, before it is made.

use eyas_model::Shape;

use super::fit::MOST_CHANNELS;
use super::parameters::{GrowPolicy, Parameters};
use crate::task::Facts;

/// Work of a cell of a histogram: cleared, filled, subtracted and searched.
pub(super) const CELL_WORK: u64 = 4;
/// Work of a node besides its rows and cells.
pub(super) const NODE_WORK: u64 = 500;
/// Work of sending a row to one side.
pub(super) const PARTITION_WORK: u64 = 2;
/// Work of a gradient, and of adding a leaf's value to a score.
pub(super) const GRADIENT_WORK: u64 = 6;

/// Measured over estimated work: the mean of eight real data sets.
const MEASURED: f64 = 0.85;

/// Rounds to the best validation loss, times the learning rate.
const ROUNDS_TIMES_RATE: f64 = 15.0;

/// Sizes that the costs follow from.
struct Sizes {
    rounds: f64,
    trees_per_round: f64,
    channels: f64,
    rows: f64,
    features: f64,
    leaves: f64,
    depth: f64,
}

impl Sizes {
    fn new(facts: &Facts, parameters: &Parameters) -> Sizes {
        let vector = parameters.vector_leaves && facts.n_outputs > 1;
        let rows = facts.n_rows as f64 * parameters.subsample;
        let features = facts.n_features as f64;
        // Interleaving anew pays from so small a share on.
        let fraction =
            if parameters.feature_fraction <= 0.75 { parameters.feature_fraction } else { 1.0 };
        let most = parameters.most_leaves() as f64;
        let leaves = match parameters.grow_policy {
            GrowPolicy::Oblivious => most,
            // Leaves are about twice as large as the least, where that is what ends growth.
            _ => most.min(rows / (2.0 * parameters.min_data_in_leaf as f64)).max(2.0),
        };
        Sizes {
            rounds: rounds(parameters),
            trees_per_round: if vector { 1.0 } else { facts.n_outputs as f64 },
            channels: if vector { facts.n_outputs.min(MOST_CHANNELS) as f64 } else { 1.0 },
            rows,
            features: (features * fraction).max(1.0),
            leaves,
            depth: leaves.log2(),
        }
    }
}

/// Rounds that a fit is expected to take: what early stopping saves differs much between data sets
/// (a factor of 4 either way is common); this is the middle of 26 real ones.
fn rounds(parameters: &Parameters) -> f64 {
    let most = parameters.n_estimators as f64;
    let patience = parameters.early_stopping_rounds as f64;
    if patience == 0.0 || parameters.rate_auto || parameters.schedule != "constant" {
        return most;
    }
    most.min(ROUNDS_TIMES_RATE / parameters.learning_rate + patience)
}

/// Work units of a fit.
pub(super) fn work(facts: &Facts, parameters: &Parameters) -> u64 {
    let s = Sizes::new(facts, parameters);
    // All rows at the root, then those of smaller children: below half of them a level, and the
    // last level needs none.
    let smaller = match parameters.grow_policy {
        GrowPolicy::Leafwise => 0.30,
        GrowPolicy::Depthwise | GrowPolicy::Oblivious => 0.32,
    };
    let updates = s.rows * s.features * s.channels * (1.0 + smaller * (s.depth - 1.0).max(0.0));
    let searched = match parameters.grow_policy {
        GrowPolicy::Leafwise => 2.0 * s.leaves - 3.0,
        // The last level is not searched.
        GrowPolicy::Depthwise | GrowPolicy::Oblivious => s.leaves,
    };
    let per_node = CELL_WORK as f64 * facts.n_bins as f64 * s.channels + NODE_WORK as f64;
    let partitions = PARTITION_WORK as f64 * s.rows * s.depth * 1.1;
    let trees = s.trees_per_round * (updates + searched * per_node + partitions);
    let gradients = GRADIENT_WORK as f64 * (facts.n_rows * facts.n_outputs) as f64;
    // Growth often ends before the most leaves, and nodes are less even than assumed.
    (MEASURED * s.rounds * (trees + gradients)) as u64
}

/// Bytes of a fit beyond the data.
pub(super) fn memory_bytes(facts: &Facts, parameters: &Parameters) -> u64 {
    let s = Sizes::new(facts, parameters);
    let rows = facts.n_rows as f64;
    // Bins twice, row lists, packed gradients; pairs and sums by output.
    let per_row = 2.0 * facts.n_features as f64 + 16.0 + 8.0 * s.channels;
    let per_output = (16.0 + if s.channels > 1.0 { 8.0 } else { 0.0 }) * facts.n_outputs as f64;
    let histograms = (s.leaves + 2.0) * 16.0 * facts.n_bins as f64 * s.channels;
    let width = if s.channels > 1.0 { facts.n_outputs as f64 } else { 1.0 };
    let node = size_of::<eyas_model::Node>() as f64;
    let tree = 2.0 * s.leaves * node + 4.0 * s.leaves * width;
    (rows * (per_row + per_output) + histograms + s.rounds * s.trees_per_round * tree) as u64
}

/// The shape of the first round: each tree has at least one question.
pub(super) fn cheapest_shape(facts: &Facts, parameters: &Parameters) -> Shape {
    let s = Sizes::new(facts, parameters);
    let width = if s.channels > 1.0 { facts.n_outputs as f64 } else { 1.0 };
    let looked_up = if facts.n_categorical < facts.n_features { 0.0 } else { 1.0 };
    let mut shape = Shape {
        n_binned: 1.0 - looked_up,
        n_looked_up: looked_up,
        n_slots: 1.0,
        ..Shape::default()
    };
    // A tree may stay smaller than it is allowed to be, so this is what one question costs.
    (0..s.trees_per_round as usize).for_each(|_| shape.add_tree_like(1, 2, width as usize));
    shape
}
