//! Fuzzing of everything that reads files from elsewhere, with libFuzzer on the stable toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome, cargo, root};

/// Targets, each with the files of the repository that it begins with.
const TARGETS: &[(&str, &str)] = &[
    ("model", "testdata/model"),
    ("lightgbm", "testdata/import/lightgbm"),
    ("xgboost", "testdata/import/xgboost"),
    ("catboost", "testdata/import/catboost"),
    ("onnx", "testdata/import/onnx"),
];

/// Instrumentation that tells libFuzzer which branches were taken.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 -Cdebug-assertions";

/// Fuzzes what reads files from elsewhere
#[derive(Debug, clap::Args)]
pub struct Fuzz {
    /// Targets: model, lightgbm, xgboost, catboost, onnx; all if none is named
    targets: Vec<String>,

    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl Fuzz {
    /// All targets.
    pub fn all(seconds: u32) -> Fuzz {
        Fuzz { targets: Vec::new(), seconds }
    }

    /// Builds the targets and runs them, two at a time.
    ///
    /// # Errors
    /// The names of the targets that failed; libFuzzer leaves the input in `fuzz/artifacts`.
    pub fn run(&self) -> Outcome {
        let folder = root().join("fuzz");
        let unknown = self.targets.iter().find(|name| !TARGETS.iter().any(|t| t.0 == **name));
        if let Some(name) = unknown {
            return Err(format!("there is no fuzz target `{name}`"));
        }
        let programs = build(&folder)?;
        let wanted = |target: &&(&str, &str)| {
            self.targets.is_empty() || self.targets.iter().any(|name| name == target.0)
        };
        let wanted: Vec<_> = TARGETS.iter().filter(wanted).collect();
        let mut failed = Vec::new();
        for pair in wanted.chunks(2) {
            let mut running = Vec::new();
            for (name, seeds) in pair {
                running.push((name, self.start(&folder, &programs.join(name), seeds)?));
            }
            for (name, mut child) in running {
                let status = child.wait().map_err(|error| format!("cannot wait: {error}"))?;
                let log = folder.join("artifacts").join(name).join("log.txt");
                let log = std::fs::read_to_string(log).unwrap_or_default();
                if !status.success() {
                    let tail: Vec<&str> = log.lines().rev().take(40).collect();
                    tail.iter().rev().for_each(|line| eprintln!("{line}"));
                    failed.push(*name);
                }
                let ran = log.lines().find(|line| line.starts_with("stat::number_of_executed"));
                eprintln!("{name}: {}", ran.unwrap_or("ended without figures"));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(format!("fuzzing failed: {failed:?}")) }
    }

    fn start(&self, folder: &Path, program: &Path, seeds: &str) -> Outcome<std::process::Child> {
        let name = program.file_name().unwrap_or_default();
        let [corpus, artifacts] = ["corpus", "artifacts"].map(|kind| folder.join(kind).join(name));
        for made in [&corpus, &artifacts] {
            std::fs::create_dir_all(made)
                .map_err(|error| format!("{}: {error}", made.display()))?;
        }
        // What libFuzzer tells goes to a file: it is long, and of use only when it fails.
        let told = artifacts.join("log.txt");
        let log =
            std::fs::File::create(&told).map_err(|error| format!("{}: {error}", told.display()))?;
        let mut command = Command::new(program);
        command.stderr(log);
        command.arg(corpus).arg(root().join(seeds)).args([
            format!("-max_total_time={}", self.seconds),
            format!("-artifact_prefix={}/", artifacts.display()),
            "-max_len=40000".into(),
            "-timeout=10".into(),
            "-rss_limit_mb=1500".into(),
            "-malloc_limit_mb=400".into(),
            "-print_final_stats=1".into(),
            "-verbosity=0".into(),
        ]);
        command.spawn().map_err(|error| format!("cannot start {}: {error}", program.display()))
    }
}

/// Builds all targets; returns the folder that they are in.
fn build(folder: &Path) -> Outcome<PathBuf> {
    let facts = Command::new("rustc").arg("-vV").output();
    let facts = facts.map_err(|error| format!("cannot run rustc: {error}"))?;
    let facts = String::from_utf8_lossy(&facts.stdout).into_owned();
    let host = facts.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc does not tell its host")?;
    // With a target named, build scripts are not instrumented.
    let arguments = ["build", "--release", "--bins", "--target", host];
    let mut build = cargo();
    build.current_dir(folder).env("RUSTFLAGS", FLAGS).env_remove("CARGO_TARGET_DIR");
    shell::run(build.args(arguments))?;
    Ok(folder.join("target").join(host).join("release"))
}
