//! The rate falls with the square root of the steps.

use super::{Schedule, ScheduleKind};

/// The listing of [`InverseSqrt`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "inverse_sqrt",
    formula: "a0 / sqrt(t + 1)",
    help: "falls with the square root of the steps, without knowing the end",
    references: &[
        "Zinkevich, M. (2003). Online convex programming and generalized infinitesimal gradient ascent. ICML",
    ],
    knows_end: false,
    build: |base_rate, _| Box::new(InverseSqrt { base_rate }),
};

/// `a0 / sqrt(t + 1)`, `t` counted from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseSqrt {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
}

impl Schedule for InverseSqrt {
    fn rate(&self, step: u64) -> f64 {
        self.base_rate / (step as f64 + 1.0).sqrt()
    }
}
