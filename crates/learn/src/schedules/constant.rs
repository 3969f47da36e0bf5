//! The same rate at every step.

use super::{Schedule, ScheduleKind};

/// The listing of [`Constant`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "constant",
    formula: "a0",
    help: "the same rate at every step",
    references: &[
        "Robbins, H.; Monro, S. (1951). A stochastic approximation method. doi:10.1214/aoms/1177729586",
    ],
    knows_end: false,
    build: |base_rate, _| Box::new(Constant { base_rate }),
};

/// `a0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// The rate `a0`.
    pub base_rate: f64,
}

impl Schedule for Constant {
    fn rate(&self, _step: u64) -> f64 {
        self.base_rate
    }
}
