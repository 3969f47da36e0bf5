//! Where files go if the user does not say.

use std::env;
use std::path::{Path, PathBuf};

/// The memory of past tasks: below `XDG_DATA_HOME` or `~/.local/share`. `None` without a home.
pub fn memory() -> Option<PathBuf> {
    base("XDG_DATA_HOME", ".local/share").map(|base| base.join("eyas").join("memory.db"))
}

/// A folder for a new run, named by data and time: below `XDG_STATE_HOME` or `~/.local/state`, or below
/// the folder of temporary files without a home.
pub fn run_dir(data: &Path) -> PathBuf {
    let runs = base("XDG_STATE_HOME", ".local/state").unwrap_or_else(env::temp_dir);
    let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let name = format!("{}-{time}", stem(data));
    let runs = runs.join("eyas").join("runs");
    let mut dir = runs.join(&name);
    let mut n = 1;
    while dir.exists() {
        n += 1;
        dir = runs.join(format!("{name}-{n}"));
    }
    dir
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

#[cfg(test)]
mod tests {
    use super::*;

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
