//! What a caller of a study may do wrong.

use std::fmt;

use crate::samplers::SAMPLERS;
use crate::space::ConfigError;
use crate::stoppers::STOPPERS;

/// What is wrong with a call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StudyError {
    /// No such method is listed.
    UnknownName {
        /// What it should be: `sampler` or `stopper`.
        kind: &'static str,
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// No trial of this number is out.
    UnknownTrial(u64),
    /// The trial of this number was told before.
    ToldTwice(u64),
    /// There is a trial of this number already.
    TakenId(u64),
    /// Steps must ascend.
    StepOrder {
        /// The trial.
        id: u64,
        /// The step given.
        step: u64,
        /// The last step before.
        last: u64,
    },
    /// A configuration is not of the space.
    Config(ConfigError),
}

impl StudyError {
    pub(super) fn no_sampler(name: &str) -> StudyError {
        let known = SAMPLERS.iter().map(|sampler| sampler.name()).collect();
        StudyError::UnknownName { kind: "sampler", name: name.to_owned(), known }
    }

    pub(super) fn no_stopper(name: &str) -> StudyError {
        let known = STOPPERS.iter().map(|stopper| stopper.name()).collect();
        StudyError::UnknownName { kind: "stopper", name: name.to_owned(), known }
    }
}

impl std::error::Error for StudyError {}

impl From<ConfigError> for StudyError {
    fn from(error: ConfigError) -> StudyError {
        StudyError::Config(error)
    }
}

impl fmt::Display for StudyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StudyError::UnknownName { kind, name, known } => {
                write!(f, "there is no {kind} `{name}`, expected one of {}", known.join(", "))
            }
            StudyError::UnknownTrial(id) => {
                write!(f, "trial {id} is not out; tell the number of a trial that was asked for")
            }
            StudyError::ToldTwice(id) => {
                write!(f, "trial {id} was told before; tell each trial once")
            }
            StudyError::TakenId(id) => write!(f, "there is a trial {id} already"),
            StudyError::StepOrder { id, step, last } => {
                write!(f, "trial {id} reports step {step} after step {last}; steps must ascend")
            }
            StudyError::Config(error) => error.fmt(f),
        }
    }
}
