//! Files that are written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;

/// Writes a file so that at `path` is at any time the old one or the whole new one, also when the
/// machine stops in between.
///
/// Writes beside it, flushes to the disk, renames, and flushes the folder.
///
/// # Errors
/// [`Error::Io`]; nothing is left behind then, and an old file at `path` is as it was (unless only
/// the last flush of the folder failed).
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |error: io::Error| Error::Io(format!("cannot write {}: {error}", path.display()));
    let beside = path_beside(path).map_err(failed)?;
    let written = write_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Best effort: the first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| flush_folder(path)).map_err(failed)
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::Io(format!("cannot read {}: {error}", path.display())))
}

/// A name in the same folder that no other writer uses.
fn path_beside(path: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no name of a file"));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    beside.push(format!(".{}.{number}.part", std::process::id()));
    Ok(path.with_file_name(beside))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename is safe only once the folder is on the disk.
#[cfg(unix)]
fn flush_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Folders cannot be opened as files here.
#[cfg(not(unix))]
fn flush_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_whole_and_leaves_nothing_behind() {
        let folder = std::env::temp_dir().join(format!("eyas-whole-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        let path = folder.join("model.eyas");
        for bytes in [&b"old"[..], b"new and longer", b""] {
            write_whole(&path, bytes).expect("the folder is writable");
            assert_eq!(read(&path).expect("it was written"), bytes);
        }
        // A folder is in the way, so the rename fails.
        let taken = folder.join("taken");
        fs::create_dir_all(taken.join("inside")).expect("a folder for the test");
        assert!(write_whole(&taken, b"x").is_err());
        let names: Vec<_> = fs::read_dir(&folder)
            .expect("the folder exists")
            .map(|entry| entry.expect("readable").file_name())
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        fs::remove_dir_all(&folder).expect("the test made it");
    }

    #[test]
    fn errors_name_the_file() {
        let message = read(Path::new("no/such.eyas")).expect_err("not there").to_string();
        assert!(message.starts_with("cannot read no/such.eyas: "), "{message}");
        let message = write_whole(Path::new("no/such.eyas"), b"").expect_err("no folder");
        assert!(message.to_string().starts_with("cannot write no/such.eyas: "), "{message}");
        assert!(write_whole(Path::new(".."), b"").is_err());
    }
}
