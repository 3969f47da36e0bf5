//! `eyas compare`: what it prints, what it writes, how it goes on, and what it refuses.

mod workplace;

use workplace::{Workplace, classes_csv};

const COMPARE: [&str; 8] =
    ["compare", "data.csv", "--target", "y", "--work", "2000000", "--methods", "pruning"];

fn place() -> Workplace {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(240));
    place
}

#[test]
fn a_comparison_is_told_written_and_gone_on_with() {
    let place = place();
    let more = ["--seeds", "1", "--run", "run", "--out", "found.json"];
    let first = place.run(&[&COMPARE[..], &more].concat());
    let text = first.done();
    for word in ["all", "without pruning", "pruning alone", "none", "\npruning: ", "one seed"] {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
    assert!(first.stderr.contains("4 variants x 1 seed x 1 split"), "{}", first.stderr);
    let json = std::fs::read_to_string(place.path("found.json")).unwrap();
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(found["runs"].as_array().unwrap().len(), 4);
    assert_eq!(found["methods"][0]["method"], "pruning");
    assert!(found["variants"][0]["score"]["value"].as_f64().unwrap() > 0.7, "{json}");

    let again = place.run(&[&COMPARE[..], &more].concat());
    assert_eq!(again.done(), text, "nothing is run again");
    assert!(again.stderr.contains("4 done before") && !again.stderr.contains("[1/4]"));
    let seeds = ["--seeds", "2", "--run", "run", "--json"];
    let two = place.run(&[&COMPARE[..], &seeds].concat());
    assert_eq!(two.json()["runs"].as_array().unwrap().len(), 8);
    assert!(two.stderr.contains("4 done before"), "{}", two.stderr);
    let other = ["--seeds", "2", "--run", "run", "--holdout", "0.5"];
    place.refused(&[&COMPARE[..], &other].concat(), 2, &["--run", "sealed", "0.25", "0.5"]);
}

#[test]
fn mistakes_are_refused_before_anything_starts() {
    let place = place();
    place.file("there.json", "{}");
    let base = ["compare", "data.csv", "--target", "y"];
    for (more, code, words) in [
        (&["--methods", "prunning"][..], 2, &["`prunning`", "pruning"][..]),
        (&["--methods", "rate,rate"], 2, &["--methods", "twice"]),
        (&["--budget", "0.2s"], 2, &["--budget", "0.2s", "1s"]),
        (&["--work", "7"], 2, &["--work", "7"]),
        (&["--out", "data.csv"], 2, &["--out", "DATA"]),
        (&["--out", "there.json"], 2, &["--out", "there.json", "overwritten"]),
        (&["--folds", "3", "--holdout", "0.2"], 2, &["--folds", "--holdout"]),
        (&["--methods", "transfer"], 2, &["cannot help yet", "--memory"]),
        (&["--memory", "none.db"], 1, &["no memory", "none.db"]),
        (&["--seeds", "0"], 2, &["--seeds"]),
    ] {
        place.refused(&[&base[..], more].concat(), code, words);
    }
    assert_eq!(std::fs::read_to_string(place.path("there.json")).unwrap(), "{}");
    let runs = std::fs::read_dir(place.path("eyas/runs"));
    assert!(runs.is_err() || runs.unwrap().next().is_none(), "an empty folder stays behind");
}
