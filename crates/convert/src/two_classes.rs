//! Two classes with a score each, as one score: that of the second less that of the first.
//!
//! `softmax(a, b) = (1 - p, p)` with `p = 1 / (1 + exp(-(b - a)))`, so nothing is lost.

use eyas_model::{Link, TaskKind, TreeOutput};

use crate::ensemble::Ensemble;

/// Turns a softmax over two outputs into a logistic score; any other ensemble stays as it is.
pub(crate) fn fold(ensemble: &mut Ensemble) {
    let [first, second] = ensemble.base[..] else { return };
    if ensemble.link != Link::Softmax {
        return;
    }
    ensemble.base = vec![second - first];
    ensemble.link = Link::Logistic;
    ensemble.task = TaskKind::Binary;
    for tree in &mut ensemble.trees {
        if tree.output == TreeOutput::One(0) {
            tree.values.iter_mut().for_each(|value| *value = -*value);
        }
        tree.output = TreeOutput::One(0);
    }
}
