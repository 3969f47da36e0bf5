//! Nodes of the kind TreeEnsemble: their attributes as trees with weights on the leaves.

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::onnx::branches::{Compared, Mode, RawNode};
use crate::onnx::messages::NodeProto;
use crate::onnx::values::{Attributes, integers, numbers};

/// A tree with weights on its leaves.
#[derive(Debug)]
pub struct RawTree {
    /// Nodes; node 0 is the root.
    pub nodes: Vec<RawNode>,
    /// Outputs and weights of each leaf.
    pub rows: Vec<Vec<(usize, f64)>>,
}

/// What a TreeEnsemble node computes: the sum or mean of its trees, plus the base, transformed.
#[derive(Debug)]
pub struct Forest {
    /// Trees in their order.
    pub trees: Vec<RawTree>,
    /// Added to the outputs; may be empty.
    pub base: Vec<f64>,
    /// Class labels; empty for a regressor.
    pub labels: Vec<String>,
    /// Number of outputs; of a classifier, that of labels.
    pub n_outputs: usize,
    /// Whether the mean is taken.
    pub mean: bool,
    /// What is done with the sums.
    pub transform: String,
}

impl Forest {
    /// Most different numbers that a column is compared with for equality.
    pub fn most_equal(&self) -> usize {
        let mut numbers: HashMap<usize, HashSet<u64>> = HashMap::new();
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            if let RawNode::Branch { feature, mode: Mode::Eq | Mode::Neq, threshold, .. } = node {
                numbers.entry(feature.column).or_default().insert(threshold.to_bits());
            }
        }
        numbers.values().map(HashSet::len).max().unwrap_or(0)
    }
}

fn bad(problem: impl Into<String>) -> Error {
    Error::BadFile(problem.into())
}

/// Reads a TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble node over `features`.
///
/// # Errors
/// [`Error::BadFile`] if attributes contradict each other; [`Error::Unsupported`] for minima, maxima
/// and sets.
pub fn forest(node: &NodeProto, features: &[Compared]) -> Result<Forest, Error> {
    let attributes = Attributes::of(node);
    match node.op_type.as_str() {
        "TreeEnsembleClassifier" => {
            let labels = labels(&attributes)?;
            let n_outputs = labels.len();
            let trees = trees(&attributes, "class", n_outputs, features)?;
            named(&attributes, trees, labels, n_outputs)
        }
        "TreeEnsembleRegressor" => {
            let n_outputs = n_targets(&attributes)?;
            let trees = trees(&attributes, "target", n_outputs, features)?;
            named(&attributes, trees, vec![], n_outputs)
        }
        _ => numbered(&attributes, features),
    }
}

/// Largest feature that a node asks about, to know how many columns there are.
pub fn largest_feature(node: &NodeProto) -> Result<Option<i64>, Error> {
    Ok(Attributes::of(node).ints("nodes_featureids")?.into_iter().max())
}

fn n_targets(attributes: &Attributes<'_>) -> Result<usize, Error> {
    let n_targets = attributes.int("n_targets").unwrap_or(1);
    usize::try_from(n_targets).map_err(|_| bad(format!("n_targets is {n_targets}")))
}

fn labels(attributes: &Attributes<'_>) -> Result<Vec<String>, Error> {
    let texts = attributes.texts("classlabels_strings")?;
    let numbers = attributes.ints("classlabels_int64s")?;
    let numbers = numbers.into_iter().map(|label| label.to_string());
    Ok(if texts.is_empty() { numbers.collect() } else { texts })
}

/// The forest of a node whose modes and transforms have names.
fn named(
    attributes: &Attributes<'_>,
    trees: Vec<RawTree>,
    labels: Vec<String>,
    n_outputs: usize,
) -> Result<Forest, Error> {
    let aggregate = attributes.text("aggregate_function")?.unwrap_or_else(|| "SUM".into());
    Ok(Forest {
        trees,
        base: attributes.floats("base_values")?,
        labels,
        n_outputs,
        mean: is_mean(&aggregate)?,
        transform: attributes.text("post_transform")?.unwrap_or_else(|| "NONE".into()),
    })
}

fn is_mean(aggregate: &str) -> Result<bool, Error> {
    match aggregate {
        "SUM" => Ok(false),
        "AVERAGE" => Ok(true),
        other => Err(Error::Unsupported(format!(
            "the aggregate_function {other}: sums and means of trees are supported"
        ))),
    }
}

/// Trees of version 1 to 3: nodes name their tree, their number in it and their children.
fn trees(
    attributes: &Attributes<'_>,
    prefix: &str,
    n_outputs: usize,
    features: &[Compared],
) -> Result<Vec<RawTree>, Error> {
    let nodes = NamedNodes::read(attributes)?;
    let places = nodes.places()?;
    let mut trees: Vec<RawTree> = Vec::new();
    for index in 0..nodes.trees.len() {
        let (tree, _) = places[&nodes.key(index)];
        if tree == trees.len() {
            trees.push(RawTree { nodes: vec![], rows: vec![] });
        }
        let node = nodes.node(index, &places, features, trees[tree].rows.len())?;
        if matches!(node, RawNode::Leaf { .. }) {
            trees[tree].rows.push(vec![]);
        }
        trees[tree].nodes.push(node);
    }
    let of_tree = attributes.ints(&format!("{prefix}_treeids"))?;
    let of_node = attributes.ints(&format!("{prefix}_nodeids"))?;
    let outputs = attributes.ints(&format!("{prefix}_ids"))?;
    let weights = attributes.floats(&format!("{prefix}_weights"))?;
    let n = weights.len();
    if of_tree.len() != n || of_node.len() != n || outputs.len() != n {
        return Err(bad(format!("the attributes {prefix}_* have different lengths")));
    }
    for (index, weight) in weights.into_iter().enumerate() {
        let key = (of_tree[index], of_node[index]);
        let place = places.get(&key);
        let row = place.and_then(|&(tree, node)| match trees[tree].nodes[node as usize] {
            RawNode::Leaf { row } => trees[tree].rows.get_mut(row as usize),
            RawNode::Branch { .. } => None,
        });
        let row = row.ok_or_else(|| bad(format!("a weight for {key:?}, which is no leaf")))?;
        row.push((output(outputs[index], n_outputs)?, weight));
    }
    Ok(trees)
}

fn output(id: i64, n_outputs: usize) -> Result<usize, Error> {
    let output = usize::try_from(id).ok().filter(|output| *output < n_outputs);
    output.ok_or_else(|| bad(format!("a weight for output {id} of {n_outputs}")))
}

/// The attributes `nodes_*`, as many values in each.
struct NamedNodes {
    trees: Vec<i64>,
    numbers: Vec<i64>,
    features: Vec<i64>,
    modes: Vec<String>,
    thresholds: Vec<f64>,
    yes: Vec<i64>,
    no: Vec<i64>,
    missing_true: Vec<i64>,
}

/// Tree, and node in it, by the identifiers of both.
type Places = HashMap<(i64, i64), (usize, u32)>;

impl NamedNodes {
    fn read(attributes: &Attributes<'_>) -> Result<NamedNodes, Error> {
        let mut nodes = NamedNodes {
            trees: attributes.ints("nodes_treeids")?,
            numbers: attributes.ints("nodes_nodeids")?,
            features: attributes.ints("nodes_featureids")?,
            modes: attributes.texts("nodes_modes")?,
            thresholds: attributes.floats("nodes_values")?,
            yes: attributes.ints("nodes_truenodeids")?,
            no: attributes.ints("nodes_falsenodeids")?,
            missing_true: attributes.ints("nodes_missing_value_tracks_true")?,
        };
        let n = nodes.trees.len();
        if nodes.missing_true.is_empty() {
            nodes.missing_true = vec![0; n];
        }
        let lengths = [
            nodes.numbers.len(),
            nodes.features.len(),
            nodes.modes.len(),
            nodes.thresholds.len(),
            nodes.yes.len(),
            nodes.no.len(),
            nodes.missing_true.len(),
        ];
        if lengths.iter().any(|length| *length != n) {
            return Err(bad("the attributes nodes_* have different lengths"));
        }
        Ok(nodes)
    }

    fn key(&self, index: usize) -> (i64, i64) {
        (self.trees[index], self.numbers[index])
    }

    /// Trees in the order in which they are first met, nodes likewise: the first is the root.
    fn places(&self) -> Result<Places, Error> {
        let mut tree_of: HashMap<i64, usize> = HashMap::new();
        let mut n_nodes: Vec<u32> = Vec::new();
        let mut places = HashMap::with_capacity(self.trees.len());
        for index in 0..self.trees.len() {
            let tree = *tree_of.entry(self.trees[index]).or_insert(n_nodes.len());
            if tree == n_nodes.len() {
                n_nodes.push(0);
            }
            if places.insert(self.key(index), (tree, n_nodes[tree])).is_some() {
                return Err(bad(format!("node {:?} is there twice", self.key(index))));
            }
            n_nodes[tree] += 1;
        }
        Ok(places)
    }

    fn node(
        &self,
        index: usize,
        places: &Places,
        features: &[Compared],
        n_rows: usize,
    ) -> Result<RawNode, Error> {
        if self.modes[index] == "LEAF" {
            return Ok(RawNode::Leaf { row: n_rows as u32 });
        }
        let child = |number: i64| {
            let key = (self.trees[index], number);
            let place = places.get(&key).map(|(_, node)| *node);
            place.ok_or_else(|| bad(format!("node {:?} has no child {number}", self.key(index))))
        };
        let mode = Mode::named(&self.modes[index]);
        Ok(RawNode::Branch {
            feature: compared(self.features[index], features)?,
            mode: mode.ok_or_else(|| unknown_mode(&self.modes[index]))?,
            threshold: self.thresholds[index],
            missing_true: self.missing_true[index] != 0,
            yes: child(self.yes[index])?,
            no: child(self.no[index])?,
        })
    }
}

fn unknown_mode(mode: &str) -> Error {
    Error::Unsupported(format!("nodes of the mode {mode}"))
}

fn compared(id: i64, features: &[Compared]) -> Result<Compared, Error> {
    let feature = usize::try_from(id).ok().and_then(|id| features.get(id).copied());
    feature.ok_or_else(|| bad(format!("a node asks about feature {id} of {}", features.len())))
}

/// The forest of a TreeEnsemble node (version 5): everything has numbers, leaves are a list of their
/// own.
fn numbered(attributes: &Attributes<'_>, features: &[Compared]) -> Result<Forest, Error> {
    let nodes = NumberedNodes::read(attributes)?;
    let n_outputs = n_targets(attributes)?;
    let mut free = vec![true; nodes.features.len()];
    let mut trees = Vec::new();
    for root in attributes.ints("tree_roots")? {
        trees.push(nodes.tree(root, n_outputs, features, &mut free)?);
    }
    let by_number = |names: &[&str], number: i64, what: &str| {
        let name = usize::try_from(number).ok().and_then(|number| names.get(number).copied());
        name.map(String::from).ok_or_else(|| bad(format!("{what} is {number}")))
    };
    let aggregate = attributes.int("aggregate_function").unwrap_or(1);
    let aggregate = by_number(&["AVERAGE", "SUM", "MIN", "MAX"], aggregate, "aggregate_function")?;
    let transform = attributes.int("post_transform").unwrap_or(0);
    let transforms = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"];
    Ok(Forest {
        trees,
        base: vec![],
        labels: vec![],
        n_outputs,
        mean: is_mean(&aggregate)?,
        transform: by_number(&transforms, transform, "post_transform")?,
    })
}

struct NumberedNodes {
    features: Vec<i64>,
    modes: Vec<i64>,
    thresholds: Vec<f64>,
    missing_true: Vec<i64>,
    /// Child and whether it is a leaf, for "true" and "false".
    children: [(Vec<i64>, Vec<i64>); 2],
    outputs: Vec<i64>,
    weights: Vec<f64>,
}

impl NumberedNodes {
    fn read(attributes: &Attributes<'_>) -> Result<NumberedNodes, Error> {
        let tensor = |name: &str| {
            attributes.tensor(name).ok_or_else(|| bad(format!("there is no attribute `{name}`")))
        };
        let mut nodes = NumberedNodes {
            features: attributes.ints("nodes_featureids")?,
            modes: integers(tensor("nodes_modes")?).map_err(bad)?,
            thresholds: numbers(tensor("nodes_splits")?).map_err(bad)?,
            missing_true: attributes.ints("nodes_missing_value_tracks_true")?,
            children: [
                (attributes.ints("nodes_truenodeids")?, attributes.ints("nodes_trueleafs")?),
                (attributes.ints("nodes_falsenodeids")?, attributes.ints("nodes_falseleafs")?),
            ],
            outputs: attributes.ints("leaf_targetids")?,
            weights: numbers(tensor("leaf_weights")?).map_err(bad)?,
        };
        let n = nodes.features.len();
        if nodes.missing_true.is_empty() {
            nodes.missing_true = vec![0; n];
        }
        let children = nodes.children.iter().flat_map(|(child, leaf)| [child.len(), leaf.len()]);
        let lengths = [nodes.modes.len(), nodes.thresholds.len(), nodes.missing_true.len()];
        if lengths.into_iter().chain(children).any(|length| length != n) {
            return Err(bad("the attributes nodes_* have different lengths"));
        }
        if nodes.outputs.len() != nodes.weights.len() {
            return Err(bad("the attributes leaf_* have different lengths"));
        }
        Ok(nodes)
    }

    /// The tree below a root. `free` are the nodes that no tree has taken yet.
    fn tree(
        &self,
        root: i64,
        n_outputs: usize,
        features: &[Compared],
        free: &mut [bool],
    ) -> Result<RawTree, Error> {
        let mut tree = RawTree { nodes: vec![], rows: vec![] };
        let mut queue = vec![(root, false)];
        while let Some(&(id, is_leaf)) = queue.get(tree.nodes.len()) {
            if is_leaf {
                tree.nodes.push(RawNode::Leaf { row: tree.rows.len() as u32 });
                tree.rows.push(vec![self.weight(id, n_outputs)?]);
                continue;
            }
            let taken = usize::try_from(id).ok().filter(|id| free.get(*id) == Some(&true));
            let index = taken.ok_or_else(|| {
                bad(format!("node {id} is not there, or is in a tree more than once"))
            })?;
            free[index] = false;
            let first = queue.len() as u32;
            for (child, leaf) in &self.children {
                queue.push((child[index], leaf[index] != 0));
            }
            let mode = Mode::numbered(self.modes[index]);
            tree.nodes.push(RawNode::Branch {
                feature: compared(self.features[index], features)?,
                mode: mode.ok_or_else(|| unknown_mode(&self.modes[index].to_string()))?,
                threshold: self.thresholds[index],
                missing_true: self.missing_true[index] != 0,
                yes: first,
                no: first + 1,
            });
        }
        Ok(tree)
    }

    fn weight(&self, id: i64, n_outputs: usize) -> Result<(usize, f64), Error> {
        let leaf = usize::try_from(id).ok().filter(|leaf| *leaf < self.weights.len());
        let leaf = leaf.ok_or_else(|| bad(format!("leaf {id} of {}", self.weights.len())))?;
        Ok((output(self.outputs[leaf], n_outputs)?, self.weights[leaf]))
    }
}
