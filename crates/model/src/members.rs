//! A model: schema, features, and weighted members.

use crate::encoder::Feature;
use crate::linear::Linear;
use crate::net::Net;
use crate::schema::Schema;
use crate::tree::Trees;

/// From raw scores to predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// The score itself: numbers, or class shares as forests give them. A binary score of one
    /// output is the probability of the second class.
    Identity,
    /// `1 / (1 + exp(-score))`, for each output by itself.
    Logistic,
    /// Multiclass: `exp(score_k) / sum_j exp(score_j)`.
    Softmax,
    /// Regression on a logarithmic scale: `exp(score)`.
    Exp,
    /// Regression on a scale of square roots: `sign(score) score^2`.
    SignedSquare,
    /// `ln(1 + exp(score))`.
    Softplus,
    /// 1 for a positive score, else 0.
    Step,
}

impl Link {
    /// Turns scores into predictions in place. Numerically safe for any finite scores.
    pub fn apply(self, scores: &mut [f64]) {
        match self {
            Link::Identity => {}
            Link::Logistic => scores.iter_mut().for_each(|s| *s = 1.0 / (1.0 + libm::exp(-*s))),
            Link::Exp => scores.iter_mut().for_each(|s| *s = libm::exp(*s)),
            Link::SignedSquare => scores.iter_mut().for_each(|s| *s *= s.abs()),
            Link::Softplus => {
                scores.iter_mut().for_each(|s| *s = s.max(0.0) + libm::log1p(libm::exp(-s.abs())));
            }
            Link::Step => scores.iter_mut().for_each(|s| *s = f64::from(*s > 0.0)),
            Link::Softmax => {
                let top = scores.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
                scores.iter_mut().for_each(|s| *s = libm::exp(*s - top));
                let total: f64 = scores.iter().sum();
                scores.iter_mut().for_each(|s| *s /= total);
            }
        }
    }
}

/// What computes raw scores.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A sum of trees.
    Trees(Trees),
    /// A linear score.
    Linear(Linear),
    /// A neural net.
    Net(Net),
    /// The same scores for every row `(n_outputs,)`.
    Constant(Vec<f64>),
}

impl Part {
    /// Adds the scores of one row to `scores` `(n_outputs,)`: the oracle.
    pub fn score_by(
        &self,
        number_of: impl Fn(u32) -> f64,
        bin_of: impl Fn(u32) -> u8,
        scores: &mut [f64],
    ) {
        match self {
            Part::Trees(trees) => trees.score_by(bin_of, scores),
            Part::Linear(linear) => linear.score_by(number_of, bin_of, scores),
            Part::Net(net) => net.score_by(number_of, bin_of, scores),
            Part::Constant(values) => {
                scores.iter_mut().zip(values).for_each(|(score, value)| *score += value);
            }
        }
    }
}

/// One voice of an ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Share of this member's prediction; the shares of a model sum to one.
    pub weight: f64,
    /// From this member's scores to its prediction.
    pub link: Link,
    /// What computes the scores.
    pub part: Part,
}

/// A fitted model: `prediction = sum of weight * link(score)` over its members.
///
/// Invariant: feature and column indices, bins and widths agree; [`crate::Predictor::compile`]
/// and the loader check this.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What goes in and what comes out.
    pub schema: Schema,
    /// How raw cells become bins and numbers.
    pub features: Vec<Feature>,
    /// What is computed; at least one.
    pub members: Vec<Member>,
    /// How the model was found, as JSON for reports. Never read by predictions.
    pub notes: String,
}

impl Model {
    /// Predictions of one encoded row into `out` `(n_outputs,)`: the oracle.
    ///
    /// `number_of` gives a feature's number (NaN if missing), `bin_of` its bin.
    pub fn predict_by(
        &self,
        number_of: impl Fn(u32) -> f64,
        bin_of: impl Fn(u32) -> u8,
        out: &mut [f64],
    ) {
        out.fill(0.0);
        let mut scores = vec![0.0; out.len()];
        for member in &self.members {
            scores.fill(0.0);
            member.part.score_by(&number_of, &bin_of, &mut scores);
            member.link.apply(&mut scores);
            out.iter_mut().zip(&scores).for_each(|(out, score)| *out += member.weight * score);
        }
    }
}
