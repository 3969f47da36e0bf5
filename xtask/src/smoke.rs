//! The first command of the README, with a short budget.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::shell::{Outcome, build_eyas, output, read, root, target_dir};

const BUDGET_SECONDS: f64 = 5.0;
/// Starting and ending a process on a busy machine.
const SLACK_SECONDS: f64 = 0.5;

/// Fits and predicts as the README says, and checks the exit code, the time and the predictions.
///
/// # Errors
/// What does not hold.
pub fn run() -> Outcome {
    let eyas = build_eyas()?;
    let folder = target_dir()?.join("smoke");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make a folder: {error}"))?;
    let arguments = first_command(&read(&root().join("README.md"))?)?;
    let data = arguments.get(1).ok_or("the first command names no data")?.clone();
    let model = folder.join("model.eyas");
    fit(&eyas, &folder, &arguments, &model)?;
    predict(&eyas, &root().join(data), &model)
}

/// The arguments of the first `cargo run --release -- ...` of a text, with a budget of 5 s.
fn first_command(readme: &str) -> Outcome<Vec<String>> {
    let line = readme
        .lines()
        .find_map(|line| line.trim().strip_prefix("cargo run --release -- "))
        .ok_or("the README has no line `cargo run --release -- ...`")?;
    let mut words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
    let budget = words.iter().position(|word| word == "--budget").ok_or("it has no --budget")?;
    let value = words.get_mut(budget + 1).ok_or("its --budget has no value")?;
    *value = format!("{BUDGET_SECONDS}s");
    Ok(words)
}

fn fit(eyas: &Path, folder: &Path, arguments: &[String], model: &Path) -> Outcome {
    let mut command = Command::new(eyas);
    command.current_dir(root()).args(arguments).arg("--json").arg("--out").arg(model);
    command.args(["--memory", "off", "--run"]).arg(folder.join("run"));
    let began = Instant::now();
    let report = output(&mut command)?;
    let seconds = began.elapsed().as_secs_f64();
    if seconds > BUDGET_SECONDS + SLACK_SECONDS {
        return Err(format!("the fit took {seconds:.2} s of a budget of {BUDGET_SECONDS} s"));
    }
    let report: serde_json::Value =
        serde_json::from_str(&report).map_err(|error| format!("the report is no JSON: {error}"))?;
    if report["contract"]["met"] != true || report["n_trials"].as_u64().unwrap_or(0) == 0 {
        return Err(format!("the limits are not met: {}", report["contract"]));
    }
    eprintln!("fit: {seconds:.2} s, {}", report["score"]);
    Ok(())
}

fn predict(eyas: &Path, data: &Path, model: &Path) -> Outcome {
    let predictions = output(Command::new(eyas).arg("predict").arg(model).arg(data))?;
    let mut lines = predictions.lines();
    if lines.next() != Some("prediction") {
        return Err("the predictions have no header `prediction`".into());
    }
    let n_rows = lines.count();
    eprintln!("predict: {n_rows} rows");
    if n_rows == 48_842 { Ok(()) } else { Err(format!("{n_rows} predictions for 48842 rows")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_of_the_first_command_is_replaced() {
        let readme = "# T\n```sh\ncargo run --release -- fit a.csv --target y --budget 60s\n```\n";
        let expected = ["fit", "a.csv", "--target", "y", "--budget", "5s"];
        assert_eq!(first_command(readme).unwrap(), expected);
        assert!(first_command("nothing here").is_err());
    }
}
