//! What can go wrong between a file and a fit: the caller's mistakes, each with what to do.

/// Everything that can go wrong in this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be opened, read or written.
    #[error("cannot {action} `{path}`: {problem}")]
    File {
        /// What was tried, e.g. `read`.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system says, and what to do.
        problem: String,
    },
    /// The contents of a data file are not what they should be.
    #[error("{path}{}: {problem}", place(*line, column.as_deref()))]
    Data {
        /// The file.
        path: String,
        /// Line, counted from 1 with the header.
        line: Option<u64>,
        /// Name of the column.
        column: Option<String>,
        /// The value, what was expected, and what to do.
        problem: String,
    },
    /// The task does not fit the data.
    #[error("{0}")]
    Task(String),
    /// A parameter has a value that is not allowed.
    #[error("parameter `{name}` is {value}, but {expected}")]
    Parameter {
        /// Name of the parameter.
        name: String,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// The memory limit would be exceeded.
    #[error(
        "{what} needs about {needed_bytes} bytes, over the memory limit of {limit_bytes}; raise --memory-limit or use fewer rows"
    )]
    Memory {
        /// What needs it.
        what: String,
        /// How much is needed.
        needed_bytes: u64,
        /// How much is allowed.
        limit_bytes: u64,
    },
}

fn place(line: Option<u64>, column: Option<&str>) -> String {
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    let column = column.map(|column| format!(", column `{column}`")).unwrap_or_default();
    line + &column
}
