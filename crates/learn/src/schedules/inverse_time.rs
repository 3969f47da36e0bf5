//! The rate falls in inverse proportion to the steps.

use super::kind::equals;
use super::parameters::{FLAG, SHARE, SOME_STEPS, parameter};
use super::{Schedule, ScheduleKind};

/// The listing of [`InverseTime`]: the rate is halved after a tenth of the steps.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "inverse_time",
    formula: "a0 / (1 + r t / d)",
    help: "falls in inverse proportion to the steps, to a0 / 11 at the end",
    references: &[
        "Robbins, H.; Monro, S. (1951). A stochastic approximation method. doi:10.1214/aoms/1177729586",
    ],
    equals: equals![keras InverseTimeDecay],
    parameters: &[
        parameter("decay_rate", SHARE, "10", "fall r: a0 / (1 + r) after decay_steps"),
        parameter("decay_steps", SOME_STEPS, "n", "steps d of that fall"),
        parameter("staircase", FLAG, "false", "whether it falls only at multiples of decay_steps"),
    ],
    knows_end: true,
    searched: true,
    build: |values| {
        Ok(Box::new(InverseTime {
            base_rate: values.base_rate,
            decay_rate: values.number("decay_rate"),
            decay_steps: values.steps("decay_steps"),
            staircase: values.flag("staircase"),
        }))
    },
};

/// `a0 / (1 + decay_rate * t / decay_steps)`, `t / decay_steps` rounded down for a staircase, as
/// Keras's `InverseTimeDecay`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseTime {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Fall after `decay_steps`: the rate is `a0 / (1 + decay_rate)` then.
    pub decay_rate: f64,
    /// Steps over which it falls so; at least 1.
    pub decay_steps: u64,
    /// Whether the rate falls only at multiples of `decay_steps`.
    pub staircase: bool,
}

impl Schedule for InverseTime {
    fn rate(&self, step: u64) -> f64 {
        if self.staircase {
            return self.base_rate / (1.0 + self.decay_rate * (step / self.decay_steps) as f64);
        }
        self.base_rate / (1.0 + self.decay_rate * step as f64 / self.decay_steps as f64)
    }
}
