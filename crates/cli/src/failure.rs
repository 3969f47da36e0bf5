//! What a command says when it cannot go on: one error, one help, and the exit code.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::console::Style;
use crate::excerpt::Excerpt;

/// Why a command ended without doing what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// 1: it ran and failed; 2: the arguments are at fault.
    code: u8,
    /// What is wrong.
    message: String,
    /// What to do.
    help: Option<String>,
    /// The line of a file that is at fault.
    excerpt: Option<Excerpt>,
}

impl Failure {
    /// The arguments are at fault: exit code 2.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { code: 2, ..Failure::failed(message) }
    }

    /// What the parser of arguments says, of which the first paragraph is the error.
    pub fn of_arguments(text: &str) -> Failure {
        let (error, more) = text.split_once("\n\n").unwrap_or((text, ""));
        let failure = Failure::usage(error.trim().trim_start_matches("error: "));
        let tip = more.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        failure.help(tip.unwrap_or("see --help"))
    }

    /// The command ran and failed: exit code 1.
    pub fn failed(message: impl Into<String>) -> Failure {
        Failure { code: 1, message: message.into(), help: None, excerpt: None }
    }

    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }

    /// A file that could not be used, with the reason that the system gave.
    pub fn file(action: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
        let failure = Failure::failed(format!("cannot {action} `{}`: {error}", path.display()));
        match error.kind() {
            std::io::ErrorKind::StorageFull => failure.help("free some space, or write elsewhere"),
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                failure.help("check the permissions of the file and its folder")
            }
            _ => failure,
        }
    }

    /// Prints the error to standard error and gives the exit code.
    pub fn report(self, json: bool) -> ExitCode {
        crate::console::tell(&if json { self.json() } else { self.text(Style::of_stderr()) });
        ExitCode::from(self.code)
    }

    fn text(&self, style: Style) -> String {
        let mut text = format!("{} {}", style.red("error:"), self.message);
        if let Some(excerpt) = &self.excerpt {
            let _ = write!(text, "\n{excerpt}");
        }
        if let Some(help) = &self.help {
            let _ = write!(text, "\n{} {help}", style.cyan("help:"));
        }
        text
    }

    fn json(&self) -> String {
        serde_json::json!({"error": self.message, "help": self.help, "exit_code": self.code})
            .to_string()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<eyas_learn::Error> for Failure {
    fn from(error: eyas_learn::Error) -> Failure {
        use eyas_learn::Error as Learn;
        let message = error.to_string();
        match &error {
            Learn::Task(_) | Learn::Parameter { .. } => Failure::usage(message),
            Learn::Data { path, line: Some(line), column, .. } => Failure {
                excerpt: Excerpt::of(path, *line, column.as_deref()),
                ..Failure::failed(message)
            },
            _ => Failure::failed(message),
        }
    }
}

impl From<eyas_memory::Error> for Failure {
    fn from(error: eyas_memory::Error) -> Failure {
        Failure::failed(error.to_string()).help("or do without a memory: --memory off")
    }
}

impl From<eyas_model::Error> for Failure {
    fn from(error: eyas_model::Error) -> Failure {
        Failure::failed(error.to_string())
    }
}

impl From<eyas::Error> for Failure {
    fn from(error: eyas::Error) -> Failure {
        match error {
            eyas::Error::Learn(error) => error.into(),
            eyas::Error::Model(error) => error.into(),
            eyas::Error::Option { .. } => Failure::usage(error.to_string()),
            _ => Failure::failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_followed_by_what_to_do() {
        let failure = Failure::usage("no column `clas`").help("did you mean `class`?");
        assert_eq!(
            failure.text(Style::PLAIN),
            "error: no column `clas`\nhelp: did you mean `class`?"
        );
        assert_eq!(
            failure.json(),
            r#"{"error":"no column `clas`","exit_code":2,"help":"did you mean `class`?"}"#
        );
    }
}
