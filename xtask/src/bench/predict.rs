//! How long predictions take: Eyas through its C interface beside the libraries that its models are
//! imported from, and beside compilers of trees, in one process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::peers::Python;
use super::results::{Results, markdown, number, run_all};
use super::tables::captured;
use crate::shell::{Outcome, build_eyas, cargo, root, run, target_dir};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Predict {
    /// Folder of tables: nyc-flights and covertype, each with data.csv.gz and meta.json
    #[arg(long, env = "EYAS_DATA", value_name = "DIR")]
    data: PathBuf,

    /// Models to measure; all if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    models: Vec<String>,

    /// Rounds, each of which times every predictor
    #[arg(long, default_value_t = 11)]
    rounds: usize,

    /// Keep rows of other commits too, instead of measuring them again
    #[arg(long)]
    keep: bool,
}

/// What a model is measured against: Eyas over the fastest peer, at most.
struct Contest {
    name: &'static str,
    /// For p50 and p99 of one row.
    row: Option<f64>,
    /// For a row of a batch.
    batch: Option<f64>,
    /// Peers that count for the bars begin with this; all if empty.
    against: &'static str,
    /// Milliseconds of loading the model, at most.
    load_ms: Option<f64>,
}

const THIRD: f64 = 1.0 / 3.0;

/// The models, by their names in `bench/compare/predict_models.py`.
const CONTESTS: &[Contest] = &[
    contest("lightgbm-100x31", None, Some(THIRD), "", None),
    contest("lightgbm-500x31", Some(0.2), Some(THIRD), "", None),
    contest("lightgbm-1000x63", None, Some(THIRD), "", Some(1.0)),
    contest("lightgbm-7-classes", None, Some(THIRD), "", None),
    contest("xgboost-500-depth-6", None, Some(THIRD), "", None),
    contest("catboost-1000-depth-6", Some(THIRD), Some(0.5), "catboost", Some(1.0)),
    contest("forest-100-full-depth", Some(0.25), Some(THIRD), "", None),
];

const fn contest(
    name: &'static str,
    row: Option<f64>,
    batch: Option<f64>,
    against: &'static str,
    load_ms: Option<f64>,
) -> Contest {
    Contest { name, row, batch, against, load_ms }
}

/// Programs and folders of a measurement.
struct Tools {
    eyas: PathBuf,
    library: PathBuf,
    harness: PathBuf,
    python: Python,
    work: PathBuf,
}

impl Predict {
    /// Measures what is not measured yet, and writes `bench/results/predict.md`.
    ///
    /// # Errors
    /// Tools or tables that are missing.
    pub fn run(&self) -> Outcome {
        let contests = self.contests()?;
        let tools = Tools::make()?;
        let mut results = Results::open("predict", self.keep)?;
        let work = contests.into_iter().map(|one| (one.name.to_string(), one)).collect();
        run_all(&mut results, work, 1, |contest| self.one(&tools, contest))?;
        let (verdicts, page) = page(results.rows());
        println!("{verdicts}");
        results.publish("Predictions beside other libraries", &page)
    }

    fn contests(&self) -> Outcome<Vec<&'static Contest>> {
        let known = |name: &String| CONTESTS.iter().any(|contest| contest.name == name);
        if let Some(unknown) = self.models.iter().find(|name| !known(name)) {
            let names: Vec<&str> = CONTESTS.iter().map(|contest| contest.name).collect();
            return Err(format!("there is no model `{unknown}`; there are {}", names.join(", ")));
        }
        let wanted = |contest: &&Contest| {
            self.models.is_empty() || self.models.iter().any(|name| name == contest.name)
        };
        Ok(CONTESTS.iter().filter(wanted).collect())
    }

    /// One model: train it (once), import it, time everything.
    fn one(&self, tools: &Tools, contest: &Contest) -> Outcome<Value> {
        let folder = tools.work.join("predict").join(contest.name);
        let arguments: [OsString; 3] =
            [contest.name.into(), self.data.clone().into(), folder.clone().into()];
        tools.python.run("predict_models.py", &arguments)?;
        let source = source(&folder)?;
        let model = folder.join("model.eyas");
        let mut import = Command::new(&tools.eyas);
        captured(import.arg("import").arg(folder.join(source)).arg("-o").arg(&model))
            .map_err(|problem| format!("eyas import: {problem}"))?;
        let mut row = tools.measure(&folder, &model, self.rounds)?;
        row["model"] = contest.name.into();
        row["model_bytes"] = std::fs::metadata(&model).map_or(0, |facts| facts.len()).into();
        row["summary"] = summary(&row).into();
        Ok(row)
    }
}

/// The file that `eyas import` reads.
fn source(folder: &Path) -> Outcome<String> {
    let text = crate::shell::read(&folder.join("meta.json"))?;
    let facts: Value =
        serde_json::from_str(&text).map_err(|error| format!("meta.json: {error}"))?;
    facts["source"].as_str().map(str::to_string).ok_or_else(|| "meta.json has no source".into())
}

impl Tools {
    /// Builds the command, the library and the harness, and installs the peers.
    fn make() -> Outcome<Tools> {
        let eyas = build_eyas()?;
        run(cargo().args(["build", "--release", "-p", "eyas-c"]))?;
        let work = target_dir()?.join("bench");
        let python = Python::install_list(&work, "predict-python", "predict-requirements.txt")?;
        let harness = work.join("libharness.so");
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o"]).arg(&harness);
        run(cc.arg(root().join("bench/compare/predict_harness.c")).arg("-ldl"))?;
        let library = target_dir()?.join("release").join("libeyas.so");
        Ok(Tools { eyas, library, harness, python, work })
    }

    fn measure(&self, folder: &Path, model: &Path, rounds: usize) -> Outcome<Value> {
        let arguments: [OsString; 8] = [
            folder.into(),
            self.harness.clone().into(),
            "--eyas".into(),
            self.library.clone().into(),
            "--model".into(),
            model.into(),
            "--rounds".into(),
            rounds.to_string().into(),
        ];
        let told = self.python.run("predict_peers.py", &arguments)?;
        // Libraries print to standard output as they like; the last line is ours.
        let line = told.lines().next_back().unwrap_or_default();
        serde_json::from_str(line).map_err(|error| format!("predict_peers.py: {error}"))
    }
}

/// A figure of the fastest of some systems, and its name.
fn fastest<'a>(row: &'a Value, field: &str, against: &str) -> Option<(f64, &'a str)> {
    let systems = row["systems"].as_array()?.iter();
    let figure = |system: &'a Value| Some((system[field].as_f64()?, system["name"].as_str()?));
    systems
        .filter_map(figure)
        .filter(|(_, name)| !name.starts_with("eyas") && name.starts_with(against))
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

fn of_eyas(row: &Value, field: &str) -> Option<f64> {
    let systems = row["systems"].as_array()?;
    systems.iter().find(|system| system["name"] == "eyas")?[field].as_f64()
}

/// In a line, while it runs.
fn summary(row: &Value) -> String {
    let part = |title: &str, field: &str| {
        let (eyas, peer) = (of_eyas(row, field), fastest(row, field, ""));
        match (eyas, peer) {
            (Some(eyas), Some((peer, name))) => {
                format!("{title} {eyas:.0} ns, {:.3} of {name}", eyas / peer)
            }
            _ => format!("{title} not measured"),
        }
    };
    [part("p50", "p50_ns"), part("p99", "p99_ns"), part("batch", "batch_ns")].join("; ")
}

/// What is compared: title, field, and the bar of a contest.
type Figure = (&'static str, &'static str, fn(&Contest) -> Option<f64>);

const FIGURES: [Figure; 3] = [
    ("one row, p50", "p50_ns", |contest| contest.row),
    ("one row, p99", "p99_ns", |contest| contest.row),
    ("batch, a row", "batch_ns", |contest| contest.batch),
];

fn verdict(is_met: bool) -> String {
    if is_met { "met" } else { "MISSED" }.into()
}

/// Ratios of a model: what, Eyas, fastest peer, its name, ratio, bar, verdict.
fn ratios(contest: &Contest, row: &Value) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for (title, field, bar) in FIGURES {
        let (Some(eyas), Some((peer, name))) =
            (of_eyas(row, field), fastest(row, field, contest.against))
        else {
            continue;
        };
        let ratio = eyas / peer;
        let mut line = vec![contest.name.into(), title.into(), format!("{:.3}", eyas / 1e3)];
        line.extend([format!("{:.3}", peer / 1e3), name.into(), format!("{ratio:.3}")]);
        line.push(bar(contest).map_or_else(|| "-".into(), |bar| format!("{bar:.3}")));
        line.push(bar(contest).map_or_else(|| "-".into(), |bar| verdict(ratio <= bar)));
        lines.push(line);
    }
    if let Some(load) = row["load_ns"].as_f64() {
        let bar = contest.load_ms;
        let mut line =
            vec![contest.name.into(), "load the file".into(), format!("{:.3}", load / 1e3)];
        line.extend(["-", "-", "-"].map(String::from));
        line.push(bar.map_or_else(|| "-".into(), |bar| format!("{:.0} us", 1e3 * bar)));
        line.push(bar.map_or_else(|| "-".into(), |bar| verdict(load <= 1e6 * bar)));
        lines.push(line);
    }
    lines
}

/// Verdicts in a line each, and the page.
fn page(rows: &[Value]) -> (String, String) {
    let measured: Vec<(&Contest, &Value)> = CONTESTS
        .iter()
        .filter_map(|contest| Some((contest, rows.iter().find(|row| row["key"] == contest.name)?)))
        .collect();
    let lines: Vec<Vec<String>> =
        measured.iter().flat_map(|(contest, row)| ratios(contest, row)).collect();
    let barred = lines.iter().filter(|line| line[7] != "-");
    let verdicts: Vec<String> = barred.map(|line| line.join("  ")).collect();
    let versions = measured.iter().find_map(|(_, row)| row["versions"].as_object());
    let versions = versions.into_iter().flatten();
    let versions: Vec<String> =
        versions.map(|(name, value)| format!("{name} {}", value.as_str().unwrap_or("?"))).collect();
    let mut page = format!("{HOW}Versions: {}.\n\n", versions.join(", "));
    page += &format!("## Ratios\n\n{}\n", markdown(RATIOS, lines));
    for (contest, row) in measured {
        page += &format!("## {}\n\n", contest.name);
        match row["error"].as_str() {
            Some(problem) => page += &format!("Failed: {problem}\n\n"),
            None => page += &detail(row),
        }
    }
    (verdicts.join("\n"), page)
}

const HOW: &str = "Every predictor of a model is timed in one process on one core with one thread, \
in rounds that alternate between them; figures are medians over rounds. One row: distinct rows in \
random order, ready as the numbers that the predictor takes (Eyas: 64-bit), the cost of the clock \
taken off. Batch: 20,000 rows in one call, on one core. Eyas is called through `libeyas`; \
LightGBM, XGBoost, ONNX Runtime, lleaves and compiled code (tl2cgen; code exported by CatBoost and YDF) are called \
through their C interfaces from the same harness; CatBoost's C library is not on the package \
index, so it is called from Python, beside the C++ code that it exports; its time in a batch bounds from below what \
its C library would need for one row. Ratio: Eyas over the fastest peer, or for CatBoost's \
model over the faster of its own two; the bar is what Eyas must not exceed. Difference: largest distance from the predictions of the \
library that trained the model, over their standard deviation. Models are trained on `nyc-flights` (29 numeric columns) and `covertype` (54) \
with 100,000 rows by `bench/compare/predict_models.py`.\n\n";

const RATIOS: &[&str] =
    &["model", "what", "Eyas us", "peer us", "fastest peer", "ratio", "bar", ""];

const SYSTEMS: &[&str] =
    &["predictor", "interface", "rows", "p50 us", "p99 us", "batch us a row", "difference"];

/// All predictors of a model.
fn detail(row: &Value) -> String {
    let systems = row["systems"].as_array().map_or(&[][..], Vec::as_slice);
    let (measured, missing): (Vec<&Value>, Vec<&Value>) =
        systems.iter().partition(|system| system["problem"].is_null());
    let mut text = format!(
        "{} columns, {} outputs, {} rounds; Eyas file {} kB, loaded in {} us, with a scratch object {} us\n\n",
        row["n_columns"],
        row["n_outputs"],
        row["rounds"],
        row["model_bytes"].as_u64().unwrap_or(0) / 1000,
        number(&json!(row["load_ns"].as_f64().map(|ns| ns / 1e3)), 0),
        number(&json!(row["load_and_scratch_ns"].as_f64().map(|ns| ns / 1e3)), 0),
    );
    text += &markdown(SYSTEMS, measured.into_iter().map(system));
    text.push('\n');
    for system in missing {
        let told = |field: &str| system[field].as_str().unwrap_or_default().to_string();
        text += &format!("- {}: not measured: {}\n", told("name"), told("problem"));
    }
    text + "\n"
}

fn system(system: &Value) -> Vec<String> {
    let text = |field: &str| system[field].as_str().unwrap_or("-").to_string();
    let us = |field: &str| number(&json!(system[field].as_f64().map(|ns| ns / 1e3)), 3);
    let name = text("name");
    let difference = match system["difference"].as_f64() {
        Some(difference) => format!("{difference:.0e}"),
        None => "own model".into(),
    };
    let rows = system["n_rows"].to_string();
    vec![name, text("interface"), rows, us("p50_ns"), us("p99_ns"), us("batch_ns"), difference]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Value {
        let system = |name: &str, p50: f64, batch: f64| json!({"name": name, "p50_ns": p50, "p99_ns": 2.0 * p50, "batch_ns": batch});
        json!({
            "key": "catboost-1000-depth-6",
            "load_ns": 2e6,
            "systems": [
                system("eyas", 300.0, 60.0),
                system("eyas-scalar", 100.0, 10.0),
                system("catboost", 5000.0, 100.0),
                system("catboost-cpp", 1000.0, 900.0),
                system("onnxruntime", 400.0, 50.0),
                json!({"name": "tl2cgen", "problem": "too large"}),
            ],
        })
    }

    #[test]
    fn ratios_are_against_the_fastest_that_counts() {
        assert_eq!(fastest(&row(), "p50_ns", ""), Some((400.0, "onnxruntime")));
        assert_eq!(fastest(&row(), "p50_ns", "catboost"), Some((1000.0, "catboost-cpp")));
        assert_eq!(fastest(&row(), "batch_ns", "catboost"), Some((100.0, "catboost")));
        assert_eq!(fastest(&json!({}), "p50_ns", ""), None);
        let contest = CONTESTS.iter().find(|contest| contest.name == row()["key"]).unwrap();
        let lines = ratios(contest, &row());
        let told: Vec<(&str, &str)> =
            lines.iter().map(|line| (line[5].as_str(), line[7].as_str())).collect();
        let expected = [("0.300", "met"), ("0.300", "met"), ("0.600", "MISSED"), ("-", "MISSED")];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_page_tells_what_was_not_measured() {
        let failed = json!({"key": "lightgbm-100x31", "error": "no gcc"});
        let (verdicts, page) = page(&[row(), failed]);
        assert_eq!(verdicts.lines().count(), 4);
        assert!(page.contains("tl2cgen: not measured: too large"), "{page}");
        assert!(page.contains("Failed: no gcc"), "{page}");
    }

    #[test]
    fn every_contest_has_a_model() {
        let script = include_str!("../../../bench/compare/predict_models.py");
        for contest in CONTESTS {
            assert!(script.contains(&format!("\"{}\":", contest.name)), "{}", contest.name);
        }
    }
}
