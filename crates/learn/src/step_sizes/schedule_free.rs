//! Training without a schedule: a running average takes the place of the decay.

use super::{AdamOptions, AdamW, Layout, Optimizer, OptimizerKind, Sgd, SgdOptions, StateVisitor};

const REFERENCE: &str = "Defazio, A.; Yang, X. A.; Mehta, H.; Mishchenko, K.; Khaled, A.; Cutkosky, A. (2024). The road less scheduled. arXiv:2405.15682";

/// The listing of [`ScheduleFree`] over [`Sgd`].
pub(super) const SGD_KIND: OptimizerKind = OptimizerKind {
    name: "schedule_free_sgd",
    formula: "y = (1 - b) z + b x; z = z - a g(y); x = (1 - c) x + c z",
    help: "gradient descent that predicts with its own average; no schedule needed",
    references: &[REFERENCE],
    finds_rate: false,
    build: |layout| Box::new(ScheduleFree::sgd(layout, ScheduleFreeOptions::default())),
};

/// The listing of [`ScheduleFree`] over [`AdamW`].
pub(super) const ADAMW_KIND: OptimizerKind = OptimizerKind {
    name: "schedule_free_adamw",
    formula: "y = (1 - b) z + b x; z = z - a adam(g(y)); x = (1 - c) x + c z",
    help: "AdamW that predicts with its own average; no schedule needed",
    references: &[REFERENCE],
    finds_rate: false,
    build: |layout| {
        Box::new(ScheduleFree::adamw(layout, 0.999, 1e-8, ScheduleFreeOptions::default()))
    },
};

/// What can be set of [`ScheduleFree`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScheduleFreeOptions {
    /// Where gradients are taken: share `b` of the average in `y`, in `(0, 1)`.
    pub momentum: f64,
    /// `decay * y` is added to the direction.
    pub weight_decay: f64,
    /// Power of the step in the weights of the average.
    pub step_power: f64,
    /// Power of the largest rate so far in the weights of the average.
    pub rate_power: f64,
}

impl Default for ScheduleFreeOptions {
    fn default() -> Self {
        let (momentum, weight_decay, step_power, rate_power) = (0.9, 0.0, 0.0, 2.0);
        ScheduleFreeOptions { momentum, weight_decay, step_power, rate_power }
    }
}

/// Keeps `z`, which the base optimizer moves, and its weighted average `x`; the parameters that are
/// trained are `y = (1 - b) z + b x`. Step `t` has weight `w_t = t^step_power max(a)^rate_power` and
/// `c = w_t / (w_1 + ... + w_t)`.
///
/// Call [`Optimizer::eval`] before predictions (the parameters become `x`) and [`Optimizer::train`]
/// before the next step; a step in between does it by itself. The base should have neither momentum
/// nor weight decay. Over [`Sgd`] and [`AdamW`] it equals `SGDScheduleFree` and
/// `AdamWScheduleFree` of the authors' package `schedulefree`; a warm-up is a matter of the rate.
#[derive(Debug, Clone)]
pub struct ScheduleFree<O> {
    base: O,
    options: ScheduleFreeOptions,
    layout: Layout,
    iterate: Vec<f32>,
    average: Vec<f32>,
    weight_sum: f64,
    max_rate: f64,
    n_steps: u64,
    predicting: bool,
}

impl ScheduleFree<Sgd> {
    /// Over plain gradient descent.
    pub fn sgd(layout: &Layout, options: ScheduleFreeOptions) -> Self {
        ScheduleFree::new(Sgd::new(layout, SgdOptions::default()), layout, options)
    }
}

impl ScheduleFree<AdamW> {
    /// Over AdamW without momentum of its own.
    pub fn adamw(layout: &Layout, beta2: f64, eps: f64, options: ScheduleFreeOptions) -> Self {
        let adam = AdamOptions { beta1: 0.0, beta2, eps, weight_decay: 0.0 };
        ScheduleFree::new(AdamW::new(layout, adam), layout, options)
    }
}

impl<O: Optimizer> ScheduleFree<O> {
    /// Over any optimizer.
    pub fn new(base: O, layout: &Layout, options: ScheduleFreeOptions) -> Self {
        ScheduleFree {
            base,
            options,
            layout: layout.clone(),
            iterate: layout.zeros(),
            average: layout.zeros(),
            weight_sum: 0.0,
            max_rate: 0.0,
            n_steps: 0,
            predicting: false,
        }
    }

    /// Weight of this step in the average.
    fn share(&mut self, lr: f64) -> f32 {
        self.max_rate = self.max_rate.max(lr);
        let by_step = libm::pow(self.n_steps as f64, self.options.step_power);
        let weight = by_step * libm::pow(self.max_rate, self.options.rate_power);
        self.weight_sum += weight;
        if self.weight_sum > 0.0 { (weight / self.weight_sum) as f32 } else { 0.0 }
    }
}

impl<O: Optimizer> Optimizer for ScheduleFree<O> {
    fn name(&self) -> &'static str {
        "schedule_free"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.layout.check(params, grads);
        self.train(params);
        if self.n_steps == 0 {
            self.iterate.copy_from_slice(params);
            self.average.copy_from_slice(params);
        }
        self.n_steps += 1;
        let share = self.share(f64::from(lr));
        let weight_decay = self.options.weight_decay as f32;
        if weight_decay != 0.0 {
            for (group, range) in self.layout.groups() {
                let decay = lr * group.lr_scale * weight_decay * group.decay_scale;
                for at in range {
                    self.iterate[at] -= decay * params[at];
                }
            }
        }
        self.base.step(&mut self.iterate, grads, lr);
        let momentum = self.options.momentum as f32;
        for ((y, z), x) in params.iter_mut().zip(&self.iterate).zip(&mut self.average) {
            *x += share * (z - *x);
            *y = z + momentum * (*x - z);
        }
    }

    fn eval(&mut self, params: &mut [f32]) {
        if !self.predicting && self.n_steps > 0 {
            params.copy_from_slice(&self.average);
            self.predicting = true;
        }
    }

    fn train(&mut self, params: &mut [f32]) {
        if self.predicting {
            let momentum = self.options.momentum as f32;
            for ((y, z), x) in params.iter_mut().zip(&self.iterate).zip(&self.average) {
                *y = z + momentum * (x - z);
            }
            self.predicting = false;
        }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.flag(&mut self.predicting);
        visitor.f64(&mut self.weight_sum);
        visitor.f64(&mut self.max_rate);
        visitor.f32s(&mut self.iterate);
        visitor.f32s(&mut self.average);
        self.base.visit_state(visitor);
    }
}
