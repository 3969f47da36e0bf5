//! Models of every kind with rows that are hard for them, to export.
#![allow(dead_code, reason = "not every test needs all")]

use eyas_convert::import;
use eyas_model::{
    BinSet, Bins, ColumnKind, Derive, Feature, InputColumn, Linear, Link, Member, Model, Node,
    Part, Schema, TaskKind, Term, Test, Tree, TreeOutput, Trees, Value,
};

/// A model, its name, and rows in the order of its columns.
pub struct Named {
    pub name: String,
    pub model: Model,
    pub rows: Vec<Vec<Cell>>,
}

/// A cell that owns its text.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Missing,
    Number(f64),
    Text(String),
}

impl Cell {
    pub fn value(&self) -> Value<'_> {
        match self {
            Cell::Missing => Value::Missing,
            Cell::Number(number) => Value::Number(*number),
            Cell::Text(text) => Value::Text(text),
        }
    }
}

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// About -2 to 2.
    fn number(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 * 4.0 - 2.0
    }

    fn numbers(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.number()).collect()
    }
}

/// Imported models, in `testdata/export` so that exports do not change with imports.
const IMPORTED: [(&str, &str); 12] = [
    ("catboost", "one_hot.json"),
    ("catboost", "ctr.json"),
    ("catboost", "ctr_multiclass.json"),
    ("catboost", "one_vs_all.json"),
    ("catboost", "poisson.json"),
    ("catboost", "lossguide.json"),
    ("catboost", "mae_deep.json"),
    ("onnx", "forest_names.onnx"),
    ("onnx", "gb_multiclass.onnx"),
    ("onnx", "lightgbm_categories.onnx"),
    ("onnx", "hand_eq_1.onnx"),
    ("onnx", "hand_logistic_three.onnx"),
];

/// Every model: imported ones, one written by an earlier version, and made ones.
pub fn all() -> Vec<Named> {
    let mut all: Vec<Named> = IMPORTED.iter().map(|(folder, file)| stored(folder, file)).collect();
    let bytes = std::fs::read(super::recorded::folder("../model/v1.eyas")).expect("it is there");
    all.push(with_rows("version_1", Model::from_bytes(&bytes).expect("sound")));
    all.extend((0..24).map(|seed| with_rows(&format!("made_{seed}"), made(seed))));
    all
}

fn name_of(folder: &str, file: &str) -> String {
    format!("{folder}_{}", file.split('.').next().unwrap_or_default())
}

fn stored(folder: &str, file: &str) -> Named {
    let name = name_of(folder, file);
    let path = super::recorded::folder("../export").join(format!("{name}.eyas"));
    let bytes = std::fs::read(path).expect("it is there");
    with_rows(&name, Model::from_bytes(&bytes).expect("sound"))
}

/// Imports the models anew.
pub fn store() {
    for (folder, file) in IMPORTED {
        let bytes = std::fs::read(super::recorded::folder(folder).join(file)).expect("it is there");
        let model = import(&bytes, None).expect("sound");
        let path = super::recorded::folder("../export");
        let path = path.join(format!("{}.eyas", name_of(folder, file)));
        std::fs::write(path, model.to_bytes()).expect("written");
    }
}

/// Whether predictions need no function of the C library.
pub fn is_linear(model: &Model) -> bool {
    let plain = [Link::Identity, Link::Step, Link::SignedSquare];
    model.members.iter().all(|member| plain.contains(&member.link))
}

/// A model with a category.
pub fn with_level(level: &str) -> Model {
    let mut model = made(0);
    model.schema.task = TaskKind::Regression;
    model.schema.classes = vec![];
    model.schema.columns = vec![InputColumn { name: "c".into(), kind: ColumnKind::Category }];
    model.features = vec![Feature {
        column: 0,
        derive: Derive::Itself,
        name: "c".into(),
        bins: Bins::Levels(vec![level.into()]),
    }];
    let terms = vec![Term::Bins { feature: 0, weights: vec![0.0, 1.0, 2.0] }];
    let part = Part::Linear(Linear { intercept: vec![0.0], terms });
    model.members = vec![Member { weight: 1.0, link: Link::Identity, part }];
    model
}

fn with_rows(name: &str, model: Model) -> Named {
    let mut random = Random(name.len() as u64);
    let rows = (0..40).map(|_| row(&mut random, &model)).collect();
    Named { name: name.into(), model, rows }
}

/// Cells at and beside edges, known and unknown categories, missing cells.
fn row(random: &mut Random, model: &Model) -> Vec<Cell> {
    let cell = |(index, column): (usize, &InputColumn)| {
        let features: Vec<&Feature> =
            model.features.iter().filter(|feature| feature.column as usize == index).collect();
        if random.chance(12) {
            return Cell::Missing;
        }
        if matches!(column.kind, ColumnKind::Category | ColumnKind::Boolean) {
            let levels: Vec<&String> = features
                .iter()
                .filter_map(
                    |f| if let Bins::Levels(levels) = &f.bins { Some(levels) } else { None },
                )
                .flatten()
                .collect();
            return match random.below(levels.len() + 2) {
                0 => Cell::Text("never seen".into()),
                1 => Cell::Text(String::new()),
                level => Cell::Text(levels[level - 2].clone()),
            };
        }
        if column.kind == ColumnKind::DateTime {
            return Cell::Number((random.number() * 2e9).floor() + 0.5);
        }
        let edges: Vec<f64> = features
            .iter()
            .filter_map(|f| if let Bins::Edges(edges) = &f.bins { Some(edges) } else { None })
            .flatten()
            .copied()
            .collect();
        let near = if edges.is_empty() { 0.0 } else { edges[random.below(edges.len())] };
        Cell::Number(match random.below(9) {
            0 => near,
            1 => near.next_up(),
            2 => near.next_down(),
            3 => f64::from((near as f32).next_up()),
            4 => f64::from((near as f32).next_down()),
            5 => [0.0, -0.0, 1e-36, f64::INFINITY, f64::NEG_INFINITY][random.below(5)],
            _ => near + random.number(),
        })
    };
    model.schema.columns.iter().enumerate().map(cell).collect()
}

/// A model with something of everything. Seeds from 16 on have dates.
fn made(seed: u64) -> Model {
    let mut random = Random(seed);
    let (task, classes): (TaskKind, &[&str]) = match seed % 3 {
        0 => (TaskKind::Regression, &[]),
        1 => (TaskKind::Binary, &["no", "yes \"quoted\""]),
        _ => (TaskKind::Multiclass, &["a", "b??=", "é\\"]),
    };
    let mut columns = vec![
        ("x", ColumnKind::Number),
        ("int", ColumnKind::Number),
        ("label", ColumnKind::Number),
        ("never used", ColumnKind::Number),
        ("1 kind */", ColumnKind::Category),
        ("1-kind", ColumnKind::Category),
        ("flag", ColumnKind::Boolean),
    ];
    if seed >= 16 {
        columns.push(("date", ColumnKind::DateTime));
    }
    let mut features = Vec::new();
    for (index, (name, kind)) in columns.iter().enumerate() {
        if *name == "never used" {
            continue;
        }
        for _ in 0..1 + random.below(2) {
            features.push(feature(&mut random, index as u32, name, *kind));
        }
    }
    let column = |(name, kind): (&str, ColumnKind)| InputColumn { name: name.into(), kind };
    let schema = Schema {
        task,
        target: "y */".into(),
        classes: classes.iter().map(|class| class.to_string()).collect(),
        columns: columns.into_iter().map(column).collect(),
    };
    let n_outputs = schema.n_outputs();
    let n_members = 1 + random.below(3);
    let members = (0..n_members)
        .map(|_| member(&mut random, task, &features, n_outputs, n_members))
        .collect();
    let model = Model { schema, features, members, notes: "{}".into() };
    model.check().expect("a sound model");
    model
}

fn feature(random: &mut Random, column: u32, name: &str, kind: ColumnKind) -> Feature {
    let mut derive = Derive::Itself;
    let bins = match kind {
        ColumnKind::Category | ColumnKind::Boolean => {
            let levels =
                ["red", "blue \"x\"", "grün", "??/", "no", "yes", "1", "longer than others"];
            let n = random.below(levels.len() + 1);
            Bins::Levels(levels[..n].iter().map(|level| level.to_string()).collect())
        }
        ColumnKind::DateTime => {
            let all = [Derive::Year, Derive::Month, Derive::Weekday, Derive::Hour, Derive::Epoch];
            derive = all[random.below(5)];
            let edges: &[f64] = match derive {
                Derive::Year => &[1930.0, 1969.0, 1970.5, 2000.0],
                Derive::Month => &[1.0, 2.0, 6.5, 11.0],
                Derive::Weekday => &[0.0, 3.0, 5.0],
                Derive::Hour => &[0.0, 11.0, 22.0],
                _ => &[-1e9, 0.0, 1.5e9],
            };
            Bins::Edges(edges.to_vec())
        }
        ColumnKind::Number => {
            if random.chance(25) {
                derive = Derive::NonZero;
            }
            let n = [0, 1, 5, 30, 254][random.below(5)];
            let mut edges = random.numbers(n);
            edges.extend([0.0, 0.25].iter().take(usize::from(n == 5) * 2));
            edges.sort_unstable_by(f64::total_cmp);
            edges.dedup();
            Bins::Edges(edges)
        }
    };
    Feature { column, derive, name: name.into(), bins }
}

fn member(
    random: &mut Random,
    task: TaskKind,
    features: &[Feature],
    n_outputs: usize,
    n_members: usize,
) -> Member {
    let links = match task {
        TaskKind::Regression => {
            &[Link::Identity, Link::Exp, Link::SignedSquare, Link::Softplus, Link::Step][..]
        }
        TaskKind::Binary => &[Link::Logistic, Link::Identity],
        TaskKind::Multiclass => &[Link::Softmax, Link::Identity, Link::Logistic],
    };
    let part = match random.below(6) {
        0 => Part::Constant(random.numbers(n_outputs)),
        1 | 2 => Part::Linear(linear(random, features, n_outputs)),
        _ => Part::Trees(trees(random, features, n_outputs)),
    };
    let weight = if n_members == 1 { 1.0 } else { 1.0 / n_members as f64 };
    Member { weight, link: links[random.below(links.len())], part }
}

fn linear(random: &mut Random, features: &[Feature], n_outputs: usize) -> Linear {
    let mut terms = Vec::new();
    for (index, feature) in features.iter().enumerate() {
        if random.chance(20) {
            continue;
        }
        let (n_bins, feature_index) = (feature.bins.n_bins(), index as u32);
        if feature.bins.is_categorical() || random.chance(30) {
            let weights = random.numbers(n_bins * n_outputs);
            terms.push(Term::Bins { feature: feature_index, weights });
        } else {
            terms.push(Term::Number {
                feature: feature_index,
                center: random.number(),
                scale: random.number().abs() + 0.5,
                clip: if random.chance(60) { 1.5 } else { 1e9 },
                weights: random.numbers(n_outputs),
                missing: if random.chance(50) {
                    vec![0.0; n_outputs]
                } else {
                    random.numbers(n_outputs)
                },
            });
        }
    }
    // Infinite cells would make infinite scores where nothing is clipped.
    for term in &mut terms {
        if let Term::Number { clip, .. } = term {
            *clip = clip.min(8.0);
        }
    }
    Linear { intercept: random.numbers(n_outputs), terms }
}

fn trees(random: &mut Random, features: &[Feature], n_outputs: usize) -> Trees {
    let n_trees = [0, 1, 4, 12][random.below(4)];
    let (mut trees, mut outputs) = (Vec::new(), Vec::new());
    let kinds = random.below(3);
    for _ in 0..n_trees {
        let all = match kinds {
            0 => true,
            1 => false,
            _ => random.chance(50),
        };
        let output =
            if all { TreeOutput::All } else { TreeOutput::One(random.below(n_outputs) as u32) };
        trees.push(tree(random, features, if all { n_outputs } else { 1 }));
        outputs.push(output);
    }
    let scale = if random.chance(50) { 1.0 } else { 0.3 };
    Trees { base: random.numbers(n_outputs), trees, outputs, scale }
}

fn tree(random: &mut Random, features: &[Feature], width: usize) -> Tree {
    let n_splits = [0, 1, 3, 9][random.below(4)];
    let mut nodes = Vec::new();
    let n_nodes = 2 * n_splits + 1;
    let mut n_children = 1;
    let mut n_leaves = 0;
    for _ in 0..n_nodes {
        // Splits first: children come after all nodes that are there.
        if nodes.len() < n_splits {
            let feature = random.below(features.len());
            let test = test(random, &features[feature]);
            let (feature, left) = (feature as u32, n_children);
            n_children += 2;
            nodes.push(Node::Split { feature, test, left, right: left + 1, gain: 0.0 });
        } else {
            nodes.push(Node::Leaf { value: n_leaves });
            n_leaves += 1;
        }
    }
    let values = (0..n_leaves as usize * width).map(|_| random.number() as f32).collect();
    Tree { nodes, values }
}

fn test(random: &mut Random, feature: &Feature) -> Test {
    let n_bins = feature.bins.n_bins();
    if feature.bins.is_categorical() && random.chance(80) {
        let mut set = BinSet::default();
        for bin in 0..n_bins {
            if random.chance(50) {
                set.insert(bin as u8);
            }
        }
        return Test::In(set);
    }
    if random.chance(10) {
        let threshold = [0, u8::MAX][random.below(2)];
        return Test::Above { threshold, missing_right: random.chance(50) };
    }
    Test::Above { threshold: random.below(n_bins) as u8, missing_right: random.chance(50) }
}
