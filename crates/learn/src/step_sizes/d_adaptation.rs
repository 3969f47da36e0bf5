//! Gradient descent and Adam that estimate the distance to the solution, and so the rate.

use super::adam::correction;
use super::{Layout, Optimizer, OptimizerKind, StateVisitor, norm_squared};

const REFERENCE: &str = "Defazio, A.; Mishchenko, K. (2023). Learning-rate-free learning by D-adaptation. arXiv:2301.07733";

/// The listing of [`DAdaptSgd`].
pub(super) const SGD_KIND: OptimizerKind = OptimizerKind {
    name: "d_adapt_sgd",
    formula: "s += (d a / |g_0|) g; d = max(d, 2 sum (d a / |g_0|) g.s / |s|); z = p_0 - s",
    help: "gradient descent that finds its rate by the distance to the solution",
    references: &[REFERENCE],
    finds_rate: true,
    build: |layout| Box::new(DAdaptSgd::new(layout, DAdaptSgdOptions::default())),
};

/// The listing of [`DAdaptAdam`].
pub(super) const ADAM_KIND: OptimizerKind = OptimizerKind {
    name: "d_adapt_adam",
    formula: "Adam at rate d a; d = max(d, sum d a g.s / (sqrt(v) + eps) / |s|_1), weighted",
    help: "Adam that finds its rate by the distance to the solution",
    references: &[REFERENCE],
    finds_rate: true,
    build: |layout| Box::new(DAdaptAdam::new(layout, DAdaptAdamOptions::default())),
};

/// What can be set of [`DAdaptSgd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DAdaptSgdOptions {
    /// Share of the last parameters that is kept, in `[0, 1)`.
    pub momentum: f64,
    /// `decay * p` is added to the gradient.
    pub weight_decay: f64,
    /// First estimate of the distance, above 0; a step that is sure to be too small.
    pub first_distance: f64,
    /// Most growth of the estimate in a step, above 1.
    pub growth_rate: f64,
}

impl Default for DAdaptSgdOptions {
    fn default() -> Self {
        let (momentum, weight_decay, first_distance) = (0.0, 0.0, 1e-6);
        DAdaptSgdOptions { momentum, weight_decay, first_distance, growth_rate: f64::INFINITY }
    }
}

/// Equals `DAdaptSGD` of the authors' package `dadaptation`.
#[derive(Debug, Clone)]
pub struct DAdaptSgd {
    options: DAdaptSgdOptions,
    layout: Layout,
    first_params: Vec<f32>,
    sum: Vec<f32>,
    distance: f64,
    numerator: f64,
    first_norm: f64,
    n_steps: u64,
}

impl DAdaptSgd {
    /// No gradient seen.
    pub fn new(layout: &Layout, options: DAdaptSgdOptions) -> Self {
        let (first_params, sum) = (layout.zeros(), layout.zeros());
        let distance = options.first_distance;
        let layout = layout.clone();
        let (numerator, first_norm, n_steps) = (0.0, 0.0, 0);
        DAdaptSgd { options, layout, first_params, sum, distance, numerator, first_norm, n_steps }
    }

    /// The estimate of the distance.
    pub fn distance(&self) -> f64 {
        self.distance
    }
}

impl Optimizer for DAdaptSgd {
    fn name(&self) -> &'static str {
        "d_adapt_sgd"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        if self.n_steps == 0 {
            self.first_params.copy_from_slice(params);
            self.first_norm = norm_squared(grads).sqrt();
        }
        // Without a gradient there is nothing to measure the distance by yet.
        if self.first_norm == 0.0 {
            return;
        }
        let lr = f64::from(lr);
        let rate = self.distance * lr / self.first_norm;
        let mut product = 0.0;
        for (group, range) in self.layout.groups() {
            let decay = self.options.weight_decay as f32 * group.decay_scale;
            for at in range {
                let grad = grads[at] + decay * params[at];
                product += f64::from(grad) * f64::from(self.sum[at]);
                self.sum[at] += (rate * f64::from(grad)) as f32;
            }
        }
        self.numerator += rate * product;
        let length = norm_squared(&self.sum).sqrt();
        if length == 0.0 {
            return;
        }
        if lr > 0.0 {
            let estimate = 2.0 * self.numerator / length;
            let bound = self.distance * self.options.growth_rate;
            self.distance = self.distance.max(estimate.min(bound));
        }
        let new = (1.0 - self.options.momentum) as f32;
        for ((param, sum), first) in params.iter_mut().zip(&self.sum).zip(&self.first_params) {
            *param += new * ((first - sum) - *param);
        }
        self.n_steps += 1;
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f64(&mut self.distance);
        visitor.f64(&mut self.numerator);
        visitor.f64(&mut self.first_norm);
        visitor.f32s(&mut self.first_params);
        visitor.f32s(&mut self.sum);
    }
}

/// What can be set of [`DAdaptAdam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DAdaptAdamOptions {
    /// Share of the mean gradient that is kept, in `[0, 1)`.
    pub beta1: f64,
    /// Share of the mean squared gradient that is kept, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub eps: f64,
    /// Decay of the parameters.
    pub weight_decay: f64,
    /// Whether the decay is apart from the gradient, as in AdamW.
    pub decoupled: bool,
    /// Whether the means are corrected for their start.
    pub bias_correction: bool,
    /// First estimate of the distance, above 0; a step that is sure to be too small.
    pub first_distance: f64,
    /// Most growth of the estimate in a step, above 1.
    pub growth_rate: f64,
}

impl Default for DAdaptAdamOptions {
    fn default() -> Self {
        DAdaptAdamOptions {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            bias_correction: false,
            first_distance: 1e-6,
            growth_rate: f64::INFINITY,
        }
    }
}

/// Equals `DAdaptAdam` of the authors' package `dadaptation`.
#[derive(Debug, Clone)]
pub struct DAdaptAdam {
    options: DAdaptAdamOptions,
    layout: Layout,
    first: Vec<f32>,
    second: Vec<f32>,
    sum: Vec<f32>,
    distance: f64,
    numerator: f64,
    n_steps: u64,
}

impl DAdaptAdam {
    /// No gradient seen.
    pub fn new(layout: &Layout, options: DAdaptAdamOptions) -> Self {
        let (first, second, sum) = (layout.zeros(), layout.zeros(), layout.zeros());
        let distance = options.first_distance;
        let layout = layout.clone();
        DAdaptAdam { options, layout, first, second, sum, distance, numerator: 0.0, n_steps: 0 }
    }

    /// The estimate of the distance.
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// Takes the gradients in; what grows the numerator, and the denominator.
    fn observe(&mut self, params: &[f32], grads: &[f32], rate: f64) -> (f64, f64) {
        let DAdaptAdamOptions { beta1, beta2, eps, weight_decay, decoupled, .. } = self.options;
        let root_beta2 = beta2.sqrt();
        let (mut product, mut length) = (0.0, 0.0);
        for (group, range) in self.layout.groups() {
            let decay = if decoupled { 0.0 } else { weight_decay as f32 * group.decay_scale };
            for at in range {
                let grad = f64::from(grads[at] + decay * params[at]);
                let root = f64::from(self.second[at]).sqrt() + eps;
                product += grad * f64::from(self.sum[at]) / root;
                let first = beta1 * f64::from(self.first[at]) + rate * (1.0 - beta1) * grad;
                self.first[at] = first as f32;
                let second = beta2 * f64::from(self.second[at]) + (1.0 - beta2) * grad * grad;
                self.second[at] = second as f32;
                let sum = root_beta2 * f64::from(self.sum[at]) + rate * (1.0 - root_beta2) * grad;
                self.sum[at] = sum as f32;
                length += sum.abs();
            }
        }
        (rate * product, length)
    }
}

impl Optimizer for DAdaptAdam {
    fn name(&self) -> &'static str {
        "d_adapt_adam"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        let DAdaptAdamOptions { beta1, beta2, eps, weight_decay, decoupled, .. } = self.options;
        let next = self.n_steps + 1;
        let corrected = if self.options.bias_correction {
            correction(beta2, next).sqrt() / correction(beta1, next)
        } else {
            1.0
        };
        let (lr, root_beta2) = (f64::from(lr), beta2.sqrt());
        let rate = self.distance * lr * corrected;
        let (product, length) = self.observe(params, grads, rate);
        let numerator = root_beta2 * self.numerator + (1.0 - root_beta2) * product;
        if length == 0.0 {
            return;
        }
        self.numerator = numerator;
        if lr > 0.0 {
            let estimate = numerator / ((1.0 - root_beta2) * length);
            let bound = self.distance * self.options.growth_rate;
            self.distance = self.distance.max(estimate.min(bound));
        }
        for (group, range) in self.layout.groups() {
            let decay = if decoupled { weight_decay * f64::from(group.decay_scale) } else { 0.0 };
            let (shrink, scale) = ((1.0 - decay * rate) as f32, group.lr_scale);
            for at in range {
                let direction = self.first[at] / (self.second[at].sqrt() + eps as f32);
                params[at] = params[at] * shrink - scale * direction;
            }
        }
        self.n_steps = next;
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f64(&mut self.distance);
        visitor.f64(&mut self.numerator);
        visitor.f32s(&mut self.first);
        visitor.f32s(&mut self.second);
        visitor.f32s(&mut self.sum);
    }
}
