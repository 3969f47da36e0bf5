//! Trees in ONNX answer as ONNX Runtime does: `testdata/import/make_onnx_catboost.py`.

mod recorded;

use eyas_convert::{Error, import};
use eyas_model::{Link, Model, TaskKind};

fn read(path: &str) -> Result<Model, Error> {
    let bytes = std::fs::read(recorded::folder("onnx").join(path)).expect("it is there");
    import(&bytes, None)
}

#[test]
fn predictions_and_leaves_are_those_of_onnx_runtime() {
    let folder = recorded::folder("onnx");
    let recorded = recorded::all(&folder);
    assert!(recorded.len() >= 50, "{}", recorded.len());
    for (name, expected) in recorded {
        let model = read(&format!("{name}.onnx")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let rows = recorded::rows(&folder.join(format!("{name}.csv")), &model);
        // ONNX Runtime adds in 32 bits and writes 32 bits.
        recorded::check(&name, &model, &rows, &expected, 1e-6);
    }
}

#[test]
fn classes_tasks_links_and_columns() {
    let of = |name: &str| {
        let model = read(name).expect("sound");
        (model.schema.task, model.members[0].link, model.schema.classes.join(" "))
    };
    assert_eq!(of("tree_binary.onnx"), (TaskKind::Binary, Link::Identity, "0 1".into()));
    let vehicles = "bus opel saab van";
    assert_eq!(of("forest_names.onnx"), (TaskKind::Multiclass, Link::Identity, vehicles.into()));
    assert_eq!(of("gb_multiclass.onnx"), (TaskKind::Multiclass, Link::Softmax, vehicles.into()));
    assert_eq!(of("lightgbm_binary.onnx"), (TaskKind::Binary, Link::Logistic, "0 1".into()));
    assert_eq!(of("lightgbm_poisson.onnx"), (TaskKind::Regression, Link::Exp, "".into()));
    assert_eq!(of("xgboost_poisson.onnx"), (TaskKind::Regression, Link::Exp, "".into()));
    let columns = read("forest_inputs.onnx").expect("sound").schema.columns;
    assert_eq!(columns[0].name, "Length");
    assert_eq!(read("tree_binary.onnx").expect("sound").schema.columns[4].name, "f4");
}

#[test]
fn what_cannot_be_exact_is_refused_by_name() {
    for (name, expected) in [
        ("adaboost", "which the predictions depend"),
        ("scaled", "what Scaler makes"),
        ("two_targets", "a regressor with 2 targets"),
        ("lightgbm_forest", "what ArrayFeatureExtractor makes"),
        ("scores", "no probabilities"),
        ("softmax_one_set", "post_transform SOFTMAX"),
        ("logistic_two_sets", "weights for both classes"),
        ("logistic_second", "weights for one class"),
        ("probit", "post_transform PROBIT"),
        ("base_of_two", "2 base_values"),
        ("min", "aggregate_function MIN"),
        ("max", "aggregate_function MAX"),
        ("logistic_regressor", "post_transform LOGISTIC of a regressor"),
    ] {
        let error = read(&format!("refused/{name}.onnx")).expect_err(name);
        assert!(matches!(error, Error::Unsupported(_)), "{name}: {error}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

#[test]
fn hostile_files_are_refused_or_read_but_never_break_anything() {
    let names =
        ["forest_names", "lightgbm_categories", "hand_version_5", "hand_eq_1", "forest_inputs"];
    for name in names {
        let path = recorded::folder("onnx").join(format!("{name}.onnx"));
        let bytes = std::fs::read(path).expect("it is there");
        for end in (0..bytes.len()).step_by(bytes.len() / 200 + 1) {
            let _ = import(&bytes[..end], Some("onnx"));
        }
        let mut changed = bytes.clone();
        for (index, place) in (0..bytes.len()).step_by(bytes.len() / 3000 + 1).enumerate() {
            changed[place] ^= [0x01, 0x80, 0xff, 0x10][index % 4];
            let _ = import(&changed, Some("onnx"));
            changed[place] = bytes[place];
        }
    }
    assert!(import(b"\x08\x08\x12", Some("onnx")).is_err());
    assert!(import(b"", Some("onnx")).is_err());
}
