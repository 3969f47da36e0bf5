//! Instructions of small trainings, counted by Callgrind, against those that were recorded: a guard
//! against code that has become slower, which no noise of a machine can trip.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};

use crate::shell::{self, Outcome, cargo, root, succeeds, target_dir};

/// A count may exceed the recorded one by this share: compilers differ.
const TOLERANCE: f64 = 0.10;
const RECORDS: &str = "bench/instructions.json";

/// Arguments.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Instructions {
    /// Write what was counted to bench/instructions.json instead of judging it
    #[arg(long)]
    record: bool,
}

/// A training: its name, the learner, and settings.
struct Case {
    name: &'static str,
    learner: &'static str,
    settings: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "boosting-leafwise",
        learner: "boosting",
        settings: &["n_estimators=20", "num_leaves=31"],
    },
    Case {
        name: "boosting-oblivious",
        learner: "boosting",
        settings: &["n_estimators=20", "num_leaves=64", "max_depth=6", "grow_policy=oblivious"],
    },
    Case { name: "random-forest", learner: "random_forest", settings: &["n_estimators=4"] },
    Case { name: "extra-trees", learner: "extra_trees", settings: &["n_estimators=4"] },
];

impl Instructions {
    /// Counts every case.
    ///
    /// # Errors
    /// A program that fails, or counts above what is allowed.
    pub fn run(&self) -> Outcome {
        if !succeeds(Command::new("valgrind").arg("--version")) {
            eprintln!("SKIPPED: counts of instructions; `apt-get install -y valgrind` brings it");
            return Ok(());
        }
        shell::run(cargo().args(["build", "--release", "-p", "eyas-learn", "--example", "train"]))?;
        let program = target_dir()?.join("release/examples/train");
        let work = target_dir()?.join("instructions");
        std::fs::create_dir_all(&work)
            .map_err(|error| format!("cannot make {}: {error}", work.display()))?;
        let mut counted = Map::new();
        for case in CASES {
            let count = count(&program, &work, case)?;
            eprintln!("{}: {:.1} million instructions", case.name, count as f64 / 1e6);
            counted.insert(case.name.into(), count.into());
        }
        let records = root().join(RECORDS);
        if self.record {
            let text = serde_json::to_string_pretty(&Value::Object(counted)).expect("it is JSON");
            return shell::write(&records, &(text + "\n"));
        }
        let recorded: Map<String, Value> = serde_json::from_str(&shell::read(&records)?)
            .map_err(|error| format!("{RECORDS}: {error}"))?;
        judge(&recorded, &counted)
    }
}

fn count(program: &Path, work: &Path, case: &Case) -> Outcome<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    valgrind.arg(case.learner).arg(root().join("examples/adult.csv.gz")).arg("class");
    valgrind.arg(work.join("model.eyas")).args(case.settings);
    let output = valgrind.output().map_err(|error| format!("cannot run valgrind: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{}: {}\n{told}", case.name, output.status));
    }
    instructions(&told).ok_or_else(|| format!("callgrind told no count:\n{told}"))
}

/// What follows `Collected :`.
fn instructions(told: &str) -> Option<u64> {
    let line = told.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// Fails if a count is above its record by more than is allowed.
fn judge(recorded: &Map<String, Value>, counted: &Map<String, Value>) -> Outcome {
    let mut problems = Vec::new();
    for (name, count) in counted {
        let (count, record) = (count.as_f64(), recorded.get(name).and_then(Value::as_f64));
        match count.zip(record).map(|(count, record)| count / record) {
            None => problems.push(format!("{name} has no record")),
            Some(ratio) if ratio > 1.0 + TOLERANCE => {
                problems.push(format!("{name} takes {ratio:.2} times the recorded instructions"));
            }
            Some(ratio) if ratio < 1.0 - TOLERANCE => {
                eprintln!("{name} takes {ratio:.2} times the recorded instructions: record it");
            }
            Some(_) => {}
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let told = problems.join("\n");
    Err(format!("{told}\nif that is worth it, `cargo xtask instructions --record` and say why"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_and_judged() {
        assert_eq!(instructions("==1== Collected : 41235\n==1== I refs: 41,235"), Some(41_235));
        assert_eq!(instructions("nothing"), None);
        let map = |count: u64| json!({ "a": count }).as_object().cloned().expect("an object");
        assert!(judge(&map(1000), &map(1099)).is_ok());
        assert!(judge(&map(1000), &map(1101)).unwrap_err().contains("a takes 1.10 times"));
        assert!(judge(&map(1000), &map(500)).is_ok());
        assert!(judge(&Map::new(), &map(1)).is_err());
    }
}
