//! Models of LightGBM and XGBoost: the same leaf for every row and tree, and the same predictions.
//!
//! Figures, rows and models were made by `testdata/import/make_boosters.py`. Predictions may differ
//! by 1e-6 of the library's number, scores (the sums before the link, which may cancel to nearly
//! nothing) and predictions without a link by 1e-6 of the larger of 1 and the library's number.

mod figures;

use eyas_convert::{Error, import};
use eyas_model::{FlatRows, Link, Model, Part, Predictor, Scratch, TaskKind, Value};
use figures::{Figures, bytes, cells, files};

const LIBRARIES: [&str; 2] = ["lightgbm", "xgboost"];

/// Files of models that are imported.
fn imported(library: &str) -> Vec<String> {
    files(library).into_iter().filter(|file| !file.starts_with("refused")).collect()
}

fn model(library: &str, file: &str) -> Model {
    let bytes = bytes(library, file);
    let model = import(&bytes, None).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(import(&bytes, Some(library)), Ok(model.clone()));
    model
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
fn every_row_reaches_the_leaf_that_its_library_says() {
    for library in LIBRARIES {
        let files = imported(library);
        assert!(files.len() >= 30, "{library} has {} models", files.len());
        for file in files {
            let (model, figures) = (model(library, &file), Figures::of(library, &file));
            assert!(figures.rows.len() >= 50);
            for (at, (row, leaves)) in figures.rows.iter().zip(&figures.leaves).enumerate() {
                let read = model.read_row(&cells(&model, row)).expect("a sound row");
                assert_eq!(&model.leaves(&read), leaves, "{library}/{file} row {at}: {row:?}");
            }
        }
    }
}

#[test]
fn numbers_written_as_text_are_read_alike() {
    for library in LIBRARIES {
        for file in imported(library) {
            let (model, figures) = (model(library, &file), Figures::of(library, &file));
            for row in &figures.rows {
                let texts: Vec<Value> = row.iter().map(|text| Value::Text(text)).collect();
                let as_text = model.read_row(&texts).expect("a sound row");
                let read = model.read_row(&cells(&model, row)).expect("a sound row");
                assert_eq!(as_text.bins, read.bins, "{library}/{file}: {row:?}");
            }
        }
    }
}

/// The score that a file's library gives, on the scale of the model's.
fn expected_scores(
    library: &str,
    file: &str,
    model: &Model,
    n_trees: usize,
    raw: &[f64],
) -> Vec<f64> {
    if model.schema.task == TaskKind::Binary && raw.len() == 2 {
        return vec![raw[1] - raw[0]];
    }
    let text = bytes(library, file);
    let header = String::from_utf8_lossy(&text[..text.len().min(1000)]).into_owned();
    let sigmoid = header.lines().find(|line| line.starts_with("objective=")).and_then(|line| {
        line.split_once("sigmoid:").map(|(_, value)| value.trim().parse::<f64>().expect("a number"))
    });
    // Scores of LightGBM's forests are sums, their predictions means.
    let n_rounds = if header.contains("\naverage_output") { n_trees / raw.len() } else { 1 };
    let scale = sigmoid.unwrap_or(1.0) / n_rounds as f64;
    raw.iter().map(|score| score * scale).collect()
}

fn link(model: &Model) -> Link {
    model.members[0].link
}

#[test]
fn predictions_are_those_of_the_library() {
    for library in LIBRARIES {
        for file in imported(library) {
            let (model, figures) = (model(library, &file), Figures::of(library, &file));
            let n_outputs = model.schema.n_outputs();
            let Part::Trees(trees) = &model.members[0].part else { panic!("trees") };
            for (at, row) in figures.rows.iter().enumerate() {
                let read = model.read_row(&cells(&model, row)).expect("a sound row");
                let mut scores = vec![0.0; n_outputs];
                trees.score(&read.bins, &mut scores);
                let expected =
                    expected_scores(library, &file, &model, trees.trees.len(), &figures.raw[at]);
                assert_near(&scores, &expected, 1.0, &format!("{library}/{file} row {at}, score"));
                let mut out = vec![0.0; n_outputs];
                model.predict(&read, &mut out);
                let mut expected = figures.predictions[at].clone();
                if model.schema.task == TaskKind::Binary && expected.len() == 2 {
                    expected.remove(0);
                }
                let least = if link(&model) == Link::Identity { 1.0 } else { 0.0 };
                assert_near(&out, &expected, least, &format!("{library}/{file} row {at}"));
            }
        }
    }
}

fn assert_near(ours: &[f64], theirs: &[f64], least: f64, place: &str) {
    assert_eq!(ours.len(), theirs.len(), "{place}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        let tolerance = 1e-6 * theirs.abs().max(least);
        assert!((ours - theirs).abs() <= tolerance, "{place}: {ours} instead of {theirs}");
    }
}

#[test]
fn compiled_models_predict_as_the_oracle_does() {
    let mut scratch = Scratch::default();
    for library in LIBRARIES {
        for file in imported(library) {
            let (model, figures) = (model(library, &file), Figures::of(library, &file));
            let reloaded = Model::from_bytes(&model.to_bytes()).expect("a sound file");
            assert_eq!(reloaded, model, "{library}/{file}");
            let predictor = Predictor::compile(reloaded).expect("a sound model");
            let n_outputs = predictor.n_outputs();
            let rows: Vec<Vec<Value>> = figures.rows.iter().map(|row| cells(&model, row)).collect();
            let mut oracle = vec![0.0; n_outputs * rows.len()];
            let mut single = oracle.clone();
            for (at, row) in rows.iter().enumerate() {
                let range = at * n_outputs..(at + 1) * n_outputs;
                let read = model.read_row(row).expect("a sound row");
                model.predict(&read, &mut oracle[range.clone()]);
                predictor.predict_row(row, &mut scratch, &mut single[range]).expect("sound");
            }
            assert_eq!(bits(&single), bits(&oracle), "{library}/{file}");
            let flat = rows.concat();
            let source = FlatRows::new(&flat, model.schema.columns.len());
            let mut batch = vec![f64::NAN; oracle.len()];
            predictor.predict_batch(&source, &mut scratch, &mut batch).expect("sound");
            assert_eq!(bits(&batch), bits(&oracle), "{library}/{file}");
        }
    }
}

#[test]
fn both_formats_of_xgboost_give_the_same_model() {
    let binary: Vec<String> =
        imported("xgboost").into_iter().filter(|file| file.ends_with(".ubj")).collect();
    let mut n_compared = 0;
    for file in binary {
        let text = file.replace(".ubj", ".json");
        if figures::folder("xgboost").join(&text).exists() {
            assert_eq!(model("xgboost", &file), model("xgboost", &text), "{file}");
            n_compared += 1;
        }
    }
    assert!(n_compared >= 8, "{n_compared}");
}

#[test]
fn what_cannot_be_exact_is_refused_by_name() {
    for (library, file, expected) in [
        ("lightgbm", "refused_linear.txt", "tree 0: linear models in leaves"),
        ("lightgbm", "refused_ordered.txt", "levels and features cannot be matched"),
        ("xgboost", "refused_linear.json", "the booster `gblinear`"),
        ("xgboost", "refused_targets.json", "2 targets or quantiles"),
        ("xgboost", "refused_quantiles.json", "2 targets or quantiles"),
    ] {
        let error = import(&bytes(library, file), None).expect_err(file);
        assert!(matches!(error, Error::Unsupported(_)), "{file}: {error}");
        assert!(error.to_string().contains(expected), "{file}: {error}");
    }
}

#[test]
fn names_levels_and_notes_are_kept() {
    let people = model("lightgbm", "pandas_categories.txt");
    let columns: Vec<&str> = people.schema.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(columns[..3], ["age", "workclass", "fnlwgt"]);
    assert_eq!(people.schema.classes, ["0", "1"]);
    let notes: serde_json::Value = serde_json::from_str(&people.notes).expect("notes are JSON");
    assert_eq!(notes["imported_from"], "lightgbm");
    assert_eq!(notes["version"], "v4");
    assert_eq!(notes["n_trees"], 10);
    let shares = notes["importances"].as_array().expect("a list");
    let total: f64 = shares.iter().map(|row| row[1].as_f64().expect("a share")).sum();
    assert!((total - 1.0).abs() < 1e-9, "{total}");
    let named = model("lightgbm", "names.txt");
    assert_eq!(named.schema.columns[0].name, "naïve_season");
    let nameless = model("xgboost", "no_names.ubj");
    assert_eq!(nameless.schema.columns[1].name, "f1");
    assert_eq!(nameless.schema.target, "prediction");
    let notes: serde_json::Value = serde_json::from_str(&nameless.notes).expect("notes are JSON");
    assert_eq!(notes["version"], "3.2.0");
}

#[test]
fn columns_with_more_thresholds_than_a_byte_tells_apart_are_tested() {
    for (library, file) in [("lightgbm", "many_thresholds.txt"), ("xgboost", "many_thresholds.ubj")]
    {
        let model = model(library, file);
        assert!(model.features.len() > model.schema.columns.len(), "{library}");
    }
}

#[test]
fn formats_are_named_and_recognised() {
    let lightgbm = bytes("lightgbm", "binary.txt");
    let message = import(&lightgbm, Some("xgboost")).expect_err("no JSON").to_string();
    assert!(message.contains("bad model file"), "{message}");
    let message = import(&lightgbm, Some("keras")).expect_err("unknown").to_string();
    assert!(message.contains("no format `keras`") && message.contains("lightgbm"), "{message}");
    let message = import(b"PAR1", None).expect_err("unknown").to_string();
    assert!(message.contains("no known format") && message.contains("xgboost"), "{message}");
}
