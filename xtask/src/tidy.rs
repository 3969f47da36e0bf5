//! Tidiness that a compiler does not check: arrows between crates, sizes of files, leftovers.

use std::path::{Path, PathBuf};

use crate::shell::{Outcome, metadata, read, root};

/// The crates of ours that each crate may depend on (tests included).
const ARROWS: &[(&str, &[&str])] = &[
    ("eyas-model", &[]),
    ("eyas-search", &[]),
    ("eyas-learn", &["eyas-model", "eyas-search"]),
    ("eyas-convert", &["eyas-model"]),
    ("eyas-c", &["eyas-model"]),
    ("eyas-arrow", &["eyas-learn", "eyas-model"]),
    ("eyas-memory", &["eyas-search"]),
    ("eyas", &["eyas-model", "eyas-search", "eyas-learn", "eyas-memory"]),
    (
        "eyas-cli",
        &[
            "eyas-model",
            "eyas-search",
            "eyas-learn",
            "eyas-arrow",
            "eyas-memory",
            "eyas-convert",
            "eyas",
        ],
    ),
    ("xtask", &[]),
];

/// Lines of a file from which it is looked at.
const LINES_WARNED: usize = 500;
/// Lines of a file from which it is refused.
const LINES_REFUSED: usize = 900;

/// What must not stay in the code. Split, so that this file does not find itself.
const LEFTOVERS: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[", "ignore"),
];

/// Folders whose files each hold one learner, schedule, step-size rule or metric.
const LISTED: &[&str] = &[
    "crates/learn/src/learners",
    "crates/learn/src/schedules",
    "crates/learn/src/step_sizes",
    "crates/learn/src/metrics",
];

/// Checks everything.
///
/// # Errors
/// All that is untidy.
pub fn run() -> Outcome {
    let mut problems = arrows()?;
    for path in sources()? {
        problems.extend(file_problems(&path, &read(&root().join(&path))?));
    }
    for folder in LISTED {
        problems.extend(unlisted(folder)?);
    }
    if problems.is_empty() { Ok(()) } else { Err(format!("untidy:\n  {}", problems.join("\n  "))) }
}

/// Arrows between crates that are not allowed.
fn arrows() -> Outcome<Vec<String>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let mut problems = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            problems.push(format!("crate {name}: say in xtask/src/tidy.rs what it may depend on"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        problems.extend(
            dependencies
                .iter()
                .filter_map(|dependency| dependency["name"].as_str())
                .filter(|other| ARROWS.iter().any(|(known, _)| known == other))
                .filter(|other| !allowed.contains(other))
                .map(|other| format!("crate {name} must not depend on {other}")),
        );
    }
    Ok(problems)
}

/// Every Rust file, relative to the repository, in order.
fn sources() -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask"] {
        walk(Path::new(folder), &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    let told = |error| format!("cannot list {}: {error}", folder.display());
    for entry in std::fs::read_dir(root().join(folder)).map_err(told)? {
        let entry = entry.map_err(told)?;
        let path = folder.join(entry.file_name());
        if entry.file_type().map_err(told)?.is_dir() {
            if entry.file_name() != "target" {
                walk(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// What is untidy in one file.
fn file_problems(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let shown = path.display();
    let first = text.lines().find(|line| !line.starts_with("#![")).unwrap_or_default();
    if !first.starts_with("//! ") {
        problems.push(format!("{shown}: begin with a `//!` sentence that says what it is"));
    }
    let n_lines = text.lines().count();
    if n_lines > LINES_REFUSED {
        problems.push(format!("{shown}: {n_lines} lines; split it (at most {LINES_REFUSED})"));
    } else if n_lines > LINES_WARNED {
        eprintln!("warning: {shown} has {n_lines} lines; does it hold more than one thing?");
    }
    for (at, line) in text.lines().enumerate() {
        for leftover in LEFTOVERS.iter().filter(|leftover| line.contains(**leftover)) {
            problems.push(format!("{shown}:{}: `{leftover}` must not stay", at + 1));
        }
    }
    problems
}

/// Modules of a folder of listed things that its `mod.rs` does not declare.
fn unlisted(folder: &str) -> Outcome<Vec<String>> {
    let list = read(&root().join(folder).join("mod.rs"))?;
    let mut files = Vec::new();
    walk(Path::new(folder), &mut files)?;
    let own = files.iter().filter(|path| path.parent() == Some(Path::new(folder)));
    Ok(own
        .filter_map(|path| path.file_stem()?.to_str())
        .filter(|name| *name != "mod" && !list.contains(&format!("mod {name};")))
        .map(|name| format!("{folder}/{name}.rs is not declared in its mod.rs"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        file_problems(Path::new("a.rs"), text)
    }

    #[test]
    fn tidy_files_pass() {
        assert_eq!(problems("//! What it is.\nfn f() {}\n"), Vec::<String>::new());
        assert_eq!(problems("#![no_main]\n//! What it is.\n"), Vec::<String>::new());
    }

    #[test]
    fn untidy_files_are_named_with_the_line() {
        assert_eq!(problems("fn f() {}\n").len(), 1);
        let leftover = format!("//! A.\nfn f() {{ {}) }}\n", LEFTOVERS[0]);
        assert_eq!(problems(&leftover), [format!("a.rs:2: `{}` must not stay", LEFTOVERS[0])]);
        assert_eq!(problems(&format!("//! A.\n{}", "\n".repeat(1000))).len(), 1);
    }

    #[test]
    fn allowed_arrows_make_no_circle() {
        for (name, allowed) in ARROWS {
            let place = |wanted| ARROWS.iter().position(|(known, _)| known == wanted);
            for other in *allowed {
                assert!(place(other) < place(name), "{name} -> {other}");
            }
        }
    }
}
