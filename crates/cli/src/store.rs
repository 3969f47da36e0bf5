//! The memory of past tasks, as commands open it.

use std::path::{Path, PathBuf};

use eyas_memory::Memory;

use crate::failure::Failure;
use crate::places;

/// Opens the memory of a run: the one that is named, none for `off`, else the user's own. The user's own
/// is no reason to fail: what is wrong with it is given to `note` and the run does without.
pub fn open_for_run(named: Option<&str>, note: impl Fn(&str)) -> Result<Option<Memory>, Failure> {
    match named {
        Some("off") => Ok(None),
        Some(url) => {
            let path = path_of(url)?;
            has_folder(&path)?;
            open(&path, true).map(Some)
        }
        None => {
            let Some(path) = places::memory() else { return Ok(None) };
            let opened = open(&path, true);
            Ok(opened
                .map_err(|failure| note(&format!("{failure}; this run does without a memory")))
                .ok())
        }
    }
}

/// Opens the memory for a command that must not write it: the one that is named, which must be there,
/// none for `off`, else the user's own if there is one; what is wrong with that is given to `note`.
pub fn open_to_read(named: Option<&str>, note: impl Fn(&str)) -> Result<Option<Memory>, Failure> {
    match named {
        Some("off") => Ok(None),
        Some(url) => {
            let path = path_of(url)?;
            must_be_there(&path)?;
            Ok(Some(Memory::open_read_only(&path)?))
        }
        None => {
            let Some(path) = places::memory().filter(|path| path.exists()) else { return Ok(None) };
            let opened = Memory::open_read_only(&path).map_err(Failure::from);
            Ok(opened
                .map_err(|failure| note(&format!("{failure}; compared without a memory")))
                .ok())
        }
    }
}

/// Opens a memory that a command is about. It must be there unless `create`.
pub fn open_named(named: Option<&str>, create: bool) -> Result<Memory, Failure> {
    let path = match named {
        Some("off") => return Err(Failure::usage("there is nothing to do without a memory")),
        Some(url) => path_of(url)?,
        None => places::memory().ok_or_else(|| {
            Failure::usage("there is no home folder with a memory").help("name one with --memory")
        })?,
    };
    if create && named.is_some() {
        has_folder(&path)?;
    }
    open(&path, create)
}

/// Fails now rather than after the data is read, if a memory that is named cannot be one.
pub fn check(named: Option<&str>) -> Result<(), Failure> {
    match named {
        None | Some("off") => Ok(()),
        Some(url) => has_folder(&path_of(url)?),
    }
}

/// The folder of a memory that is named must be there; only the user's own is made.
fn has_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| {
        std::fs::metadata(folder).map(drop).map_err(|error| {
            Failure::file("write", path, &error)
                .help("name a file in a folder that is there, with --memory")
        })
    })
}

fn open(path: &Path, create: bool) -> Result<Memory, Failure> {
    if !create {
        must_be_there(path)?;
    }
    Ok(Memory::open(path)?)
}

fn must_be_there(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    Err(Failure::failed(format!("there is no memory at `{}`", path.display()))
        .help("`eyas fit` makes one; name another with --memory"))
}

/// The file of `sqlite:FILE` or `FILE`.
fn path_of(url: &str) -> Result<PathBuf, Failure> {
    if url.contains("://") {
        return Err(Failure::usage(format!(
            "--memory `{url}`: only a file path or off is supported now"
        ))
        .help("name a file, e.g. --memory team.db"));
    }
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    if path.is_empty() {
        return Err(Failure::usage("the memory has no name").help("name a file, or off"));
    }
    Ok(PathBuf::from(path))
}
