//! Agreement with LightGBM 4.7.0, from recorded predictions (`testdata/boosting`).

use eyas_model::{Bins, Derive, Feature, Schema, TaskKind};
use eyas_search::{Config, Value};

use super::Boosting;
use crate::dataset::{Dataset, Target};
use crate::learners::{FitInput, Learner, NeverStop};
use crate::metrics::metric;
use crate::predict::predict;

const FILE: &str = include_str!("../../../../../testdata/boosting/auto_mpg.csv");
const N_FEATURES: usize = 6;

/// Largest difference to column `expected` of the file, and the spread of that column, with some
/// parameters more.
fn difference(task: TaskKind, expected: usize, more: &[(&str, Value)]) -> (f64, f64) {
    let parse = |line: &str| -> Vec<f64> {
        line.split(',').map(|cell| cell.parse().expect("a number")).collect()
    };
    let rows: Vec<Vec<f64>> = FILE.lines().skip(1).map(parse).collect();
    let bins: Vec<Vec<u8>> =
        (0..N_FEATURES).map(|f| rows.iter().map(|row| row[f] as u8).collect()).collect();
    let feature = |f: usize| Feature {
        column: f as u32,
        derive: Derive::Itself,
        name: f.to_string(),
        bins: Bins::Edges((1..*bins[f].iter().max().expect("rows")).map(f64::from).collect()),
    };
    let target = match task {
        TaskKind::Regression => Target::Numbers(rows.iter().map(|row| row[6]).collect()),
        _ => Target::Classes(rows.iter().map(|row| u32::from(row[6] > 22.0)).collect()),
    };
    let data = Dataset {
        schema: Schema { task, target: String::new(), classes: Vec::new(), columns: Vec::new() },
        n_rows: rows.len(),
        features: (0..N_FEATURES).map(feature).collect(),
        bins,
        numbers: vec![Default::default(); N_FEATURES],
        target,
        weights: None,
    };
    let mut config = Config { learner: "boosting".to_owned(), values: Default::default() }
        .with("n_estimators", 20i64)
        .with("num_leaves", 8i64)
        .with("learning_rate", 0.1)
        .with("min_data_in_leaf", 1i64)
        .with("min_sum_hessian", 3.0)
        .with("lambda_l2", 1.0)
        .with("extra_trees", false)
        .with("feature_fraction_bynode", 1.0)
        .with("subsample", 1.0);
    config.values.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    let fit = Boosting.fit(&FitInput {
        data: &data,
        train: &all,
        valid: &[],
        features: &[0, 1, 2, 3, 4, 5],
        metric: metric("rmse").expect("it is listed"),
        config: &config,
        seed: 0,
        stop: &NeverStop,
        threads: &crate::ONE_THREAD,
        last_truncation: None,
        checkpoints: &crate::NoCheckpoints,
    });
    let fit = fit.expect("the configuration is allowed");
    let last = fit.model.truncations().len() - 1;
    let found = predict(&fit.model.part(last), fit.model.link(), &data, &all);
    let expected = rows.iter().map(|row| row[expected]);
    let (low, high) = expected.clone().fold((f64::MAX, f64::MIN), |(a, b), e| (a.min(e), b.max(e)));
    let largest = found.iter().zip(expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
    (largest, high - low)
}

fn check(task: TaskKind, expected: usize, more: &[(&str, Value)]) {
    let (largest, spread) = difference(task, expected, more);
    assert!(largest < 1e-5 * spread, "{largest} of {spread}, {more:?}");
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn squared_error_predicts_as_lightgbm_does() {
    check(TaskKind::Regression, 7, &[]);
}

#[test]
fn log_loss_predicts_as_lightgbm_does() {
    check(TaskKind::Binary, 8, &[]);
}

#[test]
fn constraints_predict_as_those_of_lightgbm_do() {
    check(TaskKind::Regression, 9, &[("monotone_constraints", text("0,0,-1,-1,0,1"))]);
    check(TaskKind::Regression, 10, &[("interaction_constraints", text("[0,1,2],[2,3],[4,5]"))]);
}

#[test]
fn positive_numbers_predict_as_lightgbm_does() {
    check(TaskKind::Regression, 11, &[("objective", text("gamma"))]);
    let power = ("tweedie_variance_power", Value::Float(1.3));
    check(TaskKind::Regression, 12, &[("objective", text("tweedie")), power]);
}
