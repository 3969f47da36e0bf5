//! Stochastic gradient descent, with momentum.

use super::{Layout, Optimizer, OptimizerKind, StateVisitor};

/// The listing of [`Sgd`] without momentum.
pub(super) const KIND: OptimizerKind = OptimizerKind {
    name: "sgd",
    formula: "p - a (g + decay p)",
    help: "a step against the gradient",
    references: &[
        "Robbins, H.; Monro, S. (1951). A stochastic approximation method. doi:10.1214/aoms/1177729586",
    ],
    finds_rate: false,
    build: |layout| Box::new(Sgd::new(layout, SgdOptions::default())),
};

/// The listing of [`Sgd`] with Nesterov's momentum.
pub(super) const NESTEROV_KIND: OptimizerKind = OptimizerKind {
    name: "sgd_nesterov",
    formula: "b = m b + g; p - a (g + m b)",
    help: "gradient descent with Nesterov's momentum of 0.9",
    references: &[
        "Sutskever, I.; Martens, J.; Dahl, G.; Hinton, G. (2013). On the importance of initialization and momentum in deep learning. ICML",
    ],
    finds_rate: false,
    build: |layout| {
        let options = SgdOptions { momentum: 0.9, nesterov: true, ..SgdOptions::default() };
        Box::new(Sgd::new(layout, options))
    },
};

/// What can be set of [`Sgd`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SgdOptions {
    /// Share of the last step that is kept, in `[0, 1)`.
    pub momentum: f64,
    /// Share of the gradient that momentum leaves out.
    pub dampening: f64,
    /// Whether the step looks ahead.
    pub nesterov: bool,
    /// `decay * p` is added to the gradient.
    pub weight_decay: f64,
}

/// `d = g + decay p; b = m b + (1 - dampening) d` (`b = d` at first); `p - a b`, or
/// `p - a (d + m b)` with Nesterov's momentum. Equals `torch.optim.SGD`.
#[derive(Debug, Clone)]
pub struct Sgd {
    options: SgdOptions,
    layout: Layout,
    /// Empty without momentum.
    velocity: Vec<f32>,
    n_steps: u64,
}

impl Sgd {
    /// At rest.
    pub fn new(layout: &Layout, options: SgdOptions) -> Sgd {
        let velocity = if options.momentum == 0.0 { Vec::new() } else { layout.zeros() };
        Sgd { options, layout: layout.clone(), velocity, n_steps: 0 }
    }
}

impl Optimizer for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        let SgdOptions { nesterov, .. } = self.options;
        let (momentum, weight_decay) =
            (self.options.momentum as f32, self.options.weight_decay as f32);
        let kept = if self.n_steps == 0 { 1.0 } else { (1.0 - self.options.dampening) as f32 };
        for (group, range) in self.layout.groups() {
            let (lr, decay) = (lr * group.lr_scale, weight_decay * group.decay_scale);
            let (params, grads) = (&mut params[range.clone()], &grads[range.clone()]);
            if momentum == 0.0 {
                for (param, grad) in params.iter_mut().zip(grads) {
                    *param -= lr * (grad + decay * *param);
                }
                continue;
            }
            let velocities = &mut self.velocity[range];
            for ((param, grad), velocity) in params.iter_mut().zip(grads).zip(velocities) {
                let direction = grad + decay * *param;
                *velocity = momentum * *velocity + kept * direction;
                *param -= lr * if nesterov { direction + momentum * *velocity } else { *velocity };
            }
        }
        self.n_steps += 1;
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f32s(&mut self.velocity);
    }
}
