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
    let products = Products::new(problem);
    let mut stopped = stop.spent(gram_work(problem));
    let path = Decomposed::new(&products).path(penalties);
    stopped |= stop.spent(decomposition_work(problem.design.n_columns, penalties.len()));
    (path, stopped)
}

/// All that ridge regression asks of the rows: `X^T V X` and `X^T V y`, the intercept's column of
/// ones last.
#[derive(Debug)]
pub(super) struct Products {
    n_columns: usize,
    /// `(n_columns + 1, n_columns + 1)`, in full.
    gram: Vec<f64>,
    /// `(n_columns + 1,)`.
    moments: Vec<f64>,
}

impl Products {
    pub fn new(problem: &Problem) -> Products {
        let n_columns = problem.design.n_columns;
        let side = n_columns + 1;
        let mut gram = vec![0.0; side * side];
        problem.design.gram(&problem.weights, &mut gram);
        let weighted: Vec<f64> =
            problem.targets.iter().zip(&problem.weights).map(|(y, v)| y * v).collect();
        let mut moments = vec![0.0; side];
        problem.design.gradient(&weighted, 1, &mut moments);
        Products { n_columns, gram, moments }
    }

    /// Those of some columns alone. Each entry is a sum over rows in their order, so it is, bit for
    /// bit, what [`Products::new`] gives for a design of these columns.
    pub fn select(&self, columns: &[u32]) -> Products {
        let side = self.n_columns + 1;
        let chosen = || columns.iter().map(|&column| column as usize).chain([self.n_columns]);
        let gram = chosen().flat_map(|i| chosen().map(move |j| self.gram[i * side + j])).collect();
        let moments = chosen().map(|i| self.moments[i]).collect();
        Products { n_columns: columns.len(), gram, moments }
    }
}

/// The equations of ridge regression, decomposed once for all penalties.
#[derive(Debug)]
pub(super) struct Decomposed {
    /// `Z^T V Z = Q T Q^T`.
    pub gram: Tridiagonal,
    /// `Q^T Z^T V y`.
    pub rotated: Vec<f64>,
    /// Means of the columns.
    pub means: Vec<f64>,
    /// Mean of the targets.
    pub y_mean: f64,
}

impl Decomposed {
    pub fn new(products: &Products) -> Decomposed {
        let Products { n_columns, gram, moments } = products;
        let (n_columns, side) = (*n_columns, n_columns + 1);
        let means = gram[n_columns * side..n_columns * side + n_columns].to_vec();
        let y_mean = moments[n_columns];
        let mut rotated: Vec<f64> =
            (0..n_columns).map(|j| moments[j] - means[j] * y_mean).collect();
        let gram = Tridiagonal::new(centred(gram, &means), n_columns);
        gram.rotate(&mut rotated);
        Decomposed { gram, rotated, means, y_mean }
    }

    /// Weights of each penalty.
    pub fn path(&self, penalties: &[f64]) -> Vec<Vec<f64>> {
        let solve = |&penalty: &f64| {
            let mut weights = self.gram.solve(&self.rotated, penalty);
            weights.push(self.y_mean - dot(&weights, &self.means));
            weights
        };
        penalties.iter().map(solve).collect()
    }
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
pub(super) fn gram_work(problem: &Problem) -> u64 {
    let n_rows = problem.design.n_rows.max(1) as u64;
    problem.design.n_entries() * (problem.design.n_entries() / n_rows) / 2
}

/// Multiply-adds of a decomposition and of a solution for each penalty.
pub(super) fn decomposition_work(n_columns: usize, n_penalties: usize) -> u64 {
    (n_columns * n_columns * (n_columns + n_penalties)) as u64
}
