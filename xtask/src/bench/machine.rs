//! Where and from what a figure was measured.

use std::process::Command;

use serde_json::{Value, json};

use crate::shell::{output, root};

/// Processor, cores and memory.
pub fn machine() -> Value {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_string()
    };
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    json!({
        "processor": field(&read("/proc/cpuinfo"), "model name"),
        "cores": cores,
        "memory": field(&read("/proc/meminfo"), "MemTotal"),
    })
}

/// The commit of the working tree, marked where it is changed.
pub fn commit() -> String {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]);
    output(&mut git).map_or_else(|_| "unknown".into(), |text| text.trim().to_string())
}

/// The command that measures, as a user would type it.
pub fn command() -> String {
    let shown = std::env::args().skip(1).collect::<Vec<_>>();
    // Where the tables lie is the reader's own affair.
    let mut words = Vec::new();
    let mut skip = false;
    for word in shown {
        if !std::mem::take(&mut skip) && !word.starts_with("--data=") {
            skip = word == "--data";
            if !skip {
                words.push(word);
            }
        }
    }
    format!("cargo xtask {} --data DIR", words.join(" "))
}
