//! Exported graphs predict in ONNX Runtime what Eyas predicts.
//!
//! `testdata/export/onnx.json` holds what ONNX Runtime said to each graph (known by the hash of its
//! bytes); `testdata/export/make_onnx.py` makes it.

mod models;
mod recorded;

use std::collections::BTreeMap;
use std::path::PathBuf;

use eyas_convert::{EXPORTERS, Error, import};
use eyas_model::{ColumnKind, Model, Predictor, Scratch, TaskKind, Value};
use models::{Cell, Named};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Recorded {
    /// FNV-1a of the graph's bytes.
    hash: String,
    /// The number, or the probability of each class `(n_rows, n)`.
    predictions: Vec<Vec<f64>>,
    /// Predicted classes; none for regression.
    labels: Option<Vec<String>>,
}

fn export(model: &Model, name: &str) -> Result<Vec<u8>, Error> {
    let exporter = EXPORTERS.iter().find(|known| known.name == "onnx").expect("it is listed");
    (exporter.write)(model, name)
}

/// Every model, with numbers that are 32-bit floats.
fn all() -> Vec<Named> {
    let mut all = models::all();
    for cell in all.iter_mut().flat_map(|named| &mut named.rows).flatten() {
        if let Cell::Number(number) = cell {
            *number = f64::from(*number as f32);
        }
    }
    all.retain(|named| named.model.schema.columns.iter().all(|c| c.kind != ColumnKind::DateTime));
    all
}

fn golden(name: &str) -> PathBuf {
    recorded::folder("../export").join(name)
}

fn hash(bytes: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

#[test]
fn graphs_are_those_that_onnx_runtime_was_asked_about_and_predict_the_same() {
    let text = std::fs::read_to_string(golden("onnx.json")).expect("it is there");
    let mut recorded: BTreeMap<String, Recorded> = serde_json::from_str(&text).expect("JSON");
    let all = all();
    assert!(all.len() >= 24, "{}", all.len());
    for named in &all {
        let name = &named.name;
        let recorded = recorded.remove(name).unwrap_or_else(|| panic!("{name} is not recorded"));
        let bytes = export(&named.model, name).expect("it can be exported");
        let again = "the graph is another: run testdata/export/make_onnx.py and read the change";
        assert_eq!(hash(&bytes), recorded.hash, "{name}: {again}");
        check(named, &recorded);
    }
    assert!(recorded.is_empty(), "no longer there: {:?}", recorded.keys());
}

fn check(named: &Named, recorded: &Recorded) {
    let schema = &named.model.schema;
    let predictor = Predictor::compile(named.model.clone()).expect("sound");
    let (mut scratch, mut out) = (Scratch::default(), vec![0.0; predictor.n_outputs()]);
    assert_eq!(named.rows.len(), recorded.predictions.len(), "{}", named.name);
    for (index, row) in named.rows.iter().enumerate() {
        let cells: Vec<Value> = row.iter().map(Cell::value).collect();
        predictor.predict_row(&cells, &mut scratch, &mut out).expect("a sound row");
        let theirs = &recorded.predictions[index];
        let ours = match schema.task {
            TaskKind::Binary => vec![1.0 - out[0], out[0]],
            _ => out.clone(),
        };
        assert_eq!(ours.len(), theirs.len(), "{}", named.name);
        for (a, b) in ours.iter().zip(theirs) {
            let far = (a - b).abs() / b.abs().max(1.0);
            assert!(far <= 1e-5, "{}: row {index} {row:?}: {ours:?}, {theirs:?}", named.name);
        }
        let Some(labels) = &recorded.labels else { continue };
        let mut sorted = ours.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let best = sorted[sorted.len() - 1];
        if best - sorted[sorted.len() - 2] > 1e-5 {
            let class = ours.iter().position(|share| *share == best).expect("it is there");
            assert_eq!(labels[index], schema.classes[class], "{}: row {index}", named.name);
        }
    }
}

#[test]
fn dates_are_refused_by_name() {
    let dated = |named: &&Named| {
        named.model.schema.columns.iter().any(|column| column.kind == ColumnKind::DateTime)
    };
    let all = models::all();
    let messages: Vec<String> = all
        .iter()
        .filter(dated)
        .filter_map(|named| export(&named.model, &named.name).err())
        .map(|error| error.to_string())
        .collect();
    assert!(!messages.is_empty());
    assert!(messages.iter().all(|message| message.contains("column `date` holds dates")));
}

#[test]
fn graphs_of_trees_over_numbers_are_read_back() {
    // What is written is also what is read, so a model survives, whatever ONNX Runtime says.
    let mut n_read = 0;
    for named in all() {
        let bytes = export(&named.model, &named.name).expect("it can be exported");
        let Ok(again) = import(&bytes, None) else { continue };
        n_read += 1;
        assert_eq!(again.schema.task, TaskKind::Regression, "{}", named.name);
        assert_eq!(again.schema.n_outputs(), 1);
    }
    assert!(n_read > 0);
}

/// For `testdata/export/make_onnx.py`: with `EYAS_EXPORTS` set to a folder, imports the models of
/// `testdata/export` anew and writes graphs and rows into the folder. Else nothing.
#[test]
fn graphs_and_rows_are_written_if_asked_for() {
    let Some(folder) = std::env::var_os("EYAS_EXPORTS").map(PathBuf::from) else { return };
    models::store();
    for named in all() {
        let bytes = export(&named.model, &named.name).expect("it can be exported");
        let columns = named.model.schema.columns.iter().map(|column| column.name.as_str());
        let text = serde_json::json!({
            "hash": hash(&bytes),
            "columns": columns.collect::<Vec<_>>(),
            "rows": named.rows.iter().map(|row| texts(row)).collect::<Vec<_>>(),
        });
        let file = |ending: &str| folder.join(format!("{}.{ending}", named.name));
        std::fs::write(file("onnx"), bytes).expect("written");
        std::fs::write(file("json"), text.to_string()).expect("written");
    }
}

fn texts(row: &[Cell]) -> Vec<String> {
    let text = |cell: &Cell| match cell {
        Cell::Missing => String::new(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    };
    row.iter().map(text).collect()
}
