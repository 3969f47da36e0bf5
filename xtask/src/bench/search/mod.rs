//! The search beside Optuna: recorded tables, simulated time, functions, screening, and what a
//! proposal costs.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::peers::Python;
use super::results::{Results, run_all};
use super::tables::captured;
use crate::shell::{Outcome, cargo, read, run, target_dir};
use runs::{Run, geometric_mean, mean, percentile, sorted_losses};

mod page;
mod runs;

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Search {
    /// What to measure (tables, time, functions, screening, price); all if not given
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    only: Vec<String>,

    /// Seeds of every search
    #[arg(long, default_value_t = 20)]
    seeds: usize,

    /// Processes of the peers
    #[arg(long, default_value_t = 2)]
    jobs: usize,

    /// Keep rows of other commits too, instead of measuring them again
    #[arg(long)]
    keep: bool,
}

const PARTS: [&str; 5] = ["tables", "time", "functions", "screening", "price"];

/// The tables of FCNet and of HPOBench's networks.
const TASKS: [&str; 12] = [
    "naval_propulsion",
    "parkinsons_telemonitoring",
    "protein_structure",
    "slice_localization",
    "car",
    "phoneme",
    "vehicle",
    "australian",
    "kc1",
    "segment",
    "blood_transfusion",
    "credit_g",
];
const FUNCTIONS: [&str; 8] =
    ["branin", "hartmann6", "sphere", "rosenbrock", "ackley", "rastrigin", "styblinski", "levy"];
/// Numbers of trials at which searches are compared.
const MARKS: [usize; 4] = [10, 25, 50, 100];

struct Tools {
    search: PathBuf,
    python: Python,
    work: PathBuf,
    seeds: usize,
    jobs: usize,
}

impl Search {
    /// Measures what is not measured yet, and writes `bench/results/search.md`.
    ///
    /// # Errors
    /// Tools that are missing, or an unknown part.
    pub fn run(&self) -> Outcome {
        if let Some(unknown) = self.only.iter().find(|name| !PARTS.contains(&name.as_str())) {
            return Err(format!("there is no `{unknown}`; there are {}", PARTS.join(", ")));
        }
        let tools = Tools::make(self)?;
        let mut results = Results::open("search", self.keep)?;
        let wanted = |name: &&str| self.only.is_empty() || self.only.iter().any(|o| o == name);
        let parts = PARTS.into_iter().filter(wanted);
        let work = parts.map(|part| (part.to_string(), part)).collect();
        run_all(&mut results, work, 1, |part| tools.measure(part))?;
        let (verdicts, page) = page::page(results.rows());
        println!("{verdicts}");
        results.publish("The search beside Optuna", &page)
    }
}

impl Tools {
    fn make(options: &Search) -> Outcome<Tools> {
        run(cargo().args(["build", "--release", "-p", "eyas-search", "--example", "search"]))?;
        let target = target_dir()?;
        let bench = target.join("bench");
        let work = bench.join("search");
        std::fs::create_dir_all(&work)
            .map_err(|error| format!("cannot make {}: {error}", work.display()))?;
        let python = Python::install_list(&bench, "search-python", "search-requirements.txt")?;
        let (seeds, jobs) = (options.seeds.max(1), options.jobs.max(1));
        let search = target.join("release/examples/search");
        Ok(Tools { search, python, work, seeds, jobs })
    }

    fn measure(&self, part: &str) -> Outcome<Value> {
        match part {
            "tables" => self.tables(),
            "time" => self.time(),
            "functions" => self.functions(),
            "screening" => self.screening(),
            _ => self.price(),
        }
    }

    /// Runs of Eyas's searches.
    fn eyas(&self, arguments: &[&str]) -> Outcome<Vec<Run>> {
        let seeds = self.seeds.to_string();
        let mut command = Command::new(&self.search);
        Run::lines(&captured(command.args(arguments).args(["--seeds", &seeds]))?)
    }

    /// Runs of Optuna, kept in a file from one measurement to the next.
    fn optuna(&self, what: &str, arguments: &[&str]) -> Outcome<Vec<Run>> {
        let kept = self.work.join(format!("optuna-{what}.jsonl"));
        let mut all: Vec<std::ffi::OsString> = vec![what.into()];
        if what == "tables" {
            all.push(self.work.clone().into());
        }
        all.push(kept.clone().into());
        all.extend(arguments.iter().map(Into::into));
        all.extend(["--seeds".into(), self.seeds.to_string().into()]);
        all.extend(["--processes".into(), self.jobs.to_string().into()]);
        self.python.run("search_peers.py", &all)?;
        let mut runs = Run::lines(&read(&kept)?)?;
        runs.retain(|run| run.seed < self.seeds as u64);
        Ok(runs)
    }

    fn exported(&self) -> Outcome {
        if !self.work.join("credit_g.json").exists() {
            self.python.run("search_peers.py", &["export".into(), self.work.clone().into()])?;
        }
        Ok(())
    }

    fn on_tables(&self, arguments: &[&str]) -> Outcome<(Vec<Run>, Vec<Run>)> {
        self.exported()?;
        let (tasks, folder) = (TASKS.join(","), self.work.display().to_string());
        let first = ["tables", &folder, &tasks];
        let ours = self.eyas(&[&first[..], arguments].concat())?;
        let peers = self.optuna("tables", &["--tasks", &tasks, "--systems", "random,tpe"])?;
        Ok((ours, peers))
    }

    /// Percentile ranks: means over seeds, then geometric means over tasks.
    fn tables(&self) -> Outcome<Value> {
        let (mut runs, peers) = self.on_tables(&["--trials", "100"])?;
        runs.extend(peers);
        let mut systems = Vec::new();
        for system in ["blend", "tpe", "random"] {
            let mut tasks = Vec::new();
            for task in TASKS {
                let sorted = sorted_losses(&self.work, task)?;
                let of = || runs.iter().filter(|r| r.task == task && r.system == system);
                let at = |n: usize| mean(of().map(|run| percentile(&sorted, run.best(n))));
                tasks.push(MARKS.map(at));
            }
            let over: Vec<f64> =
                (0..4).map(|mark| geometric_mean(tasks.iter().map(|t| t[mark]))).collect();
            let by_task: Vec<Value> =
                TASKS.iter().zip(&tasks).map(|(t, ranks)| json!([t, ranks])).collect();
            systems.push(json!({"name": system, "ranks": over, "tasks": by_task}));
        }
        let summary = format!("ranks {} of TPE's {}", systems[0]["ranks"], systems[1]["ranks"]);
        Ok(json!({"systems": systems, "seeds": self.seeds, "summary": summary}))
    }

    /// Simulated seconds until TPE's loss after 100 trials is reached, of TPE's seconds for all.
    fn time(&self) -> Outcome<Value> {
        let (ours, peers) = self.on_tables(&["--trials", "200", "--costs"])?;
        let mut tasks = Vec::new();
        for task in TASKS {
            let mut ratios = Vec::new();
            let mut n_missed = 0;
            for tpe in peers.iter().filter(|run| run.task == task && run.system == "tpe") {
                let same = |run: &&Run| run.task == task && run.seed == tpe.seed;
                let run = ours.iter().find(same).ok_or("a run of Eyas is missing")?;
                let reached = run.seconds_to(tpe.best(100));
                n_missed += usize::from(reached.is_none());
                // What was not reached counts with all that was spent, which is too little.
                let seconds = reached.unwrap_or_else(|| run.all_seconds());
                ratios.push(seconds / tpe.all_seconds());
            }
            tasks.push(json!({"task": task, "ratio": geometric_mean(ratios.clone()),
                "median": super::train::median(ratios), "not_reached": n_missed}));
        }
        let over = |field: &str| geometric_mean(tasks.iter().filter_map(|t| t[field].as_f64()));
        let (ratio, median) = (over("ratio"), over("median"));
        let summary = format!("{ratio:.3} of TPE's time");
        Ok(json!({"ratio": ratio, "median": median, "tasks": tasks, "seeds": self.seeds,
            "summary": summary}))
    }

    /// Mean ranks on functions after 100 trials.
    fn functions(&self) -> Outcome<Value> {
        let names = FUNCTIONS.join(",");
        let mut runs = self.eyas(&["functions", &names, "--trials", "100"])?;
        runs.extend(self.optuna("functions", &["--systems", "random,tpe,cma-es"])?);
        let mut systems: Vec<String> = runs.iter().map(|run| run.system.clone()).collect();
        systems.sort_unstable();
        systems.dedup();
        let rank = |system: &str, task: &str, n: usize| {
            mean((0..self.seeds as u64).map(|seed| {
                let of = |run: &&Run| run.task == task && run.seed == seed;
                let loss = |s: &str| {
                    let run = runs.iter().filter(of).find(|run| run.system == s);
                    run.map_or(f64::INFINITY, |run| run.best(n))
                };
                let own = loss(system);
                1.0 + systems.iter().filter(|other| loss(other) < own).count() as f64
            }))
        };
        let told = systems.iter().map(|system| {
            let ranks: Vec<f64> =
                MARKS.iter().map(|&n| mean(FUNCTIONS.iter().map(|t| rank(system, t, n)))).collect();
            let by_task: Vec<Value> =
                FUNCTIONS.iter().map(|task| json!([task, rank(system, task, 100)])).collect();
            json!({"name": system, "ranks": ranks, "tasks": by_task})
        });
        let told: Vec<Value> = told.collect();
        let summary = format!("{} systems on {} functions", told.len(), FUNCTIONS.len());
        Ok(json!({"systems": told, "seeds": self.seeds, "summary": summary}))
    }

    /// Regret and cost of screening on the learning curves of LCDB.
    fn screening(&self) -> Outcome<Value> {
        let file = self.work.join("lcdb.csv");
        if !file.exists() {
            self.python.run("search_peers.py", &["lcdb".into(), self.work.clone().into()])?;
        }
        let told = captured(Command::new(&self.search).arg("screening").arg(&file))?;
        let lines: Result<Vec<Value>, _> = told.lines().map(serde_json::from_str).collect();
        let lines = lines.map_err(|error| format!("no JSON of screening: {error}"))?;
        let of = |system: &str, field: &str| {
            let own = lines.iter().filter(|line| line["system"] == system);
            mean(own.filter_map(|line| line[field].as_f64()))
        };
        let systems = ["shortlist", "best three"].map(
            |name| json!({"name": name, "regret": of(name, "regret"), "cost": of(name, "cost")}),
        );
        let summary = format!("regret {} at {}", systems[0]["regret"], systems[0]["cost"]);
        Ok(json!({"systems": systems, "sets": lines.len() / 2, "summary": summary}))
    }

    /// Milliseconds of a proposal, and memory.
    fn price(&self) -> Outcome<Value> {
        let lines = |arguments: &[&str]| {
            let told = captured(Command::new(&self.search).arg("price").args(arguments))?;
            let lines: Result<Vec<Value>, _> = told.lines().map(serde_json::from_str).collect();
            lines.map_err(|error| format!("no JSON of prices: {error}"))
        };
        let samplers = lines(&["--trials", "1000"])?;
        let few = lines(&["--trials", "100"])?;
        let many = lines(&["--trials", "10000", "--sampler", "random"])?;
        let peak = many.last().map_or(Value::Null, |line| line["peak_bytes"].clone());
        let summary = format!("{} samplers, {peak} bytes", samplers.len());
        Ok(json!({"samplers": samplers, "few": few, "peak_bytes": peak, "summary": summary}))
    }
}
