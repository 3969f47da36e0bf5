//! The rate falls along half a cosine wave.

use super::{Schedule, ScheduleKind, progress};

/// The listing of [`Cosine`] to zero.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "cosine",
    formula: "a0 * (1 + cos(pi t / n)) / 2",
    help: "falls along half a cosine wave to zero at the end",
    references: &[
        "Loshchilov, I.; Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. arXiv:1608.03983",
    ],
    knows_end: true,
    build: |base_rate, n_steps| Box::new(Cosine { base_rate, alpha: 0.0, n_steps }),
};

/// `a0 * ((1 - alpha) * (1 + cos(pi t / n)) / 2 + alpha)`, `a0 * alpha` after step `n`.
///
/// Equals Keras's `CosineDecay`, PyTorch's `CosineAnnealingLR` up to its `T_max` (it rises again
/// afterwards), optax's `cosine_decay_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Share of `a0` that is left at the end.
    pub alpha: f64,
    /// Steps of the whole fall `n`.
    pub n_steps: u64,
}

impl Schedule for Cosine {
    fn rate(&self, step: u64) -> f64 {
        let angle = std::f64::consts::PI * progress(step, self.n_steps);
        let share = 0.5 * (1.0 + libm::cos(angle));
        self.base_rate * ((1.0 - self.alpha) * share + self.alpha)
    }
}
