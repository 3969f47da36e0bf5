//! Many rows at once: each tree is read once per block of rows.

use crate::engine::arch::{self, Rows};
use crate::engine::columns;
use crate::engine::encode::Encoded;
use crate::engine::pack::{FEWEST_ROWS, MAX_ROWS as BLOCK};
use crate::engine::rows::RowSource;
use crate::engine::{PackedPart, Predictor, Scratch, linear};
use crate::error::Error;
use crate::value::Value;

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
        self.predict_blocks(rows.n_rows(), |row, column| rows.cell(row, column), scratch, out)
    }

    /// Predicts rows of numbers `(n_rows, n_columns)`, row-major, NaN is missing, into `out`
    /// `(n_rows, n_outputs)`; as [`Predictor::predict_batch`], but faster.
    ///
    /// # Errors
    /// [`Error::BadRow`] if `numbers` are no whole rows or `out` has the wrong length.
    pub fn predict_number_batch(
        &self,
        numbers: &[f64],
        scratch: &mut Scratch,
        out: &mut [f64],
    ) -> Result<(), Error> {
        let n_columns = self.schema.columns.len();
        let n_rows = numbers.len().checked_div(n_columns).unwrap_or(out.len() / self.n_outputs());
        if numbers.len() != n_rows * n_columns {
            let problem = format!("{} numbers are no rows of {n_columns}", numbers.len());
            return Err(Error::BadRow { column: self.schema.target.clone(), problem });
        }
        let cell = |row: usize, column: usize| Value::Number(numbers[row * n_columns + column]);
        self.predict_blocks(n_rows, cell, scratch, out)
    }

    #[inline(always)]
    fn predict_blocks<'v>(
        &self,
        n_rows: usize,
        cell: impl Fn(usize, usize) -> Value<'v>,
        scratch: &mut Scratch,
        out: &mut [f64],
    ) -> Result<(), Error> {
        let n_outputs = self.n_outputs();
        if out.len() != n_rows * n_outputs {
            let problem = format!(
                "there is room for {} outputs, expected {n_rows} rows of {n_outputs}",
                out.len()
            );
            return Err(Error::BadRow { column: self.schema.target.clone(), problem });
        }
        scratch.fit(self, BLOCK);
        for (block, out) in out.chunks_mut(BLOCK * n_outputs).enumerate() {
            let (first, n_rows) = (block * BLOCK, out.len() / n_outputs);
            let by_columns = self.reads_columns && n_rows >= FEWEST_ROWS;
            if by_columns {
                self.encode_columns(&cell, first, n_rows, scratch)?;
            } else {
                self.encode_block(&cell, first, n_rows, scratch)?;
            }
            self.predict_block(by_columns, scratch, out);
        }
        Ok(())
    }

    /// Encodes rows slot by slot.
    #[inline(always)]
    fn encode_columns<'v>(
        &self,
        cell: &impl Fn(usize, usize) -> Value<'v>,
        first: usize,
        n_rows: usize,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let Scratch { columns, slots, .. } = scratch;
        let cell = |row, column| cell(first + row, column);
        arch::encode_columns(self.tier, &self.encoder, &self.schema, cell, n_rows, columns)
            .map_err(|(row, error)| in_row(error, first + row))?;
        if self.needs_rows {
            columns::to_rows(columns, &mut slots[..n_rows * self.stride], self.stride);
        }
        Ok(())
    }

    #[inline(always)]
    fn encode_block<'v>(
        &self,
        cell: &impl Fn(usize, usize) -> Value<'v>,
        first: usize,
        n_rows: usize,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let encoder = &self.encoder;
        for row in 0..n_rows {
            let mut encoded = Encoded {
                slots: &mut scratch.slots[row * self.stride..][..encoder.n_slots],
                numbers: &mut scratch.numbers[row * encoder.n_numbers..][..encoder.n_numbers],
                bins: &mut scratch.bins[row * encoder.n_bins..][..encoder.n_bins],
            };
            let cell = |column| cell(first + row, column);
            arch::encode(self.tier, encoder, &self.schema, cell, &mut encoded)
                .map_err(|error| in_row(error, first + row))?;
        }
        Ok(())
    }

    /// Predictions of the encoded rows, slot by slot or row by row, into `out` `(n_rows, n_outputs)`.
    fn predict_block(&self, by_columns: bool, scratch: &mut Scratch, out: &mut [f64]) {
        let Scratch { slots, columns, numbers, bins, room, net: net_room, scores } = scratch;
        let (encoder, n_outputs) = (&self.encoder, self.n_outputs());
        out.fill(0.0);
        for member in &self.members {
            let scores = &mut scores[..out.len()];
            scores.fill(0.0);
            let row_scores = scores.chunks_exact_mut(n_outputs);
            match &member.part {
                PackedPart::Trees(trees) => {
                    let n_rows = scores.len() / n_outputs;
                    let rows = Rows { slots, stride: self.stride, n_rows };
                    trees.score(rows, by_columns.then_some(columns), room, scores);
                }
                PackedPart::Linear(linear) => row_scores.enumerate().for_each(|(row, scores)| {
                    let numbers = &numbers[row * encoder.n_numbers..][..encoder.n_numbers];
                    let bins = &bins[row * encoder.n_bins..][..encoder.n_bins];
                    linear.score(numbers, bins, scores);
                }),
                PackedPart::Net(net) => row_scores.enumerate().for_each(|(row, scores)| {
                    let numbers = &numbers[row * encoder.n_numbers..][..encoder.n_numbers];
                    let bins = &bins[row * encoder.n_bins..][..encoder.n_bins];
                    net.score(numbers, bins, net_room, scores);
                }),
                PackedPart::Constant(values) => {
                    row_scores.for_each(|scores| linear::add(scores, values, 1.0));
                }
            }
            let row_scores = scores.chunks_exact_mut(n_outputs);
            for (scores, out) in row_scores.zip(out.chunks_exact_mut(n_outputs)) {
                member.add_prediction(scores, out);
            }
        }
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
