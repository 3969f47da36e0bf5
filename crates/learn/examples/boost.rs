//! Times boosting on a table and scores it on rows held out:
//! `boost FILE TARGET [PARAMETER=VALUE]...`.
//!
//! Six rows of ten are learned from, two choose the number of rounds, two are scored.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use eyas_learn::data::csv::read_csv;
use eyas_learn::data::types::ReadOptions;
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::learner;
use eyas_learn::metrics::{Scored, Truth};
use eyas_learn::predict::predict;
use eyas_learn::random::Stream;
use eyas_learn::{Dataset, Error, FitInput, Metric, Stop, Target, Task, TaskOptions};
use eyas_search::{Config, Value};

/// Counts work.
struct Counter(AtomicU64);

impl Stop for Counter {
    fn spent(&self, work: u64) -> bool {
        self.0.fetch_add(work, Ordering::Relaxed);
        false
    }
}

/// Seconds that this thread has run on a core (0 where the system does not say): other programs
/// do not disturb it.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn config(arguments: impl Iterator<Item = String>) -> Config {
    let mut config = Config { learner: "boosting".to_owned(), values: Default::default() };
    for argument in arguments {
        let (name, text) = argument.split_once('=').expect("PARAMETER=VALUE");
        let value = match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
            (Ok(whole), ..) => Value::Int(whole),
            (_, Ok(number), _) => Value::Float(number),
            (.., Ok(flag)) => Value::Bool(flag),
            _ => Value::Text(text.to_owned()),
        };
        config.values.insert(name.to_owned(), value);
    }
    config
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
    let n_outputs = data.n_outputs();
    (metric.loss)(&Scored { truth, predictions, n_outputs, weights: None })
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(target)) = (arguments.next(), arguments.next()) else {
        println!("usage: boost FILE TARGET [PARAMETER=VALUE]...");
        return Ok(());
    };
    let config = config(arguments);
    let (table, _) = read_csv(Path::new(&path), &ReadOptions::default())?;
    let (task, _) = Task::new(&table, &TaskOptions { target, ..TaskOptions::default() })?;
    let (data, _) = Dataset::build(&table, &task, &BuildOptions::default())?;
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for row in 0..data.n_rows as u32 {
        let place = (Stream::new(&[1, u64::from(row)]).uniform() * 10.0) as usize;
        parts[place.saturating_sub(4) / 2].push(row);
    }
    let [train, valid, test] = &parts;
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let boosting = learner("boosting").expect("boosting is listed");
    let counter = Counter(AtomicU64::new(0));
    let start = cpu_seconds();
    let fit = boosting.fit(&FitInput {
        data: &data,
        train,
        valid,
        features: &features,
        metric: task.metric,
        config: &config,
        seed: 1,
        stop: &counter,
        threads: &eyas_learn::ONE_THREAD,
        last_truncation: None,
    })?;
    let seconds = cpu_seconds() - start;
    let truncations = fit.model.truncations().iter().enumerate();
    let best = truncations.min_by(|a, b| a.1.loss.total_cmp(&b.1.loss));
    let (place, best) = best.expect("a fit has a truncation");
    let predictions = predict(&fit.model.part(place), fit.model.link(), &data, test);
    let test_loss = loss(task.metric, &data, test, &predictions);
    let work = counter.0.into_inner() as f64;
    let estimate = boosting.work(&data.facts(train.len()), &config) as f64;
    println!(
        "{} {:.5} on test rows, {}",
        task.metric.name,
        task.metric.value(test_loss),
        best.label
    );
    println!("{seconds:.2} s, {:.2} G work, {:.2} of the estimate", work / 1e9, work / estimate);
    println!("{:.0} trees, {:.0} nodes", best.shape.n_trees, best.shape.n_nodes);
    Ok(())
}
