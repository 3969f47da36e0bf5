//! A Gaussian process on places, a length scale an axis.

use crate::samplers::matrix::{Lower, dot};

/// Prior of the squared inverse length scales `w`: `ln w` is normal around the logarithm of
/// `W / d` with this standard deviation, so that a point is about as far from others whatever `d` is
/// (Hvarfner, Hellsten, Nardi 2024, arXiv:2402.02229).
const W: f64 = 6.0;
const LN_W_SD: f64 = 2.0;
/// Prior of the variance of the noise, as a share of that of the function.
const NOISE: f64 = 1e-3;
const LN_NOISE_SD: f64 = 1.5;
/// Bounds of `ln w` and of the logarithm of the noise.
const LN_W_BOUNDS: (f64, f64) = (-9.0, 8.0);
const LN_NOISE_BOUNDS: (f64, f64) = (-14.0, 0.0);
/// The function's variance has a prior worth this many observations of variance 1.
const N_PRIOR: f64 = 2.0;

/// A Gaussian process with a Matern 5/2 kernel `k(s)`, `s = sum_a w_a d_a^2`, where `d_a` is the
/// difference of two coordinates, or whether they differ on an axis without order.
///
/// The `w` and the noise are the likeliest under their priors, found by resilient steps along the
/// gradient; the variance follows in closed form. A step costs O(n^3 + n^2 d), a guess
/// O(n^2 + n d).
///
/// Reference: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning, chapters 2 and 5;
/// Riedmiller, Braun 1993, doi:10.1109/ICNN.1993.298623 (steps).
#[derive(Debug)]
pub(crate) struct Process {
    /// Coordinates, axis by axis: `(d, n)`.
    columns: Vec<Vec<f64>>,
    is_ordered: Vec<bool>,
    weights: Vec<f64>,
    /// Inverse of the lower factor of the kernel matrix.
    inverse: Lower,
    /// Kernel matrix inverse times targets.
    alpha: Vec<f64>,
    variance: f64,
    /// Least of the fitted targets.
    pub best: f64,
}

/// Targets and squared differences of all pairs.
struct Data<'a> {
    targets: &'a [f64],
    /// `(d, n (n - 1) / 2)`, pairs row by row.
    squares: Vec<Vec<f64>>,
}

/// A state of the fit, with its quality (log posterior, up to a constant) and its slope.
struct State {
    inverse: Lower,
    alpha: Vec<f64>,
    quality: f64,
    slope: Vec<f64>,
    variance: f64,
}

impl Process {
    /// Fits to places, all coordinates given, and as many targets, with at most `n_steps` steps.
    /// `None` if there are no targets or the kernel matrix is not definite.
    pub fn fit(
        places: &[Vec<f64>],
        is_ordered: &[bool],
        targets: &[f64],
        n_steps: usize,
    ) -> Option<Process> {
        assert_eq!(places.len(), targets.len(), "one target a place");
        let d = is_ordered.len();
        let column = |axis: usize| places.iter().map(|place| place[axis]).collect();
        let columns: Vec<Vec<f64>> = (0..d).map(column).collect();
        let squares = columns.iter().zip(is_ordered).map(|(c, &o)| pair_squares(c, o)).collect();
        let data = Data { targets, squares };
        let mut theta = vec![prior_ln_w(d); d];
        theta.push(libm::log(NOISE));
        let (theta, state) = climb(&data, theta, n_steps)?;
        let noise = libm::exp(theta[d]);
        let fitted = targets.iter().zip(&state.alpha).map(|(y, a)| y - noise * a);
        Some(Process {
            best: fitted.fold(f64::INFINITY, f64::min),
            columns,
            is_ordered: is_ordered.to_vec(),
            weights: theta[..d].iter().map(|&ln_w| libm::exp(ln_w)).collect(),
            inverse: state.inverse,
            alpha: state.alpha,
            variance: state.variance,
        })
    }

    /// Mean and standard deviation of the function at a place.
    pub fn guess(&self, place: &[f64]) -> (f64, f64) {
        let near = self.kernels(place);
        let explained: f64 = self.inverse.times(&near).iter().map(|v| v * v).sum();
        (dot(&near, &self.alpha), (self.variance * (1.0 - explained).max(1e-12)).sqrt())
    }

    /// Mean of the function at a place.
    pub fn mean(&self, place: &[f64]) -> f64 {
        dot(&self.kernels(place), &self.alpha)
    }

    fn kernels(&self, place: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.alpha.len()];
        for (axis, column) in self.columns.iter().enumerate() {
            add_squares(&mut sums, column, place[axis], self.is_ordered[axis], self.weights[axis]);
        }
        sums.iter_mut().for_each(|s| *s = kernel(*s).0);
        sums
    }
}

fn prior_ln_w(d: usize) -> f64 {
    libm::log(W / d.max(1) as f64)
}

fn add_squares(sums: &mut [f64], column: &[f64], unit: f64, is_ordered: bool, weight: f64) {
    let pairs = sums.iter_mut().zip(column);
    if is_ordered {
        pairs.for_each(|(sum, v)| *sum += weight * (v - unit) * (v - unit));
    } else {
        pairs.for_each(|(sum, v)| *sum += if *v == unit { 0.0 } else { weight });
    }
}

fn pair_squares(column: &[f64], is_ordered: bool) -> Vec<f64> {
    let mut squares = vec![0.0; column.len() * column.len().saturating_sub(1) / 2];
    let mut from = 0;
    for (i, unit) in column.iter().enumerate() {
        add_squares(&mut squares[from..from + i], &column[..i], *unit, is_ordered, 1.0);
        from += i;
    }
    squares
}

/// Matern 5/2 of a squared distance, and its slope.
fn kernel(s: f64) -> (f64, f64) {
    let r = (5.0 * s).sqrt();
    let e = libm::exp(-r);
    ((1.0 + r + r * r / 3.0) * e, -5.0 / 6.0 * (1.0 + r) * e)
}

/// Resilient steps to the top of the posterior; the best state met.
fn climb(data: &Data<'_>, mut theta: Vec<f64>, n_steps: usize) -> Option<(Vec<f64>, State)> {
    let mut best = (theta.clone(), state(data, &theta)?);
    let mut steps = vec![0.6; theta.len()];
    let mut last = best.1.slope.clone();
    let mut slope = best.1.slope.clone();
    for _ in 0..n_steps {
        for (at, value) in theta.iter_mut().enumerate() {
            let agreement = slope[at] * last[at];
            steps[at] *= if agreement < 0.0 { 0.5 } else { 1.2 };
            steps[at] = f64::min(steps[at], 1.5);
            let is_noise = at == data.squares.len();
            let (low, high) = if is_noise { LN_NOISE_BOUNDS } else { LN_W_BOUNDS };
            *value = (*value + steps[at] * slope[at].signum()).clamp(low, high);
        }
        let Some(next) = state(data, &theta) else { break };
        last = std::mem::replace(&mut slope, next.slope.clone());
        if next.quality > best.1.quality {
            best = (theta.clone(), next);
        }
    }
    Some(best)
}

fn state(data: &Data<'_>, theta: &[f64]) -> Option<State> {
    let (n, d) = (data.targets.len(), data.squares.len());
    let noise = libm::exp(theta[d]);
    let mut sums = vec![0.0; n * n.saturating_sub(1) / 2];
    for (squares, ln_w) in data.squares.iter().zip(theta) {
        let w = libm::exp(*ln_w);
        sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += w * square);
    }
    let mut entries = Vec::with_capacity(n * (n + 1) / 2);
    let mut slopes = Vec::with_capacity(sums.len());
    let mut from = 0;
    for i in 0..n {
        for &s in &sums[from..from + i] {
            let (value, slope) = kernel(s);
            entries.push(value);
            slopes.push(slope);
        }
        entries.push(1.0 + noise);
        from += i;
    }
    let factor = Lower::new(n, entries).cholesky()?;
    let log_det: f64 = factor.diagonal().map(libm::log).sum();
    let inverse = factor.inverse();
    let alpha = inverse.transposed_times(&inverse.times(data.targets));
    let fit = dot(data.targets, &alpha) + N_PRIOR;
    let n_total = n as f64 + N_PRIOR;
    let mut quality = -0.5 * n_total * libm::log(fit) - log_det;
    // From here on the slope: what each entry of the kernel matrix adds to it, times its own.
    let gram = inverse.gram();
    let pull = n_total / fit;
    let mut at = 0;
    for i in 0..n {
        for (j, known) in gram.row(i)[..i].iter().enumerate() {
            slopes[at] *= pull * alpha[i] * alpha[j] - known;
            at += 1;
        }
    }
    let mut slope: Vec<f64> = Vec::with_capacity(d + 1);
    for (squares, ln_w) in data.squares.iter().zip(theta) {
        slope.push(libm::exp(*ln_w) * dot(squares, &slopes));
        quality -= add_prior(*ln_w, prior_ln_w(d), LN_W_SD, slope.last_mut().expect("pushed"));
    }
    let trace: f64 = gram.diagonal().sum();
    slope.push(0.5 * noise * (pull * dot(&alpha, &alpha) - trace));
    quality -= add_prior(theta[d], libm::log(NOISE), LN_NOISE_SD, &mut slope[d]);
    quality.is_finite().then_some(State { inverse, alpha, quality, slope, variance: fit / n_total })
}

/// The cost of a normal prior; its slope is added.
fn add_prior(value: f64, mean: f64, sd: f64, slope: &mut f64) -> f64 {
    let z = (value - mean) / sd;
    *slope -= z / sd;
    0.5 * z * z
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn sample(n: usize, d: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut stream = Stream::new(&[9]);
        let places: Vec<Vec<f64>> =
            (0..n).map(|_| (0..d).map(|_| stream.uniform()).collect()).collect();
        let targets = places.iter().map(|p| 3.0 * (p[0] - 0.4).powi(2) + 0.1 * p[1]).collect();
        (places, targets)
    }

    #[test]
    fn slopes_are_those_of_the_quality() {
        let (places, targets) = sample(14, 3);
        let ordered = [true, true, false];
        let column = |axis: usize| places.iter().map(|p| (4.0 * p[axis]).floor()).collect();
        let columns: Vec<Vec<f64>> = (0..3).map(column).collect();
        let squares = columns.iter().zip(ordered).map(|(c, o)| pair_squares(c, o)).collect();
        let data = Data { targets: &targets, squares };
        let theta = [0.3, -1.0, 0.7, -3.0];
        let slope = state(&data, &theta).unwrap().slope;
        for at in 0..4 {
            let moved = |by: f64| {
                let mut theta = theta;
                theta[at] += by;
                state(&data, &theta).unwrap().quality
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((slope[at] - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{at}");
        }
    }

    #[test]
    fn knows_which_axis_matters_and_what_it_does_not_know() {
        let (places, targets) = sample(40, 3);
        let model = Process::fit(&places, &[true; 3], &targets, 25).unwrap();
        assert!(model.weights[0] > 10.0 * model.weights[2], "{:?}", model.weights);
        for (place, target) in places.iter().zip(&targets) {
            let (mean, sd) = model.guess(place);
            assert!((mean - target).abs() < 0.02, "{mean} for {target}");
            assert!(sd < 0.1);
        }
        let (mean, near) = model.guess(&[0.4, 0.5, 0.5]);
        assert!((mean - 0.05).abs() < 0.02, "{mean}");
        assert!(model.guess(&[3.0, 0.5, 0.5]).1 > 3.0 * near);
        assert_eq!(model.mean(&places[0]), model.guess(&places[0]).0);
    }

    #[test]
    fn one_place_with_many_targets_is_noise() {
        let places = vec![vec![0.5]; 8];
        let targets = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        let model = Process::fit(&places, &[true], &targets, 20).unwrap();
        assert!(model.guess(&[0.5]).0.abs() < 0.1);
    }
}
