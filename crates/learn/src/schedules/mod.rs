//! Learning-rate schedules: one file each, and one line in [`SCHEDULES`].
//!
//! A schedule is a pure function from the step (counted from 0) to a rate. What adapts to losses
//! instead is [`Plateau`]; what sets one rate from the size of a task is [`boosting_rate`].
//!
//! ```
//! let schedule = eyas_learn::schedules::by_name("inverse_sqrt", 0.1, 100).expect("it is listed");
//! assert_eq!(schedule.rate(0), 0.1);
//! assert_eq!(schedule.rate(3), 0.05);
//! ```

use std::fmt::Debug;

pub mod boosting_rate;
mod constant;
mod cosine;
mod exponential;
mod inverse_sqrt;
mod inverse_time;
pub mod plateau;
mod polynomial;
mod warmup;

pub use constant::Constant;
pub use cosine::Cosine;
pub use exponential::Exponential;
pub use inverse_sqrt::InverseSqrt;
pub use inverse_time::InverseTime;
pub use plateau::Plateau;
pub use polynomial::Polynomial;
pub use warmup::Warmup;

/// A rule that gives each step of a training its learning rate.
pub trait Schedule: Debug + Send + Sync {
    /// Learning rate of a step, counted from 0; finite and not negative, also beyond the last step.
    fn rate(&self, step: u64) -> f64;
}

/// A schedule as it is listed: how it is called, what it computes, how it is made.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleKind {
    /// Name in configurations and reports.
    pub name: &'static str,
    /// Rate of step `t` with base rate `a0` and `n` steps in all.
    pub formula: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Where it comes from: authors, year, title, DOI or arXiv id.
    pub references: &'static [&'static str],
    /// Whether rates depend on the number of steps. If not, a shorter training is a truncation of
    /// a longer one, and one fit scores all lengths.
    pub knows_end: bool,
    /// Makes it from a base rate and the number of steps, its other constants as in `formula`.
    pub build: fn(base_rate: f64, n_steps: u64) -> Box<dyn Schedule>,
}

/// Every schedule, in the order of reports.
pub const SCHEDULES: &[ScheduleKind] = &[
    constant::KIND,
    inverse_sqrt::KIND,
    inverse_time::KIND,
    exponential::KIND,
    exponential::STEP_KIND,
    polynomial::LINEAR_KIND,
    polynomial::KIND,
    cosine::KIND,
    warmup::KIND,
];

/// Their names, for the domain of a parameter.
pub static SCHEDULE_NAMES: [&str; SCHEDULES.len()] = names();

const fn names() -> [&'static str; SCHEDULES.len()] {
    let mut names = [""; SCHEDULES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = SCHEDULES[at].name;
        at += 1;
    }
    names
}

/// The schedule of this name, made for a training of `n_steps` steps whose largest rate is
/// `base_rate`; `None` where no schedule has this name.
pub fn by_name(name: &str, base_rate: f64, n_steps: u64) -> Option<Box<dyn Schedule>> {
    let kind = SCHEDULES.iter().find(|kind| kind.name == name)?;
    Some((kind.build)(base_rate, n_steps))
}

/// `t / n`, at most 1; a training of no steps is at its end.
fn progress(step: u64, n_steps: u64) -> f64 {
    if step >= n_steps { 1.0 } else { step as f64 / n_steps as f64 }
}

#[cfg(test)]
mod figures;
#[cfg(test)]
mod tests;
