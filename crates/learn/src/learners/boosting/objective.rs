//! What is minimised: gradients, hessians, the best constant and the values of leaves.

use std::ops::Range;

use eyas_model::{Link, TaskKind};

use super::gradients::Pair;
use super::parameters::Parameters;
use crate::dataset::{Dataset, Target};
use crate::error::Error;
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
    /// Half the squared error up to `alpha`, a line from there on: Huber 1964,
    /// doi:10.1214/aoms/1177703732.
    Huber,
    /// `alpha` times what is predicted too low, `1 - alpha` times what is too high; leaves hold
    /// quantiles. Koenker, Bassett 1978, doi:10.2307/1913643.
    Quantile,
    /// Deviance of gamma distributed numbers over 0, on a logarithmic scale.
    Gamma,
    /// Deviance of Tweedie's compound of Poisson counts and gamma numbers, on a logarithmic scale.
    /// Jørgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x.
    Tweedie,
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
    /// Where a line begins (in units of the target, later of `scale`), or the quantile.
    alpha: f64,
    power: f32,
    classes: Vec<u32>,
    numbers: Vec<f32>,
    weights: Option<Vec<f32>>,
}

impl Loss {
    /// Whether scores are logarithms of predictions.
    fn is_logarithmic(self) -> bool {
        matches!(self, Loss::Poisson | Loss::Gamma | Loss::Tweedie)
    }

    /// Whether it is for such a target.
    fn allows(self, y: f64) -> bool {
        match self {
            Loss::Poisson | Loss::Tweedie => y >= 0.0,
            Loss::Gamma => y > 0.0,
            _ => true,
        }
    }
}

impl Objective {
    /// The loss that the parameters name, or that for a metric, on these rows.
    ///
    /// # Errors
    /// The named loss is not for such targets.
    pub fn new(
        data: &Dataset,
        rows: &[u32],
        metric: &str,
        parameters: &Parameters,
    ) -> Result<Objective, Error> {
        let weights: Option<Vec<f64>> = data
            .weights
            .as_ref()
            .map(|weights| rows.iter().map(|&row| weights[row as usize]).collect());
        let mut objective = Objective {
            loss: parameters.objective.unwrap_or_else(|| loss(data, rows, metric)),
            alpha: parameters.alpha,
            power: parameters.tweedie_variance_power as f32,
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
                objective.check(&numbers)?;
                objective.set_numbers(&numbers, weights.as_deref());
            }
        }
        Ok(objective)
    }

    fn check(&self, numbers: &[f64]) -> Result<(), Error> {
        let wrong = numbers.iter().find(|&&y| !self.loss.allows(y));
        let expected = if self.loss == Loss::Gamma { "positive" } else { "not negative" };
        wrong.map_or(Ok(()), |y| {
            Err(Error::Parameter {
                name: "objective".to_owned(),
                value: format!("{:?}", self.loss).to_lowercase(),
                expected: format!("all targets must be {expected}, not {y}"),
            })
        })
    }

    fn set_numbers(&mut self, numbers: &[f64], weights: Option<&[f64]>) {
        let (mean, spread) = moments(numbers, weights);
        if self.loss.is_logarithmic() {
            self.base = vec![libm::log(mean.max(1e-9))];
            self.numbers = numbers.iter().map(|&y| y as f32).collect();
            return;
        }
        let weight = |row: usize| weights.map_or(1.0, |w| w[row]);
        let center = match self.loss {
            Loss::Absolute | Loss::Quantile => {
                let pairs = numbers.iter().enumerate();
                let mut pairs: Vec<_> = pairs.map(|(row, &y)| (y, weight(row))).collect();
                weighted_quantile(&mut pairs, self.quantile())
            }
            Loss::Huber => huber_center(numbers, weight, self.alpha),
            _ => mean,
        };
        self.base = vec![center];
        self.scale = if spread > 0.0 { spread } else { 1.0 };
        if self.loss == Loss::Huber {
            self.alpha /= self.scale;
        }
        self.numbers = numbers.iter().map(|&y| ((y - center) / self.scale) as f32).collect();
    }

    /// From scores to predictions.
    pub fn link(&self) -> Link {
        match self.loss {
            Loss::Logistic => Link::Logistic,
            Loss::Softmax => Link::Softmax,
            Loss::Squared | Loss::Absolute | Loss::Huber | Loss::Quantile => Link::Identity,
            Loss::Poisson | Loss::Gamma | Loss::Tweedie => Link::Exp,
        }
    }

    /// Whether all hessians are 1.
    pub fn unit_hessians(&self) -> bool {
        self.link() == Link::Identity && self.weights.is_none()
    }

    /// Whether leaves hold quantiles of residuals, not Newton steps.
    pub fn has_quantiles(&self) -> bool {
        matches!(self.loss, Loss::Absolute | Loss::Quantile)
    }

    fn quantile(&self) -> f64 {
        if self.loss == Loss::Quantile { self.alpha } else { 0.5 }
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
            Loss::Huber => rows.zip(numbers).for_each(|((out, &sum), &y)| {
                let alpha = self.alpha as f32;
                *out = [(sum as f32 - y).clamp(-alpha, alpha), 1.0];
            }),
            Loss::Quantile => rows.zip(numbers).for_each(|((out, &sum), &y)| {
                let above = if sum as f32 > y { 1.0 } else { 0.0 };
                *out = [above - self.alpha as f32, 1.0];
            }),
            Loss::Gamma => rows.zip(numbers).for_each(|((out, &sum), &y)| {
                let ratio = y * exp(-(base + sum) as f32);
                *out = [1.0 - ratio, ratio];
            }),
            Loss::Tweedie => rows.zip(numbers).for_each(|((out, &sum), &y)| {
                let (score, power) = ((base + sum) as f32, self.power);
                let low = y * exp((1.0 - power) * score);
                let high = exp((2.0 - power) * score);
                *out = [high - low, (power - 1.0) * low + (2.0 - power) * high];
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

    /// The quantile that a leaf with these rows should add; only where leaves hold quantiles.
    pub fn quantile_residual(&self, rows: &[u32], sums: &[f64]) -> f64 {
        let residual = |&row: &u32| {
            let row = row as usize;
            let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[row]));
            (f64::from(self.numbers[row]) - sums[row], weight)
        };
        weighted_quantile(&mut rows.iter().map(residual).collect::<Vec<_>>(), self.quantile())
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

/// The least number at which this share of the weight is reached, or the middle between it and the
/// next where it is reached exactly; 0 for none.
fn weighted_quantile(pairs: &mut [(f64, f64)], share: f64) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let wanted = share * pairs.iter().map(|pair| pair.1).sum::<f64>();
    let mut reached = 0.0;
    for (place, &(number, weight)) in pairs.iter().enumerate() {
        reached += weight;
        if reached > wanted {
            return number;
        }
        if reached == wanted {
            return 0.5 * (number + pairs.get(place + 1).map_or(number, |next| next.0));
        }
    }
    pairs.last().map_or(0.0, |pair| pair.0)
}

/// Where the sum of Huber's gradients, which grows with the center, is 0.
fn huber_center(numbers: &[f64], weight: impl Fn(usize) -> f64, alpha: f64) -> f64 {
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut low, mut high) = numbers.iter().fold(ends, |e, &y| (e.0.min(y), e.1.max(y)));
    for _ in 0..60 {
        let center = 0.5 * (low + high);
        let terms = numbers.iter().enumerate();
        let sum: f64 = terms.map(|(row, &y)| weight(row) * (center - y).clamp(-alpha, alpha)).sum();
        if sum < 0.0 { low = center } else { high = center }
    }
    if low.is_finite() { 0.5 * (low + high) } else { 0.0 }
}

#[cfg(test)]
mod tests;
