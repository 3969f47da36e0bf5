//! How sure a loss is, and the difference of two losses on the same rows.
//!
//! Where a metric gives the influence of each row, the error is the root of the sum of their
//! squares (means, RMSE, ROC AUC). Else a delete-a-block jackknife: `g` blocks of rows, each left
//! out in turn, `se^2 = (g - 1) / g * sum (theta_j - mean)^2`.
//!
//! Reference: Efron and Stein 1981, doi:10.1214/aos/1176345462; blocks: Kuensch 1989,
//! doi:10.1214/aos/1176347265.

use super::Metric;
use super::scored::{Scored, Truth};

/// Blocks of the jackknife; block `j` holds rows `j`, `j + 40`, `j + 80`, ...
const N_BLOCKS: usize = 40;

impl Metric {
    /// The loss and its standard error. The error is NaN where the loss or the spread is not
    /// known, e.g. for one row.
    ///
    /// Cost: about twice the metric where rows have influences, else 41 times the metric.
    pub fn loss_and_se(&self, scored: &Scored<'_>) -> (f64, f64) {
        let loss = (self.loss)(scored);
        let se = match self.influence {
            Some(influence) => norm(influence(scored).into_iter()),
            None => spread(&self.replicates(scored)),
        };
        (loss, if loss.is_nan() { f64::NAN } else { se })
    }

    /// Standard error of `loss(a) - loss(b)`, where both predict the same rows in the same order
    /// (truth and weights are taken from each, and must agree).
    pub fn paired_se(&self, a: &Scored<'_>, b: &Scored<'_>) -> f64 {
        assert_eq!(a.n_rows(), b.n_rows(), "paired predictions are of the same rows");
        match self.influence {
            Some(influence) => norm(influence(a).into_iter().zip(influence(b)).map(|(a, b)| a - b)),
            None => {
                let (a, b) = (self.replicates(a), self.replicates(b));
                spread(&a.iter().zip(&b).map(|(a, b)| a - b).collect::<Vec<f64>>())
            }
        }
    }

    /// The loss without each block in turn.
    fn replicates(&self, scored: &Scored<'_>) -> Vec<f64> {
        let n_blocks = N_BLOCKS.min(scored.n_rows());
        let without = |block| (self.loss)(&Kept::new(scored, n_blocks, block).scored(scored));
        (0..n_blocks).map(without).collect()
    }
}

fn norm(influences: impl Iterator<Item = f64>) -> f64 {
    influences.map(|influence| influence * influence).sum::<f64>().sqrt()
}

/// Jackknife error of replicates; those that are NaN (a class fell away) are left out. NaN below
/// two.
fn spread(replicates: &[f64]) -> f64 {
    let known: Vec<f64> = replicates.iter().copied().filter(|loss| !loss.is_nan()).collect();
    let n = known.len() as f64;
    let mean = known.iter().sum::<f64>() / n;
    let squares: f64 = known.iter().map(|loss| (loss - mean).powi(2)).sum();
    if known.len() < 2 { f64::NAN } else { ((n - 1.0) / n * squares).sqrt() }
}

/// Copies of the rows outside one block.
struct Kept {
    numbers: Vec<f64>,
    classes: Vec<u32>,
    predictions: Vec<f64>,
    weights: Option<Vec<f64>>,
}

impl Kept {
    fn new(scored: &Scored<'_>, n_blocks: usize, block: usize) -> Kept {
        let (numbers, classes): (&[f64], &[u32]) = match scored.truth {
            Truth::Numbers(numbers) => (numbers, &[]),
            Truth::Classes(classes) => (&[], classes),
        };
        let keep = |width: usize| move |index: &usize| index / width % n_blocks != block;
        let of_rows = |values: &[f64], width: usize| -> Vec<f64> {
            (0..values.len()).filter(keep(width)).map(|index| values[index]).collect()
        };
        Kept {
            numbers: of_rows(numbers, 1),
            classes: (0..classes.len()).filter(keep(1)).map(|index| classes[index]).collect(),
            predictions: of_rows(scored.predictions, scored.n_outputs.max(1)),
            weights: scored.weights.map(|weights| of_rows(weights, 1)),
        }
    }

    fn scored(&self, all: &Scored<'_>) -> Scored<'_> {
        Scored {
            truth: match all.truth {
                Truth::Numbers(_) => Truth::Numbers(&self.numbers),
                Truth::Classes(_) => Truth::Classes(&self.classes),
            },
            predictions: &self.predictions,
            n_outputs: all.n_outputs,
            weights: self.weights.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use eyas_model::TaskKind;

    use super::super::METRICS;
    use super::*;
    use crate::random::Stream;

    /// Truths and predictions of some use, and a second set of predictions near the first.
    struct Sample {
        numbers: Vec<f64>,
        classes: Vec<u32>,
        n_outputs: usize,
        a: Vec<f64>,
        b: Vec<f64>,
    }

    impl Sample {
        fn new(kind: TaskKind, n_rows: usize, seed: u64) -> Sample {
            let mut stream = Stream::new(&[seed]);
            let n_classes = if kind == TaskKind::Multiclass { 3 } else { 2 };
            let n_outputs = if kind == TaskKind::Multiclass { 3 } else { 1 };
            let mut sample =
                Sample { numbers: vec![], classes: vec![], n_outputs, a: vec![], b: vec![] };
            for _ in 0..n_rows {
                let class = stream.below(n_classes);
                sample.classes.push(class as u32);
                sample.numbers.push(class as f64 + 0.5 + stream.uniform());
                let mut noisy = || -> Vec<f64> {
                    let raw: Vec<f64> = (0..n_outputs)
                        .map(|k| match kind {
                            TaskKind::Multiclass => f64::from(k == class) + 2.0 * stream.uniform(),
                            _ => 0.25 * class as f64 + 0.7 * stream.uniform() + 0.01,
                        })
                        .collect();
                    let total: f64 = if n_outputs > 1 { raw.iter().sum() } else { 1.0 };
                    raw.iter().map(|r| r / total).collect()
                };
                let first = noisy();
                let second: Vec<f64> =
                    first.iter().zip(noisy()).map(|(a, b)| 0.8 * a + 0.2 * b).collect();
                sample.a.extend(first);
                sample.b.extend(second);
            }
            sample
        }

        fn scored<'a>(&'a self, kind: TaskKind, predictions: &'a [f64]) -> Scored<'a> {
            let truth = match kind {
                TaskKind::Regression => Truth::Numbers(&self.numbers),
                _ => Truth::Classes(&self.classes),
            };
            Scored { truth, predictions, n_outputs: self.n_outputs, weights: None }
        }
    }

    fn deviation(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (squares / (values.len() as f64 - 1.0)).sqrt()
    }

    /// Errors must be near the spread over fresh samples of the same source.
    #[test]
    fn errors_match_the_spread_over_samples() {
        for metric in METRICS {
            for &kind in metric.tasks {
                let (mut losses, mut differences) = (vec![], vec![]);
                let (mut se_total, mut paired_total) = (0.0, 0.0);
                for seed in 0..150 {
                    let sample = Sample::new(kind, 300, seed);
                    let a = sample.scored(kind, &sample.a);
                    let b = sample.scored(kind, &sample.b);
                    let (loss, se) = metric.loss_and_se(&a);
                    losses.push(loss);
                    differences.push(loss - (metric.loss)(&b));
                    se_total += se / 150.0;
                    paired_total += metric.paired_se(&a, &b) / 150.0;
                }
                let ratio = se_total / deviation(&losses);
                let paired_ratio = paired_total / deviation(&differences);
                assert!((0.75..1.35).contains(&ratio), "{metric:?} {kind:?}: {ratio}");
                assert!(
                    (0.75..1.35).contains(&paired_ratio),
                    "{metric:?} {kind:?}: {paired_ratio}"
                );
            }
        }
    }

    #[test]
    fn equal_predictions_differ_by_nothing() {
        for metric in METRICS {
            for &kind in metric.tasks {
                let sample = Sample::new(kind, 90, 1);
                let scored = sample.scored(kind, &sample.a);
                assert_eq!(metric.paired_se(&scored, &scored), 0.0, "{metric:?} {kind:?}");
            }
        }
    }

    #[test]
    fn one_row_has_no_error() {
        for metric in METRICS {
            for &kind in metric.tasks {
                let sample = Sample::new(kind, 1, 1);
                let (_, se) = metric.loss_and_se(&sample.scored(kind, &sample.a));
                assert!(se.is_nan(), "{metric:?} {kind:?}: {se}");
            }
        }
    }
}
