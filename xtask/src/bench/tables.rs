//! Tables of real data: which there are, their splits, and runs of `eyas` on a split.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::peers::Python;
use crate::shell::{Outcome, read};

/// A table with its splits.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Folder of its splits: `meta.json`, `0/train.csv`, `0/test.csv`, ...
    pub folder: PathBuf,
    /// `meta.json`.
    pub meta: Value,
}

/// How a run of `eyas fit` is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The command.
    pub eyas: PathBuf,
    /// Training budget, as typed.
    pub budget: String,
    /// Latency limit, as typed.
    pub latency: Option<String>,
    /// Threads.
    pub threads: usize,
}

/// Names of the tables that a folder holds, or those asked for.
///
/// # Errors
/// A folder that cannot be read, a table that is not there.
pub fn names(data: &Path, asked: &[String]) -> Outcome<Vec<String>> {
    let kind = |name: &str| -> Outcome<String> {
        let meta = parse(&data.join(name).join("meta.json"))?;
        Ok(meta["task"].as_str().unwrap_or_default().to_string())
    };
    if !asked.is_empty() {
        asked.iter().try_for_each(|name| kind(name).map(drop))?;
        return Ok(asked.to_vec());
    }
    let entries = std::fs::read_dir(data)
        .map_err(|error| format!("cannot list {}: {error}", data.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            let kind = kind(name).unwrap_or_default();
            ["binary", "multiclass", "regression"].contains(&kind.as_str())
        })
        .collect();
    names.sort();
    Ok(names)
}

/// Splits a table, unless that is done already.
///
/// # Errors
/// What the script says.
pub fn split(python: &Python, data: &Path, name: &str, out: &Path, folds: usize) -> Outcome<Table> {
    let folder =
        out.join(name).join(if folds == 0 { "split".into() } else { format!("{folds}-folds") });
    let meta_path = folder.join("meta.json");
    if !meta_path.exists() {
        let mut arguments = vec!["split".into(), data.join(name).into_os_string()];
        arguments.push(folder.clone().into());
        arguments.extend(["--folds".into(), folds.to_string().into()]);
        python.run("tables.py", &arguments)?;
    }
    Ok(Table { name: name.into(), meta: parse(&meta_path)?, folder })
}

impl Table {
    /// A file of a fold.
    pub fn file(&self, fold: usize, name: &str) -> PathBuf {
        self.folder.join(fold.to_string()).join(name)
    }

    /// `meta.json`.
    pub fn meta_file(&self) -> PathBuf {
        self.folder.join("meta.json")
    }

    /// Name of the metric.
    pub fn metric(&self) -> &str {
        self.meta["metric"].as_str().unwrap_or_default()
    }

    /// Fits and predicts a fold with the real command; predictions go to `out/predictions.csv`.
    ///
    /// # Errors
    /// The commands fail; with what they say.
    pub fn fit(&self, asked: &Asked, fold: usize, out: &Path) -> Outcome<Value> {
        let told = |error| format!("cannot make {}: {error}", out.display());
        if out.exists() {
            std::fs::remove_dir_all(out).map_err(told)?;
        }
        std::fs::create_dir_all(out).map_err(told)?;
        let model = out.join("model.eyas");
        let mut command = self.fit_command(asked, fold, out, &model);
        let began = Instant::now();
        let report = captured(&mut command)?;
        let wall_seconds = began.elapsed().as_secs_f64();
        let report: Value =
            serde_json::from_str(&report).map_err(|error| format!("no JSON report: {error}"))?;
        let mut predict = Command::new(&asked.eyas);
        predict.arg("predict").arg(&model).arg(self.file(fold, "test.csv")).arg("--out");
        predict.arg(out.join("predictions.csv"));
        if self.meta["task"] != "regression" {
            predict.arg("--proba");
        }
        captured(&mut predict)?;
        Ok(summary(&report, wall_seconds))
    }

    fn fit_command(&self, asked: &Asked, fold: usize, out: &Path, model: &Path) -> Command {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let mut command = Command::new(&asked.eyas);
        command.arg("fit").arg(self.file(fold, "train.csv"));
        command.arg("--target").arg(text(&self.meta["target"]));
        command.args(["--task", &text(&self.meta["task"]), "--metric", self.metric()]);
        command.args(["--budget", &asked.budget, "--threads", &asked.threads.to_string()]);
        if let Some(latency) = &asked.latency {
            command.args(["--latency", latency]);
        }
        for column in self.meta["categories_of_numbers"].as_array().into_iter().flatten() {
            command.arg("--type").arg(format!("{}=category", text(column)));
        }
        command.args(["--memory", "off", "--json", "--quiet", "--best-effort", "--run"]);
        command.arg(out.join("run")).arg("--out").arg(model);
        command
    }
}

/// What of a report is kept in the results.
fn summary(report: &Value, wall_seconds: f64) -> Value {
    json!({
        "wall_seconds": wall_seconds,
        "p50_ns": report["latency"]["p50_ns"],
        "p99_ns": report["latency"]["p99_ns"],
        "p99_upper_ns": report["latency"]["p99_upper_ns"],
        "limits_met": report["contract"]["met"],
        "bytes": report["file_bytes"],
        "n_trials": report["n_trials"],
        "chosen": report["chosen"],
        "validation_score": report["score"]["value"],
    })
}

/// Runs a command and gives its standard output; its standard error is the message if it fails.
fn captured(command: &mut Command) -> Outcome<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|_| "output is no text".into());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = told.lines().rev().take(3).collect();
    Err(format!("{} ({})", last.into_iter().rev().collect::<Vec<_>>().join(" / "), output.status))
}

fn parse(path: &Path) -> Outcome<Value> {
    serde_json::from_str(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}
