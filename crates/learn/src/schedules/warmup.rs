//! The rate rises from zero before another schedule takes over.

use super::{Cosine, Schedule, ScheduleKind};

/// The listing of [`Warmup`]: a twentieth of the steps, then a cosine to zero.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "warmup_cosine",
    formula: "a0 * t / w for t < w = ceil(n / 20), then a0 * (1 + cos(pi (t - w) / (n - w))) / 2",
    help: "rises on a straight line for a twentieth of the steps, then falls along a cosine",
    references: &[
        "Goyal, P. et al. (2017). Accurate, large minibatch SGD: training ImageNet in 1 hour. arXiv:1706.02677",
        "Loshchilov, I.; Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. arXiv:1608.03983",
    ],
    knows_end: true,
    build: |base_rate, n_steps| {
        let n_warmup = n_steps.div_ceil(20);
        let after = Cosine { base_rate, alpha: 0.0, n_steps: n_steps - n_warmup };
        Box::new(Warmup { n_warmup, after: Box::new(after) })
    },
};

/// `after(0) * t / w` for `t < w`, then `after(t - w)`.
///
/// The steps of `after` are counted without the warm-up, as by Keras's `CosineDecay` with
/// `warmup_target`; optax's `warmup_cosine_decay_schedule` counts them with it.
#[derive(Debug)]
pub struct Warmup {
    /// Steps of the rise `w`; 0 is no warm-up.
    pub n_warmup: u64,
    /// What follows.
    pub after: Box<dyn Schedule>,
}

impl Schedule for Warmup {
    fn rate(&self, step: u64) -> f64 {
        if step < self.n_warmup {
            self.after.rate(0) * (step as f64 / self.n_warmup as f64)
        } else {
            self.after.rate(step - self.n_warmup)
        }
    }
}
