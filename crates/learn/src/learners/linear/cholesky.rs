//! Cholesky factors of symmetric positive definite matrices.

use super::design::dot;

/// Share of the largest diagonal entry below which a pivot counts as zero.
const SMALLEST_PIVOT: f64 = 1e-13;

/// `A = L L^T`.
#[derive(Debug, Clone)]
pub(super) struct Cholesky {
    side: usize,
    /// `L` `(side, side)`, row-major; above the diagonal there is nothing of meaning.
    lower: Vec<f64>,
}

impl Cholesky {
    /// Factors the lower triangle of `matrix` `(side, side)`. Pivots that rounding has made too
    /// small are raised, so that a singular matrix has factors too: those of one close by.
    ///
    /// Cost: `side^3 / 6` multiply-adds. Reference: Golub, G.; Van Loan, C. (2013). Matrix
    /// computations, 4th ed., algorithm 4.2.1.
    pub fn new(mut matrix: Vec<f64>, side: usize) -> Cholesky {
        assert_eq!(matrix.len(), side * side);
        let top = (0..side).fold(0.0, |top: f64, i| top.max(matrix[i * side + i]));
        let least = (top * SMALLEST_PIVOT).max(f64::MIN_POSITIVE);
        for i in 0..side {
            let (above, row) = matrix.split_at_mut(i * side);
            for j in 0..i {
                let pivot_row = &above[j * side..j * side + j + 1];
                row[j] = (row[j] - dot(&row[..j], &pivot_row[..j])) / pivot_row[j];
            }
            row[i] = (row[i] - dot(&row[..i], &row[..i])).max(least).sqrt();
        }
        Cholesky { side, lower: matrix }
    }

    /// Solves `A x = b` in place.
    pub fn solve(&self, x: &mut [f64]) {
        assert_eq!(x.len(), self.side);
        for i in 0..self.side {
            let row = &self.lower[i * self.side..i * self.side + i + 1];
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for i in (0..self.side).rev() {
            let row = &self.lower[i * self.side..i * self.side + i + 1];
            x[i] /= row[i];
            let value = x[i];
            x[..i].iter_mut().zip(row).for_each(|(x, lower)| *x -= lower * value);
        }
    }
}
