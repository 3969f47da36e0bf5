//! What can go wrong with a model or its input.

/// Everything that can go wrong in this crate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no model file, are damaged, or come from a newer version.
    BadFile {
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The model's parts do not fit together.
    BadModel(String),
    /// A row cannot be encoded.
    BadRow {
        /// Name of the column.
        column: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The operating system refused.
    Io(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::BadFile { offset, problem } => write!(f, "{problem} (at byte {offset})"),
            Error::BadModel(problem) => write!(f, "the model is inconsistent: {problem}"),
            Error::BadRow { column, problem } => write!(f, "column `{column}`: {problem}"),
            Error::Io(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for Error {}
