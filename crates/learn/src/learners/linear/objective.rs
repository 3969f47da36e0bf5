//! What a fit minimises: a mean loss and an elastic-net penalty.
//!
//! `f(w) = sum_i v_i loss(y_i, s_i) + penalty * ((1 - l1_ratio) / 2 |w|^2 + l1_ratio |w|_1)`, row
//! weights `v` summing to one, the intercept not penalised. So `penalty` is `1 / (C n)` of
//! scikit-learn's `LogisticRegression` and `alpha / n` of its `Ridge`.

use super::design::Design;
use super::exponential::{exp, ln_1p_unit};

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

/// Least second derivative that is reckoned with, where a class is all but certain.
pub(super) const LEAST_CURVATURE: f64 = 1e-6;

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
    /// How far above its minimum the objective may stay, about.
    pub tolerance: f64,
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

    /// Mean loss of `scores` `(n_rows, stride)`; writes its derivatives by them, row weights
    /// included, to `residuals`.
    pub fn evaluate(&self, scores: &[f64], residuals: &mut [f64]) -> f64 {
        assert_eq!(scores.len(), self.targets.len() * self.stride());
        assert_eq!(residuals.len(), scores.len());
        match self.loss {
            Loss::Squared => squared(scores, &self.targets, &self.weights, residuals),
            Loss::Logistic => logistic(scores, &self.targets, &self.weights, residuals),
            Loss::Softmax => {
                let stride = self.stride();
                let rows = scores.chunks_exact(stride).zip(residuals.chunks_exact_mut(stride));
                let rows = rows.zip(self.targets.iter().zip(&self.weights));
                rows.map(|((scores, residual), (&y, &weight))| {
                    weight * softmax(scores, self.n_outputs, y as usize, weight, residual)
                })
                .sum()
            }
        }
    }

    /// Derivatives of the loss of one row by its scores `(stride,)`, row weight included.
    pub fn row_residual(&self, row: usize, scores: &[f64], residual: &mut [f64]) {
        let (y, weight) = (self.targets[row], self.weights[row]);
        match self.loss {
            Loss::Squared => residual[0] = weight * (scores[0] - y),
            Loss::Logistic => residual[0] = weight * (1.0 / (1.0 + exp(-scores[0])) - y),
            Loss::Softmax => {
                softmax(scores, self.n_outputs, y as usize, weight, residual);
            }
        }
    }

    /// Probability of output `k`, from the derivative of the loss by its score.
    pub fn probability(&self, row: usize, k: usize, residual: f64) -> f64 {
        let (y, weight) = (self.targets[row], self.weights[row]);
        let truth = match self.loss {
            Loss::Squared | Loss::Logistic => y,
            Loss::Softmax => f64::from(u8::from(y as usize == k)),
        };
        if weight > 0.0 { residual / weight + truth } else { 0.0 }
    }

    /// Second derivatives by score `k` alone `(n_rows,)`, from the first ones.
    pub fn curvatures(&self, residuals: &[f64], k: usize) -> Vec<f64> {
        let rows = residuals.iter().skip(k).step_by(self.stride()).zip(&self.weights);
        let curvature = |(row, (&residual, &weight))| {
            let probability = self.probability(row, k, residual);
            match self.loss {
                Loss::Squared => weight,
                _ => weight * (probability * (1.0 - probability)).max(LEAST_CURVATURE),
            }
        };
        rows.enumerate().map(curvature).collect()
    }

    /// Diagonal of the Hessian of the mean loss `(n_columns + 1, stride)`, from the derivatives by
    /// scores.
    pub fn diagonal(&self, residuals: &[f64]) -> Vec<f64> {
        let stride = self.stride();
        let mut curvatures = vec![0.0; residuals.len()];
        for k in 0..self.n_outputs {
            let entries = curvatures.iter_mut().skip(k).step_by(stride);
            let values = self.curvatures(residuals, k);
            entries.zip(values).for_each(|(entry, value)| *entry = value);
        }
        let mut diagonal = vec![0.0; self.n_weights()];
        self.design.squares(&curvatures, stride, &mut diagonal);
        diagonal
    }

    /// Mean loss and penalty at these weights.
    pub fn objective(&self, penalty: Penalty, weights: &[f64]) -> f64 {
        let mut scores = vec![0.0; self.targets.len() * self.stride()];
        self.design.scores(weights, self.stride(), &mut scores);
        let mut residuals = vec![0.0; scores.len()];
        self.evaluate(&scores, &mut residuals) + penalty.value(&weights[..self.n_penalised()])
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

fn squared(scores: &[f64], targets: &[f64], weights: &[f64], residuals: &mut [f64]) -> f64 {
    let mut loss = 0.0;
    for ((residual, score), (y, weight)) in
        residuals.iter_mut().zip(scores).zip(targets.iter().zip(weights))
    {
        let error = score - y;
        *residual = weight * error;
        loss += 0.5 * weight * error * error;
    }
    loss
}

/// `ln(1 + exp(s)) - y s` and its derivative, from `e = exp(-|s|)`.
fn logistic(scores: &[f64], targets: &[f64], weights: &[f64], residuals: &mut [f64]) -> f64 {
    let mut loss = 0.0;
    let mut terms = [0.0; 64];
    for (at, residuals) in residuals.chunks_mut(64).enumerate() {
        let rows = at * 64..at * 64 + residuals.len();
        let (scores, targets, weights) =
            (&scores[rows.clone()], &targets[rows.clone()], &weights[rows]);
        for i in 0..residuals.len() {
            let (score, y) = (scores[i], targets[i]);
            let e = exp(-score.abs());
            let larger = 1.0 / (1.0 + e);
            let probability = if score < 0.0 { e * larger } else { larger };
            residuals[i] = weights[i] * (probability - y);
            terms[i] = weights[i] * (score.max(0.0) + ln_1p_unit(e) - y * score);
        }
        loss += terms[..residuals.len()].iter().sum::<f64>();
    }
    loss
}

/// `ln sum_k exp(s_k) - s_y` of the first `n_outputs` scores; writes `weight (p - y)` to `residual`.
fn softmax(scores: &[f64], n_outputs: usize, y: usize, weight: f64, residual: &mut [f64]) -> f64 {
    let top = scores[..n_outputs].iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    // Spare scores are zero; theirs are overwritten below.
    for (out, score) in residual.chunks_exact_mut(4).zip(scores.chunks_exact(4)) {
        for k in 0..4 {
            out[k] = exp(score[k] - top);
        }
    }
    residual[n_outputs..].fill(0.0);
    let total: f64 = residual.iter().sum();
    let factor = weight / total;
    residual.iter_mut().for_each(|p| *p *= factor);
    residual[y] -= weight;
    top + libm::log(total) - scores[y]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Losses of some scores, and that derivatives are those of finite differences.
    fn check(loss: Loss, n_outputs: usize, targets: &[f64], scores: &[f64], want: f64) {
        let n_rows = targets.len();
        let design = Design { n_rows, starts: vec![0; n_rows + 1], ..Design::default() };
        let weights = vec![1.0 / n_rows as f64; n_rows];
        let problem = Problem {
            design,
            targets: targets.to_vec(),
            weights,
            loss,
            n_outputs,
            tolerance: 1e-9,
        };
        let mut residuals = vec![0.0; scores.len()];
        let got = problem.evaluate(scores, &mut residuals);
        assert!((got - want).abs() < 1e-12 * (1.0 + want.abs()), "{loss:?}: {got} for {want}");
        for at in 0..scores.len() {
            let value = |delta: f64| {
                let mut scores = scores.to_vec();
                scores[at] += delta;
                problem.evaluate(&scores, &mut vec![0.0; scores.len()])
            };
            let slope = (value(1e-5) - value(-1e-5)) / 2e-5;
            assert!((slope - residuals[at]).abs() < 1e-8, "{loss:?} {at}: {slope}");
            let mut residual = vec![0.0; problem.stride()];
            let row = at / problem.stride();
            let row_scores = &scores[row * problem.stride()..][..problem.stride()];
            problem.row_residual(row, row_scores, &mut residual);
            assert!((residual[at % problem.stride()] - residuals[at]).abs() < 1e-15);
        }
    }

    #[test]
    fn losses_follow_their_formulas() {
        check(Loss::Squared, 1, &[1.0, -2.0], &[0.5, 1.0], 0.5 * (0.25 + 9.0) / 2.0);
        let logistic = |s: f64, y: f64| libm::log(1.0 + libm::exp(s)) - y * s;
        let want = (logistic(0.3, 1.0) + logistic(-2.0, 0.0) + logistic(4.0, 0.0)) / 3.0;
        check(Loss::Logistic, 1, &[1.0, 0.0, 0.0], &[0.3, -2.0, 4.0], want);
        let total = libm::exp(0.1) + libm::exp(-1.0) + libm::exp(2.0);
        check(Loss::Softmax, 3, &[2.0], &[0.1, -1.0, 2.0, 0.0], libm::log(total) - 2.0);
    }

    #[test]
    fn large_scores_do_not_overflow() {
        check(Loss::Logistic, 1, &[0.0, 1.0], &[900.0, -900.0], 900.0);
        check(Loss::Softmax, 2, &[0.0, 1.0], &[0.0, 800.0, 0.0, 0.0, -800.0, 0.0, 0.0, 0.0], 400.0);
    }
}
