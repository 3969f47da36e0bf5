//! A file of JSON lines that one process at a time adds to, from which it can be read back after
//! `kill -9`.
//!
//! A line is complete or it is not there: a last line without its end (the process died in it) is
//! ignored, and goes when the file is opened again.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Lines {
    file: File,
    path: PathBuf,
}

/// One process at a time works in a run's folder; the lock ends with the process.
fn lock(file: &File, path: &Path) -> Result<(), Error> {
    file.try_lock().map_err(|_| Error::File {
        action: "continue",
        path: path.display().to_string(),
        problem: "another process works on this run; wait for it, or end it first".into(),
    })
}

fn file_error(action: &'static str, path: &Path, error: &std::io::Error) -> Error {
    let problem = format!("{error}; choose another folder with --run");
    Error::File { action, path: path.display().to_string(), problem }
}

impl Lines {
    /// Begins a file with its header; its folder is made. A file that is already there is refused.
    ///
    /// # Errors
    /// The folder or the file cannot be made, or the file is there.
    pub fn create(path: &Path, header: &impl Serialize) -> Result<Lines, Error> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|e| file_error("make the folder", folder, &e))?;
        }
        let file = OpenOptions::new().create_new(true).append(true).open(path);
        let file = file.map_err(|e| file_error("create", path, &e))?;
        lock(&file, path)?;
        let mut lines = Lines { file, path: path.to_owned() };
        lines.append(header)?;
        Ok(lines)
    }

    /// Opens a file to go on with it: its whole lines, and the file.
    ///
    /// # Errors
    /// No such file, or another process works on it.
    pub fn reopen(path: &Path, help: &str) -> Result<(Vec<Vec<u8>>, Lines), Error> {
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(|e| unreadable(path, format!("{e}; {help}")))?;
        lock(&file, path)?;
        // Read under the lock: what another process adds until it ends is not lost.
        let lines = read(path, help)?;
        // The torn last line goes, so that the next one starts on a line of its own.
        let whole_bytes = lines.iter().map(|line| line.len() as u64).sum();
        file.set_len(whole_bytes).map_err(|e| file_error("shorten", path, &e))?;
        Ok((lines, Lines { file, path: path.to_owned() }))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn append(&mut self, line: &impl Serialize) -> Result<(), Error> {
        let mut text = serde_json::to_string(line).expect("plain data serialises");
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|e| file_error("write", &self.path, &e))
    }
}

/// The error of a file that cannot be understood.
pub(crate) fn unreadable(path: &Path, problem: String) -> Error {
    Error::File { action: "read", path: path.display().to_string(), problem }
}

/// The whole lines of a file, with their ends; `help` says what to do if it is not there.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn read(path: &Path, help: &str) -> Result<Vec<Vec<u8>>, Error> {
    let file = File::open(path).map_err(|e| unreadable(path, format!("{e}; {help}")))?;
    let mut reader = BufReader::new(file);
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let n = reader.read_until(b'\n', &mut line);
        let n = n.map_err(|e| unreadable(path, e.to_string()))?;
        if n == 0 || line.last() != Some(&b'\n') {
            return Ok(lines);
        }
        lines.push(line);
    }
}

/// Header and other lines of a file whose newest known version is given.
///
/// # Errors
/// There is no header, it is of a newer version, or a line is damaged.
pub(crate) fn parse<H: DeserializeOwned, L: DeserializeOwned>(
    path: &Path,
    lines: &[Vec<u8>],
    newest: u32,
) -> Result<(H, Vec<L>), Error> {
    let bad = |problem: String| unreadable(path, problem);
    let (first, rest) =
        lines.split_first().ok_or_else(|| bad("it has no header; the run never began".into()))?;
    let header = parse_header(first, newest).map_err(bad)?;
    let parsed = rest.iter().zip(2..).map(|(line, number)| {
        let parsed = serde_json::from_slice(line);
        parsed.map_err(|e| bad(format!("line {number} is damaged: {e}")))
    });
    Ok((header, parsed.collect::<Result<Vec<L>, Error>>()?))
}

fn parse_header<H: DeserializeOwned>(line: &[u8], newest: u32) -> Result<H, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let bad = |e: serde_json::Error| format!("line 1 is no header of a run: {e}");
    let version: Version = serde_json::from_slice(line).map_err(bad)?;
    if version.version > newest {
        let newer = version.version;
        return Err(format!("it has version {newer}, newer than {newest}; update eyas"));
    }
    serde_json::from_slice(line).map_err(bad)
}
