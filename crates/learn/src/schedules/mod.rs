//! Learning-rate schedules: one file each, and one line in [`SCHEDULES`].
//!
//! A schedule is a pure function from the step (counted from 0) to a rate; its lengths may be given
//! as shares of the whole training. Rules that see losses or gradients are in
//! [`step_sizes`](crate::step_sizes); what sets one rate from the size of a task is
//! [`boosting_rate`].
//!
//! ```
//! let schedule = eyas_learn::schedules::by_name("inverse_sqrt", 0.1, 100).expect("it is listed");
//! assert_eq!(schedule.rate(0), 0.1);
//! assert_eq!(schedule.rate(3), 0.05);
//!
//! let schedule = eyas_learn::schedules::from_text("cosine(alpha=0.5; steps=80%)", 0.1, 100)?;
//! assert_eq!(schedule.rate(80), 0.05);
//! # Ok::<(), eyas_learn::Error>(())
//! ```
//! A training that has a budget instead of a number of steps asks an [`OverBudget`].
//!
//! All levels (`start`, `end`, `alpha`, `values`, ...) are shares of the base rate `a0`, so that
//! the base rate scales the whole curve.

use std::fmt::Debug;

use crate::error::Error;

pub mod boosting_rate;
mod constant;
mod cosine;
mod cosine_restarts;
mod coslog;
mod cyclic;
mod exponential;
mod flat_cosine;
mod inverse_sqrt;
mod inverse_time;
mod kind;
mod linear;
mod multi_step;
mod noam;
mod one_cycle;
mod over_budget;
mod parameters;
mod piecewise;
mod piecewise_interpolate;
mod polynomial;
mod product;
mod sequence;
mod spec;
mod step;
mod warmup;
mod warmup_stable_decay;

pub use constant::Constant;
pub use cosine::{Cosine, CosineAfter};
pub use cosine_restarts::CosineRestarts;
pub use coslog::Coslog;
pub use cyclic::{Cyclic, CyclicMode};
pub use exponential::Exponential;
pub use flat_cosine::FlatCosine;
pub use inverse_sqrt::InverseSqrt;
pub use inverse_time::InverseTime;
pub use kind::{Equal, ScheduleKind};
pub use linear::Linear;
pub use multi_step::MultiStep;
pub use noam::Noam;
pub use one_cycle::OneCycle;
pub use over_budget::OverBudget;
pub use parameters::{Domain, Parameter, Values};
pub use piecewise::Piecewise;
pub use piecewise_interpolate::{Interpolated, Shape};
pub use polynomial::Polynomial;
pub use product::Product;
pub use sequence::Sequence;
pub use spec::Spec;
pub use warmup::Warmup;
pub use warmup_stable_decay::{DecayShape, WarmupStableDecay};

/// A rule that gives each step of a training its learning rate.
pub trait Schedule: Debug + Send + Sync {
    /// Learning rate of a step, counted from 0; finite and not negative, also beyond the last step.
    fn rate(&self, step: u64) -> f64;

    /// Momentum of a step, in `[0, 1)`, of the schedules that set one.
    fn momentum(&self, _step: u64) -> Option<f64> {
        None
    }
}

/// Every schedule, in the order of reports.
pub const SCHEDULES: &[ScheduleKind] = &[
    constant::KIND,
    inverse_sqrt::KIND,
    inverse_time::KIND,
    exponential::KIND,
    step::KIND,
    linear::KIND,
    polynomial::KIND,
    cosine::KIND,
    warmup::COSINE_KIND,
    warmup::CONSTANT_KIND,
    warmup::EXPONENTIAL_KIND,
    warmup::KIND,
    noam::KIND,
    multi_step::KIND,
    piecewise::KIND,
    piecewise_interpolate::KIND,
    cosine_restarts::KIND,
    cyclic::KIND,
    one_cycle::KIND,
    warmup_stable_decay::KIND,
    coslog::KIND,
    flat_cosine::KIND,
    sequence::KIND,
    product::KIND,
];

/// How many of them learners choose from.
pub(crate) const N_SEARCHED: usize = {
    let (mut n, mut at) = (0, 0);
    while at < SCHEDULES.len() {
        n += SCHEDULES[at].searched as usize;
        at += 1;
    }
    n
};

/// The names of those that learners choose from, for the domain of a parameter: they never rise
/// above the base rate and are no refinement of one another.
pub static SCHEDULE_NAMES: [&str; N_SEARCHED] = {
    let mut names = [""; N_SEARCHED];
    let (mut n, mut at) = (0, 0);
    while at < SCHEDULES.len() {
        if SCHEDULES[at].searched {
            names[n] = SCHEDULES[at].name;
            n += 1;
        }
        at += 1;
    }
    names
};

/// The schedule of this name, its parameters at their defaults, made for a training of `n_steps`
/// steps with base rate `base_rate`; `None` where no schedule has this name.
pub fn by_name(name: &str, base_rate: f64, n_steps: u64) -> Option<Box<dyn Schedule>> {
    let kind = SCHEDULES.iter().find(|kind| kind.name == name)?;
    Some(kind.with(base_rate, n_steps, &[]).expect("defaults are in their domains"))
}

/// The schedule that a text describes: `name`, or `name(parameter=value; ...)`.
///
/// # Errors
/// An unknown name or parameter, with the nearest known one; a value out of its domain.
pub fn from_text(text: &str, base_rate: f64, n_steps: u64) -> Result<Box<dyn Schedule>, Error> {
    Spec::parse(text)?.build(base_rate, n_steps)
}

/// `t / n`, at most 1; a training of no steps is at its end.
fn progress(step: u64, n_steps: u64) -> f64 {
    if step >= n_steps { 1.0 } else { step as f64 / n_steps as f64 }
}

/// A rate that may have grown beyond all numbers; a base rate of 0 stays 0 then.
fn bounded(rate: f64) -> f64 {
    if rate.is_nan() { 0.0 } else { rate.min(f64::MAX) }
}

/// `(1 + cos(pi x)) / 2`: from 1 at `x = 0` to 0 at `x = 1`.
fn half_cosine(x: f64) -> f64 {
    0.5 * (1.0 + libm::cos(std::f64::consts::PI * x))
}

#[cfg(test)]
mod figures;
#[cfg(test)]
mod tests;
