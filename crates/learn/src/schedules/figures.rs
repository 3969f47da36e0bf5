//! Rates equal those that Keras, PyTorch, optax and CatBoost give (`testdata/schedules`).

use eyas_model::TaskKind;
use serde_json::Value;

use super::boosting_rate::{Rounds, boosting_rate};
use super::plateau::{MinDelta, PlateauOptions, PlateauRule};
use super::*;

struct Case {
    library: String,
    options: Value,
    rates: Vec<f64>,
}

impl Case {
    fn float(&self, name: &str) -> f64 {
        self.options[name].as_f64().unwrap()
    }

    fn int(&self, name: &str) -> u64 {
        self.options[name].as_u64().unwrap()
    }

    fn bool(&self, name: &str) -> bool {
        self.options[name].as_bool().unwrap()
    }
}

const BASE: f64 = 0.1;

fn cases(schedule: &str) -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/schedules/schedules.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let all = file["cases"].as_array().unwrap().iter().filter(|case| case["schedule"] == schedule);
    let cases: Vec<Case> = all.map(case).collect();
    assert!(!cases.is_empty(), "no case of {schedule}");
    cases
}

fn case(value: &Value) -> Case {
    let rates = value["rates"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap());
    Case {
        library: value["library"].as_str().unwrap().to_owned(),
        options: value["options"].clone(),
        rates: rates.collect(),
    }
}

fn check(name: &str, make: impl Fn(&Case) -> Box<dyn Schedule>) {
    for case in cases(name) {
        let schedule = make(&case);
        for (step, &want) in case.rates.iter().enumerate() {
            let got = schedule.rate(step as u64);
            let close = (got - want).abs() < 1e-6 * BASE;
            assert!(close, "{name} of {} at {step}: {got} for {want}", case.library);
        }
    }
}

#[test]
fn constant() {
    check("constant", |_| Box::new(Constant { base_rate: BASE }));
}

#[test]
fn exponential() {
    check("exponential", |case| {
        Box::new(Exponential {
            base_rate: BASE,
            decay_rate: case.float("decay_rate"),
            decay_steps: case.int("decay_steps"),
            staircase: case.bool("staircase"),
        })
    });
}

#[test]
fn inverse_time() {
    check("inverse_time", |case| {
        let (decay_rate, decay_steps) = (case.float("decay_rate"), case.int("decay_steps"));
        Box::new(InverseTime { base_rate: BASE, decay_rate, decay_steps })
    });
}

#[test]
fn polynomial() {
    check("polynomial", |case| {
        Box::new(Polynomial {
            base_rate: BASE,
            end_rate: case.float("end_rate"),
            power: case.float("power"),
            n_steps: case.int("n_steps"),
        })
    });
}

#[test]
fn cosine() {
    check("cosine", |case| {
        let (alpha, n_steps) = (case.float("alpha"), case.int("n_steps"));
        Box::new(Cosine { base_rate: BASE, alpha, n_steps })
    });
}

#[test]
fn warmup_cosine() {
    check("warmup_cosine", |case| {
        let after =
            Cosine { base_rate: BASE, alpha: case.float("alpha"), n_steps: case.int("n_steps") };
        Box::new(Warmup { n_warmup: case.int("n_warmup"), after: Box::new(after) })
    });
}

#[test]
fn plateau() {
    for case in cases("plateau") {
        let keras = case.library == "keras";
        let delta = case.float("min_delta");
        let options = PlateauOptions {
            rule: if keras { PlateauRule::Keras } else { PlateauRule::PyTorch },
            factor: case.float("factor"),
            patience: case.int("patience"),
            cooldown: case.int("cooldown"),
            min_delta: if case.bool("relative") {
                MinDelta::Relative(delta)
            } else {
                MinDelta::Absolute(delta)
            },
            min_rate: case.float("min_rate"),
        };
        let mut plateau = Plateau::new(BASE, options);
        let losses = case.options["losses"].as_array().unwrap();
        for (at, (loss, &want)) in losses.iter().zip(&case.rates).enumerate() {
            let got = plateau.observe(loss.as_f64().unwrap());
            let place = format!("{} {options:?} after loss {at}", case.library);
            assert!((got - want).abs() < 1e-7, "{place}: {got} for {want}");
            assert_eq!(got, plateau.rate());
        }
    }
}

#[test]
fn plateau_takes_nan_as_no_improvement() {
    let options = PlateauOptions { patience: 1, ..PlateauOptions::default() };
    let mut plateau = Plateau::new(1.0, options);
    let rates = [0.5, f64::NAN, f64::NAN, 0.4].map(|loss| plateau.observe(loss));
    assert_eq!(rates, [1.0, 1.0, 0.1, 0.1]);
}

#[test]
fn boosting_rates() {
    for case in cases("boosting_rate") {
        let kind = match case.options["kind"].as_str().unwrap() {
            "regression" => TaskKind::Regression,
            "binary" => TaskKind::Binary,
            _ => TaskKind::Multiclass,
        };
        let rounds = if case.bool("at_most") { Rounds::AtMost } else { Rounds::Exactly };
        let (n_rows, n_rounds) = (case.int("n_rows") as usize, case.int("n_rounds") as usize);
        let got = boosting_rate(kind, rounds, n_rows, n_rounds);
        let place = format!("{kind:?} {rounds:?} {n_rows} {n_rounds}");
        // CatBoost rounds to six digits.
        assert!((got - case.rates[0]).abs() < 1e-6, "{place}: {got} for {}", case.rates[0]);
    }
}
