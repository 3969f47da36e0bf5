//! ONNX: models of trees are read, any model is written.

mod branches;
mod export;
mod forest;
mod graph;
mod import;
mod messages;
mod scores;
mod values;
mod wire;

pub(crate) use export::EXPORTER;
pub(crate) use import::IMPORTER;
