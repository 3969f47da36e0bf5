//! Models of trees in ONNX files, as converters of scikit-learn, LightGBM and XGBoost write them.
//!
//! Such a model is a graph around nodes of the kind TreeEnsemble. Values are compared as 32-bit
//! floats (64-bit ones if the input is of type double), as ONNX Runtime does. Predictions equal those
//! of ONNX Runtime up to its sums in 32-bit floats.

use std::rc::Rc;

use eyas_model::{Model, TaskKind};
use prost::Message;
use serde_json::json;

use crate::Importer;
use crate::ensemble::{Column, Ensemble};
use crate::error::Error;
use crate::onnx::messages::ModelProto;
use crate::onnx::{graph, wire};

/// The entry of [`crate::IMPORTERS`].
pub(crate) const IMPORTER: Importer = Importer {
    name: "onnx",
    about: "trees in ONNX: scikit-learn, LightGBM, XGBoost",
    recognises,
    read,
};

/// A file begins with the version of its format (field 1, a small number), then a field of a model.
fn recognises(bytes: &[u8]) -> bool {
    let keys = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72];
    matches!(bytes, [0x08, 1..=127, key, ..] if keys.contains(key))
}

fn read(bytes: &[u8]) -> Result<Model, Error> {
    wire::check(bytes)?;
    let file = ModelProto::decode(bytes)
        .map_err(|error| Error::BadFile(format!("no ONNX model: {error}")))?;
    let graph = file.graph.as_ref();
    let graph = graph.ok_or_else(|| Error::BadFile("no ONNX model: there is no graph".into()))?;
    let (mut names, scores) = graph::read(graph)?;
    rename(&mut names, &file)?;
    let column = |name| Column { name, levels: None };
    let task = match scores.labels.len() {
        0 => TaskKind::Regression,
        2 => TaskKind::Binary,
        _ => TaskKind::Multiclass,
    };
    let notes = json!({
        "imported_from": IMPORTER.name,
        "version": format!("{} {}", file.producer_name, file.producer_version).trim(),
        "objective": "",
        "n_trees": scores.trees.len(),
    });
    let scores = Rc::unwrap_or_clone(scores);
    Ensemble {
        columns: names.into_iter().map(column).collect(),
        task,
        target: "prediction".into(),
        classes: scores.labels,
        link: scores.link,
        base: scores.base,
        scale: scores.scale,
        trees: Rc::unwrap_or_clone(scores.trees),
        notes: notes.to_string(),
    }
    .into_model()
}

/// Takes the names of columns from the entry `feature_names` of the metadata, a JSON list.
fn rename(names: &mut Vec<String>, file: &ModelProto) -> Result<(), Error> {
    let entry = file.metadata_props.iter().find(|entry| entry.key == "feature_names");
    let Some(entry) = entry else { return Ok(()) };
    let given: Vec<String> = serde_json::from_str(&entry.value).map_err(|error| {
        Error::BadFile(format!("metadata `feature_names` is no list of texts: {error}"))
    })?;
    if given.len() != names.len() {
        let problem = format!("{} feature_names for {} columns", given.len(), names.len());
        return Err(Error::BadFile(problem));
    }
    *names = given;
    Ok(())
}
