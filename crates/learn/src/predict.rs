//! Scores of a part on rows of a dataset: what learners and the engine validate with.

use eyas_model::{Link, Part};

use crate::dataset::Dataset;

/// Predictions `(rows.len(), n_outputs)`, row-major, of `link(part)`.
pub fn predict(part: &Part, link: Link, data: &Dataset, rows: &[u32]) -> Vec<f64> {
    let n_outputs = data.n_outputs();
    let mut out = vec![0.0; rows.len() * n_outputs];
    for (&row, scores) in rows.iter().zip(out.chunks_exact_mut(n_outputs)) {
        let row = row as usize;
        let number_of = |feature: u32| data.numbers[feature as usize][row];
        let bin_of = |feature: u32| data.bins[feature as usize][row];
        part.score_by(number_of, bin_of, scores);
        link.apply(scores);
    }
    out
}
