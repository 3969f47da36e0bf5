//! Tests of the learner as a whole.

mod figures;
mod leave_one_out;
mod minima;
mod properties;

use eyas_model::{
    Bins, ColumnKind, Derive, Feature, InputColumn, Schema, TaskKind, encoder::bin_of_number,
};
use eyas_search::Config;

use super::*;
use crate::dataset::{Dataset, Numbers, Target};
use crate::learners::NeverStop;
use crate::metrics::{Metric, Scored, Truth};
use crate::predict::predict;
use crate::random::Stream;

/// Mean squared error, or log loss.
static LOSS: Metric = Metric::new("loss", &[], false, loss);

fn loss(scored: &Scored<'_>) -> f64 {
    let n_rows = scored.predictions.len() / scored.n_outputs;
    let of_row = |row: usize| {
        let predicted = &scored.predictions[row * scored.n_outputs..][..scored.n_outputs];
        match scored.truth {
            Truth::Numbers(truth) => (predicted[0] - truth[row]).powi(2),
            Truth::Classes(truth) if scored.n_outputs == 1 => {
                let p = if truth[row] == 1 { predicted[0] } else { 1.0 - predicted[0] };
                -libm::log(p.max(1e-300))
            }
            Truth::Classes(truth) => -libm::log(predicted[truth[row] as usize].max(1e-300)),
        }
    };
    let weight = |row: usize| scored.weights.map_or(1.0, |weights| weights[row]);
    let total: f64 = (0..n_rows).map(weight).sum();
    (0..n_rows).map(|row| weight(row) * of_row(row)).sum::<f64>() / total
}

/// A column of a test's data.
enum Cells {
    Numbers(Vec<f64>),
    /// Bins of categories, 0 is missing; and the number of levels.
    Levels(Vec<u8>, usize),
}

fn dataset(columns: Vec<Cells>, target: Target, n_classes: usize) -> Dataset {
    let n_rows = match &target {
        Target::Numbers(values) => values.len(),
        Target::Classes(values) => values.len(),
    };
    let task = match (&target, n_classes) {
        (Target::Numbers(_), _) => TaskKind::Regression,
        (Target::Classes(_), 2) => TaskKind::Binary,
        _ => TaskKind::Multiclass,
    };
    let schema = Schema {
        task,
        target: "y".to_owned(),
        classes: (0..n_classes).map(|k| format!("c{k}")).collect(),
        columns: (0..columns.len())
            .map(|at| InputColumn { name: format!("x{at}"), kind: ColumnKind::Number })
            .collect(),
    };
    let (mut features, mut bins, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for (at, cells) in columns.into_iter().enumerate() {
        let kind = match cells {
            Cells::Numbers(values) => {
                let edges = edges(&values);
                bins.push(values.iter().map(|&value| bin_of_number(&edges, value)).collect());
                numbers.push(values);
                Bins::Edges(edges)
            }
            Cells::Levels(codes, n_levels) => {
                bins.push(codes);
                numbers.push(Vec::new());
                Bins::Levels((0..n_levels).map(|level| format!("l{level}")).collect())
            }
        };
        let (column, name) = (at as u32, format!("x{at}"));
        features.push(Feature { column, derive: Derive::Itself, name, bins: kind });
    }
    let numbers = numbers.into_iter().map(Numbers::Exact).collect();
    Dataset { schema, n_rows, features, bins, numbers, target, weights: None }
}

fn edges(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let step = sorted.len().div_ceil(100).max(1);
    sorted.windows(2).step_by(step).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
}

/// Numbers (dense, sparse, with missing values) and categories, and targets that depend on them.
fn mixed(n_rows: usize, kind: TaskKind, seed: u64) -> Dataset {
    let mut stream = Stream::new(&[seed]);
    let mut uniform =
        |scale: f64| (0..n_rows).map(|_| scale * stream.uniform()).collect::<Vec<_>>();
    let (a, noise) = (uniform(3.0), uniform(1.0));
    let b: Vec<f64> = a.iter().zip(uniform(2.0)).map(|(a, u)| 100.0 + a - u).collect();
    let sparse: Vec<f64> = uniform(1.0).iter().map(|&u| if u < 0.85 { 2.0 } else { u }).collect();
    let holes =
        uniform(1.0).iter().map(|&u| if u < 0.2 { f64::NAN } else { u }).collect::<Vec<_>>();
    let levels: Vec<u8> = uniform(5.0).iter().map(|&u| u as u8).collect();
    let score = |row: usize| {
        let hole = if holes[row].is_nan() { 0.8 } else { holes[row] };
        a[row] - 0.7 * (b[row] - 100.0) + 2.0 * sparse[row] - 4.0
            + hole
            + [0.0, 0.5, -0.5, 1.0, 0.0][usize::from(levels[row])]
            + 2.0 * (noise[row] - 0.5)
    };
    let scores: Vec<f64> = (0..n_rows).map(score).collect();
    let (target, n_classes) = match kind {
        TaskKind::Regression => {
            (Target::Numbers(scores.iter().map(|s| 5.0 + 3.0 * s).collect()), 0)
        }
        TaskKind::Binary => {
            (Target::Classes(scores.iter().map(|&s| u32::from(s > 1.5)).collect()), 2)
        }
        TaskKind::Multiclass => {
            (Target::Classes(scores.iter().map(|&s| s.clamp(0.0, 2.0) as u32).collect()), 3)
        }
    };
    let columns = vec![
        Cells::Numbers(a),
        Cells::Numbers(b),
        Cells::Numbers(sparse),
        Cells::Numbers(holes),
        Cells::Levels(levels, 4),
    ];
    dataset(columns, target, n_classes)
}

const KINDS: [TaskKind; 3] = [TaskKind::Regression, TaskKind::Binary, TaskKind::Multiclass];

fn config(values: &[(&str, eyas_search::Value)]) -> Config {
    let default = options::space().default_config();
    values.iter().fold(default, |config, (name, value)| config.with(name, value.clone()))
}

/// All ways to fit.
fn configs() -> Vec<Config> {
    vec![
        config(&[]),
        config(&[("numeric", "robust".into())]),
        config(&[("numeric", "quantile_bins".into()), ("n_bins", 8_i64.into())]),
        config(&[("regularizer", "elastic_net".into())]),
        config(&[("solver", "sgd".into())]),
    ]
}

fn fit(data: &Dataset, train: &[u32], valid: &[u32], config: &Config) -> Fit {
    fit_until(data, train, valid, config, &NeverStop)
}

fn fit_until(
    data: &Dataset,
    train: &[u32],
    valid: &[u32],
    config: &Config,
    stop: &dyn crate::learners::Stop,
) -> Fit {
    let features: Vec<u32> = (0..data.n_features() as u32).collect();
    let features = &features;
    let metric = &LOSS;
    let last_truncation = None;
    let input = FitInput {
        data,
        train,
        valid,
        features,
        metric,
        config,
        seed: 7,
        stop,
        threads: &crate::ONE_THREAD,
        last_truncation,
        checkpoints: &crate::NoCheckpoints,
    };
    LinearModel.fit(&input).unwrap()
}

fn all_rows(data: &Dataset) -> Vec<u32> {
    (0..data.n_rows as u32).collect()
}

fn predictions(fit: &Fit, truncation: usize, data: &Dataset, rows: &[u32]) -> Vec<f64> {
    predict(&fit.model.part(truncation), fit.model.link(), data, rows)
}

fn assert_close(got: &[f64], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (got, want)) in got.iter().zip(want).enumerate() {
        let close = (got - want).abs() <= tolerance * (1.0 + want.abs());
        assert!(close, "{what}, entry {at}: {got} for {want}");
    }
}
