//! Fits a forest on four fifths of a table, and prints the scores of all its truncations on the rest.
//!
//! ```text
//! cargo run --release -p eyas-learn --example forest -- FOLDER LEARNER [NAME=VALUE]...
//! ```
//! `THREADS=2` fits with two threads, `GRID=1` prints all truncations. FOLDER holds `data.csv.gz` (target last) and `meta.json` (`task`, `categorical_columns`). Row
//! `i` is tested on if `i * 2654435761 mod 2^32` is in the lowest fifth, so that scripts in other
//! languages can split alike.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;
use std::time::Instant;

use eyas_learn::learners::{FitInput, NeverStop, learner};
use eyas_learn::metrics::{Metric, Scored, Truth};
use eyas_learn::{Dataset, Target, predict};
use eyas_model::encoder::{Bins, Derive, Feature, bin_of_number};
use eyas_model::schema::{ColumnKind, InputColumn};
use eyas_model::{Schema, TaskKind};
use eyas_search::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, name, settings @ ..] = &arguments[..] else {
        return Err("usage: forest FOLDER LEARNER [NAME=VALUE]...".into());
    };
    let data = read(folder)?;
    let tested = |row: &u32| u64::from(*row) * 2_654_435_761 % (1 << 32) < (1 << 32) / 5;
    let (valid, train): (Vec<u32>, Vec<u32>) = (0..data.n_rows as u32).partition(tested);
    let learner = learner(name).ok_or("no such learner")?;
    let mut config = learner.space(&facts(&data, &train)).default_config();
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or("settings are NAME=VALUE")?;
        let value = serde_json::from_str(value).unwrap_or(Value::Text(value.to_owned()));
        config = config.with(name, value);
    }
    let metric = metric(data.task());
    let n_threads = std::env::var("THREADS").ok().and_then(|n| n.parse().ok());
    let threads = eyas_learn::Threads::new(n_threads.unwrap_or(1));
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let input = FitInput {
        data: &data,
        train: &train,
        valid: &valid,
        features: &features,
        metric: &metric,
        config: &config,
        seed: 1,
        stop: &Count::default(),
        threads: &threads,
        last_truncation: None,
        checkpoints: &eyas_learn::NoCheckpoints,
    };
    let start = Instant::now();
    let fit = learner.fit(&input)?;
    let scored = start.elapsed().as_secs_f64();
    let count = Count::default();
    let start = Instant::now();
    learner.fit(&FitInput { valid: &[], stop: &count, ..input })?;
    let alone = start.elapsed().as_secs_f64();
    let (work, guess) = (count.0.into_inner(), learner.work(&facts(&data, &train), &config));
    let truncations = fit.model.truncations();
    if std::env::var_os("GRID").is_some() {
        for t in truncations {
            println!("{:36} {:.5}  {:.0} steps", t.label, t.loss, t.shape.n_steps);
        }
    }
    let part = fit.model.part(truncations.len() - 1);
    let predictions = predict::predict(&part, fit.model.link(), &data, &valid);
    print!("{name} {settings:?}: fit {alone:.3} s, with all truncations {scored:.3} s; ");
    println!("work {work} guessed {guess}, {:.2} ns a unit", alone * 1e9 / work as f64);
    let last = truncations.last().ok_or("no truncation")?;
    println!("  {:?} {}", last.shape, scores(&data, &valid, &predictions));
    Ok(())
}

#[derive(Default)]
struct Count(std::sync::atomic::AtomicU64);

impl eyas_learn::Stop for Count {
    fn spent(&self, work: u64) -> bool {
        self.0.fetch_add(work, std::sync::atomic::Ordering::Relaxed);
        eyas_learn::Stop::spent(&NeverStop, work)
    }
}

fn facts(data: &Dataset, train: &[u32]) -> eyas_learn::task::Facts {
    eyas_learn::task::Facts {
        kind: data.task(),
        n_rows: train.len(),
        n_features: data.n_features(),
        n_categorical: data.features.iter().filter(|f| f.bins.is_categorical()).count(),
        n_outputs: data.n_outputs(),
        n_bins: data.features.iter().map(|f| f.bins.n_bins()).sum(),
    }
}

fn read(folder: &str) -> Result<Dataset, Box<dyn Error>> {
    let meta: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{folder}/meta.json"))?)?;
    let mut text = Vec::new();
    let file = std::fs::File::open(format!("{folder}/data.csv.gz"))?;
    flate2::read::GzDecoder::new(file).read_to_end(&mut text)?;
    let mut reader = csv::Reader::from_reader(&text[..]);
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let mut cells = vec![Vec::new(); names.len()];
    for record in reader.records() {
        record?.iter().zip(&mut cells).for_each(|(cell, column)| column.push(cell.to_owned()));
    }
    let task = match meta["task"].as_str() {
        Some("binary") => TaskKind::Binary,
        Some("regression") => TaskKind::Regression,
        _ => TaskKind::Multiclass,
    };
    let target = cells.pop().ok_or("no columns")?;
    let n_rows = target.len();
    let (target, classes) = target_of(task, &target)?;
    let named = meta["categorical_columns"].as_array().cloned().unwrap_or_default();
    let mut data = Dataset {
        schema: Schema { task, target: String::new(), classes, columns: Vec::new() },
        n_rows,
        features: Vec::new(),
        bins: Vec::new(),
        numbers: Vec::new(),
        target,
        weights: None,
    };
    for (name, column) in names.into_iter().zip(&cells) {
        let categorical = named.iter().any(|other| other == name.as_str());
        add_feature(&mut data, name, column, categorical);
    }
    Ok(data)
}

fn target_of(task: TaskKind, cells: &[String]) -> Result<(Target, Vec<String>), Box<dyn Error>> {
    if task == TaskKind::Regression {
        let numbers: Result<Vec<f64>, _> = cells.iter().map(|cell| cell.parse()).collect();
        return Ok((Target::Numbers(numbers?), Vec::new()));
    }
    let mut classes = cells.to_vec();
    classes.sort();
    classes.dedup();
    let index = |cell: &String| classes.partition_point(|class| class < cell) as u32;
    Ok((Target::Classes(cells.iter().map(index).collect()), classes))
}

fn add_feature(data: &mut Dataset, name: String, cells: &[String], categorical: bool) {
    let kind = if categorical { ColumnKind::Category } else { ColumnKind::Number };
    let mut numbers = Vec::new();
    let (bins, column) = if categorical {
        let mut counts = BTreeMap::new();
        cells.iter().for_each(|cell| *counts.entry(cell.clone()).or_insert(0) += 1);
        counts.remove("");
        let mut levels: Vec<(String, i32)> = counts.into_iter().collect();
        levels.sort_by_key(|(_, count)| -count);
        let levels: Vec<String> = levels.into_iter().map(|(level, _)| level).take(253).collect();
        let place = |cell: &String| levels.iter().position(|level| level == cell);
        let other = levels.len();
        let bin = |cell: &String| {
            if cell.is_empty() { 0 } else { 1 + place(cell).unwrap_or(other) as u8 }
        };
        let column = cells.iter().map(bin).collect();
        (Bins::Levels(levels), column)
    } else {
        numbers = cells.iter().map(|cell| cell.parse().unwrap_or(f64::NAN)).collect();
        let edges = edges(&numbers);
        let column = numbers.iter().map(|&number| bin_of_number(&edges, number)).collect();
        (Bins::Edges(edges), column)
    };
    let column_index = data.features.len() as u32;
    data.schema.columns.push(InputColumn { name: name.clone(), kind });
    data.features.push(Feature { column: column_index, derive: Derive::Itself, name, bins });
    data.bins.push(column);
    data.numbers.push(numbers.into());
}

/// Between all values where they are few, else about equally many rows a bin.
fn edges(numbers: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|n| !n.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    let middle = |pair: &[f64]| 0.5 * (pair[0] + pair[1]);
    if distinct.len() <= 255 {
        return distinct.windows(2).map(middle).collect();
    }
    let mut edges = Vec::new();
    for step in 1..255 {
        let value = sorted[sorted.len() * step / 255];
        let next = distinct.partition_point(|&other| other <= value);
        if next < distinct.len() {
            edges.push(0.5 * (value + distinct[next]));
        }
    }
    edges.dedup();
    edges
}

fn metric(task: TaskKind) -> Metric {
    let (name, loss): (_, fn(&Scored<'_>) -> f64) = match task {
        TaskKind::Binary => ("roc_auc", |scored| -auc(scored)),
        TaskKind::Multiclass => ("log_loss", log_loss),
        TaskKind::Regression => ("rmse", rmse),
    };
    Metric::new(name, &[], false, loss)
}

fn scores(data: &Dataset, rows: &[u32], predictions: &[f64]) -> String {
    let (mut numbers, mut classes) = (Vec::new(), Vec::new());
    match &data.target {
        Target::Numbers(all) => numbers = rows.iter().map(|&r| all[r as usize]).collect(),
        Target::Classes(all) => classes = rows.iter().map(|&r| all[r as usize]).collect(),
    }
    let regression = data.task() == TaskKind::Regression;
    let truth = if regression { Truth::Numbers(&numbers) } else { Truth::Classes(&classes) };
    let n_outputs = data.n_outputs();
    let scored = Scored { truth, predictions, n_outputs, weights: None };
    match data.task() {
        TaskKind::Regression => format!("rmse {:.5}", rmse(&scored)),
        TaskKind::Binary => format!(
            "auc {:.5} log loss {:.5} accuracy {:.5}",
            auc(&scored),
            log_loss(&scored),
            accuracy(&scored)
        ),
        TaskKind::Multiclass => {
            format!("log loss {:.5} accuracy {:.5}", log_loss(&scored), accuracy(&scored))
        }
    }
}

fn classes<'a>(scored: &Scored<'a>) -> &'a [u32] {
    let Truth::Classes(classes) = scored.truth else { return &[] };
    classes
}

fn auc(scored: &Scored<'_>) -> f64 {
    let classes = classes(scored);
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by(|&a, &b| scored.predictions[a].total_cmp(&scored.predictions[b]));
    let (mut below, mut pairs, mut start) = (0.0, 0.0, 0);
    while start < order.len() {
        let value = scored.predictions[order[start]];
        let end = order[start..].partition_point(|&i| scored.predictions[i] <= value) + start;
        let positive = order[start..end].iter().filter(|&&i| classes[i] == 1).count() as f64;
        let negative = (end - start) as f64 - positive;
        pairs += positive * (below + 0.5 * negative);
        below += negative;
        start = end;
    }
    pairs / (below * (classes.len() as f64 - below))
}

fn share(scored: &Scored<'_>, row: usize, class: u32) -> f64 {
    match scored.n_outputs {
        1 if class == 0 => 1.0 - scored.predictions[row],
        1 => scored.predictions[row],
        n => scored.predictions[row * n + class as usize],
    }
}

fn log_loss(scored: &Scored<'_>) -> f64 {
    let classes = classes(scored);
    let loss = |(row, &class): (usize, &u32)| -share(scored, row, class).max(1e-15).ln();
    classes.iter().enumerate().map(loss).sum::<f64>() / classes.len() as f64
}

fn accuracy(scored: &Scored<'_>) -> f64 {
    let n_classes = scored.n_outputs.max(2) as u32;
    let right = |&(row, &class): &(usize, &u32)| {
        let best =
            (0..n_classes).max_by(|&a, &b| share(scored, row, a).total_cmp(&share(scored, row, b)));
        best == Some(class)
    };
    let classes = classes(scored);
    classes.iter().enumerate().filter(right).count() as f64 / classes.len() as f64
}

fn rmse(scored: &Scored<'_>) -> f64 {
    let Truth::Numbers(numbers) = scored.truth else { return f64::NAN };
    let squares = numbers.iter().zip(scored.predictions).map(|(a, b)| (a - b) * (a - b));
    (squares.sum::<f64>() / numbers.len() as f64).sqrt()
}
