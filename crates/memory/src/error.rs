//! What can go wrong with a memory.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The location is one of a database server.
    #[error(
        "memory at `{scheme}://...`: PostgreSQL is not supported yet; give the path of a file, \
         which SQLite keeps"
    )]
    PostgresUnsupported {
        /// Scheme of the URL.
        scheme: String,
    },
    /// The file cannot be opened or made.
    #[error("cannot open the memory `{}`: {reason}; check that the folder exists and is writable", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is not a database, or a broken one.
    #[error(
        "the memory `{}` is damaged or not a database: {reason}; move it away, and a new one is \
         begun (an export can be imported into it)", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is a database of something else.
    #[error("`{}` is a SQLite database, but not a memory of Eyas; give another path", path.display())]
    NotAMemory {
        /// The file.
        path: PathBuf,
    },
    /// A later release wrote the file.
    #[error(
        "the memory `{}` has format {found}, this release reads up to {known}; use the release \
         that wrote it, or export there and import here", path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: i64,
        /// Latest format known here.
        known: i64,
    },
    /// It can be read but not written.
    #[error("the memory `{}` cannot be written: it is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds it for too long.
    #[error("the memory `{}` is in use by another process for too long; try again", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// There is no task of this number.
    #[error("the memory has no task {id}; list them to see which there are")]
    NoSuchTask {
        /// The number asked for.
        id: i64,
    },
    /// A line of an import cannot be used; nothing was imported.
    #[error("line {line} of the import is not a task of a memory: {reason}; nothing was imported")]
    BadLine {
        /// Its number, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Reading or writing an export failed.
    #[error("cannot read or write the exported memory: {0}")]
    Io(#[from] std::io::Error),
    /// Anything else that SQLite says.
    #[error("the memory `{}` failed: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: rusqlite::Error,
    },
}

impl Error {
    /// What an error of SQLite means for the memory at a path.
    pub(crate) fn of_sqlite(path: &Path, source: rusqlite::Error) -> Error {
        let (path, reason) = (path.to_owned(), source.to_string());
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Error::Damaged { path, reason }
            }
            Some(ErrorCode::ReadOnly) => Error::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy { path },
            Some(ErrorCode::CannotOpen) => Error::CannotOpen { path, reason },
            _ => Error::Sqlite { path, source },
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Error {
        Error::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}
