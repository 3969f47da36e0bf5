//! The rate is one of several levels, by the step.

use super::kind::equals;
use super::parameters::{Domain, mistake, parameter};
use super::{Schedule, ScheduleKind};

/// The listing of [`Piecewise`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "piecewise",
    formula: "a0 * values[number of boundaries up to t]",
    help: "takes given shares of the rate between given steps",
    references: &[],
    equals: equals![keras PiecewiseConstantDecay, optax piecewise_constant_schedule, torch LambdaLR],
    parameters: &[
        parameter("boundaries", Domain::StepList, "50%,75%", "steps where the level changes"),
        parameter(
            "values",
            Domain::NumberList,
            "1,0.1,0.01",
            "shares of a0, one more than boundaries",
        ),
        parameter(
            "at_boundary",
            Domain::Choice(&["new", "old"]),
            "new",
            "the level of the boundary itself: new (optax, torch) or old (Keras)",
        ),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let (boundaries, levels) = (values.step_list("boundaries"), values.number_list("values"));
        check(&boundaries, &levels)?;
        let keeps_old = values.choice("at_boundary") == "old";
        Ok(Box::new(Piecewise {
            base_rate: values.base_rate,
            boundaries,
            values: levels,
            keeps_old,
        }))
    },
};

/// One value more than boundaries.
pub(super) fn check(boundaries: &[u64], values: &[f64]) -> Result<(), crate::Error> {
    if values.len() == boundaries.len() + 1 {
        return Ok(());
    }
    let (got, wanted) = (values.len(), boundaries.len() + 1);
    let expected = format!("{wanted} of them, one more than the {} boundaries", boundaries.len());
    Err(mistake("values", &format!("a list of {got}"), &expected))
}

/// `a0 * values[k]`, `k` of the boundaries being at most `t` (below `t`, where the old value is
/// kept at a boundary).
///
/// Equals optax's `piecewise_constant_schedule` (whose scales multiply) and, where the old value is
/// kept, Keras's `PiecewiseConstantDecay`.
#[derive(Debug, Clone, PartialEq)]
pub struct Piecewise {
    /// The base rate `a0`.
    pub base_rate: f64,
    /// Steps where the level changes, in order.
    pub boundaries: Vec<u64>,
    /// Shares of `a0`, one more than boundaries.
    pub values: Vec<f64>,
    /// Whether a boundary itself has the old level.
    pub keeps_old: bool,
}

impl Schedule for Piecewise {
    fn rate(&self, step: u64) -> f64 {
        let passed = |at: &u64| if self.keeps_old { *at < step } else { *at <= step };
        self.base_rate * self.values[self.boundaries.partition_point(passed)]
    }
}
