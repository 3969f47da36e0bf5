//! The learning rate of each round.

use eyas_model::TaskKind;

use super::parameters::Parameters;
use crate::schedules::boosting_rate::{Rounds, boosting_rate};
use crate::schedules::{Schedule, by_name};

/// Where a schedule knows the end, the rate of a round falls no further than to this share of the
/// first, so that the last trees still learn.
const LEAST_SHARE: f64 = 1e-3;

/// The learning rates of a fit.
#[derive(Debug)]
pub(super) struct Rate {
    start: f64,
    schedule: Box<dyn Schedule>,
}

impl Rate {
    /// The rates that the parameters ask for, on `n_rows` rows.
    pub fn new(parameters: &Parameters, kind: TaskKind, n_rows: usize) -> Rate {
        let n_rounds = parameters.n_estimators;
        let start = match parameters.rate_auto {
            true => boosting_rate(kind, Rounds::AtMost, n_rows, n_rounds),
            false => parameters.learning_rate,
        };
        let schedule = by_name(parameters.schedule, start, n_rounds as u64);
        Rate { start, schedule: schedule.expect("only listed names are read") }
    }

    /// The rate of a round, counted from 0.
    pub fn at(&self, round: usize) -> f64 {
        self.schedule.rate(round as u64).max(LEAST_SHARE * self.start)
    }
}
