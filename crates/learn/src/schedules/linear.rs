//! The rate moves on a straight line between two levels.

use super::kind::equals;
use super::parameters::{SHARE, STEPS, parameter};
use super::{Schedule, ScheduleKind, progress};

/// The listing of [`Linear`] to zero.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "linear",
    formula: "a0 * (start + (end - start) t / n)",
    help: "falls on a straight line to zero at the end",
    references: &[
        "Defazio, A.; Cutkosky, A.; Mehta, H.; Mishchenko, K. (2023). Optimal linear decay learning rate schedules and further refinements. arXiv:2310.07831",
    ],
    equals: equals![torch LinearLR, optax linear_schedule, keras PolynomialDecay],
    parameters: &[
        parameter("start", SHARE, "1", "share of a0 at first (torch's default is 1/3)"),
        parameter("end", SHARE, "0", "share of a0 afterwards (torch's default is 1)"),
        parameter("steps", STEPS, "n", "steps of the line (torch: total_iters)"),
        parameter("begin", STEPS, "0", "steps before it (optax: transition_begin)"),
    ],
    knows_end: true,
    searched: true,
    build: |values| {
        Ok(Box::new(Linear {
            base_rate: values.base_rate,
            start: values.number("start"),
            end: values.number("end"),
            n_steps: values.steps("steps"),
            begin: values.steps("begin"),
        }))
    },
};

/// `a0 * (start + (end - start) (t - begin) / n)`; `a0 * start` up to step `begin`, `a0 * end`
/// after step `begin + n`.
///
/// Equals PyTorch's `LinearLR`, optax's `linear_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// The base rate `a0`.
    pub base_rate: f64,
    /// Share of `a0` at first.
    pub start: f64,
    /// Share of `a0` afterwards.
    pub end: f64,
    /// Steps of the line `n`.
    pub n_steps: u64,
    /// Steps before it.
    pub begin: u64,
}

impl Schedule for Linear {
    fn rate(&self, step: u64) -> f64 {
        if step < self.begin {
            return self.base_rate * self.start;
        }
        let progress = progress(step - self.begin, self.n_steps);
        self.base_rate * (self.start + (self.end - self.start) * progress)
    }
}
