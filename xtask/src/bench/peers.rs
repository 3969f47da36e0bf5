//! The scripts of `bench/compare` and the Python environment they run in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::tables::{Table, captured};
use crate::shell::{self, Outcome, root};

/// A Python with the packages of a list of `bench/compare`.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// Makes the environment of most measurements below a folder.
    ///
    /// # Errors
    /// No `python3`, or packages that cannot be installed.
    pub fn install(below: &Path) -> Outcome<Python> {
        Python::install_list(below, "python", "requirements.txt")
    }

    /// Makes an environment below a folder, once for each version of its list of packages.
    ///
    /// # Errors
    /// No `python3`, or packages that cannot be installed.
    pub fn install_list(below: &Path, name: &str, list: &str) -> Outcome<Python> {
        let environment = below.join(name);
        let requirements = root().join("bench/compare").join(list);
        let wanted = shell::read(&requirements)?;
        let installed = environment.join("installed.txt");
        let program = environment.join("bin").join("python");
        if shell::read(&installed).ok().as_ref() != Some(&wanted) {
            shell::run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            let mut pip = Command::new(&program);
            pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements);
            shell::run(&mut pip)?;
            shell::write(&installed, &wanted)?;
        }
        Ok(Python { program })
    }

    /// Runs a script and gives what it prints.
    ///
    /// # Errors
    /// The script fails.
    pub fn run(&self, script: &str, arguments: &[OsString]) -> Outcome<String> {
        let script = root().join("bench/compare").join(script);
        captured(Command::new(&self.program).arg(script).args(arguments))
    }

    /// Predictions of LightGBM for a fold, made once; gives seconds and bytes.
    ///
    /// # Errors
    /// The script fails.
    pub fn lightgbm(&self, table: &Table, fold: usize, threads: usize) -> Outcome<Value> {
        let kept = table.file(fold, "lightgbm.json");
        if !kept.exists() {
            let files = [
                table.meta_file(),
                table.file(fold, "train.csv"),
                table.file(fold, "test.csv"),
                table.file(fold, "lightgbm.csv"),
            ];
            let mut arguments: Vec<OsString> = files.into_iter().map(Into::into).collect();
            arguments.extend(["--threads".into(), threads.to_string().into()]);
            let told = self.run("lightgbm_peer.py", &arguments)?;
            shell::write(&kept, &told)?;
        }
        parse(&shell::read(&kept)?)
    }

    /// Scores of predictions on the test rows of a fold.
    ///
    /// # Errors
    /// The script fails.
    pub fn score(&self, table: &Table, fold: usize, predictions: &[PathBuf]) -> Outcome<Value> {
        self.score_by(table.metric(), table, fold, predictions)
    }

    /// Scores by another metric than the table's.
    ///
    /// # Errors
    /// The script fails.
    pub fn score_by(
        &self,
        metric: &str,
        table: &Table,
        fold: usize,
        predictions: &[PathBuf],
    ) -> Outcome<Value> {
        let mut arguments: Vec<OsString> =
            vec![table.meta_file().into(), table.file(fold, "test.csv").into()];
        arguments.extend(predictions.iter().map(Into::into));
        arguments.extend(["--metric".into(), metric.into()]);
        parse(&self.run("score.py", &arguments)?)
    }
}

fn parse(text: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| format!("a script printed no JSON: {error}"))
}
