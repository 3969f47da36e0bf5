//! Predictions of a part on rows of a dataset: what learners and the engine validate with.

use eyas_model::engine::{BinnedScratch, BinnedTrees};
use eyas_model::{Link, Part};

use crate::dataset::Dataset;

/// Predictions `(rows.len(), n_outputs)`, row-major, of `link(part)`.
///
/// Trees are walked in the packed form that users run; it equals the logical one bit for bit.
pub fn predict(part: &Part, link: Link, data: &Dataset, rows: &[u32]) -> Vec<f64> {
    let n_outputs = data.n_outputs();
    let mut out = vec![0.0; rows.len() * n_outputs];
    let packed = match part {
        // What is too large to be packed is walked slowly; no model of it can be written.
        Part::Trees(trees) if rows.len() > 8 => BinnedTrees::new(trees, &data.features).ok(),
        _ => None,
    };
    let mut scratch = BinnedScratch::default();
    for (&row, scores) in rows.iter().zip(out.chunks_exact_mut(n_outputs)) {
        let row = row as usize;
        let number_of = |feature: u32| data.number(feature as usize, row);
        let bin_of = |feature: u32| data.bins[feature as usize][row];
        match &packed {
            Some(trees) => trees.score(bin_of, &mut scratch, scores),
            None => part.score_by(number_of, bin_of, scores),
        }
        link.apply(scores);
    }
    out
}
