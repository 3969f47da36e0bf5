//! Several schedules multiplied.

use super::kind::equals;
use super::parameters::{Domain, parameter};
use super::{Schedule, ScheduleKind, bounded};
use crate::error::Error;

/// The listing of [`Product`].
pub(super) const KIND: ScheduleKind = ScheduleKind {
    name: "product",
    formula: "a0 * s_1(t) * s_2(t) * ..., each with base rate 1",
    help: "multiplies schedules: a warm-up, which then stays, and a cosine",
    references: &[],
    equals: equals![torch ChainedScheduler],
    parameters: &[parameter(
        "schedules",
        Domain::Schedules,
        "warmup_constant|cosine",
        "the factors",
    )],
    knows_end: true,
    searched: false,
    build: |values| {
        let specs = values.schedules("schedules").iter();
        let factors: Result<Vec<_>, Error> =
            specs.map(|spec| spec.build(1.0, values.n_steps)).collect();
        Ok(Box::new(Product { base_rate: values.base_rate, factors: factors? }))
    },
};

/// `a0 * s_1(t) * s_2(t) * ...`; equals PyTorch's `ChainedScheduler` of schedules that multiply
/// (all of its list but `CosineAnnealingLR` with `eta_min` above 0).
#[derive(Debug)]
pub struct Product {
    /// The base rate `a0`.
    pub base_rate: f64,
    /// The factors.
    pub factors: Vec<Box<dyn Schedule>>,
}

impl Schedule for Product {
    fn rate(&self, step: u64) -> f64 {
        let factors = self.factors.iter().map(|factor| factor.rate(step));
        bounded(factors.fold(self.base_rate, |rate, factor| rate * factor))
    }

    fn momentum(&self, step: u64) -> Option<f64> {
        self.factors.iter().find_map(|factor| factor.momentum(step))
    }
}
