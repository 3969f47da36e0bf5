//! Loops of products, compiled for each kind of [`Lanes`].
//!
//! A sum starts at what is there (or zero) and takes its products in the order of the inner side, so
//! that tiles and vectors of any size give the same bits.

use super::lanes::Lanes;

/// A product `out (m, n) += a (m, k) b (k, n)`; `b` and `out` are row-major.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub sides: [usize; 3],
    pub a: &'a [f32],
    /// Numbers from row to row and from column to column of `a`.
    pub strides: [usize; 2],
    pub b: &'a [f32],
}

impl Job<'_> {
    /// Checks what the loops take for granted.
    fn check(&self, out: &[f32]) {
        let [m, k, n] = self.sides;
        let [row, column] = self.strides;
        assert!(m > 0 && k > 0 && n > 0, "a product has sides");
        assert!((m - 1) * row + (k - 1) * column < self.a.len(), "numbers of the first matrix");
        assert_eq!(self.b.len(), k * n, "numbers of the second matrix");
        assert_eq!(out.len(), m * n, "numbers of the product");
    }

    /// All products, in tiles of `ROWS` rows and `VECTORS` vectors.
    #[inline(always)]
    pub fn dense<L: Lanes, const ROWS: usize, const VECTORS: usize>(&self, out: &mut [f32]) {
        self.check(out);
        let n = self.sides[2];
        let mut column = 0;
        while column < n {
            let left = n - column;
            #[allow(unsafe_code)]
            // SAFETY: `check` holds, and columns up to `column + width` are there.
            let n_done = unsafe {
                if left >= VECTORS * L::WIDTH {
                    self.columns::<L, ROWS, VECTORS>(column, None, out)
                } else if left >= L::WIDTH {
                    self.columns::<L, ROWS, 1>(column, None, out)
                } else {
                    self.columns::<L, ROWS, 1>(column, Some(left), out)
                }
            };
            column += n_done;
        }
    }

    /// Some columns of all rows; `some` of one vector. Gives how many.
    ///
    /// # Safety
    /// [`Job::check`] holds and the columns are there.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn columns<L: Lanes, const ROWS: usize, const VECTORS: usize>(
        &self,
        column: usize,
        some: Option<usize>,
        out: &mut [f32],
    ) -> usize {
        let m = self.sides[0];
        let mut row = 0;
        while row < m {
            // SAFETY: the rows are there.
            unsafe {
                if m - row >= ROWS {
                    self.tile::<L, ROWS, VECTORS>(row, column, some, out);
                    row += ROWS;
                } else {
                    self.tile::<L, 1, VECTORS>(row, column, some, out);
                    row += 1;
                }
            }
        }
        some.unwrap_or(VECTORS * L::WIDTH)
    }

    /// `ROWS` rows and `VECTORS` vectors of columns, whose sums stay in registers.
    ///
    /// # Safety
    /// [`Job::check`] holds; rows and columns are there.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn tile<L: Lanes, const ROWS: usize, const VECTORS: usize>(
        &self,
        row: usize,
        column: usize,
        some: Option<usize>,
        out: &mut [f32],
    ) {
        let [_, k, n] = self.sides;
        let [row_stride, column_stride] = self.strides;
        // SAFETY: `a` has all rows and inner columns, `b` and `out` have the columns, of which `some`
        // limits the only vector.
        unsafe {
            let out = out.as_mut_ptr().add(row * n + column);
            let mut sums = [[L::splat(0.0); VECTORS]; ROWS];
            for (r, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = load::<L>(out.add(r * n + v * L::WIDTH), some);
                }
            }
            let mut a = self.a.as_ptr().add(row * row_stride);
            let mut b = self.b.as_ptr().add(column);
            for inner in 0..k {
                let mut own = [L::splat(0.0); VECTORS];
                for (v, own) in own.iter_mut().enumerate() {
                    *own = load::<L>(b.add(v * L::WIDTH), some);
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = L::splat(*a.add(r * row_stride));
                    for (sum, own) in sums.iter_mut().zip(own) {
                        *sum = L::fused(x, own, *sum);
                    }
                }
                if inner + 1 < k {
                    a = a.add(column_stride);
                    b = b.add(n);
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    store::<L>(*sum, out.add(r * n + v * L::WIDTH), some);
                }
            }
        }
    }

    /// Products with the numbers of a row-major `a` that are not zero; `active` is room.
    #[inline(always)]
    pub fn sparse<L: Lanes>(&self, active: &mut Vec<(u32, f32)>, out: &mut [f32]) {
        self.check(out);
        let [_, k, n] = self.sides;
        for (row, out) in out.chunks_exact_mut(n).enumerate() {
            list(&self.a[row * k..][..k], active);
            let mut column = 0;
            while column < n {
                let left = n - column;
                #[allow(unsafe_code)]
                // SAFETY: `out` has the columns, and the inner places of `active` are below `k`.
                let n_done = unsafe {
                    if left >= 8 * L::WIDTH {
                        self.gather::<L, 8>(active, column, None, out)
                    } else if left >= 4 * L::WIDTH {
                        self.gather::<L, 4>(active, column, None, out)
                    } else if left >= L::WIDTH {
                        self.gather::<L, 1>(active, column, None, out)
                    } else {
                        self.gather::<L, 1>(active, column, Some(left), out)
                    }
                };
                column += n_done;
            }
        }
    }

    /// Sums of some columns of one row.
    ///
    /// # Safety
    /// `out` has the columns, and the inner places of `active` are below `k`.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn gather<L: Lanes, const VECTORS: usize>(
        &self,
        active: &[(u32, f32)],
        column: usize,
        some: Option<usize>,
        out: &mut [f32],
    ) -> usize {
        let n = self.sides[2];
        // SAFETY: the caller's promise.
        unsafe {
            let out = out.as_mut_ptr().add(column);
            let mut sums = [L::splat(0.0); VECTORS];
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = load::<L>(out.add(v * L::WIDTH), some);
            }
            let b = self.b.as_ptr().add(column);
            for &(inner, x) in active {
                let (b, x) = (b.add(inner as usize * n), L::splat(x));
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = L::fused(x, load::<L>(b.add(v * L::WIDTH), some), *sum);
                }
            }
            for (v, sum) in sums.iter().enumerate() {
                store::<L>(*sum, out.add(v * L::WIDTH), some);
            }
        }
        some.unwrap_or(VECTORS * L::WIDTH)
    }

    /// Products with the numbers that are not zero of an `a` that is the transpose of a row-major
    /// one; `active` is room.
    #[inline(always)]
    pub fn sparse_transposed<L: Lanes>(&self, active: &mut Vec<(u32, f32)>, out: &mut [f32]) {
        self.check(out);
        let [m, k, n] = self.sides;
        for inner in 0..k {
            list(&self.a[inner * m..][..m], active);
            let b = &self.b[inner * n..][..n];
            let mut column = 0;
            while column < n {
                let left = n - column;
                #[allow(unsafe_code)]
                // SAFETY: `b` and rows of `out` have the columns, and places of `active` are below `m`.
                let n_done = unsafe {
                    if left >= 8 * L::WIDTH {
                        scatter::<L, 8>(b, active, column, None, out)
                    } else if left >= 4 * L::WIDTH {
                        scatter::<L, 4>(b, active, column, None, out)
                    } else if left >= L::WIDTH {
                        scatter::<L, 1>(b, active, column, None, out)
                    } else {
                        scatter::<L, 1>(b, active, column, Some(left), out)
                    }
                };
                column += n_done;
            }
        }
    }
}

/// Adds multiples of some columns of a row `b` to rows of `out`.
///
/// # Safety
/// `b` and the rows of `out` (as long as `b`) have the columns, and `out` has the rows of `active`.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn scatter<L: Lanes, const VECTORS: usize>(
    b: &[f32],
    active: &[(u32, f32)],
    column: usize,
    some: Option<usize>,
    out: &mut [f32],
) -> usize {
    let n = b.len();
    // SAFETY: the caller's promise.
    unsafe {
        let mut own = [L::splat(0.0); VECTORS];
        for (v, own) in own.iter_mut().enumerate() {
            *own = load::<L>(b.as_ptr().add(column + v * L::WIDTH), some);
        }
        let out = out.as_mut_ptr().add(column);
        for &(row, x) in active {
            let (out, x) = (out.add(row as usize * n), L::splat(x));
            for (v, own) in own.iter().enumerate() {
                let place = out.add(v * L::WIDTH);
                store::<L>(L::fused(x, *own, load::<L>(place, some)), place, some);
            }
        }
    }
    some.unwrap_or(VECTORS * L::WIDTH)
}

/// Lists the numbers of a row that are not zero, without a branch on them.
#[inline(always)]
fn list(row: &[f32], active: &mut Vec<(u32, f32)>) {
    active.clear();
    active.resize(row.len(), (0, 0.0));
    let mut n_active = 0;
    for (place, &x) in row.iter().enumerate() {
        active[n_active] = (place as u32, x);
        n_active += usize::from(x != 0.0);
    }
    active.truncate(n_active);
}

/// # Safety
/// A vector, or its first `some` numbers, can be read.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn load<L: Lanes>(place: *const f32, some: Option<usize>) -> L::Vector {
    // SAFETY: the caller's promise.
    unsafe {
        match some {
            None => L::load(place),
            Some(n) => L::load_some(place, n),
        }
    }
}

/// # Safety
/// A vector, or its first `some` numbers, can be written.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn store<L: Lanes>(vector: L::Vector, place: *mut f32, some: Option<usize>) {
    // SAFETY: the caller's promise.
    unsafe {
        match some {
            None => L::store(vector, place),
            Some(n) => L::store_some(vector, place, n),
        }
    }
}
