//! The trees of a CatBoost model: of one question a level, or of any shape.

use crate::catboost::features::Features;
use crate::catboost::file::{Branch, File, ObliviousTree, OneOrMany};
use crate::ensemble::ForeignNode;
use crate::error::Error;

/// Nodes, and the values of the leaves `(n_leaves, width)`.
type Tree = (Vec<ForeignNode>, Vec<f64>);

/// Numbers in each leaf: of the first tree, or of the biases if there is none.
///
/// # Errors
/// [`Error::BadFile`] if the first tree is damaged, or if there are two kinds of trees or none.
pub fn width(file: &File) -> Result<usize, Error> {
    let by_tree = match (&file.oblivious_trees, &file.trees) {
        (Some(trees), None) => trees.first().map(|tree| {
            let n_splits = tree.splits.as_ref().map_or(0, Vec::len);
            tree.leaf_values.len().checked_shr(n_splits as u32).unwrap_or(0)
        }),
        (None, Some(trees)) => trees.first().and_then(|tree| {
            let mut branch = tree;
            while let Some(left) = &branch.left {
                branch = left;
            }
            branch.value.as_ref().map(|value| value.as_slice().len())
        }),
        _ => return Err(Error::BadFile("expected `oblivious_trees` or `trees`".into())),
    };
    match by_tree.unwrap_or_else(|| file.scale_and_bias.1.as_slice().len().max(1)) {
        0 => Err(Error::BadFile("tree 0: its leaves hold no values".into())),
        width => Ok(width),
    }
}

/// All trees.
///
/// # Errors
/// [`Error::BadFile`] names the tree; [`Error::Unsupported`] for questions of other kinds.
pub fn trees(file: &File, features: &mut Features<'_>, width: usize) -> Result<Vec<Tree>, Error> {
    let mut trees = Vec::new();
    let place = |index: usize| {
        move |error| match error {
            Error::BadFile(problem) => Error::BadFile(format!("tree {index}: {problem}")),
            other => other,
        }
    };
    for (index, tree) in file.oblivious_trees.iter().flatten().enumerate() {
        trees.push(oblivious(tree, features, width).map_err(place(index))?);
    }
    for (index, tree) in file.trees.iter().flatten().enumerate() {
        trees.push(branching(tree, features, width).map_err(place(index))?);
    }
    Ok(trees)
}

/// The full tree, level by level. The last split is asked first, so that leaves keep their order.
fn oblivious(
    tree: &ObliviousTree,
    features: &mut Features<'_>,
    width: usize,
) -> Result<Tree, Error> {
    let splits = tree.splits.as_deref().unwrap_or(&[]);
    let n_values = tree.leaf_values.len();
    let n_leaves = 1usize
        .checked_shl(splits.len() as u32)
        .filter(|n| splits.len() < 32 && n.checked_mul(width) == Some(n_values));
    let Some(n_leaves) = n_leaves else {
        let problem = format!("{n_values} leaf values do not fit {} splits", splits.len());
        return Err(Error::BadFile(problem));
    };
    let mut nodes = Vec::with_capacity(2 * n_leaves - 1);
    for split in splits.iter().rev() {
        let (column, test) = features.test(split)?;
        // The levels above have one node less than this one.
        for _ in 0..=nodes.len() {
            let left = 2 * nodes.len() as u32 + 1;
            let test = test.clone();
            nodes.push(ForeignNode::Split { column, test, left, right: left + 1, gain: 0.0 });
        }
    }
    nodes.extend((0..n_leaves as u32).map(|value| ForeignNode::Leaf { value }));
    Ok((nodes, tree.leaf_values.clone()))
}

/// Nodes in the order in which they are met, parents first.
fn branching(tree: &Branch, features: &mut Features<'_>, width: usize) -> Result<Tree, Error> {
    let mut queue = vec![tree];
    let (mut nodes, mut values) = (Vec::new(), Vec::new());
    while let Some(&branch) = queue.get(nodes.len()) {
        let node = match branch {
            Branch { split: Some(split), left: Some(left), right: Some(right), .. } => {
                let (column, test) = features.test(split)?;
                let first = queue.len() as u32;
                queue.extend([&**left, &**right]);
                ForeignNode::Split { column, test, left: first, right: first + 1, gain: 0.0 }
            }
            Branch { split: None, value: Some(value), .. } => {
                let value: &OneOrMany = value;
                if value.as_slice().len() != width {
                    let n = value.as_slice().len();
                    return Err(Error::BadFile(format!("a leaf has {n} values, not {width}")));
                }
                let row = values.len() / width;
                values.extend_from_slice(value.as_slice());
                ForeignNode::Leaf { value: row as u32 }
            }
            _ => {
                let problem = "a node has neither two children and a split, nor a value";
                return Err(Error::BadFile(problem.into()));
            }
        };
        nodes.push(node);
    }
    Ok((nodes, values))
}
