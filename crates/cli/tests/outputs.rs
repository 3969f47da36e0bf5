//! What a command writes destroys nothing that it reads, and nothing unfinished stays behind.

mod workplace;

use workplace::{Workplace, classes_csv, number_model, save};

/// Names in the folder, sorted.
fn names(place: &Workplace) -> Vec<String> {
    let entries = std::fs::read_dir(place.path("")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_fit_does_not_overwrite_its_data() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(50));
    place.file("valid.csv", classes_csv(60));
    std::fs::create_dir(place.path("folder")).unwrap();
    for (more, words) in [
        (&["--out", "data.csv"][..], ["--out", "DATA", "data.csv"]),
        (&["--out", "folder/../data.csv"], ["--out", "DATA", "data.csv"]),
        (&["--out", "valid.csv", "--valid", "valid.csv"], ["--out", "--valid", "valid.csv"]),
        (&["--events", "./data.csv"], ["--events", "DATA", "data.csv"]),
        (&["--events", "new.eyas", "--out", "./new.eyas"], ["--events", "--out", "new.eyas"]),
    ] {
        place.fit("data.csv", "y", more).is_refusal(2, &words);
    }
    assert_eq!(std::fs::read_to_string(place.path("data.csv")).unwrap(), classes_csv(50));
    assert_eq!(names(&place), ["data.csv", "folder", "valid.csv"]);
}

#[test]
fn predictions_do_not_overwrite_the_model_or_the_rows() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n1,red\n");
    for (out, words) in [("./m.eyas", ["MODEL", "m.eyas"]), ("./rows.csv", ["DATA", "rows.csv"])] {
        place.refused(&["predict", "m.eyas", "rows.csv", "--out", out], 2, &words);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path("rows.csv"), place.path("link.csv")).unwrap();
        place.refused(&["predict", "m.eyas", "rows.csv", "--out", "link.csv"], 2, &["DATA"]);
    }
    assert_eq!(place.run(&["predict", "m.eyas", "rows.csv"]).done(), "prediction\n10\n");
}

#[test]
fn a_folder_is_no_output() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(50));
    save(&number_model(""), &place.path("m.eyas"));
    std::fs::create_dir(place.path("folder")).unwrap();
    for out in ["folder", "folder/", "none/"] {
        place.fit("data.csv", "y", &["--out", out]).is_refusal(2, &[out, "folder", "--out"]);
        let predict = ["predict", "m.eyas", "data.csv", "--out", out];
        place.refused(&predict, 2, &[out, "folder", "--out"]);
    }
}

#[test]
fn predictions_that_fail_leave_nothing() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    let rows = "1,red\n".repeat(20_000);
    place.file("rows.csv", format!("x,color\n{rows}many,red\n"));
    for out in ["p.csv", "p.csv.gz", "p.parquet"] {
        let predict = ["predict", "m.eyas", "rows.csv", "--out", out];
        place.refused(&predict, 1, &["row 20001", "`many`"]);
        assert_eq!(names(&place), ["m.eyas", "rows.csv"]);
    }
}

#[test]
fn a_memory_is_a_file_in_a_folder_that_is_there() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(50));
    let fit = ["fit", "data.csv", "--target", "y", "--memory"];
    for url in ["http://x/y", "postgres://host/db", "sqlite://m.db"] {
        let arguments: Vec<&str> = fit.into_iter().chain([url]).collect();
        place.refused(&arguments, 2, &[url, "only a file path or off is supported now"]);
        place.refused(&["memory", "list", "--memory", url], 2, &[url, "only a file path"]);
    }
    let arguments: Vec<&str> = fit.into_iter().chain(["nope/m.db"]).collect();
    place.refused(&arguments, 1, &["nope/m.db", "--memory"]);
    place.file("all.jsonl", "");
    place.refused(&["memory", "import", "all.jsonl", "--memory", "nope/m.db"], 1, &["nope/m.db"]);
    assert_eq!(names(&place), ["all.jsonl", "data.csv"]);
}

#[test]
fn a_run_that_does_not_begin_leaves_no_folder() {
    let place = Workplace::new();
    place.file("data.csv", "x,y\n1,2\n3\n");
    place.refused(&["fit", "data.csv", "--target", "y", "--memory", "off"], 1, &["line 3"]);
    let runs = std::fs::read_dir(place.path("eyas/runs")).unwrap();
    assert_eq!(runs.count(), 0);
}
