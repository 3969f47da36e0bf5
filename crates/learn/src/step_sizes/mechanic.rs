//! Learns the scale of another optimizer's steps.

use super::{Layout, Optimizer, OptimizerKind, Sgd, SgdOptions, StateVisitor, norm_squared};

/// The listing of [`Mechanic`] over [`Sgd`].
pub(super) const KIND: OptimizerKind = OptimizerKind {
    name: "mechanic",
    formula: "D += a step of another optimizer; p = p_0 + s D, s learned from g.D",
    help: "learns the scale of the steps of gradient descent, or of any optimizer",
    references: &[
        "Cutkosky, A.; Defazio, A.; Mehta, H. (2023). Mechanic: a learning rate tuner. arXiv:2306.00144",
    ],
    finds_rate: true,
    build: |layout| {
        let base = Sgd::new(layout, SgdOptions::default());
        Box::new(Mechanic::new(base, layout, MechanicOptions::default()))
    },
};

/// Number of time scales.
const N_BETAS: usize = 6;

/// What can be set of [`Mechanic`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MechanicOptions {
    /// Decay towards zero, relative to the gradients.
    pub weight_decay: f64,
    /// Keeps divisors away from zero.
    pub eps: f64,
    /// First scale, above 0; a step that is sure to be too small.
    pub first_scale: f64,
}

impl Default for MechanicOptions {
    fn default() -> Self {
        MechanicOptions { weight_decay: 1e-2, eps: 1e-8, first_scale: 1e-6 }
    }
}

/// `p = p_0 + s D`: `D` sums the steps of the base optimizer, and each of six time scales
/// `beta = 1 - 0.1^i` learns its part of `s` from `h = g.D`. Equals optax's `contrib.mechanize`.
#[derive(Debug, Clone)]
pub struct Mechanic<O> {
    base: O,
    options: MechanicOptions,
    layout: Layout,
    first_params: Vec<f32>,
    /// Sum of the base's steps.
    sum: Vec<f32>,
    moved: Vec<f32>,
    largest: [f64; N_BETAS],
    squares: [f64; N_BETAS],
    rewards: [f64; N_BETAS],
    scales: [f64; N_BETAS],
    n_steps: u64,
}

impl<O: Optimizer> Mechanic<O> {
    /// Over any optimizer that does not find its own rate.
    pub fn new(base: O, layout: &Layout, options: MechanicOptions) -> Self {
        Mechanic {
            base,
            options,
            layout: layout.clone(),
            first_params: layout.zeros(),
            sum: layout.zeros(),
            moved: layout.zeros(),
            largest: [0.0; N_BETAS],
            squares: [0.0; N_BETAS],
            rewards: [0.0; N_BETAS],
            scales: [options.first_scale; N_BETAS],
            n_steps: 0,
        }
    }

    /// The scale of the base's steps.
    pub fn scale(&self) -> f64 {
        self.scales.iter().sum()
    }

    /// What the gradient says about the way gone so far, decay included: above 0 if it went wrong.
    fn reward(&self, params: &[f32], grads: &[f32]) -> f64 {
        let MechanicOptions { weight_decay, eps, .. } = self.options;
        let lengths = (norm_squared(grads).sqrt(), norm_squared(params).sqrt());
        let decay = weight_decay * self.scale() * lengths.0 / (lengths.1 + eps);
        let mut sum = 0.0;
        for (group, range) in self.layout.groups() {
            let decay = decay * f64::from(group.decay_scale);
            for at in range {
                let grad = f64::from(grads[at]) + decay * f64::from(params[at]);
                sum -= grad * f64::from(self.sum[at]);
            }
        }
        sum
    }

    fn learn(&mut self, reward: f64) {
        let MechanicOptions { eps, first_scale, .. } = self.options;
        for at in 0..N_BETAS {
            let beta = 1.0 - libm::pow(0.1, at as f64 + 1.0);
            let bounded = reward.max(-self.largest[at]).min(self.largest[at]);
            self.largest[at] = (beta * self.largest[at]).max(reward.abs() + eps);
            self.squares[at] = beta * beta * self.squares[at] + reward * reward;
            self.rewards[at] = beta * self.rewards[at] + bounded * self.scales[at];
            let wealth =
                first_scale / N_BETAS as f64 * self.largest[at] + self.rewards[at].max(0.0);
            self.scales[at] = wealth / (self.squares[at].sqrt() + eps);
        }
    }
}

impl<O: Optimizer> Optimizer for Mechanic<O> {
    fn name(&self) -> &'static str {
        "mechanic"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        if self.n_steps == 0 {
            self.first_params.copy_from_slice(params);
        }
        self.n_steps += 1;
        self.moved.copy_from_slice(params);
        self.base.step(&mut self.moved, grads, lr);
        // optax finds the sum by dividing what was gone by the scale and a little more.
        let shrink = self.scale() / (self.scale() + self.options.eps);
        self.sum.iter_mut().for_each(|sum| *sum = (f64::from(*sum) * shrink) as f32);
        let reward = self.reward(params, grads);
        self.learn(reward);
        let scale = self.scale();
        for (at, param) in params.iter_mut().enumerate() {
            self.sum[at] += self.moved[at] - *param;
            let gone = scale * f64::from(self.sum[at]);
            *param = (f64::from(self.first_params[at]) + gone) as f32;
        }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.f32s(&mut self.first_params);
        visitor.f32s(&mut self.sum);
        for numbers in [&mut self.largest, &mut self.squares, &mut self.rewards, &mut self.scales] {
            visitor.f64s(numbers);
        }
        self.base.visit_state(visitor);
    }
}
