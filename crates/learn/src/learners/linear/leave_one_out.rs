//! Exact leave-one-out of ridge regression, for all penalties from one decomposition.
//!
//! With the hat matrix `H` of all rows, the residual of a row that the fit did not see is
//! `e_i / (1 - h_ii)` (PRESS): no row is fitted without. The penalty is that of the mean loss of the
//! other rows, so that row `i` is left out under `(1 - v_i) penalty` of the weighted sum; with `n`
//! rows alike, `penalty` is `alpha / (n - 1)` of scikit-learn's `RidgeCV`. Columns (centres, scales,
//! levels) are those of all rows: they do not see targets.
//!
//! References: Allen 1974, doi:10.1080/00401706.1974.10489157; Golub, Heath, Wahba 1979,
//! doi:10.1080/00401706.1979.10489751.

use super::columns::Columns;
use super::design::{Design, dot};
use super::fitted::ValidTruth;
use super::objective::{Loss, Problem};
use super::options::{Options, Solver};
use super::ridge::{self, Decomposed, Products};
use super::tridiagonal::{self, Tridiagonal};
use crate::error::Error;
use crate::learners::{FitInput, Stop};
use crate::sweep::Axis;
use crate::threads::Threads;

/// Rows that one thread predicts before [`Stop`] is asked.
const BLOCK: usize = 64;

/// Losses of all predictions together, one for each penalty of the only axis (or the configured
/// one), where every training row is predicted by the fit of the others.
///
/// # Errors
/// A configuration that is no ridge regression, fewer than two rows, or other axes.
pub(super) fn losses(input: &FitInput<'_>, axes: &[Axis]) -> Result<Vec<f64>, Error> {
    let (options, penalties) = options(input, axes)?;
    let columns = Columns::new(input.data, input.train, input.features, options.numeric);
    let (problem, (factor, offset)) = super::problem(input, &columns);
    check(&problem, &options)?;
    let mut predictions = predictions(&problem, &penalties, input.threads, input.stop);
    let truth = ValidTruth::new(input.data, input.train);
    for values in &mut predictions {
        values.iter_mut().for_each(|value| *value = *value * factor + offset);
    }
    let losses = predictions.iter().map(|values| match values.iter().any(|v| v.is_nan()) {
        true => f64::NAN,
        false => (input.metric.loss)(&truth.scored(values, 1)),
    });
    Ok(losses.collect())
}

fn options(input: &FitInput<'_>, axes: &[Axis]) -> Result<(Options, Vec<f64>), Error> {
    let mut penalties = Vec::new();
    let points = crate::sweep::points(axes);
    for point in points {
        let named = axes.iter().zip(point);
        let config = named.fold(input.config.clone(), |config, (axis, value)| {
            config.with(&axis.name, value.clone())
        });
        penalties.extend(Options::new(&config)?.penalties.last());
    }
    match axes.iter().find(|axis| axis.name != "penalty") {
        None => Ok((Options::new(input.config)?, penalties)),
        Some(axis) => {
            Err(not_exact(&format!("`{}`", axis.name), "one fit gives all values of `penalty`"))
        }
    }
}

fn check(problem: &Problem, options: &Options) -> Result<(), Error> {
    let size = n_weighted(problem).min(problem.design.n_columns);
    if problem.loss != Loss::Squared {
        return Err(not_exact("classes", "it is for targets that are numbers"));
    }
    if options.l1_ratio != 0.0 {
        return Err(not_exact("elastic_net", "it is for the regularizer l2"));
    }
    if options.solver != Solver::Exact {
        return Err(not_exact("sgd", "it is for the solver exact"));
    }
    if size > ridge::MAX_COLUMNS {
        let most = format!("it is for at most {} columns, or rows", ridge::MAX_COLUMNS);
        return Err(not_exact(&format!("{size} columns"), &most));
    }
    if n_weighted(problem) < 2 {
        return Err(not_exact("one row", "it is for two rows or more"));
    }
    Ok(())
}

fn not_exact(what: &str, expected: &str) -> Error {
    Error::Task(format!(
        "leave-one-out is exact for ridge regression only: {expected}, not {what}; take folds instead"
    ))
}

/// Rows that have a weight.
fn n_weighted(problem: &Problem) -> usize {
    problem.weights.iter().filter(|&&weight| weight > 0.0).count()
}

/// Predictions `(n_penalties)` x `(n_rows,)`, on the scale of the problem's targets, each row's by the
/// fit of the others. NaN for rows that [`Stop`] did not allow.
///
/// Rows without weight are predicted by the fit of all. Cost: `n d^2` and `n d` a penalty with
/// `d` columns, or where rows are fewer `n^3` and `n^2` a penalty.
pub(super) fn predictions(
    problem: &Problem,
    penalties: &[f64],
    threads: &Threads,
    stop: &dyn Stop,
) -> Vec<Vec<f64>> {
    if problem.design.n_columns < n_weighted(problem) {
        let by_columns = ByColumns::new(problem, stop);
        return in_blocks(problem, penalties, threads, stop, |row| by_columns.row(row, penalties));
    }
    let by_rows = ByRows::new(problem, penalties, stop);
    in_blocks(problem, penalties, threads, stop, |row| by_rows.row(row, penalties))
}

/// What `row` predicts for each penalty, for all rows, side by side.
fn in_blocks(
    problem: &Problem,
    penalties: &[f64],
    threads: &Threads,
    stop: &dyn Stop,
    row: impl Fn(usize) -> Vec<f64> + Sync,
) -> Vec<Vec<f64>> {
    let n_rows = problem.design.n_rows;
    let side = problem.design.n_columns.min(n_weighted(problem));
    let work = (BLOCK * side * (side + penalties.len())) as u64;
    let blocks = threads.map(n_rows.div_ceil(BLOCK), |block| {
        let rows = block * BLOCK..n_rows.min((block + 1) * BLOCK);
        match stop.spent(work) {
            true => vec![vec![f64::NAN; penalties.len()]; rows.len()],
            false => rows.map(&row).collect(),
        }
    });
    let rows = blocks.concat();
    (0..penalties.len()).map(|at| rows.iter().map(|row| row[at]).collect()).collect()
}

/// Fewer columns than rows: with centred rows `z_i`, `A = Z^T V Z` and `s = (1 - v_i) penalty`,
/// `h_ii = v_i (1 + z_i^T (A + s I)^-1 z_i)`.
struct ByColumns<'a> {
    problem: &'a Problem,
    decomposed: Decomposed,
}

impl<'a> ByColumns<'a> {
    fn new(problem: &'a Problem, stop: &dyn Stop) -> ByColumns<'a> {
        let decomposed = Decomposed::new(&Products::new(problem));
        let work = ridge::decomposition_work(problem.design.n_columns, 0);
        stop.spent(ridge::gram_work(problem) + work);
        ByColumns { problem, decomposed }
    }

    fn row(&self, row: usize, penalties: &[f64]) -> Vec<f64> {
        let Decomposed { gram, rotated, means, y_mean } = &self.decomposed;
        let (weight, target) = (self.problem.weights[row], self.problem.targets[row]);
        let mut centred: Vec<f64> = means.iter().map(|mean| -mean).collect();
        self.problem.design.add_row(row, &mut centred);
        gram.rotate(&mut centred);
        let prediction = |&penalty: &f64| {
            let solved = gram.solve_rotated(&centred, (1.0 - weight) * penalty);
            let leverage = weight * (1.0 + dot(&solved, &centred));
            let fitted = y_mean + dot(&solved, rotated);
            target - (target - fitted) / (1.0 - leverage)
        };
        penalties.iter().map(prediction).collect()
    }
}

/// Fewer rows than columns: `I - H = s U (K + s I)^-1 U^T` with `K = U^T V^1/2 Z Z^T V^1/2 U`, where
/// the columns of `U` and the vector of `v_i^1/2` are an orthonormal basis; so
/// `v_i^1/2 e_i / (1 - h_ii) = u_i^T (K + s I)^-1 U^T V^1/2 y / (u_i^T (K + s I)^-1 u_i)`.
/// Nothing cancels, however close `h_ii` is to 1.
struct ByRows<'a> {
    problem: &'a Problem,
    /// Rows that have a weight, ascending, and the roots of their weights.
    rows: Vec<u32>,
    roots: Vec<f64>,
    /// `K = Q T Q^T`.
    kernel: Tridiagonal,
    /// The reflection `I - v v^T` whose columns but the first are `U`.
    reflection: Vec<f64>,
    /// `Q^T U^T V^1/2 y`.
    rotated: Vec<f64>,
    /// Predictions of rows without weight, by penalty.
    others: Vec<Vec<f64>>,
}

impl<'a> ByRows<'a> {
    fn new(problem: &'a Problem, penalties: &[f64], stop: &dyn Stop) -> ByRows<'a> {
        let Problem { design, weights, targets, .. } = problem;
        let rows: Vec<u32> =
            (0..design.n_rows as u32).filter(|&row| weights[row as usize] > 0.0).collect();
        let roots: Vec<f64> = rows.iter().map(|&row| weights[row as usize].sqrt()).collect();
        let side = rows.len();
        let mut reflection = roots.clone();
        tridiagonal::reflection(&mut reflection);
        let mut kernel = kernel(&design.select(&rows), &roots);
        tridiagonal::apply_both_sides(&mut kernel, side, 0, &reflection);
        let inner = kernel.chunks_exact(side).skip(1).flat_map(|row| row[1..].to_vec()).collect();
        let kernel = Tridiagonal::new(inner, side - 1);
        let weighted = rows.iter().zip(&roots).map(|(&row, root)| root * targets[row as usize]);
        let mut rotated: Vec<f64> = weighted.collect();
        tridiagonal::reflect(&mut rotated, &reflection);
        rotated.remove(0);
        kernel.rotate(&mut rotated);
        let kernel_work = side as u64 * design.n_entries();
        stop.spent(kernel_work + ridge::decomposition_work(side, penalties.len()));
        let mut found =
            ByRows { problem, rows, roots, kernel, reflection, rotated, others: Vec::new() };
        if side < design.n_rows {
            found.others = penalties.iter().map(|&penalty| found.of_all(penalty)).collect();
        }
        found
    }

    /// What the fit of all predicts for each row: its weights are `Z^T V^1/2 U (K + s I)^-1 U^T V^1/2 y`.
    fn of_all(&self, penalty: f64) -> Vec<f64> {
        let Problem { design, weights, targets, .. } = self.problem;
        let mut duals = self.kernel.solve(&self.rotated, penalty);
        duals.insert(0, 0.0);
        tridiagonal::reflect(&mut duals, &self.reflection);
        let mut of_rows = vec![0.0; design.n_rows];
        for ((&row, root), dual) in self.rows.iter().zip(&self.roots).zip(&duals) {
            of_rows[row as usize] = root * dual;
        }
        let mut solution = vec![0.0; design.n_columns + 1];
        design.gradient(&of_rows, 1, &mut solution);
        let mut means = vec![0.0; design.n_columns + 1];
        design.gradient(weights, 1, &mut means);
        // The last entry is the sum of the duals, by which centred rows differ from rows.
        let sum = solution[design.n_columns];
        let last = design.n_columns;
        solution[..last].iter_mut().zip(&means).for_each(|(weight, mean)| *weight -= sum * mean);
        let y_mean: f64 = weights.iter().zip(targets).map(|(v, y)| v * y).sum();
        solution[last] = y_mean - dot(&solution[..last], &means[..last]);
        design.scores(&solution, 1, &mut of_rows);
        of_rows
    }

    fn row(&self, row: usize, penalties: &[f64]) -> Vec<f64> {
        let Ok(place) = self.rows.binary_search(&(row as u32)) else {
            return self.others.iter().map(|of_rows| of_rows[row]).collect();
        };
        let (root, target) = (self.roots[place], self.problem.targets[row]);
        let along = self.reflection[place];
        let mut basis: Vec<f64> = self.reflection.iter().map(|entry| -along * entry).collect();
        basis[place] += 1.0;
        basis.remove(0);
        self.kernel.rotate(&mut basis);
        let prediction = |&penalty: &f64| {
            let solved = self.kernel.solve_rotated(&basis, (1.0 - root * root) * penalty);
            target - dot(&solved, &self.rotated) / dot(&solved, &basis) / root
        };
        penalties.iter().map(prediction).collect()
    }
}

/// `V^1/2 Z Z^T V^1/2` of centred rows `(n_rows, n_rows)`.
fn kernel(design: &Design, roots: &[f64]) -> Vec<f64> {
    let (n_rows, last) = (design.n_rows, design.n_columns);
    let weights: Vec<f64> = roots.iter().map(|root| root * root).collect();
    let mut mean = vec![0.0; last + 1];
    design.gradient(&weights, 1, &mut mean);
    mean[last] = 0.0;
    let mut with_mean = vec![0.0; n_rows];
    design.scores(&mean, 1, &mut with_mean);
    let of_mean = dot(&mean, &mean);
    let (mut row, mut products) = (vec![0.0; last + 1], vec![0.0; n_rows]);
    let mut kernel = Vec::with_capacity(n_rows * n_rows);
    for i in 0..n_rows {
        row.fill(0.0);
        design.add_row(i, &mut row[..last]);
        design.scores(&row, 1, &mut products);
        let centred = |j: usize| products[j] - with_mean[i] - with_mean[j] + of_mean;
        kernel.extend((0..n_rows).map(|j| roots[i] * centred(j) * roots[j]));
    }
    kernel
}
