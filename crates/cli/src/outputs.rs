//! Checks of files that are to be written, before anything is read.

use std::path::{Path, PathBuf, is_separator};

use crate::failure::Failure;

/// Fails if the output of an option is a folder or one of the inputs, which it would destroy.
/// Inputs are given with what they are called on the command line.
///
/// # Errors
/// A usage error that names the output, and the input.
pub fn check(option: &str, out: &Path, inputs: &[(&str, &Path)]) -> Result<(), Failure> {
    let shown = out.display();
    if shown.to_string().ends_with(is_separator) || out.is_dir() {
        return Err(Failure::usage(format!("cannot write `{shown}`: it is a folder, not a file"))
            .help(format!("name a file with {option}")));
    }
    let file = identity(out);
    match inputs.iter().find(|(_, input)| identity(input) == file) {
        Some((name, input)) => Err(Failure::usage(format!(
            "{option} `{shown}` is the same file as {name} `{}`, which would be overwritten",
            input.display()
        ))
        .help(format!("name another file with {option}"))),
        None => Ok(()),
    }
}

/// The path of a file without links and dots; of a file that is not there yet, by its folder.
fn identity(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let by_folder = || Some(whole.parent()?.canonicalize().ok()?.join(whole.file_name()?));
    whole.canonicalize().ok().or_else(by_folder).unwrap_or_else(|| whole.clone())
}

/// The unfinished form of an output file, which must not stay behind: it goes when this is dropped.
/// A finished one has its real name by then.
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// That of an output file; devices and pipes have none.
    pub fn of(out: &Path) -> Option<Unfinished> {
        let is_stream = std::fs::metadata(out).is_ok_and(|data| !data.is_file());
        (!is_stream).then(|| Unfinished(PathBuf::from(format!("{}.partial", out.display()))))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
