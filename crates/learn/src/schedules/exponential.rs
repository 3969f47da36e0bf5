//! The rate falls by a factor: smoothly, or at once every so many steps.

use super::{Schedule, ScheduleKind};

/// The listing of [`Exponential`], smooth.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "exponential",
    formula: "a0 * 0.01^(t / n)",
    help: "falls by equal ratios, to a hundredth at the end",
    references: &[],
    knows_end: true,
    build: |base_rate, n_steps| {
        let decay_steps = n_steps.max(1);
        Box::new(Exponential { base_rate, decay_rate: 0.01, decay_steps, staircase: false })
    },
};

/// The listing of [`Exponential`] as a staircase: three levels, each a tenth of the one before.
pub(super) const STEP_KIND: ScheduleKind = ScheduleKind {
    name: "step",
    formula: "a0 * 0.1^floor(t / ceil(n / 3))",
    help: "drops to a tenth after each third of the steps",
    references: &[
        "He, K.; Zhang, X.; Ren, S.; Sun, J. (2016). Deep residual learning for image recognition. doi:10.1109/CVPR.2016.90",
    ],
    knows_end: true,
    build: |base_rate, n_steps| {
        let decay_steps = n_steps.div_ceil(3).max(1);
        Box::new(Exponential { base_rate, decay_rate: 0.1, decay_steps, staircase: true })
    },
};

/// `a0 * decay_rate^(t / decay_steps)`, the exponent rounded down for a staircase.
///
/// Equals Keras's `ExponentialDecay`, PyTorch's `ExponentialLR` (`decay_steps = 1`) and `StepLR`
/// (staircase), optax's `exponential_decay`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Factor of the rate after `decay_steps`; above 0.
    pub decay_rate: f64,
    /// Steps after which the factor has applied once; at least 1.
    pub decay_steps: u64,
    /// Whether the rate falls only at multiples of `decay_steps`.
    pub staircase: bool,
}

impl Schedule for Exponential {
    fn rate(&self, step: u64) -> f64 {
        let exponent = step as f64 / self.decay_steps as f64;
        let exponent = if self.staircase { exponent.floor() } else { exponent };
        self.base_rate * libm::pow(self.decay_rate, exponent)
    }
}
