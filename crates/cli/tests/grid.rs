//! `eyas grid`: what it prints, what it writes, and what it says of mistakes.

mod workplace;

use workplace::Workplace;

/// A table of two classes, with missing values and a category.
fn table(n_rows: usize) -> String {
    let mut text = String::from("x,z,colour,class\n");
    for row in 0..n_rows {
        let (x, z) = (row * 7 % 50, row * 13 % 31);
        let colour = ["red", "green", "blue"][row * 5 % 3];
        let class = if x + 2 * z + row % 7 > 55 { "yes" } else { "no" };
        let z = if row % 11 == 0 { String::new() } else { z.to_string() };
        text.push_str(&format!("{x},{z},{colour},{class}\n"));
    }
    text
}

const GRID: [&str; 12] = [
    "grid",
    "t.csv",
    "--target",
    "class",
    "--learner",
    "forest",
    "--param",
    "n_estimators=3,10",
    "--param",
    "max_depth=none,3",
    "--param",
    "min_samples_leaf=1,4",
];

#[test]
fn points_are_scored_and_the_best_is_written() {
    let place = Workplace::new();
    place.file("t.csv", table(240));
    let ended = place.run(&[&GRID[..], &["--out", "best.eyas", "--json"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["points"].as_array().unwrap().len(), 8);
    assert_eq!(report["n_fits"], 10);
    assert_eq!(report["n_fits_alone"], 40);
    assert_eq!(report["nested"], serde_json::json!(["max_depth", "n_estimators"]));
    assert_eq!(report["folds"], "StratifiedKFold(5)");
    let best = &report["best"];
    assert_eq!(best["rank"], 1);
    assert!(best["mean"].as_f64().unwrap() > 0.8, "{best}");
    let ended = place.run(&["evaluate", "best.eyas", "t.csv", "--metric", "accuracy", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = place.run(&["inspect", "best.eyas"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn threads_change_nothing() {
    let place = Workplace::new();
    place.file("t.csv", table(300));
    let of = |threads: &str| {
        let out = format!("{threads}.eyas");
        let more = ["--threads", threads, "--out", out.as_str(), "-q"];
        let ended = place.run(&[&GRID[..], &more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let table: Vec<String> = ended.stdout.lines().map(str::to_owned).collect();
        (table[..table.len() - 1].to_vec(), std::fs::read(place.path(&out)).unwrap())
    };
    let one = of("1");
    assert_eq!(of("2"), one);
    assert_eq!(of("3"), one);
}

#[test]
fn every_learner_has_a_grid() {
    let place = Workplace::new();
    place.file("t.csv", table(200));
    for (learner, param) in [
        ("ExtraTreesClassifier", "ccp_alpha=0,0.01"),
        ("boosting", "n_estimators=10,20,33"),
        ("linear", "penalty=0.001,0.1,1"),
        ("baseline", "strategy=prior"),
    ] {
        let arguments =
            ["grid", "t.csv", "--target", "class", "--learner", learner, "--param", param];
        let ended =
            place.run(&[&arguments[..], &["--shuffle", "--seed", "3", "--cv", "3"]].concat());
        let known = learner != "baseline" || ended.stderr.contains("no such parameter");
        assert!(ended.code == 0 || learner == "baseline" && known, "{learner}: {}", ended.stderr);
    }
}

#[test]
fn mistakes_are_named() {
    let place = Workplace::new();
    place.file("t.csv", table(60));
    let base = ["grid", "t.csv", "--target", "class"];
    for (more, parts) in [
        (vec!["--learner", "forrest", "--param", "max_depth=3"], vec!["`forrest`", "`forest`"]),
        (
            vec!["--learner", "forest", "--param", "n_estimator=3"],
            vec!["`n_estimator`", "`n_estimators`"],
        ),
        (vec!["--learner", "forest", "--param", "criterion=ginni"], vec!["`ginni`", "`gini`"]),
        (vec!["--learner", "forest", "--param", "max_depth=0"], vec!["max_depth", "`0`"]),
        (vec!["--learner", "forest", "--param", "max_depth"], vec!["NAME=VALUE"]),
        (
            vec!["--learner", "forest", "--param", "max_depth=3", "--scoring", "acuracy"],
            vec!["`acuracy`", "`accuracy`"],
        ),
        (
            vec!["--learner", "forest", "--param", "max_depth=3", "--param", "max_depth=4"],
            vec!["twice"],
        ),
        (vec!["--learner", "forest", "--param", "max_depth=3", "--cv", "70"], vec!["cv", "rows"]),
    ] {
        let ended = place.run(&[&base[..], &more].concat());
        assert_eq!(ended.code, 2, "{more:?}: {}", ended.stderr);
        for part in parts {
            assert!(ended.stderr.contains(part), "{part} is not in {}", ended.stderr);
        }
    }
}
