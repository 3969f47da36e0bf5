//! Using a model file: predict, evaluate, inspect, bench, verify, on models made by hand.

mod workplace;

use workplace::{Workplace, class_model, constant_model, number_model, save};

#[test]
fn predictions_do_not_depend_on_the_order_of_columns_or_on_extra_ones() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("same.csv", "x,color\n0,red\n1,blue\n1.5,red\n,red\n");
    place.file("other.csv", "note;color;more;x\na;red;1;0\nb;blue;2;1\nc;red;3;1.5\nd;red;4;\n");
    let expected = "prediction\n10\n10\n20\n10\n";
    for file in ["same.csv", "other.csv"] {
        assert_eq!(place.run(&["predict", "m.eyas", file]).done(), expected, "{file}");
    }
}

#[test]
fn a_category_column_turned_numeric_still_predicts() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n0,1\n5,2\n");
    assert_eq!(place.run(&["predict", "m.eyas", "rows.csv"]).done(), "prediction\n10\n20\n");
}

#[test]
fn a_model_that_reads_no_column_predicts_every_row() {
    let place = Workplace::new();
    save(&constant_model(), &place.path("m.eyas"));
    place.file("rows.csv", "a,b,y\n1,2,7\n3,4,9\n");
    assert_eq!(place.run(&["predict", "m.eyas", "rows.csv"]).done(), "prediction\n7\n7\n");
    let scores = place.run(&["evaluate", "m.eyas", "rows.csv", "--json", "--metric", "mae"]).json();
    assert_eq!(scores["scores"][0]["value"], 1.0);
    place.run(&["bench", "m.eyas", "rows.csv", "--rows", "300", "--cold", "0"]).done();
}

#[test]
fn no_rows_give_a_header() {
    let place = Workplace::new();
    save(&class_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n");
    let predicted = place.run(&["predict", "m.eyas", "rows.csv", "--proba"]);
    assert_eq!(predicted.done(), "prediction,probability_no,probability_yes\n");
}

#[test]
fn classes_have_labels_and_probabilities() {
    let place = Workplace::new();
    save(&class_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n1,red\n3,red\n");
    assert_eq!(place.run(&["predict", "m.eyas", "rows.csv"]).done(), "prediction\nno\nyes\n");
    let text = place.run(&["predict", "m.eyas", "rows.csv", "--proba"]).done().to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "prediction,probability_no,probability_yes");
    assert_eq!(lines[1], "no,0.5,0.5");
    let cells: Vec<&str> = lines[2].split(',').collect();
    let (no, yes): (f64, f64) = (cells[1].parse().unwrap(), cells[2].parse().unwrap());
    assert!((no + yes - 1.0).abs() < 1e-12);
    assert!((yes - 1.0 / (1.0 + (-2.0f64).exp())).abs() < 1e-12);
}

#[test]
fn files_come_out_as_their_names_say() {
    let place = Workplace::new();
    save(&class_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n1,red\n3,red\n");
    let predict = ["predict", "m.eyas", "rows.csv", "--json", "--out"];
    for name in ["p.csv", "p.csv.gz", "p.parquet"] {
        let arguments: Vec<&str> = predict.into_iter().chain([name]).collect();
        assert_eq!(place.run(&arguments).json()["n_rows"], 2);
    }
    assert_eq!(std::fs::read_to_string(place.path("p.csv")).unwrap(), "prediction\nno\nyes\n");
    assert!(std::fs::read(place.path("p.csv.gz")).unwrap().starts_with(&[0x1f, 0x8b]));
    assert!(std::fs::read(place.path("p.parquet")).unwrap().starts_with(b"PAR1"));
}

#[test]
fn parquet_goes_in_as_csv_does() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n0,red\n1.5,blue\n");
    let table = eyas_arrow::open_table(&place.path("rows.csv"), &Default::default()).unwrap().0;
    eyas_arrow::write_table(&place.path("rows.parquet"), &table).unwrap();
    let predicted = place.run(&["predict", "m.eyas", "rows.parquet"]);
    assert_eq!(predicted.done(), "prediction\n10\n20\n");
}

#[test]
fn more_rows_than_a_block() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    let rows: String = (0..20_000).map(|row| format!("{},red\n", row % 3)).collect();
    place.file("rows.csv", format!("x,color\n{rows}"));
    let predicted = place.run(&["predict", "m.eyas", "rows.csv"]).done().to_string();
    let lines: Vec<&str> = predicted.lines().skip(1).collect();
    assert_eq!(lines.len(), 20_000);
    let expected = |row: usize| if row % 3 > 1 { "20" } else { "10" };
    assert!(lines.iter().enumerate().all(|(row, line)| *line == expected(row)));
}

#[test]
fn scores_are_those_of_the_rows_with_a_target() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "y,x,color\n11,0,red\n9,1,red\n,5,red\n23,5,red\n17,5,red\n");
    let scores =
        place.run(&["evaluate", "m.eyas", "rows.csv", "--json", "--metric", "mae,rmse"]).json();
    assert_eq!(scores["n_rows"], 4);
    assert_eq!(scores["scores"][0]["metric"], "mae");
    assert_eq!(scores["scores"][0]["value"], 2.0);
    assert!((scores["scores"][1]["value"].as_f64().unwrap() - 5f64.sqrt()).abs() < 1e-12);
    let told = place.run(&["evaluate", "m.eyas", "rows.csv"]);
    assert!(told.done().contains("rmse") && told.stderr.contains("1 row without a target"));
}

#[test]
fn the_metric_of_the_fit_comes_first() {
    let place = Workplace::new();
    save(&class_model(r#"{"metric":"accuracy"}"#), &place.path("m.eyas"));
    place.file("rows.csv", "x,color,y\n0,red,no\n3,red,yes\n4,red,no\n0,red,no\n");
    let scores = place.run(&["evaluate", "m.eyas", "rows.csv", "--json"]).json();
    assert_eq!(scores["scores"][0]["metric"], "accuracy");
    assert_eq!(scores["scores"][0]["value"], 0.75);
}

#[test]
fn a_model_is_shown() {
    let place = Workplace::new();
    let notes = r#"{"chosen":"boosting","importances":[["x",0.75]],"references":["Friedman 2001"],
                    "members":[[1.0,"boosting","n_estimators=3"]],"n_rows":10,"n_features":2,
                    "validation":"5 folds","n_trials":4,"seed":7}"#;
    save(&class_model(notes), &place.path("m.eyas"));
    let shown = place.run(&["inspect", "m.eyas"]).done().to_string();
    for word in
        ["binary of `y`", "no, yes", "color", "category", "75.0 %", "Friedman 2001", "seed 7"]
    {
        assert!(shown.contains(word), "`{word}` is missing in {shown}");
    }
    let shown = place.run(&["inspect", "m.eyas", "--json"]).json();
    assert_eq!(shown["columns"][0]["name"], "x");
    assert_eq!(shown["notes"]["n_trials"], 4);
    let parts: f64 = shown["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["predicted_ns"].as_f64().unwrap())
        .sum();
    assert!((parts - shown["predicted_p50_ns"].as_f64().unwrap()).abs() < 1e-6);
}

#[test]
fn a_model_is_timed() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    let rows: String = (0..500).map(|row| format!("{row},red\n")).collect();
    place.file("rows.csv", format!("x,color\n{rows}"));
    let bench = ["bench", "m.eyas", "rows.csv", "--rows", "2000", "--cold", "5"];
    let told = place.run(&bench).done().to_string();
    let words = ["p50", "p99.9", "cold", "500 distinct rows", "rows a second", "noise"];
    for word in words.into_iter().chain(["raw values", "ready numbers", "other work between"]) {
        assert!(told.contains(word), "`{word}` is missing in {told}");
    }
    let arguments: Vec<&str> = bench.into_iter().chain(["--json"]).collect();
    let timed = place.run(&arguments).json();
    assert_eq!((&timed["n_timed"], &timed["latency"]["n_rows"]), (&2000.into(), &500.into()));
    assert!(timed["latency"]["p50_ns"].as_f64() <= timed["latency"]["p99_ns"].as_f64());
    assert!(timed["batch_rows_per_second"].as_f64().unwrap() > 0.0);
    for from in ["raw", "ready"] {
        let conditions = &timed["conditions"][from];
        for (name, n_timed) in [("warm", 2000), ("interleaved", 5000), ("cold", 5)] {
            let spread = &conditions[name];
            assert_eq!(spread["n_timed"], n_timed, "{from} {name}");
            assert_eq!(spread["p999_ns"].is_null(), name == "cold", "{from} {name}");
            let figure = |name: &str| spread[name].as_f64().unwrap();
            assert!(figure("p50_ns") <= figure("p99_ns") && figure("p99_ns") <= figure("max_ns"));
        }
        assert!(conditions["batch_rows_per_second"].as_f64().unwrap() > 0.0);
    }
    let few = ["bench", "m.eyas", "rows.csv", "--rows", "9", "--cold", "0", "--interleaved", "0"];
    let told = place.run(&few).done().to_string();
    assert!(!told.contains("cold") && !told.contains("other work"), "{told}");
}

#[test]
fn a_contract_is_verified_again() {
    let place = Workplace::new();
    let notes = r#"{"contract":{"latency_limit_ns":1e9,"size_limit_bytes":100000}}"#;
    save(&number_model(notes), &place.path("m.eyas"));
    let rows: String = (0..500).map(|row| format!("{row},red\n")).collect();
    place.file("rows.csv", format!("x,color\n{rows}"));
    let told = place.run(&["verify", "m.eyas", "rows.csv"]);
    assert!(told.done().contains("p99 up to 1.00 s: met"), "{}", told.stdout);
    let verified = place.run(&["verify", "m.eyas", "rows.csv", "--json"]).json();
    assert_eq!((&verified["met"], &verified["latency_limit_ns"]), (&true.into(), &1e9.into()));
    let slow = place.run(&["verify", "m.eyas", "rows.csv", "--latency", "1ns"]);
    slow.is_refusal(1, &["not met on this machine"]);
    assert!(slow.stdout.contains("p99 up to 1 ns: not met"));
    let large = place.run(&["verify", "m.eyas", "rows.csv", "--size", "10B"]);
    large.is_refusal(1, &["not met"]);
    assert!(large.stdout.contains("file up to 10 B: not met"));
}

#[test]
fn completions_of_every_shell() {
    let place = Workplace::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(place.run(&["completions", shell]).done().contains("eyas"));
    }
}

#[test]
fn metrics_without_a_value_are_named() {
    let place = Workplace::new();
    save(&class_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color,y\n3,red,yes\n4,red,yes\n");
    let told = place.run(&["evaluate", "m.eyas", "rows.csv"]).done().to_string();
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("not defined for these rows: roc_auc"), "{told}");
    assert!(!told.contains("NaN") && !told.contains("inf") && told.contains("accuracy"), "{told}");
}
