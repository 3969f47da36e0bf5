//! Models of XGBoost, as `save_model` writes them: JSON and UBJSON.
//!
//! - Predictions are those of `Booster.predict` with all trees, or of the estimator that wrote the
//!   file, which leaves out what follows its best round. But `multi:softmax` gives probabilities,
//!   and so does `binary:logitraw`. XGBoost sums in 32 bits, Eyas in 64.
//! - A numerical split sends `f32(v) < threshold` left; missing values go to the side that was
//!   learned.
//! - A categorical split sends the categories of a set right, and all others left. They are found by
//!   name, or by value if all are numbers, where the file knows them (from version 3.1 on); else
//!   they are whole numbers, of which any fraction is cut off, as XGBoost does.
//! - A file says nothing of class labels, so they are `0`, `1`, ...
//!
//! Reference: T. Chen, C. Guestrin (2016), XGBoost: A Scalable Tree Boosting System,
//! doi:10.1145/2939672.2939785.

mod columns;
mod objective;
mod rounds;
mod tree;

use eyas_model::{Model, TaskKind};

use crate::Importer;
use crate::document::{Document, Number, Place};
use crate::ensemble::{Ensemble, ForeignTree};
use crate::error::Error;
use crate::levels::Columns;
use crate::notes::Origin;
use crate::{json, two_classes, ubjson};
use objective::Objective;

/// Reads XGBoost's JSON and UBJSON.
pub(crate) const IMPORTER: Importer =
    Importer { name: "xgboost", about: "XGBoost's JSON and UBJSON", recognises, read };

/// Major versions whose files are known. Before, some objectives stored their start otherwise.
const VERSIONS: std::ops::RangeInclusive<i64> = 2..=3;
/// Most classes; their number is not bounded by the size of the file.
const MAX_CLASSES: i64 = 1 << 16;
/// Bytes among which the first name is looked for.
const N_LOOKED_AT: usize = 4096;

fn recognises(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(N_LOOKED_AT)];
    let finds = |name: &[u8]| start.windows(name.len()).any(|window| window == name);
    if is_binary(bytes) { finds(b"learner") } else { is_map(start) && finds(b"\"learner\"") }
}

/// UBJSON: the name of a map's entry begins with a length, not with a quote or a blank.
fn is_binary(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{', b'L' | b'l' | b'I' | b'i' | b'U' | b'$' | b'#', ..])
}

fn is_map(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

fn read(bytes: &[u8]) -> Result<Model, Error> {
    let document = if is_binary(bytes) { ubjson::parse(bytes)? } else { json::parse(bytes)? };
    let mut ensemble = ensemble(&document)?;
    two_classes::fold(&mut ensemble);
    ensemble.into_model()
}

fn ensemble(document: &Document) -> Result<Ensemble, Error> {
    let root = Place::root(document);
    let version = version(&root)?;
    let learner = root.get("learner")?;
    let parameters = learner.get("learner_model_param")?;
    let name = learner.get("objective")?.get("name")?.text()?;
    let n_classes = n_classes(&parameters)?;
    let objective = Objective::of(name, n_classes)?;
    let base = objective.base(&parameters.get("base_score")?, n_classes)?;
    let booster = Booster::of(&learner.get("gradient_booster")?)?;
    let columns = columns::columns(&learner, &parameters, booster.model.find("cats"))?;
    let trees = booster.trees(&learner, &columns, n_classes)?;
    let origin = Origin { format: "xgboost", version: &version, objective: name };
    Ok(Ensemble {
        notes: origin.notes(&columns.columns, &trees),
        columns: columns.columns,
        task: objective.task,
        target: "prediction".into(),
        classes: classes(objective.task, n_classes),
        link: objective.link,
        base,
        scale: 1.0,
        trees,
    })
}

fn classes(task: TaskKind, n_classes: usize) -> Vec<String> {
    let n_labels = match task {
        TaskKind::Regression => 0,
        TaskKind::Binary => 2,
        TaskKind::Multiclass => n_classes,
    };
    (0..n_labels).map(|class| class.to_string()).collect()
}

fn version(root: &Place<'_>) -> Result<String, Error> {
    let numbers = root.get("version")?.integers()?;
    let text = numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(".");
    match numbers.first() {
        Some(major) if VERSIONS.contains(major) => Ok(text),
        _ => Err(Error::Unsupported(format!(
            "files of XGBoost {text}, known are those of 2 and 3: load the model and save it with one of \
             these"
        ))),
    }
}

/// Number of scores.
fn n_classes(parameters: &Place<'_>) -> Result<usize, Error> {
    let place = parameters.get("num_class")?;
    let n_targets = parameters.find("num_target").map_or(Ok(1), |place| place.integer())?;
    if n_targets > 1 {
        return Err(Error::Unsupported(format!(
            "{n_targets} targets or quantiles: train one model each"
        )));
    }
    match place.integer()? {
        n if !(0..=MAX_CLASSES).contains(&n) => Err(place.bad(format!("{n} classes"))),
        n => Ok(n.max(1) as usize),
    }
}

/// Where the trees are.
struct Booster<'a> {
    model: Place<'a>,
    /// With dropout: what each tree is multiplied by.
    weights: Option<&'a [Number]>,
}

impl<'a> Booster<'a> {
    fn of(booster: &Place<'a>) -> Result<Booster<'a>, Error> {
        match booster.get("name")?.text()? {
            "gbtree" => Ok(Booster { model: booster.get("model")?, weights: None }),
            "dart" => Ok(Booster {
                model: booster.get("gbtree")?.get("model")?,
                weights: Some(booster.get("weight_drop")?.numbers()?),
            }),
            other => Err(Error::Unsupported(format!("the booster `{other}`: train with gbtree"))),
        }
    }

    fn trees(
        &self,
        learner: &Place<'a>,
        columns: &Columns,
        n_classes: usize,
    ) -> Result<Vec<ForeignTree>, Error> {
        let outputs = self.model.get("tree_info")?;
        let trees = self.model.get("trees")?.items()?;
        let n_trees = trees.len();
        let n_used = rounds::n_used(learner, &self.model, n_trees)?;
        let outputs_of = outputs.integers()?;
        let n_weights = self.weights.map_or(n_trees, <[Number]>::len);
        if outputs_of.len() != n_trees || n_weights != n_trees {
            let n_outputs = outputs_of.len();
            return Err(outputs
                .bad(format!("{n_trees} trees have {n_outputs} outputs and {n_weights} weights")));
        }
        let tree = |(index, tree): (usize, &Place<'a>)| {
            let weight = self.weights.map_or(1.0, |weights| weights[index].narrow);
            let output = u32::try_from(outputs_of[index]).ok();
            let output = output.filter(|&output| (output as usize) < n_classes);
            let output = output.ok_or_else(|| tree.bad("it has no such output"))?;
            tree::read(tree, columns, output, weight)
        };
        trees.iter().enumerate().take(n_used).map(tree).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_recognised() {
        assert!(recognises(b"{\"learner\":{"));
        assert!(recognises(b" {\n  \"learner\": {"));
        assert!(recognises(b"{L\0\0\0\0\0\0\0\x07learner{"));
        assert!(!recognises(b"{\"model_info\":{"));
        assert!(!recognises(b"tree\nversion=v4\n"));
        assert!(!recognises(b""));
    }
}
