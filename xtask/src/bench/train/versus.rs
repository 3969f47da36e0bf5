//! Boosting and forests beside the libraries that train them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Tools, last_line, system, text};
use crate::bench::tables::{self, Table, captured};
use crate::shell::Outcome;

/// Libraries that boost, as `train_peers.py` knows them.
const BOOSTERS: &[&str] = &["lightgbm", "xgboost", "catboost", "hessboost", "perpetual"];
/// Peers that choose rate, trees and leaves by themselves: shown, but no yardstick.
const OWN_SETTINGS: &[&str] = &["perpetual"];
const TREES: usize = 300;
const LEAVES: usize = 31;
const RATE: f64 = 0.1;
const FOREST_TREES: usize = 100;

/// What Eyas is asked to train.
struct Asked {
    learner: &'static str,
    trees: usize,
    settings: Vec<String>,
}

fn boosting(trees: usize) -> Asked {
    let settings = vec![
        format!("n_estimators={trees}"),
        format!("num_leaves={LEAVES}"),
        format!("learning_rate={RATE}"),
        "early_stopping_rounds=0".into(),
        // As the peers do; by default one tree has leaves for all classes.
        "multi_strategy=one_per_class".into(),
    ];
    Asked { learner: "boosting", trees, settings }
}

fn full_depth(trees: usize) -> Asked {
    let settings = vec![format!("n_estimators={trees}"), "leaf_smoothing=0.0".into()];
    Asked { learner: "random_forest", trees, settings }
}

impl Tools {
    /// Boosting on a real table.
    pub(super) fn boosting(&self, table: &str) -> Outcome<Value> {
        let table = self.prepared(table)?;
        self.versus(&table, &boosting(TREES), BOOSTERS, table.metric())
    }

    /// Boosting on made-up numbers.
    pub(super) fn wide(&self, name: &str, rows: usize, columns: usize) -> Outcome<Value> {
        let folder = self.made_up(name, rows, columns)?;
        let meta = json!({"task": "binary", "target": "target", "metric": "roc_auc"});
        let table = Table { name: name.into(), folder, meta };
        self.versus(&table, &boosting(TREES), BOOSTERS, table.metric())
    }

    /// A forest of trees of full depth on a real table.
    pub(super) fn forest(&self, table: &str) -> Outcome<Value> {
        let table = self.prepared(table)?;
        self.versus(&table, &full_depth(FOREST_TREES), &["scikit-learn"], "accuracy")
    }

    /// A table, split and ready for peers.
    fn prepared(&self, name: &str) -> Outcome<Table> {
        let table = tables::split(&self.python, &self.data, name, &self.work, 0)?;
        self.python.run("train_peers.py", &["prepare".into(), table.folder.clone().into()])?;
        Ok(table)
    }

    /// Every system once a round, in turn; then scores.
    fn versus(&self, table: &Table, asked: &Asked, peers: &[&str], metric: &str) -> Outcome<Value> {
        let mut runs: Vec<Vec<Value>> = vec![Vec::new(); peers.len() + 1];
        let mut problems: Vec<Option<String>> = vec![None; peers.len()];
        for _ in 0..self.rounds {
            runs[0].push(self.eyas(table, asked, self.threads)?);
            for (place, peer) in peers.iter().enumerate() {
                if problems[place].is_some() {
                    continue;
                }
                match self.peer(table, peer, asked.trees) {
                    Ok(run) => runs[place + 1].push(run),
                    Err(problem) => problems[place] = Some(problem),
                }
            }
        }
        let mut systems = vec![system("eyas", &runs[0])];
        for ((peer, runs), problem) in peers.iter().zip(&runs[1..]).zip(problems) {
            systems.push(match problem {
                Some(problem) => json!({"name": peer, "problem": problem}),
                None => system(peer, runs),
            });
            systems.last_mut().expect("pushed")["own_settings"] =
                OWN_SETTINGS.contains(peer).into();
        }
        self.score(table, metric, &mut systems)?;
        Ok(json!({"metric": metric, "summary": summary(&systems), "systems": systems}))
    }

    /// Trains with Eyas and writes predictions of the test rows.
    fn eyas(&self, table: &Table, asked: &Asked, threads: usize) -> Outcome<Value> {
        let model = table.file(0, "eyas-model.eyas");
        let mut train = self.eyas_command(table, asked, threads, &model);
        let told = last_line(&captured(&mut train)?)?;
        let mut predict = Command::new(&self.eyas);
        predict.arg("predict").arg(&model).arg(table.file(0, "test.csv"));
        predict.arg("--out").arg(predictions(table, "eyas"));
        if table.meta["task"] != "regression" {
            predict.arg("--proba");
        }
        captured(&mut predict)?;
        Ok(told)
    }

    fn eyas_command(&self, table: &Table, asked: &Asked, threads: usize, model: &Path) -> Command {
        let mut command = Command::new(&self.train);
        command.arg(asked.learner);
        let array = table.folder.join("train.npy");
        if array.exists() {
            command.arg(&array).arg(table.folder.join("train-target.npy"));
        } else {
            let target = table.meta["target"].as_str().unwrap_or_default();
            command.arg(table.file(0, "train.csv")).arg(target);
        }
        command.arg(model).args(["--threads", &threads.to_string()]);
        command.args(["--task", table.meta["task"].as_str().unwrap_or_default()]);
        for column in table.meta["categories_of_numbers"].as_array().into_iter().flatten() {
            command.args(["--category", column.as_str().unwrap_or_default()]);
        }
        command.args(&asked.settings);
        command
    }

    fn peer(&self, table: &Table, peer: &str, trees: usize) -> Outcome<Value> {
        let arguments: [OsString; 11] = [
            peer.into(),
            table.folder.clone().into(),
            predictions(table, peer).into(),
            "--threads".into(),
            self.threads.to_string().into(),
            "--trees".into(),
            trees.to_string().into(),
            "--leaves".into(),
            LEAVES.to_string().into(),
            "--rate".into(),
            RATE.to_string().into(),
        ];
        last_line(&self.python.run("train_peers.py", &arguments)?)
    }

    /// Scores of all systems, and for each peer what Eyas gains over it.
    fn score(&self, table: &Table, metric: &str, systems: &mut [Value]) -> Outcome {
        for system in systems.iter_mut() {
            if !system["problem"].is_null() {
                continue;
            }
            let name = system["name"].as_str().unwrap_or_default().to_string();
            let files = [predictions(table, "eyas"), predictions(table, &name)];
            let told = self.python.score_by(metric, table, 0, &files)?;
            system["score"] = told["scores"][1].clone();
            system["eyas_gains"] = told["gain"].clone();
            system["gain_se"] = told["gain_se"].clone();
        }
        Ok(())
    }
}

/// Seconds of boosting on made-up numbers, of Eyas alone.
pub(super) fn growing(
    tools: &Tools,
    folder: &Path,
    trees: usize,
    threads: usize,
) -> Outcome<Value> {
    let meta = json!({"task": "binary", "target": "target", "metric": "roc_auc"});
    let table = Table { name: "growth".into(), folder: folder.into(), meta };
    let model = table.file(0, "eyas-model.eyas");
    last_line(&captured(&mut tools.eyas_command(&table, &boosting(trees), threads, &model))?)
}

fn predictions(table: &Table, system: &str) -> std::path::PathBuf {
    table.file(0, &format!("train-{system}.csv"))
}

fn summary(systems: &[Value]) -> String {
    let one = |system: &Value| {
        let name = system["name"].as_str().unwrap_or_default();
        match system["problem"].as_str() {
            Some(problem) => format!("{name} failed ({problem})"),
            None => format!("{name} {:.2} s", system["seconds"].as_f64().unwrap_or(f64::NAN)),
        }
    };
    systems.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Tools {
    /// A table as CSV for the grid, made once.
    pub(super) fn grid_table(&self, name: &str, table: &str, rows: usize) -> Outcome<String> {
        let out = self.work.join(format!("{name}.csv"));
        if !out.exists() {
            let source = self.data.join(table).join("data.csv.gz");
            let arguments: [OsString; 6] = [
                "table".into(),
                table.into(),
                source.into(),
                out.clone().into(),
                "--rows".into(),
                rows.to_string().into(),
            ];
            self.python.run("grid_peer.py", &arguments)?;
        }
        Ok(text(&out))
    }
}
