//! Linear scores over numbers and bins.

/// One summand of a linear score.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// `weights[k] * clamp((v - center) / scale, -clip, clip)`; a missing value adds `missing[k]`.
    Number {
        /// Feature whose number `v` is used.
        feature: u32,
        /// Subtracted from the value.
        center: f64,
        /// Divides the value; never zero.
        scale: f64,
        /// Largest absolute value after scaling.
        clip: f64,
        /// Weights `(n_outputs,)`.
        weights: Vec<f64>,
        /// Added when the value is missing `(n_outputs,)`.
        missing: Vec<f64>,
    },
    /// `weights[bin][k]`: one-hot categories, or a step function of a number.
    Bins {
        /// Feature whose bin is used.
        feature: u32,
        /// Weights `(n_bins, n_outputs)`, row-major.
        weights: Vec<f64>,
    },
}

/// `score[k] = intercept[k] + sum of terms`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Start of the sum `(n_outputs,)`.
    pub intercept: Vec<f64>,
    /// Summands, in order.
    pub terms: Vec<Term>,
}

impl Linear {
    /// Adds the scores of one row to `scores` `(n_outputs,)`: the oracle.
    ///
    /// `number_of` gives a feature's number (NaN if missing), `bin_of` its bin.
    pub fn score_by(
        &self,
        number_of: impl Fn(u32) -> f64,
        bin_of: impl Fn(u32) -> u8,
        scores: &mut [f64],
    ) {
        let n_outputs = self.intercept.len();
        add(scores, &self.intercept, 1.0);
        for term in &self.terms {
            match term {
                Term::Number { feature, center, scale, clip, weights, missing } => {
                    let value = number_of(*feature);
                    if value.is_nan() {
                        add(scores, missing, 1.0);
                    } else {
                        let scaled = ((value - center) / scale).clamp(-clip, *clip);
                        add(scores, weights, scaled);
                    }
                }
                Term::Bins { feature, weights } => {
                    let row = usize::from(bin_of(*feature)) * n_outputs;
                    add(scores, &weights[row..row + n_outputs], 1.0);
                }
            }
        }
    }
}

fn add(scores: &mut [f64], weights: &[f64], factor: f64) {
    scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += factor * weight);
}
