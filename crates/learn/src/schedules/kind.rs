//! A schedule as it is listed.

use super::parameters::{Parameter, Values};
use super::{SCHEDULES, Schedule};
use crate::data::nearest::nearest_name;
use crate::error::Error;

/// What a library calls the same schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Equal {
    /// `keras`, `torch` or `optax`.
    pub library: &'static str,
    /// Its name there.
    pub name: &'static str,
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
    /// What other libraries call it; equal to them with the parameters that `Parameter::help` names.
    pub equals: &'static [Equal],
    /// What can be set, each with its default.
    pub parameters: &'static [Parameter],
    /// Whether rates depend on the number of steps. If not, a shorter training is a truncation of
    /// a longer one, and one fit scores all lengths.
    pub knows_end: bool,
    /// Whether learners choose from it (`SCHEDULE_NAMES`).
    pub searched: bool,
    /// Makes it from values that are in their domains.
    ///
    /// # Errors
    /// Values that do not go together.
    pub build: fn(&Values) -> Result<Box<dyn Schedule>, Error>,
}

impl ScheduleKind {
    /// The schedule for a training of `n_steps` steps with base rate `base_rate`; parameters that
    /// are not given take their defaults.
    ///
    /// # Errors
    /// A parameter that it does not have, or a value out of its domain.
    pub fn with(
        &self,
        base_rate: f64,
        n_steps: u64,
        given: &[(String, String)],
    ) -> Result<Box<dyn Schedule>, Error> {
        (self.build)(&Values::read(self.name, self.parameters, base_rate, n_steps, given)?)
    }

    /// The kind of this name; also by what a library calls it, in the message.
    ///
    /// # Errors
    /// No schedule has the name; says which one is near.
    pub fn by_name(name: &str) -> Result<&'static ScheduleKind, Error> {
        if let Some(kind) = SCHEDULES.iter().find(|kind| kind.name == name) {
            return Ok(kind);
        }
        Err(Error::Parameter {
            name: "schedule".to_owned(),
            value: format!("`{name}`"),
            expected: hint(name),
        })
    }
}

/// What to say about a name that is not listed.
fn hint(name: &str) -> String {
    let elsewhere = |kind: &&ScheduleKind| {
        kind.equals.iter().any(|equal| equal.name.eq_ignore_ascii_case(name))
    };
    if let Some(kind) = SCHEDULES.iter().find(elsewhere) {
        return format!("here it is called `{}`", kind.name);
    }
    match nearest_name(name, SCHEDULES.iter().map(|kind| kind.name)) {
        Some(near) => format!("no schedule is called so; did you mean `{near}`?"),
        None => {
            let names: Vec<&str> = SCHEDULES.iter().map(|kind| kind.name).collect();
            format!("must be one of {}", names.join(", "))
        }
    }
}

/// A list of what libraries call it.
macro_rules! equals {
    ($($library:ident $name:ident),* $(,)?) => {
        &[$($crate::schedules::Equal { library: stringify!($library), name: stringify!($name) }),*]
    };
}
pub(super) use equals;
