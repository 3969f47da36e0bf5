//! What a fit minimises: a mean loss and an elastic-net penalty.
//!
//! `f(w) = sum_i v_i loss(y_i, s_i) + penalty * ((1 - l1_ratio) / 2 |w|^2 + l1_ratio |w|_1)`, row
//! weights `v` summing to one, the intercept not penalised. So `penalty` is `1 / (C n)` of
//! scikit-learn's `LogisticRegression` and `alpha / n` of its `Ridge`.

use super::design::Design;

/// Loss of a row, from its scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// `(s - y)^2 / 2`.
    Squared,
    /// `ln(1 + exp(s)) - y s`, `y` 0 or 1.
    Logistic,
    /// `ln sum_k exp(s_k) - s_y`.
    Softmax,
}

/// Rows to learn from.
#[derive(Debug)]
pub(super) struct Problem {
    /// The rows.
    pub design: Design,
    /// Numbers, or classes as numbers `(n_rows,)`.
    pub targets: Vec<f64>,
    /// Row weights `(n_rows,)`, summing to one.
    pub weights: Vec<f64>,
    /// What is minimised.
    pub loss: Loss,
    /// Scores of a row.
    pub n_outputs: usize,
}

/// Strength of the penalties on `|w|_1` and `|w|^2 / 2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Penalty {
    /// Of `|w|_1`.
    pub l1: f64,
    /// Of `|w|^2 / 2`.
    pub l2: f64,
}

impl Penalty {
    /// From its size and the share of `|w|_1` in it.
    pub fn new(penalty: f64, l1_ratio: f64) -> Penalty {
        Penalty { l1: penalty * l1_ratio, l2: penalty * (1.0 - l1_ratio) }
    }

    /// Value of the quadratic part.
    pub fn quadratic(&self, weights: &[f64]) -> f64 {
        0.5 * self.l2 * weights.iter().map(|w| w * w).sum::<f64>()
    }

    /// Value of both parts.
    pub fn value(&self, weights: &[f64]) -> f64 {
        self.quadratic(weights) + self.l1 * weights.iter().map(|w| w.abs()).sum::<f64>()
    }
}

/// Outputs of a row as stored: rounded up to a multiple of four, which vectorises.
pub(super) fn stride_of(n_outputs: usize) -> usize {
    if n_outputs == 1 { 1 } else { n_outputs.next_multiple_of(4) }
}

impl Problem {
    /// Scores of a row as stored.
    pub fn stride(&self) -> usize {
        stride_of(self.n_outputs)
    }

    /// Number of weights, intercepts included.
    pub fn n_weights(&self) -> usize {
        (self.design.n_columns + 1) * self.stride()
    }

    /// Number of penalised weights: all but the intercepts, which are last.
    pub fn n_penalised(&self) -> usize {
        self.design.n_columns * self.stride()
    }

    /// Multiply-adds of one pass over the rows, forth (scores) or back (gradient).
    pub fn pass_work(&self) -> u64 {
        self.design.n_entries() * self.stride() as u64 + self.loss_work()
    }

    /// Work of evaluating the loss once; exponentials count for several multiply-adds.
    pub fn loss_work(&self) -> u64 {
        (self.targets.len() * self.n_outputs * 8) as u64
    }

    /// Mean loss of `scores` `(n_rows, stride)`.
    pub fn loss(&self, scores: &[f64]) -> f64 {
        let rows = self.targets.iter().zip(&self.weights).zip(scores.chunks_exact(self.stride()));
        rows.map(|((&y, &weight), scores)| weight * self.row_loss(y, &scores[..self.n_outputs]))
            .sum()
    }

    fn row_loss(&self, y: f64, scores: &[f64]) -> f64 {
        match self.loss {
            Loss::Squared => 0.5 * (scores[0] - y) * (scores[0] - y),
            Loss::Logistic => softplus(scores[0]) - y * scores[0],
            Loss::Softmax => {
                let top = scores.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
                let total: f64 = scores.iter().map(|s| libm::exp(s - top)).sum();
                top + libm::log(total) - scores[y as usize]
            }
        }
    }

    /// Derivative of the loss of one row by its scores, weight included: `v (p - y)`.
    pub fn row_residual(&self, row: usize, scores: &[f64], residual: &mut [f64]) {
        let (y, weight) = (self.targets[row], self.weights[row]);
        match self.loss {
            Loss::Squared => residual[0] = weight * (scores[0] - y),
            Loss::Logistic => residual[0] = weight * (logistic(scores[0]) - y),
            Loss::Softmax => {
                softmax(&scores[..self.n_outputs], &mut residual[..self.n_outputs]);
                residual[y as usize] -= 1.0;
                residual[..self.n_outputs].iter_mut().for_each(|r| *r *= weight);
            }
        }
    }

    /// Derivatives of the mean loss by all scores `(n_rows, stride)`.
    pub fn residuals(&self, scores: &[f64], residuals: &mut [f64]) {
        let stride = self.stride();
        let rows = scores.chunks_exact(stride).zip(residuals.chunks_exact_mut(stride));
        rows.enumerate()
            .for_each(|(row, (scores, residual))| self.row_residual(row, scores, residual));
    }

    /// Second derivatives by each score alone `(n_rows, stride)`, from [`Problem::residuals`].
    pub fn curvatures(&self, residuals: &[f64], curvatures: &mut [f64]) {
        let stride = self.stride();
        let rows = residuals.chunks_exact(stride).zip(curvatures.chunks_exact_mut(stride));
        for (row, (residual, curvature)) in rows.enumerate() {
            let (y, weight) = (self.targets[row], self.weights[row]);
            for k in 0..self.n_outputs {
                curvature[k] = match self.loss {
                    Loss::Squared => weight,
                    _ if weight == 0.0 => 0.0,
                    _ => {
                        let is_class = match self.loss {
                            Loss::Logistic => y,
                            _ => f64::from(u8::from(y as usize == k)),
                        };
                        let probability = residual[k] / weight + is_class;
                        weight * (probability * (1.0 - probability)).max(1e-6)
                    }
                };
            }
        }
    }

    /// Weights of the model without columns: the mean, or the log-odds of the classes' shares.
    pub fn null_weights(&self) -> Vec<f64> {
        let mut weights = vec![0.0; self.n_weights()];
        let intercepts = self.n_penalised();
        for (k, weight) in weights[intercepts..][..self.n_outputs].iter_mut().enumerate() {
            *weight = self.null_score(k);
        }
        weights
    }

    fn null_score(&self, k: usize) -> f64 {
        let rows = self.targets.iter().zip(&self.weights);
        match self.loss {
            Loss::Squared => rows.map(|(y, weight)| y * weight).sum(),
            Loss::Logistic => {
                let share = rows.map(|(y, weight)| y * weight).sum::<f64>().clamp(1e-9, 1.0 - 1e-9);
                libm::log(share / (1.0 - share))
            }
            Loss::Softmax => {
                let share = rows.filter(|(y, _)| **y as usize == k).map(|(_, weight)| weight);
                libm::log(share.sum::<f64>().max(1e-9))
            }
        }
    }
}

/// `ln(1 + exp(s))`.
fn softplus(score: f64) -> f64 {
    score.max(0.0) + libm::log1p(libm::exp(-score.abs()))
}

/// `1 / (1 + exp(-s))`.
fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-score))
}

/// `exp(s_k) / sum_j exp(s_j)`.
fn softmax(scores: &[f64], out: &mut [f64]) {
    let top = scores.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let mut total = 0.0;
    for (out, score) in out.iter_mut().zip(scores) {
        *out = libm::exp(score - top);
        total += *out;
    }
    out.iter_mut().for_each(|p| *p /= total);
}
