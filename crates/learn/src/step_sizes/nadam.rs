//! Adam with Nesterov's momentum.

use super::adam::correction;
use super::{Layout, Optimizer, OptimizerKind, StateVisitor};

/// The listing of [`NAdam`].
pub(super) const KIND: OptimizerKind = OptimizerKind {
    name: "nadam",
    formula: "p - a (c1 g + c2 m) / (sqrt(v') + eps)",
    help: "Adam with Nesterov's momentum, which grows",
    references: &["Dozat, T. (2016). Incorporating Nesterov momentum into Adam. ICLR workshop"],
    finds_rate: false,
    build: |layout| Box::new(NAdam::new(layout, NAdamOptions::default())),
};

/// What can be set of [`NAdam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NAdamOptions {
    /// Share of the mean gradient that is kept, in `[0, 1)`.
    pub beta1: f64,
    /// Share of the mean squared gradient that is kept, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub eps: f64,
    /// How fast the momentum grows.
    pub momentum_decay: f64,
    /// Decay of the parameters.
    pub weight_decay: f64,
    /// Whether the decay is apart from the gradient, as in AdamW.
    pub decoupled: bool,
}

impl Default for NAdamOptions {
    fn default() -> Self {
        let (beta1, beta2, eps, momentum_decay) = (0.9, 0.999, 1e-8, 4e-3);
        NAdamOptions { beta1, beta2, eps, momentum_decay, weight_decay: 0.0, decoupled: false }
    }
}

/// With `mu_t = b1 (1 - 0.96^(t psi) / 2)` and the moments of Adam:
/// `p - a ((1 - mu_t) g / (1 - mu_1..mu_t) + mu_(t+1) m / (1 - mu_1..mu_(t+1))) / (sqrt(v') + eps)`.
/// Equals `torch.optim.NAdam`.
#[derive(Debug, Clone)]
pub struct NAdam {
    options: NAdamOptions,
    layout: Layout,
    first: Vec<f32>,
    second: Vec<f32>,
    momentum_product: f64,
    n_steps: u64,
}

impl NAdam {
    /// No gradient seen.
    pub fn new(layout: &Layout, options: NAdamOptions) -> NAdam {
        let (first, second) = (layout.zeros(), layout.zeros());
        let layout = layout.clone();
        NAdam { options, layout, first, second, momentum_product: 1.0, n_steps: 0 }
    }

    fn momentum(&self, step: u64) -> f64 {
        let grown = libm::pow(0.96, step as f64 * self.options.momentum_decay);
        self.options.beta1 * (1.0 - 0.5 * grown)
    }
}

impl Optimizer for NAdam {
    fn name(&self) -> &'static str {
        "nadam"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        self.n_steps += 1;
        let (now, next) = (self.momentum(self.n_steps), self.momentum(self.n_steps + 1));
        self.momentum_product *= now;
        let of_grad = ((1.0 - now) / (1.0 - self.momentum_product)) as f32;
        let of_mean = (next / (1.0 - self.momentum_product * next)) as f32;
        let NAdamOptions { beta1, beta2, eps, weight_decay, decoupled, .. } = self.options;
        let (new1, new2) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32);
        let (beta2, eps, correction2) =
            (beta2 as f32, eps as f32, correction(beta2, self.n_steps) as f32);
        for (group, range) in self.layout.groups() {
            let (lr, decay) = (lr * group.lr_scale, weight_decay as f32 * group.decay_scale);
            let shrink = if decoupled { 1.0 - lr * decay } else { 1.0 };
            let decay = if decoupled { 0.0 } else { decay };
            let moments = self.first[range.clone()].iter_mut().zip(&mut self.second[range.clone()]);
            let params = params[range.clone()].iter_mut().zip(&grads[range]);
            for ((param, grad), (first, second)) in params.zip(moments) {
                let grad = grad + decay * *param;
                *first += new1 * (grad - *first);
                *second = beta2 * *second + new2 * grad * grad;
                let root = (*second / correction2).sqrt() + eps;
                *param = *param * shrink - lr * (of_grad * grad + of_mean * *first) / root;
            }
        }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f64(&mut self.momentum_product);
        visitor.f32s(&mut self.first);
        visitor.f32s(&mut self.second);
    }
}
