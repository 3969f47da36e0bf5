//! The rate falls by a factor: smoothly, or at once every so many steps.

use super::kind::equals;
use super::parameters::{Domain, FLAG, Parameter, SHARE, SOME_STEPS, STEPS, Values, parameter};
use super::{Schedule, ScheduleKind, bounded};

/// What a decay rate may be.
pub(super) const DECAY_RATE: Domain = Domain::Number { low: 1e-9, high: 1e9 };

const PARAMETERS: &[Parameter] = &[
    parameter("decay_rate", DECAY_RATE, "0.01", "factor after decay_steps (torch: gamma)"),
    parameter("decay_steps", SOME_STEPS, "n", "steps of one factor (torch: 1)"),
    parameter("staircase", FLAG, "false", "whether it falls only at multiples of decay_steps"),
    parameter("begin", STEPS, "0", "steps before the fall (optax: transition_begin)"),
    parameter("end", SHARE, "", "share of a0 that it never passes (optax: end_value)"),
];

/// The listing of [`Exponential`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "exponential",
    formula: "a0 * r^(t / d)",
    help: "falls by equal ratios, to a hundredth at the end",
    references: &[],
    equals: equals![keras ExponentialDecay, torch ExponentialLR, torch MultiplicativeLR, optax exponential_decay],
    parameters: PARAMETERS,
    knows_end: true,
    searched: true,
    build: |values| Ok(Box::new(of(values))),
};

/// The smooth or stepwise fall that these values describe.
pub(super) fn of(values: &Values) -> Exponential {
    Exponential {
        base_rate: values.base_rate,
        decay_rate: values.number("decay_rate"),
        decay_steps: values.steps("decay_steps"),
        staircase: values.flag("staircase"),
        begin: values.steps("begin"),
        end: values.number_if("end"),
    }
}

/// `a0 * decay_rate^((t - begin) / decay_steps)`, the exponent rounded down for a staircase; `a0`
/// up to step `begin`, and nowhere beyond `a0 * end`.
///
/// Equals Keras's `ExponentialDecay`, PyTorch's `ExponentialLR` (`decay_steps = 1`), `StepLR`
/// (staircase) and `MultiplicativeLR` with a constant factor, optax's `exponential_decay`.
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
    /// Steps before the fall begins.
    pub begin: u64,
    /// Share of `a0` that bounds the rate: from below for a decay rate under 1, else from above.
    pub end: Option<f64>,
}

impl Schedule for Exponential {
    fn rate(&self, step: u64) -> f64 {
        let exponent = step.saturating_sub(self.begin) as f64 / self.decay_steps as f64;
        let exponent = if self.staircase { exponent.floor() } else { exponent };
        let rate = bounded(self.base_rate * libm::pow(self.decay_rate, exponent));
        match self.end.map(|end| end * self.base_rate) {
            Some(end) if self.decay_rate < 1.0 => rate.max(end),
            Some(end) => rate.min(end),
            None => rate,
        }
    }
}
