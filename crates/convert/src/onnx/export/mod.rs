//! Any model as an ONNX graph of standard operators.
//!
//! ```text
//! one input a column --> features --> trees (TreeEnsembleRegressor), linear terms --> links --> sum
//!                                                                        --> prediction | probabilities, label
//! ```
//! Inputs are `(n_rows, 1)`: 32-bit floats for numbers (NaN is missing), texts for categories (empty is
//! missing). Numbers are compared as 32-bit floats with edges rounded down to such, so a value that is
//! a 32-bit float takes the same path as in Eyas; others are rounded first. Trees are summed in 32-bit
//! floats, 64 at a time; all that follows is computed in 64 bits. Columns that nothing reads are no inputs.

pub(super) mod builder;
mod features;
mod members;

use std::collections::BTreeSet;

use eyas_model::{ColumnKind, Input, Model, Node, Part, TaskKind, Term};
use prost::Message;

use crate::Exporter;
use crate::error::{Error, refuse_nets};
use crate::onnx::export::builder::Builder;
use crate::onnx::export::features::Features;
use crate::onnx::messages::{ModelProto, OperatorSetIdProto, element};

/// The entry of [`crate::EXPORTERS`].
pub(crate) const EXPORTER: Exporter = Exporter {
    name: "onnx",
    about: "a graph for ONNX Runtime and others",
    extension: "onnx",
    write,
};

/// Version of the file's format.
const IR_VERSION: i64 = 8;
/// Versions of the standard operators and of those for machine learning.
const OPSETS: [(&str, i64); 2] = [("", 15), ("ai.onnx.ml", 2)];

fn write(model: &Model, name: &str) -> Result<Vec<u8>, Error> {
    check(model)?;
    let columns = model.schema.columns.iter().map(|column| column.name.clone());
    let mut builder = Builder::new(name, columns.collect());
    let mut features = Features::new(model);
    let mut sum: Option<String> = None;
    for member in &model.members {
        let share = members::member(&mut builder, &mut features, model, member)?;
        sum = Some(match sum {
            None => share,
            Some(sum) => builder.node("Add", &[&sum, &share]),
        });
    }
    let sum = sum.ok_or_else(|| Error::Unsupported("a model without members".into()))?;
    outputs(&mut builder, model, &sum);
    let opset =
        |(domain, version): (&str, i64)| OperatorSetIdProto { domain: domain.into(), version };
    let file = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "eyas".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(builder.graph),
        opset_import: OPSETS.map(opset).to_vec(),
        metadata_props: vec![],
    };
    Ok(file.encode_to_vec())
}

/// Fails for what has no exact form here.
fn check(model: &Model) -> Result<(), Error> {
    refuse_nets(model, "ONNX")?;
    let columns = &model.schema.columns;
    for index in used_features(model) {
        let feature = &model.features[index as usize];
        let column = &columns[feature.column as usize];
        if column.kind == ColumnKind::DateTime {
            return Err(Error::Unsupported(format!(
                "column `{}` holds dates, which ONNX has no type for: export to C, or train on parts \
                 of the date as numbers",
                column.name
            )));
        }
        if column.kind == ColumnKind::Number && feature.bins.is_categorical() {
            let name = &column.name;
            return Err(Error::Unsupported(format!("column `{name}` of numbers has categories")));
        }
        if column.name.is_empty() {
            return Err(Error::Unsupported("a column without a name".into()));
        }
    }
    if columns.is_empty() {
        return Err(Error::Unsupported("a model that reads no columns".into()));
    }
    let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::Unsupported(format!("two columns have the name `{}`", pair[0]))),
        None => Ok(()),
    }
}

/// Features that members read.
fn used_features(model: &Model) -> BTreeSet<u32> {
    let mut used = BTreeSet::new();
    for member in &model.members {
        match &member.part {
            Part::Trees(trees) => {
                for node in trees.trees.iter().flat_map(|tree| &tree.nodes) {
                    if let Node::Split { feature, .. } = node {
                        used.insert(*feature);
                    }
                }
            }
            Part::Linear(linear) => used.extend(linear.terms.iter().map(|term| match term {
                Term::Number { feature, .. } | Term::Bins { feature, .. } => *feature,
            })),
            Part::Net(net) => used.extend(net.inputs.iter().map(Input::feature)),
            Part::Constant(_) => {}
        }
    }
    used
}

/// From the predictions `(n_rows, n_outputs)` to the outputs of the graph.
fn outputs(builder: &mut Builder, model: &Model, sum: &str) {
    let schema = &model.schema;
    if schema.task == TaskKind::Regression {
        let prediction = builder.free("prediction");
        builder.cast_to(&prediction, sum, element::FLOAT);
        builder.output(&prediction, element::FLOAT, &[None, Some(1)]);
        return;
    }
    let mut shares = sum.to_string();
    if schema.task == TaskKind::Binary {
        let one = builder.doubles(&[1.0], &[1]);
        let first = builder.node("Sub", &[&one, sum]);
        shares = builder.node_with("Concat", &[&first, sum], &[("axis", 1)]);
    }
    let best = builder.node_with("ArgMax", &[&shares], &[("axis", 1), ("keepdims", 0)]);
    let classes = builder.texts(&schema.classes);
    let (label, probabilities) = (builder.free("label"), builder.free("probabilities"));
    builder.named(&label, "Gather", &[&classes, &best]);
    builder.cast_to(&probabilities, &shares, element::FLOAT);
    let n_classes = schema.classes.len() as i64;
    builder.output(&label, element::STRING, &[None]);
    builder.output(&probabilities, element::FLOAT, &[None, Some(n_classes)]);
}
