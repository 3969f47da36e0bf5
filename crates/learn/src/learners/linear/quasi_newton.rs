//! Smooth penalised losses by a quasi-Newton method that starts from curvatures.
//!
//! Limited-memory BFGS that starts from the inverse Hessian, whole or in part as is affordable. The search along a direction works on scores, so
//! that a step takes two passes over the rows however long the search is.
//!
//! Reference: Nocedal, J.; Wright, S. (2006). Numerical optimization, 2nd ed., algorithm 7.4.

use std::collections::VecDeque;

use super::curvature::InverseHessian;
use super::design::{add_scaled, dot};
use super::objective::{Penalty, Problem};
use crate::learners::Stop;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;
/// Most steps for one penalty.
const MAX_STEPS: usize = 200;
/// Steps after which curvatures are looked at afresh.
const REFRESH_AFTER: usize = 10;

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
    weights: &mut [f64],
    stop: &dyn Stop,
) -> End {
    let mut point = Point::new(problem, weights);
    let mut gradient = point.gradient(problem, penalty, weights);
    let mut work = 2 * problem.pass_work();
    let mut memory = None;
    for step in 0..MAX_STEPS {
        if step % REFRESH_AFTER == 0 {
            memory = None;
            work += InverseHessian::work(problem);
        }
        if stop.spent(work) {
            return End::Stopped;
        }
        let memory = memory.get_or_insert_with(|| Memory::new(problem, &point.residuals, penalty));
        let direction = memory.direction(problem, &gradient);
        let slope = dot(&direction, &gradient);
        if slope.is_nan() || slope >= -2.0 * problem.tolerance {
            return End::Done;
        }
        let Some(length) = point.search(problem, penalty, weights, &direction, slope) else {
            return End::Done;
        };
        let new_gradient = point.gradient(problem, penalty, weights);
        let change = difference(&new_gradient, &gradient);
        memory.remember(problem, direction, length, change);
        gradient = new_gradient;
        work = 2 * problem.pass_work();
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
        let loss = problem.evaluate(&scores, &mut residuals);
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
        let mut residuals = vec![0.0; along.len()];
        for _ in 0..30 {
            let scores = moved(&self.scores, &along, step);
            let new_weights = moved(weights, direction, step);
            let loss = problem.evaluate(&scores, &mut residuals);
            if loss + penalty.quadratic(&new_weights[..n]) <= start + 1e-4 * step * slope {
                weights.copy_from_slice(&new_weights);
                *self = Point { scores, residuals, loss };
                return Some(step);
            }
            step *= 0.5;
        }
        None
    }
}

/// The last steps and what they did to the gradient.
struct Memory {
    inverse: InverseHessian,
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
    /// Nothing remembered but the curvatures at the point of these derivatives by scores.
    fn new(problem: &Problem, residuals: &[f64], penalty: Penalty) -> Memory {
        let inverse = InverseHessian::new(problem, residuals, penalty);
        Memory { inverse, pairs: VecDeque::with_capacity(MEMORY), scale: 1.0 }
    }

    /// The two-loop recursion: minus the inverse Hessian times the gradient.
    fn direction(&self, problem: &Problem, gradient: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, &direction) * pair.inverse_product;
            add_scaled(&mut direction, &pair.change, -share);
            shares.push(share);
        }
        self.inverse.apply(problem, &mut direction);
        direction.iter_mut().for_each(|entry| *entry *= self.scale);
        for (pair, share) in self.pairs.iter().zip(shares.iter().rev()) {
            let back = dot(&pair.change, &direction) * pair.inverse_product;
            add_scaled(&mut direction, &pair.step, share - back);
        }
        direction
    }

    fn remember(&mut self, problem: &Problem, direction: Vec<f64>, length: f64, change: Vec<f64>) {
        let mut step = direction;
        step.iter_mut().for_each(|entry| *entry *= length);
        let product = dot(&step, &change);
        if product <= 1e-14 * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            return;
        }
        if !self.inverse.is_scaled() {
            let mut newton = change.clone();
            self.inverse.apply(problem, &mut newton);
            self.scale = product / dot(&change, &newton);
        }
        if self.pairs.len() == MEMORY {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { step, change, inverse_product: 1.0 / product });
    }
}

/// `start + length * direction`.
pub(super) fn moved(start: &[f64], direction: &[f64], length: f64) -> Vec<f64> {
    start.iter().zip(direction).map(|(start, entry)| start + length * entry).collect()
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
