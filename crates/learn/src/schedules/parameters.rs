//! The parameters of schedules: what they may be, their defaults, and how they are read from text.

use super::spec::Spec;
use crate::data::nearest::nearest_name;
use crate::error::Error;

/// Largest number that a parameter may be.
const MAX_NUMBER: f64 = 1e12;
/// Most entries of a list.
const MAX_LIST: usize = 1000;

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// A number of steps: whole (`500`), a share of all steps (`5%`, `n`, `n/20`; rounded up).
    Steps {
        /// The fewest.
        least: u64,
    },
    /// A number from `low` to `high`.
    Number {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Numbers of steps that do not fall, separated by commas.
    StepList,
    /// Numbers of at least 0, separated by commas.
    NumberList,
    /// Schedules, separated by `|`.
    Schedules,
}

/// A share of the base rate, or a factor of it.
pub(super) const SHARE: Domain = Domain::Number { low: 0.0, high: MAX_NUMBER };
/// `true` or `false`.
pub(super) const FLAG: Domain = Domain::Choice(&["false", "true"]);
/// Any number of steps.
pub(super) const STEPS: Domain = Domain::Steps { least: 0 };
/// At least one step.
pub(super) const SOME_STEPS: Domain = Domain::Steps { least: 1 };

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Domain::Steps { least } => {
                write!(f, "steps: a whole number from {least}, or a share such as 5% or n/20")
            }
            Domain::Number { low, high: MAX_NUMBER } => write!(f, "a number from {low}"),
            Domain::Number { low, high } => write!(f, "a number from {low} to {high}"),
            Domain::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Domain::StepList => write!(f, "steps that do not fall, e.g. 100,200 or 50%,75%"),
            Domain::NumberList => write!(f, "numbers from 0, e.g. 1,0.1"),
            Domain::Schedules => write!(f, "schedules, e.g. linear(start=0; end=1)|cosine"),
        }
    }
}

/// A parameter of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub domain: Domain,
    /// Its default, as text; empty where it is left out.
    pub default: &'static str,
    /// One line of help.
    pub help: &'static str,
}

/// Short for the parameter's lists.
pub(super) const fn parameter(
    name: &'static str,
    domain: Domain,
    default: &'static str,
    help: &'static str,
) -> Parameter {
    Parameter { name, domain, default, help }
}

/// The factor of the base rate that every schedule has.
pub(super) const RATE: Parameter = parameter("rate", SHARE, "1", "base rate a0");

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Absent,
    Steps(u64),
    Number(f64),
    Choice(&'static str),
    StepList(Vec<u64>),
    NumberList(Vec<f64>),
    Schedules(Vec<Spec>),
}

/// The values of all parameters of a schedule, each in its domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// The base rate `a0`.
    pub base_rate: f64,
    /// The steps of the whole training `n`.
    pub n_steps: u64,
    values: Vec<(&'static str, Value)>,
}

impl Values {
    /// Reads what was given; what was not takes its default.
    pub(super) fn read(
        schedule: &str,
        parameters: &'static [Parameter],
        base_rate: f64,
        n_steps: u64,
        given: &[(String, String)],
    ) -> Result<Values, Error> {
        known(schedule, parameters, given)?;
        let text = |parameter: &Parameter| {
            let own = given.iter().rev().find(|(name, _)| name == parameter.name);
            own.map_or(parameter.default, |(_, text)| text)
        };
        let Value::Number(factor) = read(&RATE, text(&RATE), n_steps)? else {
            unreachable!("the rate is a number")
        };
        let mut values = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            values.push((parameter.name, read(parameter, text(parameter), n_steps)?));
        }
        Ok(Values { base_rate: base_rate * factor, n_steps, values })
    }

    fn get(&self, wanted: &str) -> &Value {
        let found = self.values.iter().find(|(name, _)| *name == wanted);
        &found.expect("a schedule reads the parameters that it lists").1
    }

    pub(super) fn steps(&self, name: &str) -> u64 {
        self.steps_if(name).expect("only optional parameters are absent")
    }

    pub(super) fn steps_if(&self, name: &str) -> Option<u64> {
        if let Value::Steps(value) = self.get(name) { Some(*value) } else { None }
    }

    pub(super) fn number(&self, name: &str) -> f64 {
        self.number_if(name).expect("only optional parameters are absent")
    }

    pub(super) fn number_if(&self, name: &str) -> Option<f64> {
        if let Value::Number(value) = self.get(name) { Some(*value) } else { None }
    }

    pub(super) fn choice(&self, name: &str) -> &'static str {
        let Value::Choice(value) = self.get(name) else { unreachable!("`{name}` is a choice") };
        value
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.choice(name) == "true"
    }

    pub(super) fn step_list(&self, name: &str) -> Vec<u64> {
        if let Value::StepList(values) = self.get(name) { values.clone() } else { Vec::new() }
    }

    pub(super) fn number_list(&self, name: &str) -> Vec<f64> {
        if let Value::NumberList(values) = self.get(name) { values.clone() } else { Vec::new() }
    }

    pub(super) fn schedules(&self, name: &str) -> &[Spec] {
        if let Value::Schedules(values) = self.get(name) { values } else { &[] }
    }
}

/// Fails at the first name that the schedule does not have.
fn known(
    schedule: &str,
    parameters: &'static [Parameter],
    given: &[(String, String)],
) -> Result<(), Error> {
    let names = || std::iter::once(RATE.name).chain(parameters.iter().map(|one| one.name));
    let Some((name, value)) = given.iter().find(|(name, _)| !names().any(|own| own == name)) else {
        return Ok(());
    };
    let near = nearest_name(name, names()).map(|near| format!("; did you mean `{near}`?"));
    let listed = || format!("; its parameters are {}", names().collect::<Vec<_>>().join(", "));
    let expected = format!("`{schedule}` has no such parameter{}", near.unwrap_or_else(listed));
    Err(Error::Parameter { name: name.clone(), value: format!("`{value}`"), expected })
}

fn read(parameter: &Parameter, text: &str, n_steps: u64) -> Result<Value, Error> {
    let text = text.trim();
    if text.is_empty() && parameter.default.is_empty() {
        return Ok(Value::Absent);
    }
    match parameter.domain {
        Domain::Steps { least } => steps(text, n_steps, least).map(Value::Steps),
        Domain::Number { low, high } => number(text, low, high).map(Value::Number),
        Domain::Choice(words) => words.iter().find(|word| **word == text).map(|w| Value::Choice(w)),
        Domain::StepList => list(text, |text| steps(text, n_steps, 0))
            .filter(|steps| steps.is_sorted())
            .map(Value::StepList),
        Domain::NumberList => {
            list(text, |text| number(text, 0.0, MAX_NUMBER)).map(Value::NumberList)
        }
        Domain::Schedules => return Ok(Value::Schedules(Spec::parse_all(text)?)),
    }
    .ok_or_else(|| mistake(parameter.name, &format!("`{text}`"), &parameter.domain.to_string()))
}

/// An error about a parameter.
pub(super) fn mistake(name: &str, value: &str, expected: &str) -> Error {
    let (name, value) = (name.to_owned(), value.to_owned());
    Error::Parameter { name, value, expected: format!("must be {expected}") }
}

fn list<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let values: Option<Vec<T>> = text.split(',').map(|part| read(part.trim())).collect();
    values.filter(|values| values.len() <= MAX_LIST)
}

fn number(text: &str, low: f64, high: f64) -> Option<f64> {
    text.parse().ok().filter(|value| (low..=high).contains(value))
}

/// `500`, `5%`, `n` or `n/20`.
fn steps(text: &str, n_steps: u64, least: u64) -> Option<u64> {
    if text == "n" {
        return Some(n_steps.max(least));
    }
    if let Some(divisor) = text.strip_prefix("n/") {
        let divisor: u64 = divisor.trim().parse().ok().filter(|divisor| *divisor > 0)?;
        return Some(n_steps.div_ceil(divisor).max(least));
    }
    if let Some(percent) = text.strip_suffix('%') {
        let share = number(percent.trim(), 0.0, 1e4)? / 100.0;
        return Some(((n_steps as f64 * share).ceil() as u64).max(least));
    }
    text.parse().ok().filter(|steps| *steps >= least)
}
