//! What a fit will take, before it runs.

use eyas_model::{Shape, TaskKind};

use super::scoring::with_features;
use super::settings::Settings;
use crate::learners::FitInput;
use crate::task::Facts;

/// The facts of a fit.
pub(in crate::learners) fn facts(input: &FitInput<'_>) -> Facts {
    let features = || input.features.iter().map(|&f| &input.data.features[f as usize].bins);
    Facts {
        kind: input.data.task(),
        n_rows: input.train.len(),
        n_features: input.features.len(),
        n_categorical: features().filter(|bins| bins.is_categorical()).count(),
        n_outputs: input.data.n_outputs(),
        n_bins: features().map(|bins| bins.n_bins()).sum(),
    }
}

/// Distinct rows of a tree.
fn rows_in_tree(facts: &Facts, settings: &Settings) -> f64 {
    let (n_rows, share) = (facts.n_rows as f64, settings.draw.share);
    if settings.draw.bootstrap { n_rows * (1.0 - libm::exp(-share)) } else { n_rows * share }
}

/// Rows of the smallest nodes that are still split, roughly.
fn smallest_split(settings: &Settings) -> f64 {
    settings.growth.min_samples_split.max(2 * settings.growth.min_samples_leaf) as f64
}

/// Levels of a tree that hold most of its rows.
fn levels(facts: &Facts, settings: &Settings) -> f64 {
    let rows = rows_in_tree(facts, settings);
    let balanced = libm::log2((2.0 * rows / smallest_split(settings)).max(1.0));
    // Uneven splits make trees deeper than balanced ones, pure nodes shallower. Measured on twelve
    // data sets.
    let uneven = match (settings.growth.random_thresholds, facts.kind) {
        (true, TaskKind::Regression) => 1.4,
        (true, _) => 1.25,
        (false, TaskKind::Regression) => 1.25,
        (false, _) => 1.15,
    };
    (balanced * uneven).min(settings.growth.max_depth as f64)
}

/// Bytes read into histograms.
pub(in crate::learners) fn work(facts: &Facts, settings: &Settings) -> u64 {
    let rows = rows_in_tree(facts, settings);
    let per_level = rows * settings.growth.n_tried as f64;
    let tree = facts.n_rows as f64 + rows + per_level * levels(facts, settings);
    (settings.n_estimators as f64 * tree) as u64
}

/// One tree of the smallest depth of the grid, with as few features as it can do with.
pub(in crate::learners) fn cheapest_shape(facts: &Facts, settings: &Settings) -> Shape {
    if facts.n_rows <= 1 || facts.n_features == 0 {
        return tree_shape(0, 1, facts.n_outputs);
    }
    let depth = settings.growth.max_depth.min(4);
    let all_categorical = facts.n_categorical == facts.n_features;
    let looked_up = if all_categorical { 1.0 } else { 0.0 };
    with_features(tree_shape(depth, depth + 1, facts.n_outputs), 1.0 - looked_up, looked_up)
}

fn tree_shape(depth: usize, n_leaves: usize, width: usize) -> Shape {
    let mut shape = Shape::default();
    shape.add_tree_like(depth, n_leaves, width);
    shape
}

/// Bytes of rows, ranks and histograms, and of the trees with the values of all their nodes.
pub(in crate::learners) fn memory_bytes(facts: &Facts, settings: &Settings) -> u64 {
    let rows = facts.n_rows as f64;
    let width = facts.n_outputs as f64;
    let in_tree = rows_in_tree(facts, settings);
    // Pool, draw, the rows of a tree and their copy; one byte a row for each categorical feature.
    let working = rows * (12.0 + 2.0 + facts.n_categorical as f64) + in_tree * (12.0 + 12.0 + 1.0);
    // The columns row by row, of training and validation rows, and the copies for small nodes.
    let copies = (1.25 * rows + 8704.0f64.min(in_tree)) * facts.n_features as f64;
    let histograms = 256.0 * (24.0 * width + 64.0);
    let deepest = libm::exp2(settings.growth.max_depth.min(40) as f64);
    let leaves = (2.0 * in_tree / smallest_split(settings)).min(deepest);
    let nodes = 2.0 * leaves * settings.n_estimators as f64;
    // A quarter as many validation rows, or all out of bags, summed at each depth of the grid.
    let scored = if settings.oob_score { rows } else { 0.25 * rows };
    let sums = scored * width * 8.0 * 7.0;
    (working + copies + histograms + sums + nodes * (32.0 + 4.0 * width)) as u64
}
