//! Smooth penalised losses by a quasi-Newton method that starts from curvatures.
//!
//! Limited-memory BFGS whose initial inverse Hessian is that of each output alone, factored, or
//! where factoring costs too much its diagonal. The search along a direction works on scores, so
//! that a step takes two passes over the rows however long the search is.
//!
//! Reference: Nocedal, J.; Wright, S. (2006). Numerical optimization, 2nd ed., algorithm 7.4.

use std::collections::VecDeque;

use super::cholesky::Cholesky;
use super::design::{add_scaled, dot};
use super::objective::{Loss, Penalty, Problem};
use crate::learners::Stop;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;
/// Most steps for one penalty.
const MAX_STEPS: usize = 200;
/// Ends when the quadratic model promises less than this share of the null model's loss, about.
const TOLERANCE: f64 = 1e-9;
/// Most columns for which curvature matrices are factored.
const MAX_FACTORED: usize = 1500;

/// How a minimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At the minimum, or as near as rounding allows, or out of steps.
    Done,
    /// [`Stop`] asked for the end.
    Stopped,
}

/// Minimises from `weights` on; they hold the best found at any time. The penalty has no `l1`.
pub(super) fn minimise(
    problem: &Problem,
    penalty: Penalty,
    max_steps: usize,
    weights: &mut [f64],
    stop: &dyn Stop,
) -> End {
    let mut point = Point::new(problem, weights);
    let inverse = InverseHessian::new(problem, &point.residuals, penalty);
    let mut memory = Memory { pairs: VecDeque::with_capacity(MEMORY), scale: 1.0 };
    if stop.spent(2 * problem.pass_work() + InverseHessian::work(problem)) {
        return End::Stopped;
    }
    let mut gradient = point.gradient(problem, penalty, weights);
    for _ in 0..max_steps.min(MAX_STEPS) {
        let direction = memory.direction(problem, &inverse, &gradient);
        let slope = dot(&direction, &gradient);
        if slope.is_nan() || slope >= -2.0 * TOLERANCE {
            return End::Done;
        }
        let Some(step) = point.search(problem, penalty, weights, &direction, slope) else {
            return End::Done;
        };
        let new_gradient = point.gradient(problem, penalty, weights);
        let change = difference(&new_gradient, &gradient);
        memory.remember(problem, &inverse, direction, step, change);
        gradient = new_gradient;
        if stop.spent(2 * problem.pass_work()) {
            return End::Stopped;
        }
    }
    End::Done
}

/// Where the minimisation is, as the rows see it.
struct Point {
    scores: Vec<f64>,
    residuals: Vec<f64>,
    loss: f64,
}

impl Point {
    fn new(problem: &Problem, weights: &[f64]) -> Point {
        let mut scores = vec![0.0; problem.design.n_rows * problem.stride()];
        problem.design.scores(weights, problem.stride(), &mut scores);
        let mut residuals = vec![0.0; scores.len()];
        problem.residuals(&scores, &mut residuals);
        let loss = problem.loss(&scores);
        Point { scores, residuals, loss }
    }

    fn gradient(&self, problem: &Problem, penalty: Penalty, weights: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; weights.len()];
        problem.design.gradient(&self.residuals, problem.stride(), &mut gradient);
        let n = problem.n_penalised();
        add_scaled(&mut gradient[..n], &weights[..n], penalty.l2);
        gradient
    }

    /// Halves the step from 1 until the objective falls as it should, and goes there; `None`, and
    /// nothing moves, where no step is short enough.
    fn search(
        &mut self,
        problem: &Problem,
        penalty: Penalty,
        weights: &mut [f64],
        direction: &[f64],
        slope: f64,
    ) -> Option<f64> {
        let n = problem.n_penalised();
        let mut along = vec![0.0; self.scores.len()];
        problem.design.scores(direction, problem.stride(), &mut along);
        let start = self.loss + penalty.quadratic(&weights[..n]);
        let mut step = 1.0;
        for _ in 0..30 {
            let mut scores = self.scores.clone();
            add_scaled(&mut scores, &along, step);
            let mut moved = weights.to_vec();
            add_scaled(&mut moved, direction, step);
            let loss = problem.loss(&scores);
            if loss + penalty.quadratic(&moved[..n]) <= start + 1e-4 * step * slope {
                weights.copy_from_slice(&moved);
                (self.scores, self.loss) = (scores, loss);
                problem.residuals(&self.scores, &mut self.residuals);
                return Some(step);
            }
            step *= 0.5;
        }
        None
    }
}

/// Initial inverse Hessian.
enum InverseHessian {
    /// One factored curvature matrix an output.
    Blocks(Vec<Cholesky>),
    /// Reciprocal curvatures `(n_weights,)`.
    Diagonal(Vec<f64>),
}

impl InverseHessian {
    /// Whether factored curvature matrices are worth their price.
    fn is_factored(problem: &Problem) -> bool {
        let columns = problem.design.n_columns;
        columns <= MAX_FACTORED
            && Self::factoring_work(problem) <= 40 * problem.pass_work() + 2_000_000
    }

    fn factoring_work(problem: &Problem) -> u64 {
        let n_entries = problem.design.n_entries();
        let gram = n_entries * (n_entries / problem.design.n_rows.max(1) as u64) / 2;
        let columns = problem.design.n_columns as u64;
        (gram + columns * columns * columns / 6) * problem.n_outputs as u64
    }

    fn work(problem: &Problem) -> u64 {
        if Self::is_factored(problem) { Self::factoring_work(problem) } else { problem.pass_work() }
    }

    fn new(problem: &Problem, residuals: &[f64], penalty: Penalty) -> InverseHessian {
        let stride = problem.stride();
        let mut curvatures = vec![0.0; residuals.len()];
        problem.curvatures(residuals, &mut curvatures);
        if !Self::is_factored(problem) {
            let mut squares = vec![0.0; problem.n_weights()];
            problem.design.squares(&curvatures, stride, &mut squares);
            squares[..problem.n_penalised()].iter_mut().for_each(|square| *square += penalty.l2);
            squares.iter_mut().for_each(|square| *square = 1.0 / square.max(1e-12));
            return InverseHessian::Diagonal(squares);
        }
        let block = |k| {
            let weights: Vec<f64> = curvatures.iter().skip(k).step_by(stride).copied().collect();
            factored_curvature(problem, &weights, penalty.l2)
        };
        let n_blocks = if problem.loss == Loss::Squared { 1 } else { problem.n_outputs };
        InverseHessian::Blocks((0..n_blocks).map(block).collect())
    }

    fn apply(&self, problem: &Problem, vector: &mut [f64]) {
        match self {
            InverseHessian::Diagonal(inverse) => {
                vector.iter_mut().zip(inverse).for_each(|(entry, inverse)| *entry *= inverse);
            }
            InverseHessian::Blocks(blocks) => {
                let stride = problem.stride();
                for (k, block) in blocks.iter().enumerate() {
                    let mut column: Vec<f64> =
                        vector.iter().skip(k).step_by(stride).copied().collect();
                    block.solve(&mut column);
                    let entries = vector.iter_mut().skip(k).step_by(stride);
                    entries.zip(column).for_each(|(entry, value)| *entry = value);
                }
            }
        }
    }
}

fn factored_curvature(problem: &Problem, weights: &[f64], l2: f64) -> Cholesky {
    let side = problem.design.n_columns + 1;
    let mut gram = vec![0.0; side * side];
    problem.design.gram(weights, &mut gram);
    (0..side - 1).for_each(|j| gram[j * side + j] += l2);
    Cholesky::new(gram, side)
}

/// The last steps and what they did to the gradient.
struct Memory {
    pairs: VecDeque<Pair>,
    /// Factor of the initial inverse Hessian that fits the last pair.
    scale: f64,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse_product: f64,
}

impl Memory {
    /// The two-loop recursion: minus the inverse Hessian times the gradient.
    fn direction(&self, problem: &Problem, inverse: &InverseHessian, gradient: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &direction) * pair.inverse_product;
            add_scaled(&mut direction, &pair.change, -share);
            shares.push(share);
        }
        inverse.apply(problem, &mut direction);
        direction.iter_mut().for_each(|entry| *entry *= self.scale);
        for (pair, share) in self.pairs.iter().zip(shares.iter().rev()) {
            let back = dot(&pair.change, &direction) * pair.inverse_product;
            add_scaled(&mut direction, &pair.step, share - back);
        }
        direction
    }

    fn remember(
        &mut self,
        problem: &Problem,
        inverse: &InverseHessian,
        direction: Vec<f64>,
        length: f64,
        change: Vec<f64>,
    ) {
        let mut step = direction;
        step.iter_mut().for_each(|entry| *entry *= length);
        let product = dot(&step, &change);
        if product <= 1e-14 * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            return;
        }
        let mut newton = change.clone();
        inverse.apply(problem, &mut newton);
        self.scale = product / dot(&change, &newton);
        if self.pairs.len() == MEMORY {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { step, change, inverse_product: 1.0 / product });
    }
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
