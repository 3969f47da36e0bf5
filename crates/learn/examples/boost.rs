//! Times boosting and scores it on held-out rows: `boost FILE [PARAMETER=VALUE]...`.
//!
//! FILE is little-endian: `n_rows, n_features, kind (0 regression, 1 binary, 2 multiclass),
//! n_classes` and for each feature `is_categorical, n_bins` as u32; bins `(n_features, n_rows)` as
//! u8; target `(n_rows,)` as f64; split `(n_rows,)` as u8 (0 train, 1 valid, 2 test).

use std::sync::atomic::{AtomicU64, Ordering};

use eyas_learn::metrics::{Scored, Truth};
use eyas_learn::predict::predict;
use eyas_learn::task::Facts;
use eyas_learn::{Dataset, FitInput, LEARNERS, Metric, Stop, Target};
use eyas_model::{Bins, Derive, Feature, Schema, TaskKind};
use eyas_search::{Config, Value};

static ROC_AUC: Metric =
    Metric { name: "roc_auc", tasks: &[TaskKind::Binary], higher_is_better: true, loss: roc_auc };
static LOG_LOSS: Metric = Metric {
    name: "log_loss",
    tasks: &[TaskKind::Multiclass],
    higher_is_better: false,
    loss: log_loss,
};
static RMSE: Metric =
    Metric { name: "rmse", tasks: &[TaskKind::Regression], higher_is_better: false, loss: rmse };

fn roc_auc(scored: &Scored<'_>) -> f64 {
    let Truth::Classes(classes) = scored.truth else { return f64::NAN };
    let mut order: Vec<(f64, u32)> =
        scored.predictions.iter().copied().zip(classes.iter().copied()).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut area, mut start) = (0.0, 0.0, 0);
    while start < order.len() {
        let equal = order[start..].iter().take_while(|(p, _)| *p == order[start].0).count();
        let group = &order[start..start + equal];
        let ones = group.iter().filter(|(_, class)| *class == 1).count() as f64;
        let zeros = equal as f64 - ones;
        area += ones * (below + 0.5 * zeros);
        below += zeros;
        start += equal;
    }
    -area / (below * (order.len() as f64 - below))
}

fn log_loss(scored: &Scored<'_>) -> f64 {
    let Truth::Classes(classes) = scored.truth else { return f64::NAN };
    let rows = scored.predictions.chunks_exact(scored.n_outputs).zip(classes);
    let sum: f64 = rows.map(|(p, &class)| -libm::log(p[class as usize].max(1e-15))).sum();
    sum / classes.len() as f64
}

fn rmse(scored: &Scored<'_>) -> f64 {
    let Truth::Numbers(numbers) = scored.truth else { return f64::NAN };
    let squares = numbers.iter().zip(scored.predictions).map(|(y, p)| (y - p) * (y - p));
    (squares.sum::<f64>() / numbers.len() as f64).sqrt()
}

struct Rows {
    data: Dataset,
    split: Vec<u8>,
}

impl Rows {
    fn read(path: &str) -> Rows {
        let bytes = std::fs::read(path).expect("the file can be read");
        let word =
            |at: usize| u32::from_le_bytes(bytes[4 * at..][..4].try_into().expect("4 bytes"));
        let (n_rows, n_features) = (word(0) as usize, word(1) as usize);
        let n_classes = word(3);
        let task = [TaskKind::Regression, TaskKind::Binary, TaskKind::Multiclass][word(2) as usize];
        let features = (0..n_features).map(|f| {
            let n_bins = word(5 + 2 * f) as usize;
            let bins = match word(4 + 2 * f) {
                0 => Bins::Edges((0..n_bins - 2).map(|edge| edge as f64).collect()),
                _ => Bins::Levels((0..n_bins - 2).map(|level| level.to_string()).collect()),
            };
            Feature { column: f as u32, derive: Derive::Itself, name: format!("f{f}"), bins }
        });
        let features = features.collect();
        let bins = &bytes[4 * (4 + 2 * n_features)..];
        let (bins, rest) = bins.split_at(n_features * n_rows);
        let (target, split) = rest.split_at(8 * n_rows);
        let numbers = target.chunks_exact(8);
        let numbers = numbers.map(|b| f64::from_le_bytes(b.try_into().expect("8 bytes")));
        let target = match task {
            TaskKind::Regression => Target::Numbers(numbers.collect()),
            _ => Target::Classes(numbers.map(|class| class as u32).collect()),
        };
        let classes = if task == TaskKind::Regression { 0 } else { n_classes };
        let schema = Schema {
            task,
            target: "y".to_owned(),
            classes: (0..classes).map(|class| class.to_string()).collect(),
            columns: Vec::new(),
        };
        let bins = bins.chunks_exact(n_rows).map(<[u8]>::to_vec).collect();
        let numbers = vec![Vec::new(); n_features];
        let data = Dataset { schema, n_rows, features, bins, numbers, target, weights: None };
        Rows { data, split: split[..n_rows].to_vec() }
    }

    fn part(&self, part: u8) -> Vec<u32> {
        (0..self.data.n_rows as u32).filter(|&row| self.split[row as usize] == part).collect()
    }
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

fn facts(data: &Dataset, n_rows: usize) -> Facts {
    Facts {
        kind: data.task(),
        n_rows,
        n_features: data.n_features(),
        n_categorical: data.features.iter().filter(|f| f.bins.is_categorical()).count(),
        n_outputs: data.n_outputs(),
        n_bins: data.features.iter().map(|f| f.bins.n_bins()).sum(),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a file");
    let rows = Rows::read(&path);
    let config = config(arguments);
    let metric = match rows.data.task() {
        TaskKind::Regression => &RMSE,
        TaskKind::Binary => &ROC_AUC,
        TaskKind::Multiclass => &LOG_LOSS,
    };
    let (train, valid, test) = (rows.part(0), rows.part(1), rows.part(2));
    let features: Vec<u32> = (0..rows.data.n_features() as u32).collect();
    let boosting = LEARNERS.iter().find(|learner| learner.name() == "boosting");
    let boosting = boosting.expect("boosting is a learner");
    for valid in [&[][..], &valid] {
        let start = cpu_seconds();
        let counter = Counter(AtomicU64::new(0));
        let input = FitInput {
            data: &rows.data,
            train: &train,
            valid,
            features: &features,
            metric,
            config: &config,
            seed: 1,
            stop: &counter,
        };
        let fit = boosting.fit(&input).expect("the parameters are allowed");
        let seconds = cpu_seconds() - start;
        let truncations = fit.model.truncations();
        let mut best = truncations.len() - 1;
        for (place, truncation) in truncations.iter().enumerate() {
            if truncation.loss < truncations[best].loss {
                best = place;
            }
        }
        let predictions = predict(&fit.model.part(best), fit.model.link(), &rows.data, &test);
        println!(
            "{:24} {:18} test {:.5}  {seconds:.2} s  {} leaves  {:.2} G work, {:.2} of the estimate",
            path.rsplit('/').next().unwrap_or(&path),
            truncations[best].label,
            loss(metric, &rows.data, &test, &predictions),
            (truncations[best].shape.n_nodes + truncations[best].shape.n_trees) / 2.0,
            counter.0.load(Ordering::Relaxed) as f64 / 1e9,
            counter.0.load(Ordering::Relaxed) as f64
                / boosting.work(&facts(&rows.data, train.len()), &config) as f64,
        );
    }
}
