//! Damaged and forged files: an error or a model that predicts, never a panic.

mod figures;

use eyas_convert::{Error, import};
use eyas_model::measure::synthetic::Synthetic;
use eyas_model::{Model, Predictor, Scratch, Value};
use figures::bytes;
use proptest::prelude::*;

/// One file of every kind: numbers, levels, codes; text, JSON, UBJSON.
const FILES: [(&str, &str); 8] = [
    ("lightgbm", "pandas_levels.txt"),
    ("lightgbm", "codes.txt"),
    ("lightgbm", "random_forest_multiclass.txt"),
    ("lightgbm", "multiclass_two.txt"),
    ("xgboost", "pandas_levels.json"),
    ("xgboost", "pandas_levels.ubj"),
    ("xgboost", "codes.ubj"),
    ("xgboost", "dart_multiclass.ubj"),
];

/// Predicts a few rows with whatever came out.
fn use_it(result: Result<Model, Error>) -> bool {
    let Ok(model) = result else { return false };
    let n_columns = model.schema.columns.len();
    let Ok(predictor) = Predictor::compile(model) else { return false };
    let mut out = vec![0.0; predictor.n_outputs()];
    for value in [Value::Missing, Value::Number(0.0), Value::Number(3.0), Value::Number(-1e30)] {
        let row = vec![value; n_columns];
        predictor.predict_row(&row, &mut Scratch::default(), &mut out).expect("numbers are sound");
    }
    true
}

#[test]
fn files_that_are_cut_off_are_refused() {
    for (library, file) in FILES {
        let whole = bytes(library, file);
        assert!(use_it(import(&whole, None)), "{file}");
        // LightGBM's files end with lists that predictions do not need.
        let needed = whole.windows(12).position(|window| window == b"end of trees");
        let needed = needed.unwrap_or(whole.len());
        for end in (0..whole.len()).step_by(97) {
            let result = import(&whole[..end], Some(library));
            let is_known =
                |error: &Error| matches!(error, Error::BadFile(_) | Error::Unsupported(_));
            assert!(result.as_ref().err().is_none_or(is_known), "{file} to {end}");
            assert!(!use_it(result) || end > needed, "{file} to {end}");
        }
    }
}

#[test]
fn a_lightgbm_file_cut_off_in_its_last_lines_is_refused() {
    let whole = bytes("lightgbm", "pandas_levels.txt");
    let parameters = whole.windows(11).position(|window| window == b"parameters:").expect("there");
    for end in parameters + 12..whole.len() - 2 {
        // A file may end after its parameters.
        let is_sound = whole[..end].trim_ascii_end().ends_with(b"end of parameters");
        let last = String::from_utf8_lossy(&whole[end - 20..end]);
        assert_eq!(import(&whole[..end], None).is_ok(), is_sound, "{last:?}");
    }
}

/// The message for a file in which a text is replaced.
fn changed(library: &str, file: &str, from: &str, to: &str) -> String {
    let whole = String::from_utf8(bytes(library, file)).expect("a text format");
    assert!(whole.contains(from), "{from}");
    let result = import(whole.replacen(from, to, 1).as_bytes(), Some(library));
    result.err().map_or_else(|| "no error".into(), |error| error.to_string())
}

#[test]
fn huge_counts_and_wrong_figures_are_named() {
    for (from, to, expected) in [
        ("num_leaves=8", "num_leaves=4000000000", "4000000000 leaves"),
        (
            "num_leaves=8",
            "num_leaves=2000000000",
            "tree 0: `leaf_value` has 8 values, expected 2000000000",
        ),
        ("num_leaves=8", "num_leaves=18446744073709551615", "leaves"),
        ("num_leaves=8", "num_leaves=0", "0 leaves"),
        ("num_leaves=8", "num_leaves=-1", "`num_leaves` is `-1`"),
        ("max_feature_idx=6", "max_feature_idx=18446744073709551615", "7 feature names"),
        ("num_class=1", "num_class=1000000000000", "1 trees an iteration"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=0", "0 trees an iteration"),
        ("version=v4", "version=v9", "version `v9`"),
        ("objective=binary", "objective=unheard", "the objective `unheard`"),
        ("leaf_value=", "leaf_value=1e60 ", "`leaf_value` has 9 values"),
        ("split_feature=", "split_feature=9", "column"),
        ("left_child=", "left_child=9", "child"),
        ("decision_type=1", "decision_type=12", "tree 0: a split has the type 12"),
        ("num_cat=", "num_cat=4000000", "`cat_boundaries`"),
        ("pandas_categorical:[", "pandas_categorical:[[],", "cannot be matched"),
        ("end of trees", "the end", "ends before `end of trees`"),
    ] {
        let message = changed("lightgbm", "pandas_levels.txt", from, to);
        assert!(message.contains(expected), "{from} to {to}: {message}");
    }
    for (from, to, expected) in [
        (
            "\"num_feature\":\"6\",\"num_target\"",
            "\"num_feature\":\"4000000000\",\"num_target\"",
            "4000000000 columns with 6 names",
        ),
        ("\"num_class\":\"0\"", "\"num_class\":\"4000000000\"", "4000000000 classes"),
        ("\"num_class\":\"0\"", "\"num_class\":\"3\"", "3 scores with the objective"),
        ("\"tree_info\":[0", "\"tree_info\":[4000000000", "no such output"),
        ("\"tree_info\":[0,", "\"tree_info\":[", "6 trees have 5 outputs"),
        ("\"left_children\":[1,", "\"left_children\":[4000000000,", "child 4000000000"),
        ("\"left_children\":[1,", "\"left_children\":[0,", "another parent"),
        ("\"version\":[3", "\"version\":[4", "XGBoost 4"),
        ("\"name\":\"gbtree\"", "\"name\":\"gbforest\"", "the booster `gbforest`"),
        ("\"base_score\":\"[3.7E-1]\"", "\"base_score\":\"[2E0]\"", "no start of a sum"),
        ("\"offsets\":[0,6", "\"offsets\":[0,600", "no borders of texts"),
    ] {
        let message = changed("xgboost", "pandas_levels.json", from, to);
        assert!(message.contains(expected), "{from} to {to}: {message}");
    }
}

/// Texts that replace a number of a file.
const FORGED: [&str; 10] = [
    "4000000000",
    "-1",
    "0",
    "1e999",
    "NaN",
    "",
    "18446744073709551615",
    "0.5",
    "7",
    "-2147483648",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_give_a_model_or_an_error(
        which in 0..FILES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (library, file) = FILES[which];
        let mut whole = bytes(library, file);
        for (place, byte) in changes {
            let place = place.index(whole.len());
            whole[place] = byte;
        }
        use_it(import(&whole, Some(library)));
    }

    #[test]
    fn forged_numbers_give_a_model_or_an_error(
        which in 0..5usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..FORGED.len()), 1..4),
    ) {
        let (library, file) = FILES[which];
        let mut whole = bytes(library, file);
        for (place, forged) in changes {
            let is_part = |byte: &u8| byte.is_ascii_digit();
            let from = place.index(whole.len());
            let Some(from) = whole[from..].iter().position(is_part).map(|at| from + at) else {
                continue;
            };
            let length = whole[from..].iter().take_while(|byte| is_part(byte)).count();
            whole.splice(from..from + length, FORGED[forged].bytes());
        }
        use_it(import(&whole, Some(library)));
    }

    #[test]
    fn any_bytes_are_refused(
        library in prop::sample::select(vec!["lightgbm", "xgboost"]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(import(&bytes, Some(library)).is_err());
    }
}

#[test]
fn exporters_refuse_nets_by_name() {
    let net = Synthetic { n_trees: 2, n_hidden: 3, ..Synthetic::default() };
    for exporter in eyas_convert::EXPORTERS {
        let error = (exporter.write)(&net.model(), "net").expect_err("no exporter writes nets");
        assert!(error.to_string().contains("member 1 is a neural net"), "{error}");
    }
}
