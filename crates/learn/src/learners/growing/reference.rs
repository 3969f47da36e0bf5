//! Single trees against scikit-learn's (`testdata/forest/make_trees.py`).

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
    min_samples_leaf: i64,
    target: Vec<f64>,
    predictions: Vec<f64>,
}

fn config(case: &Case) -> Config {
    let mut config = Config { learner: String::new(), values: Default::default() }
        .with("n_estimators", 1)
        .with("max_depth", 4)
        .with("max_features", "1.0")
        .with("bootstrap", false)
        .with("leaf_smoothing", 0.0)
        .with("min_samples_leaf", case.min_samples_leaf);
    if case.n_classes > 0 {
        config = config.with("criterion", Value::Text(case.criterion.clone()));
    }
    config
}

#[test]
fn a_tree_predicts_as_scikit_learns() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/forest/trees.json");
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
        };
        let fit = RandomForest.fit(&input).expect("the configuration is valid");
        let seen = predict(&fit.model.part(0), fit.model.link(), &data, &rows);
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
