//! Recorded answers of other libraries, and what Eyas says to the same rows.
#![allow(dead_code, reason = "not every test compares")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use eyas_model::{Model, Predictor, Scratch, Value};
use serde::Deserialize;

/// What the library said to the rows of a model.
#[derive(Debug, Deserialize)]
pub struct Figures {
    /// Predictions `(n_rows, n_outputs)`.
    pub predictions: Vec<Vec<f64>>,
    /// The library's number of the leaf of each tree, where it is known `(n_rows, n_trees)`.
    pub leaves: Option<Vec<Option<Vec<u64>>>>,
}

/// A folder of `testdata/import`.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/import").join(name)
}

/// All recorded answers of a folder, by model.
pub fn all(folder: &Path) -> BTreeMap<String, Figures> {
    let text = std::fs::read_to_string(folder.join("figures.json")).expect("it is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Rows in the order of the model's columns; cells are texts, empty if missing.
pub fn rows(path: &Path, model: &Model) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("it is there");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let place = |name: &String| header.iter().position(|known| known == name);
    let places: Vec<usize> = model
        .schema
        .columns
        .iter()
        .map(|column| place(&column.name).unwrap_or_else(|| panic!("no column {}", column.name)))
        .collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{line}");
        places.iter().map(|&place| cells[place].to_string()).collect()
    };
    lines.map(row).collect()
}

/// Predictions of rows `(n_rows, n_outputs)`.
pub fn predict(model: &Model, rows: &[Vec<String>]) -> Vec<Vec<f64>> {
    let predictor = Predictor::compile(model.clone()).expect("an imported model is sound");
    let mut scratch = Scratch::default();
    let one = |row: &Vec<String>| {
        let cells: Vec<Value> = row.iter().map(|cell| Value::Text(cell)).collect();
        let mut out = vec![0.0; predictor.n_outputs()];
        predictor.predict_row(&cells, &mut scratch, &mut out).expect("a sound row");
        out
    };
    rows.iter().map(one).collect()
}

/// Compares a model with what was recorded for it; says what differs most.
pub fn check(name: &str, model: &Model, rows: &[Vec<String>], figures: &Figures, tolerance: f64) {
    let predictions = predict(model, rows);
    assert_eq!(predictions.len(), figures.predictions.len(), "{name}");
    for (index, (ours, theirs)) in predictions.iter().zip(&figures.predictions).enumerate() {
        assert_eq!(ours.len(), theirs.len(), "{name}: row {index}");
        for (a, b) in ours.iter().zip(theirs) {
            let far = (a - b).abs() / b.abs().max(1.0);
            assert!(
                far <= tolerance,
                "{name}: row {index} {:?}: {ours:?}, {theirs:?}",
                rows[index]
            );
        }
    }
    if let Some(leaves) = &figures.leaves {
        check_leaves(name, model, rows, leaves);
    }
    let varies = predictions.iter().any(|row| *row != predictions[0]);
    assert!(varies, "{name}: all predictions are alike, so they show nothing");
}

/// Leaves have other numbers, but each of theirs is always the same one of ours, and the other way
/// round.
fn check_leaves(name: &str, model: &Model, rows: &[Vec<String>], leaves: &[Option<Vec<u64>>]) {
    let mut ours_of: HashMap<(usize, u64), u32> = HashMap::new();
    let mut theirs_of: HashMap<(usize, u32), u64> = HashMap::new();
    for (index, (row, theirs)) in rows.iter().zip(leaves).enumerate() {
        let Some(theirs) = theirs else { continue };
        let cells: Vec<Value> = row.iter().map(|cell| Value::Text(cell)).collect();
        let ours = model.leaves(&model.read_row(&cells).expect("a sound row"));
        assert_eq!(ours.len(), theirs.len(), "{name}: trees");
        for (tree, (&ours, &theirs)) in ours.iter().zip(theirs).enumerate() {
            let same = *ours_of.entry((tree, theirs)).or_insert(ours) == ours
                && *theirs_of.entry((tree, ours)).or_insert(theirs) == theirs;
            assert!(same, "{name}: row {index}, tree {tree}: leaf {ours}, theirs {theirs}");
        }
    }
}
