//! Model files, and what their notes say.

use std::path::Path;

use eyas_model::{Predictor, TaskKind};
use serde_json::Value;

use crate::failure::Failure;

/// A model file that is open.
pub struct OpenModel {
    /// The model.
    pub predictor: Predictor,
    /// How it was found, as JSON; null if its notes are no JSON.
    pub notes: Value,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Opens a model file.
pub fn open(path: &Path) -> Result<OpenModel, Failure> {
    crate::data::must_exist(path)?;
    let predictor = Predictor::load(path).map_err(|error| {
        let failure = Failure::failed(format!("cannot load `{}`: {error}", path.display()));
        match error {
            eyas_model::Error::BadFile { .. } | eyas_model::Error::BadModel(_) => failure
                .help("name a model file that `eyas fit` wrote, or fit it again with this version"),
            _ => failure,
        }
    })?;
    let file_bytes = std::fs::metadata(path).map_or(0, |data| data.len());
    let notes = serde_json::from_str(predictor.notes()).unwrap_or(Value::Null);
    Ok(OpenModel { predictor, notes, file_bytes })
}

impl OpenModel {
    /// Kind of its task, as reports write it.
    pub fn task(&self) -> &'static str {
        match self.predictor.schema().task {
            TaskKind::Regression => "regression",
            TaskKind::Binary => "binary",
            TaskKind::Multiclass => "multiclass",
        }
    }

    /// Names of the columns it reads.
    pub fn columns(&self) -> Vec<&str> {
        self.predictor.schema().columns.iter().map(|column| column.name.as_str()).collect()
    }
}
