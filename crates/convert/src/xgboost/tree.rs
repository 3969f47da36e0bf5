//! One tree of an XGBoost model.

use std::collections::BTreeMap;

use eyas_model::TreeOutput;

use crate::document::{Number, Place};
use crate::ensemble::{ForeignNode, ForeignTest, ForeignTree};
use crate::error::Error;
use crate::float32::edge_at_least;
use crate::levels::Columns;

/// In place of a child: the node is a leaf.
const NO_CHILD: i64 = -1;
/// Categories from this number on are not valid in XGBoost.
const MAX_CATEGORY: i64 = 1 << 24;

/// Nodes of a tree, array by array as the file holds them.
struct Nodes<'a> {
    left: Vec<i64>,
    right: Vec<i64>,
    columns: Vec<i64>,
    /// Thresholds of splits, values of leaves.
    conditions: &'a [Number],
    default_left: Vec<bool>,
    /// Empty in files that leave them out.
    gains: &'a [Number],
    /// Sets of categories by node.
    sets: BTreeMap<usize, Vec<i64>>,
}

/// Reads a tree whose leaf values, times `weight`, are added to an output. Row `l` of its values is
/// the `l`-th node without children.
///
/// # Errors
/// [`Error::BadFile`], or [`Error::Unsupported`] for a tree of several targets.
pub(super) fn read(
    place: &Place<'_>,
    columns: &Columns,
    output: u32,
    weight: f32,
) -> Result<ForeignTree, Error> {
    if let Some(width) = place.get("tree_param")?.find("size_leaf_vector") {
        let width = width.integer()?;
        if width > 1 {
            return Err(Error::Unsupported(format!(
                "trees with {width} outputs: train with multi_strategy=one_output_per_tree"
            )));
        }
    }
    let nodes = Nodes::read(place)?;
    let mut tree =
        ForeignTree { nodes: Vec::new(), values: Vec::new(), output: TreeOutput::One(output) };
    for at in 0..nodes.left.len() {
        if nodes.left[at] == NO_CHILD {
            let value = tree.values.len() as u32;
            tree.nodes.push(ForeignNode::Leaf { value });
            tree.values.push(nodes.conditions[at].narrow * weight);
        } else {
            let split = nodes.split(at, columns);
            tree.nodes.push(split.map_err(|problem| place.bad(problem))?);
        }
    }
    Ok(tree)
}

impl<'a> Nodes<'a> {
    fn read(place: &Place<'a>) -> Result<Nodes<'a>, Error> {
        let left = place.get("left_children")?.integers()?;
        let nodes = Nodes {
            right: place.get("right_children")?.integers()?,
            columns: place.get("split_indices")?.integers()?,
            conditions: place.get("split_conditions")?.numbers()?,
            default_left: place.get("default_left")?.flags()?,
            gains: place.find("loss_changes").map_or(Ok(&[][..]), |gains| gains.numbers())?,
            sets: sets(place)?,
            left,
        };
        let lengths = [
            ("right_children", nodes.right.len()),
            ("split_indices", nodes.columns.len()),
            ("split_conditions", nodes.conditions.len()),
            ("default_left", nodes.default_left.len()),
        ];
        let n = nodes.left.len();
        match lengths.into_iter().find(|&(_, length)| length != n) {
            Some((name, length)) => {
                Err(place.bad(format!("`{name}` has {length} entries for {n} nodes")))
            }
            None if n > i32::MAX as usize => Err(place.bad("it has too many nodes")),
            None => Ok(nodes),
        }
    }

    fn split(&self, at: usize, columns: &Columns) -> Result<ForeignNode, String> {
        let index = |number: i64| usize::try_from(number).ok();
        let column = index(self.columns[at]).ok_or("a split has no column")?;
        let child = |number: i64| u32::try_from(number).map_err(|_| format!("the child {number}"));
        let missing_right = !self.default_left[at];
        let test = match self.sets.get(&at) {
            None => ForeignTest::Above {
                edge: edge_at_least(self.conditions[at].narrow),
                missing_right,
                zero_is_missing: false,
            },
            Some(set) => columns
                .test(column, set.iter().filter_map(|&code| code.try_into().ok()), missing_right)
                .unwrap_or_else(|| ForeignTest::Inside { spans: spans(set), missing_right }),
        };
        Ok(ForeignNode::Split {
            column,
            test,
            left: child(self.left[at])?,
            right: child(self.right[at])?,
            gain: self.gains.get(at).map_or(0.0, |gain| gain.narrow),
        })
    }
}

/// The categories that go right, for every node that asks for some.
fn sets(place: &Place<'_>) -> Result<BTreeMap<usize, Vec<i64>>, Error> {
    let list = |name| place.find(name).map_or(Ok(vec![]), |list| list.integers());
    let (nodes, categories) = (list("categories_nodes")?, list("categories")?);
    let (segments, sizes) = (list("categories_segments")?, list("categories_sizes")?);
    if segments.len() != nodes.len() || sizes.len() != nodes.len() {
        return Err(place.bad("`categories_nodes` has other lengths than its segments"));
    }
    let mut sets = BTreeMap::new();
    let mut n_taken = 0usize;
    for ((node, from), size) in nodes.into_iter().zip(segments).zip(sizes) {
        let index = |number: i64| usize::try_from(number).ok();
        let set = index(from).zip(index(size)).and_then(|(from, size)| {
            n_taken = n_taken.checked_add(size).filter(|&taken| taken <= categories.len())?;
            categories.get(from..from.checked_add(size)?)
        });
        let (Some(node), Some(set)) = (index(node), set) else {
            return Err(place.bad(format!("the categories of node {node} are not there")));
        };
        let mut set = set.to_vec();
        set.sort_unstable();
        sets.insert(node, set);
    }
    Ok(sets)
}

/// Numbers that are cut off to one of the categories (ascending): `code <= f32(v) < code + 1`.
/// Neighbours are joined.
fn spans(categories: &[i64]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for &code in categories.iter().filter(|code| (0..MAX_CATEGORY).contains(*code)) {
        // Exact: codes have at most 24 bits.
        let (above, up_to) = (edge_at_least(code as f32), edge_at_least((code + 1) as f32));
        match spans.last_mut().filter(|last| last.1 >= above) {
            Some(last) => last.1 = up_to,
            None => spans.push((above, up_to)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn categories_become_spans() {
        let spans = spans(&[-4, 0, 1, 1, 5]);
        assert_eq!(spans.len(), 2);
        for (value, inside) in
            [(-1e-9, false), (0.0, true), (1.99, true), (2.0, false), (5.5, true)]
        {
            let found = spans.iter().any(|&(above, up_to)| above < value && value <= up_to);
            assert_eq!(found, inside, "{value}");
        }
    }

    fn problem(change: (&str, &str)) -> String {
        let text = r#"{"tree_param":{"size_leaf_vector":"1"},"left_children":[1,-1,-1],
            "right_children":[2,-1,-1],"split_indices":[0,0,0],"split_conditions":[0.5,1,2],
            "default_left":[1,0,0],"categories_nodes":[0],"categories_segments":[0],
            "categories_sizes":[2],"categories":[3,1]}"#;
        assert!(text.contains(change.0));
        let document = json::parse(text.replace(change.0, change.1).as_bytes()).expect("JSON");
        read(&Place::root(&document), &Columns::new([]), 0, 1.0)
            .map_or_else(|e| e.to_string(), |_| "fine".into())
    }

    #[test]
    fn what_is_broken_is_said() {
        assert_eq!(problem(("[3,1]", "[3,1]")), "fine");
        for (from, to, expected) in [
            ("\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"3\"", "3 outputs"),
            ("[2,-1,-1]", "[2,-1]", "`right_children` has 2 entries for 3 nodes"),
            ("[2,-1,-1]", "[-2,-1,-1]", "the child -2"),
            ("[0,0,0]", "[-1,0,0]", "no column"),
            ("[3,1]", "[3]", "the categories of node 0"),
            ("\"categories_sizes\":[2]", "\"categories_sizes\":[]", "other lengths"),
            ("[1,-1,-1]", "[1.5,-1,-1]", "whole numbers"),
        ] {
            let message = problem((from, to));
            assert!(message.contains(expected), "{from} {to}: {message}");
        }
    }
}
