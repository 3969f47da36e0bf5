//! The members of a model as nodes of the graph.

use std::collections::{BTreeMap, BTreeSet};

use eyas_model::{
    BinSet, Bins, Linear, Link, Member, Model, Node, Part, Term, Test, Tree, TreeOutput, Trees,
};

use crate::error::Error;
use crate::onnx::export::builder::{Builder, floats, int, ints, text, texts};
use crate::onnx::export::features::{Features, rounded_down};
use crate::onnx::messages::{AttributeProto, element};

/// A member's share of the prediction, `(n_rows, n_outputs)` in 64 bits.
///
/// # Errors
/// [`Error::Unsupported`] if a link cannot be expressed.
pub fn member(
    builder: &mut Builder,
    features: &mut Features<'_>,
    model: &Model,
    member: &Member,
) -> Result<String, Error> {
    let n_outputs = model.schema.n_outputs();
    let scores = match &member.part {
        Part::Trees(trees) => of_trees(builder, features, model, trees),
        Part::Linear(linear) => of_terms(builder, features, model, linear),
        Part::Net(_) => return Err(Error::Unsupported("a neural net".into())),
        Part::Constant(values) => {
            let zeros = zeros(builder, features, n_outputs);
            plus(builder, &zeros, values)
        }
    };
    let prediction = link(builder, member.link, &scores);
    if member.weight == 1.0 {
        return Ok(prediction);
    }
    let weight = builder.doubles(&[member.weight], &[1]);
    Ok(builder.node("Mul", &[&prediction, &weight]))
}

/// Zeros `(n_rows, width)`.
fn zeros(builder: &mut Builder, features: &mut Features<'_>, width: usize) -> String {
    let input = features.any_input(builder);
    let shape = builder.node("Shape", &[&input]);
    let first = builder.integers(&[0], &[1]);
    let n_rows = builder.node_with("Gather", &[&shape, &first], &[("axis", 0)]);
    let width_value = builder.integers(&[width as i64], &[1]);
    let shape = builder.node_with("Concat", &[&n_rows, &width_value], &[("axis", 0)]);
    let zero = builder.doubles(&[0.0], &[1]);
    builder.node("Expand", &[&zero, &shape])
}

/// A value plus a row of constants.
fn plus(builder: &mut Builder, value: &str, row: &[f64]) -> String {
    if row.iter().all(|number| *number == 0.0) {
        return value.into();
    }
    let row = builder.doubles(row, &[1, row.len()]);
    builder.node("Add", &[value, &row])
}

/// Columns of the matrix that trees read: numbers, then sets.
struct Matrix {
    numbers: BTreeMap<u32, usize>,
    sets: BTreeMap<(u32, BinSet), usize>,
}

fn of_trees(
    builder: &mut Builder,
    features: &mut Features<'_>,
    model: &Model,
    trees: &Trees,
) -> String {
    let n_outputs = trees.base.len();
    let has_splits = |tree: &Tree| tree.nodes.iter().any(|node| matches!(node, Node::Split { .. }));
    let mut scores = if trees.trees.iter().any(has_splits) {
        sums_of_trees(builder, features, model, trees)
    } else {
        let zeros = zeros(builder, features, n_outputs);
        plus(builder, &zeros, &sums_of_leaves(trees))
    };
    if trees.scale != 1.0 {
        let scale = builder.doubles(&[trees.scale], &[1]);
        scores = builder.node("Mul", &[&scores, &scale]);
    }
    plus(builder, &scores, &trees.base)
}

/// Most trees that are added in 32 bits before their sum goes on in 64 bits.
const MAX_SUMMED: usize = 64;

/// What trees add up to, `(n_rows, n_outputs)` in 64 bits.
fn sums_of_trees(
    builder: &mut Builder,
    features: &mut Features<'_>,
    model: &Model,
    trees: &Trees,
) -> String {
    let (matrix, places) = matrix(builder, features, trees);
    let chunks = trees.trees.chunks(MAX_SUMMED).zip(trees.outputs.chunks(MAX_SUMMED));
    let sums: Vec<String> = chunks
        .map(|(chunk, outputs)| {
            let attributes = attributes(model, chunk, outputs, trees.base.len(), &places);
            let sums = builder.ml_node("TreeEnsembleRegressor", &[&matrix], attributes);
            builder.cast(&sums, element::DOUBLE)
        })
        .collect();
    let mut total = sums[0].clone();
    for sum in &sums[1..] {
        total = builder.node("Add", &[&total, sum]);
    }
    total
}

/// What trees without a question add up to.
fn sums_of_leaves(trees: &Trees) -> Vec<f64> {
    let mut sums = vec![0.0; trees.base.len()];
    let all = Trees { base: sums.clone(), scale: 1.0, ..trees.clone() };
    all.score_by(|_| 0, &mut sums);
    sums
}

/// The matrix that trees read `(n_rows, n_columns)` in 32 bits.
fn matrix(builder: &mut Builder, features: &mut Features<'_>, trees: &Trees) -> (String, Matrix) {
    let (mut numbers, mut sets) = (BTreeSet::new(), BTreeMap::<u32, BTreeSet<BinSet>>::new());
    for node in trees.trees.iter().flat_map(|tree| &tree.nodes) {
        match node {
            Node::Split { feature, test: Test::In(set), .. } => {
                sets.entry(*feature).or_default().insert(*set);
            }
            Node::Split { feature, .. } => {
                numbers.insert(*feature);
            }
            Node::Leaf { .. } => {}
        }
    }
    let mut places = Matrix { numbers: BTreeMap::new(), sets: BTreeMap::new() };
    let mut parts = Vec::new();
    for feature in numbers {
        places.numbers.insert(feature, places.numbers.len());
        parts.push(ordered(builder, features, feature));
    }
    for (feature, sets) in sets {
        let sets: Vec<BinSet> = sets.into_iter().collect();
        parts.push(features.sets(builder, feature, &sets));
        for set in sets {
            let place = places.numbers.len() + places.sets.len();
            places.sets.insert((feature, set), place);
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let matrix = match parts[..] {
        [one] => one.into(),
        _ => builder.node_with("Concat", &parts, &[("axis", 1)]),
    };
    (matrix, places)
}

/// What thresholds of a feature are compared with: its number, or the bin of a category with NaN for
/// the missing one.
fn ordered(builder: &mut Builder, features: &mut Features<'_>, feature: u32) -> String {
    if !features.is_categorical(feature) {
        return features.number(builder, feature);
    }
    let bin = features.bin(builder, feature);
    let bin = builder.cast(&bin, element::FLOAT);
    let shape = builder.integers(&[-1, 1], &[2]);
    let bin = builder.node("Reshape", &[&bin, &shape]);
    let half = builder.floats(&[0.5], &[1]);
    let missing = builder.node("Less", &[&bin, &half]);
    let nan = builder.floats(&[f32::NAN], &[1]);
    builder.node("Where", &[&missing, &nan, &bin])
}

/// The attributes of a TreeEnsembleRegressor, node by node.
#[derive(Default)]
struct Columns {
    trees: Vec<i64>,
    numbers: Vec<i64>,
    features: Vec<i64>,
    modes: Vec<Vec<u8>>,
    thresholds: Vec<f32>,
    yes: Vec<i64>,
    no: Vec<i64>,
    missing_true: Vec<i64>,
    leaf_trees: Vec<i64>,
    leaf_numbers: Vec<i64>,
    leaf_outputs: Vec<i64>,
    leaf_weights: Vec<f32>,
}

fn attributes(
    model: &Model,
    trees: &[Tree],
    outputs: &[TreeOutput],
    n_outputs: usize,
    places: &Matrix,
) -> Vec<AttributeProto> {
    let mut columns = Columns::default();
    for (index, (tree, output)) in trees.iter().zip(outputs).enumerate() {
        columns.tree(model, index as i64, tree, *output, n_outputs, places);
    }
    vec![
        int("n_targets", n_outputs as i64),
        text("aggregate_function", "SUM"),
        text("post_transform", "NONE"),
        ints("nodes_treeids", columns.trees),
        ints("nodes_nodeids", columns.numbers),
        ints("nodes_featureids", columns.features),
        texts("nodes_modes", columns.modes),
        floats("nodes_values", columns.thresholds),
        ints("nodes_truenodeids", columns.yes),
        ints("nodes_falsenodeids", columns.no),
        ints("nodes_missing_value_tracks_true", columns.missing_true),
        ints("target_treeids", columns.leaf_trees),
        ints("target_nodeids", columns.leaf_numbers),
        ints("target_ids", columns.leaf_outputs),
        floats("target_weights", columns.leaf_weights),
    ]
}

impl Columns {
    /// Adds the nodes that the root reaches.
    fn tree(
        &mut self,
        model: &Model,
        index: i64,
        tree: &Tree,
        output: TreeOutput,
        n_outputs: usize,
        places: &Matrix,
    ) {
        let depths = tree.depths();
        for (number, node) in tree.nodes.iter().enumerate() {
            if depths[number] == Tree::UNREACHED {
                continue;
            }
            self.trees.push(index);
            self.numbers.push(number as i64);
            match node {
                Node::Leaf { value } => {
                    self.split(0, "LEAF", 0.0, [0, 0], false);
                    self.leaf(index, number as i64, tree, *value as usize, output, n_outputs);
                }
                Node::Split { feature, test: Test::In(set), left, right, .. } => {
                    // The matrix holds 1 if the bin is in the set, else 0; never NaN.
                    let place = places.sets[&(*feature, *set)] as i64;
                    self.split(place, "BRANCH_LEQ", 0.5, [*left, *right], false);
                }
                Node::Split { feature, test, left, right, .. } => {
                    let Test::Above { threshold, missing_right } = *test else { continue };
                    let place = places.numbers[feature] as i64;
                    let bins = &model.features[*feature as usize].bins;
                    let (mode, value) = goes_left(bins, threshold);
                    self.split(place, mode, value, [*left, *right], !missing_right);
                }
            }
        }
    }

    fn split(
        &mut self,
        feature: i64,
        mode: &str,
        threshold: f32,
        children: [u32; 2],
        missing_true: bool,
    ) {
        self.features.push(feature);
        self.modes.push(mode.into());
        self.thresholds.push(threshold);
        self.yes.push(i64::from(children[0]));
        self.no.push(i64::from(children[1]));
        self.missing_true.push(i64::from(missing_true));
    }

    fn leaf(
        &mut self,
        index: i64,
        number: i64,
        tree: &Tree,
        row: usize,
        output: TreeOutput,
        n_outputs: usize,
    ) {
        let (outputs, width) = match output {
            TreeOutput::One(output) => (output as usize..output as usize + 1, 1),
            TreeOutput::All => (0..n_outputs, n_outputs),
        };
        for (output, value) in outputs.zip(&tree.values[row * width..][..width]) {
            self.leaf_trees.push(index);
            self.leaf_numbers.push(number);
            self.leaf_outputs.push(output as i64);
            self.leaf_weights.push(*value);
        }
    }
}

/// The comparison that holds for numbers whose bin is at most `threshold`.
fn goes_left(bins: &Bins, threshold: u8) -> (&'static str, f32) {
    match bins {
        // Bins themselves are compared.
        Bins::Levels(_) => ("BRANCH_LEQ", f32::from(threshold)),
        Bins::Edges(edges) => match usize::from(threshold).checked_sub(1) {
            // Every number has a bin above 0.
            None => ("BRANCH_LT", f32::NEG_INFINITY),
            Some(place) => {
                let edge = edges.get(place).map_or(f32::INFINITY, |edge| rounded_down(*edge));
                ("BRANCH_LEQ", edge)
            }
        },
    }
}

fn of_terms(
    builder: &mut Builder,
    features: &mut Features<'_>,
    model: &Model,
    linear: &Linear,
) -> String {
    let n_outputs = linear.intercept.len();
    let mut scores: Option<String> = None;
    let numbers = linear.terms.iter().filter(|term| matches!(term, Term::Number { .. }));
    let numbers: Vec<&Term> = numbers.collect();
    if !numbers.is_empty() {
        scores = Some(of_numbers(builder, features, &numbers, n_outputs));
    }
    for term in &linear.terms {
        let Term::Bins { feature, weights } = term else { continue };
        let n_bins = model.features[*feature as usize].bins.n_bins();
        let table = builder.doubles(weights, &[n_bins, n_outputs]);
        let bin = features.bin(builder, *feature);
        let share = builder.node_with("Gather", &[&table, &bin], &[("axis", 0)]);
        scores = Some(match scores {
            None => share,
            Some(scores) => builder.node("Add", &[&scores, &share]),
        });
    }
    let scores = scores.unwrap_or_else(|| zeros(builder, features, n_outputs));
    plus(builder, &scores, &linear.intercept)
}

/// `clamp((v - center) / scale, -clip, clip) * weights`, or the weights of missing values.
fn of_numbers(
    builder: &mut Builder,
    features: &mut Features<'_>,
    terms: &[&Term],
    n_outputs: usize,
) -> String {
    let (mut centers, mut scales, mut clips) = (Vec::new(), Vec::new(), Vec::new());
    let (mut all_weights, mut all_missing, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for term in terms {
        if let Term::Number { feature, center, scale, clip, weights, missing } = term {
            columns.push(features.number(builder, *feature));
            centers.push(*center);
            scales.push(*scale);
            clips.push(*clip);
            all_weights.extend_from_slice(weights);
            all_missing.extend_from_slice(missing);
        }
    }
    let n = terms.len();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let values = match columns[..] {
        [one] => one.into(),
        _ => builder.node_with("Concat", &columns, &[("axis", 1)]),
    };
    let values = builder.cast(&values, element::DOUBLE);
    let missing = builder.node("IsNaN", &[&values]);
    let (center, scale) = (builder.doubles(&centers, &[1, n]), builder.doubles(&scales, &[1, n]));
    let centred = builder.node("Sub", &[&values, &center]);
    let mut scaled = builder.node("Div", &[&centred, &scale]);
    if clips.iter().any(|clip| clip.is_finite()) {
        let high = builder.doubles(&clips, &[1, n]);
        let low = builder.node("Neg", &[&high]);
        scaled = builder.node("Max", &[&scaled, &low]);
        scaled = builder.node("Min", &[&scaled, &high]);
    }
    let zero = builder.doubles(&[0.0], &[1]);
    let scaled = builder.node("Where", &[&missing, &zero, &scaled]);
    let weights = builder.doubles(&all_weights, &[n, n_outputs]);
    let scores = builder.node("MatMul", &[&scaled, &weights]);
    if all_missing.iter().all(|weight| *weight == 0.0) {
        return scores;
    }
    let missing = builder.cast(&missing, element::DOUBLE);
    let weights = builder.doubles(&all_missing, &[n, n_outputs]);
    let share = builder.node("MatMul", &[&missing, &weights]);
    builder.node("Add", &[&scores, &share])
}

/// From scores to predictions, in 64 bits.
fn link(builder: &mut Builder, link: Link, scores: &str) -> String {
    match link {
        Link::Identity => scores.into(),
        Link::Logistic => builder.node("Sigmoid", &[scores]),
        Link::Softmax => builder.node_with("Softmax", &[scores], &[("axis", 1)]),
        Link::Exp => builder.node("Exp", &[scores]),
        Link::SignedSquare => {
            let size = builder.node("Abs", &[scores]);
            builder.node("Mul", &[scores, &size])
        }
        Link::Softplus => {
            // max(s, 0) + ln(1 + exp(-|s|))
            let zero = builder.doubles(&[0.0], &[1]);
            let positive = builder.node("Max", &[scores, &zero]);
            let size = builder.node("Abs", &[scores]);
            let down = builder.node("Neg", &[&size]);
            let exp = builder.node("Exp", &[&down]);
            let one = builder.doubles(&[1.0], &[1]);
            let sum = builder.node("Add", &[&exp, &one]);
            let log = builder.node("Log", &[&sum]);
            builder.node("Add", &[&positive, &log])
        }
        Link::Step => {
            let zero = builder.doubles(&[0.0], &[1]);
            let above = builder.node("Greater", &[scores, &zero]);
            builder.cast(&above, element::DOUBLE)
        }
    }
}
