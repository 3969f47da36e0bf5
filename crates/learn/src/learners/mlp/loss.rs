//! What a net is trained on.

use eyas_model::TaskKind;

use crate::dataset::{Dataset, Target};

/// The loss of a row: squared, logistic or the entropy of classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    pub kind: TaskKind,
    /// Share of a class that all classes get.
    pub smoothing: f32,
}

/// Targets and weights of the training rows.
#[derive(Debug)]
pub(super) struct Truth {
    /// Standardised numbers, or classes `(n_rows,)`.
    targets: Vec<f32>,
    /// Of mean 1 `(n_rows,)`.
    weights: Vec<f32>,
    /// From standardised outputs to numbers: factor and offset.
    pub rescale: (f64, f64),
}

impl Truth {
    /// Of the rows `train`.
    pub fn new(data: &Dataset, train: &[u32]) -> Truth {
        let rows = || train.iter().map(|&row| row as usize);
        let total: f64 = rows().map(|row| data.weight(row)).sum();
        let mean = if total > 0.0 { total / train.len() as f64 } else { 1.0 };
        let weights = rows().map(|row| (data.weight(row) / mean) as f32).collect();
        let (targets, rescale) = match &data.target {
            Target::Classes(classes) => {
                (rows().map(|row| classes[row] as f32).collect(), (1.0, 0.0))
            }
            Target::Numbers(values) => {
                let mean_of = |f: &dyn Fn(f64) -> f64| {
                    let sum: f64 = rows().map(|row| data.weight(row) * f(values[row])).sum();
                    if total > 0.0 { sum / total } else { 0.0 }
                };
                let center = mean_of(&|value| value);
                let deviation = mean_of(&|value| (value - center) * (value - center)).sqrt();
                let usable = deviation > 1e-12 * center.abs() && deviation.is_finite();
                let factor = if usable { deviation } else { 1.0 };
                let scaled =
                    |row: usize| if usable { (values[row] - center) / factor } else { 0.0 };
                (rows().map(|row| scaled(row) as f32).collect(), (factor, center))
            }
        };
        Truth { targets, weights, rescale }
    }
}

impl Loss {
    /// Gradients of the outputs `(rows.len(), n_outputs)` times `share`; gives the sum of losses.
    pub fn gradients(
        &self,
        outputs: &[f32],
        rows: &[u32],
        truth: &Truth,
        share: f32,
        gradients: &mut [f32],
    ) -> f64 {
        let width = outputs.len() / rows.len().max(1);
        let mut total = 0.0;
        let both = outputs.chunks_exact(width).zip(gradients.chunks_exact_mut(width));
        for (&row, (outputs, gradients)) in rows.iter().zip(both) {
            let (target, weight) = (truth.targets[row as usize], truth.weights[row as usize]);
            let loss = match self.kind {
                TaskKind::Regression => squared(outputs[0], target, gradients),
                TaskKind::Binary => self.logistic(outputs[0], target, gradients),
                TaskKind::Multiclass => self.entropy(outputs, target as usize, gradients),
            };
            total += f64::from(weight * loss);
            gradients.iter_mut().for_each(|gradient| *gradient *= weight * share);
        }
        total
    }

    fn logistic(&self, output: f32, target: f32, gradients: &mut [f32]) -> f32 {
        let target = target * (1.0 - self.smoothing) + 0.5 * self.smoothing;
        let share = 1.0 / (1.0 + libm::expf(-output));
        gradients[0] = share - target;
        output.max(0.0) - output * target + libm::log1pf(libm::expf(-output.abs()))
    }

    fn entropy(&self, outputs: &[f32], class: usize, gradients: &mut [f32]) -> f32 {
        let top = outputs.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        let mut sum = 0.0;
        for (gradient, output) in gradients.iter_mut().zip(outputs) {
            *gradient = libm::expf(output - top);
            sum += *gradient;
        }
        let of_each = self.smoothing / outputs.len() as f32;
        let mut loss = libm::logf(sum) + top;
        for (k, (gradient, output)) in gradients.iter_mut().zip(outputs).enumerate() {
            let target = of_each + if k == class { 1.0 - self.smoothing } else { 0.0 };
            *gradient = *gradient / sum - target;
            loss -= target * output;
        }
        loss
    }
}

/// Half of the square of the difference.
fn squared(output: f32, target: f32, gradients: &mut [f32]) -> f32 {
    gradients[0] = output - target;
    0.5 * gradients[0] * gradients[0]
}
