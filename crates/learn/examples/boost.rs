//! Times boosting on a table and scores it on rows held out:
//! `boost FILE TARGET [threads=N] [times=N] [split=fit] [PARAMETER=VALUE]...`.
//!
//! Six rows of ten are learned from, two choose the number of rounds, two are scored. With
//! `split=fit` eight are learned from and none chooses: what other libraries are timed on.
//! `synthetic:ROWS:COLUMNS` in place of a file makes a table of numbers with a target `y`.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use eyas_learn::data::csv::read_csv;
use eyas_learn::data::types::ReadOptions;
use eyas_learn::data::{Column, ColumnData, Table};
use eyas_learn::dataset::BuildOptions;
use eyas_learn::learners::learner;
use eyas_learn::metrics::{Scored, Truth};
use eyas_learn::predict::predict;
use eyas_learn::random::Stream;
use eyas_learn::{Dataset, Error, Fit, FitInput, Metric, Stop, Target, Task, TaskOptions, Threads};
use eyas_search::{Config, Value};

/// Counts work.
#[derive(Default)]
struct Counter(AtomicU64);

impl Stop for Counter {
    fn spent(&self, work: u64) -> bool {
        self.0.fetch_add(work, Ordering::Relaxed);
        false
    }
}

/// What the command line asks for.
struct Options {
    threads: usize,
    times: usize,
    fit_only: bool,
    config: Config,
}

fn options(arguments: impl Iterator<Item = String>) -> Options {
    let config = Config { learner: "boosting".to_owned(), values: Default::default() };
    let mut options = Options { threads: 1, times: 1, fit_only: false, config };
    for argument in arguments {
        let (name, text) = argument.split_once('=').expect("PARAMETER=VALUE");
        let value = match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
            (Ok(whole), ..) => Value::Int(whole),
            (_, Ok(number), _) => Value::Float(number),
            (.., Ok(flag)) => Value::Bool(flag),
            _ => Value::Text(text.to_owned()),
        };
        match (name, &value) {
            ("threads", &Value::Int(n)) => options.threads = n as usize,
            ("times", &Value::Int(n)) => options.times = n as usize,
            ("split", _) => options.fit_only = text == "fit",
            _ => drop(options.config.values.insert(name.to_owned(), value)),
        }
    }
    options
}

/// Rows to learn from, to choose by and to score.
fn split(n_rows: usize, fit_only: bool) -> [Vec<u32>; 3] {
    let mut parts = [Vec::new(), Vec::new(), Vec::new()];
    for row in 0..n_rows as u32 {
        // Easy to do alike elsewhere: a fifth of the multiples of a constant, modulo 2^32.
        let is_test = row.wrapping_mul(2_654_435_761) < u32::MAX / 5;
        let chooses = !fit_only && Stream::new(&[1, u64::from(row)]).uniform() < 0.25;
        parts[if is_test { 2 } else { usize::from(chooses) }].push(row);
    }
    parts
}

/// Numbers with a target that follows some of them.
fn synthetic(n_rows: usize, n_columns: usize) -> Table {
    let uniform = |row: usize, column: usize| {
        let mut bits = (row * n_columns + column) as u64;
        for _ in 0..2 {
            bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9).wrapping_add(1);
        }
        ((bits >> 40) as f32 / (1 << 24) as f32) as f64
    };
    let column = |name: String, cells: Vec<f64>| Column { name, data: ColumnData::Number(cells) };
    let mut columns: Vec<Column> = (0..n_columns)
        .map(|c| column(format!("x{c}"), (0..n_rows).map(|row| uniform(row, c)).collect()))
        .collect();
    let target = |row: usize| {
        let x = |c: usize| uniform(row, c % n_columns);
        x(0) * x(1) + (6.0 * x(2)).sin() + f64::from(u8::from(x(3) > x(4))) + x(5) * x(6) * x(7)
            - x(8) * x(8)
            + 0.5 * uniform(row + n_rows, 9 % n_columns)
    };
    columns.push(column("y".to_owned(), (0..n_rows).map(target).collect()));
    Table { columns }
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

fn read(path: &str, threads: usize) -> Result<Table, Error> {
    if let Some(sizes) = path.strip_prefix("synthetic:") {
        let (rows, columns) = sizes.split_once(':').expect("synthetic:ROWS:COLUMNS");
        return Ok(synthetic(rows.parse().expect("ROWS"), columns.parse().expect("COLUMNS")));
    }
    Ok(read_csv(Path::new(path), &ReadOptions { threads, ..ReadOptions::default() })?.0)
}

/// Prints what a fit is worth.
fn report(fit: &Fit, data: &Dataset, metric: &Metric, test: &[u32]) {
    let truncations = fit.model.truncations().iter().enumerate();
    let last = fit.model.truncations().len() - 1;
    let best = truncations.min_by(|a, b| a.1.loss.total_cmp(&b.1.loss)).map_or(last, |best| best.0);
    let place = if fit.model.truncations()[best].loss.is_nan() { last } else { best };
    let chosen = &fit.model.truncations()[place];
    let predictions = predict(&fit.model.part(place), fit.model.link(), data, test);
    let test_loss = loss(metric, data, test, &predictions);
    println!("{} {:.5} on test rows, {}", metric.name, metric.value(test_loss), chosen.label);
    if let Some(log_loss) = eyas_learn::metrics::metric("log_loss")
        && matches!(data.target, Target::Classes(_))
    {
        println!("log loss {:.5} on test rows", loss(log_loss, data, test, &predictions));
    }
    println!("{:.0} trees, {:.0} nodes", chosen.shape.n_trees, chosen.shape.n_nodes);
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(target)) = (arguments.next(), arguments.next()) else {
        println!("usage: boost FILE TARGET [threads=N] [times=N] [split=fit] [PARAMETER=VALUE]...");
        return Ok(());
    };
    let Options { threads: n_threads, times, fit_only, config } = options(arguments);
    let table = read(&path, n_threads)?;
    let (task, _) = Task::new(&table, &TaskOptions { target, ..TaskOptions::default() })?;
    let build = BuildOptions { threads: n_threads, ..BuildOptions::default() };
    let start = Instant::now();
    let (data, _) = Dataset::build(&table, &task, &build)?;
    println!("{:.3} s for bins", start.elapsed().as_secs_f64());
    drop(table);
    let [train, valid, test] = split(data.n_rows, fit_only);
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let boosting = learner("boosting").expect("boosting is listed");
    let (counter, threads) = (Counter::default(), Threads::new(n_threads));
    let mut fitted = None;
    let mut seconds: Vec<f64> = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        fitted = Some(boosting.fit(&FitInput {
            data: &data,
            train: &train,
            valid: &valid,
            features: &features,
            metric: task.metric,
            config: &config,
            seed: 1,
            stop: &counter,
            threads: &threads,
            last_truncation: None,
            checkpoints: &eyas_learn::NoCheckpoints,
        })?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let work = counter.0.into_inner() as f64 / times as f64;
    let estimate = boosting.work(&data.facts(train.len()), &config) as f64;
    println!(
        "{:.3} s, {:.2} G work, {:.2} of the estimate",
        seconds[0],
        work / 1e9,
        work / estimate
    );
    report(&fitted.expect("it is fitted at least once"), &data, task.metric, &test);
    Ok(())
}
