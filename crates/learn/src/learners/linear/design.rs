//! The design matrix: a dense block, sparse entries beside it, and the passes over them.
//!
//! Weights are `(n_columns + 1, stride)`, row-major; the last row is the intercept. `stride` is the
//! number of outputs, or more where that suits the processor; spare outputs stay zero.

/// Rows as they enter a linear score: column `j < n_dense` is dense, the others are sparse.
#[derive(Debug, Clone, Default)]
pub(super) struct Design {
    /// Number of rows.
    pub n_rows: usize,
    /// Dense columns, the first ones.
    pub n_dense: usize,
    /// Columns, without the intercept.
    pub n_columns: usize,
    /// Dense values `(n_rows, n_dense)`, row-major.
    pub dense: Vec<f64>,
    /// Where the sparse entries of a row start `(n_rows + 1,)`.
    pub starts: Vec<usize>,
    /// Column of each sparse entry, ascending within a row, not below `n_dense`.
    pub columns: Vec<u32>,
    /// Value of each sparse entry.
    pub values: Vec<f64>,
}

impl Design {
    /// Values that a pass over all rows reads, the intercept's included.
    pub fn n_entries(&self) -> u64 {
        (self.n_rows * (self.n_dense + 1) + self.values.len()) as u64
    }

    /// Dense values and sparse entries of a row.
    fn row(&self, row: usize) -> (&[f64], &[u32], &[f64]) {
        let sparse = self.starts[row]..self.starts[row + 1];
        let dense = &self.dense[row * self.n_dense..(row + 1) * self.n_dense];
        (dense, &self.columns[sparse.clone()], &self.values[sparse])
    }

    /// Scores of one row, written to `scores` `(stride,)`.
    pub fn score_row(&self, row: usize, weights: &[f64], scores: &mut [f64]) {
        let stride = scores.len();
        let (dense, columns, values) = self.row(row);
        if stride == 1 {
            let mut score = weights[self.n_columns] + dot(dense, &weights[..self.n_dense]);
            for (&column, &value) in columns.iter().zip(values) {
                score += value * weights[column as usize];
            }
            scores[0] = score;
            return;
        }
        scores.copy_from_slice(&weights[self.n_columns * stride..]);
        for (&value, weights) in dense.iter().zip(weights.chunks_exact(stride)) {
            add_scaled(scores, weights, value);
        }
        for (&column, &value) in columns.iter().zip(values) {
            let at = column as usize * stride;
            add_scaled(scores, &weights[at..at + stride], value);
        }
    }

    /// Scores of all rows, written to `scores` `(n_rows, stride)`.
    pub fn scores(&self, weights: &[f64], stride: usize, scores: &mut [f64]) {
        assert_eq!(weights.len(), (self.n_columns + 1) * stride);
        assert_eq!(scores.len(), self.n_rows * stride);
        for (row, scores) in scores.chunks_exact_mut(stride).enumerate() {
            self.score_row(row, weights, scores);
        }
    }

    /// Adds one row to `sum` `(n_columns,)`.
    pub fn add_row(&self, row: usize, sum: &mut [f64]) {
        let (dense, columns, values) = self.row(row);
        add_scaled(&mut sum[..self.n_dense], dense, 1.0);
        columns.iter().zip(values).for_each(|(&column, value)| sum[column as usize] += value);
    }

    /// Adds `x_i * residual_i` of one row to `gradient`.
    pub fn add_row_gradient(&self, row: usize, residual: &[f64], gradient: &mut [f64]) {
        let stride = residual.len();
        let (dense, columns, values) = self.row(row);
        if stride == 1 {
            add_scaled(&mut gradient[..self.n_dense], dense, residual[0]);
        } else {
            for (&value, gradient) in dense.iter().zip(gradient.chunks_exact_mut(stride)) {
                add_scaled(gradient, residual, value);
            }
        }
        for (&column, &value) in columns.iter().zip(values) {
            let at = column as usize * stride;
            add_scaled(&mut gradient[at..at + stride], residual, value);
        }
        add_scaled(&mut gradient[self.n_columns * stride..], residual, 1.0);
    }

    /// `gradient = X^T residual`; residuals are `(n_rows, stride)`.
    pub fn gradient(&self, residual: &[f64], stride: usize, gradient: &mut [f64]) {
        assert_eq!(gradient.len(), (self.n_columns + 1) * stride);
        assert_eq!(residual.len(), self.n_rows * stride);
        gradient.fill(0.0);
        for (row, residual) in residual.chunks_exact(stride).enumerate() {
            self.add_row_gradient(row, residual, gradient);
        }
    }

    /// `X^T diag(weights) X`, the intercept's column of ones last: symmetric, full
    /// `(n_columns + 1, n_columns + 1)`.
    pub fn gram(&self, weights: &[f64], gram: &mut [f64]) {
        let side = self.n_columns + 1;
        assert_eq!(gram.len(), side * side);
        assert_eq!(weights.len(), self.n_rows);
        gram.fill(0.0);
        for (row, &weight) in weights.iter().enumerate() {
            if weight != 0.0 {
                self.add_row_gram(row, weight, gram);
            }
        }
        mirror(gram, side);
    }

    /// Adds the lower triangle of `weight * x_i x_i^T`.
    fn add_row_gram(&self, row: usize, weight: f64, gram: &mut [f64]) {
        let side = self.n_columns + 1;
        let (dense, columns, values) = self.row(row);
        for (i, &value) in dense.iter().enumerate() {
            let gram = &mut gram[i * side..i * side + i + 1];
            add_scaled(gram, &dense[..i + 1], weight * value);
        }
        for (at, (&column, &value)) in columns.iter().zip(values).enumerate() {
            let start = column as usize * side;
            let factor = weight * value;
            let gram = &mut gram[start..start + column as usize + 1];
            add_scaled(&mut gram[..dense.len()], dense, factor);
            for (&other, &value) in columns[..=at].iter().zip(values) {
                gram[other as usize] += factor * value;
            }
        }
        let gram = &mut gram[self.n_columns * side..];
        add_scaled(&mut gram[..dense.len()], dense, weight);
        for (&column, &value) in columns.iter().zip(values) {
            gram[column as usize] += weight * value;
        }
        gram[self.n_columns] += weight;
    }

    /// Diagonal of [`Design::gram`] for each output: `squares[j][k] = sum_i weights[i][k] x_ij^2`.
    pub fn squares(&self, weights: &[f64], stride: usize, squares: &mut [f64]) {
        squares.fill(0.0);
        for (row, weights) in weights.chunks_exact(stride).enumerate() {
            let (dense, columns, values) = self.row(row);
            for (&value, squares) in dense.iter().zip(squares.chunks_exact_mut(stride)) {
                add_scaled(squares, weights, value * value);
            }
            for (&column, &value) in columns.iter().zip(values) {
                let at = column as usize * stride;
                add_scaled(&mut squares[at..at + stride], weights, value * value);
            }
            add_scaled(&mut squares[self.n_columns * stride..], weights, 1.0);
        }
    }

    /// The rows of these indices, in this order.
    pub fn select(&self, rows: &[u32]) -> Design {
        let mut part = Design { n_rows: rows.len(), starts: vec![0], ..Design::default() };
        (part.n_dense, part.n_columns) = (self.n_dense, self.n_columns);
        for &row in rows {
            let (dense, columns, values) = self.row(row as usize);
            part.dense.extend_from_slice(dense);
            part.columns.extend_from_slice(columns);
            part.values.extend_from_slice(values);
            part.starts.push(part.values.len());
        }
        part
    }

    /// The columns of these numbers, ascending, in this order.
    pub fn select_columns(&self, chosen: &[u32]) -> Design {
        let n_dense = chosen.partition_point(|&column| (column as usize) < self.n_dense);
        let mut number = vec![u32::MAX; self.n_columns];
        chosen.iter().zip(0..).for_each(|(&column, at)| number[column as usize] = at);
        let mut part =
            Design { n_rows: self.n_rows, n_dense, n_columns: chosen.len(), ..Design::default() };
        part.dense.reserve(self.n_rows * n_dense);
        for row in 0..self.n_rows {
            let (dense, columns, values) = self.row(row);
            part.starts.push(part.values.len());
            part.dense.extend(chosen[..n_dense].iter().map(|&column| dense[column as usize]));
            for (&column, &value) in columns.iter().zip(values) {
                if number[column as usize] != u32::MAX {
                    part.columns.push(number[column as usize]);
                    part.values.push(value);
                }
            }
        }
        part.starts.push(part.values.len());
        part
    }

    /// Mean over rows of `1 + |x_i|^2`.
    pub fn mean_square_norm(&self) -> f64 {
        let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        1.0 + (squares(&self.dense) + squares(&self.values)) / self.n_rows.max(1) as f64
    }
}

/// Copies the lower triangle to the upper one, in tiles that fit the cache.
fn mirror(matrix: &mut [f64], side: usize) {
    const TILE: usize = 32;
    for top in (0..side).step_by(TILE) {
        for left in (0..=top).step_by(TILE) {
            for i in top..(top + TILE).min(side) {
                for j in left..(left + TILE).min(i) {
                    matrix[j * side + i] = matrix[i * side + j];
                }
            }
        }
    }
}

/// `target += factor * source`.
pub(super) fn add_scaled(target: &mut [f64], source: &[f64], factor: f64) {
    assert_eq!(target.len(), source.len());
    target.iter_mut().zip(source).for_each(|(target, source)| *target += factor * source);
}

/// Inner product, summed in eight lanes so that it may be vectorised.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let mut lanes = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest
}
