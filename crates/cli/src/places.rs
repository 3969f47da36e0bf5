//! Where files go if the user does not say.

use std::env;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The memory of past tasks: below `XDG_DATA_HOME` or `~/.local/share`. `None` without a home.
pub fn memory() -> Option<PathBuf> {
    base("XDG_DATA_HOME", ".local/share").map(|base| base.join("eyas").join("memory.db"))
}

/// Makes a folder for a new run, named by data and time: below `XDG_STATE_HOME` or `~/.local/state`, or
/// below the folder of temporary files without a home. No two runs get the same one.
///
/// # Errors
/// The folder cannot be made.
pub fn make_run_dir(data: &Path) -> Result<PathBuf, Failure> {
    let runs = base("XDG_STATE_HOME", ".local/state").unwrap_or_else(env::temp_dir);
    let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let name = format!("{}-{time}", stem(data));
    make_new_dir(&runs.join("eyas").join("runs"), &name)
}

/// Makes the first folder of `name`, `name-2`, `name-3`, ... that is not there yet.
fn make_new_dir(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    let failure = |dir: &Path, error: &Error| {
        Failure::file("make the folder", dir, error).help("name a folder for the run with --run")
    };
    std::fs::create_dir_all(parent).map_err(|error| failure(parent, &error))?;
    let mut dir = parent.join(name);
    for n in 2u64.. {
        // Making it is the claim: a look beforehand could be overtaken by another process.
        match std::fs::create_dir(&dir) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failure(&dir, &error)),
            Ok(()) => break,
        }
        dir = parent.join(format!("{name}-{n}"));
    }
    Ok(dir)
}

/// The name of a data file without folder and extensions: `adult` of `examples/adult.csv.gz`.
pub fn stem(data: &Path) -> String {
    let name = data.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut stem = name.as_str();
    for extension in
        [".gz", ".zst", ".csv", ".tsv", ".txt", ".parquet", ".pq", ".arrow", ".feather", ".ipc"]
    {
        stem = stem.strip_suffix(extension).unwrap_or(stem);
    }
    if stem.is_empty() { "model".into() } else { stem.into() }
}

/// The model file of a data file: `adult.eyas` in the current folder.
pub fn model_file(data: &Path) -> PathBuf {
    PathBuf::from(format!("{}.eyas", stem(data)))
}

/// An absolute base folder from the environment, or below the home folder.
fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| {
        env::var_os("HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute())
            .map(|home| home.join(below_home))
    })
}

/// Fails now rather than after the budget is spent, if a file cannot be written.
///
/// # Errors
/// A folder, or a place where no file can be made.
pub fn can_write(out: &Path) -> Result<(), Failure> {
    if std::fs::metadata(out).is_ok_and(|data| !data.is_file()) {
        return Err(Failure::usage(format!("cannot write `{}`: it is not a file", out.display()))
            .help("name a file with --out"));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let trial = folder.join(format!(".eyas-{}", std::process::id()));
    let made = std::fs::File::create_new(&trial);
    let _ = std::fs::remove_file(&trial);
    made.map(drop).map_err(|error| {
        Failure::file("write", out, &error)
            .help("name a file in a folder that can be written, with --out")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_begin_together_get_folders_of_their_own() {
        let parent = tempfile::tempdir().unwrap();
        let make = || make_new_dir(parent.path(), "a").unwrap();
        let mut made: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        made.sort();
        made.dedup();
        assert_eq!(made.len(), 8);
        assert_eq!((&made[0], &made[7]), (&parent.path().join("a"), &parent.path().join("a-8")));
    }

    #[test]
    fn stems_lose_every_known_extension() {
        for (path, expected) in [
            ("examples/adult.csv.gz", "adult"),
            ("a.b.csv", "a.b"),
            ("x.parquet", "x"),
            ("noextension", "noextension"),
            (".csv", "model"),
        ] {
            assert_eq!(stem(Path::new(path)), expected);
        }
        assert_eq!(model_file(Path::new("/data/adult.csv")), PathBuf::from("adult.eyas"));
    }
}
