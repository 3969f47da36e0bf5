//! A run that is killed inside a fit goes on inside it.
#![cfg(unix)]

mod workplace;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use workplace::{Workplace, classes_csv};

/// Waits for a file of this kind in a folder; its name.
fn wait_for(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        if let Some(name) = names.into_iter().find(|name| is_wanted(name)) {
            return Some(name);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}

/// Kills a run when a state is there; its name and the time of the run, if it is still there.
fn killed_inside_a_fit(place: &Workplace) -> Option<(String, Duration)> {
    let _ = std::fs::remove_dir_all(place.path("run"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    command.args(["fit", "data.csv", "--target", "y", "--memory", "off", "--run", "run"]);
    command.args(["--budget", "20s", "--folds", "5", "--checkpoint-every", "5ms"]);
    let mut child = command.current_dir(place.path("")).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let folder = place.path("run/checkpoints");
    let state = wait_for(&folder, |name| name.starts_with("trial-") && name.ends_with(".state"));
    child.kill().unwrap();
    child.wait().unwrap();
    let state = state.expect("a state is kept within a minute");
    folder.join(&state).exists().then(|| (state, began.elapsed()))
}

#[test]
fn a_run_killed_inside_a_fit_goes_on_inside_it() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(40_000));
    // A state may be gone before the process is: then its fit had ended, and another run is killed.
    let killed = (0..20).find_map(|_| killed_inside_a_fit(&place));
    let (state, before) = killed.expect("a run is killed inside a fit");
    assert!(!place.path("data.eyas").exists());
    let began = Instant::now();
    let resumed = place.run(&["resume", "run"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let seconds = (before + began.elapsed()).as_secs_f64();
    assert!(seconds < 22.0, "{seconds} of 20 s");
    let words: Vec<&str> = state.split('-').collect();
    let told = format!("goes on inside trial {} (", words[1]);
    assert!(resumed.stderr.contains(&told), "{told} {}", resumed.stderr);
    assert_eq!(place.run(&["predict", "data.eyas", "data.csv"]).done().lines().count(), 40_001);
    let left = |name: &str| place.path("run").join(name).exists();
    assert!(!left("checkpoints") && !left("elapsed"), "what is not needed goes");
}
