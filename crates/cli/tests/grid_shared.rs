//! `eyas grid` where points share more than nested parameters of a learner.

mod workplace;

use serde_json::Value;
use workplace::Workplace;

/// A table of a number that follows two of its columns.
fn table(n_rows: usize) -> String {
    let mut text = String::from("noise,x,colour,z,y\n");
    for row in 0..n_rows {
        let (noise, x, z) = (row * 37 % 41, row * 7 % 50, row * 13 % 31);
        let colour = ["red", "green", "blue"][row * 5 % 3];
        let y = 3 * x + 2 * z + row % 7;
        text.push_str(&format!("{noise},{x},{colour},{z},{y}\n"));
    }
    text
}

fn grid(place: &Workplace, learner: &str, more: &[&str]) -> Value {
    let base = ["grid", "t.csv", "--target", "y", "--scoring", "mse", "--json", "--learner"];
    let ended = place.run(&[&base[..], &[learner], more].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

fn means(report: &Value) -> Vec<f64> {
    let points = report["points"].as_array().expect("points");
    points.iter().map(|point| point["mean"].as_f64().expect("a mean")).collect()
}

#[test]
fn each_row_is_left_out_by_one_fit() {
    let place = Workplace::new();
    place.file("t.csv", table(60));
    let penalties = ["--param", "penalty=0.001,0.1,1"];
    let once =
        grid(&place, "ridge", &[&penalties[..], &["--cv", "loo", "--out", "m.eyas"]].concat());
    assert_eq!(once["folds"], "LeaveOneOut(60)");
    assert_eq!((&once["n_fits"], &once["n_fits_alone"]), (&1.into(), &180.into()));
    // As many folds as rows: their columns are scaled, and clipped, without the row, so they are
    // close.
    let folds = grid(&place, "ridge", &[&penalties[..], &["--cv", "60"]].concat());
    for (once, folds) in means(&once).into_iter().zip(means(&folds)) {
        assert!((once / folds - 1.0).abs() < 0.05, "{once} {folds}");
    }
    let ended = place.run(&["inspect", "m.eyas"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let refused = |learner: &str, more: &[&str], words: &[&str]| {
        let base = ["grid", "t.csv", "--target", "y", "--learner", learner];
        place.refused(&[&base[..], more].concat(), 2, words);
    };
    refused("forest", &["--param", "max_depth=3", "--cv", "loo"], &["random_forest", "folds"]);
    let elastic = ["--param", "regularizer=elastic_net", "--cv", "loo"];
    refused("linear", &elastic, &["elastic_net", "take folds"]);
    refused("linear", &["--param", "penalty=1", "--cv", "loo", "--shuffle"], &["--shuffle"]);
    refused("linear", &["--param", "penalty=1", "--cv", "1"], &["`loo`"]);
}

#[test]
fn features_are_ranked_once() {
    let place = Workplace::new();
    place.file("t.csv", table(200));
    let ks = ["--param", "k_best=1,2,4", "--shuffle", "--out", "m.eyas"];
    for (learner, more) in [("ridge", "penalty=0.001,0.1"), ("boosting", "n_estimators=20,40")] {
        let report = grid(&place, learner, &[&ks[..], &["--param", more]].concat());
        assert_eq!((&report["n_fits"], &report["n_fits_alone"]), (&5.into(), &30.into()));
        let best = report["best"]["params"].as_array().expect("parameters");
        assert!(best.iter().any(|named| named[0] == "k_best"), "{best:?}");
        let means = means(&report);
        assert!(means[0] > 2.0 * means[2], "one feature is too few: {means:?}");
    }
}

#[test]
fn rounds_and_depths_are_one_fit() {
    let place = Workplace::new();
    place.file("t.csv", table(200));
    let more = ["--param", "max_depth_kept=0,1,3", "--param", "n_estimators=10,31"];
    let report = grid(&place, "boosting", &more);
    assert_eq!((&report["n_fits"], &report["n_fits_alone"]), (&5.into(), &30.into()));
    let means = means(&report);
    // Points: all depths, then 1 and 3 questions, each with 10 and 31 rounds.
    assert!(means[1] < means[5] && means[5] < means[3], "{means:?}");
}
