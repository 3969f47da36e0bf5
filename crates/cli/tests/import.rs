//! `eyas import`, and using what it made.

mod workplace;

use std::path::Path;

use workplace::{Workplace, number_model, save};

/// A folder with a file of `testdata/import` and the rows that belong to it.
fn with(files: &[&str]) -> Workplace {
    let place = Workplace::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/import");
    for file in files {
        let name = file.rsplit('/').next().expect("a name");
        place.file(name, std::fs::read(folder.join(file)).expect("it is there"));
    }
    place
}

/// The numbers of a column of a CSV text.
fn column(text: &str, name: &str) -> Vec<f64> {
    let mut lines = text.lines();
    let header = lines.next().expect("a header");
    let at = header.split(',').position(|column| column == name).expect("the column is there");
    lines.map(|line| line.split(',').nth(at).expect("a cell").parse().expect("a number")).collect()
}

fn figures(place: &Workplace, name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(place.path(name)).expect("figures");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn imported_models_predict_what_their_library_predicts() {
    for (library, stem, file) in [
        ("lightgbm", "pandas_categories", "pandas_categories.txt"),
        ("lightgbm", "codes", "codes.txt"),
        ("xgboost", "pandas_levels", "pandas_levels.json"),
        ("xgboost", "codes", "codes.ubj"),
    ] {
        let [csv, json] = ["csv", "figures.json"].map(|ending| format!("{stem}.{ending}"));
        let place = with(
            &[file, &csv, &json]
                .map(|name| format!("{library}/{name}"))
                .each_ref()
                .map(String::as_str),
        );
        let told = place.run(&["import", file, "--out", "m.eyas", "--json"]).json();
        assert_eq!((&told["format"], &told["task"]), (&library.into(), &"binary".into()));
        let inspected = place.run(&["inspect", "m.eyas"]);
        let told = inspected.done();
        assert!(told.contains(&format!("imported from {library} ")), "{told}");
        let predicted = place.run(&["predict", "m.eyas", &csv, "--proba"]);
        let ours = column(predicted.done(), "probability_1");
        let theirs = figures(&place, &json);
        let theirs = theirs["predictions"].as_array().expect("rows");
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            let theirs = theirs[0].as_f64().expect("a number");
            assert!((ours - theirs).abs() <= 1e-6 * theirs, "{file}: {ours} {theirs}");
        }
    }
}

#[test]
fn names_are_given() {
    let place = with(&["lightgbm/names.txt", "lightgbm/names.csv"]);
    let header = std::fs::read_to_string(place.path("names.csv")).expect("rows");
    let header = header.lines().next().expect("a header").to_string();
    place.run(&["import", "names.txt", "-o", "plain.eyas"]).done();
    place.refused(&["predict", "plain.eyas", "names.csv"], 1, &["naïve_season"]);
    let renamed = place.run(&[
        "import",
        "names.txt",
        "-o",
        "m.eyas",
        "--columns",
        &header,
        "--target",
        "cnt",
    ]);
    assert_eq!(renamed.done(), "m.eyas\n");
    assert!(
        renamed.stderr.contains("regression of `cnt`, 12 columns, 3 trees"),
        "{}",
        renamed.stderr
    );
    place.run(&["predict", "m.eyas", "names.csv"]).done();
    let shown = place.run(&["inspect", "m.eyas"]).done().to_string();
    assert!(shown.contains("naïve season") && shown.contains("What matters to it"), "{shown}");
}

#[test]
fn an_imported_model_is_scored_timed_and_verified() {
    let place = with(&["lightgbm/multiclassova.txt", "lightgbm/multiclassova.csv"]);
    place
        .run(&[
            "import",
            "multiclassova.txt",
            "-o",
            "m.eyas",
            "--target",
            "class",
            "--classes",
            "acc,good,unacc,vgood",
        ])
        .done();
    let rows = std::fs::read_to_string(place.path("multiclassova.csv")).expect("rows");
    let mut lines = rows.lines().map(String::from).collect::<Vec<_>>();
    lines[0] += ",class";
    lines[1..].iter_mut().for_each(|line| *line += ",unacc");
    place.file("rows.csv", lines.join("\n"));
    let scores =
        place.run(&["evaluate", "m.eyas", "rows.csv", "--json", "--metric", "accuracy"]).json();
    assert!(scores["scores"][0]["value"].as_f64().expect("a score") > 0.5, "{scores}");
    let rows = ["m.eyas", "rows.csv"];
    place.run(&["bench", rows[0], rows[1], "--rows", "300", "--cold", "0"]).done();
    place.run(&["verify", rows[0], rows[1], "--latency", "1s"]).done();
}

#[test]
fn what_cannot_be_imported_is_said_and_nothing_is_written() {
    let place =
        with(&["lightgbm/refused_linear.txt", "xgboost/refused_linear.json", "lightgbm/names.txt"]);
    place.file("rows.csv", "x,y\n1,2\n");
    save(&number_model(""), &place.path("own.eyas"));
    for (arguments, code, words) in [
        (&["gone.txt"][..], 2, &["gone.txt", "no such file"][..]),
        (&["refused_linear.txt"], 1, &["cannot be converted exactly", "linear"]),
        (&["refused_linear.json"], 1, &["gblinear"]),
        (&["rows.csv"], 1, &["no known format", "lightgbm, xgboost", "--format"]),
        (&["own.eyas"], 1, &["no known format"]),
        (&["names.txt", "--format", "xgboost"], 1, &["bad model file", "help: "]),
        (&["names.txt", "--format", "keras"], 2, &["keras", "lightgbm"]),
        (&["names.txt", "--columns", "a,b"], 2, &["2 names", "12 columns"]),
        (&["names.txt", "--classes", "a,b"], 2, &["2 names", "0 classes", "leave it out"]),
        (&["names.txt", "--target", "naïve_hr"], 2, &["naïve_hr", "reads"]),
        (&["names.txt", "--columns", "a,a,b,c,d,e,f,g,h,i,j,k"], 2, &["`a` twice"]),
    ] {
        let arguments: Vec<&str> =
            ["import", "--out", "m.eyas"].into_iter().chain(arguments.iter().copied()).collect();
        place.refused(&arguments, code, words);
        assert!(!place.path("m.eyas").exists(), "{arguments:?}");
    }
    place.refused(&["import", "names.txt"], 2, &["--out"]);
    place.refused(&["import", "names.txt", "--out", "./names.txt"], 2, &["same file", "names.txt"]);
    std::fs::create_dir(place.path("folder")).expect("a folder");
    place.refused(&["import", "names.txt", "--out", "folder"], 2, &["it is a folder"]);
    place.refused(&["import", "folder", "--out", "m.eyas"], 1, &["folder"]);
}
