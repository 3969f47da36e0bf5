//! The path: weights for all penalties, strongest first, each found from the one before.

use super::objective::{Penalty, Problem};
use super::options::{Options, Solver};
use super::quasi_newton::End;
use super::{proximal_gradient, proximal_newton, quasi_newton, ridge, sgd};
use crate::learners::linear::objective::Loss;
use crate::learners::{Step, Stop};
use crate::random::Stream;
use crate::schedules;

/// Rows from which on the path is found on a sample first.
const SAMPLED_FROM: usize = 20_000;
/// Smallest sample.
const SMALLEST_SAMPLE: usize = 5_000;
/// Rows for one of the sample, beyond that.
const SAMPLED_ONE_OF: usize = 20;
/// How far above its minimum the objective may stay on a sample.
const SAMPLE_TOLERANCE: f64 = 1e-5;
/// Likewise on all rows: of few rows, and of many, where chance matters more than the end.
const TOLERANCES: [f64; 2] = [1e-11, 1e-6];

/// Weights of the penalties.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// `(n_columns + 1, stride)` each, strongest penalty first; at least one.
    pub weights: Vec<Vec<f64>>,
    /// Whether [`Stop`] ended it early.
    pub stopped: bool,
    /// Epochs, where there are any.
    pub steps: Vec<Step>,
}

/// How far above its minimum the objective may stay, for so many rows: least up to 1,000 rows,
/// then with their cube.
pub(super) fn tolerance(n_rows: usize) -> f64 {
    let thousands = n_rows as f64 / 1000.0;
    (TOLERANCES[0] * thousands.powi(3)).clamp(TOLERANCES[0], TOLERANCES[1])
}

/// Finds the path. Where [`Stop`] ends it early, the last point is what was reached.
pub(super) fn find(problem: &Problem, options: &Options, seed: u64, stop: &dyn Stop) -> Path {
    match &options.solver {
        Solver::Sgd { .. } => descend(problem, options, seed, stop),
        Solver::Exact if is_ridge(problem, options) => {
            let (weights, stopped) = ridge::path(problem, &options.penalties, stop);
            Path { weights, stopped, ..Path::default() }
        }
        Solver::Exact => minimise(problem, options, seed, stop),
    }
}

/// Whether the minimum is the solution of linear equations of bearable size.
pub(super) fn is_ridge(problem: &Problem, options: &Options) -> bool {
    problem.loss == Loss::Squared
        && options.l1_ratio == 0.0
        && problem.design.n_columns <= ridge::MAX_COLUMNS
}

/// Minimises for each penalty; of many rows on a sample first, so that all penalties have usable
/// weights early and the passes over all rows start close to their end.
fn minimise(problem: &Problem, options: &Options, seed: u64, stop: &dyn Stop) -> Path {
    let n_rows = problem.design.n_rows;
    let mut path = Path::default();
    if n_rows >= SAMPLED_FROM {
        let sample = problem.sample(SMALLEST_SAMPLE.max(n_rows / SAMPLED_ONE_OF), seed);
        walk(&sample, options, &mut path, stop);
        if path.stopped {
            return path;
        }
    }
    walk(problem, options, &mut path, stop);
    path
}

/// Minimises for each penalty, from the weights of the one before or, where they are better, from
/// its own.
fn walk(problem: &Problem, options: &Options, path: &mut Path, stop: &dyn Stop) {
    let solve = if options.l1_ratio == 0.0 {
        quasi_newton::minimise
    } else if problem.design.n_columns <= proximal_newton::MAX_COLUMNS {
        proximal_newton::minimise
    } else {
        proximal_gradient::minimise
    };
    for (at, &penalty) in options.penalties.iter().enumerate() {
        let penalty = Penalty::new(penalty, options.l1_ratio);
        if at == path.weights.len() {
            let before = path.weights.last().cloned();
            path.weights.push(before.unwrap_or_else(|| problem.null_weights()));
        } else if at > 0 {
            let [before, own] =
                [at - 1, at].map(|at| problem.objective(penalty, &path.weights[at]));
            if before < own {
                path.weights[at] = path.weights[at - 1].clone();
            }
        }
        let end = solve(problem, penalty, &mut path.weights[at], stop);
        if end == End::Stopped {
            path.stopped = true;
            return;
        }
    }
}

fn descend(problem: &Problem, options: &Options, seed: u64, stop: &dyn Stop) -> Path {
    let mut path = Path::default();
    let Solver::Sgd { schedule, learning_rate, n_epochs, batch_size } = &options.solver else {
        return path;
    };
    let n_batches = problem.design.n_rows.div_ceil(*batch_size) * n_epochs;
    let schedule = schedules::by_name(schedule, *learning_rate, n_batches as u64)
        .expect("the name is checked to be one of the listed");
    let mut weights = problem.null_weights();
    for (at, &penalty) in options.penalties.iter().enumerate() {
        let (n_epochs, batch_size) = (*n_epochs, *batch_size);
        let key = [seed, at as u64];
        let descent = sgd::Descent { schedule: &*schedule, n_epochs, batch_size, key };
        let penalty = Penalty::new(penalty, options.l1_ratio);
        let end = sgd::minimise(problem, penalty, &descent, &mut weights, &mut path.steps, stop);
        path.weights.push(weights.clone());
        if end == End::Stopped {
            path.stopped = true;
            break;
        }
        if weights.iter().any(|weight| !weight.is_finite()) {
            weights = problem.null_weights();
        }
    }
    path
}

impl Problem {
    /// A random part of the rows, in their order.
    fn sample(&self, n_rows: usize, seed: u64) -> Problem {
        let mut rows: Vec<u32> = (0..self.design.n_rows as u32).collect();
        Stream::new(&[seed, n_rows as u64]).shuffle(&mut rows);
        rows.truncate(n_rows);
        rows.sort_unstable();
        let pick = |values: &[f64]| rows.iter().map(|&row| values[row as usize]).collect();
        let mut weights: Vec<f64> = pick(&self.weights);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total.max(f64::MIN_POSITIVE));
        Problem {
            design: self.design.select(&rows),
            targets: pick(&self.targets),
            weights,
            loss: self.loss,
            n_outputs: self.n_outputs,
            tolerance: SAMPLE_TOLERANCE,
        }
    }
}
