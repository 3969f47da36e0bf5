//! Stochastic gradient descent in small batches, its rate given by a schedule.
//!
//! Reference: Robbins, H.; Monro, S. (1951). A stochastic approximation method.
//! doi:10.1214/aoms/1177729586; Duchi, J.; Singer, Y. (2009). Efficient online and batch learning
//! using forward backward splitting. JMLR 10, 2899-2934.

use super::objective::{Loss, Penalty, Problem};
use super::proximal_newton::soft_threshold;
use super::quasi_newton::End;
use crate::learners::{Step, Stop};
use crate::random::Stream;
use crate::schedules::Schedule;

/// Batches between two questions to [`Stop`].
const BATCHES_A_QUESTION: usize = 64;

/// How to descend.
#[derive(Debug)]
pub(super) struct Descent<'a> {
    /// Rate of each batch, relative to the inverse of the mean curvature of a row.
    pub schedule: &'a dyn Schedule,
    /// Passes over the rows.
    pub n_epochs: usize,
    /// Rows of a batch.
    pub batch_size: usize,
    /// Key of the order of rows.
    pub key: [u64; 2],
}

/// Descends from `weights` on; they hold the last point at any time, NaN if it diverges. Appends
/// one entry an epoch to `steps`.
///
/// After each batch the penalty acts exactly (forward-backward splitting), so it never diverges by
/// itself. Rates restart with every penalty.
pub(super) fn minimise(
    problem: &Problem,
    penalty: Penalty,
    descent: &Descent<'_>,
    weights: &mut [f64],
    steps: &mut Vec<Step>,
    stop: &dyn Stop,
) -> End {
    let mut order: Vec<u32> = (0..problem.design.n_rows as u32).collect();
    let unit = 1.0 / row_curvature(problem);
    let mut batches = Batches::new(problem, penalty, weights.len());
    let mut step = 0;
    for epoch in 0..descent.n_epochs {
        Stream::new(&[descent.key[0], descent.key[1], epoch as u64]).shuffle(&mut order);
        let mut last_rate = 0.0;
        for (at, rows) in order.chunks(descent.batch_size).enumerate() {
            last_rate = descent.schedule.rate(step);
            step += 1;
            batches.descend(rows, last_rate * unit, weights);
            if at % BATCHES_A_QUESTION == BATCHES_A_QUESTION - 1 && stop.spent(batches.work()) {
                return End::Stopped;
            }
        }
        let number = steps.len() as u64;
        steps.push(Step { step: number, learning_rate: last_rate, loss: f64::NAN, n_recovered: 0 });
        if stop.spent(batches.work()) {
            return End::Stopped;
        }
    }
    End::Done
}

/// Largest mean curvature of the loss along a row.
fn row_curvature(problem: &Problem) -> f64 {
    let of_scores = match problem.loss {
        Loss::Squared => 1.0,
        Loss::Logistic => 0.25,
        Loss::Softmax => 0.5,
    };
    of_scores * problem.design.mean_square_norm()
}

/// Room for the gradient of a batch.
struct Batches<'a> {
    problem: &'a Problem,
    penalty: Penalty,
    scores: Vec<f64>,
    residual: Vec<f64>,
    gradient: Vec<f64>,
    n_rows: u64,
    n_batches: u64,
}

impl<'a> Batches<'a> {
    fn new(problem: &'a Problem, penalty: Penalty, n_weights: usize) -> Batches<'a> {
        let stride = problem.stride();
        let (scores, residual) = (vec![0.0; stride], vec![0.0; stride]);
        let gradient = vec![0.0; n_weights];
        Batches { problem, penalty, scores, residual, gradient, n_rows: 0, n_batches: 0 }
    }

    /// One step along the gradient of these rows, then one of the penalty.
    fn descend(&mut self, rows: &[u32], rate: f64, weights: &mut [f64]) {
        let problem = self.problem;
        self.gradient.fill(0.0);
        for &row in rows {
            let row = row as usize;
            problem.design.score_row(row, weights, &mut self.scores);
            problem.row_residual(row, &self.scores, &mut self.residual);
            problem.design.add_row_gradient(row, &self.residual, &mut self.gradient);
        }
        // Row weights sum to one over all rows, so this makes the sum over the batch a mean.
        let length = rate * problem.design.n_rows as f64 / rows.len() as f64;
        let shrink = 1.0 / (1.0 + rate * self.penalty.l2);
        let threshold = rate * self.penalty.l1;
        let n = problem.n_penalised();
        for (at, (weight, gradient)) in weights.iter_mut().zip(&self.gradient).enumerate() {
            *weight -= length * gradient;
            if at < n {
                *weight = soft_threshold(*weight, threshold) * shrink;
            }
        }
        self.n_rows += rows.len() as u64;
        self.n_batches += 1;
    }

    /// Multiply-adds since the last question.
    fn work(&mut self) -> u64 {
        let a_row = 2 * self.problem.pass_work() / self.problem.design.n_rows.max(1) as u64;
        let work = self.n_rows * a_row + 2 * self.n_batches * self.gradient.len() as u64;
        (self.n_rows, self.n_batches) = (0, 0);
        work
    }
}
