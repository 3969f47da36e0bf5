//! `eyas fit` from end to end on small data: results, refusals that need the task, interruption,
//! resumption, memory.

mod workplace;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use workplace::{Workplace, classes_csv, ended};

/// `fit` on a file with these contents is refused with this exit code.
fn refused(contents: impl AsRef<[u8]>, target: &str, more: &[&str], code: i32, words: &[&str]) {
    let place = Workplace::new();
    place.file("data.csv", contents);
    place.fit("data.csv", target, more).is_refusal(code, words);
    assert!(!place.path("data.eyas").exists());
}

#[test]
fn a_target_that_is_not_there() {
    refused(classes_csv(50), "yy", &[], 2, &["`yy`", "did you mean `y`?"]);
    refused("age,class\n1,a\n2,b\n", "clas", &[], 2, &["did you mean `class`?"]);
}

#[test]
fn columns_that_are_not_there() {
    for option in ["--groups", "--time", "--weights", "--drop"] {
        refused(
            classes_csv(50),
            "y",
            &[option, "colour"],
            2,
            &["`colour`", "did you mean `color`?"],
        );
    }
}

#[test]
fn a_target_that_is_missing_throughout() {
    refused("x,y\n1,\n2,\n3,\n", "y", &[], 2, &["`y`", "missing"]);
}

#[test]
fn one_class_only() {
    let rows = "1,a\n2,a\n3,a\n".repeat(10);
    refused(format!("x,y\n{rows}"), "y", &[], 2, &["`y`", "`a` in every row"]);
}

#[test]
fn a_class_with_one_row() {
    let rows = "1,a\n2,b\n3,a\n".repeat(10);
    refused(format!("x,y\n{rows}7,rare\n"), "y", &[], 2, &["`rare`", "1 row"]);
}

#[test]
fn one_row() {
    refused("x,y\n1,2\n", "y", &[], 2, &["row"]);
}

#[test]
fn features_that_are_all_constant() {
    let rows = "1,a\n1,b\n".repeat(20);
    refused(format!("x,y\n{rows}"), "y", &[], 2, &["`x`", "the same in every row"]);
}

#[test]
fn a_metric_of_another_task() {
    refused(classes_csv(50), "y", &["--metric", "rmse"], 2, &["rmse", "roc_auc"]);
}

#[test]
fn a_metric_undefined_by_the_kind() {
    refused(classes_csv(60), "color", &["--task", "binary"], 2, &["color", "3"]);
}

#[test]
fn ten_thousand_columns() {
    let place = Workplace::new();
    let mut text: String = (0..10_000).map(|column| format!("c{column},")).collect();
    text += "y\n";
    for row in 0..40 {
        let cells =
            (0..10_000).map(|column| format!("{},", (row * 31 + column * 7 + row * column) % 97));
        text += &cells.collect::<String>();
        text += if row % 2 == 0 { "a\n" } else { "b\n" };
    }
    place.file("data.csv", text);
    place.fit("data.csv", "y", &["--budget", "10s"]).done();
    let predictions = place.run(&["predict", "data.eyas", "data.csv"]).done().to_string();
    assert_eq!(predictions.lines().count(), 41);
}

#[test]
fn a_run_says_what_it_found() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(600));
    let began = Instant::now();
    let fit = place.fit("data.csv", "y", &["--latency", "1ms", "--events", "events.jsonl"]);
    assert!(began.elapsed() < Duration::from_millis(4500), "{:?}", began.elapsed());
    assert_eq!(Path::new(fit.done().trim()).file_name().unwrap(), "data.eyas");
    for word in [
        "Price list",
        "What each method contributed",
        "rate",
        "selection",
        "pruning",
        "transfer",
        "p99.9",
        "met",
    ] {
        assert!(fit.stderr.contains(word), "`{word}` is missing in {}", fit.stderr);
    }
    let events = std::fs::read_to_string(place.path("events.jsonl")).unwrap();
    let names: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].to_string())
        .collect();
    for name in ["started", "trial_ended", "progress", "frontier", "contributions"] {
        assert!(names.contains(&format!("\"{name}\"")), "{name} is missing");
    }
}

#[test]
fn a_model_of_a_run_predicts_and_is_verified() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(600));
    let report = place.fit("data.csv", "y", &["--latency", "1ms", "--json"]).json();
    assert_eq!(report["contract"]["met"], true);
    assert!(report["score"]["value"].as_f64().unwrap() > 0.85, "{}", report["score"]);
    assert!(report["latency"]["p99_ns"].as_f64().unwrap() < 1e6);
    let scores = place.run(&["evaluate", "data.eyas", "data.csv", "--json"]).json();
    assert_eq!(scores["scores"][0]["metric"], report["metric"]);
    assert!(scores["scores"][0]["value"].as_f64().unwrap() > 0.85);
    assert!(place.run(&["verify", "data.eyas", "data.csv"]).done().contains("met"));
    assert!(place.run(&["inspect", "data.eyas"]).done().contains("How it was found"));
    place.file("shuffled.csv", "extra,color,x\n1,red,10\n2,blue,999\n");
    place.file("same.csv", "x,color\n10,red\n999,blue\n");
    let predict =
        |file: &str| place.run(&["predict", "data.eyas", file, "--proba"]).done().to_string();
    assert_eq!(predict("shuffled.csv"), predict("same.csv"));
}

#[test]
fn every_kind_of_task() {
    let place = Workplace::new();
    let rows: String = (0..300)
        .map(|row| format!("{},{},{}\n", row % 50, row % 3, (row % 50) as f64 * 1.5))
        .collect();
    place.file("data.csv", format!("a,three,number\n{rows}"));
    for (target, more, task) in [
        ("number", ["--metric", "mae"], "regression"),
        ("three", ["--task", "multiclass"], "multiclass"),
    ] {
        let place_of_run = format!("run-{target}");
        let mut arguments =
            vec!["fit", "data.csv", "--target", target, "--memory", "off", "--json"];
        arguments.extend(["--budget", "3s", "--run", &place_of_run]);
        arguments.extend(more);
        let report = place.run(&arguments).json();
        assert_eq!(report["task"], task);
    }
}

#[test]
fn limits_that_cannot_be_met_exit_with_1_and_the_fastest_is_written() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    let fit = place.fit("data.csv", "y", &["--latency", "1ns"]);
    fit.is_refusal(1, &["limit", "--best-effort", "data.eyas"]);
    assert!(place.path("data.eyas").exists());
}

#[test]
fn the_best_effort_is_a_success() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    let report =
        place.fit("data.csv", "y", &["--latency", "1ns", "--best-effort", "--json"]).json();
    assert_eq!(report["contract"]["met"], false);
    assert!(place.path("data.eyas").exists());
}

#[test]
fn equal_work_gives_equal_bytes_on_any_number_of_threads() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    let fit = |threads: &str| {
        let out = format!("{threads}.eyas");
        let run = format!("run{threads}");
        let arguments = [
            "fit",
            "data.csv",
            "--target",
            "y",
            "--memory",
            "off",
            "--run",
            &run,
            "--out",
            &out,
            "--work",
            "2000000",
            "--threads",
            threads,
        ];
        place.run(&arguments).done();
        let bytes = std::fs::read(place.path(&out)).unwrap();
        let model = eyas_model::Model::from_bytes(&bytes).unwrap();
        // The notes say where the model was written and how long that took.
        eyas_model::Model { notes: String::new(), ..model }.to_bytes()
    };
    assert!(fit("1") == fit("2"), "the models differ");
}

#[test]
fn a_memory_learns_and_can_be_shown() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    for run in ["a", "b"] {
        let arguments = [
            "fit", "data.csv", "--target", "y", "--budget", "3s", "--memory", "m.db", "--run", run,
        ];
        place.run(&arguments).done();
    }
    let memory = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["memory"].iter().chain(arguments).chain(&["--memory", "m.db"]).copied().collect();
        place.run(&all)
    };
    let tasks = memory(&["list", "--json"]).json();
    assert_eq!(tasks.as_array().unwrap().len(), 1, "two runs on the same data are one task");
    let id = tasks[0]["id"].to_string();
    assert!(memory(&["list"]).done().contains("data"));
    let shown = memory(&["show", &id]).done().to_string();
    assert!(shown.contains("roc_auc") && shown.contains("gap (0 best, 1 worst)"), "{shown}");
    assert!(!shown.contains(" -0."), "the metric has its own sign: {shown}");
    memory(&["show", "nope"])
        .is_refusal(2, &["nope", "a task number is expected (see `eyas memory list`)"]);
    memory(&["export", "--out", "all.jsonl"]).done();
    memory(&["forget", &id]).done();
    assert!(memory(&["list"]).done().contains("empty"));
    assert!(memory(&["import", "all.jsonl"]).done().starts_with("1 task with"));
    memory(&["show", "999"]).is_refusal(1, &["999"]);
}

#[test]
fn a_memory_of_a_newer_version() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    drop(eyas_memory::Memory::open(place.path("m.db")).unwrap());
    // `PRAGMA user_version` is kept at byte 60 of a SQLite file, big-endian.
    let mut bytes = std::fs::read(place.path("m.db")).unwrap();
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    std::fs::write(place.path("m.db"), &bytes).unwrap();
    place.refused(&["memory", "list", "--memory", "m.db"], 1, &["m.db", "99"]);
    let fit =
        ["fit", "data.csv", "--target", "y", "--budget", "3s", "--run", "r", "--memory", "m.db"];
    place.refused(&fit, 1, &["m.db", "99", "--memory off"]);
    // The user's own memory is no reason to fail: it is said, and left alone.
    std::fs::create_dir(place.path("eyas")).unwrap();
    std::fs::write(place.path("eyas/memory.db"), &bytes).unwrap();
    let fit = ["fit", "data.csv", "--target", "y", "--budget", "3s", "--run", "r"];
    let own = place.run(&fit);
    own.done();
    assert!(own.stderr.contains("99") && own.stderr.contains("without a memory"), "{}", own.stderr);
    assert_eq!(std::fs::read(place.path("eyas/memory.db")).unwrap(), bytes);
}

#[test]
fn a_memory_that_is_no_database() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(100));
    place.file("m.db", "this is no database, but it is long enough to be looked at as one");
    place.refused(&["memory", "list", "--memory", "m.db"], 1, &["m.db"]);
    place.refused(&["memory", "list", "--memory", "none.db"], 1, &["none.db"]);
    assert!(!place.path("none.db").exists(), "looking at a memory makes none");
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_leaves_no_half_model() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    // A limit on the size of files stands in for a disk that is full: writes fail in the middle.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" fit data.csv --target y --budget 3s --memory off --run run";
    let mut shell = Command::new("bash");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_eyas")]).current_dir(place.path(""));
    let fit = ended(&shell.output().unwrap());
    fit.is_refusal(1, &["cannot", "File too large"]);
    assert!(!place.path("data.eyas").exists());
}

/// Starts a long run on larger data and waits for its first trials.
fn start(place: &Workplace, budget: &[&str], n_trials: usize) -> Child {
    place.file("data.csv", classes_csv(3_000));
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    command.args(["fit", "data.csv", "--target", "y", "--memory", "off", "--run", "run", "--json"]);
    command.args(budget).args(["--events", "events.jsonl"]).current_dir(place.path(""));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while n_trials_ended(&place.path("events.jsonl")) < n_trials && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    if n_trials_ended(&place.path("events.jsonl")) < n_trials {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("no trial ended in a minute");
    }
    child
}

fn n_trials_ended(events: &Path) -> usize {
    let Ok(file) = std::fs::File::open(events) else { return 0 };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    lines.filter(|line| line.contains("\"trial_ended\"")).count()
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_ends_with_the_best_model_so_far() {
    let place = Workplace::new();
    let child = start(&place, &["--budget", "10m"], 2);
    signal(&child, "INT");
    let began = Instant::now();
    let fit = ended(&child.wait_with_output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let report = fit.json();
    assert!(report["n_trials"].as_u64().unwrap() >= 2);
    assert!(fit.stderr.contains("best model so far"), "{}", fit.stderr);
    assert_eq!(place.run(&["predict", "data.eyas", "data.csv"]).done().lines().count(), 3_001);
}

#[test]
#[cfg(unix)]
fn a_second_interrupt_ends_the_process() {
    let place = Workplace::new();
    let child = start(&place, &["--budget", "10m"], 1);
    for _ in 0..50 {
        let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
        assert!(status.is_ok());
    }
    let fit = ended(&child.wait_with_output().unwrap());
    assert_eq!(fit.code, 130, "{}", fit.stderr);
}

#[test]
#[cfg(unix)]
fn a_killed_run_is_resumed() {
    let place = Workplace::new();
    let mut child = start(&place, &["--budget", "8s"], 3);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!place.path("data.eyas").exists());
    let began = Instant::now();
    let report = place.run(&["resume", "run", "--json"]).json();
    assert!(began.elapsed() < Duration::from_secs(9), "the whole budget is 8 s");
    assert!(report["n_trials"].as_u64().unwrap() >= 3);
    assert_eq!(place.run(&["predict", "data.eyas", "data.csv"]).done().lines().count(), 3_001);
}

#[test]
fn a_run_is_not_resumed_on_other_data() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    place.fit("data.csv", "y", &[]).done();
    place.file("data.csv", classes_csv(301));
    place.refused(&["resume", "run"], 2, &["data"]);
}

#[test]
fn a_run_is_not_begun_in_the_folder_of_another() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(300));
    place.fit("data.csv", "y", &[]).done();
    place.fit("data.csv", "y", &[]).is_refusal(1, &["run", "--run"]);
}

#[test]
fn data_read_in_passes_gives_a_model_too() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(600));
    let run = place.fit("data.csv", "y", &["--work", "20000000", "--stream", "always"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let scored = place.run(&["evaluate", "data.eyas", "data.csv", "--json"]);
    assert_eq!(scored.code, 0, "{}", scored.stderr);
    let resumed = place.run(&["resume", "run"]);
    assert_eq!(resumed.code, 2, "the run has ended: {}", resumed.stderr);
}

#[test]
fn data_read_in_passes_is_not_validated_on_another_file() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(100));
    place.file("valid.csv", classes_csv(100));
    let run = place.fit("data.csv", "y", &["--stream", "always", "--valid", "valid.csv"]);
    run.is_refusal(2, &["--valid", "--holdout"]);
}

/// An `idx` file of bytes with these axes.
fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let axes = shape.iter().flat_map(|length| length.to_be_bytes());
    [0, 0, 8, shape.len() as u8].into_iter().chain(axes).chain(bytes.iter().copied()).collect()
}

#[test]
fn images_and_labels_are_arrays() {
    let place = Workplace::new();
    let n = 300;
    let image = |at: usize| -> [u8; 4] {
        std::array::from_fn(
            |pixel| if pixel == at % 3 { 200 } else { (at * 31 + pixel) as u8 % 50 },
        )
    };
    let images: Vec<u8> = (0..n).flat_map(image).collect();
    let labels: Vec<u8> = (0..n).map(|at| (at % 3) as u8).collect();
    place.file("images.idx3", idx(&[n as u32, 2, 2], &images));
    place.file("labels.idx1", idx(&[n as u32], &labels));
    let run = place.run(&[
        "fit",
        "images.idx3",
        "--labels",
        "labels.idx1",
        "--work",
        "20000000",
        "--memory",
        "off",
        "--run",
        "run",
        "--out",
        "m.eyas",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let scored =
        place.run(&["evaluate", "m.eyas", "images.idx3", "--labels", "labels.idx1", "--json"]);
    assert!(scored.stdout.contains("\"n_rows\":300"), "{} {}", scored.stdout, scored.stderr);
    let predicted = place.run(&["predict", "m.eyas", "images.idx3"]);
    let lines: Vec<&str> = predicted.stdout.lines().collect();
    assert_eq!((lines.len(), &lines[..4]), (301, &["prediction", "0", "1", "2"][..]));
    place.file("few.idx1", idx(&[7], &[0; 7]));
    place.refused(
        &["fit", "images.idx3", "--labels", "few.idx1", "--budget", "3s"],
        2,
        &["300 rows", "7 labels"],
    );
    place.refused(&["fit", "images.idx3", "--labels", "images.idx3"], 2, &["4 columns"]);
    place.refused(&["fit", "images.idx3"], 2, &["--target"]);
}

#[test]
fn a_pipe_is_read_once_and_from_its_first_byte() {
    let place = Workplace::new();
    place.file("data.csv", classes_csv(200));
    let mut fit = place.eyas(&[
        "fit",
        "/dev/stdin",
        "--target",
        "y",
        "--work",
        "5000000",
        "--memory",
        "off",
        "--run",
        "run",
        "--out",
        "m.eyas",
    ]);
    let run = ended(&fit.write_stdin(classes_csv(200)).output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let predicted = place.run(&["predict", "m.eyas", "data.csv"]);
    assert_eq!(predicted.code, 0, "{}", predicted.stderr);
}
