//! Other programs, and the folders of this repository.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What every task answers: nothing, or what is wrong.
pub type Outcome<T = ()> = Result<T, String>;

/// The folder of the repository.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask lies in the repository").to_path_buf()
}

/// The cargo that runs this task.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a program to its end, its output shown.
///
/// # Errors
/// It cannot be started or fails.
pub fn run(command: &mut Command) -> Outcome {
    let words = words(command);
    eprintln!("$ {words}");
    let status = command.status().map_err(|error| format!("cannot run `{words}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{words}` failed ({status})")) }
}

/// Runs a program and gives what it prints to standard output.
///
/// # Errors
/// It cannot be started, fails, or prints no text.
pub fn output(command: &mut Command) -> Outcome<String> {
    let words = words(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run `{words}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{words}` failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{words}` printed no text"))
}

/// Whether a program runs and succeeds, its output hidden.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The folder that cargo builds into.
///
/// # Errors
/// `cargo metadata` fails.
pub fn target_dir() -> Outcome<PathBuf> {
    let metadata = metadata()?;
    let dir =
        metadata["target_directory"].as_str().ok_or("cargo metadata names no target folder")?;
    Ok(PathBuf::from(dir))
}

/// What `cargo metadata` says of the workspace's own packages.
///
/// # Errors
/// `cargo metadata` fails.
pub fn metadata() -> Outcome<serde_json::Value> {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// Builds the released command and gives its path.
///
/// # Errors
/// The build fails.
pub fn build_eyas() -> Outcome<PathBuf> {
    run(cargo().args(["build", "--release", "-p", "eyas-cli"]))?;
    Ok(target_dir()?.join("release").join("eyas"))
}

/// Reads a text file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Writes a text file, with its folder.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, text: &str) -> Outcome {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let all = std::iter::once(program).chain(command.get_args());
    all.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
