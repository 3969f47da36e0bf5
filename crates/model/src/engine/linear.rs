//! Linear scores over the encoded row.

use crate::engine::encode::Places;
use crate::engine::usage::Usage;
use crate::linear::{Linear, Term};

/// A linear score whose terms know where the row holds what they need.
#[derive(Debug, Clone)]
pub(crate) struct PackedLinear {
    intercept: Vec<f64>,
    terms: Vec<PackedTerm>,
    /// Weights of all terms, rows of `n_outputs`.
    weights: Vec<f64>,
}

#[derive(Debug, Clone)]
enum PackedTerm {
    /// `start`: weights, then the missing weights.
    Number { number: usize, center: f64, scale: f64, clip: f64, start: usize },
    /// `start`: weights by merged bin.
    Bins { bin: usize, start: usize },
}

impl PackedLinear {
    /// Packs a checked linear score.
    pub fn new(linear: &Linear, usage: &Usage, places: &[Places]) -> Self {
        let n_outputs = linear.intercept.len();
        let mut weights = Vec::new();
        let mut pack = |term: &Term| {
            let start = weights.len();
            match term {
                Term::Number { feature, center, scale, clip, weights: present, missing } => {
                    weights.extend(present.iter().chain(missing));
                    let number = places[*feature as usize].number;
                    PackedTerm::Number {
                        number,
                        center: *center,
                        scale: *scale,
                        clip: *clip,
                        start,
                    }
                }
                Term::Bins { feature, weights: all } => {
                    for first in usage.features[*feature as usize].first_bins() {
                        let row = usize::from(first) * n_outputs;
                        // Bin 1 exists for every feature.
                        weights.extend_from_slice(&all[row..row + n_outputs]);
                    }
                    PackedTerm::Bins { bin: places[*feature as usize].bin, start }
                }
            }
        };
        let terms = linear.terms.iter().map(&mut pack).collect();
        PackedLinear { intercept: linear.intercept.clone(), terms, weights }
    }

    /// Adds the scores of one row to `scores` `(n_outputs,)`.
    pub fn score(&self, numbers: &[f64], bins: &[u8], scores: &mut [f64]) {
        add(scores, &self.intercept, 1.0);
        let n_outputs = self.intercept.len();
        for term in &self.terms {
            let (start, factor) = match *term {
                PackedTerm::Bins { bin, start } => {
                    (start + usize::from(bins[bin]) * n_outputs, 1.0)
                }
                PackedTerm::Number { number, center, scale, clip, start } => {
                    let value = numbers[number];
                    if value.is_nan() {
                        (start + n_outputs, 1.0)
                    } else {
                        (start, ((value - center) / scale).clamp(-clip, clip))
                    }
                }
            };
            add(scores, &self.weights[start..start + n_outputs], factor);
        }
    }
}

/// Adds `factor * weights` to `scores`, number by number.
pub(crate) fn add(scores: &mut [f64], weights: &[f64], factor: f64) {
    scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += factor * weight);
}
