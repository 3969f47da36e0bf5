//! Standard output and standard error: results and words about them.

use std::io::{IsTerminal, Write};

use crate::failure::Failure;

/// Whether and how text is coloured.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    coloured: bool,
}

impl Style {
    /// No colours.
    #[cfg(test)]
    pub const PLAIN: Style = Style { coloured: false };

    /// Colours if standard error is a terminal and `NO_COLOR` does not forbid them.
    pub fn of_stderr() -> Style {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Style { coloured: !forbidden && std::io::stderr().is_terminal() }
    }

    /// Bold.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Red and bold: errors.
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// Green: what is met.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Yellow: notices.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Cyan: help.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Writes a line to standard error. A standard error that is gone is no reason to stop.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes a result to standard output, with a line end.
///
/// # Errors
/// Standard output cannot be written; silently so if its reader went away.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| output_failure(&error))
}

/// The failure of a write to standard output: the end of the process, without a word, if the reader
/// went away (`eyas ... | head`).
pub fn output_failure(error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    Failure::file("write to", std::path::Path::new("standard output"), error)
}
