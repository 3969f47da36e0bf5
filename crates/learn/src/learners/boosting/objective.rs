//! What is minimised: gradients, hessians, the best constant and the values of leaves.

use std::ops::Range;

use eyas_model::{Link, TaskKind};

use super::gradients::Pair;
use crate::dataset::{Dataset, Target};
use crate::kernels::arch::{Kernel, widest};
use crate::kernels::exponential::{exp, logistic};
use crate::threads::{ONE_THREAD, Threads};

/// Rows whose gradients one thread computes.
const PIECE: usize = 4096;

/// A loss of raw scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Log loss of two classes.
    Logistic,
    /// Log loss of several classes.
    Softmax,
    /// Squared error.
    Squared,
    /// Absolute error; leaves hold medians.
    Absolute,
    /// Deviance of Poisson counts, on a logarithmic scale.
    Poisson,
}

/// A loss with the targets and weights of the training rows.
#[derive(Debug, Clone)]
pub(super) struct Objective {
    /// The loss.
    pub loss: Loss,
    /// Best constant scores `(n_outputs,)`.
    pub base: Vec<f64>,
    /// Factor from the sum of leaf values to scores: the spread of the target in regression, so
    /// that parameters mean the same whatever its unit.
    pub scale: f64,
    classes: Vec<u32>,
    numbers: Vec<f32>,
    weights: Option<Vec<f32>>,
}

impl Objective {
    /// The loss for a metric, on these rows.
    pub fn new(data: &Dataset, rows: &[u32], metric: &str) -> Objective {
        let weights: Option<Vec<f64>> = data
            .weights
            .as_ref()
            .map(|weights| rows.iter().map(|&row| weights[row as usize]).collect());
        let mut objective = Objective {
            loss: loss(data, rows, metric),
            base: Vec::new(),
            scale: 1.0,
            classes: Vec::new(),
            numbers: Vec::new(),
            weights: weights.as_ref().map(|w| w.iter().map(|&w| w as f32).collect()),
        };
        match &data.target {
            Target::Classes(classes) => {
                objective.classes = rows.iter().map(|&row| classes[row as usize]).collect();
                objective.base =
                    log_shares(&objective.classes, weights.as_deref(), data.n_outputs());
            }
            Target::Numbers(numbers) => {
                let numbers: Vec<f64> = rows.iter().map(|&row| numbers[row as usize]).collect();
                objective.set_numbers(&numbers, weights.as_deref());
            }
        }
        objective
    }

    fn set_numbers(&mut self, numbers: &[f64], weights: Option<&[f64]>) {
        let (mean, spread) = moments(numbers, weights);
        if self.loss == Loss::Poisson {
            self.base = vec![libm::log(mean.max(1e-9))];
            self.numbers = numbers.iter().map(|&y| y as f32).collect();
            return;
        }
        let center = match self.loss {
            Loss::Absolute => {
                let pairs = numbers.iter().enumerate();
                let mut pairs: Vec<_> =
                    pairs.map(|(row, &y)| (y, weights.map_or(1.0, |w| w[row]))).collect();
                weighted_median(&mut pairs)
            }
            _ => mean,
        };
        self.base = vec![center];
        self.scale = if spread > 0.0 { spread } else { 1.0 };
        self.numbers = numbers.iter().map(|&y| ((y - center) / self.scale) as f32).collect();
    }

    /// From scores to predictions.
    pub fn link(&self) -> Link {
        match self.loss {
            Loss::Logistic => Link::Logistic,
            Loss::Softmax => Link::Softmax,
            Loss::Squared | Loss::Absolute => Link::Identity,
            Loss::Poisson => Link::Exp,
        }
    }

    /// Whether all hessians are 1.
    pub fn unit_hessians(&self) -> bool {
        matches!(self.loss, Loss::Squared | Loss::Absolute) && self.weights.is_none()
    }

    /// Gradients and hessians `(n_outputs)` x `(n_rows,)` where leaf values sum to `sums`, of the
    /// same shape.
    pub fn pairs(&self, sums: &[Vec<f64>], out: &mut [Vec<Pair>], threads: &Threads) {
        let n_pieces = sums[0].len().div_ceil(PIECE);
        let threads = if n_pieces < 4 { &ONE_THREAD } else { threads };
        let mut pieces: Vec<Vec<&mut [Pair]>> = (0..n_pieces).map(|_| Vec::new()).collect();
        for out in out {
            let chunks = pieces.iter_mut().zip(out.chunks_mut(PIECE));
            chunks.for_each(|(piece, out)| piece.push(out));
        }
        threads.for_each_mut(&mut pieces, |piece, out| {
            let first = piece * PIECE;
            let rows = first..first + out[0].len();
            widest(Piece { objective: self, sums, rows: rows.clone(), out });
            if let Some(weights) = &self.weights {
                for out in out {
                    for (pair, &weight) in out.iter_mut().zip(&weights[rows.clone()]) {
                        *pair = [pair[0] * weight, pair[1] * weight];
                    }
                }
            }
        });
    }

    #[inline(always)]
    fn single_pairs(&self, sums: &[f64], place: Range<usize>, out: &mut [Pair]) {
        let base = self.base[0];
        let rows = out.iter_mut().zip(sums);
        let numbers = self.numbers.get(place.clone()).unwrap_or_default();
        let classes = self.classes.get(place).unwrap_or_default();
        match self.loss {
            Loss::Logistic => rows.zip(classes).for_each(|((out, &sum), &class)| {
                let p = logistic((base + sum) as f32);
                *out = [p - class as f32, p * (1.0 - p)];
            }),
            Loss::Poisson => rows.zip(numbers).for_each(|((out, &sum), &y)| {
                let mean = exp((base + sum) as f32);
                // The hessian of a score 0.7 higher bounds the step, as LightGBM does.
                *out = [mean - y, mean * 2.013_752_7]
            }),
            Loss::Absolute => rows.zip(numbers).for_each(|((out, &sum), &y)| {
                let residual = sum as f32 - y;
                *out = [if residual == 0.0 { 0.0 } else { residual.signum() }, 1.0];
            }),
            _ => rows.zip(numbers).for_each(|((out, &sum), &y)| *out = [sum as f32 - y, 1.0]),
        }
    }

    /// Hessians are those of the k-th score alone times `k / (k - 1)`, since the scores of a row
    /// have one degree of freedom less than there are.
    ///
    /// Reference: Friedman 2001, doi:10.1214/aos/1013203451, section 4.6.
    #[inline(always)]
    fn softmax_pairs(&self, sums: &[Vec<f64>], rows: Range<usize>, out: &mut [&mut [Pair]]) {
        const CHUNK: usize = 256;
        let n_outputs = out.len();
        let factor = n_outputs as f32 / (n_outputs as f32 - 1.0);
        let mut scores = vec![[0f32; CHUNK]; n_outputs];
        for start in rows.clone().step_by(CHUNK) {
            let end = (start + CHUNK).min(rows.end);
            let (mut top, mut total) = ([f32::NEG_INFINITY; CHUNK], [0f32; CHUNK]);
            for (k, scores) in scores.iter_mut().enumerate() {
                for (i, &sum) in sums[k][start..end].iter().enumerate() {
                    scores[i] = (self.base[k] + sum) as f32;
                    top[i] = top[i].max(scores[i]);
                }
            }
            for scores in &mut scores {
                for i in 0..CHUNK {
                    scores[i] = exp(scores[i] - top[i]);
                    total[i] += scores[i];
                }
            }
            for (k, out) in out.iter_mut().enumerate() {
                let places = start - rows.start..end - rows.start;
                for (i, out) in out[places].iter_mut().enumerate() {
                    let p = scores[k][i] / total[i];
                    let is_class = f32::from(u8::from(self.classes[start + i] == k as u32));
                    *out = [p - is_class, factor * p * (1.0 - p)];
                }
            }
        }
    }

    /// The median that a leaf with these rows should add; only for [`Loss::Absolute`].
    pub fn median_residual(&self, rows: &[u32], sums: &[f64]) -> f64 {
        let residual = |&row: &u32| {
            let row = row as usize;
            let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[row]));
            (f64::from(self.numbers[row]) - sums[row], weight)
        };
        weighted_median(&mut rows.iter().map(residual).collect::<Vec<_>>())
    }
}

/// Gradients and hessians of a run of rows.
struct Piece<'a, 'o> {
    objective: &'a Objective,
    sums: &'a [Vec<f64>],
    rows: Range<usize>,
    out: &'a mut [&'o mut [Pair]],
}

impl Kernel for Piece<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Piece { objective, sums, rows, out } = self;
        match objective.loss {
            Loss::Softmax => objective.softmax_pairs(sums, rows, out),
            _ => objective.single_pairs(&sums[0][rows.clone()], rows, out[0]),
        }
    }
}

fn loss(data: &Dataset, rows: &[u32], metric: &str) -> Loss {
    match (data.task(), &data.target) {
        (TaskKind::Binary, _) => Loss::Logistic,
        (TaskKind::Multiclass, _) => Loss::Softmax,
        (TaskKind::Regression, Target::Numbers(numbers)) => {
            let counts = rows.iter().all(|&row| numbers[row as usize] >= 0.0);
            match metric {
                "mae" | "median_ae" => Loss::Absolute,
                _ if metric.contains("poisson") && counts => Loss::Poisson,
                _ => Loss::Squared,
            }
        }
        (TaskKind::Regression, _) => Loss::Squared,
    }
}

/// Log odds of the second class, or the logarithm of each class's share.
fn log_shares(classes: &[u32], weights: Option<&[f64]>, n_outputs: usize) -> Vec<f64> {
    let mut totals = vec![0.0; n_outputs.max(2)];
    for (row, &class) in classes.iter().enumerate() {
        totals[class as usize] += weights.map_or(1.0, |weights| weights[row]);
    }
    let all: f64 = totals.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    // A class without rows is rare, not impossible.
    let log = |total: f64| libm::log((total / all).max(1e-6));
    match n_outputs {
        1 => vec![log(totals[1]) - log(totals[0])],
        _ => totals.iter().map(|&total| log(total)).collect(),
    }
}

/// Weighted mean and standard deviation.
fn moments(numbers: &[f64], weights: Option<&[f64]>) -> (f64, f64) {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let total: f64 = (0..numbers.len()).map(weight).sum::<f64>().max(f64::MIN_POSITIVE);
    let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
        numbers.iter().enumerate().map(|(row, &y)| weight(row) * f(y)).sum()
    };
    let mean = sum(&|y| y) / total;
    (mean, (sum(&|y| (y - mean) * (y - mean)) / total).sqrt())
}

/// The least number at which half of the weight is reached; 0 for none.
fn weighted_median(pairs: &mut [(f64, f64)]) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * pairs.iter().map(|pair| pair.1).sum::<f64>();
    let mut reached = 0.0;
    for (place, &(number, weight)) in pairs.iter().enumerate() {
        reached += weight;
        if reached > half {
            return number;
        }
        if reached == half {
            return 0.5 * (number + pairs.get(place + 1).map_or(number, |next| next.0));
        }
    }
    pairs.last().map_or(0.0, |pair| pair.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_even_and_weighted_numbers() {
        assert_eq!(weighted_median(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), 2.0);
        assert_eq!(weighted_median(&mut [(3.0, 1.0), (1.0, 1.0)]), 2.0);
        assert_eq!(weighted_median(&mut [(3.0, 5.0), (1.0, 1.0)]), 3.0);
    }

    #[test]
    fn shares_as_scores() {
        let odds = log_shares(&[0, 1, 1, 1], None, 1);
        assert!((odds[0] - libm::log(3.0)).abs() < 1e-12);
        let shares = log_shares(&[0, 1, 1, 2], Some(&[2.0, 1.0, 1.0, 4.0]), 3);
        assert!((shares[2] - libm::log(0.5)).abs() < 1e-12);
    }
}
