//! The same rate at every step.

use super::kind::equals;
use super::parameters::{SHARE, STEPS, parameter};
use super::{Schedule, ScheduleKind};

/// The listing of [`Constant`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "constant",
    formula: "a0; a0 * factor before step factor_steps",
    help: "the same rate at every step",
    references: &[
        "Robbins, H.; Monro, S. (1951). A stochastic approximation method. doi:10.1214/aoms/1177729586",
    ],
    equals: equals![torch ConstantLR, optax constant_schedule],
    parameters: &[
        parameter("factor", SHARE, "1", "share of a0 before factor_steps (torch's default is 1/3)"),
        parameter("factor_steps", STEPS, "0", "steps of that share (torch: total_iters, 5)"),
    ],
    knows_end: false,
    searched: true,
    build: |values| {
        let (factor, n_factor) = (values.number("factor"), values.steps("factor_steps"));
        Ok(Box::new(Constant { base_rate: values.base_rate, factor, n_factor }))
    },
};

/// `a0`, and `a0 * factor` before step `n_factor`; equals PyTorch's `ConstantLR` (which for
/// `total_iters = 0` keeps to `a0 * factor` for ever) and optax's `constant_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// The rate `a0`.
    pub base_rate: f64,
    /// Share of it at first.
    pub factor: f64,
    /// For how many steps.
    pub n_factor: u64,
}

impl Schedule for Constant {
    fn rate(&self, step: u64) -> f64 {
        if step < self.n_factor { self.base_rate * self.factor } else { self.base_rate }
    }
}
