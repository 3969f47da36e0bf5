//! Everything that can be wrong with what a user gives: one clear error, the right exit code, no panic.

mod workplace;

use workplace::{Workplace, class_model, classes_csv, number_model, save};

/// `fit` on a file with these contents is refused with exit code 1.
fn refused_data(contents: impl AsRef<[u8]>, words: &[&str]) {
    let place = Workplace::new();
    place.file("data.csv", contents);
    place.fit("data.csv", "y", &[]).is_refusal(1, words);
    assert!(!place.path("data.eyas").exists());
}

#[test]
fn no_such_file() {
    let place = Workplace::new();
    place.refused(
        &["fit", "gone.csv", "--target", "y"],
        2,
        &["gone.csv", "no such file", "help: "],
    );
    place.refused(&["predict", "gone.eyas", "gone.csv"], 2, &["gone.eyas", "no such file"]);
    place.refused(&["evaluate", "gone.eyas", "gone.csv"], 2, &["gone.eyas"]);
    place.refused(&["inspect", "gone.eyas"], 2, &["gone.eyas"]);
    place.refused(&["resume", "gone"], 2, &["gone", "not a folder"]);
}

#[test]
fn a_tier_that_is_not_there() {
    let place = Workplace::new();
    let ended = |tier| {
        workplace::ended(&place.eyas(&["memory", "list"]).env("EYAS_TIER", tier).output().unwrap())
    };
    ended("avx9").is_refusal(2, &["EYAS_TIER is `avx9`", "scalar"]);
    assert!(!ended("scalar").stderr.contains("EYAS_TIER"));
}

#[test]
fn a_folder_is_no_data() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("folder")).unwrap();
    place.fit("folder", "y", &[]).is_refusal(1, &["folder", "directory"]);
}

#[test]
fn empty_file() {
    refused_data("", &["data.csv", "empty"]);
}

#[test]
fn header_only() {
    refused_data("x,y\n", &["data.csv", "header", "no rows"]);
}

#[test]
fn duplicate_column_names() {
    refused_data("x,y,x\n1,2,3\n2,3,4\n", &["data.csv, line 1", "`x`", "twice"]);
}

#[test]
fn ragged_line() {
    refused_data("x,y\n1,2\n3\n4,5\n", &["data.csv, line 3", "3 | 3"]);
}

#[test]
fn bad_utf8() {
    refused_data(b"x,y\n1,a\n2,\xff\xfe\n", &["data.csv, line 3", "UTF-8"]);
}

#[test]
fn infinite_values() {
    let contents = "x,y\n1,2\ninf,3\n3,4\n";
    refused_data(contents, &["data.csv, line 3, column `x`", "`inf`", "3 | inf,3", "^^^"]);
}

#[test]
fn a_cut_off_gzip_file() {
    let place = Workplace::new();
    // The first bytes of a gzip file, and nothing after them.
    place.file("data.csv.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c]);
    place.fit("data.csv.gz", "y", &[]).is_refusal(1, &["data.csv.gz", "cut off"]);
}

#[test]
fn budgets_and_limits_of_zero() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(50));
    let fit = ["fit", "data.csv", "--target", "y"];
    for (option, value, word) in [
        ("--budget", "0s", "`0s` is zero"),
        ("--latency", "0us", "`0us` is zero"),
        ("--size", "0MB", "`0MB` is zero"),
        ("--work", "0", "0 is not in"),
        ("--budget", "60", "`60` has no unit"),
        ("--latency", "fast", "`fast` is not a time"),
        ("--size", "1XB", "`1XB` has an unknown unit"),
        ("--holdout", "1.5", "not a share between 0 and 1"),
        ("--folds", "1", "1 is not in"),
        ("--threads", "0", "0 is not in"),
        ("--without", "magic", "the methods are rate, selection, pruning, transfer, or all"),
        ("--type", "x", "COL=KIND"),
        ("--type", "x=colour", "the kinds are"),
        ("--delimiter", "::", "one character"),
    ] {
        let arguments: Vec<&str> = fit.iter().copied().chain([option, value]).collect();
        place.refused(&arguments, 2, &[word, option]);
    }
}

#[test]
fn options_that_exclude_each_other() {
    let place = Workplace::new();
    let fit = ["fit", "data.csv", "--target", "y"];
    for more in [
        ["--budget", "5s", "--work", "100"],
        ["--folds", "5", "--holdout", "0.2"],
        ["--valid", "v.csv", "--folds", "5"],
    ] {
        let arguments: Vec<&str> = fit.into_iter().chain(more).collect();
        place.refused(&arguments, 2, &["cannot be used with"]);
    }
}

#[test]
fn no_command_and_an_unknown_one() {
    let place = Workplace::new();
    assert_eq!(place.run(&[]).code, 2);
    place.refused(&["predcit"], 2, &["predict"]);
    place.refused(&["fit", "data.csv"], 2, &["--target"]);
}

#[test]
fn unknown_metric() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(50));
    let arguments = ["fit", "data.csv", "--target", "y", "--metric", "roc_acu"];
    place.refused(&arguments, 2, &["roc_acu", "roc_auc", "log_loss"]);
}

#[test]
fn a_type_of_no_column() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(50));
    place
        .fit("data.csv", "y", &["--type", "colour=category"])
        .is_refusal(1, &["`colour`", "`color`"]);
}

#[test]
fn output_that_cannot_be_written() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(50));
    place.file("file", "");
    // Below a file nobody can write, not even the administrator.
    let fit = place.fit("data.csv", "y", &["--out", "file/model.eyas"]);
    fit.is_refusal(1, &["file/model.eyas", "--out"]);
    let fit = place.fit("data.csv", "y", &["--events", "file/events.jsonl"]);
    fit.is_refusal(1, &["file/events.jsonl"]);
    place.fit("data.csv", "y", &["--out", "/dev/full"]).is_refusal(2, &["/dev/full", "not a file"]);
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n1,red\n");
    let predict = ["predict", "m.eyas", "rows.csv", "--out", "file/predictions.csv"];
    place.refused(&predict, 1, &["file/predictions.csv"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n1,red\n");
    let predict = ["predict", "m.eyas", "rows.csv", "--out", "/dev/full"];
    place.refused(&predict, 1, &["/dev/full", "No space left"]);
    let full = std::fs::File::create("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_eyas"));
    command.args(["predict", "m.eyas", "rows.csv"]).current_dir(place.path(""));
    let ended = workplace::ended(&command.stdout(full).output().unwrap());
    ended.is_refusal(1, &["No space left"]);
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_error() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    let rows = "x,color\n".to_string() + &"1,red\n".repeat(200_000);
    place.file("rows.csv", rows);
    let mut shell = std::process::Command::new("bash");
    let script = "set -o pipefail; \"$0\" predict m.eyas rows.csv | head -1";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_eyas")]).current_dir(place.path(""));
    let ended = workplace::ended(&shell.output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(ended.stdout, "prediction\n");
}

#[test]
fn broken_model_files() {
    let place = Workplace::new();
    place.file("rows.csv", "x,color\n1,red\n");
    let good = class_model("").to_bytes();
    let mut damaged = good.clone();
    let middle = good.len() / 2;
    damaged[middle] ^= 0xff;
    let mut newer = good.clone();
    newer[8] = 99;
    for (name, bytes, word) in [
        ("damaged", damaged, "damaged"),
        ("cut", good[..good.len() / 3].to_vec(), "it should have"),
        ("newer", newer, "version 99"),
        ("text", b"x,y\n1,2\n".to_vec(), "no Eyas model file"),
        ("empty", Vec::new(), "no Eyas model file"),
    ] {
        let file = format!("{name}.eyas");
        place.file(&file, bytes);
        for command in ["predict", "evaluate", "bench", "verify"] {
            place.refused(&[command, &file, "rows.csv"], 1, &[&file, word]);
        }
        place.refused(&["inspect", &file], 1, &[&file, word]);
    }
}

#[test]
fn prediction_data_that_lacks_a_column() {
    let place = Workplace::new();
    save(&class_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,colour\n1,red\n");
    let words = ["rows.csv", "`color`", "is it `colour`?"];
    place.refused(&["predict", "m.eyas", "rows.csv"], 1, &words);
}

#[test]
fn a_number_column_turned_text_names_the_row() {
    let place = Workplace::new();
    save(&class_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "color,x\nred,1\nred,many\n");
    let words = ["rows.csv", "column `x`", "row 2", "`many`"];
    place.refused(&["predict", "m.eyas", "rows.csv", "--out", "p.csv"], 1, &words);
    assert!(!place.path("p.csv").exists(), "half of the predictions are no result");
}

#[test]
fn targets_that_cannot_be_evaluated() {
    let place = Workplace::new();
    save(&class_model(""), &place.path("m.eyas"));
    place.file("none.csv", "x,color\n1,red\n");
    place.refused(&["evaluate", "m.eyas", "none.csv"], 1, &["`y`"]);
    place.file("missing.csv", "x,color,y\n1,red,\n");
    place.refused(&["evaluate", "m.eyas", "missing.csv"], 1, &["no row", "`y`"]);
    place.file("other.csv", "x,color,y\n1,red,perhaps\n");
    place.refused(&["evaluate", "m.eyas", "other.csv"], 1, &["`perhaps`", "no, yes", "row 1"]);
    place.file("good.csv", "x,color,y\n1,red,no\n");
    let rmse = ["evaluate", "m.eyas", "good.csv", "--metric", "rmse"];
    place.refused(&rmse, 2, &["rmse", "roc_auc"]);
}

#[test]
fn probabilities_of_a_number() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n1,red\n");
    place.refused(&["predict", "m.eyas", "rows.csv", "--proba"], 2, &["--proba"]);
}

#[test]
fn nothing_to_verify() {
    let place = Workplace::new();
    save(&number_model(""), &place.path("m.eyas"));
    place.file("rows.csv", "x,color\n1,red\n");
    place.refused(&["verify", "m.eyas", "rows.csv"], 2, &["--latency"]);
}

#[test]
fn errors_are_json_for_machines() {
    let place = Workplace::new();
    let ended = place.run(&["predict", "gone.eyas", "gone.csv", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((ended.code, &error["exit_code"]), (2, &serde_json::json!(2)));
    assert!(error["error"].as_str().unwrap().contains("gone.eyas"));
}

#[test]
fn a_folder_that_is_no_run() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("empty")).unwrap();
    place.refused(&["resume", "empty"], 1, &["empty", "journal.jsonl"]);
}

#[test]
fn usage_errors_are_json_for_machines() {
    let place = Workplace::new();
    let ended = place.run(&["fit", "data.csv", "--json", "--tarqet", "y"]);
    let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!((ended.code, &error["exit_code"]), (2, &serde_json::json!(2)));
    assert!(error["error"].as_str().unwrap().starts_with("unexpected argument '--tarqet'"));
    assert!(error["help"].as_str().unwrap().contains("--target"), "{error}");
}
