//! What a forest computes, as far as Eyas can say it: trees, base, link, and what the numbers mean.
//!
//! The meaning of a TreeEnsembleClassifier with two classes is that of ONNX Runtime, where the
//! specification leaves it open: with weights for one class only, their sum belongs to the second.

use std::rc::Rc;

use eyas_model::{Link, TreeOutput};

use crate::ensemble::ForeignTree;
use crate::error::Error;
use crate::onnx::branches;
use crate::onnx::forest::{Forest, RawTree};

/// Predictions of a forest.
#[derive(Debug, Clone)]
pub struct Scores {
    /// Trees; shared, because nodes of a graph only change what follows.
    pub trees: Rc<Vec<ForeignTree>>,
    /// Factor on the sum of the trees.
    pub scale: f64,
    /// Added to it.
    pub base: Vec<f64>,
    /// From sums to predictions.
    pub link: Link,
    /// Class labels; empty if a number is predicted.
    pub labels: Vec<String>,
}

/// How far sums of probabilities may be from one.
const TOLERANCE: f64 = 1e-3;

fn refuse(what: impl Into<String>) -> Error {
    Error::Unsupported(what.into())
}

impl Scores {
    /// Of a forest.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if its numbers are not predictions of Eyas; [`Error::BadFile`].
    pub fn of(forest: Forest) -> Result<Scores, Error> {
        match forest.labels.len() {
            0 => number(forest),
            1 => Err(refuse("a classifier with one class")),
            2 => two_classes(forest),
            _ => classes(forest),
        }
    }
}

fn number(forest: Forest) -> Result<Scores, Error> {
    if forest.n_outputs != 1 {
        return Err(refuse(format!("a regressor with {} targets", forest.n_outputs)));
    }
    if forest.transform != "NONE" {
        // ONNX Runtime takes no notice of it, the specification does.
        return Err(refuse(format!("post_transform {} of a regressor", forest.transform)));
    }
    let base = match forest.base[..] {
        [] => 0.0,
        [base] => base,
        _ => return Err(Error::BadFile("more base_values than targets".into())),
    };
    let scale = if forest.mean { 1.0 / forest.trees.len().max(1) as f64 } else { 1.0 };
    let trees = single(&forest, |row| row.iter().map(|(_, weight)| weight).sum())?;
    let (link, labels) = (Link::Identity, vec![]);
    Ok(Scores { trees: Rc::new(trees), scale, base: vec![base], link, labels })
}

/// Trees with one number in each leaf.
fn single(
    forest: &Forest,
    value: impl Fn(&[(usize, f64)]) -> f64,
) -> Result<Vec<ForeignTree>, Error> {
    let shape = |tree: &RawTree| {
        (tree.rows.iter().map(|row| value(row) as f32).collect(), TreeOutput::One(0))
    };
    foreign(forest, |_, tree| Ok(shape(tree)))
}

/// The trees of a forest, with the values and outputs that `leaves` gives for each.
fn foreign(
    forest: &Forest,
    leaves: impl Fn(usize, &RawTree) -> Result<(Vec<f32>, TreeOutput), Error>,
) -> Result<Vec<ForeignTree>, Error> {
    let by_spans = forest.most_equal() <= branches::MAX_EQUAL;
    let tree = |(index, tree): (usize, &RawTree)| {
        let (values, output) = leaves(index, tree)?;
        let nodes = branches::tests(&tree.nodes, by_spans).map_err(|error| match error {
            Error::BadFile(problem) => Error::BadFile(format!("tree {index}: {problem}")),
            Error::Unsupported(what) => Error::Unsupported(format!("tree {index}: {what}")),
            other => other,
        })?;
        Ok(ForeignTree { nodes, values, output })
    };
    forest.trees.iter().enumerate().map(tree).collect()
}

fn two_classes(forest: Forest) -> Result<Scores, Error> {
    let weights = || forest.trees.iter().flat_map(|tree| &tree.rows).flatten();
    let second_only = weights().all(|(class, _)| *class == 1) && weights().next().is_some();
    let first_only = !second_only && weights().all(|(class, _)| *class == 0);
    let of = |row: &[(usize, f64)], class| {
        row.iter().filter(|(of, _)| *of == class).map(|(_, weight)| weight).sum::<f64>()
    };
    let is_one_set = first_only || second_only;
    let (base, link) = match (forest.transform.as_str(), is_one_set, &forest.base[..]) {
        ("LOGISTIC", true, base @ ([] | [_])) if first_only => {
            (base.first().copied().unwrap_or(0.0), Link::Logistic)
        }
        ("NONE", true, base @ ([] | [_])) if first_only => {
            let base = base.first().copied().unwrap_or(0.0);
            check_shares(&forest, base, false)?;
            (base, Link::Identity)
        }
        ("NONE", false, []) => {
            check_shares(&forest, 0.0, true)?;
            (0.0, Link::Identity)
        }
        ("SOFTMAX", false, []) => (0.0, Link::Logistic),
        ("SOFTMAX", true, []) if second_only => (0.0, Link::Logistic),
        (transform, _, base) => {
            return Err(refuse(format!(
                "a classifier of two classes with post_transform {transform}, {} base_values and \
                 weights for {}: its scores are no probabilities that add up to one",
                base.len(),
                if is_one_set { "one class" } else { "both classes" },
            )));
        }
    };
    let trees = match (link, is_one_set) {
        (Link::Logistic, false) => single(&forest, |row| of(row, 1) - of(row, 0))?,
        (_, false) => single(&forest, |row| of(row, 1))?,
        (_, true) => single(&forest, |row| row.iter().map(|(_, weight)| weight).sum())?,
    };
    let base = vec![base];
    Ok(Scores { trees: Rc::new(trees), scale: 1.0, base, link, labels: forest.labels })
}

/// Fails unless sums without a transform are probabilities: none negative, and all of them add up to
/// one (`whole`) or to at most one.
fn check_shares(forest: &Forest, base: f64, whole: bool) -> Result<(), Error> {
    let mut least = base;
    let mut most = base;
    let mut is_negative = base < 0.0;
    for tree in &forest.trees {
        is_negative |= tree.rows.iter().flatten().any(|(_, weight)| *weight < 0.0);
        let totals = || tree.rows.iter().map(|row| row.iter().map(|(_, w)| w).sum::<f64>());
        least += totals().fold(f64::INFINITY, f64::min);
        most += totals().fold(f64::NEG_INFINITY, f64::max);
    }
    let adds_up = most <= 1.0 + TOLERANCE && (!whole || least >= 1.0 - TOLERANCE);
    if is_negative || !adds_up {
        return Err(refuse(
            "a classifier whose scores are no probabilities (post_transform NONE): export it with \
             probabilities",
        ));
    }
    Ok(())
}

fn classes(forest: Forest) -> Result<Scores, Error> {
    let n_classes = forest.labels.len();
    let link = match forest.transform.as_str() {
        "NONE" => {
            check_shares(&forest, forest.base.iter().sum(), true)?;
            Link::Identity
        }
        "LOGISTIC" => Link::Logistic,
        "SOFTMAX" => Link::Softmax,
        other => return Err(refuse(format!("post_transform {other}"))),
    };
    let base = match forest.base.len() {
        0 => vec![0.0; n_classes],
        n if n == n_classes => forest.base.clone(),
        n => return Err(Error::BadFile(format!("{n} base_values for {n_classes} classes"))),
    };
    let trees = foreign(&forest, |index, tree| leaves_of_classes(index, tree, n_classes))?;
    Ok(Scores { trees: Rc::new(trees), scale: 1.0, base, link, labels: forest.labels })
}

/// Leaves for one class if all weights are of one, else with a number for each class.
fn leaves_of_classes(
    index: usize,
    tree: &RawTree,
    n_classes: usize,
) -> Result<(Vec<f32>, TreeOutput), Error> {
    let first = tree.rows.iter().flatten().next().map_or(0, |(class, _)| *class);
    if tree.rows.iter().flatten().all(|(class, _)| *class == first) {
        let value = |row: &Vec<(usize, f64)>| row.iter().map(|(_, w)| w).sum::<f64>() as f32;
        let values = tree.rows.iter().map(value).collect();
        return Ok((values, TreeOutput::One(first as u32)));
    }
    let n_weights: usize = tree.rows.iter().map(Vec::len).sum();
    let n_values = tree.rows.len().saturating_mul(n_classes);
    if n_values > 64 * n_weights {
        return Err(refuse(format!("tree {index} has weights for few of its {n_classes} classes")));
    }
    let mut values = Vec::with_capacity(n_values);
    let mut sums = vec![0.0; n_classes];
    for row in &tree.rows {
        sums.fill(0.0);
        row.iter().for_each(|(class, weight)| sums[*class] += weight);
        values.extend(sums.iter().map(|sum| *sum as f32));
    }
    Ok((values, TreeOutput::All))
}
