//! The rate falls to an end value along a power of what is left; power 1 is a straight line.

use super::{Schedule, ScheduleKind, progress};

/// The listing of [`Polynomial`] of power 1.
pub(super) const LINEAR_KIND: ScheduleKind = ScheduleKind {
    name: "linear",
    formula: "a0 * (1 - t / n)",
    help: "falls on a straight line to zero at the end",
    references: &[
        "Defazio, A.; Cutkosky, A.; Mehta, H.; Mishchenko, K. (2023). Optimal linear decay learning rate schedules and further refinements. arXiv:2310.07831",
    ],
    knows_end: true,
    build: |base_rate, n_steps| {
        Box::new(Polynomial { base_rate, end_rate: 0.0, power: 1.0, n_steps })
    },
};

/// The listing of [`Polynomial`] of power 2.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "polynomial",
    formula: "a0 * (1 - t / n)^2",
    help: "falls on a parabola to zero at the end",
    references: &[],
    knows_end: true,
    build: |base_rate, n_steps| {
        Box::new(Polynomial { base_rate, end_rate: 0.0, power: 2.0, n_steps })
    },
};

/// `(a0 - end) * (1 - t / n)^power + end`, `end` after step `n`.
///
/// Equals Keras's `PolynomialDecay`, PyTorch's `PolynomialLR`, optax's `polynomial_schedule`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Rate from step `n_steps` on.
    pub end_rate: f64,
    /// Power; above 0, 1 is a straight line.
    pub power: f64,
    /// Steps of the whole fall `n`.
    pub n_steps: u64,
}

impl Schedule for Polynomial {
    fn rate(&self, step: u64) -> f64 {
        let left = 1.0 - progress(step, self.n_steps);
        (self.base_rate - self.end_rate) * libm::pow(left, self.power) + self.end_rate
    }
}
