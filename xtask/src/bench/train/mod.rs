//! How long training takes beside other libraries: a grid of forests, boosting, a forest, and how
//! the time grows with rows and shrinks with threads.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::peers::Python;
use super::results::{Results, run_all};
use crate::shell::{Outcome, build_eyas, cargo, run, target_dir};

mod grid;
mod growth;
mod page;
mod versus;

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Train {
    /// Folder of tables: NAME/data.csv.gz and NAME/meta.json
    #[arg(long, env = "EYAS_DATA", value_name = "DIR")]
    data: PathBuf,

    /// What to measure; all if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Vec<String>,

    /// Rounds, each of which runs every system once; figures are medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// Threads of every system
    #[arg(long, default_value_t = 2)]
    threads: usize,

    /// Keep rows of other commits too, instead of measuring them again
    #[arg(long)]
    keep: bool,
}

/// One thing that is measured.
#[derive(Debug, Clone, Copy)]
struct Contest {
    name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// `eyas grid` against GridSearchCV on some rows of a table (0 is all).
    Grid { table: &'static str, rows: usize },
    /// Boosting on a table.
    Boosting { table: &'static str },
    /// Boosting on made-up rows and columns.
    Wide { rows: usize, columns: usize },
    /// A forest on a table.
    Forest { table: &'static str },
    /// Boosting on more and more made-up rows, and on one and several threads.
    Growth { columns: usize },
}

const CONTESTS: &[Contest] = &[
    Contest { name: "grid-digits", kind: Kind::Grid { table: "digits", rows: 0 } },
    Contest { name: "grid-satimage", kind: Kind::Grid { table: "satimage", rows: 0 } },
    Contest { name: "grid-covertype", kind: Kind::Grid { table: "covertype", rows: 50_000 } },
    Contest { name: "boosting-adult", kind: Kind::Boosting { table: "adult" } },
    Contest { name: "boosting-credit-default", kind: Kind::Boosting { table: "credit-default" } },
    Contest { name: "boosting-letter", kind: Kind::Boosting { table: "letter" } },
    Contest { name: "boosting-covertype", kind: Kind::Boosting { table: "covertype" } },
    Contest { name: "boosting-nyc-flights", kind: Kind::Boosting { table: "nyc-flights" } },
    Contest { name: "boosting-wide", kind: Kind::Wide { rows: 1_000_000, columns: 100 } },
    Contest { name: "forest-covertype", kind: Kind::Forest { table: "covertype" } },
    Contest { name: "growth", kind: Kind::Growth { columns: 20 } },
];

/// What runs.
struct Tools {
    eyas: PathBuf,
    train: PathBuf,
    python: Python,
    data: PathBuf,
    work: PathBuf,
    threads: usize,
    rounds: usize,
}

impl Train {
    /// Measures what is not measured yet, and writes `bench/results/train.md`.
    ///
    /// # Errors
    /// Tools or tables that are missing.
    pub fn run(&self) -> Outcome {
        let contests = self.contests()?;
        let tools = Tools::make(self)?;
        let mut results = Results::open("train", self.keep)?;
        let work = contests.into_iter().map(|one| (one.name.to_string(), one)).collect();
        run_all(&mut results, work, 1, |contest| tools.measure(contest))?;
        let (verdicts, page) = page::page(results.rows());
        println!("{verdicts}");
        results.publish("Training beside other libraries", &page)
    }

    fn contests(&self) -> Outcome<Vec<&'static Contest>> {
        if let Some(unknown) =
            self.only.iter().find(|name| CONTESTS.iter().all(|c| c.name != **name))
        {
            let names: Vec<&str> = CONTESTS.iter().map(|contest| contest.name).collect();
            return Err(format!("there is no `{unknown}`; there are {}", names.join(", ")));
        }
        let wanted = |contest: &&Contest| {
            self.only.is_empty() || self.only.iter().any(|name| name == contest.name)
        };
        Ok(CONTESTS.iter().filter(wanted).collect())
    }
}

impl Tools {
    fn make(options: &Train) -> Outcome<Tools> {
        let eyas = build_eyas()?;
        run(cargo().args(["build", "--release", "-p", "eyas-learn", "--example", "train"]))?;
        let target = target_dir()?;
        let work = target.join("bench").join("train");
        std::fs::create_dir_all(&work)
            .map_err(|error| format!("cannot make {}: {error}", work.display()))?;
        let bench = target.join("bench");
        Ok(Tools {
            eyas,
            train: target.join("release/examples/train"),
            python: Python::install_list(&bench, "train-python", "train-requirements.txt")?,
            data: options.data.clone(),
            work,
            threads: options.threads,
            rounds: options.rounds.max(1),
        })
    }

    fn measure(&self, contest: &Contest) -> Outcome<Value> {
        let mut row = match contest.kind {
            Kind::Grid { table, rows } => self.grid(contest.name, table, rows),
            Kind::Boosting { table } => self.boosting(table),
            Kind::Wide { rows, columns } => self.wide(contest.name, rows, columns),
            Kind::Forest { table } => self.forest(table),
            Kind::Growth { columns } => self.growth(columns),
        }?;
        row["threads"] = self.threads.into();
        row["rounds"] = self.rounds.into();
        row["load_before"] = load().into();
        Ok(row)
    }

    /// Rows of numbers made up by `synthetic.py`, once.
    fn made_up(&self, name: &str, rows: usize, columns: usize) -> Outcome<PathBuf> {
        let folder = self.work.join(name);
        if !folder.join("meta.json").exists() {
            let arguments =
                [folder.clone().into(), rows.to_string().into(), columns.to_string().into()];
            self.python.run("synthetic.py", &arguments)?;
        }
        Ok(folder)
    }
}

/// Programs that wanted a core in the last minute, this one included.
pub(super) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// The last line of what a program prints, as JSON.
pub(super) fn last_line(told: &str) -> Outcome<Value> {
    let line = told.trim_end().lines().next_back().unwrap_or_default();
    serde_json::from_str(line).map_err(|error| format!("no JSON in its last line: {error}"))
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { f64::midpoint(values[(n - 1) / 2], values[n / 2]) }
}

/// What a system took in its rounds.
fn system(name: &str, runs: &[Value]) -> Value {
    let of = |field: &str| runs.iter().filter_map(|run| run[field].as_f64()).collect::<Vec<_>>();
    json!({
        "name": name,
        "seconds": median(of("seconds")),
        "data_seconds": median(of("data_seconds")),
        "peak_bytes": median(of("peak_bytes")),
        "all_seconds": of("seconds"),
        "version": runs.first().map_or(Value::Null, |run| run["version"].clone()),
    })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_rounds() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 2.5);
        let runs = [json!({"seconds": 2.0, "version": "1"}), json!({"seconds": 4.0})];
        let system = system("peer", &runs);
        assert_eq!((system["seconds"].as_f64(), &system["version"]), (Some(3.0), &json!("1")));
        assert_eq!(last_line("warning\n{\"a\": 1}\n").unwrap(), json!({"a": 1}));
        assert!(last_line("no").is_err());
    }
}
