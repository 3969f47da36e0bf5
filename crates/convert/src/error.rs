//! What can be wrong with a file of another library.

use std::fmt;

use eyas_model::{Model, Part};

/// Why a model was not converted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No importer or exporter has the name, or none recognises the bytes.
    UnknownFormat {
        /// The name asked for.
        asked: Option<String>,
        /// Names of the known formats.
        known: String,
    },
    /// The file is damaged or is not what it says it is: where and what.
    BadFile(String),
    /// The file is sound, but this part of it cannot be carried over exactly: which, and what to do.
    Unsupported(String),
}

impl Error {
    /// The same error, with the part of the file that it is about before it.
    pub(crate) fn in_part(self, part: &str) -> Error {
        match self {
            Error::BadFile(problem) => Error::BadFile(format!("{part}: {problem}")),
            Error::Unsupported(what) => Error::Unsupported(format!("{part}: {what}")),
            other => other,
        }
    }
}

/// Refuses a model with a neural net, which no exporter writes yet.
pub(crate) fn refuse_nets(model: &Model, format: &str) -> Result<(), Error> {
    match model.members.iter().position(|member| matches!(member.part, Part::Net(_))) {
        Some(index) => Err(Error::Unsupported(format!(
            "member {index} is a neural net, which is not written as {format} yet: use the `.eyas` file"
        ))),
        None => Ok(()),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownFormat { asked: Some(asked), known } => {
                write!(f, "there is no format `{asked}`; known are {known}")
            }
            Error::UnknownFormat { asked: None, known } => {
                write!(f, "the file is of no known format; known are {known}: name one")
            }
            Error::BadFile(problem) => write!(f, "bad model file: {problem}"),
            Error::Unsupported(what) => write!(f, "cannot be converted exactly: {what}"),
        }
    }
}

impl std::error::Error for Error {}
