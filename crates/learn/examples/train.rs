//! Trains one learner with given parameters, times it, and writes the model:
//! `train LEARNER DATA TARGET MODEL [--threads N] [--task KIND] [--category COL]... [PARAMETER=VALUE]...`.
//!
//! DATA is CSV, or a `.npy` array whose target is the array TARGET. The seconds are those of making
//! bins from the table in memory and of training; memory is the highest resident memory while that
//! went on, less what was resident before. Prints JSON.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use eyas_learn::data::arrays::Arrays;
use eyas_learn::data::types::{KindOverride, ReadOptions};
use eyas_learn::data::{Column, read_csv};
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::{Fit, NeverStop, learner};
use eyas_learn::{Dataset, FitInput, Table, Task, TaskOptions, Threads};
use eyas_model::file::write_whole;
use eyas_model::{Member, Model, TaskKind};
use eyas_search::{Config, Value};

/// What the command line says.
struct Arguments {
    learner: String,
    data: String,
    target: String,
    model: String,
    n_threads: usize,
    kind: Option<TaskKind>,
    categories: Vec<String>,
    config: Config,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let (table, target) = read(&arguments)?;
    let options = TaskOptions { target, kind: arguments.kind, ..TaskOptions::default() };
    let (task, _) = Task::new(&table, &options)?;
    // Where the system does not let us, the peak is that of the whole process.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = resident_bytes("VmRSS");
    let start = Instant::now();
    let bins_only = arguments.learner != "linear";
    let build = BuildOptions { threads: arguments.n_threads, bins_only, ..BuildOptions::default() };
    let (data, _) = Dataset::build(&table, &task, &build)?;
    let data_seconds = start.elapsed().as_secs_f64();
    let fit = train(&arguments, &data, &task)?;
    let seconds = start.elapsed().as_secs_f64();
    let peak_bytes = resident_bytes("VmHWM").saturating_sub(before);
    let last = fit.model.truncations().len() - 1;
    let member = Member { weight: 1.0, link: fit.model.link(), part: fit.model.part(last) };
    let model = Model {
        schema: data.schema.clone(),
        features: data.features.clone(),
        members: vec![member],
        notes: String::new(),
    };
    write_whole(Path::new(&arguments.model), &model.to_bytes())?;
    let version = env!("CARGO_PKG_VERSION");
    println!(
        "{{\"seconds\": {seconds}, \"data_seconds\": {data_seconds}, \"peak_bytes\": {peak_bytes}, \
         \"version\": \"{version}\"}}"
    );
    Ok(())
}

fn train(arguments: &Arguments, data: &Dataset, task: &Task) -> Result<Fit, Box<dyn Error>> {
    let learner = learner(&arguments.learner).ok_or("no such learner")?;
    let rows: Vec<u32> = (0..data.n_rows as u32).collect();
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let threads = Threads::new(arguments.n_threads);
    Ok(learner.fit(&FitInput {
        data,
        train: &rows,
        valid: &[],
        features: &features,
        metric: task.metric,
        config: &arguments.config,
        seed: 1,
        stop: &NeverStop,
        threads: &threads,
        last_truncation: None,
        checkpoints: &eyas_learn::NoCheckpoints,
    })?)
}

fn read(arguments: &Arguments) -> Result<(Table, String), Box<dyn Error>> {
    if !arguments.data.ends_with(".npy") {
        let category = |name: &String| (name.clone(), KindOverride::Category);
        let options = ReadOptions {
            types: arguments.categories.iter().map(category).collect(),
            ..ReadOptions::default()
        };
        return Ok((read_csv(Path::new(&arguments.data), &options)?.0, arguments.target.clone()));
    }
    let mut table = Arrays::read(Path::new(&arguments.data))?.table(|_| None)?;
    let target =
        Arrays::read(Path::new(&arguments.target))?.table(|_| None)?.columns.swap_remove(0);
    table.columns.push(Column { name: "target".into(), data: target.data });
    Ok((table, "target".into()))
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut next = |what: &str| words.next().ok_or(format!("{what} is expected"));
    let [learner, data, target, model] =
        [next("LEARNER")?, next("DATA")?, next("TARGET")?, next("MODEL")?];
    let config = Config { learner: learner.clone(), values: Default::default() };
    let mut out = Arguments {
        learner,
        data,
        target,
        model,
        n_threads: 1,
        kind: None,
        categories: Vec::new(),
        config,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--threads" => out.n_threads = value()?.parse()?,
            "--category" => out.categories.push(value()?),
            "--task" => {
                out.kind = Some(match value()?.as_str() {
                    "regression" => TaskKind::Regression,
                    "binary" => TaskKind::Binary,
                    _ => TaskKind::Multiclass,
                });
            }
            setting => {
                let (name, text) = setting.split_once('=').ok_or("PARAMETER=VALUE is expected")?;
                out.config.values.insert(name.to_owned(), parsed(text));
            }
        }
    }
    Ok(out)
}

fn parsed(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
        (Ok(whole), ..) => Value::Int(whole),
        (_, Ok(number), _) => Value::Float(number),
        (.., Ok(flag)) => Value::Bool(flag),
        _ => Value::Text(text.to_owned()),
    }
}

/// `VmRSS` (now) or `VmHWM` (highest) of this process; 0 where the system does not say.
fn resident_bytes(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
