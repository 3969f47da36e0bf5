//! Ridge regression: the exact solutions of all penalties from one decomposition.

use super::design::dot;
use super::objective::Problem;
use super::tridiagonal::Tridiagonal;
use crate::learners::Stop;

/// Most columns for which the Gram matrix is decomposed; beyond, iterations are cheaper.
pub(super) const MAX_COLUMNS: usize = 1000;

/// Weights `(n_columns + 1,)` of each penalty, the intercept last.
///
/// Solves `(Z^T V Z + penalty I) w = Z^T V y` for centred columns `Z`, row weights `V`. Cost:
/// `n m^2 / 2` for `m` entries a row, `d^3` for `d` columns, `d^2` a penalty.
///
/// Reference: Hoerl, A.; Kennard, R. (1970). Ridge regression. doi:10.1080/00401706.1970.10488634
pub(super) fn path(problem: &Problem, penalties: &[f64], stop: &dyn Stop) -> (Vec<Vec<f64>>, bool) {
    let n_columns = problem.design.n_columns;
    let side = n_columns + 1;
    let mut gram = vec![0.0; side * side];
    problem.design.gram(&problem.weights, &mut gram);
    let weighted: Vec<f64> =
        problem.targets.iter().zip(&problem.weights).map(|(y, v)| y * v).collect();
    let mut moments = vec![0.0; side];
    problem.design.gradient(&weighted, 1, &mut moments);
    let means = gram[n_columns * side..n_columns * side + n_columns].to_vec();
    let y_mean = moments[n_columns];
    let mut rotated: Vec<f64> = (0..n_columns).map(|j| moments[j] - means[j] * y_mean).collect();
    let mut stopped = stop.spent(gram_work(problem));
    let decomposed = Tridiagonal::new(centred(&gram, &means), n_columns);
    decomposed.rotate(&mut rotated);
    let solve = |&penalty: &f64| {
        let mut weights = decomposed.solve(&rotated, penalty);
        weights.push(y_mean - dot(&weights, &means));
        weights
    };
    let path = penalties.iter().map(solve).collect();
    stopped |= stop.spent(decomposition_work(n_columns, penalties.len()));
    (path, stopped)
}

/// `gram - means means^T` without the last row and column.
fn centred(gram: &[f64], means: &[f64]) -> Vec<f64> {
    let side = means.len() + 1;
    let mut out = Vec::with_capacity(means.len() * means.len());
    for (row, mean) in gram.chunks_exact(side).zip(means) {
        out.extend(row.iter().zip(means).map(|(entry, other)| entry - mean * other));
    }
    out
}

/// Multiply-adds of the Gram matrix.
fn gram_work(problem: &Problem) -> u64 {
    let n_rows = problem.design.n_rows.max(1) as u64;
    problem.design.n_entries() * (problem.design.n_entries() / n_rows) / 2
}

fn decomposition_work(n_columns: usize, n_penalties: usize) -> u64 {
    (n_columns * n_columns * (n_columns + n_penalties)) as u64
}
