//! Models of CatBoost in its JSON form, `save_model(FILE, format="json", pool=POOL)`.
//!
//! ```text
//! File --features--> columns, categories --trees--> Ensemble
//! ```
//! Values are compared as 32-bit floats, leaf values are rounded to 32 bits. What is predicted is
//! what `predict_proba` of a classifier or `predict` of a regressor gives. Format:
//! <https://github.com/catboost/catboost/blob/master/catboost/docs/json_model_tutorial.ipynb>.

mod categories;
mod features;
mod file;
mod trees;

use eyas_model::{Link, Model, TaskKind, TreeOutput};
use serde_json::json;

use crate::ensemble::{Ensemble, ForeignTree};
use crate::error::Error;
use crate::{Importer, catboost::features::Features, catboost::file::File};

/// The entry of [`crate::IMPORTERS`].
pub(crate) const IMPORTER: Importer =
    Importer { name: "catboost", about: "CatBoost, saved as JSON", recognises, read };

fn recognises(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(4096)];
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    start.trim_ascii_start().starts_with(b"{")
        && (has(b"\"features_info\"") || has(b"\"ctr_data\""))
}

fn read(bytes: &[u8]) -> Result<Model, Error> {
    let file: File = serde_json::from_slice(bytes)
        .map_err(|error| Error::BadFile(format!("no JSON of CatBoost: {error}")))?;
    ensemble(&file)?.into_model()
}

/// What is predicted.
struct Output {
    task: TaskKind,
    link: Link,
    classes: Vec<String>,
}

fn ensemble(file: &File) -> Result<Ensemble, Error> {
    let loss = file.model_info.loss().ok_or_else(|| {
        Error::Unsupported("the file names no loss function, so the output has no meaning".into())
    })?;
    let (scale, bias) = &file.scale_and_bias;
    let width = trees::width(file)?;
    let mut base = bias.as_slice().to_vec();
    if base.is_empty() || base.iter().all(|bias| *bias == 0.0) {
        base = vec![0.0; width];
    }
    if base.len() != width {
        let problem = format!("{} biases for {width} numbers in each leaf", base.len());
        return Err(Error::BadFile(problem));
    }
    let output = output(file, &loss, width)?;
    let mut features = Features::new(file)?;
    let trees = trees::trees(file, &mut features, width)?;
    let mut trees: Vec<ForeignTree> = trees
        .into_iter()
        .map(|(nodes, values)| {
            // Two classes are told apart by the difference of their scores alone.
            let values = if width == 2 { difference(&values) } else { values };
            let values = values.into_iter().map(|value| value as f32).collect();
            let output = if width > 2 { TreeOutput::All } else { TreeOutput::One(0) };
            ForeignTree { nodes, values, output }
        })
        .collect();
    if width == 2 {
        base = difference(&base);
    }
    features.name_levels(&mut trees)?;
    let notes = json!({
        "imported_from": IMPORTER.name,
        "version": file.model_info.version(),
        "objective": loss,
        "n_trees": trees.len(),
    });
    Ok(Ensemble {
        columns: features.columns(),
        task: output.task,
        target: "prediction".into(),
        classes: output.classes,
        link: output.link,
        base,
        scale: *scale,
        trees,
        notes: notes.to_string(),
    })
}

/// Second less first of every pair.
fn difference(values: &[f64]) -> Vec<f64> {
    values.chunks_exact(2).map(|pair| pair[1] - pair[0]).collect()
}

/// What `predict_proba` or `predict` gives for a loss.
fn output(file: &File, loss: &str, width: usize) -> Result<Output, Error> {
    let several = |link| {
        let classes = classes(file, width)?;
        let task = if width == 2 { TaskKind::Binary } else { TaskKind::Multiclass };
        let link = if width == 2 { Link::Logistic } else { link };
        Ok(Output { task, link, classes })
    };
    match (loss, width) {
        ("Logloss" | "CrossEntropy" | "Focal", 1) => {
            let classes = classes(file, 2)?;
            Ok(Output { task: TaskKind::Binary, link: Link::Logistic, classes })
        }
        ("MultiClass", 2..) => several(Link::Softmax),
        ("MultiClassOneVsAll", 3..) => several(Link::Logistic),
        ("Poisson" | "Tweedie", 1) => number(Link::Exp),
        ("MultiClass" | "MultiClassOneVsAll", 1) => {
            Err(Error::BadFile(format!("the loss `{loss}` with one number in each leaf")))
        }
        (_, 1) => number(Link::Identity),
        _ => Err(Error::Unsupported(format!(
            "the loss `{loss}` with {width} outputs: models of one number or of classes are"
        ))),
    }
}

fn number(link: Link) -> Result<Output, Error> {
    Ok(Output { task: TaskKind::Regression, link, classes: vec![] })
}

/// Names of the classes; their numbers if the file has none.
fn classes(file: &File, n_classes: usize) -> Result<Vec<String>, Error> {
    let names = file.model_info.class_params.as_ref().map_or(&[][..], |params| &params.class_names);
    if names.is_empty() {
        return Ok((0..n_classes).map(|class| class.to_string()).collect());
    }
    if names.len() != n_classes {
        let problem = format!("{} class names for {n_classes} classes", names.len());
        return Err(Error::BadFile(problem));
    }
    // As Python and CSV files write them.
    let name = |name: &serde_json::Value| match name {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Bool(true) => "True".into(),
        serde_json::Value::Bool(false) => "False".into(),
        other => other.to_string(),
    };
    Ok(names.iter().map(name).collect())
}
