//! Whether the parts of a model fit together.
//!
//! Everything that the engine later relies on without looking is checked here, once.

use crate::encoder::{Bins, Derive, Feature, MAX_EDGES, MAX_LEVELS};
use crate::error::Error;
use crate::linear::{Linear, Term};
use crate::members::{Model, Part};
use crate::net::{Input, Net, is_half};
use crate::schema::{ColumnKind, Schema, TaskKind};
use crate::tree::{Node, Tree, TreeOutput, Trees};

impl Model {
    /// Checks every index, width, number and order that predictions rely on.
    ///
    /// # Errors
    /// [`Error::BadModel`] names the first part that does not fit.
    pub fn check(&self) -> Result<(), Error> {
        self.check_with(check_trees)
    }

    /// As [`Model::check`], for a model whose trees are elsewhere.
    pub(crate) fn check_without_trees(&self) -> Result<(), Error> {
        self.check_with(|trees, _, width| check_sum(trees, width))
    }

    fn check_with(
        &self,
        check_trees: impl Fn(&Trees, &[Feature], usize) -> Problem,
    ) -> Result<(), Error> {
        check_schema(&self.schema)?;
        for (index, feature) in self.features.iter().enumerate() {
            check_feature(&self.schema, feature).map_err(|problem| {
                Error::BadModel(format!("feature {index} `{}`: {problem}", feature.name))
            })?;
        }
        ensure(!self.members.is_empty(), || "it has no members".into())?;
        for (index, member) in self.members.iter().enumerate() {
            let width = self.schema.n_outputs();
            let result = match &member.part {
                Part::Trees(trees) => check_trees(trees, &self.features, width),
                Part::Linear(linear) => check_linear(linear, &self.features, width),
                Part::Net(net) => check_net(net, &self.features, width),
                Part::Constant(values) => check_numbers("constants", values, width),
            };
            result
                .and_then(|()| require(member.weight.is_finite(), || "weight is not finite".into()))
                .map_err(|problem| Error::BadModel(format!("member {index}: {problem}")))?;
        }
        Ok(())
    }
}

type Problem = Result<(), String>;

fn require(holds: bool, problem: impl FnOnce() -> String) -> Problem {
    if holds { Ok(()) } else { Err(problem()) }
}

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Result<(), Error> {
    require(holds, problem).map_err(Error::BadModel)
}

fn check_schema(schema: &Schema) -> Result<(), Error> {
    let n_classes = schema.classes.len();
    let fits = match schema.task {
        TaskKind::Regression => n_classes == 0,
        TaskKind::Binary => n_classes == 2,
        TaskKind::Multiclass => n_classes >= 3,
    };
    ensure(fits, || format!("{n_classes} classes do not fit {:?}", schema.task))?;
    ensure(schema.columns.len() < u32::MAX as usize, || "it has too many columns".into())
}

fn check_feature(schema: &Schema, feature: &Feature) -> Problem {
    let column = schema.columns.get(feature.column as usize);
    let n_columns = schema.columns.len();
    let kind = column.ok_or(format!("column {} of {n_columns}", feature.column))?.kind;
    let is_date = kind == ColumnKind::DateTime;
    let fits = match feature.derive {
        Derive::Itself => true,
        Derive::NonZero => kind == ColumnKind::Number,
        _ => is_date,
    };
    require(fits, || {
        format!("{:?} cannot be taken from a column of kind {kind:?}", feature.derive)
    })?;
    match &feature.bins {
        Bins::Edges(edges) => {
            let counts = is_date || kind == ColumnKind::Number;
            require(counts, || format!("edges for a column of kind {kind:?}"))?;
            require(edges.len() <= MAX_EDGES, || format!("{} edges", edges.len()))?;
            require(edges.iter().all(|edge| edge.is_finite()), || "an edge is not finite".into())?;
            require(edges.is_sorted_by(|a, b| a < b), || "edges do not ascend".into())
        }
        Bins::Levels(levels) => {
            require(levels.len() <= MAX_LEVELS, || format!("{} levels", levels.len()))?;
            require(levels.iter().all(|level| !level.is_empty()), || "an empty level".into())?;
            let mut sorted: Vec<&String> = levels.iter().collect();
            sorted.sort_unstable();
            require(sorted.is_sorted_by(|a, b| a < b), || "a level is listed twice".into())
        }
    }
}

/// Checks all but the trees.
fn check_sum(trees: &Trees, width: usize) -> Problem {
    check_numbers("base", &trees.base, width)?;
    require(trees.scale.is_finite(), || "scale is not finite".into())
}

fn check_trees(trees: &Trees, features: &[Feature], width: usize) -> Problem {
    check_sum(trees, width)?;
    let (n_trees, n_outputs) = (trees.trees.len(), trees.outputs.len());
    require(n_trees == n_outputs, || format!("{n_trees} trees have {n_outputs} outputs"))?;
    for (index, (tree, output)) in trees.trees.iter().zip(&trees.outputs).enumerate() {
        check_tree(tree, *output, features, width)
            .map_err(|problem| format!("tree {index}: {problem}"))?;
    }
    Ok(())
}

fn check_tree(tree: &Tree, output: TreeOutput, features: &[Feature], width: usize) -> Problem {
    let leaf_width = match output {
        TreeOutput::All => width,
        TreeOutput::One(k) => {
            require((k as usize) < width, || format!("output {k} of {width}"))?;
            1
        }
    };
    let n_values = tree.values.len();
    require(n_values.is_multiple_of(leaf_width), || {
        format!("{n_values} values do not fill rows of {leaf_width}")
    })?;
    require(tree.values.iter().all(|value| value.is_finite()), || "a value is not finite".into())?;
    require(!tree.nodes.is_empty(), || "it has no nodes".into())?;
    require(tree.nodes.len() < u32::MAX as usize, || "it has too many nodes".into())?;
    let mut has_parent = vec![false; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate() {
        check_node(index, node, n_values / leaf_width, features, &mut has_parent)
            .map_err(|problem| format!("node {index}: {problem}"))?;
    }
    Ok(())
}

fn check_node(
    index: usize,
    node: &Node,
    n_leaves: usize,
    features: &[Feature],
    has_parent: &mut [bool],
) -> Problem {
    match node {
        Node::Leaf { value } => {
            require((*value as usize) < n_leaves, || format!("value {value} of {n_leaves}"))
        }
        Node::Split { feature, left, right, .. } => {
            check_index(*feature, features.len())?;
            for &child in [left, right] {
                let after = child as usize > index && (child as usize) < has_parent.len();
                require(after, || {
                    format!("child {child} is not among the nodes after it ({})", has_parent.len())
                })?;
                let taken = std::mem::replace(&mut has_parent[child as usize], true);
                require(!taken, || format!("child {child} has two parents"))?;
            }
            Ok(())
        }
    }
}

fn check_index(feature: u32, n_features: usize) -> Problem {
    require((feature as usize) < n_features, || format!("feature {feature} of {n_features}"))
}

fn check_numbers(what: &str, numbers: &[f64], width: usize) -> Problem {
    require(numbers.len() == width, || format!("{} {what} for width {width}", numbers.len()))?;
    require(numbers.iter().all(|number| number.is_finite()), || format!("{what} not finite"))
}

fn check_linear(linear: &Linear, features: &[Feature], width: usize) -> Problem {
    check_numbers("intercepts", &linear.intercept, width)?;
    for (index, term) in linear.terms.iter().enumerate() {
        check_term(term, features, width).map_err(|problem| format!("term {index}: {problem}"))?;
    }
    Ok(())
}

fn check_term(term: &Term, features: &[Feature], width: usize) -> Problem {
    match term {
        Term::Number { feature, center, scale, clip, weights, missing } => {
            check_index(*feature, features.len())?;
            let categorical = features[*feature as usize].bins.is_categorical();
            require(!categorical, || format!("feature {feature} has levels, not numbers"))?;
            let finite = center.is_finite() && scale.is_finite() && *scale != 0.0;
            require(finite, || format!("center {center} or scale {scale} is unusable"))?;
            require(*clip >= 0.0, || format!("clip is {clip}"))?;
            check_numbers("weights", weights, width)?;
            check_numbers("missing weights", missing, width)
        }
        Term::Bins { feature, weights } => {
            check_index(*feature, features.len())?;
            let n_bins = features[*feature as usize].bins.n_bins();
            check_numbers("weights", weights, n_bins * width)
        }
    }
}

pub(crate) fn check_net(net: &Net, features: &[Feature], width: usize) -> Problem {
    check_numbers("base", &net.base, width)?;
    require(net.scale.is_finite(), || "scale is not finite".into())?;
    for (index, input) in net.inputs.iter().enumerate() {
        check_input(input, features).map_err(|problem| format!("input {index}: {problem}"))?;
    }
    let mut n_inputs = net.n_inputs();
    require(n_inputs <= u32::MAX as usize, || "it has too many inputs".into())?;
    for (index, layer) in net.layers.iter().enumerate() {
        let (n_outputs, n_weights) = (layer.n_outputs(), layer.weights.len());
        require(n_outputs > 0, || format!("layer {index} has no outputs"))?;
        let fits = n_inputs.checked_mul(n_outputs) == Some(n_weights);
        require(fits, || {
            format!("layer {index}: {n_weights} weights for {n_inputs} inputs, {n_outputs} outputs")
        })?;
        let finite = layer.bias.iter().chain(&layer.weights).all(|weight| weight.is_finite());
        require(finite, || format!("layer {index}: a weight is not finite"))?;
        let fits = !layer.half || layer.weights.iter().all(|&weight| is_half(weight));
        require(fits, || format!("layer {index}: a weight has more than 16 bits"))?;
        n_inputs = n_outputs;
    }
    require(!net.layers.is_empty(), || "it has no layers".into())?;
    require(n_inputs == width, || format!("{n_inputs} outputs for width {width}"))
}

fn check_input(input: &Input, features: &[Feature]) -> Problem {
    check_index(input.feature(), features.len())?;
    let bins = &features[input.feature() as usize].bins;
    match input {
        Input::Number { feature, center, factor, clip, missing, .. } => {
            require(!bins.is_categorical(), || {
                format!("feature {feature} has levels, not numbers")
            })?;
            let finite = center.is_finite() && factor.is_finite() && *factor != 0.0;
            require(finite, || format!("center {center} or factor {factor} is unusable"))?;
            let is_f32 = |number: f64| number.abs() <= f64::from(f32::MAX);
            require(*clip >= 0.0 && is_f32(*clip), || format!("clip is {clip}"))?;
            require(is_f32(*missing), || format!("missing is {missing}"))
        }
        Input::Curve { feature, width, knots, rows } => {
            require(!bins.is_categorical(), || {
                format!("feature {feature} has levels, not numbers")
            })?;
            require(*width > 0, || "it has no columns".into())?;
            let range =
                knots.last().zip(knots.first()).map_or(f64::NAN, |(last, first)| last - first);
            let ascends = knots.len() > 1 && knots.windows(2).all(|pair| pair[0] < pair[1]);
            require(ascends && range.is_finite(), || "its knots do not ascend".into())?;
            let fits = (knots.len() + 1).checked_mul(*width as usize) == Some(rows.len());
            require(fits, || {
                format!("{} numbers for {} knots and columns of {width}", rows.len(), knots.len())
            })?;
            // Differences of two rows must be finite too.
            let small = rows.iter().all(|number| number.abs() <= f32::MAX / 2.0);
            require(small, || "a number is not finite, or too large".into())
        }
        Input::OneHot { n_bins, .. } => {
            let n = bins.n_bins();
            require(*n_bins as usize == n, || format!("{n_bins} columns for {n} bins"))
        }
        Input::Embedding { width, rows, .. } => {
            require(*width > 0, || "it has no columns".into())?;
            let fits = bins.n_bins().checked_mul(*width as usize) == Some(rows.len());
            require(fits, || format!("{} numbers for rows of {width}", rows.len()))?;
            require(rows.iter().all(|number| number.is_finite()), || {
                "a number is not finite".into()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::examples::{categorical_feature, model_of, numeric_feature, stump};
    use crate::members::{Link, Member};
    use crate::net::{Activation, Layer};

    fn check(change: impl FnOnce(&mut Model)) -> String {
        let features = vec![numeric_feature(0, &[1.0, 2.0]), categorical_feature(1, &["a", "b"])];
        let trees = Trees {
            base: vec![0.0],
            trees: vec![stump(0, 1)],
            outputs: vec![TreeOutput::One(0)],
            scale: 1.0,
        };
        let mut model = model_of(TaskKind::Regression, features, vec![Part::Trees(trees)]);
        assert_eq!(model.check(), Ok(()));
        change(&mut model);
        model.check().expect_err("a broken model").to_string()
    }

    fn tree(model: &mut Model) -> &mut Tree {
        match &mut model.members[0].part {
            Part::Trees(trees) => &mut trees.trees[0],
            _ => panic!("the member has trees"),
        }
    }

    fn linear(term: Term) -> Member {
        let part = Part::Linear(Linear { intercept: vec![0.0], terms: vec![term] });
        Member { weight: 1.0, link: Link::Identity, part }
    }

    /// A net of a number with an indicator and of the four bins of names.
    fn net(change: impl FnOnce(&mut Net)) -> Member {
        let (center, factor, clip, missing) = (0.0, 1.0, 3.0, 0.0);
        let number = Input::Number { feature: 0, center, factor, clip, missing, indicator: true };
        let inputs = vec![number, Input::OneHot { feature: 1, n_bins: 4 }];
        let activation = Activation::Identity;
        let layers =
            vec![Layer { bias: vec![0.0], weights: vec![0.5; 6], activation, half: false }];
        let mut net = Net { base: vec![0.0], scale: 1.0, inputs, layers };
        change(&mut net);
        Member { weight: 1.0, link: Link::Identity, part: Part::Net(net) }
    }

    #[test]
    fn every_broken_part_is_named() {
        let number = |feature, scale, clip| {
            let (weights, missing) = (vec![1.0], vec![0.0]);
            linear(Term::Number { feature, center: 0.0, scale, clip, weights, missing })
        };
        let cases: Vec<(String, &str)> = vec![
            (check(|m| m.members.clear()), "no members"),
            (check(|m| m.schema.classes.push("x".into())), "1 classes do not fit Regression"),
            (check(|m| m.features[0].column = 9), "feature 0 `f0`: column 9 of 2"),
            (check(|m| m.features[0].bins = Bins::Edges(vec![2.0, 1.0])), "do not ascend"),
            (check(|m| m.features[0].bins = Bins::Edges(vec![f64::NAN])), "not finite"),
            (check(|m| m.features[1].bins = Bins::Levels(vec!["a".into(); 2])), "listed twice"),
            (check(|m| m.features[1].bins = Bins::Edges(vec![])), "kind Category"),
            (check(|m| m.features[0].derive = Derive::Year), "Year cannot be taken"),
            (check(|m| m.members[0].weight = f64::NAN), "member 0: weight"),
            (check(|m| tree(m).values[0] = f32::INFINITY), "tree 0: a value is not finite"),
            (check(|m| tree(m).values.truncate(1)), "node 2: value 1 of 1"),
            (check(|m| tree(m).nodes.truncate(2)), "child 2 is not among"),
            (check(|m| tree(m).nodes.clear()), "no nodes"),
            (check(|m| m.features.clear()), "feature 0 of 0"),
            (check(|m| m.members.push(number(1, 1.0, 1.0))), "has levels"),
            (check(|m| m.members.push(number(0, 0.0, 1.0))), "scale 0 is unusable"),
            (check(|m| m.members.push(number(0, 1.0, f64::NAN))), "clip is NaN"),
            (check(|m| m.members.push(number(7, 1.0, 1.0))), "feature 7 of 2"),
            (check(|m| m.members.push(net(|net| net.layers.clear()))), "no layers"),
            (check(|m| m.members.push(net(|net| net.layers[0].bias.clear()))), "no outputs"),
            (check(|m| m.members.push(net(|net| net.layers[0].bias.push(0.0)))), "6 weights for 6"),
            (
                check(|m| m.members.push(net(|net| net.layers[0].weights[2] = f32::NAN))),
                "not finite",
            ),
            (check(|m| m.members.push(net(|net| net.base.clear()))), "0 base for width 1"),
            (check(|m| m.members.push(net(|net| *net.inputs[0].feature_mut() = 1))), "has levels"),
            (
                check(|m| m.members.push(net(|net| *net.inputs[1].feature_mut() = 9))),
                "input 1: feature 9",
            ),
            (
                check(|m| {
                    m.members.push(net(|n| n.inputs[1] = Input::OneHot { feature: 1, n_bins: 3 }));
                }),
                "3 columns for 4 bins",
            ),
            (
                check(|m| {
                    let rows = vec![0.0; 7];
                    let embedding = Input::Embedding { feature: 1, width: 2, rows };
                    m.members.push(net(|net| net.inputs[1] = embedding));
                }),
                "7 numbers for rows of 2",
            ),
            (
                check(|m| m.members.push(linear(Term::Bins { feature: 0, weights: vec![0.0; 3] }))),
                "term 0: 3 weights for width 4",
            ),
            (
                check(|m| {
                    if let Node::Split { right, .. } = &mut tree(m).nodes[0] {
                        *right = 1;
                    }
                }),
                "child 1 has two parents",
            ),
        ];
        for (message, expected) in cases {
            assert!(message.contains(expected), "{message:?} lacks {expected:?}");
        }
    }
}
