//! How long a run has taken, kept once a second: what a killed run used of its budget.
//!
//! The journal knows the time of the last trial, and a fit may take most of the budget. The file
//! `elapsed` in the run's folder holds one number in seconds, always as long, written in place; the
//! kernel keeps it when the process is killed, and it is not flushed.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds between two beats.
const EVERY: f64 = 1.0;
/// Seconds beyond which the file is not believed.
const MOST_SECONDS: f64 = 1e9;

/// Writes the time of a run.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    /// When the next beat is due, in seconds of the run.
    next: AtomicU64,
    file: Mutex<File>,
}

impl Heartbeat {
    /// For a run in this folder; `None` if the file cannot be made. A run does without it then.
    pub fn new(run_dir: &Path) -> Option<Heartbeat> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(path(run_dir)).ok()?;
        Some(Heartbeat { next: AtomicU64::new(0f64.to_bits()), file: Mutex::new(file) })
    }

    /// Told the time of the run, in seconds; writes it now and then.
    pub fn beat(&self, elapsed: f64) {
        if elapsed < f64::from_bits(self.next.load(Ordering::Relaxed)) {
            return;
        }
        let Ok(mut file) = self.file.try_lock() else { return };
        self.next.store((elapsed + EVERY).to_bits(), Ordering::Relaxed);
        // What cannot be written is not known after a kill, and that is all.
        let _ = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(format!("{elapsed:20.3}\n").as_bytes()));
    }
}

/// The time that a run in this folder had taken, in seconds; 0 if it is not known.
pub(crate) fn read(run_dir: &Path) -> f64 {
    let text = std::fs::read_to_string(path(run_dir)).unwrap_or_default();
    let seconds = text.trim().parse().unwrap_or(0.0);
    if (0.0..MOST_SECONDS).contains(&seconds) { seconds } else { 0.0 }
}

/// Removes the file of a run that has ended.
pub(crate) fn remove(run_dir: &Path) {
    let _ = std::fs::remove_file(path(run_dir));
}

fn path(run_dir: &Path) -> PathBuf {
    run_dir.join("elapsed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_beat_is_read_again() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(read(dir.path()), 0.0);
        let heart = Heartbeat::new(dir.path()).expect("the file is made");
        for elapsed in [0.25, 0.5, 1.5, 123_456.75, 123_457.0] {
            heart.beat(elapsed);
        }
        assert_eq!(read(dir.path()), 123_456.75, "one beat a second");
        drop(Heartbeat::new(dir.path()).expect("the file is opened"));
        assert_eq!(read(dir.path()), 123_456.75, "to open it changes nothing");
        for text in ["", "NaN", "-1", "1e300", "inf", "soon"] {
            std::fs::write(path(dir.path()), text).expect("written");
            assert_eq!(read(dir.path()), 0.0, "{text}");
        }
    }
}
