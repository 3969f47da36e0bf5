//! The rate falls in inverse proportion to the steps.

use super::{Schedule, ScheduleKind};

/// The listing of [`InverseTime`]: the rate is halved after a tenth of the steps.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "inverse_time",
    formula: "a0 / (1 + 10 t / n)",
    help: "falls in inverse proportion to the steps, to a0 / 11 at the end",
    references: &[
        "Robbins, H.; Monro, S. (1951). A stochastic approximation method. doi:10.1214/aoms/1177729586",
    ],
    knows_end: true,
    build: |base_rate, n_steps| {
        Box::new(InverseTime { base_rate, decay_rate: 10.0, decay_steps: n_steps.max(1) })
    },
};

/// `a0 / (1 + decay_rate * t / decay_steps)`, as Keras's `InverseTimeDecay`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseTime {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Fall after `decay_steps`: the rate is `a0 / (1 + decay_rate)` then.
    pub decay_rate: f64,
    /// Steps over which it falls so; at least 1.
    pub decay_steps: u64,
}

impl Schedule for InverseTime {
    fn rate(&self, step: u64) -> f64 {
        self.base_rate / (1.0 + self.decay_rate * step as f64 / self.decay_steps as f64)
    }
}
