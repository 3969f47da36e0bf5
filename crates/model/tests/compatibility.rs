//! Files of every released version load and predict the same.

use std::path::PathBuf;

use eyas_model::{
    Activation, BinSet, Bins, ColumnKind, Derive, Feature, Input, InputColumn, Layer, Linear, Link,
    Member, Model, Net, Node, Part, Predictor, Schema, Scratch, TaskKind, Term, Test, Tree,
    TreeOutput, Trees, Value,
};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/model").join(name)
}

fn feature(column: u32, derive: Derive, name: &str, bins: Bins) -> Feature {
    Feature { column, derive, name: name.into(), bins }
}

fn above(threshold: u8, missing_right: bool) -> Test {
    Test::Above { threshold, missing_right }
}

fn split(feature: u32, test: Test, left: u32, right: u32) -> Node {
    Node::Split { feature, test, left, right, gain: 0.5 }
}

fn leaf(value: u32) -> Node {
    Node::Leaf { value }
}

fn trees() -> Trees {
    let mut odd = BinSet::default();
    [0, 1, 3].into_iter().for_each(|bin| odd.insert(bin));
    let first = Tree {
        nodes: vec![
            split(0, above(2, true), 1, 2),
            leaf(2),
            split(1, Test::In(odd), 3, 4),
            leaf(0),
            leaf(1),
        ],
        values: vec![0.5, -0.25, 1.5],
    };
    let second = Tree {
        nodes: vec![split(2, above(1, false), 1, 2), leaf(0), leaf(1)],
        values: vec![0.125, 0.25, 0.375, -0.5, 0.75, 1.0],
    };
    Trees {
        base: vec![0.1, 0.2, 0.3],
        trees: vec![first, second],
        outputs: vec![TreeOutput::One(1), TreeOutput::All],
        scale: 0.5,
    }
}

fn linear() -> Linear {
    let number = Term::Number {
        feature: 0,
        center: 40.0,
        scale: 12.5,
        clip: 3.0,
        weights: vec![0.25, -0.5, 0.125],
        missing: vec![0.0, 0.0625, 0.0],
    };
    let weights = (0..12).map(|weight| f64::from(weight * weight % 7) / 8.0).collect();
    let bins = Term::Bins { feature: 1, weights };
    Linear { intercept: vec![0.5, 0.0, -0.5], terms: vec![number, bins] }
}

/// A model with every part that the format has.
fn every_part() -> Model {
    let column = |name: &str, kind| InputColumn { name: name.into(), kind };
    let member = |weight, link, part| Member { weight, link, part };
    let levels = ["rouge", "vert"].map(String::from).to_vec();
    Model {
        schema: Schema {
            task: TaskKind::Multiclass,
            target: "espèce".into(),
            classes: ["a", "b", "c"].map(String::from).to_vec(),
            columns: vec![
                column("age", ColumnKind::Number),
                column("couleur", ColumnKind::Category),
                column("date", ColumnKind::DateTime),
            ],
        },
        features: vec![
            feature(0, Derive::Itself, "age", Bins::Edges(vec![18.0, 30.5, 65.0])),
            feature(1, Derive::Itself, "couleur", Bins::Levels(levels)),
            feature(2, Derive::Weekday, "date.weekday", Bins::Edges(vec![4.0])),
        ],
        members: vec![
            member(0.5, Link::Softmax, Part::Trees(trees())),
            member(0.25, Link::Softmax, Part::Linear(linear())),
            member(0.25, Link::Identity, Part::Constant(vec![0.25, 0.25, 0.5])),
        ],
        notes: "{\"made\": \"by hand\"}".into(),
    }
}

/// With `EYAS_RECORD` set it first writes the file anew, for a version that was never released;
/// then run `make_v1.py`.
#[test]
fn version_1_is_read_and_written() {
    if std::env::var_os("EYAS_RECORD").is_some() {
        let bytes = every_part().to_bytes();
        eyas_model::file::write_whole(&path("v1.eyas"), &bytes).expect("writable");
    }
    let bytes = std::fs::read(path("v1.eyas")).expect("the file is in the repository");
    assert_eq!(Model::from_bytes(&bytes), Ok(every_part()));
    assert!(every_part().to_bytes() == bytes, "the writer writes other bytes than version 1 had");
}

/// The figures are those of `make_v1.py`, a reader that knows only `docs/FORMAT.md`.
#[test]
fn version_1_predicts_as_recorded() {
    let predictor = Predictor::load(&path("v1.eyas")).expect("the file is in the repository");
    let recorded = std::fs::read_to_string(path("v1.predictions.csv")).expect("it is there too");
    let mut n_rows = 0;
    for line in recorded.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let row: Vec<Value> = cells[..3].iter().map(|cell| Value::Text(cell)).collect();
        let mut out = [0.0; 3];
        predictor.predict_row(&row, &mut Scratch::default(), &mut out).expect("a sound row");
        for (out, cell) in out.iter().zip(&cells[3..]) {
            let expected: f64 = cell.parse().expect("a number");
            assert!((out - expected).abs() < 1e-15, "{line}: {out}");
        }
        n_rows += 1;
    }
    assert_eq!(n_rows, 12);
}

/// A net with every kind of input, in front of the members of version 1.
fn with_a_net() -> Model {
    let number = Input::Number {
        feature: 0,
        center: 40.0,
        factor: 0.125,
        clip: 2.0,
        missing: 0.5,
        indicator: true,
    };
    let rows = (0..6).map(|i| i as f32 / 4.0 - 0.5).collect();
    let inputs = vec![
        number,
        Input::OneHot { feature: 1, n_bins: 4 },
        Input::Embedding { feature: 2, width: 2, rows },
    ];
    let layer = |n_inputs: usize, n_outputs: usize, activation| Layer {
        bias: (0..n_outputs).map(|k| 1.0 + k as f32 / 8.0).collect(),
        weights: (0..n_inputs * n_outputs).map(|i| (i * i % 7) as f32 / 4.0 - 0.75).collect(),
        activation,
        half: false,
    };
    let layers = vec![layer(8, 2, Activation::Relu), layer(2, 3, Activation::Identity)];
    let net = Net { base: vec![0.25, 0.0, -0.5], scale: 0.5, inputs, layers };
    let mut model = every_part();
    model.members = vec![Member { weight: 1.0, link: Link::Identity, part: Part::Net(net) }];
    model
}

/// With `EYAS_RECORD` set it first writes the file anew, for a version that was never released.
#[test]
fn version_2_is_read_and_written() {
    if std::env::var_os("EYAS_RECORD").is_some() {
        let bytes = with_a_net().to_bytes();
        eyas_model::file::write_whole(&path("v2.eyas"), &bytes).expect("writable");
    }
    let bytes = std::fs::read(path("v2.eyas")).expect("the file is in the repository");
    assert_eq!(Model::from_bytes(&bytes), Ok(with_a_net()));
    assert!(with_a_net().to_bytes() == bytes, "the writer writes other bytes than version 2 had");
    let predictor = Predictor::load(&path("v2.eyas")).expect("the file is in the repository");
    // Age 44: 0.5, no gap; "vert" is bin 2 (column 4 of the first layer); a Saturday is bin 2: 0.5, 0.75.
    let row = [Value::Number(44.0), Value::Text("vert"), Value::Text("2026-11-28")];
    let mut out = [0.0; 3];
    predictor.predict_row(&row, &mut Scratch::default(), &mut out).expect("a sound row");
    assert_eq!(out, [0.6875, 0.5, 0.1875]);
}
