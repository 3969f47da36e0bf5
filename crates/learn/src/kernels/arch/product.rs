//! Products of matrices of `f32`.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Lanes, Portable};
use super::tiles::Job;

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

    /// Whether its numbers lie column by column.
    fn is_transposed(&self) -> bool {
        self.strides != [self.n_columns, 1]
    }

    /// Its numbers row by row, copied in squares that stay in the cache.
    fn row_major(&self) -> Vec<f32> {
        const SIDE: usize = 16;
        let (n_rows, n_columns) = (self.n_rows, self.n_columns);
        let mut out = vec![0.0; self.data.len()];
        for top in (0..n_rows).step_by(SIDE) {
            for left in (0..n_columns).step_by(SIDE) {
                for row in top..n_rows.min(top + SIDE) {
                    for column in left..n_columns.min(left + SIDE) {
                        let place = row * self.strides[0] + column * self.strides[1];
                        out[row * n_columns + column] = self.data[place];
                    }
                }
            }
        }
        out
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
/// A sum starts at what is there, or zero, and takes `a[i, l] * b[l, j]` for `l = 0, 1, ...`, each
/// product and sum rounded once: it has the same bits on every machine. Where few numbers of `a` are
/// not zero the others are left out, which gives the same sum wherever `b` is finite.
///
/// # Panics
/// If the shapes do not fit.
pub fn product(a: Matrix<'_>, b: Matrix<'_>, write: Write, out: &mut [f32]) {
    product_by(Kind::best(), a, b, write, out);
}

fn product_by(kind: Kind, a: Matrix<'_>, b: Matrix<'_>, write: Write, out: &mut [f32]) {
    let (m, k, n) = (a.n_rows, a.n_columns, b.n_columns);
    assert_eq!(k, b.n_rows, "inner sides of a product");
    assert_eq!(m.checked_mul(n), Some(out.len()), "numbers of a product");
    if write == Write::Replace {
        out.fill(0.0);
    }
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    let turned = if b.is_transposed() { b.row_major() } else { Vec::new() };
    let b = if b.is_transposed() { &turned } else { b.data };
    let job = Job { sides: [m, k, n], a: a.data, strides: a.strides, b };
    let is_sparse = n >= SPARSE_COLUMNS && is_sparse(a.data);
    let kernel = Run { job, turned: a.is_transposed(), is_sparse, out };
    match kind {
        Kind::Portable => kernel.run::<Portable, 4, 1>(),
        // SAFETY: the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx2 => unsafe { by_avx2(kernel) },
        // SAFETY: the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code)]
        Kind::Avx512 => unsafe { by_avx512(kernel) },
    }
}

/// Columns from which on it pays to list what is not zero.
const SPARSE_COLUMNS: usize = 16;

/// Whether under a third of the numbers are not zero.
fn is_sparse(numbers: &[f32]) -> bool {
    let n_active = |block: &[f32]| block.iter().map(|&x| u32::from(x != 0.0)).sum::<u32>() as usize;
    let n_active: usize = numbers.chunks(1 << 16).map(n_active).sum();
    3 * n_active < numbers.len()
}

/// The instructions that a product is computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kind {
    /// Those of this processor, the best first.
    fn all() -> Vec<Kind> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if has_avx2 && is_x86_feature_detected!("avx512f") {
                all.push(Kind::Avx512);
            }
            if has_avx2 {
                all.push(Kind::Avx2);
            }
        }
        all.push(Kind::Portable);
        all
    }

    fn best() -> Kind {
        static BEST: OnceLock<Kind> = OnceLock::new();
        *BEST.get_or_init(|| Kind::all()[0])
    }
}

/// A product, ready to be computed by any kind of vectors.
struct Run<'a> {
    job: Job<'a>,
    turned: bool,
    is_sparse: bool,
    out: &'a mut [f32],
}

impl Run<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self) {
        let mut active = Vec::new();
        match (self.is_sparse, self.turned) {
            (false, _) => self.job.dense::<L, ROWS, VECTORS>(self.out),
            (true, false) => self.job.sparse::<L>(&mut active, self.out),
            (true, true) => self.job.sparse_transposed::<L>(&mut active, self.out),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn by_avx2(run: Run<'_>) {
    run.run::<Avx2, 4, 2>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn by_avx512(run: Run<'_>) {
    run.run::<Avx512, 8, 2>();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_equal_the_plain_loop_bit_for_bit(
            sides in (0usize..40, 0usize..40, 0usize..150),
            turned in any::<[bool; 2]>(),
            adds in any::<bool>(),
            zeros in 0u64..10,
            seed in any::<u64>(),
        ) {
            let (m, k, n) = sides;
            let mut random = crate::random::Stream::new(&[seed]);
            let mut numbers = |n: usize, zeros: u64| -> Vec<f32> {
                let mut number = || match random.below(10) as u64 {
                    draw if draw < zeros => 0.0,
                    _ => random.uniform() as f32 - 0.4,
                };
                (0..n).map(|_| number()).collect()
            };
            let (a, b, start) = (numbers(m * k, zeros), numbers(k * n, 0), numbers(m * n, 0));
            let view = |data, rows, columns, turned| match turned {
                true => Matrix::new(data, columns, rows).transposed(),
                false => Matrix::new(data, rows, columns),
            };
            let (a, b) = (view(&a, m, k, turned[0]), view(&b, k, n, turned[1]));
            let at = |x: &Matrix<'_>, i: usize, j: usize| x.data[i * x.strides[0] + j * x.strides[1]];
            for kind in Kind::all() {
                let mut out = start.clone();
                product_by(kind, a, b, if adds { Write::Add } else { Write::Replace }, &mut out);
                for i in 0..m {
                    for j in 0..n {
                        let mut sum = if adds { start[i * n + j] } else { 0.0 };
                        (0..k).for_each(|l| sum = at(&a, i, l).mul_add(at(&b, l, j), sum));
                        prop_assert_eq!(out[i * n + j], sum, "{:?} {} {}", kind, i, j);
                    }
                }
            }
        }
    }
}
