//! The rate falls along cosines that start anew.

use super::kind::equals;
use super::parameters::{Domain, SHARE, SOME_STEPS, parameter};
use super::{Schedule, ScheduleKind, half_cosine};

/// The listing of [`CosineRestarts`]: three cycles of 1, 2 and 4 sevenths.
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "cosine_restarts",
    formula: "a0 * ((1 - alpha) m^i (1 + cos(pi t_i / T_i)) / 2 + alpha) with T_i = T_0 T_mult^i",
    help: "falls along cosines that start anew, each longer than the one before",
    references: &[
        "Loshchilov, I.; Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. arXiv:1608.03983",
    ],
    equals: equals![keras CosineDecayRestarts, torch CosineAnnealingWarmRestarts],
    parameters: &[
        parameter("first_steps", SOME_STEPS, "n/7", "steps T_0 of the first cycle"),
        parameter(
            "t_mul",
            Domain::Number { low: 1.0, high: 1e3 },
            "2",
            "each is so much longer (T_mult)",
        ),
        parameter(
            "m_mul",
            Domain::Number { low: 0.0, high: 1.0 },
            "1",
            "each starts at such a share (Keras)",
        ),
        parameter(
            "alpha",
            SHARE,
            "0",
            "share of a0 at the end of a cycle (torch: eta_min, as a rate)",
        ),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        Ok(Box::new(CosineRestarts {
            base_rate: values.base_rate,
            first_steps: values.steps("first_steps"),
            t_mul: values.number("t_mul"),
            m_mul: values.number("m_mul"),
            alpha: values.number("alpha"),
        }))
    },
};

/// `a0 * ((1 - alpha) m_mul^i (1 + cos(pi t_i / T_i)) / 2 + alpha)` in cycle `i`, `t_i` steps after
/// its start, which is `T_0 (1 + t_mul + ... + t_mul^(i - 1))`; `T_i = T_0 t_mul^i`.
///
/// Equals Keras's `CosineDecayRestarts`, PyTorch's `CosineAnnealingWarmRestarts` (`m_mul = 1`).
/// Cycles of optax's `sgdr_schedule` are given one by one: a [`Sequence`](super::Sequence) of
/// cosines with warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineRestarts {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Steps of the first cycle `T_0`; at least 1.
    pub first_steps: u64,
    /// How much longer each cycle is; at least 1.
    pub t_mul: f64,
    /// How much lower each cycle starts; at most 1.
    pub m_mul: f64,
    /// Share of `a0` at the end of a cycle.
    pub alpha: f64,
}

impl CosineRestarts {
    /// Number of the cycle, and how much of it has passed.
    fn cycle(&self, step: u64) -> (f64, f64) {
        if self.t_mul == 1.0 {
            let within = step % self.first_steps;
            return ((step / self.first_steps) as f64, within as f64 / self.first_steps as f64);
        }
        let passed = step as f64 / self.first_steps as f64;
        let start = |cycle: f64| (libm::pow(self.t_mul, cycle) - 1.0) / (self.t_mul - 1.0);
        let mut cycle =
            (libm::log(1.0 + passed * (self.t_mul - 1.0)) / libm::log(self.t_mul)).floor();
        // The logarithm may round to the wrong side of a start.
        cycle += f64::from(start(cycle + 1.0) <= passed);
        cycle -= f64::from(cycle > 0.0 && start(cycle) > passed);
        let within = (passed - start(cycle)) / libm::pow(self.t_mul, cycle);
        (cycle, within.clamp(0.0, 1.0))
    }
}

impl Schedule for CosineRestarts {
    fn rate(&self, step: u64) -> f64 {
        let (cycle, within) = self.cycle(step);
        let share = libm::pow(self.m_mul, cycle) * half_cosine(within);
        self.base_rate * ((1.0 - self.alpha) * share + self.alpha)
    }
}
