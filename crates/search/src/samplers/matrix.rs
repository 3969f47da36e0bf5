//! Dense triangular algebra for the models of the samplers: matrices of at most a few hundred rows,
//! for which a library would add more build time than it saves run time.

/// A lower triangular matrix, row by row: row `i` has `i + 1` entries.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lower {
    n: usize,
    entries: Vec<f64>,
}

fn at(row: usize) -> usize {
    row * (row + 1) / 2
}

/// Sum of products, in four lanes that the compiler keeps in vectors.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths of a dot product");
    let mut lanes = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a8.zip(b8) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// `y += a x`.
fn add_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

impl Lower {
    /// The lower part of a symmetric matrix, its entries in rows.
    pub fn new(n: usize, entries: Vec<f64>) -> Lower {
        assert_eq!(entries.len(), at(n), "entries of a lower triangle");
        Lower { n, entries }
    }

    /// Entries of a row up to the diagonal.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.entries[at(row)..at(row + 1)]
    }

    /// The diagonal.
    pub fn diagonal(&self) -> impl Iterator<Item = f64> {
        (0..self.n).map(|row| self.entries[at(row) + row])
    }

    /// `L` of `L L^T`; `None` if rounding makes the matrix indefinite. O(n^3 / 6).
    pub fn cholesky(mut self) -> Option<Lower> {
        for i in 0..self.n {
            let (above, rest) = self.entries.split_at_mut(at(i));
            let row = &mut rest[..=i];
            for j in 0..i {
                let other = &above[at(j)..at(j + 1)];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let left = row[i] - dot(&row[..i], &row[..i]);
            if left <= 0.0 || !left.is_finite() {
                return None;
            }
            row[i] = left.sqrt();
        }
        Some(self)
    }

    /// The inverse, which is lower triangular too. O(n^3 / 6).
    pub fn inverse(&self) -> Lower {
        let mut inverse = Lower { n: self.n, entries: vec![0.0; at(self.n)] };
        for i in 0..self.n {
            let (above, rest) = inverse.entries.split_at_mut(at(i));
            let row = &mut rest[..=i];
            let own = self.row(i);
            for j in 0..i {
                add_scaled(&mut row[..=j], -own[j], &above[at(j)..at(j + 1)]);
            }
            let scale = 1.0 / own[i];
            row[..i].iter_mut().for_each(|v| *v *= scale);
            row[i] = scale;
        }
        inverse
    }

    /// The lower part of `M^T M`. O(n^3 / 6).
    pub fn gram(&self) -> Lower {
        let mut gram = Lower { n: self.n, entries: vec![0.0; at(self.n)] };
        for k in 0..self.n {
            let row = self.row(k);
            for i in 0..=k {
                add_scaled(&mut gram.entries[at(i)..at(i + 1)], row[i], &row[..=i]);
            }
        }
        gram
    }

    /// `M x`.
    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.n, "a vector as long as the matrix");
        (0..self.n).map(|i| dot(self.row(i), &x[..=i])).collect()
    }

    /// `M^T x`.
    pub fn transposed_times(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.n, "a vector as long as the matrix");
        let mut y = vec![0.0; self.n];
        for i in 0..self.n {
            add_scaled(&mut y[..=i], x[i], self.row(i));
        }
        y
    }

    /// Solves `M x = b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = Vec::with_capacity(self.n);
        for (i, b) in b.iter().enumerate() {
            let row = self.row(i);
            x.push((b - dot(&row[..i], &x)) / row[i]);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let cell = |row: &Vec<f64>, j: usize| row.iter().zip(b).map(|(x, r)| x * r[j]).sum();
        a.iter().map(|row| (0..b.len()).map(|j| cell(row, j)).collect()).collect()
    }

    fn full(lower: &Lower) -> Vec<Vec<f64>> {
        let row = |i: usize| {
            let mut row = lower.row(i).to_vec();
            row.resize(lower.n, 0.0);
            row
        };
        (0..lower.n).map(row).collect()
    }

    fn transposed(a: &[Vec<f64>]) -> Vec<Vec<f64>> {
        (0..a.len()).map(|j| a.iter().map(|row| row[j]).collect()).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-8 * (1.0 + b.abs())
    }

    proptest! {
        #[test]
        fn factors_inverses_and_solutions_fit_the_matrix(n in 1..24usize, values in prop::collection::vec(-1.0..1.0f64, 600)) {
            // A A^T + I is positive definite.
            let a: Vec<Vec<f64>> = values.chunks(n).take(n).map(<[f64]>::to_vec).collect();
            let mut spd = times(&a, &transposed(&a));
            (0..n).for_each(|i| spd[i][i] += 1.0);
            let lower = Lower::new(n, (0..n).flat_map(|i| spd[i][..=i].to_vec()).collect());
            let factor = lower.cholesky().expect("positive definite");
            let product = times(&full(&factor), &transposed(&full(&factor)));
            let inverse = full(&factor.inverse());
            let one = times(&full(&factor), &inverse);
            let gram = full(&factor.inverse().gram());
            let b: Vec<f64> = values[..n].to_vec();
            let x = factor.inverse().transposed_times(&factor.solve(&b));
            for i in 0..n {
                for j in 0..n {
                    prop_assert!(close(product[i][j], spd[i][j]));
                    prop_assert!(close(one[i][j], f64::from(u8::from(i == j))));
                }
                let row: f64 = (0..n).map(|j| spd[i][j] * x[j]).sum();
                prop_assert!(close(row, b[i]));
                // The Gram matrix of the inverse factor is the inverse of the matrix.
                let by_gram: f64 = (0..n).map(|j| b[j] * if j <= i { gram[i][j] } else { gram[j][i] }).sum();
                prop_assert!(close(by_gram, x[i]));
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_has_no_factor() {
        assert_eq!(Lower::new(2, vec![1.0, 2.0, 1.0]).cholesky(), None);
    }
}
