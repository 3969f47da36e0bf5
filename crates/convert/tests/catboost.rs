//! Models of CatBoost answer as CatBoost does: `testdata/import/make_onnx_catboost.py`.

mod recorded;

use eyas_convert::{Error, import};
use eyas_model::{Link, Model, TaskKind};

fn read(path: &str) -> Result<Model, Error> {
    let bytes = std::fs::read(recorded::folder("catboost").join(path)).expect("it is there");
    import(&bytes, None)
}

#[test]
fn predictions_and_leaves_are_those_of_catboost() {
    let folder = recorded::folder("catboost");
    let recorded = recorded::all(&folder);
    assert!(recorded.len() >= 25, "{}", recorded.len());
    for (name, expected) in recorded {
        let model = read(&format!("{name}.json")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let rows = recorded::rows(&folder.join(format!("{name}.csv")), &model);
        // Leaf values are rounded to 32 bits, sums of 20 of them are not.
        recorded::check(&name, &model, &rows, &expected, 5e-7);
    }
}

#[test]
fn classes_tasks_and_links() {
    let of = |name: &str| {
        let model = read(name).expect("sound");
        (model.schema.task, model.members[0].link, model.schema.classes.join(" "))
    };
    assert_eq!(of("logloss.json"), (TaskKind::Binary, Link::Logistic, "0 1".into()));
    assert_eq!(of("names_true_false.json").2, "False True");
    let vehicles = "bus opel saab van";
    assert_eq!(of("multiclass.json"), (TaskKind::Multiclass, Link::Softmax, vehicles.into()));
    assert_eq!(of("one_vs_all.json"), (TaskKind::Multiclass, Link::Logistic, vehicles.into()));
    assert_eq!(of("multiclass_of_two.json"), (TaskKind::Binary, Link::Logistic, "0 1".into()));
    assert_eq!(of("poisson.json"), (TaskKind::Regression, Link::Exp, "".into()));
    assert_eq!(of("quantile.json"), (TaskKind::Regression, Link::Identity, "".into()));
}

#[test]
fn what_cannot_be_exact_is_refused_by_name() {
    for (name, expected) in [
        ("combined", "max_ctr_complexity=1"),
        ("without_pool", "pool=Pool(...)"),
        ("ctr_without_pool", "pool=Pool(...)"),
        ("uncertainty", "`RMSEWithUncertainty` with 2 outputs"),
        ("two_targets", "`MultiRMSE` with 2 outputs"),
    ] {
        let error = read(&format!("refused/{name}.json")).expect_err(name);
        assert!(matches!(error, Error::Unsupported(_)), "{name}: {error}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

#[test]
fn damage_is_an_error() {
    let path = recorded::folder("catboost").join("ctr.json");
    let text = std::fs::read_to_string(path).expect("it is there");
    let text: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let text = text.to_string();
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let read = import(text.replacen(from, to, 1).as_bytes(), Some("catboost"));
        read.err().unwrap_or_else(|| panic!("{from} was not missed")).to_string()
    };
    for (from, to, expected) in [
        ("\"features_info\"", "\"features\"", "missing field `features_info`"),
        ("\"oblivious_trees\"", "\"no_trees\"", "expected `oblivious_trees` or `trees`"),
        ("\"float_feature_index\":0", "\"float_feature_index\":99", "float feature 99"),
        ("\"split_type\":\"FloatFeature\"", "\"split_type\":\"Text\"", "the type `Text`"),
        ("\"ctr_type\":\"Borders\"", "\"ctr_type\":\"Other\"", "the type `Other`"),
        ("\"nan_value_treatment\":\"", "\"nan_value_treatment\":\"x", "missing values as `x"),
        ("\"leaf_values\":[", "\"leaf_values\":[1,", "tree 0: 9 leaf values"),
        ("\"hash_stride\":3", "\"hash_stride\":0", "do not fill rows of 0"),
        ("\"flat_feature_index\":1", "\"flat_feature_index\":0", "two features have the place 0"),
        ("\"type\":\"Logloss\"", "\"type\":\"MultiClass\"", "`MultiClass` with one number"),
    ] {
        let message = change(from, to);
        assert!(message.contains(expected), "{from}: {message}");
    }
}

#[test]
fn hostile_files_are_refused_or_read_but_never_break_anything() {
    for name in ["ctr.json", "lossguide.json", "multiclass.json"] {
        let path = recorded::folder("catboost").join(name);
        let bytes = std::fs::read(path).expect("it is there");
        for end in (0..bytes.len()).step_by(bytes.len() / 150) {
            assert!(import(&bytes[..end], Some("catboost")).is_err());
        }
        let mut changed = bytes.clone();
        for (index, place) in (0..bytes.len()).step_by(bytes.len() / 900).enumerate() {
            changed[place] = b"0\"[{9-}],"[index % 9];
            let _ = import(&changed, Some("catboost"));
            changed[place] = bytes[place];
        }
    }
    let deep = format!(
        "{{\"features_info\":{{}},\"scale_and_bias\":[1,[0]],\"trees\":[{}",
        "{\"left\":".repeat(100_000)
    );
    assert!(import(deep.as_bytes(), Some("catboost")).is_err());
}
