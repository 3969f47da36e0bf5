//! Fits linear models to a CSV file: `linear FILE TARGET [NAME=VALUE ...]`.
//!
//! Every fifth row is held out. The penalty is chosen on a quarter of the others, then all of them
//! are fitted; without values, each configuration of the portfolio is tried.

use std::error::Error;
use std::time::Instant;

use eyas_learn::data::{ReadOptions, read_csv};
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::linear::LinearModel;
use eyas_learn::learners::{Fit, NeverStop};
use eyas_learn::{Dataset, FitInput, Learner, Task, TaskOptions};
use eyas_search::{Config, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, target, values @ ..] = arguments.as_slice() else {
        return Err("usage: linear FILE TARGET [NAME=VALUE ...]".into());
    };
    let (table, _) = read_csv(path.as_ref(), &ReadOptions::default())?;
    let options = TaskOptions { target: target.clone(), ..TaskOptions::default() };
    let (task, _) = Task::new(&table, &options)?;
    let (data, _) = Dataset::build(&table, &task, &BuildOptions::default())?;
    let facts = data.facts(data.n_rows * 4 / 5);
    let configs = match values {
        [] => LinearModel.portfolio(&facts),
        values => {
            let default = LinearModel.space(&facts).default_config();
            vec![values.iter().fold(default, |config, value| set(config, value))]
        }
    };
    for config in &configs {
        report(&data, &task, config)?;
    }
    Ok(())
}

fn set(config: Config, value: &str) -> Config {
    let (name, value) = value.split_once('=').unwrap_or((value, "true"));
    let number = value.parse().map(Value::Int).or_else(|_| value.parse().map(Value::Float));
    config.with(name, number.unwrap_or_else(|_| Value::from(value)))
}

fn report(data: &Dataset, task: &Task, config: &Config) -> Result<(), Box<dyn Error>> {
    let rows = |parts: &[u32]| -> Vec<u32> {
        (0..data.n_rows as u32).filter(|row| parts.contains(&(row % 5))).collect()
    };
    let choice = fit(data, task, &rows(&[0, 1, 2]), &rows(&[3]), config)?;
    let losses = choice.model.truncations().iter().map(|truncation| truncation.loss);
    let best = losses.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(at, _)| at);
    let start = Instant::now();
    let fit = fit(data, task, &rows(&[0, 1, 2, 3]), &rows(&[4]), config)?;
    let seconds = start.elapsed().as_secs_f64();
    let truncation = &fit.model.truncations()[best];
    println!(
        "{} {:.5}, {} of {}, {seconds:.3} s, {} products, numeric {}, {}, {}",
        task.metric.name,
        task.metric.value(truncation.loss),
        truncation.label,
        fit.model.truncations().len(),
        truncation.shape.n_products,
        config.text("numeric").unwrap_or_default(),
        config.text("regularizer").unwrap_or_default(),
        config.text("solver").unwrap_or_default(),
    );
    Ok(())
}

fn fit(
    data: &Dataset,
    task: &Task,
    train: &[u32],
    valid: &[u32],
    config: &Config,
) -> Result<Fit, eyas_learn::Error> {
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let (features, metric) = (&features, task.metric);
    let input = FitInput {
        data,
        train,
        valid,
        features,
        metric,
        config,
        seed: 0,
        stop: &NeverStop,
        threads: &eyas_learn::ONE_THREAD,
        last_truncation: None,
        checkpoints: &eyas_learn::NoCheckpoints,
    };
    LinearModel.fit(&input)
}
