//! Means over folds, beside figures that others published.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Common;
use super::peers::Python;
use super::results::{Results, markdown, number, run_all};
use super::tables::{self, Asked, Table};
use crate::shell::{Outcome, build_eyas, read, target_dir};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Cv {
    #[command(flatten)]
    common: Common,

    /// Folds of each table
    #[arg(long, default_value_t = 10)]
    folds: usize,

    /// Training budget of each fold
    #[arg(long, value_name = "TIME", default_value = "60s")]
    budget: String,

    /// Latency limit of every run; none if not given
    #[arg(long, value_name = "TIME")]
    latency: Option<String>,

    /// Published figures: CSV with the columns dataset, metric, system, mean, sd, folds
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
}

/// A published mean.
#[derive(Debug, PartialEq)]
struct Published {
    dataset: String,
    metric: String,
    system: String,
    mean: f64,
    sd: f64,
    folds: f64,
}

impl Cv {
    /// Measures what is not measured yet, and writes `bench/results/cv.md`.
    ///
    /// # Errors
    /// Tools or tables that are missing.
    pub fn run(&self) -> Outcome {
        let published =
            self.reference.as_deref().map_or(Ok(Vec::new()), |path| published(&read(path)?))?;
        let eyas = build_eyas()?;
        let work = target_dir()?.join("bench");
        let python = Python::install(&work)?;
        let mut results = Results::open("cv", self.common.keep)?;
        let asked = Asked {
            eyas,
            budget: self.budget.clone(),
            latency: self.latency.clone(),
            threads: self.common.threads(),
        };
        let mut runs = Vec::new();
        for name in tables::names(&self.common.data, &self.common.tables)? {
            let table = tables::split(&python, &self.common.data, &name, &work, self.folds)?;
            for fold in 0..self.folds {
                let limit = asked.latency.as_deref().unwrap_or("none");
                let key = format!("{name} {} {limit} {fold:02}/{}", asked.budget, self.folds);
                runs.push((key, (table.clone(), fold)));
            }
        }
        run_all(&mut results, runs, self.common.jobs, |(table, fold)| {
            one(&python, table, &asked, *fold)
        })?;
        let page = page(results.rows(), &published);
        println!("{page}");
        results.publish("Means over folds, beside published figures", &page)
    }
}

/// One fold of a table.
fn one(python: &Python, table: &Table, asked: &Asked, fold: usize) -> Outcome<Value> {
    let out = table.folder.join(fold.to_string()).join(&asked.budget);
    let mut row = table.fit(asked, fold, &out)?;
    let scored = python.score(table, fold, &[out.join("predictions.csv")])?;
    row["table"] = table.name.as_str().into();
    row["metric"] = table.metric().into();
    row["budget"] = asked.budget.as_str().into();
    row["latency"] = json!(asked.latency);
    row["fold"] = fold.into();
    row["threads"] = asked.threads.into();
    row["score"] = scored["scores"][0].clone();
    Ok(row)
}

/// Figures of a CSV file with a header; no cell may hold a comma.
fn published(text: &str) -> Outcome<Vec<Published>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let place = |name: &str| {
        let at = header.iter().position(|column| column.trim() == name);
        at.ok_or_else(|| format!("the published figures have no column `{name}`"))
    };
    let at: Vec<usize> = ["dataset", "metric", "system", "mean", "sd", "folds"]
        .into_iter()
        .map(place)
        .collect::<Outcome<_>>()?;
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |which: usize| cells.get(at[which]).copied().unwrap_or_default();
        let number = |which: usize| {
            cell(which)
                .parse::<f64>()
                .map_err(|_| format!("`{line}`: `{}` is no number", cell(which)))
        };
        Ok(Published {
            dataset: cell(0).into(),
            metric: cell(1).into(),
            system: cell(2).into(),
            mean: number(3)?,
            sd: number(4)?,
            folds: number(5)?,
        })
    };
    lines.filter(|line| !line.trim().is_empty()).map(row).collect()
}

/// Mean and standard deviation.
fn mean_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}

fn page(rows: &[Value], published: &[Published]) -> String {
    let mut groups: Vec<(String, String, String)> = rows
        .iter()
        .filter(|row| row["error"].is_null())
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or("none").to_string();
            (text("table"), text("budget"), text("latency"))
        })
        .collect();
    groups.sort();
    groups.dedup();
    let mut lines = Vec::new();
    for (table, budget, latency) in &groups {
        let own: Vec<&Value> = rows
            .iter()
            .filter(|row| row["table"] == **table && row["budget"] == **budget)
            .filter(|row| row["latency"].as_str().unwrap_or("none") == latency)
            .collect();
        lines.extend(group_lines(table, budget, latency, &own, published));
    }
    let failed = rows.iter().filter(|row| !row["error"].is_null());
    let failed: String =
        failed.map(|row| format!("- failed: {}: {}\n", row["key"], row["error"])).collect();
    format!("{HOW}{}\n{failed}", markdown(HEADER, lines))
}

const HOW: &str = "Mean over folds with its standard error. Published figures are of other splits of the same \
data, with other budgets and machines: compare means within their standard errors.\n\n";

const HEADER: &[&str] =
    &["table", "metric", "system", "mean", "se", "sd", "folds", "most seconds", "worst p99 us"];

fn group_lines(
    table: &str,
    budget: &str,
    latency: &str,
    rows: &[&Value],
    published: &[Published],
) -> Vec<Vec<String>> {
    let values =
        |name: &str| -> Vec<f64> { rows.iter().filter_map(|row| row[name].as_f64()).collect() };
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let scores = values("score");
    let (mean, sd) = mean_sd(&scores);
    let metric = rows[0]["metric"].as_str().unwrap_or_default();
    let line = |system: String, mean: f64, sd: f64, folds: f64, rest: [String; 2]| {
        let mut cells = vec![table.to_string(), metric.to_string(), system];
        let figures =
            [mean, sd / folds.max(1.0).sqrt(), sd].map(|figure| number(&json!(figure), 5));
        cells.extend(figures);
        cells.push(format!("{folds:.0}"));
        cells.extend(rest);
        cells
    };
    let rest = [
        format!("{:.1}", most(&values("wall_seconds"))),
        format!("{:.2}", most(&values("p99_ns")) / 1e3),
    ];
    let limit = if latency == "none" { String::new() } else { format!(", p99 {latency}") };
    let own = line(format!("**Eyas {budget}{limit}**"), mean, sd, scores.len() as f64, rest);
    let short = match metric {
        "roc_auc" => "auc",
        "log_loss" => "logloss",
        other => other,
    };
    let others = published
        .iter()
        .filter(|figure| {
            figure.dataset == table && [metric, short].contains(&figure.metric.as_str())
        })
        .map(|figure| {
            let none = ["-".to_string(), "-".to_string()];
            line(figure.system.clone(), figure.mean, figure.sd, figure.folds, none)
        });
    std::iter::once(own).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_figures_stand_below_ours() {
        let figures = published(
            "dataset,metric,system,mean,sd,folds,train_s\nkc1,auc,Peer,0.8,0.02,4,9\nkc1,rmse,Other,1,1,4,9\n",
        )
        .unwrap();
        let rows = [0.7, 0.9].map(|score| {
            json!({"table": "kc1", "metric": "roc_auc", "budget": "10s", "score": score,
                   "wall_seconds": 9.5, "p99_ns": 1500.0, "key": "k"})
        });
        let page = page(&rows, &figures);
        let own = "| kc1 | roc_auc | **Eyas 10s** | 0.80000 | 0.10000 | 0.14142 | 2 | 9.5 | 1.50 |";
        assert!(page.contains(own), "{page}");
        assert!(
            page.contains("| kc1 | roc_auc | Peer | 0.80000 | 0.01000 | 0.02000 | 4 | - | - |")
        );
        assert!(!page.contains("Other"));
    }

    #[test]
    fn broken_reference_files_are_refused() {
        assert!(published("dataset,metric\n").is_err());
        assert!(published("dataset,metric,system,mean,sd,folds\na,b,c,x,1,2\n").is_err());
    }
}
