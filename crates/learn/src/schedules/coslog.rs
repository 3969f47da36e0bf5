//! The rate goes through waves that grow longer.

use super::parameters::{Domain, STEPS, parameter};
use super::{Schedule, ScheduleKind, progress};

/// The listing of [`Coslog`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "coslog",
    formula: "a0 * (1 - cos(2 pi log2(1 + (2^k - 1) t / n))) / 2",
    help: "goes through four waves from zero to the rate and back, each twice as long",
    references: &[
        "Holzmueller, D.; Grinsztajn, L.; Steinwart, I. (2024). Better by default: strong pre-tuned MLPs and boosted trees on tabular data. arXiv:2407.04491",
    ],
    equals: &[],
    parameters: &[
        parameter("steps", STEPS, "n", "steps of all waves"),
        parameter("cycles", Domain::Number { low: 1.0, high: 30.0 }, "4", "number of waves k"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let (n_steps, cycles) = (values.steps("steps"), values.number("cycles"));
        Ok(Box::new(Coslog { base_rate: values.base_rate, n_steps, cycles }))
    },
};

/// `a0 * (1 - cos(2 pi log2(1 + (2^k - 1) t / n))) / 2`; stays at its value at step `n`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coslog {
    /// Highest rate `a0`.
    pub base_rate: f64,
    /// Steps of all waves `n`.
    pub n_steps: u64,
    /// Number of waves `k`.
    pub cycles: f64,
}

impl Schedule for Coslog {
    fn rate(&self, step: u64) -> f64 {
        let growth = libm::exp2(self.cycles) - 1.0;
        let waves = libm::log2(1.0 + growth * progress(step, self.n_steps));
        self.base_rate * 0.5 * (1.0 - libm::cos(2.0 * std::f64::consts::PI * waves))
    }
}
