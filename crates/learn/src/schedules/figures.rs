//! Rates equal those that Keras, PyTorch, optax and CatBoost give (`testdata/schedules`).

use eyas_model::TaskKind;
use serde_json::Value;

use super::boosting_rate::{Rounds, boosting_rate};
use super::*;

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/../../testdata/schedules/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().map(|value| value.as_f64().unwrap()).collect()
}

/// Largest relative difference; figures of zero count as of 1e-6 of the base rate.
fn difference(got: f64, want: f64) -> f64 {
    (got - want).abs() / want.abs().max(1e-7)
}

#[test]
fn schedules_equal_the_libraries() {
    let mut worst = (0.0, String::new());
    for case in cases("library_schedules.json") {
        let text = case["schedule"].as_str().unwrap();
        let place = format!("{} {}: {text}", case["library"], case["name"]);
        let schedule = from_text(text, 0.1, case["n_steps"].as_u64().unwrap()).expect(text);
        let rates = floats(&case["rates"]);
        assert!(rates.len() >= 30, "{place}");
        for (step, &want) in rates.iter().enumerate() {
            let got = schedule.rate(step as u64);
            let off = difference(got, want);
            assert!(off <= 1e-6, "{place} at {step}: {got} for {want}");
            if off > worst.0 {
                worst = (off, place.clone());
            }
        }
        for (step, &want) in floats(&case["momentum"]).iter().enumerate() {
            let got = schedule.momentum(step as u64).expect(text);
            assert!(difference(got, want) <= 1e-6, "{place}, momentum at {step}: {got} for {want}");
        }
    }
    assert!(worst.0 < 1e-8, "largest difference {worst:?}");
}

#[test]
fn every_name_of_a_library_has_figures() {
    let cases = cases("library_schedules.json");
    for kind in SCHEDULES {
        for Equal { library, name } in kind.equals {
            let recorded = cases.iter().any(|case| {
                case["library"] == *library
                    && case["name"] == *name
                    && case["schedule"].as_str().unwrap().starts_with(kind.name)
            });
            // Entries that are a special case of another's figures.
            let special = ["step", "linear"].contains(&kind.name);
            assert!(recorded || special, "{} has no figures of {library} {name}", kind.name);
        }
    }
}

#[test]
fn boosting_rates() {
    for case in cases("boosting_rate.json") {
        let options = &case["options"];
        let kind = match options["kind"].as_str().unwrap() {
            "regression" => TaskKind::Regression,
            "binary" => TaskKind::Binary,
            _ => TaskKind::Multiclass,
        };
        let at_most = options["at_most"].as_bool().unwrap();
        let rounds = if at_most { Rounds::AtMost } else { Rounds::Exactly };
        let int = |name: &str| options[name].as_u64().unwrap() as usize;
        let (n_rows, n_rounds) = (int("n_rows"), int("n_rounds"));
        let got = boosting_rate(kind, rounds, n_rows, n_rounds);
        let want = floats(&case["rates"])[0];
        // CatBoost rounds to six digits.
        assert!(
            (got - want).abs() < 1e-6,
            "{kind:?} {rounds:?} {n_rows} {n_rounds}: {got} for {want}"
        );
    }
}
