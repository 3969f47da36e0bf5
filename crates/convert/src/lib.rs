//! Models from and to the formats of other libraries.
//!
//! ```text
//! file of another library --importer--> Ensemble (its own thresholds) --into_model--> Model
//! Model --exporter--> file of another format
//! ```
//!
//! An imported model predicts what its library predicts: the same leaf for every row. What cannot
//! be carried over exactly is refused by name. Invariant: hostile bytes give an error, never a
//! panic, and memory stays in proportion to the file.

mod c_source;
mod catboost;
mod document;
mod ensemble;
mod error;
mod float32;
mod json;
mod levels;
mod lightgbm;
mod notes;
mod onnx;
mod two_classes;
mod ubjson;
mod xgboost;

pub use ensemble::{Column, Ensemble, ForeignNode, ForeignTest, ForeignTree};
pub use error::Error;
pub use float32::{edge_above, edge_at_least};

use eyas_model::Model;

/// A format that models are read from.
#[derive(Debug, Clone, Copy)]
pub struct Importer {
    /// Name for `--format` and reports, e.g. `lightgbm`.
    pub name: &'static str,
    /// What files it reads, in a few words.
    pub about: &'static str,
    /// Whether the bytes look like this format; at most the first few kilobytes are looked at.
    pub recognises: fn(&[u8]) -> bool,
    /// Reads a whole file.
    pub read: fn(&[u8]) -> Result<Model, Error>,
}

/// A format that models are written to.
#[derive(Debug, Clone, Copy)]
pub struct Exporter {
    /// Name for `--format`, e.g. `onnx`.
    pub name: &'static str,
    /// What is written, in a few words.
    pub about: &'static str,
    /// Ending of the file's name, without the dot.
    pub extension: &'static str,
    /// Writes a model as the bytes of a file; the text names what the file defines.
    pub write: fn(&Model, &str) -> Result<Vec<u8>, Error>,
}

/// Every format that models are read from; the first that recognises a file reads it.
pub static IMPORTERS: &[Importer] =
    &[lightgbm::IMPORTER, xgboost::IMPORTER, catboost::IMPORTER, onnx::IMPORTER];

/// Every format that models are written to.
pub static EXPORTERS: &[Exporter] = &[onnx::EXPORTER, c_source::EXPORTER];

/// Reads a model of any known format, or of the one named.
///
/// # Errors
/// [`Error::UnknownFormat`] if none recognises the bytes or has the name, else what the importer
/// says.
pub fn import(bytes: &[u8], format: Option<&str>) -> Result<Model, Error> {
    let fits = |importer: &&Importer| match format {
        Some(name) => importer.name == name,
        None => (importer.recognises)(bytes),
    };
    let importer = IMPORTERS.iter().find(fits).ok_or_else(|| {
        let known = IMPORTERS.iter().map(|importer| importer.name).collect::<Vec<_>>().join(", ");
        Error::UnknownFormat { asked: format.map(String::from), known }
    })?;
    let model = (importer.read)(bytes)?;
    model.check().map_err(|error| Error::BadFile(error.to_string()))?;
    Ok(model)
}
