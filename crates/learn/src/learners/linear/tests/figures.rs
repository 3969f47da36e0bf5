//! Coefficients and predictions equal scikit-learn's (`testdata/linear`).

use eyas_model::{Part, Term};
use serde_json::Value;

use super::*;

fn cases() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/linear/linear.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|entry| entry.as_f64().unwrap()).collect()
}

fn data_of(case: &Value) -> Dataset {
    let rows: Vec<Vec<f64>> = case["x"].as_array().unwrap().iter().map(floats).collect();
    let columns = (0..rows[0].len()).map(|j| rows.iter().map(|row| row[j]).collect());
    let columns = columns.map(Cells::Numbers).collect();
    let y = floats(&case["y"]);
    match case["kind"].as_str().unwrap() {
        "regression" => dataset(columns, Target::Numbers(y), 0),
        kind => {
            let n_classes = if kind == "binary" { 2 } else { 3 };
            dataset(columns, Target::Classes(y.iter().map(|&y| y as u32).collect()), n_classes)
        }
    }
}

/// Weights by output and feature; a feature without a term has weight 0.
fn coefficients(part: &Part, n_features: usize) -> Vec<Vec<f64>> {
    let Part::Linear(linear) = part else { panic!("not linear") };
    let mut all = vec![vec![0.0; n_features]; linear.intercept.len()];
    for term in &linear.terms {
        let Term::Number { feature, weights, .. } = term else { panic!("not a number") };
        weights.iter().enumerate().for_each(|(k, weight)| all[k][*feature as usize] = *weight);
    }
    all
}

#[test]
fn fits_are_those_of_scikit_learn() {
    for case in cases() {
        let data = data_of(&case);
        let every_tenth: Vec<u32> = (0..data.n_rows as u32).step_by(10).collect();
        for want in case["fits"].as_array().unwrap() {
            let l1_ratio = want["l1_ratio"].as_f64().unwrap();
            let penalty = want["penalty"].as_f64().unwrap();
            let elastic = if l1_ratio == 0.0 { "l2" } else { "elastic_net" };
            let l1_ratio = if l1_ratio == 0.0 { 0.5 } else { l1_ratio };
            let config = config(&[
                ("penalty", penalty.into()),
                ("regularizer", elastic.into()),
                ("l1_ratio", l1_ratio.into()),
            ]);
            let fit = fit(&data, &all_rows(&data), &[], &config);
            let last = fit.model.truncations().len() - 1;
            let what = format!("{} {penalty} {elastic} {l1_ratio}", case["name"]);
            // Where features are as alike as here, predictions are closer than weights.
            // Coordinate descent ends a little earlier than the others.
            let (tolerance, weight_tolerance) =
                if elastic == "l2" { (1e-5, 1e-4) } else { (1e-4, 1e-3) };
            let got = coefficients(&fit.model.part(last), data.n_features());
            for (got, want) in got.iter().zip(want["coefficients"].as_array().unwrap()) {
                let want = floats(want);
                let largest = want.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                let shares = |all: &[f64]| all.iter().map(|w| w / largest).collect::<Vec<f64>>();
                assert_close(&shares(got), &shares(&want), weight_tolerance, &what);
            }
            let got = predictions(&fit, last, &data, &every_tenth);
            let want: Vec<f64> =
                want["predictions"].as_array().unwrap().iter().flat_map(floats).collect();
            let want = if data.task() == TaskKind::Binary {
                want.chunks(2).map(|both| both[1]).collect()
            } else {
                want
            };
            assert_close(&got, &want, tolerance, &what);
        }
    }
}
