//! Elastic net by coordinate descent on quadratic models of the loss.
//!
//! Each output's curvature matrix is formed and the penalised quadratic is minimised: one weight at
//! a time to find those that are not zero, and these together, since one at a time is slow where
//! columns are alike. A search along the sum of these steps makes sure that the objective falls.
//!
//! Reference: Friedman, J.; Hastie, T.; Tibshirani, R. (2010). Regularization paths for generalized
//! linear models via coordinate descent. doi:10.18637/jss.v033.i01; Lee, J.; Sun, Y.; Saunders, M.
//! (2014). Proximal Newton-type methods for minimizing composite functions. arXiv:1206.1623

use super::cholesky::Cholesky;
use super::design::{add_scaled, dot};
use super::objective::{Loss, Penalty, Problem};
use super::quasi_newton::{End, moved};
use crate::learners::Stop;

/// Most columns for which curvature matrices are formed.
pub(super) const MAX_COLUMNS: usize = 1500;
/// Most quadratic models for one penalty.
const MAX_MODELS: usize = 50;
/// Most rounds for one quadratic model.
const MAX_ROUNDS: usize = 20;
/// Most sweeps in a round over the weights that are not zero.
const MAX_SWEEPS: usize = 10;
/// Most weights that are solved for together.
const MAX_SOLVED: usize = 400;
/// Share of the `l1` penalty from which on the gradient makes a zero weight a candidate to move.
const CANDIDATE_PULL: f64 = 0.9;
/// Least tolerance: the last digits come slowly here.
const LEAST_TOLERANCE: f64 = 1e-7;
/// Ends the sweeps of a model when one makes the objective fall by less than this share of the
/// tolerance.
const SWEEP_SHARE: f64 = 0.02;

/// Minimises from `weights` on; they hold the best found at any time.
pub(super) fn minimise(
    problem: &Problem,
    penalty: Penalty,
    weights: &mut [f64],
    stop: &dyn Stop,
) -> End {
    let mut models = Models::new(problem, penalty, weights);
    for _ in 0..MAX_MODELS {
        let (step, promise, work) = models.step(weights, penalty);
        let stopped = stop.spent(work + 2 * problem.pass_work());
        let ended = promise.is_nan()
            || promise >= -2.0 * tolerance(problem)
            || !models.search(penalty, weights, &step, promise);
        if stopped || ended {
            return if stopped { End::Stopped } else { End::Done };
        }
    }
    End::Done
}

fn tolerance(problem: &Problem) -> f64 {
    problem.tolerance.max(LEAST_TOLERANCE)
}

/// Quadratic models of the loss, one an output, and room to form them.
struct Models<'a> {
    problem: &'a Problem,
    scores: Vec<f64>,
    residuals: Vec<f64>,
    objective: f64,
    gradient: Vec<f64>,
    /// Curvature matrix of all columns, where it never changes.
    constant_gram: Option<Vec<f64>>,
}

impl<'a> Models<'a> {
    fn new(problem: &'a Problem, penalty: Penalty, weights: &[f64]) -> Models<'a> {
        let mut scores = vec![0.0; problem.design.n_rows * problem.stride()];
        problem.design.scores(weights, problem.stride(), &mut scores);
        let mut residuals = vec![0.0; scores.len()];
        let loss = problem.evaluate(&scores, &mut residuals);
        Models {
            problem,
            scores,
            residuals,
            objective: loss + penalty.value(&weights[..problem.n_penalised()]),
            gradient: vec![0.0; problem.n_weights()],
            constant_gram: None,
        }
    }

    /// Goes along `step` as far as the objective falls as it should; whether it moved at all.
    fn search(
        &mut self,
        penalty: Penalty,
        weights: &mut [f64],
        step: &[f64],
        promise: f64,
    ) -> bool {
        let problem = self.problem;
        let mut along = vec![0.0; self.scores.len()];
        problem.design.scores(step, problem.stride(), &mut along);
        let mut residuals = vec![0.0; along.len()];
        let mut length = 1.0;
        for _ in 0..30 {
            let scores = moved(&self.scores, &along, length);
            let new_weights = moved(weights, step, length);
            let loss = problem.evaluate(&scores, &mut residuals);
            let objective = loss + penalty.value(&new_weights[..problem.n_penalised()]);
            if objective <= self.objective + 1e-4 * length * promise {
                weights.copy_from_slice(&new_weights);
                (self.scores, self.residuals, self.objective) = (scores, residuals, objective);
                return true;
            }
            length *= 0.5;
        }
        false
    }

    /// The steps of all outputs, by how much they promise to change the objective (to first order
    /// and the penalty, so at least twice the fall), and the work done.
    fn step(&mut self, weights: &[f64], penalty: Penalty) -> (Vec<f64>, f64, u64) {
        let stride = self.problem.stride();
        self.problem.design.gradient(&self.residuals, stride, &mut self.gradient);
        let n = self.problem.n_penalised();
        add_scaled(&mut self.gradient[..n], &weights[..n], penalty.l2);
        let mut step = vec![0.0; weights.len()];
        let (mut promise, mut work) = (0.0, 0);
        for k in 0..self.problem.n_outputs {
            let columns = self.candidates(k, weights, penalty);
            let (gram, gram_work) = self.gram(k, &columns);
            let pick =
                |all: &[f64]| columns.iter().map(|&j| all[j as usize * stride + k]).collect();
            let mut model = Model {
                gram: &gram,
                gradient: pick(&self.gradient),
                start: pick(weights),
                step: vec![0.0; columns.len()],
                product: vec![0.0; columns.len()],
                penalty,
                work: 0,
            };
            model.minimise(SWEEP_SHARE * tolerance(self.problem));
            promise += model.promise();
            work += model.work + gram_work;
            let entries = columns.iter().zip(&model.step);
            entries.for_each(|(&j, value)| step[j as usize * stride + k] = *value);
            if self.problem.loss == Loss::Squared {
                self.constant_gram = Some(gram);
            }
        }
        (step, promise, work)
    }

    /// Columns whose weights of output `k` are not zero or about to leave it, and the intercept.
    fn candidates(&self, k: usize, weights: &[f64], penalty: Penalty) -> Vec<u32> {
        let (stride, n_columns) = (self.problem.stride(), self.problem.design.n_columns);
        let all = 0..=n_columns as u32;
        if self.problem.loss == Loss::Squared {
            return all.collect();
        }
        let moves = |&j: &u32| {
            let at = j as usize * stride + k;
            let pull = self.gradient[at].abs();
            j as usize == n_columns || weights[at] != 0.0 || pull > CANDIDATE_PULL * penalty.l1
        };
        all.filter(moves).collect()
    }

    /// Curvature matrix of these columns, the intercept last, for output `k`; the work done.
    fn gram(&mut self, k: usize, columns: &[u32]) -> (Vec<f64>, u64) {
        if let Some(gram) = self.constant_gram.take() {
            return (gram, 0);
        }
        let weights = self.problem.curvatures(&self.residuals, k);
        let design = self.problem.design.select_columns(&columns[..columns.len() - 1]);
        let mut gram = vec![0.0; columns.len() * columns.len()];
        design.gram(&weights, &mut gram);
        let n_entries = design.n_entries();
        let work = n_entries * (n_entries / design.n_rows.max(1) as u64) / 2;
        (gram, work + self.problem.design.n_entries() + columns.len().pow(2) as u64)
    }
}

/// `gradient . step + step^T (gram + l2) step / 2 + l1 |start + step|_1`, minimised in `step`.
struct Model<'a> {
    /// Curvatures, symmetric `(side, side)`, the intercept last.
    gram: &'a [f64],
    /// Gradient at `start`, the quadratic penalty included.
    gradient: Vec<f64>,
    /// Weights at which the model was made.
    start: Vec<f64>,
    /// What is looked for.
    step: Vec<f64>,
    /// `gram * step`, kept up to date.
    product: Vec<f64>,
    penalty: Penalty,
    work: u64,
}

impl Model<'_> {
    /// Sweeps over all weights, then works on those that are not zero, until the sweeps rest.
    fn minimise(&mut self, tolerance: f64) {
        let all: Vec<usize> = (0..self.step.len()).collect();
        for _ in 0..MAX_ROUNDS {
            if self.sweep(&all) < tolerance {
                return;
            }
            let at_work = |&&j: &&usize| self.start[j] + self.step[j] != 0.0 || j + 1 == all.len();
            let active: Vec<usize> = all.iter().filter(at_work).copied().collect();
            let rests = (0..MAX_SWEEPS).any(|_| self.sweep(&active) < tolerance);
            let is_kept = |&&j: &&usize| self.start[j] + self.step[j] != 0.0 || j + 1 == all.len();
            let active: Vec<usize> = active.iter().filter(is_kept).copied().collect();
            if !rests && active.len() <= MAX_SOLVED {
                self.solve(&active);
            }
        }
    }

    /// Goes to the minimum over these weights, none of which but the intercept is zero, or on the
    /// way there to where the first one becomes zero: until then the objective is quadratic.
    fn solve(&mut self, active: &[usize]) {
        let side = self.step.len();
        let changes = self.newton_step(active);
        let (mut length, mut first) = (1.0, None);
        for (&j, &change) in active.iter().zip(&changes).filter(|(j, _)| **j + 1 < side) {
            let weight = self.start[j] + self.step[j];
            if (weight + length * change) * weight < 0.0 {
                (length, first) = (-weight / change, Some(j));
            }
        }
        for (&j, &change) in active.iter().zip(&changes) {
            let end =
                if first == Some(j) { -self.start[j] } else { self.step[j] + length * change };
            let row = &self.gram[j * side..(j + 1) * side];
            add_scaled(&mut self.product, row, end - self.step[j]);
            self.step[j] = end;
        }
        self.work += (active.len().pow(3) / 6 + active.len() * side) as u64;
    }

    /// What leads to the minimum over these weights as long as none changes its sign.
    fn newton_step(&self, active: &[usize]) -> Vec<f64> {
        let side = self.step.len();
        let mut matrix = Vec::with_capacity(active.len() * active.len());
        let mut step = Vec::with_capacity(active.len());
        for (at, &i) in active.iter().enumerate() {
            matrix.extend(active.iter().map(|&j| self.gram[i * side + j]));
            let mut slope = self.gradient[i] + self.product[i];
            if i + 1 < side {
                matrix[at * active.len() + at] += self.penalty.l2;
                let sign = (self.start[i] + self.step[i]).signum();
                slope += self.penalty.l2 * self.step[i] + self.penalty.l1 * sign;
            }
            step.push(-slope);
        }
        Cholesky::new(matrix, active.len()).solve(&mut step);
        step
    }

    /// Minimises over each of these weights in turn; the fall of the objective, about.
    fn sweep(&mut self, weights: &[usize]) -> f64 {
        let side = self.step.len();
        let mut fall = 0.0;
        for &j in weights {
            let is_intercept = j + 1 == side;
            let (l1, l2) =
                if is_intercept { (0.0, 0.0) } else { (self.penalty.l1, self.penalty.l2) };
            let curvature = self.gram[j * side + j] + l2;
            if curvature <= 0.0 {
                continue;
            }
            let old = self.start[j] + self.step[j];
            let slope = self.gradient[j] + self.product[j] + l2 * self.step[j];
            let new = soft_threshold(curvature * old - slope, l1) / curvature;
            let change = new - old;
            if change != 0.0 {
                add_scaled(&mut self.product, &self.gram[j * side..(j + 1) * side], change);
                self.step[j] += change;
                fall += 0.5 * curvature * change * change;
                self.work += side as u64;
            }
        }
        self.work += weights.len() as u64;
        fall
    }

    fn promise(&self) -> f64 {
        let n = self.step.len() - 1;
        let change = |(start, step): (&f64, &f64)| (start + step).abs() - start.abs();
        let l1: f64 = self.start[..n].iter().zip(&self.step).map(change).sum();
        dot(&self.gradient, &self.step) + self.penalty.l1 * l1
    }
}

/// The minimiser of `(x - value)^2 / 2 + threshold |x|`; NaN stays NaN.
pub(super) fn soft_threshold(value: f64, threshold: f64) -> f64 {
    value - value.clamp(-threshold, threshold)
}
