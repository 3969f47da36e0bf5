//! Inverse Hessians to start a quasi-Newton method from: exact, by output, or diagonal.
//!
//! Whichever is affordable; of many rows a part is enough, since the loss is a mean.

use super::cholesky::Cholesky;
use super::design::Design;
use super::objective::{Loss, Penalty, Problem};

/// Most columns of a matrix that is factored.
const MAX_SIDE: u64 = 1500;
/// Passes over the rows that a factored matrix may cost.
const MAX_PASSES: u64 = 40;
/// Work that a factored matrix may cost in any case.
const FREE_WORK: u64 = 2_000_000;
/// Rows that matrices are made from, at the most.
const MAX_ROWS: usize = 6_000;
/// Share of an intercept's own curvature that is added to it: the softmax does not change when all
/// intercepts do, so their matrix is singular.
const INTERCEPT_SHARE: f64 = 1e-6;

/// An approximation of the inverse Hessian of the penalised loss.
pub(super) enum InverseHessian {
    /// Factors of the whole Hessian, ordered by output and then by column.
    Whole(Cholesky),
    /// Factors of the Hessian of each output alone.
    Blocks(Vec<Cholesky>),
    /// Reciprocals of its diagonal `(n_columns + 1, stride)`.
    Diagonal(Vec<f64>),
}

/// Which of them to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Blocks,
    Diagonal,
}

/// Sizes on which the choice and its price depend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Rows.
    pub n_rows: u64,
    /// Entries of a row of the design matrix, the intercept's included.
    pub n_entries: u64,
    /// Columns, without the intercept.
    pub n_columns: u64,
    /// Scores of a row.
    pub n_outputs: u64,
    /// Work of a pass over the rows.
    pub pass: u64,
}

impl Size {
    fn of(problem: &Problem) -> Size {
        let n_rows = problem.design.n_rows as u64;
        Size {
            n_rows,
            n_entries: problem.design.n_entries() / n_rows.max(1),
            n_columns: problem.design.n_columns as u64,
            n_outputs: problem.n_outputs as u64,
            pass: problem.pass_work(),
        }
    }

    fn kind(&self) -> Kind {
        let affordable = MAX_PASSES * self.pass + FREE_WORK;
        let fits = |kind: Kind| {
            let n_together = if kind == Kind::Whole { self.n_outputs } else { 1 };
            (self.n_columns + 1) * n_together <= MAX_SIDE && self.work_of(kind) <= affordable
        };
        let kinds = [Kind::Whole, Kind::Blocks];
        kinds.into_iter().find(|&kind| fits(kind)).unwrap_or(Kind::Diagonal)
    }

    fn work_of(&self, kind: Kind) -> u64 {
        let gram = self.n_rows.min(MAX_ROWS as u64) * self.n_entries * self.n_entries / 2;
        let diagonal = if self.n_rows > MAX_ROWS as u64 { self.pass } else { 0 };
        let (outputs, side) = (self.n_outputs, self.n_columns + 1);
        match kind {
            Kind::Diagonal => self.pass,
            Kind::Blocks => diagonal + outputs * (gram + side.pow(3) / 6),
            Kind::Whole => {
                let factors = (outputs * side).pow(3) / 6;
                diagonal + outputs * (outputs + 1) / 2 * gram + factors
            }
        }
    }

    /// Work of the inverse Hessian that is chosen.
    pub fn work(&self) -> u64 {
        self.work_of(self.kind())
    }

    /// Steps that a penalty takes with it, on average, by experience.
    pub fn n_steps(&self) -> u64 {
        match self.kind() {
            Kind::Whole => 6,
            Kind::Blocks => 20,
            Kind::Diagonal => 40,
        }
    }
}

/// Rows of a problem with what the Hessian needs of them.
struct Rows {
    design: Design,
    /// Row weight, summing to one `(n_rows,)`.
    weights: Vec<f64>,
    /// Probabilities `(n_rows, n_outputs)`.
    probabilities: Vec<f64>,
    /// Where these are not all rows, the diagonal of the loss's Hessian on all
    /// `(n_columns + 1, stride)`: columns that are rare in the part would seem to be flat.
    whole_diagonal: Option<Vec<f64>>,
}

impl InverseHessian {
    /// At the point where the loss has these derivatives by scores.
    pub fn new(problem: &Problem, residuals: &[f64], penalty: Penalty) -> InverseHessian {
        let kind = Size::of(problem).kind();
        if kind == Kind::Diagonal {
            return InverseHessian::Diagonal(inverse_diagonal(problem, residuals, penalty));
        }
        let rows = Rows::new(problem, residuals);
        let blocks = || {
            let n_blocks = problem.n_outputs;
            (0..n_blocks).map(|k| Cholesky::new(rows.block(problem, penalty, k), rows.side()))
        };
        match kind {
            Kind::Whole if problem.n_outputs > 1 => {
                let side = problem.n_outputs * rows.side();
                InverseHessian::Whole(Cholesky::new(rows.whole(problem, penalty), side))
            }
            _ => InverseHessian::Blocks(blocks().collect()),
        }
    }

    /// Work of [`InverseHessian::new`].
    pub fn work(problem: &Problem) -> u64 {
        Size::of(problem).work()
    }

    /// Whether its size is right as well as its form, so that steps need no rescaling.
    pub fn is_scaled(&self) -> bool {
        !matches!(self, InverseHessian::Diagonal(_))
    }

    /// Multiplies `vector` `(n_columns + 1, stride)` in place.
    pub fn apply(&self, problem: &Problem, vector: &mut [f64]) {
        let stride = problem.stride();
        let column = |vector: &[f64], k| vector.iter().skip(k).step_by(stride).copied().collect();
        match self {
            InverseHessian::Diagonal(inverse) => {
                vector.iter_mut().zip(inverse).for_each(|(entry, inverse)| *entry *= inverse);
            }
            InverseHessian::Blocks(blocks) => {
                for (k, block) in blocks.iter().enumerate() {
                    let mut x: Vec<f64> = column(vector, k);
                    block.solve(&mut x);
                    set_column(vector, stride, k, &x);
                }
            }
            InverseHessian::Whole(factors) => {
                let mut x: Vec<f64> =
                    (0..problem.n_outputs).flat_map(|k| column(vector, k)).collect();
                factors.solve(&mut x);
                for (k, x) in x.chunks_exact(problem.design.n_columns + 1).enumerate() {
                    set_column(vector, stride, k, x);
                }
            }
        }
    }
}

fn inverse_diagonal(problem: &Problem, residuals: &[f64], penalty: Penalty) -> Vec<f64> {
    let mut diagonal = problem.diagonal(residuals);
    diagonal[..problem.n_penalised()].iter_mut().for_each(|entry| *entry += penalty.l2);
    diagonal.iter().map(|entry| 1.0 / entry.max(1e-12)).collect()
}

fn set_column(vector: &mut [f64], stride: usize, k: usize, values: &[f64]) {
    let entries = vector.iter_mut().skip(k).step_by(stride);
    entries.zip(values).for_each(|(entry, value)| *entry = *value);
}

impl Rows {
    /// All rows, or every so-many-th.
    fn new(problem: &Problem, residuals: &[f64]) -> Rows {
        let n_rows = problem.design.n_rows;
        let every = n_rows.div_ceil(MAX_ROWS).max(1);
        let rows: Vec<u32> = (0..n_rows as u32).step_by(every).collect();
        let mut weights: Vec<f64> = rows.iter().map(|&row| problem.weights[row as usize]).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total.max(f64::MIN_POSITIVE));
        let mut probabilities = Vec::with_capacity(rows.len() * problem.n_outputs);
        for &row in &rows {
            let residual = &residuals[row as usize * problem.stride()..][..problem.n_outputs];
            let of_output = |(k, &residual)| problem.probability(row as usize, k, residual);
            probabilities.extend(residual.iter().enumerate().map(of_output));
        }
        let whole_diagonal = (every > 1).then(|| problem.diagonal(residuals));
        Rows { design: problem.design.select(&rows), weights, probabilities, whole_diagonal }
    }

    fn side(&self) -> usize {
        self.design.n_columns + 1
    }

    /// Second derivatives by scores `k` and `l` of each row.
    fn curvatures(&self, problem: &Problem, k: usize, l: usize) -> Vec<f64> {
        let rows = self.probabilities.chunks_exact(problem.n_outputs).zip(&self.weights);
        rows.map(|(p, weight)| match problem.loss {
            Loss::Squared => *weight,
            _ if k == l => weight * (p[k] * (1.0 - p[k])).max(super::objective::LEAST_CURVATURE),
            _ => -weight * p[k] * p[l],
        })
        .collect()
    }

    /// The Hessian of output `k` alone.
    fn block(&self, problem: &Problem, penalty: Penalty, k: usize) -> Vec<f64> {
        let side = self.side();
        let mut gram = vec![0.0; side * side];
        self.design.gram(&self.curvatures(problem, k, k), &mut gram);
        if let Some(diagonal) = &self.whole_diagonal {
            for (j, entry) in diagonal.iter().skip(k).step_by(problem.stride()).enumerate() {
                gram[j * side + j] = gram[j * side + j].max(*entry);
            }
        }
        (0..side - 1).for_each(|j| gram[j * side + j] += penalty.l2);
        gram[side * side - 1] *= 1.0 + INTERCEPT_SHARE;
        gram
    }

    /// The lower triangle of the Hessian of all outputs.
    fn whole(&self, problem: &Problem, penalty: Penalty) -> Vec<f64> {
        let side = self.side();
        let width = side * problem.n_outputs;
        let mut whole = vec![0.0; width * width];
        let mut gram = vec![0.0; side * side];
        for k in 0..problem.n_outputs {
            for l in 0..=k {
                if k == l {
                    gram = self.block(problem, penalty, k);
                } else {
                    self.design.gram(&self.curvatures(problem, k, l), &mut gram);
                }
                for (i, row) in gram.chunks_exact(side).enumerate() {
                    let start = (k * side + i) * width + l * side;
                    whole[start..start + side].copy_from_slice(row);
                }
            }
        }
        whole
    }
}
