//! Models of LightGBM, from its text format (`save_model`).
//!
//! - Predictions are those of `Booster.predict`. Leaf values are rounded to 32 bits.
//! - A numerical split sends `v <= threshold` left, in 64 bits. What a missing value means depends on
//!   the split: it is zero (`None`), it goes to the side that was learned, and zeros with it
//!   (`Zero`), or it alone does (`NaN`).
//! - A categorical split sends the categories of a set left, and all else (missing, negative, never
//!   seen) right.
//! - Categories of pandas are found by their name, or by their value if all are numbers; other
//!   categories are whole numbers, of which any fraction is cut off, as LightGBM does.
//!
//! Reference: G. Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree,
//! NeurIPS 30.

mod columns;
mod objective;
mod text;
mod tree;

use eyas_model::Model;

use crate::Importer;
use crate::ensemble::Ensemble;
use crate::error::Error;
use crate::notes::Origin;
use crate::two_classes;
use objective::Objective;
use text::ModelText;

/// Reads LightGBM's text format.
pub(crate) const IMPORTER: Importer =
    Importer { name: "lightgbm", about: "LightGBM's text format", recognises, read };

/// Versions of the format that are known.
const VERSIONS: [&str; 2] = ["v3", "v4"];

fn recognises(bytes: &[u8]) -> bool {
    bytes.starts_with(b"tree\n") || bytes.starts_with(b"tree\r\n")
}

fn read(bytes: &[u8]) -> Result<Model, Error> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::BadFile(format!("it is no UTF-8 text: {error}")))?;
    let mut ensemble = ensemble(&ModelText::parse(text)?)?;
    two_classes::fold(&mut ensemble);
    ensemble.into_model()
}

fn ensemble(text: &ModelText<'_>) -> Result<Ensemble, Error> {
    let header = &text.header;
    let version = header.get("version")?;
    if !VERSIONS.contains(&version) {
        return Err(Error::Unsupported(format!(
            "version `{version}` of the format, known are {}: load the model and save it with \
             LightGBM 3 or 4",
            VERSIONS.join(" and ")
        )));
    }
    let n_classes = n_classes(text)?;
    let objective = Objective::of(header.find("objective"), n_classes)?;
    let columns = columns::columns(text)?;
    let trees = text.trees.iter().enumerate().map(|(index, section)| {
        tree::read(section, &columns, (index % n_classes) as u32)
            .map_err(|error| error.in_part(&format!("tree {index}")))
    });
    let trees = trees.collect::<Result<Vec<_>, Error>>()?;
    let is_average = header.find("average_output").is_some();
    let n_rounds = if is_average { (trees.len() / n_classes).max(1) } else { 1 };
    let origin = Origin {
        format: "lightgbm",
        version,
        objective: header.find("objective").unwrap_or("none"),
    };
    Ok(Ensemble {
        notes: origin.notes(&columns.columns, &trees),
        columns: columns.columns,
        task: objective.task,
        target: "prediction".into(),
        classes: objective.classes,
        link: objective.link,
        base: vec![0.0; n_classes],
        scale: objective.scale / n_rounds as f64,
        trees,
    })
}

/// Number of scores: trees take turns.
fn n_classes(text: &ModelText<'_>) -> Result<usize, Error> {
    let n_classes: usize = text.header.number("num_class")?;
    let n_a_round: usize = text.header.number("num_tree_per_iteration")?;
    let n_trees = text.trees.len();
    if n_classes != n_a_round {
        return Err(Error::Unsupported(format!(
            "{n_a_round} trees an iteration for {n_classes} classes"
        )));
    }
    // Without trees there is nothing that a number of classes could be checked by.
    if n_classes == 0 || !n_trees.is_multiple_of(n_classes) || (n_trees == 0 && n_classes > 1) {
        return Err(Error::BadFile(format!("{n_trees} trees for {n_classes} classes")));
    }
    Ok(n_classes)
}
