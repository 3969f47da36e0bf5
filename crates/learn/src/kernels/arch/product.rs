//! Products of matrices of `f32`.

use gemm::Parallelism;

/// A matrix over a slice, row-major or the transpose of one that is.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    n_rows: usize,
    n_columns: usize,
    /// Numbers from row to row and from column to column.
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// A row-major matrix `(n_rows, n_columns)`.
    ///
    /// # Panics
    /// If `data` has another length.
    pub fn new(data: &'a [f32], n_rows: usize, n_columns: usize) -> Matrix<'a> {
        assert_eq!(n_rows.checked_mul(n_columns), Some(data.len()), "numbers of a matrix");
        Matrix { data, n_rows, n_columns, strides: [n_columns, 1] }
    }

    /// The transpose, of the same numbers.
    pub fn transposed(self) -> Matrix<'a> {
        let [row, column] = self.strides;
        let (n_rows, n_columns) = (self.n_columns, self.n_rows);
        Matrix { n_rows, n_columns, strides: [column, row], ..self }
    }
}

/// Whether a product replaces what is there or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// `out = a b`.
    Replace,
    /// `out += a b`.
    Add,
}

/// The product of `a` `(m, k)` and `b` `(k, n)` into `out` `(m, n)`, row-major, on this thread.
///
/// Equal shapes and numbers give equal bits on one machine; the order of the sums is that of its
/// caches and vectors.
///
/// # Panics
/// If the shapes do not fit.
pub fn product(a: Matrix<'_>, b: Matrix<'_>, write: Write, out: &mut [f32]) {
    let (m, k, n) = (a.n_rows, a.n_columns, b.n_columns);
    assert_eq!(k, b.n_rows, "inner sides of a product");
    assert_eq!(m.checked_mul(n), Some(out.len()), "numbers of a product");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if write == Write::Replace {
            out.fill(0.0);
        }
        return;
    }
    let keeps = write == Write::Add;
    #[allow(unsafe_code)]
    // SAFETY: a `Matrix` has a number for every row and column under its strides, `out` has
    // `m * n`, its sides are those of `a` and `b`, and being borrowed mutably it overlaps neither.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            keeps,
            a.data.as_ptr(),
            a.strides[1] as isize,
            a.strides[0] as isize,
            b.data.as_ptr(),
            b.strides[1] as isize,
            b.strides[0] as isize,
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_equal_the_plain_loop(
            sides in (0usize..40, 0usize..40, 0usize..40),
            turned in any::<[bool; 2]>(),
            adds in any::<bool>(),
        ) {
            let (m, k, n) = sides;
            // Small whole numbers, so that every order of the sums gives the same.
            let numbers = |n: usize, step: usize| -> Vec<f32> {
                (0..n).map(|i| (i * step % 7) as f32 - 3.0).collect()
            };
            let (a, b) = (numbers(m * k, 5), numbers(k * n, 3));
            let view = |data, rows, columns, turned| match turned {
                true => Matrix::new(data, columns, rows).transposed(),
                false => Matrix::new(data, rows, columns),
            };
            let (a, b) = (view(&a, m, k, turned[0]), view(&b, k, n, turned[1]));
            let at = |x: &Matrix<'_>, i: usize, j: usize| x.data[i * x.strides[0] + j * x.strides[1]];
            let start = numbers(m * n, 4);
            let mut out = start.clone();
            product(a, b, if adds { Write::Add } else { Write::Replace }, &mut out);
            for i in 0..m {
                for j in 0..n {
                    let sum: f32 = (0..k).map(|l| at(&a, i, l) * at(&b, l, j)).sum();
                    let before = if adds { start[i * n + j] } else { 0.0 };
                    prop_assert_eq!(out[i * n + j], before + sum);
                }
            }
        }
    }
}
