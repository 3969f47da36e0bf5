//! Predictions of a part on rows of a dataset: what learners and the engine validate with.

use eyas_model::engine::{BinnedNet, BinnedNetScratch, BinnedScratch, BinnedTrees};
use eyas_model::{Link, Part};

use crate::dataset::Dataset;

/// A part in the packed form that users run; it equals the logical one bit for bit.
enum Packed {
    Trees(Box<BinnedTrees>, BinnedScratch),
    Net(BinnedNet, BinnedNetScratch),
}

impl Packed {
    /// What is too large to be packed (no model of it can be written), or not finite, is walked slowly.
    fn new(part: &Part, data: &Dataset) -> Option<Packed> {
        match part {
            Part::Trees(trees) => {
                let packed = BinnedTrees::new(trees, &data.features).ok()?;
                Some(Packed::Trees(Box::new(packed), BinnedScratch::default()))
            }
            Part::Net(net) => {
                let packed = BinnedNet::new(net, &data.features).ok()?;
                Some(Packed::Net(packed, BinnedNetScratch::default()))
            }
            Part::Linear(_) | Part::Constant(_) => None,
        }
    }
}

/// Rows from which on it pays to pack a part.
const FEWEST_ROWS: usize = 9;

/// Predictions `(rows.len(), n_outputs)`, row-major, of `link(part)`.
pub fn predict(part: &Part, link: Link, data: &Dataset, rows: &[u32]) -> Vec<f64> {
    let n_outputs = data.n_outputs();
    let mut out = vec![0.0; rows.len() * n_outputs];
    let mut packed = if rows.len() >= FEWEST_ROWS { Packed::new(part, data) } else { None };
    for (&row, scores) in rows.iter().zip(out.chunks_exact_mut(n_outputs)) {
        let row = row as usize;
        let number_of = |feature: u32| data.number(feature as usize, row);
        let bin_of = |feature: u32| data.bins[feature as usize][row];
        match &mut packed {
            Some(Packed::Trees(trees, scratch)) => trees.score(bin_of, scratch, scores),
            Some(Packed::Net(net, scratch)) => net.score(number_of, bin_of, scratch, scores),
            None => part.score_by(number_of, bin_of, scores),
        }
        link.apply(scores);
    }
    out
}
