//! Models of other libraries with the figures that these gave, from `testdata/import`.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use eyas_model::{ColumnKind, Model, Value};

/// Rows of a model's file and what the library says of them.
pub struct Figures {
    /// Cells as text, empty if missing `(n_rows, n_columns)`.
    pub rows: Vec<Vec<String>>,
    /// Leaf of every row and tree `(n_rows, n_trees)`.
    pub leaves: Vec<Vec<u32>>,
    /// Scores before the link `(n_rows, n_scores)`.
    pub raw: Vec<Vec<f64>>,
    /// Predictions `(n_rows, n_outputs)`.
    pub predictions: Vec<Vec<f64>>,
}

/// The folder of a library.
pub fn folder(library: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/import").join(library)
}

/// The bytes of a file in the folder of a library.
pub fn bytes(library: &str, file: &str) -> Vec<u8> {
    std::fs::read(folder(library).join(file)).expect("the file is there")
}

/// Names of the model files of a library, in order, with or without figures.
pub fn files(library: &str) -> Vec<String> {
    let names = std::fs::read_dir(folder(library)).expect("the folder is there");
    let names =
        names.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    let is_model = |name: &String| !name.ends_with(".csv") && !name.ends_with(".figures.json");
    let mut names: Vec<String> = names.filter(is_model).collect();
    names.sort();
    names
}

impl Figures {
    /// The figures of a model file.
    pub fn of(library: &str, file: &str) -> Figures {
        let stem = file.split('.').next().expect("a name");
        let text = |ending: &str| {
            String::from_utf8(bytes(library, &format!("{stem}.{ending}"))).expect("UTF-8")
        };
        let rows = text("csv");
        let figures: serde_json::Value =
            serde_json::from_str(&text("figures.json")).expect("figures are JSON");
        let table = |name: &str| -> Vec<Vec<f64>> {
            serde_json::from_value(figures[name].clone()).expect("a table of numbers")
        };
        let rows = rows.lines().skip(1).map(|line| line.split(',').map(String::from).collect());
        let leaves = table("leaves").into_iter();
        Figures {
            rows: rows.collect(),
            leaves: leaves.map(|row| row.into_iter().map(|leaf| leaf as u32).collect()).collect(),
            raw: table("raw"),
            predictions: table("predictions"),
        }
    }
}

/// Cells of a row as a model reads them; numbers as numbers.
pub fn cells<'a>(model: &Model, row: &'a [String]) -> Vec<Value<'a>> {
    let columns = &model.schema.columns;
    assert_eq!(columns.len(), row.len(), "columns of the model and of the rows");
    let cell = |(kind, text): (ColumnKind, &'a String)| match text.parse() {
        _ if text.is_empty() => Value::Missing,
        Ok(number) if kind == ColumnKind::Number => Value::Number(number),
        _ => Value::Text(text),
    };
    columns.iter().map(|column| column.kind).zip(row).map(cell).collect()
}
