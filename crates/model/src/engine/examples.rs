//! Models for tests: small ones by hand and random ones of every kind.

use crate::encoder::{Bins, Derive, Feature};
use crate::linear::{Linear, Term};
use crate::members::{Link, Member, Model, Part};
use crate::net::{Activation, Input, Layer, Net};
use crate::random::Random;
use crate::schema::{ColumnKind, InputColumn, Schema, TaskKind};
use crate::tree::{BinSet, Node, Test, Tree, TreeOutput, Trees};
use crate::value::Value;

pub(crate) fn numeric_feature(column: u32, edges: &[f64]) -> Feature {
    let bins = Bins::Edges(edges.to_vec());
    Feature { column, derive: Derive::Itself, name: format!("f{column}"), bins }
}

pub(crate) fn categorical_feature(column: u32, levels: &[&str]) -> Feature {
    let bins = Bins::Levels(levels.iter().map(|level| level.to_string()).collect());
    Feature { column, derive: Derive::Itself, name: format!("f{column}"), bins }
}

/// A tree of one test: -1 if `bin <= threshold`, else 2.
pub(crate) fn stump(feature: u32, threshold: u8) -> Tree {
    let test = Test::Above { threshold, missing_right: false };
    let split = Node::Split { feature, test, left: 1, right: 2, gain: 1.0 };
    let nodes = vec![split, Node::Leaf { value: 0 }, Node::Leaf { value: 1 }];
    Tree { nodes, values: vec![-1.0, 2.0] }
}

/// A model whose columns follow from its features.
pub(crate) fn model_of(task: TaskKind, features: Vec<Feature>, parts: Vec<Part>) -> Model {
    let n_columns = features.iter().map(|feature| feature.column + 1).max().unwrap_or(0);
    let kind_of = |column| {
        let feature = features.iter().find(|feature| feature.column == column);
        match feature {
            Some(feature) if feature.bins.is_categorical() => ColumnKind::Category,
            Some(Feature { derive: Derive::Itself | Derive::NonZero, .. }) => ColumnKind::Number,
            Some(_) => ColumnKind::DateTime,
            _ => ColumnKind::Number,
        }
    };
    let columns = (0..n_columns)
        .map(|column| InputColumn { name: format!("c{column}"), kind: kind_of(column) })
        .collect();
    let classes = match task {
        TaskKind::Regression => vec![],
        TaskKind::Binary => vec!["no".into(), "yes".into()],
        TaskKind::Multiclass => (0..4).map(|class| format!("class {class}")).collect(),
    };
    let weight = 1.0 / parts.len() as f64;
    let members =
        parts.into_iter().map(|part| Member { weight, link: Link::Identity, part }).collect();
    let schema = Schema { task, target: "y".into(), classes, columns };
    Model { schema, features, members, notes: "{}".into() }
}

/// A random model of any kind, sometimes with every part of the format.
pub(crate) fn any_model(seed: u64) -> Model {
    let mut random = Random(seed);
    let tasks = [TaskKind::Regression, TaskKind::Binary, TaskKind::Multiclass];
    let task = tasks[random.below(3)];
    let mut features = Vec::new();
    for column in 0..1 + random.below(6) as u32 {
        any_features(&mut random, column, &mut features);
    }
    let mut model = model_of(task, features, vec![Part::Constant(vec![])]);
    let width = model.schema.n_outputs();
    let links = match task {
        TaskKind::Regression => [Link::Identity, Link::Exp],
        TaskKind::Binary => [Link::Identity, Link::Logistic],
        TaskKind::Multiclass => [Link::Identity, Link::Softmax],
    };
    model.members = (0..1 + random.below(3))
        .map(|_| {
            let part = match random.below(5) {
                0 => Part::Constant(any_numbers(&mut random, width)),
                1 => Part::Linear(any_linear(&mut random, &model.features, width)),
                _ => Part::Trees(any_trees(&mut random, &model.features, width)),
            };
            Member { weight: random.unit(), link: links[random.below(2)], part }
        })
        .collect();
    if seed % 5 == 3 {
        let net = any_net(&mut random, &model.features, width);
        let member = random.below(model.members.len());
        model.members[member].part = Part::Net(net);
    }
    model.notes = format!("{{\"seed\": {seed}, \"text\": \"naïve\"}}");
    model
}

fn any_features(random: &mut Random, column: u32, features: &mut Vec<Feature>) {
    match random.below(5) {
        0 => {
            let levels = (0..random.below(6)).map(|level| level.to_string());
            let levels = levels.chain((0..random.below(4)).map(|level| format!("name {level}")));
            let levels: Vec<String> = levels.collect();
            let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
            features.push(categorical_feature(column, &levels));
        }
        1 => {
            let derives =
                [Derive::Year, Derive::Month, Derive::Weekday, Derive::Hour, Derive::Epoch];
            for derive in derives.into_iter().take(1 + random.below(5)) {
                let mut feature = numeric_feature(column, &any_edges(random));
                feature.derive = derive;
                features.push(feature);
            }
        }
        2 => {
            let mut feature = numeric_feature(column, &any_edges(random));
            feature.derive = Derive::NonZero;
            features.extend([feature, numeric_feature(column, &any_edges(random))]);
        }
        _ => features.push(numeric_feature(column, &any_edges(random))),
    }
}

fn any_edges(random: &mut Random) -> Vec<f64> {
    let n_edges = [0, 1, 5, 20, 40, 254][random.below(6)];
    let mut edges: Vec<f64> =
        (0..n_edges).map(|_| (random.unit() * 64.0).floor() / 2.0 - 8.0 + random.unit()).collect();
    edges.sort_unstable_by(f64::total_cmp);
    edges.dedup();
    edges
}

fn any_numbers(random: &mut Random, n: usize) -> Vec<f64> {
    (0..n).map(|_| random.unit() * 2.0 - 1.0).collect()
}

fn any_linear(random: &mut Random, features: &[Feature], width: usize) -> Linear {
    let mut terms = Vec::new();
    for (index, feature) in features.iter().enumerate() {
        let feature_index = index as u32;
        if random.below(2) == 0 && !feature.bins.is_categorical() {
            terms.push(Term::Number {
                feature: feature_index,
                center: random.unit(),
                scale: 0.1 + random.unit(),
                clip: 1.0 + random.unit(),
                weights: any_numbers(random, width),
                missing: any_numbers(random, width),
            });
        } else {
            let mut weights = any_numbers(random, width * feature.bins.n_bins());
            // Equal neighbours are merged.
            weights.iter_mut().for_each(|weight| *weight = (*weight * 2.0).floor());
            terms.push(Term::Bins { feature: feature_index, weights });
        }
    }
    Linear { intercept: any_numbers(random, width), terms }
}

fn any_net(random: &mut Random, features: &[Feature], width: usize) -> Net {
    let mut inputs = Vec::new();
    for (index, feature) in features.iter().enumerate() {
        inputs.extend((random.below(4) > 0).then(|| any_input(random, index as u32, feature)));
    }
    let mut sizes = vec![];
    for _ in 0..random.below(3) {
        sizes.push([1, 3, 8, 16, 50, 147, 260][random.below(7)]);
    }
    sizes.push(width);
    let mut n_inputs = inputs.iter().map(Input::width).sum();
    let activations = [Activation::Identity, Activation::Relu, Activation::Gelu, Activation::Silu];
    let mut layer = |n_outputs| {
        let n_weights = n_inputs * n_outputs;
        n_inputs = n_outputs;
        let mut layer = Layer {
            bias: any_f32s(random, n_outputs),
            weights: any_f32s(random, n_weights),
            activation: activations[random.below(4)],
            half: false,
        };
        if random.below(4) == 0 {
            layer.halve();
        }
        layer
    };
    let layers = sizes.into_iter().map(&mut layer).collect();
    Net { base: any_numbers(random, width), scale: random.unit() * 3.0, inputs, layers }
}

fn any_input(random: &mut Random, feature: u32, of: &Feature) -> Input {
    let n_bins = of.bins.n_bins();
    match random.below(5) {
        0 => Input::OneHot { feature, n_bins: n_bins as u32 },
        1 if !of.bins.is_categorical() => {
            let (n_knots, width) = (2 + random.below(20), 1 + random.below(4));
            let mut knots: Vec<f64> = (0..n_knots).map(|_| random.unit() * 12.0 - 4.0).collect();
            knots.sort_unstable_by(f64::total_cmp);
            knots.dedup();
            let rows = any_f32s(random, (knots.len() + 1) * width);
            Input::Curve { feature, width: width as u32, knots, rows }
        }
        kind if kind > 1 && !of.bins.is_categorical() => Input::Number {
            feature,
            center: random.unit(),
            factor: 0.1 + random.unit(),
            clip: 1.0 + random.unit(),
            missing: random.unit(),
            indicator: random.below(2) == 0,
        },
        _ => {
            let width = 1 + random.below(4);
            let rows = any_f32s(random, n_bins * width);
            Input::Embedding { feature, width: width as u32, rows }
        }
    }
}

/// Some are zero.
fn any_f32s(random: &mut Random, n: usize) -> Vec<f32> {
    (0..n)
        .map(|_| (random.unit() as f32 * 2.0 - 1.0) * (random.below(9) > 0) as u8 as f32)
        .collect()
}

fn any_trees(random: &mut Random, features: &[Feature], width: usize) -> Trees {
    let n_trees = random.below(40);
    let outputs: Vec<TreeOutput> = (0..n_trees)
        .map(|_| match random.below(3) {
            0 => TreeOutput::All,
            _ => TreeOutput::One(random.below(width) as u32),
        })
        .collect();
    let trees = outputs
        .iter()
        .map(|output| {
            let width = if *output == TreeOutput::All { width } else { 1 };
            let n_leaves = 1 + random.below(40);
            any_tree(random, features, n_leaves, width)
        })
        .collect();
    Trees { base: any_numbers(random, width), trees, outputs, scale: random.unit() }
}

/// A tree of about `n_leaves` leaves, grown at random places, as best-first growth does.
fn any_tree(random: &mut Random, features: &[Feature], n_leaves: usize, width: usize) -> Tree {
    let mut tree = Tree { nodes: vec![Node::Leaf { value: 0 }], values: vec![] };
    for _ in 1..n_leaves {
        let node = random.below(tree.nodes.len());
        if matches!(tree.nodes[node], Node::Leaf { .. }) {
            let feature = random.below(features.len()) as u32;
            let test = any_test(random, &features[feature as usize].bins);
            let left = tree.nodes.len() as u32;
            let gain = random.unit() as f32;
            tree.nodes[node] = Node::Split { feature, test, left, right: left + 1, gain };
            tree.nodes.extend([Node::Leaf { value: 0 }; 2]);
        }
    }
    let mut n_rows = 0;
    for node in &mut tree.nodes {
        if let Node::Leaf { value } = node {
            *value = n_rows;
            n_rows += 1;
        }
    }
    tree.values = (0..n_rows as usize * width).map(|_| random.unit() as f32 - 0.5).collect();
    tree
}

fn any_test(random: &mut Random, bins: &Bins) -> Test {
    let n_bins = bins.n_bins();
    if random.below(8) == 0 || bins.is_categorical() && random.below(8) > 0 {
        let mut set = BinSet::default();
        (0..n_bins).filter(|_| random.below(2) == 0).for_each(|bin| set.insert(bin as u8));
        return Test::In(set);
    }
    Test::Above { threshold: random.below(n_bins) as u8, missing_right: random.below(2) == 0 }
}

/// A cell as its column may send it, with what it is read as.
#[derive(Debug, Clone)]
pub(crate) enum AnyCell {
    Missing,
    Number(f64),
    Text(String),
}

impl AnyCell {
    pub fn value(&self) -> Value<'_> {
        match self {
            AnyCell::Missing => Value::Missing,
            AnyCell::Number(number) => Value::Number(*number),
            AnyCell::Text(text) => Value::Text(text),
        }
    }
}

/// A random row of cells for a model, every form of cell included.
pub(crate) fn any_row(random: &mut Random, model: &Model) -> Vec<AnyCell> {
    let cells = model.schema.columns.iter().map(|column| match (random.below(6), column.kind) {
        (0, _) => AnyCell::Missing,
        (1, _) => AnyCell::Text(String::new()),
        (2, ColumnKind::Category) => AnyCell::Number(random.below(8) as f64),
        (_, ColumnKind::Category | ColumnKind::Boolean) => match random.below(2) {
            0 => AnyCell::Text(format!("name {}", random.below(5))),
            _ => AnyCell::Text(random.below(8).to_string()),
        },
        (2, ColumnKind::Number) => AnyCell::Text(format!(" {} ", random.below(40) as f64 / 4.0)),
        (3, ColumnKind::Number) => {
            let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324];
            AnyCell::Number(special[random.below(5)])
        }
        (_, ColumnKind::Number) => AnyCell::Number(random.unit() * 40.0 - 10.0),
        (2, ColumnKind::DateTime) => {
            AnyCell::Text(format!("20{:02}-1{}-07 11:22", random.below(99), random.below(3)))
        }
        (_, ColumnKind::DateTime) => AnyCell::Number(random.unit() * 2e9 - 1e9),
    });
    cells.collect()
}
