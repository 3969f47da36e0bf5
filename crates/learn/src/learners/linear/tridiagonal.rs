//! One decomposition that solves `(A + penalty I) x = b` for every penalty.
//!
//! `A = Q T Q^T` with `T` tridiagonal takes `side^3` multiply-adds once; each penalty then takes
//! `O(side)`, and `O(side^2)` for the way back through `Q`. No eigenvalues are needed.
//!
//! Reference: Golub, G.; Van Loan, C. (2013). Matrix computations, 4th ed., section 8.3.1;
//! Elden, L. (1977). Algorithms for the regularization of ill-conditioned least squares problems.
//! doi:10.1007/BF01932285

use super::design::{add_scaled, dot};

/// `A = Q T Q^T`, `Q` as a product of Householder reflections.
#[derive(Debug, Clone)]
pub(super) struct Tridiagonal {
    diagonal: Vec<f64>,
    off_diagonal: Vec<f64>,
    /// Vectors `v` of the reflections `I - v v^T`, `|v|^2 = 2` or `v = 0`; the `k`-th acts on
    /// entries `k + 1 ..`.
    reflections: Vec<Vec<f64>>,
}

impl Tridiagonal {
    /// Decomposes a symmetric matrix `(side, side)`, given in full.
    pub fn new(mut matrix: Vec<f64>, side: usize) -> Tridiagonal {
        assert_eq!(matrix.len(), side * side);
        let (mut diagonal, mut off_diagonal) = (vec![0.0; side], vec![0.0; side.saturating_sub(1)]);
        let mut reflections = Vec::new();
        for k in 0..side {
            diagonal[k] = matrix[k * side + k];
            if k + 1 == side {
                break;
            }
            let mut vector = matrix[k * side + k + 1..(k + 1) * side].to_vec();
            off_diagonal[k] = reflection(&mut vector);
            apply_both_sides(&mut matrix, side, k + 1, &vector);
            reflections.push(vector);
        }
        Tridiagonal { diagonal, off_diagonal, reflections }
    }

    /// `Q^T b`, in place.
    pub fn rotate(&self, b: &mut [f64]) {
        for (k, vector) in self.reflections.iter().enumerate() {
            reflect(&mut b[k + 1..], vector);
        }
    }

    /// `x` of `(A + penalty I) x = b`, from `Q^T b`; `A` is positive semi-definite.
    pub fn solve(&self, rotated: &[f64], penalty: f64) -> Vec<f64> {
        let mut x = self.solve_rotated(rotated, penalty);
        for (k, vector) in self.reflections.iter().enumerate().rev() {
            reflect(&mut x[k + 1..], vector);
        }
        x
    }

    /// `(T + penalty I)^-1 b` by `L D L^T`; pivots that rounding has made too small are raised.
    pub fn solve_rotated(&self, b: &[f64], penalty: f64) -> Vec<f64> {
        let least = (penalty * 1e-3).max(f64::MIN_POSITIVE);
        let mut x = b.to_vec();
        let mut pivots = Vec::with_capacity(x.len());
        for i in 0..x.len() {
            let mut pivot = self.diagonal[i] + penalty;
            if i > 0 {
                let factor = self.off_diagonal[i - 1] / pivots[i - 1];
                pivot -= factor * self.off_diagonal[i - 1];
                x[i] -= factor * x[i - 1];
            }
            pivots.push(pivot.max(least));
        }
        for i in (0..x.len()).rev() {
            let after = if i + 1 < x.len() { self.off_diagonal[i] * x[i + 1] } else { 0.0 };
            x[i] = (x[i] - after) / pivots[i];
        }
        x
    }
}

/// Turns `x` into the `v` for which `(I - v v^T) x` is zero but for its first entry; returns that.
pub(super) fn reflection(x: &mut [f64]) -> f64 {
    let norm = dot(x, x).sqrt();
    if norm == 0.0 || x[1..].iter().all(|&entry| entry == 0.0) {
        let first = x[0];
        x.fill(0.0);
        return first;
    }
    let first = if x[0] > 0.0 { -norm } else { norm };
    x[0] -= first;
    let scale = (2.0 / dot(x, x)).sqrt();
    x.iter_mut().for_each(|entry| *entry *= scale);
    first
}

/// `b = (I - v v^T) b`.
pub(super) fn reflect(b: &mut [f64], v: &[f64]) {
    let along = dot(b, v);
    add_scaled(b, v, -along);
}

/// `A = (I - v v^T) A (I - v v^T)` on rows and columns from `start` on.
pub(super) fn apply_both_sides(matrix: &mut [f64], side: usize, start: usize, v: &[f64]) {
    let mut w: Vec<f64> =
        (start..side).map(|i| dot(&matrix[i * side + start..(i + 1) * side], v)).collect();
    let half = 0.5 * dot(&w, v);
    add_scaled(&mut w, v, -half);
    for (at, row) in (start..side).enumerate() {
        let row = &mut matrix[row * side + start..(row + 1) * side];
        let (v_row, w_row) = (v[at], w[at]);
        row.iter_mut().zip(v).zip(&w).for_each(|((entry, v), w)| *entry -= v_row * w + w_row * v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learners::linear::cholesky::Cholesky;
    use crate::random::Stream;

    /// A random positive semi-definite matrix of this rank.
    fn gram(side: usize, rank: usize, seed: u64) -> Vec<f64> {
        let mut stream = Stream::new(&[seed]);
        let x: Vec<f64> = (0..rank * side).map(|_| stream.uniform() - 0.5).collect();
        let mut gram = vec![0.0; side * side];
        for i in 0..side {
            for j in 0..side {
                gram[i * side + j] = (0..rank).map(|r| x[r * side + i] * x[r * side + j]).sum();
            }
        }
        gram
    }

    #[test]
    fn solves_as_cholesky_does_for_every_penalty() {
        for (side, rank) in [(1, 1), (2, 5), (7, 9), (20, 40), (12, 4), (9, 1)] {
            let matrix = gram(side, rank, side as u64);
            let b: Vec<f64> = (0..side).map(|i| (i as f64 * 1.7).sin() + 0.1).collect();
            let decomposed = Tridiagonal::new(matrix.clone(), side);
            let mut rotated = b.clone();
            decomposed.rotate(&mut rotated);
            for penalty in [10.0, 0.1, 1e-3] {
                let mut shifted = matrix.clone();
                (0..side).for_each(|i| shifted[i * side + i] += penalty);
                let got = decomposed.solve(&rotated, penalty);
                let mut want = b.clone();
                Cholesky::new(shifted.clone(), side).solve(&mut want);
                for i in 0..side {
                    let product = dot(&shifted[i * side..(i + 1) * side], &got);
                    assert!((product - b[i]).abs() < 1e-9, "{side} {penalty}: {product} {}", b[i]);
                    assert!((got[i] - want[i]).abs() < 1e-6 * (1.0 + want[i].abs()));
                }
            }
        }
    }

    #[test]
    fn no_columns_have_no_solution_to_find() {
        assert!(Tridiagonal::new(Vec::new(), 0).solve(&[], 1.0).is_empty());
    }
}
