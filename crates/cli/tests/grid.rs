//! `eyas grid`: what it prints, what it writes, and what it says of mistakes.

mod workplace;

use workplace::{Workplace, classes_csv};

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

#[test]
fn what_would_score_too_well_or_not_at_all_is_refused() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(120));
    let grid = |more: &[&str], words: &[&str]| {
        let base = ["grid", "data.csv", "--target", "y"];
        place.refused(&[&base[..], more].concat(), 2, words);
    };
    let stopping = ["--learner", "boosting", "--param", "early_stopping_rounds=5"];
    grid(&stopping, &["`early_stopping_rounds`", "n_estimators"]);
    let many: Vec<String> = (1..=400).map(|value| value.to_string()).collect();
    let leaves = format!("min_samples_leaf={}", many.join(","));
    let split = format!("min_samples_split={}", many[1..].join(","));
    grid(
        &["--learner", "forest", "--param", &leaves, "--param", &split],
        &["159600 points", "at most 100000"],
    );
}

const ONE: [&str; 8] =
    ["grid", "t.csv", "--target", "class", "--learner", "forest", "--param", "n_estimators=20,40"];

#[test]
fn a_model_tells_how_a_grid_found_it() {
    let place = Workplace::new();
    place.file("t.csv", table(240));
    let report = place.run(&[&GRID[..], &["--out", "best.eyas", "--json"]].concat()).json();
    let told = place.run(&["inspect", "best.eyas"]);
    let best = format!("(accuracy {:.5} ± ", report["best"]["mean"].as_f64().unwrap());
    for words in [
        "grid over random_forest",
        "n_estimators: 3, 10",
        "max_depth: none, 3",
        "8 points, StratifiedKFold(5), 240 rows, seed 0",
        &best,
    ] {
        assert!(told.done().contains(words), "{words} is not in {}", told.stdout);
    }
}

#[test]
fn out_of_bag_rows_take_one_fit() {
    let place = Workplace::new();
    place.file("t.csv", table(240));
    let oob = ["--cv", "oob", "--out", "best.eyas", "--json"];
    let report = place.run(&[&ONE[..], &oob].concat()).json();
    assert_eq!((&report["n_fits"], &report["n_fits_alone"]), (&1.into(), &2.into()));
    assert_eq!(report["folds"], "out-of-bag rows");
    assert_eq!(report["best"]["std"], serde_json::Value::Null);
    assert!(report["best"]["mean"].as_f64().unwrap() > 0.8, "{report}");
    // Some rows are in the bags of twenty trees; whether, the seed decides.
    let few = ["--param", "max_depth=3,none", "--cv", "oob", "--seed", "1"];
    let mut args = ONE;
    args[7] = "n_estimators=2";
    let ended = place.run(&[&args[..], &few].concat());
    assert!(ended.done().contains('-'), "{}", ended.stdout);
    assert!(ended.stderr.contains("where trees are 2"), "{}", ended.stderr);
    // The best is the forest of all rows: as of a fit with these values alone.
    let again = ["--cv", "oob", "--param", "criterion=gini", "--out", "again.eyas"];
    place.run(&[&ONE[..], &again].concat()).done();
    let predicted = |model: &str| place.run(&["predict", model, "t.csv"]).done().to_owned();
    assert_eq!(predicted("best.eyas"), predicted("again.eyas"));
    place.refused(&[&ONE[..], &["--cv", "oob", "--shuffle"]].concat(), 2, &["--shuffle"]);
    place.refused(&[&ONE[..], &["--cv", "1"]].concat(), 2, &["`oob`"]);
    let param = ["--learner", "extra_trees", "--param", "max_depth=3", "--cv", "oob"];
    let base = ["grid", "t.csv", "--target", "class"];
    place.refused(&[&base[..], &param].concat(), 2, &["`bootstrap`"]);
    let param = ["--learner", "linear", "--param", "penalty=0.1", "--cv", "oob"];
    place.refused(&[&base[..], &param].concat(), 2, &["random_forest"]);
}

#[test]
fn labels_may_be_in_a_file_of_their_own() {
    let place = Workplace::new();
    let all = table(150);
    let cut = |line: &str| {
        let (x, y) = line.rsplit_once(',').unwrap();
        (x.to_owned(), y.to_owned())
    };
    let (x, y): (Vec<_>, Vec<_>) = all.lines().map(cut).unzip();
    place.file("t.csv", &all);
    place.file("x.csv", x.join("\n"));
    place.file("y.csv", y.join("\n"));
    let whole = place.run(&[&ONE[..], &["--json"]].concat()).json();
    let base = ["grid", "x.csv", "--learner", "forest", "--param", "n_estimators=20,40"];
    let apart = place.run(&[&base[..], &["--labels", "y.csv", "--json"]].concat()).json();
    assert_eq!(whole["points"], apart["points"]);
    place.file("short.csv", y[..50].join("\n"));
    let short = [&base[..], &["--labels", "short.csv"]].concat();
    place.refused(&short, 2, &["150 rows", "49 labels"]);
}

#[test]
fn weights_and_groups_count() {
    let place = Workplace::new();
    let text: Vec<String> = table(200)
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => format!("{line},w,g"),
            _ => format!("{line},{},{}", 1 + row % 3, row / 9),
        })
        .collect();
    place.file("t.csv", text.join("\n"));
    let drop = ["--drop", "w,g", "--json"];
    let plain = place.run(&[&ONE[..], &drop].concat()).json();
    let weighted = ["--weights", "w", "--drop", "g", "--json"];
    let weighted = place.run(&[&ONE[..], &weighted].concat()).json();
    let grouped = ["--groups", "g", "--drop", "w", "--json"];
    let grouped = place.run(&[&ONE[..], &grouped].concat()).json();
    assert_eq!(grouped["folds"], "GroupKFold(5)");
    assert_ne!(plain["points"], weighted["points"]);
    assert_ne!(plain["points"], grouped["points"]);
    let balanced = ["--balance-classes", "--drop", "w,g", "--json"];
    let balanced = place.run(&[&ONE[..], &balanced].concat()).json();
    assert_ne!(plain["points"], balanced["points"]);
    let both = [&ONE[..], &["--groups", "g", "--shuffle"]].concat();
    place.refused(&both, 2, &["--shuffle", "--groups"]);
}

#[test]
fn parameters_are_listed() {
    let place = Workplace::new();
    let listed = place.run(&["grid", "--learner", "forest", "--list-params"]);
    for word in ["max_depth", "criterion", "one of gini, entropy", "shares fits"] {
        assert!(listed.done().contains(word), "{word} is not in {}", listed.stdout);
    }
    assert!(!listed.stdout.contains("oob_score"), "{}", listed.stdout);
    let numbers =
        ["grid", "--learner", "forest", "--list-params", "--task", "regression", "--json"];
    let listed = place.run(&numbers).json();
    let names: Vec<&str> = listed["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"max_leaf_nodes") && !names.contains(&"criterion"), "{names:?}");
    place.refused(&["grid", "--learner", "forest"], 2, &["DATA"]);
}

#[test]
fn words_of_scikit_learn_are_understood() {
    let place = Workplace::new();
    place.file("t.csv", table(120));
    let negative = ["--scoring", "neg_log_loss", "--json"];
    let negative = place.run(&[&ONE[..], &negative].concat()).json();
    let positive = ["--scoring", "log_loss", "--json"];
    let positive = place.run(&[&ONE[..], &positive].concat()).json();
    assert_eq!(negative["metric"], "neg_log_loss");
    assert_eq!(
        (&negative["higher_is_better"], &positive["higher_is_better"]),
        (&true.into(), &false.into())
    );
    for (negative, positive) in
        negative["points"].as_array().unwrap().iter().zip(positive["points"].as_array().unwrap())
    {
        let [negative_mean, mean] =
            [negative, positive].map(|point| point["mean"].as_f64().unwrap());
        assert!(mean > 0.0);
        assert_eq!(negative_mean, -mean);
        assert_eq!(negative["rank"], positive["rank"]);
    }
    let base = ["grid", "t.csv", "--target", "class"];
    let refused = |learner: &str, param: &str, words: &[&str]| {
        place.refused(&[&base[..], &["--learner", learner, "--param", param]].concat(), 2, words);
    };
    refused("linear", "alpha=0.1,1", &["`alpha`", "`penalty`"]);
    refused("linear", "C=0.1,1", &["`C`", "`penalty`", "1 / (C * rows)"]);
    refused("forest", "random_state=1", &["--seed"]);
    refused("boosting", "max_leaf_nodes=8", &["`num_leaves`"]);
    refused("forest", "oob_score=true", &["--cv oob"]);
    let boosting = ["--learner", "boosting", "--param", "max_depth=none,3", "--param"];
    let boosting = [&base[..], &boosting, &["n_estimators=10", "--json"]].concat();
    let report = place.run(&boosting).json();
    assert_eq!(report["points"].as_array().unwrap().len(), 2);
}

#[test]
fn a_value_that_comes_twice_counts_once() {
    let place = Workplace::new();
    place.file("t.csv", table(120));
    let mut twice = ONE;
    twice[7] = "n_estimators=20,40,20";
    let ended = place.run(&twice);
    assert!(ended.stderr.contains("n_estimators has 20 more than once"), "{}", ended.stderr);
    assert_eq!(ended.done().lines().count(), 3, "{}", ended.stdout);
}
