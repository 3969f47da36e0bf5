//! What can go wrong in a run.

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data or the task is at fault.
    #[error(transparent)]
    Learn(#[from] eyas_learn::Error),
    /// A model is at fault.
    #[error(transparent)]
    Model(#[from] eyas_model::Error),
    /// An option has a value that is not allowed.
    #[error("{option} is {value}, but {expected}")]
    Option {
        /// Name as on the command line.
        option: &'static str,
        /// Its value.
        value: String,
        /// What is allowed, and what to do.
        expected: String,
    },
    /// A file of the run cannot be read or written.
    #[error("cannot {action} `{path}`: {problem}")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system says, and what to do.
        problem: String,
    },
    /// The run was stopped before any model existed.
    #[error("the run ended before a first model was ready: {0}")]
    NoModel(String),
    /// A program that is tuned cannot be started, or none of its trials has a value.
    #[error("{0}")]
    Program(String),
}
