//! Predicting with an average of the parameters of past steps.

use super::{Layout, Optimizer, StateVisitor};

/// How the parameters of past steps are weighted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Averaging {
    /// `x = decay x + (1 - decay) p`, from the first step on. Equals `AveragedModel` of PyTorch
    /// with `get_ema_multi_avg_fn`.
    Exponential {
        /// Share of the average that is kept, in `[0, 1)`.
        decay: f64,
    },
    /// All steps from step `start` (counted from 0) on weigh the same. Equals `AveragedModel` of
    /// PyTorch.
    ///
    /// Reference: Polyak, B. T.; Juditsky, A. B. (1992). doi:10.1137/0330046
    Uniform {
        /// The first step that counts.
        start: u64,
    },
    /// Step `t`, counted from 1, has the weight `(1 + gamma) / (t + gamma)`: later steps count
    /// more. Equals the averaging of the package `dog-optimizer`.
    ///
    /// Reference: Shamir, O.; Zhang, T. (2013). Stochastic gradient descent for non-smooth
    /// optimization. arXiv:1212.1824
    Polynomial {
        /// How much more later steps count, at least 0.
        gamma: f64,
    },
}

/// An optimizer whose average is predicted with: [`Optimizer::eval`] puts it in the place of the
/// parameters, [`Optimizer::train`] puts them back.
#[derive(Debug, Clone)]
pub struct Averaged<O> {
    base: O,
    averaging: Averaging,
    /// The average; while it is predicted with, the parameters that are trained.
    other: Vec<f32>,
    n_steps: u64,
    predicting: bool,
}

impl<O: Optimizer> Averaged<O> {
    /// Averages what `base` does.
    pub fn new(base: O, layout: &Layout, averaging: Averaging) -> Self {
        Averaged { base, averaging, other: layout.zeros(), n_steps: 0, predicting: false }
    }

    /// Weight of the parameters after step `n_steps`, counted from 1.
    fn share(&self) -> f64 {
        let step = self.n_steps as f64;
        match self.averaging {
            _ if self.n_steps == 1 => 1.0,
            Averaging::Exponential { decay } => 1.0 - decay,
            Averaging::Uniform { start } => 1.0 / self.n_steps.saturating_sub(start).max(1) as f64,
            Averaging::Polynomial { gamma } => (1.0 + gamma) / (step + gamma),
        }
    }
}

impl<O: Optimizer> Optimizer for Averaged<O> {
    fn name(&self) -> &'static str {
        "averaged"
    }

    fn step(&mut self, params: &mut [f32], grads: &[f32], lr: f32) {
        self.train(params);
        self.base.step(params, grads, lr);
        self.n_steps += 1;
        let share = self.share() as f32;
        if share == 1.0 {
            self.other.copy_from_slice(params);
            return;
        }
        for (average, param) in self.other.iter_mut().zip(&*params) {
            *average += share * (param - *average);
        }
    }

    fn eval(&mut self, params: &mut [f32]) {
        if !self.predicting && self.n_steps > 0 {
            params.swap_with_slice(&mut self.other);
            self.predicting = true;
        }
    }

    fn train(&mut self, params: &mut [f32]) {
        if self.predicting {
            params.swap_with_slice(&mut self.other);
            self.predicting = false;
        }
    }

    fn visit_state(&mut self, visitor: &mut dyn StateVisitor) {
        visitor.u64(&mut self.n_steps);
        visitor.flag(&mut self.predicting);
        visitor.f32s(&mut self.other);
        self.base.visit_state(visitor);
    }
}
