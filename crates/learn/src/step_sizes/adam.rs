//! Adam and AdamW: steps of equal size in every coordinate.

use super::{Layout, Optimizer, OptimizerKind, StateVisitor};
use crate::kernels::arch::{Kernel, widest};

/// The listing of [`Adam`].
pub(super) const KIND: OptimizerKind = OptimizerKind {
    name: "adam",
    formula: "m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p - a m' / (sqrt(v') + eps)",
    help: "steps of about the rate in every coordinate",
    references: &[
        "Kingma, D. P.; Ba, J. (2015). Adam: a method for stochastic optimization. arXiv:1412.6980",
    ],
    finds_rate: false,
    build: |layout| Box::new(Adam::new(layout, AdamOptions::default())),
};

/// The listing of [`AdamW`].
pub(super) const ADAMW_KIND: OptimizerKind = OptimizerKind {
    name: "adamw",
    formula: "p (1 - a decay) - a m' / (sqrt(v') + eps)",
    help: "Adam with a weight decay of its own",
    references: &[
        "Loshchilov, I.; Hutter, F. (2019). Decoupled weight decay regularization. arXiv:1711.05101",
    ],
    finds_rate: false,
    build: |layout| {
        Box::new(AdamW::new(layout, AdamOptions { weight_decay: 0.01, ..AdamOptions::default() }))
    },
};

/// What can be set of [`Adam`] and [`AdamW`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamOptions {
    /// Share of the mean gradient that is kept, in `[0, 1)`.
    pub beta1: f64,
    /// Share of the mean squared gradient that is kept, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub eps: f64,
    /// Adam: `decay * p` is added to the gradient; AdamW: parameters shrink by `1 - a decay`.
    pub weight_decay: f64,
}

impl Default for AdamOptions {
    fn default() -> Self {
        AdamOptions { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

/// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
/// `p - a m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)`. Equals `torch.optim.Adam`.
#[derive(Debug, Clone)]
pub struct Adam(Moments);

/// [`Adam`] whose decay is apart from the gradient: `p (1 - a decay)` first. Equals
/// `torch.optim.AdamW`.
#[derive(Debug, Clone)]
pub struct AdamW(Moments);

impl Adam {
    /// No gradient seen.
    pub fn new(layout: &Layout, options: AdamOptions) -> Adam {
        Adam(Moments::new(layout, options))
    }
}

impl AdamW {
    /// No gradient seen.
    pub fn new(layout: &Layout, options: AdamOptions) -> AdamW {
        AdamW(Moments::new(layout, options))
    }
}

#[derive(Debug, Clone)]
struct Moments {
    options: AdamOptions,
    layout: Layout,
    first: Vec<f32>,
    second: Vec<f32>,
    n_steps: u64,
}

impl Moments {
    fn new(layout: &Layout, options: AdamOptions) -> Moments {
        let (first, second) = (layout.zeros(), layout.zeros());
        Moments { options, layout: layout.clone(), first, second, n_steps: 0 }
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32, decoupled: bool) {
        self.layout.check(params, grads);
        self.n_steps += 1;
        let weight_decay = self.options.weight_decay as f32;
        let update = AdamStep::new(&self.options, self.n_steps);
        for (group, range) in self.layout.groups() {
            let (lr, decay) = (lr * group.lr_scale, weight_decay * group.decay_scale);
            let shrink = if decoupled { 1.0 - lr * decay } else { 1.0 };
            let decay = if decoupled { 0.0 } else { decay };
            let first = &mut self.first[range.clone()];
            let second = &mut self.second[range.clone()];
            let (params, grads) = (&mut params[range.clone()], &grads[range]);
            widest(GroupStep { update, lr, decay, shrink, params, grads, first, second });
        }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f32s(&mut self.first);
        visitor.f32s(&mut self.second);
    }
}

/// A step of the parameters of one group.
struct GroupStep<'a> {
    update: AdamStep,
    lr: f32,
    decay: f32,
    shrink: f32,
    params: &'a mut [f32],
    grads: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Kernel for GroupStep<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let GroupStep { update, lr, decay, shrink, params, grads, first, second } = self;
        let moments = first.iter_mut().zip(second);
        for ((param, grad), (first, second)) in params.iter_mut().zip(grads).zip(moments) {
            let grad = grad + decay * *param;
            *param = *param * shrink - lr * update.direction(grad, first, second);
        }
    }
}

/// The constants of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdamStep {
    new1: f32,
    beta2: f32,
    new2: f32,
    eps: f32,
    factor: f32,
}

impl AdamStep {
    /// Those of step `n_steps`, counted from 1.
    ///
    /// `m / c1 / (sqrt(v) / sqrt(c2) + eps)` is `m (sqrt(c2) / c1) / (sqrt(v) + sqrt(c2) eps)`: one
    /// division instead of three.
    pub(super) fn new(options: &AdamOptions, n_steps: u64) -> AdamStep {
        let root = correction(options.beta2, n_steps).sqrt();
        AdamStep {
            new1: (1.0 - options.beta1) as f32,
            beta2: options.beta2 as f32,
            new2: (1.0 - options.beta2) as f32,
            eps: (root * options.eps) as f32,
            factor: (root / correction(options.beta1, n_steps)) as f32,
        }
    }

    /// Takes a gradient into the moments; the direction of the step.
    #[inline(always)]
    pub(super) fn direction(&self, grad: f32, first: &mut f32, second: &mut f32) -> f32 {
        *first = normal(*first + self.new1 * (grad - *first));
        *second = normal(self.beta2 * *second + self.new2 * grad * grad);
        self.factor * *first / (second.sqrt() + self.eps)
    }
}

/// The number, or 0 where it is so small that processors would leave their fast path: the mean
/// gradient of an input that is zero for a thousand batches comes to that.
#[inline(always)]
fn normal(x: f32) -> f32 {
    const LEAST: f32 = 1e-35;
    if x.abs() < LEAST { 0.0 } else { x }
}

/// `1 - beta^t`: what a mean from zero lacks.
pub(super) fn correction(beta: f64, n_steps: u64) -> f64 {
    1.0 - libm::pow(beta, n_steps as f64)
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.0.step(params, grads, lr, false);
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        self.0.visit_state(visitor);
    }
}

impl Optimizer for AdamW {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.0.step(params, grads, lr, true);
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        self.0.visit_state(visitor);
    }
}
