//! One schedule after another.

use super::kind::equals;
use super::parameters::{Domain, mistake, parameter};
use super::{Schedule, ScheduleKind};
use crate::error::Error;

/// The listing of [`Sequence`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "sequence",
    formula: "schedule i at t - m_i for m_i <= t < m_(i+1)",
    help: "follows one schedule after another, each from its own step 0",
    references: &[],
    equals: equals![torch SequentialLR, optax join_schedules, optax sgdr_schedule],
    parameters: &[
        parameter(
            "schedules",
            Domain::Schedules,
            "linear(start=0; end=1)|cosine",
            "the schedules; n of each is its own part",
        ),
        parameter("milestones", Domain::StepList, "5%", "first step of each after the first"),
    ],
    knows_end: true,
    searched: false,
    build: |values| {
        let (specs, milestones) = (values.schedules("schedules"), values.step_list("milestones"));
        if specs.len() != milestones.len() + 1 {
            let expected = format!("{}, one fewer than schedules", specs.len() - 1);
            return Err(mistake(
                "milestones",
                &format!("a list of {}", milestones.len()),
                &expected,
            ));
        }
        let starts = std::iter::once(0).chain(milestones.iter().copied());
        let ends = milestones.iter().copied().chain([u64::MAX]);
        let parts = specs.iter().zip(starts.zip(ends)).map(|(spec, (start, end))| {
            let n_steps = end.min(values.n_steps.max(start)) - start;
            spec.build(values.base_rate, n_steps)
        });
        let parts: Result<Vec<_>, Error> = parts.collect();
        Ok(Box::new(Sequence { parts: parts?, milestones }))
    },
};

/// Schedule `i` at `t - m_i` from its milestone on; equals optax's `join_schedules`, and PyTorch's
/// `SequentialLR`.
#[derive(Debug)]
pub struct Sequence {
    /// The schedules.
    pub parts: Vec<Box<dyn Schedule>>,
    /// The first step of each after the first, in order; one fewer than `parts`.
    pub milestones: Vec<u64>,
}

impl Sequence {
    /// The schedule of a step, and its own step.
    fn part(&self, step: u64) -> (&dyn Schedule, u64) {
        let at = self.milestones.partition_point(|milestone| *milestone <= step);
        let start = if at == 0 { 0 } else { self.milestones[at - 1] };
        (&*self.parts[at], step - start)
    }
}

impl Schedule for Sequence {
    fn rate(&self, step: u64) -> f64 {
        let (part, step) = self.part(step);
        part.rate(step)
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        let (part, step) = self.part(step);
        part.momentum(step)
    }
}
