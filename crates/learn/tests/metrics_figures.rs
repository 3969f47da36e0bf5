//! Metrics against figures recorded with scikit-learn (`testdata/metrics/make_figures.py`).

use eyas_learn::metrics::{METRICS, Scored, Truth, metric};
use eyas_model::TaskKind;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    let items = value.as_array().expect("a list");
    items.iter().map(|item| item.as_f64().expect("a number")).collect()
}

fn kind(case: &Value) -> TaskKind {
    match case["kind"].as_str() {
        Some("binary") => TaskKind::Binary,
        Some("multiclass") => TaskKind::Multiclass,
        _ => TaskKind::Regression,
    }
}

/// Names of the metrics compared in one case.
fn check(case: &Value) -> Vec<String> {
    let truth = numbers(&case["truth"]);
    let classes: Vec<u32> = truth.iter().map(|&class| class as u32).collect();
    let predictions = numbers(&case["predictions"]);
    let weights = (!case["weights"].is_null()).then(|| numbers(&case["weights"]));
    let scored = Scored {
        truth: match kind(case) {
            TaskKind::Regression => Truth::Numbers(&truth),
            _ => Truth::Classes(&classes),
        },
        predictions: &predictions,
        n_outputs: case["n_outputs"].as_u64().expect("a count") as usize,
        weights: weights.as_deref(),
    };
    let values = case["values"].as_object().expect("figures by metric");
    for (name, expected) in values {
        let metric = metric(name).expect("a listed metric");
        let value = metric.value((metric.loss)(&scored));
        // JSON has no NaN: null.
        let expected = expected.as_f64().unwrap_or(f64::NAN);
        let alike = value.is_nan() && expected.is_nan()
            || (value - expected).abs() <= 1e-9 * expected.abs().max(1.0);
        assert!(alike, "{} of {}: {value}, scikit-learn {expected}", name, case["name"]);
    }
    values.keys().cloned().collect()
}

#[test]
fn metrics_equal_scikit_learn() {
    let text = include_str!("../../../testdata/metrics/figures.json");
    let figures: Value = serde_json::from_str(text).expect("valid JSON");
    let cases = figures["cases"].as_array().expect("a list");
    for kind_wanted in [TaskKind::Regression, TaskKind::Binary, TaskKind::Multiclass] {
        let mut compared: Vec<String> =
            cases.iter().filter(|case| kind(case) == kind_wanted).flat_map(check).collect();
        compared.sort_unstable();
        compared.dedup();
        let listed = METRICS.iter().filter(|metric| metric.tasks.contains(&kind_wanted));
        let mut listed: Vec<&str> = listed.map(|metric| metric.name).collect();
        listed.sort_unstable();
        assert_eq!(compared, listed, "every metric of {kind_wanted:?} is compared");
    }
}
