//! Adam that estimates the distance to the solution faster than D-Adaptation.

use super::adam::correction;
use super::{Layout, Optimizer, OptimizerKind, StateVisitor};

/// The listing of [`Prodigy`].
pub(super) const KIND: OptimizerKind = OptimizerKind {
    name: "prodigy",
    formula: "Adam at rate d a; d = max(d, sum d^2 a g.(p_0 - p) / |sum d^2 a g|_1), weighted",
    help: "Adam that finds its rate by the distance to the solution",
    references: &[
        "Mishchenko, K.; Defazio, A. (2024). Prodigy: an expeditiously adaptive parameter-free learner. arXiv:2306.06101",
    ],
    finds_rate: true,
    build: |layout| Box::new(Prodigy::new(layout, ProdigyOptions::default())),
};

/// What can be set of [`Prodigy`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProdigyOptions {
    /// Share of the mean gradient that is kept, in `[0, 1)`.
    pub beta1: f64,
    /// Share of the mean squared gradient that is kept, in `[0, 1)`.
    pub beta2: f64,
    /// Share of the estimate's sums that is kept; the root of `beta2` if none.
    pub beta3: Option<f64>,
    /// Added to the root of the mean square, times the distance.
    pub eps: f64,
    /// Decay of the parameters.
    pub weight_decay: f64,
    /// Whether the decay is apart from the gradient, as in AdamW.
    pub decoupled: bool,
    /// Whether the means are corrected for their start.
    pub bias_correction: bool,
    /// Whether a warm-up of the rate leaves the estimate as it is.
    pub safeguard_warmup: bool,
    /// First estimate of the distance, above 0; a step that is sure to be too small.
    pub first_distance: f64,
    /// Factor of the estimate.
    pub distance_factor: f64,
    /// Most growth of the estimate in a step, above 1.
    pub growth_rate: f64,
}

impl Default for ProdigyOptions {
    fn default() -> Self {
        ProdigyOptions {
            beta1: 0.9,
            beta2: 0.999,
            beta3: None,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: true,
            bias_correction: false,
            safeguard_warmup: false,
            first_distance: 1e-6,
            distance_factor: 1.0,
            growth_rate: f64::INFINITY,
        }
    }
}

/// Equals `Prodigy` of the authors' package `prodigyopt`.
#[derive(Debug, Clone)]
pub struct Prodigy {
    options: ProdigyOptions,
    layout: Layout,
    first_params: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
    sum: Vec<f32>,
    distance: f64,
    max_distance: f64,
    numerator: f64,
    n_steps: u64,
}

impl Prodigy {
    /// No gradient seen.
    pub fn new(layout: &Layout, options: ProdigyOptions) -> Self {
        Prodigy {
            options,
            layout: layout.clone(),
            first_params: layout.zeros(),
            first: layout.zeros(),
            second: layout.zeros(),
            sum: layout.zeros(),
            distance: options.first_distance,
            max_distance: options.first_distance,
            numerator: 0.0,
            n_steps: 0,
        }
    }

    /// The estimate of the distance.
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// Takes the gradients in; what grows the numerator, and the denominator.
    fn observe(&mut self, params: &[f32], grads: &[f32], rate: f64) -> (f64, f64) {
        let ProdigyOptions { beta1, beta2, beta3, weight_decay, decoupled, .. } = self.options;
        let beta3 = beta3.unwrap_or(beta2.sqrt());
        let d = self.distance;
        let growth = d / self.options.first_distance;
        let sum_rate = growth * if self.options.safeguard_warmup { d } else { rate };
        let (mut product, mut length) = (0.0, 0.0);
        for (group, range) in self.layout.groups() {
            let decay = if decoupled { 0.0 } else { weight_decay as f32 * group.decay_scale };
            for at in range {
                let grad = f64::from(grads[at] + decay * params[at]);
                product += grad * (f64::from(self.first_params[at]) - f64::from(params[at]));
                let first = beta1 * f64::from(self.first[at]) + d * (1.0 - beta1) * grad;
                self.first[at] = first as f32;
                let new = d * d * (1.0 - beta2) * grad * grad;
                self.second[at] = (beta2 * f64::from(self.second[at]) + new) as f32;
                let sum = beta3 * f64::from(self.sum[at]) + sum_rate * grad;
                self.sum[at] = sum as f32;
                length += sum.abs();
            }
        }
        (growth * rate * product, length)
    }

    fn estimate(&mut self, length: f64) {
        let estimate = self.options.distance_factor * self.numerator / length;
        if self.distance == self.options.first_distance {
            self.distance = self.distance.max(estimate);
        }
        self.max_distance = self.max_distance.max(estimate);
        self.distance = self.max_distance.min(self.distance * self.options.growth_rate);
    }
}

impl Optimizer for Prodigy {
    fn name(&self) -> &'static str {
        "prodigy"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        if self.n_steps == 0 {
            self.first_params.copy_from_slice(params);
        }
        let ProdigyOptions { beta1, beta2, beta3, eps, weight_decay, decoupled, .. } = self.options;
        let next = self.n_steps + 1;
        let corrected = if self.options.bias_correction {
            correction(beta2, next).sqrt() / correction(beta1, next)
        } else {
            1.0
        };
        let rate = self.distance * f64::from(lr) * corrected;
        let (product, length) = self.observe(params, grads, rate);
        if length == 0.0 {
            return;
        }
        self.numerator = beta3.unwrap_or(beta2.sqrt()) * self.numerator + product;
        if lr > 0.0 {
            self.estimate(length);
        }
        let eps = (self.distance * eps) as f32;
        for (group, range) in self.layout.groups() {
            let rate = rate * f64::from(group.lr_scale);
            let decay = if decoupled { weight_decay * f64::from(group.decay_scale) } else { 0.0 };
            let (shrink, rate) = ((1.0 - decay * rate) as f32, rate as f32);
            for at in range {
                let grown = self.second[at].sqrt() + eps;
                params[at] = params[at] * shrink - rate * (self.first[at] / grown);
            }
        }
        self.n_steps = next;
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f64(&mut self.distance);
        visitor.f64(&mut self.max_distance);
        visitor.f64(&mut self.numerator);
        visitor.f32s(&mut self.first_params);
        visitor.f32s(&mut self.first);
        visitor.f32s(&mut self.second);
        visitor.f32s(&mut self.sum);
    }
}
