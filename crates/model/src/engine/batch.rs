//! Many rows at once: each tree is read once per block of rows.

use crate::engine::encode::Encoded;
use crate::engine::pack::PackedTrees;
use crate::engine::rows::RowSource;
use crate::engine::{PackedPart, Predictor, Scratch, linear, scalar};
use crate::error::Error;

/// Rows that share a pass over the trees; their slots fit the first-level cache.
const BLOCK: usize = 64;

impl Predictor {
    /// Predicts every row of `rows` into `out` `(n_rows, n_outputs)`, row-major.
    ///
    /// Equals [`Predictor::predict_row`] bit for bit.
    ///
    /// # Errors
    /// [`Error::BadRow`], the row counted from 0 in its text; `out` is then unspecified.
    pub fn predict_batch(
        &self,
        rows: &dyn RowSource,
        scratch: &mut Scratch,
        out: &mut [f64],
    ) -> Result<(), Error> {
        let n_outputs = self.n_outputs();
        if out.len() != rows.n_rows() * n_outputs {
            let problem = format!(
                "there is room for {} outputs, expected {} rows of {n_outputs}",
                out.len(),
                rows.n_rows()
            );
            return Err(Error::BadRow { column: self.schema.target.clone(), problem });
        }
        scratch.fit(self, BLOCK);
        for (block, out) in out.chunks_mut(BLOCK * n_outputs).enumerate() {
            self.encode_block(rows, block * BLOCK, out.len() / n_outputs, scratch)?;
            self.predict_block(scratch, out);
        }
        Ok(())
    }

    fn encode_block(
        &self,
        rows: &dyn RowSource,
        first: usize,
        n_rows: usize,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let encoder = &self.encoder;
        for row in 0..n_rows {
            let mut encoded = Encoded {
                slots: &mut scratch.slots[row * encoder.n_slots..][..encoder.n_slots],
                numbers: &mut scratch.numbers[row * encoder.n_numbers..][..encoder.n_numbers],
                bins: &mut scratch.bins[row * encoder.n_bins..][..encoder.n_bins],
            };
            encoder
                .encode(&self.schema, |column| rows.cell(first + row, column), &mut encoded)
                .map_err(|error| in_row(error, first + row))?;
        }
        Ok(())
    }

    /// Predictions of the encoded rows into `out` `(n_rows, n_outputs)`.
    fn predict_block(&self, scratch: &mut Scratch, out: &mut [f64]) {
        let Scratch { slots, numbers, bins, leaves, scores } = scratch;
        let (encoder, n_outputs) = (&self.encoder, self.n_outputs());
        out.fill(0.0);
        for member in &self.members {
            let scores = &mut scores[..out.len()];
            scores.fill(0.0);
            let row_scores = scores.chunks_exact_mut(n_outputs).enumerate();
            match &member.part {
                PackedPart::Trees(trees) => {
                    trees.score_block(slots, encoder.n_slots, leaves, scores);
                }
                PackedPart::Linear(linear) => row_scores.for_each(|(row, scores)| {
                    let numbers = &numbers[row * encoder.n_numbers..][..encoder.n_numbers];
                    let bins = &bins[row * encoder.n_bins..][..encoder.n_bins];
                    linear.score(numbers, bins, scores);
                }),
                PackedPart::Constant(values) => {
                    row_scores.for_each(|(_, scores)| linear::add(scores, values, 1.0));
                }
            }
            let row_scores = scores.chunks_exact_mut(n_outputs);
            for (scores, out) in row_scores.zip(out.chunks_exact_mut(n_outputs)) {
                member.add_prediction(scores, out);
            }
        }
    }
}

impl PackedTrees {
    /// Scores of encoded rows `slots` `(n_rows, n_slots)` into `scores` `(n_rows, n_outputs)`.
    fn score_block(&self, slots: &[u8], n_slots: usize, leaves: &mut [u32], scores: &mut [f64]) {
        let n_outputs = self.base.len();
        let leaves = &mut leaves[..scores.len() / n_outputs];
        for (tree, output) in self.outputs.iter().enumerate() {
            scalar::walk_rows(&self.nodes, self.trees[tree], slots, n_slots, leaves);
            for (&leaf, scores) in leaves.iter().zip(scores.chunks_exact_mut(n_outputs)) {
                self.add_leaf(leaf, *output, scores);
            }
        }
        scores.chunks_exact_mut(n_outputs).for_each(|scores| self.finish(scores));
    }
}

fn in_row(error: Error, row: usize) -> Error {
    match error {
        Error::BadRow { column, problem } => {
            Error::BadRow { column, problem: format!("row {row}: {problem}") }
        }
        other => other,
    }
}
