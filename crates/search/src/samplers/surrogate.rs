//! A guess at the loss of configurations not tried yet: a Gaussian process on the unit cube.

/// A Gaussian process with a Matern 5/2 kernel over points of the unit cube.
///
/// Losses are centred and scaled; those far above the median are drawn in, so that a failure does
/// not flatten the rest. The length scale is the one of greatest likelihood among a few.
/// Fitting costs O(n^3), a guess O(n^2); the caller keeps `n` below about a hundred.
///
/// Reference: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, chapter 2.
pub(super) struct Surrogate {
    points: Vec<Vec<f64>>,
    scale: f64,
    /// Lower factor of the kernel matrix, row by row.
    factor: Vec<Vec<f64>>,
    /// Kernel matrix inverse times losses.
    weights: Vec<f64>,
    best: f64,
}

/// Variance of the noise, as a share of that of the losses.
const NOISE: f64 = 1e-3;
/// Length scales, as multiples of the square root of the number of dimensions.
const SCALES: [f64; 4] = [0.15, 0.3, 0.6, 1.2];

impl Surrogate {
    /// Fits to points `(n, d)` and their losses `(n,)`, all finite. `None` for fewer than three
    /// points, or losses that are all alike.
    pub fn fit(points: Vec<Vec<f64>>, losses: &[f64]) -> Option<Surrogate> {
        assert_eq!(points.len(), losses.len(), "one loss per point");
        let targets = standardised(losses)?;
        let best = targets.iter().copied().fold(f64::INFINITY, f64::min);
        let root = (points.first()?.len().max(1) as f64).sqrt();
        let mut fits = Vec::new();
        for scale in SCALES.map(|s| s * root) {
            let Some(factor) = cholesky(&points, scale) else { continue };
            let half = forward(&factor, &targets);
            let log_det: f64 = factor.iter().enumerate().map(|(i, row)| libm::log(row[i])).sum();
            let fit: f64 = half.iter().map(|v| v * v).sum();
            fits.push((0.5 * fit + log_det, scale, backward(&factor, half), factor));
        }
        let likeliest = fits.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        let (_, scale, weights, factor) = likeliest?;
        Some(Surrogate { points, scale, factor, weights, best })
    }

    /// How promising a point is: its expected improvement over the best loss, in standard
    /// deviations of the losses; larger is better.
    pub fn promise(&self, point: &[f64]) -> f64 {
        let near: Vec<f64> = self.points.iter().map(|p| kernel(p, point, self.scale)).collect();
        let mean: f64 = near.iter().zip(&self.weights).map(|(k, w)| k * w).sum();
        let explained: f64 = forward(&self.factor, &near).iter().map(|v| v * v).sum();
        let sd = (1.0 + NOISE - explained).max(1e-12).sqrt();
        let z = (self.best - mean) / sd;
        let density = libm::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt();
        sd * (z * 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2) + density)
    }
}

/// Losses with mean 0 and variance 1, those above the median drawn in to three times the distance
/// of the best from it.
fn standardised(losses: &[f64]) -> Option<Vec<f64>> {
    if losses.len() < 3 {
        return None;
    }
    let mut sorted = losses.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let cap = median + 3.0 * (median - sorted[0]);
    let capped: Vec<f64> = losses.iter().map(|loss| loss.min(cap)).collect();
    let mean = capped.iter().sum::<f64>() / capped.len() as f64;
    let variance =
        capped.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / capped.len() as f64;
    let sd = variance.sqrt();
    (sd > 0.0 && sd.is_finite()).then(|| capped.iter().map(|l| (l - mean) / sd).collect())
}

fn kernel(a: &[f64], b: &[f64], scale: f64) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum();
    let r = (5.0 * squares).sqrt() / scale;
    (1.0 + r + r * r / 3.0) * libm::exp(-r)
}

/// Lower factor of the kernel matrix; `None` if rounding makes it indefinite.
fn cholesky(points: &[Vec<f64>], scale: f64) -> Option<Vec<Vec<f64>>> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(points.len());
    for (i, point) in points.iter().enumerate() {
        let mut row = Vec::with_capacity(i + 1);
        for (j, other) in points[..i].iter().enumerate() {
            let dot: f64 = row.iter().zip(&rows[j]).map(|(a, b): (&f64, &f64)| a * b).sum();
            row.push((kernel(point, other, scale) - dot) / rows[j][j]);
        }
        let rest = 1.0 + NOISE - row.iter().map(|v| v * v).sum::<f64>();
        if rest <= 0.0 || !rest.is_finite() {
            return None;
        }
        row.push(rest.sqrt());
        rows.push(row);
    }
    Some(rows)
}

/// Solves `L x = b`.
fn forward(factor: &[Vec<f64>], b: &[f64]) -> Vec<f64> {
    let mut x: Vec<f64> = Vec::with_capacity(b.len());
    for (i, row) in factor.iter().enumerate() {
        let dot: f64 = row.iter().zip(&x).map(|(a, x)| a * x).sum();
        x.push((b[i] - dot) / row[i]);
    }
    x
}

/// Solves `L^T x = b`.
fn backward(factor: &[Vec<f64>], mut b: Vec<f64>) -> Vec<f64> {
    for i in (0..b.len()).rev() {
        b[i] /= factor[i][i];
        let x = b[i];
        for (value, a) in b[..i].iter_mut().zip(&factor[i]) {
            *value -= a * x;
        }
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_a_bowl_has_its_bottom() {
        let grid: Vec<Vec<f64>> =
            (0..25).map(|i| vec![f64::from(i % 5) / 4.0, f64::from(i / 5) / 4.0]).collect();
        let bowl = |p: &[f64]| (p[0] - 0.35).powi(2) + (p[1] - 0.65).powi(2);
        let losses: Vec<f64> = grid.iter().map(|p| bowl(p)).collect();
        let model = Surrogate::fit(grid, &losses).unwrap();
        let bottom = model.promise(&[0.35, 0.65]);
        assert!(bottom > 10.0 * model.promise(&[0.9, 0.1]));
        assert!(bottom > model.promise(&[0.5, 0.5]));
    }

    #[test]
    fn solves_are_those_of_the_kernel_matrix() {
        let points: Vec<Vec<f64>> = (0..6).map(|i| vec![f64::from(i * i) / 25.0]).collect();
        let factor = cholesky(&points, 0.3).unwrap();
        let b = [1.0, -2.0, 0.5, 0.0, 3.0, -1.0];
        let x = backward(&factor, forward(&factor, &b));
        for (i, p) in points.iter().enumerate() {
            let row = points.iter().enumerate().map(|(j, q)| {
                let noise = if i == j { NOISE } else { 0.0 };
                (kernel(p, q, 0.3) + noise) * x[j]
            });
            assert!((row.sum::<f64>() - b[i]).abs() < 1e-9);
        }
    }

    #[test]
    fn nothing_is_fitted_to_next_to_nothing() {
        assert!(Surrogate::fit(vec![vec![0.0]; 2], &[1.0, 2.0]).is_none());
        assert!(Surrogate::fit(vec![vec![0.0]; 4], &[1.0; 4]).is_none());
        let same_place = Surrogate::fit(vec![vec![0.5]; 4], &[1.0, 2.0, 1.5, 1e300]);
        assert!(same_place.is_none_or(|model| model.promise(&[0.5]).is_finite()));
    }
}
