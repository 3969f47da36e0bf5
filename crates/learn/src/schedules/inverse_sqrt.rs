//! The rate falls with the square root of the steps.

use super::parameters::{SOME_STEPS, STEPS, parameter};
use super::{Schedule, ScheduleKind};

/// The listing of [`InverseSqrt`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "inverse_sqrt",
    formula: "a0 / sqrt(1 + (t - w) / s), a0 * t / w before step w",
    help: "falls with the square root of the steps, without knowing the end",
    references: &[
        "Zinkevich, M. (2003). Online convex programming and generalized infinitesimal gradient ascent. ICML",
        "Raffel, C. et al. (2020). Exploring the limits of transfer learning with a unified text-to-text transformer. arXiv:1910.10683",
    ],
    equals: &[],
    parameters: &[
        parameter("warmup", STEPS, "0", "steps w of the rise from 0"),
        parameter(
            "timescale",
            SOME_STEPS,
            "",
            "steps s after which the rate is a0 / sqrt(2); the warm-up, or 1 without one",
        ),
    ],
    knows_end: false,
    searched: true,
    build: |values| {
        let n_warmup = values.steps("warmup");
        let timescale = values.steps_if("timescale").unwrap_or(n_warmup.max(1)) as f64;
        Ok(Box::new(InverseSqrt { base_rate: values.base_rate, n_warmup, timescale }))
    },
};

/// `a0 / sqrt(1 + (t - w) / s)` from step `w` on, `a0 * t / w` before it, `t` counted from 0.
///
/// Without warm-up and with `s = 1` it is `a0 / sqrt(t + 1)`; with `s = w` it is `a0 * sqrt(w / t)`,
/// the schedule of T5 and fairseq. Keras, PyTorch and optax have none; Hugging Face's
/// `get_inverse_sqrt_schedule` is this one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseSqrt {
    /// Rate `a0` at the end of the warm-up.
    pub base_rate: f64,
    /// Steps of the rise `w`.
    pub n_warmup: u64,
    /// Time scale `s` in steps; above 0.
    pub timescale: f64,
}

impl Schedule for InverseSqrt {
    fn rate(&self, step: u64) -> f64 {
        if step < self.n_warmup {
            return self.base_rate * (step as f64 / self.n_warmup as f64);
        }
        self.base_rate / (((step - self.n_warmup) as f64 / self.timescale) + 1.0).sqrt()
    }
}
