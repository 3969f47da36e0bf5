//! The rate drops by a factor every so many steps.

use super::exponential::DECAY_RATE;
use super::kind::equals;
use super::parameters::{SOME_STEPS, parameter};
use super::{Exponential, ScheduleKind};

/// The listing of [`Exponential`] as a staircase: three levels, each a tenth of the one before.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "step",
    formula: "a0 * gamma^floor(t / s)",
    help: "drops to a tenth after each third of the steps",
    references: &[
        "He, K.; Zhang, X.; Ren, S.; Sun, J. (2016). Deep residual learning for image recognition. doi:10.1109/CVPR.2016.90",
    ],
    equals: equals![torch StepLR, keras ExponentialDecay, optax exponential_decay],
    parameters: &[
        parameter("gamma", DECAY_RATE, "0.1", "factor of each drop"),
        parameter("step_size", SOME_STEPS, "n/3", "steps s of each level"),
    ],
    knows_end: true,
    searched: true,
    build: |values| {
        Ok(Box::new(Exponential {
            base_rate: values.base_rate,
            decay_rate: values.number("gamma"),
            decay_steps: values.steps("step_size"),
            staircase: true,
            begin: 0,
            end: None,
        }))
    },
};
