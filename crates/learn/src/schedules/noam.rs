//! The rate of the transformer: a rise, then a fall with the square root of the steps.

use super::kind::equals;
use super::parameters::{Domain, SOME_STEPS, parameter};
use super::{Schedule, ScheduleKind};

/// The listing of [`Noam`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "noam",
    formula: "a0 / sqrt(d) * min(1 / sqrt(s), s / w^1.5) with s = t + 1",
    help: "rises to step w, then falls with the square root of the steps; falls with the width",
    references: &["Vaswani, A. et al. (2017). Attention is all you need. arXiv:1706.03762"],
    equals: equals![torch LambdaLR],
    parameters: &[
        parameter("d_model", Domain::Number { low: 1.0, high: 1e9 }, "512", "width d of the model"),
        parameter("warmup", SOME_STEPS, "4000", "steps w of the rise"),
        parameter(
            "count",
            Domain::Choice(&["from_one", "at_least_one"]),
            "from_one",
            "s is t + 1, or max(t, 1) as in the annotated transformer",
        ),
    ],
    knows_end: false,
    searched: false,
    build: |values| {
        Ok(Box::new(Noam {
            base_rate: values.base_rate,
            d_model: values.number("d_model"),
            n_warmup: values.steps("warmup"),
            from_one: values.choice("count") == "from_one",
        }))
    },
};

/// `a0 / sqrt(d) * min(1 / sqrt(s), s / w^1.5)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noam {
    /// Factor `a0`.
    pub base_rate: f64,
    /// Width of the model `d`, at least 1.
    pub d_model: f64,
    /// Steps of the rise `w`, at least 1.
    pub n_warmup: u64,
    /// Whether `s = t + 1`; else `s = max(t, 1)`.
    pub from_one: bool,
}

impl Schedule for Noam {
    fn rate(&self, step: u64) -> f64 {
        let count = if self.from_one { step.saturating_add(1) } else { step.max(1) } as f64;
        let warmup = self.n_warmup as f64;
        let share = (1.0 / count.sqrt()).min(count / (warmup * warmup.sqrt()));
        self.base_rate * share / self.d_model.sqrt()
    }
}
