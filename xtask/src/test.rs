//! Everything that must hold before a change goes in.

use std::process::Command;
use std::time::Instant;

use crate::fuzz::Fuzz;
use crate::instructions::Instructions;
use crate::shell::{self, Outcome, cargo, succeeds};
use crate::{smoke, tidy};

/// Runs one check and tells how long it took.
fn timed(name: &str, step: impl FnOnce() -> Outcome) -> Outcome {
    let began = Instant::now();
    eprintln!("== {name}");
    let outcome = step();
    eprintln!("== {name}: {:.0} s", began.elapsed().as_secs_f64());
    outcome
}

/// Runs all checks; the tests come last, so that the last line is their summary.
///
/// # Errors
/// The first check that fails.
pub fn run() -> Outcome {
    timed("tools", install)?;
    timed("format", || shell::run(cargo().args(["fmt", "--all", "--check"])))?;
    timed("tidy", tidy::run)?;
    timed("lints", lint)?;
    timed("runtime in the browser", web)?;
    timed("documentation", document)?;
    timed("first command", smoke::run)?;
    timed("examples in the documentation", doc_tests)?;
    timed("instructions", || Instructions::default().run())?;
    timed("fuzzing", || Fuzz::all(FUZZ_SECONDS).run())?;
    timed("tests", tests)
}

/// Seconds for each fuzz target.
const FUZZ_SECONDS: u32 = 60;

/// Formatter and lints, if the toolchain came without them.
fn install() -> Outcome {
    for (component, probe) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !succeeds(cargo().args([probe, "--version"])) {
            shell::run(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    // libFuzzer is written in C++.
    if !succeeds(Command::new("c++").arg("--version")) {
        shell::run(Command::new("apt-get").args(["install", "-y", "g++"]))?;
    }
    // Without it two checks are left out, which they say.
    if !succeeds(Command::new("valgrind").arg("--version")) {
        succeeds(Command::new("apt-get").args(["install", "-y", "valgrind"]));
    }
    Ok(())
}

fn lint() -> Outcome {
    shell::run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The runtime builds for WebAssembly, where that target is installed.
fn web() -> Outcome {
    const TARGET: &str = "wasm32-unknown-unknown";
    let mut rustc = Command::new("rustc");
    let folder = shell::output(rustc.args(["--print", "target-libdir", "--target", TARGET]))?;
    if !std::path::Path::new(folder.trim()).is_dir() {
        eprintln!("SKIPPED: `rustup target add {TARGET}` brings what this check needs");
        return Ok(());
    }
    shell::run(cargo().args(["check", "-p", "eyas-model", "--target", TARGET]))
}

fn document() -> Outcome {
    let flags = "-D warnings -A rustdoc::private_intra_doc_links";
    shell::run(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", flags))
}

fn doc_tests() -> Outcome {
    shell::run(cargo().args(["test", "--workspace", "--doc", "--quiet"]))
}

/// With nextest where it is installed.
fn tests() -> Outcome {
    // Runners hide what passing tests say, so what they leave out is said here.
    if !succeeds(Command::new("valgrind").arg("--version")) {
        eprintln!("SKIPPED: the C example under Valgrind; `apt-get install -y valgrind` brings it");
    }
    if succeeds(cargo().args(["nextest", "--version"])) {
        return shell::run(cargo().args(["nextest", "run", "--workspace", "--no-fail-fast"]));
    }
    shell::run(cargo().args(["test", "--workspace", "--all-targets", "--no-fail-fast"]))
}
