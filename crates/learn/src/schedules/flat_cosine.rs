//! The rate stays, then falls along half a cosine wave.

use super::parameters::{Domain, SHARE, STEPS, parameter};
use super::{Schedule, ScheduleKind, half_cosine, progress};

/// The listing of [`FlatCosine`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "flat_cosine",
    formula: "a0 * ((1 - alpha) (1 + cos(pi max(0, t / n - flat) / (1 - flat))) / 2 + alpha)",
    help: "stays for half of the steps, then falls along a cosine to zero",
    references: &[
        "Holzmueller, D.; Grinsztajn, L.; Steinwart, I. (2024). Better by default: strong pre-tuned MLPs and boosted trees on tabular data. arXiv:2407.04491",
    ],
    equals: &[],
    parameters: &[
        parameter(
            "flat",
            Domain::Number { low: 0.0, high: 1.0 },
            "0.5",
            "share of the steps without a fall (fastai: 0.75)",
        ),
        parameter("steps", STEPS, "n", "steps of the schedule"),
        parameter("alpha", SHARE, "0", "share of a0 that is left"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        Ok(Box::new(FlatCosine {
            base_rate: values.base_rate,
            flat: values.number("flat"),
            n_steps: values.steps("steps"),
            alpha: values.number("alpha"),
        }))
    },
};

/// `a0` for the share `flat` of `n` steps, then a cosine to `a0 * alpha` at step `n`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlatCosine {
    /// Rate `a0` of step 0.
    pub base_rate: f64,
    /// Share of the steps without a fall; 1 is a drop at step `n`.
    pub flat: f64,
    /// Steps in all `n`.
    pub n_steps: u64,
    /// Share of `a0` that is left.
    pub alpha: f64,
}

impl Schedule for FlatCosine {
    fn rate(&self, step: u64) -> f64 {
        let progress = progress(step, self.n_steps);
        let x = if progress >= 1.0 {
            1.0
        } else {
            ((progress - self.flat) / (1.0 - self.flat)).max(0.0)
        };
        // `0 / 0` of a schedule that is flat throughout is a fall that has not begun.
        let x = if x.is_nan() { 0.0 } else { x };
        self.base_rate * ((1.0 - self.alpha) * half_cosine(x) + self.alpha)
    }
}
