//! Single trees against scikit-learn's (`testdata/forest/make_trees.py` and `make_limits.py`).

use serde::Deserialize;

use super::fixtures::{SQUARES, dataset};
use crate::dataset::Target;
use crate::learners::forest::RandomForest;
use crate::learners::{FitInput, Learner, NeverStop};
use crate::predict::predict;
use eyas_search::{Config, Value};

#[derive(Deserialize)]
struct Recorded {
    bins: Vec<Vec<u8>>,
    weights: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    n_classes: usize,
    criterion: String,
    #[serde(default)]
    min_samples_leaf: i64,
    #[serde(default)]
    limits: std::collections::BTreeMap<String, f64>,
    #[serde(default)]
    n_leaves: usize,
    target: Vec<f64>,
    predictions: Vec<f64>,
}

fn config(case: &Case) -> Config {
    let mut config = Config { learner: String::new(), values: Default::default() }
        .with("n_estimators", 1)
        .with("max_features", "1.0")
        .with("bootstrap", false)
        .with("leaf_smoothing", 0.0);
    if case.min_samples_leaf > 0 {
        config = config.with("max_depth", 4).with("min_samples_leaf", case.min_samples_leaf);
    } else {
        config = config.with("max_depth", "none").with("min_samples_leaf", 12);
    }
    for (name, value) in &case.limits {
        config = config.with(name, *value);
    }
    if case.n_classes > 0 {
        config = config.with("criterion", Value::Text(case.criterion.clone()));
    }
    config
}

#[test]
fn a_tree_predicts_as_scikit_learns() {
    check(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/forest/trees.json"));
}

#[test]
fn limits_are_those_of_scikit_learn() {
    check(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/forest/limits.json"));
}

fn check(path: &str) {
    let text = std::fs::read_to_string(path).expect("it is part of the repository");
    let recorded: Recorded = serde_json::from_str(&text).expect("the script wrote it");
    for case in recorded.cases {
        let target = match case.n_classes {
            0 => Target::Numbers(case.target.clone()),
            _ => Target::Classes(case.target.iter().map(|&class| class as u32).collect()),
        };
        let mut data = dataset(recorded.bins.clone(), &[0, 0, 0], target, case.n_classes);
        data.weights = Some(recorded.weights.clone());
        let rows: Vec<u32> = (0..data.n_rows as u32).collect();
        let input = FitInput {
            data: &data,
            train: &rows,
            valid: &[],
            features: &[0, 1, 2],
            metric: &SQUARES,
            config: &config(&case),
            seed: 1,
            stop: &NeverStop,
            threads: &crate::ONE_THREAD,
            last_truncation: None,
            checkpoints: &crate::NoCheckpoints,
        };
        let fit = RandomForest.fit(&input).expect("the configuration is valid");
        let last = fit.model.truncations().len() - 1;
        let part = fit.model.part(last);
        if let eyas_model::Part::Trees(trees) = &part
            && case.n_leaves > 0
        {
            let (nodes, limits) = (trees.trees[0].nodes.len(), &case.limits);
            assert_eq!(nodes, 2 * case.n_leaves - 1, "{} {limits:?}", case.criterion);
        }
        let seen = predict(&part, fit.model.link(), &data, &rows);
        assert_eq!(seen.len(), case.predictions.len());
        for (place, (seen, expected)) in seen.iter().zip(&case.predictions).enumerate() {
            let (classes, criterion) = (case.n_classes, &case.criterion);
            assert!(
                (seen - expected).abs() < 2e-6 * (1.0 + expected.abs()),
                "{classes} classes, {criterion}, value {place}: {seen} is not {expected}"
            );
        }
    }
}
