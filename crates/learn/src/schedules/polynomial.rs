//! The rate falls to an end value along a power of what is left.

use super::kind::equals;
use super::parameters::{Domain, FLAG, SHARE, STEPS, parameter};
use super::{Schedule, ScheduleKind, progress};

/// What a power may be.
pub(super) const POWER: Domain = Domain::Number { low: 1e-3, high: 1e3 };

/// The listing of [`Polynomial`] of power 2.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "polynomial",
    formula: "a0 * ((1 - end) (1 - t / n)^power + end)",
    help: "falls on a parabola to zero at the end",
    references: &[],
    equals: equals![keras PolynomialDecay, torch PolynomialLR, optax polynomial_schedule],
    parameters: &[
        parameter(
            "end",
            SHARE,
            "0",
            "share of a0 that is left (Keras's default is a rate of 1e-4)",
        ),
        parameter("power", POWER, "2", "power (the libraries' default is 1)"),
        parameter("steps", STEPS, "n", "steps of the fall (torch: total_iters)"),
        parameter("begin", STEPS, "0", "steps before it (optax: transition_begin)"),
        parameter("cycle", FLAG, "false", "whether it starts anew, each time longer (Keras)"),
    ],
    knows_end: true,
    searched: true,
    build: |values| {
        Ok(Box::new(Polynomial {
            base_rate: values.base_rate,
            end: values.number("end"),
            power: values.number("power"),
            n_steps: values.steps("steps"),
            begin: values.steps("begin"),
            cycle: values.flag("cycle"),
        }))
    },
};

/// `a0 * ((1 - end) (1 - p)^power + end)` with `p = (t - begin) / n`, at most 1; with cycles
/// `p = t' / (n ceil(t' / n))` for `t' = t - begin > 0`: the fall that comes after step `k n` began
/// at step 0 and ends at step `(k + 1) n`.
///
/// Equals Keras's `PolynomialDecay`, PyTorch's `PolynomialLR`, optax's `polynomial_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Share of `a0` from step `n_steps` on.
    pub end: f64,
    /// Power; above 0, 1 is a straight line.
    pub power: f64,
    /// Steps of the whole fall `n`.
    pub n_steps: u64,
    /// Steps before it.
    pub begin: u64,
    /// Whether falls follow each other, the k-th of `k n` steps.
    pub cycle: bool,
}

impl Schedule for Polynomial {
    fn rate(&self, step: u64) -> f64 {
        let step = step.saturating_sub(self.begin);
        let progress = if self.cycle && self.n_steps > 0 {
            let n_cycles = step.div_ceil(self.n_steps).max(1);
            step as f64 / (self.n_steps as f64 * n_cycles as f64)
        } else {
            progress(step, self.n_steps)
        };
        let left = libm::pow((1.0 - progress).max(0.0), self.power);
        self.base_rate * ((1.0 - self.end) * left + self.end)
    }
}
