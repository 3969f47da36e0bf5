//! Compares configurations of boosting on the same folds:
//! `boost_cv FILE TARGET [folds=N] [seeds=N] [threads=N] [category=COLUMN]... 'PARAMETER=VALUE ...'...`.
//!
//! Each further argument is a configuration. Folds are stratified and shuffled by each seed; no row of
//! a fold chooses anything. Prints the loss of the task's metric by configuration, seed and fold, with
//! the log loss of classes and the seconds of the fit, as JSON lines.

use std::path::Path;
use std::time::Instant;

use eyas_learn::data::csv::read_csv;
use eyas_learn::data::types::{KindOverride, ReadOptions};
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::{NeverStop, learner};
use eyas_learn::metrics::{Scored, Truth, metric};
use eyas_learn::predict::predict;
use eyas_learn::splits::{SplitInput, scikit_learn_folds};
use eyas_learn::{
    Dataset, Error, FitInput, Metric, NoCheckpoints, Target, Task, TaskOptions, Threads,
};
use eyas_search::{Config, Value};

/// What the command line asks for.
struct Options {
    folds: usize,
    seeds: u32,
    threads: usize,
    categories: Vec<String>,
    configs: Vec<(String, Config)>,
}

fn options(arguments: impl Iterator<Item = String>) -> Options {
    let mut options =
        Options { folds: 5, seeds: 1, threads: 1, categories: Vec::new(), configs: Vec::new() };
    for argument in arguments {
        match argument.split_once('=').expect("NAME=VALUE") {
            ("folds", n) => options.folds = n.parse().expect("folds=N"),
            ("seeds", n) => options.seeds = n.parse().expect("seeds=N"),
            ("threads", n) => options.threads = n.parse().expect("threads=N"),
            ("category", column) => options.categories.push(column.to_owned()),
            _ => options.configs.push((argument.clone(), config(&argument))),
        }
    }
    options
}

fn config(text: &str) -> Config {
    let config = Config { learner: "boosting".to_owned(), values: Default::default() };
    text.split_whitespace().fold(config, |config, setting| {
        let (name, text) = setting.split_once('=').expect("PARAMETER=VALUE");
        let value = match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
            (Ok(whole), ..) => Value::Int(whole),
            (_, Ok(number), _) => Value::Float(number),
            (.., Ok(flag)) => Value::Bool(flag),
            _ => Value::Text(text.to_owned()),
        };
        config.with(name, value)
    })
}

/// The loss of predictions `(rows.len(), n_outputs)` on these rows.
fn loss(metric: &Metric, data: &Dataset, rows: &[u32], predictions: &[f64]) -> f64 {
    let (mut numbers, mut classes) = (Vec::new(), Vec::new());
    match &data.target {
        Target::Numbers(all) => numbers.extend(rows.iter().map(|&row| all[row as usize])),
        Target::Classes(all) => classes.extend(rows.iter().map(|&row| all[row as usize])),
    }
    let truth = match data.target {
        Target::Numbers(_) => Truth::Numbers(&numbers),
        Target::Classes(_) => Truth::Classes(&classes),
    };
    (metric.loss)(&Scored { truth, predictions, n_outputs: data.n_outputs(), weights: None })
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(target)) = (arguments.next(), arguments.next()) else {
        println!("usage: boost_cv FILE TARGET [folds=N] [seeds=N] 'PARAMETER=VALUE ...'...");
        return Ok(());
    };
    let options = options(arguments);
    let category = |name: &String| (name.clone(), KindOverride::Category);
    let types = options.categories.iter().map(category).collect();
    let read = ReadOptions { types, ..ReadOptions::default() };
    let (table, _) = read_csv(Path::new(&path), &read)?;
    let (task, _) = Task::new(&table, &TaskOptions { target, ..TaskOptions::default() })?;
    let (data, _) = Dataset::build(&table, &task, &BuildOptions::default())?;
    drop(table);
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let boosting = learner("boosting").expect("boosting is listed");
    let threads = Threads::new(options.threads);
    let log_loss = metric("log_loss").expect("it is listed");
    for seed in 0..options.seeds {
        let input = SplitInput { target: &data.target, groups: None, times: None };
        let splits = scikit_learn_folds(&input, options.folds, Some(seed))?;
        for (fold, split) in splits.iter().enumerate() {
            for (name, config) in &options.configs {
                let start = Instant::now();
                let fit = boosting.fit(&FitInput {
                    data: &data,
                    train: &split.train,
                    valid: &[],
                    features: &features,
                    metric: task.metric,
                    config,
                    seed: u64::from(seed),
                    stop: &NeverStop,
                    threads: &threads,
                    checkpoints: &NoCheckpoints,
                    last_truncation: None,
                })?;
                let seconds = start.elapsed().as_secs_f64();
                let last = fit.model.truncations().len() - 1;
                let predictions =
                    predict(&fit.model.part(last), fit.model.link(), &data, &split.valid);
                let found = loss(task.metric, &data, &split.valid, &predictions);
                let classes = match data.target {
                    Target::Classes(_) => loss(log_loss, &data, &split.valid, &predictions),
                    Target::Numbers(_) => 0.0,
                };
                println!(
                    "{{\"config\": \"{name}\", \"seed\": {seed}, \"fold\": {fold}, \"metric\": \
                     \"{}\", \"loss\": {found}, \"log_loss\": {classes}, \"seconds\": {seconds}}}",
                    task.metric.name
                );
            }
        }
    }
    Ok(())
}
