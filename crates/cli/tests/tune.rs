//! `eyas tune` from end to end: programs are started, read, stopped, ended, and gone on with.
#![cfg(unix)]

mod workplace;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use workplace::{Ended, Workplace, ended};

const SPACE: &str = r#"
[[parameter]]
name = "x"
type = "float"
low = -4.0
high = 4.0
default = 3.0
[[parameter]]
name = "n"
type = "int"
low = 1
high = 9
"#;

/// A place with a space and a program of these lines.
fn place(program: &str) -> Workplace {
    let place = Workplace::new();
    place.file("space.toml", SPACE);
    place.file("program.sh", program);
    place
}

fn tune(place: &Workplace, options: &[&str], arguments: &[&str]) -> Ended {
    let base = ["tune", "--space", "space.toml", "--run", "run"];
    let program = ["--", "sh", "program.sh"];
    place.run(&[&base[..], options, &program, arguments].concat())
}

/// Prints a paraboloid whose least value, 0, is at x = 1 and n = 4.
const QUADRATIC: &str = r#"awk "BEGIN { x = $1 - 1; n = $2 - 4; print x * x + n * n / 4 }""#;

fn line_count(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Waits until something is true; a test that waits longer than a minute fails.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "a minute passed without this: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

fn is_alive(process: &str) -> bool {
    // A zombie is as good as gone.
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

fn start(place: &Workplace, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    command.args(arguments).current_dir(place.path("")).env("NO_COLOR", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn the_best_values_are_found_and_come_as_a_command_line() {
    let place = place(QUADRATIC);
    let run = tune(&place, &["--trials", "40", "--out", "best.json"], &["{x}", "{n}"]);
    let line = run.done().trim();
    assert!(line.starts_with("sh program.sh "), "{line}");
    let again = Command::new("sh").args(["-c", line]).current_dir(place.path("")).output().unwrap();
    let value: f64 = String::from_utf8(again.stdout).unwrap().trim().parse().unwrap();
    assert!(value < 0.1, "{value}");
    let best: Value =
        serde_json::from_slice(&std::fs::read(place.path("best.json")).unwrap()).unwrap();
    assert!((best["value"].as_f64().unwrap() - value).abs() < 1e-4, "{best}");
    assert_eq!((&best["command"], best["values"]["n"].as_i64()), (&Value::from(line), Some(4)));
    for words in ["best so far", "The best trials", "40 trials in", "best: ", "x=", "all trials"] {
        assert!(run.stderr.contains(words), "`{words}` is missing in {}", run.stderr);
    }
}

#[test]
fn the_default_sampler_beats_random_draws_at_equal_trials() {
    let place = place(QUADRATIC);
    let mean_log = |sampler: &[&str]| {
        let values = [0, 1, 2].map(|seed| {
            let seed = seed.to_string();
            let base =
                ["--json", "tune", "--space", "space.toml", "--trials", "30", "--seed", &seed];
            let program = ["--", "sh", "program.sh", "{x}", "{n}"];
            let report = place.run(&[&base[..], sampler, &program].concat()).json();
            (report["best"]["value"].as_f64().unwrap() + 1e-9).ln()
        });
        values.iter().sum::<f64>() / 3.0
    };
    let (blend, random) = (mean_log(&[]), mean_log(&["--sampler", "random"]));
    assert!(blend < random - 0.7, "blend {blend}, random {random}");
}

#[test]
fn without_a_budget_the_same_seed_tries_the_same() {
    let run = |place: &Workplace| {
        let report =
            tune(place, &["--trials", "15", "--seed", "5", "--json"], &["{x}", "{n}"]).json();
        report["top"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["values"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(run(&place(QUADRATIC)), run(&place(QUADRATIC)));
}

#[test]
fn scores_are_maximised_and_other_numbers_are_kept() {
    let program =
        r#"awk "BEGIN { x = $1 - 1; printf \"{\\\"score\\\": %g, \\\"rows\\\": 7}\\n\", -x * x }""#;
    let place = place(program);
    let report = tune(&place, &["--trials", "25", "--maximize", "--json"], &["{x}"]).json();
    let best = &report["best"];
    assert!(best["value"].as_f64().unwrap() > -0.05, "{best}");
    assert!((best["values"]["x"].as_f64().unwrap() - 1.0).abs() < 0.3);
    assert_eq!(best["notes"]["rows"], 7.0);
    let top: Vec<f64> = report["top"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["value"].as_f64().unwrap())
        .collect();
    assert!(top.is_sorted_by(|a, b| a >= b) && top.len() == 10);
    let other = self::place(program);
    let run = tune(&other, &["--trials", "3"], &["{x}"]);
    run.is_refusal(2, &["`score`", "add --maximize"]);
}

#[test]
fn programs_run_side_by_side_and_find_all_in_their_environment() {
    // The first six wait for each other: one by one, none would ever end.
    let place = place(
        "echo $EYAS_TRIAL $EYAS_SEED $EYAS_RUN $EYAS_X $EYAS_N >> seen
         while [ $(wc -l < seen) -lt 6 ]; do sleep 0.02; done; echo $EYAS_X",
    );
    let run = tune(&place, &["--trials", "12", "--jobs", "6", "--timeout", "50s"], &[]);
    run.done();
    assert!(!run.stderr.contains("timed out"), "{}", run.stderr);
    assert!(run.stderr.contains("no argument mentions {x}") && run.stderr.contains("EYAS_N"));
    let seen = std::fs::read_to_string(place.path("seen")).unwrap();
    let mut trials: Vec<u64> = Vec::new();
    for line in seen.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        trials.push(words[0].parse().unwrap());
        assert!(words[1].parse::<u64>().unwrap() < 1 << 31);
        assert!(words[2].ends_with("run") && Path::new(words[2]).is_absolute());
        assert!((-4.0..=4.0).contains(&words[3].parse::<f64>().unwrap()));
        assert!((1..=9).contains(&words[4].parse::<i64>().unwrap()));
    }
    trials.sort_unstable();
    assert_eq!(trials, (0..12).collect::<Vec<u64>>());
    assert!(run.stdout.starts_with("EYAS_N="), "{}", run.stdout);
}

#[test]
fn what_takes_too_long_is_ended_with_all_it_has_started() {
    // The shell that sleeps is a grandchild.
    let place = place(
        "if [ $EYAS_TRIAL = 1 ]; then sh -c 'echo $$ >> sleepers; exec sleep 60'; fi; echo $EYAS_X",
    );
    let began = Instant::now();
    let report = tune(&place, &["--trials", "4", "--timeout", "1s", "--json"], &["{x}"]).json();
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(
        (&report["n_timed_out"], &report["n_completed"]),
        (&Value::from(1), &Value::from(3))
    );
    assert!(report["failure"].as_str().unwrap().contains("--timeout"));
    let sleepers = std::fs::read_to_string(place.path("sleepers")).unwrap();
    assert!(!is_alive(sleepers.trim()));
}

#[test]
fn what_a_program_leaves_running_is_ended_and_not_waited_for() {
    let place = place("sleep 60 & echo $! >> sleepers; echo $1");
    let began = Instant::now();
    tune(&place, &["--trials", "2"], &["{x}"]).done();
    assert!(began.elapsed() < Duration::from_secs(20));
    let sleepers = std::fs::read_to_string(place.path("sleepers")).unwrap();
    assert!(sleepers.lines().count() == 2 && !sleepers.lines().any(is_alive));
}

#[test]
fn the_budget_ends_programs_that_ignore_it() {
    let place = place("if [ $EYAS_TRIAL -gt 0 ]; then trap '' TERM; sleep 60; fi; echo 5");
    let began = Instant::now();
    let report = tune(&place, &["--budget", "2s", "--jobs", "2", "--json"], &["{x}"]).json();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(
        (&report["n_trials"], &report["over"]),
        (&Value::from(1), &Value::from("BudgetSpent"))
    );
    assert!(report["n_unfinished"].as_u64().unwrap() >= 1);
}

#[test]
fn no_trial_starts_that_would_not_end_within_the_budget() {
    let place = place("echo 1 >> begun; sleep 0.7; echo $1");
    let report = tune(&place, &["--budget", "3s", "--json"], &["{x}"]).json();
    let n_trials = report["n_trials"].as_u64().unwrap();
    assert!((1..=4).contains(&n_trials), "{n_trials}");
    assert_eq!(
        line_count(&place.path("begun")) as u64,
        n_trials + report["n_unfinished"].as_u64().unwrap()
    );
}

#[test]
fn failures_are_facts_unless_nothing_works() {
    let place =
        self::place("if [ $EYAS_TRIAL = 1 ]; then echo broken pipe >&2; exit 3; fi; echo $1");
    let report = tune(&place, &["--trials", "5", "--json"], &["{x}"]).json();
    assert_eq!((&report["n_failed"], &report["n_completed"]), (&Value::from(1), &Value::from(4)));
    let why = report["failure"].as_str().unwrap();
    assert!(why.contains("exit status: 3") && why.contains("broken pipe"), "{why}");
    for (program, words) in [
        ("echo no such module >&2; exit 7", ["exit status: 7", "no such module"]),
        ("echo all is well", ["`all is well`", "{\"loss\": 0.25}"]),
        ("true", ["it printed nothing", "last line"]),
        ("kill -9 $$", ["signal: 9", "first 3 trials"]),
    ] {
        let place = self::place(program);
        let run = tune(&place, &["--trials", "50"], &["{x}"]);
        run.is_refusal(1, &words);
        let lines = std::fs::read_to_string(place.path("run/tune.jsonl")).unwrap();
        assert_eq!(lines.matches("\"began\"").count(), 3, "it stopped after three");
    }
    let diverged = self::place(
        "if [ $EYAS_TRIAL = 1 ]; then echo nan; else echo '{\"loss\": 2, \"a\": NaN}'; fi",
    );
    let report = tune(&diverged, &["--trials", "3", "--json"], &["{x}"]).json();
    assert_eq!((&report["n_diverged"], &report["n_completed"]), (&Value::from(1), &Value::from(2)));
}

#[test]
fn a_stopper_ends_programs_early_and_says_what_that_saved() {
    let program = r#"
        for step in 1 2 3 4 5 6 7 8 9; do
            awk "BEGIN { x = $1 - 1; printf \"{\\\"step\\\": $step, \\\"loss\\\": %g}\\n\", x * x + 1 / $step }"
            echo $step >> steps
            sleep 0.05
        done"#;
    let place = place(program);
    let options =
        ["--trials", "30", "--stopper", "asha", "--steps", "9", "--min-steps", "1", "--json"];
    let report = tune(&place, &options, &["{x}"]).json();
    let n_stopped = report["n_stopped"].as_u64().unwrap();
    assert!(n_stopped >= 10, "{report}");
    assert_eq!(n_stopped + report["n_completed"].as_u64().unwrap(), 30);
    let saved = &report["saved"];
    assert_eq!(saved["of_steps"], 270);
    let (told, run) = (saved["steps"].as_u64().unwrap(), line_count(&place.path("steps")) as u64);
    // What was run after the verdict, until the program was gone, counts as saved.
    assert!(run + told >= 240 && run < 200, "{run} steps were run, {told} saved");
    assert!(saved["seconds"].as_f64().unwrap() > 0.0);
    assert!(report["best"]["value"].as_f64().unwrap() < 0.5);
}

#[test]
fn a_killed_run_goes_on_and_its_unfinished_trials_run_again() {
    let place = place(
        "echo $EYAS_TRIAL $1 $EYAS_SEED >> begun; echo $$ >> programs
         if [ ! -e go ] && [ $EYAS_TRIAL -ge 4 ]; then sleep 60; fi; echo $1; echo $EYAS_TRIAL >> done",
    );
    let arguments = [
        "tune",
        "--space",
        "space.toml",
        "--run",
        "run",
        "--trials",
        "10",
        "--jobs",
        "2",
        "--",
        "sh",
        "program.sh",
        "{x}",
    ];
    let mut child = start(&place, &arguments);
    wait_for("trials 4 and 5 sleep", || line_count(&place.path("begun")) == 6);
    place.refused(&["tune", "--resume", "run"], 1, &["another process"]);
    // The lines of both programs that sleep are written right after they began.
    wait_for("they are recorded", || {
        std::fs::read_to_string(place.path("run/tune.jsonl")).unwrap().matches("\"began\"").count()
            == 6
    });
    child.kill().unwrap();
    child.wait().unwrap();
    // A line that was cut off is no line.
    let journal = place.path("run/tune.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text + "{\"line\":\"ended\",\"ela").unwrap();
    place.file("go", "");
    let report = place.run(&["tune", "--resume", "run", "--json"]).json();
    assert_eq!((&report["n_trials"], &report["n_completed"]), (&Value::from(10), &Value::from(10)));
    let mut begun: Vec<String> =
        std::fs::read_to_string(place.path("begun")).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(begun.len(), 12, "{begun:?}");
    begun.sort();
    begun.dedup();
    assert_eq!(begun.len(), 10, "4 and 5 ran again as they were: {begun:?}");
    if cfg!(target_os = "linux") {
        let programs = std::fs::read_to_string(place.path("programs")).unwrap();
        assert!(!programs.lines().any(is_alive), "what was left behind is ended");
        assert_eq!(line_count(&place.path("done")), 10);
    }
    let more = place.run(&["tune", "--resume", "run", "--trials", "12", "--json"]).json();
    assert_eq!(more["n_trials"], 12);
    let same = place.run(&["tune", "--resume", "run", "--json"]).json();
    assert_eq!((&same["n_trials"], &same["best"]), (&more["n_trials"], &more["best"]));
}

#[test]
fn what_was_used_of_the_budget_stays_used() {
    let place = place("sleep 0.2; echo $1");
    tune(&place, &["--budget", "2s"], &["{x}"]).done();
    let report = place.run(&["tune", "--resume", "run", "--json"]).json();
    assert!(report["seconds"].as_f64().unwrap() < 3.0, "the whole budget is 2 s: {report}");
    let n_trials = report["n_trials"].as_u64().unwrap();
    let more = place.run(&["tune", "--resume", "run", "--budget", "4s", "--json"]).json();
    assert!(more["n_trials"].as_u64().unwrap() > n_trials, "{more}");
    assert!((2.0..6.0).contains(&more["seconds"].as_f64().unwrap()), "{more}");
}

#[test]
fn an_interrupt_ends_the_programs_and_gives_the_best_so_far() {
    let place = place("if [ $EYAS_TRIAL -ge 3 ]; then echo $$ > sleeper; sleep 60; fi; echo $1");
    let arguments = [
        "tune",
        "--space",
        "space.toml",
        "--run",
        "run",
        "--budget",
        "10m",
        "--json",
        "--",
        "sh",
        "program.sh",
        "{x}",
    ];
    let child = start(&place, &arguments);
    wait_for("a program sleeps", || line_count(&place.path("sleeper")) == 1);
    signal(&child, "INT");
    let began = Instant::now();
    let run = ended(&child.wait_with_output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(20));
    let report = run.json();
    assert_eq!(
        (&report["n_trials"], &report["over"]),
        (&Value::from(3), &Value::from("Interrupted"))
    );
    assert!(!is_alive(std::fs::read_to_string(place.path("sleeper")).unwrap().trim()));
}

#[test]
fn mistakes_are_named_before_anything_runs() {
    let place = place("echo 1 >> ran; echo 1");
    let refused = |options: &[&str], arguments: &[&str], words: &[&str]| {
        tune(&place, options, arguments).is_refusal(2, words);
    };
    refused(&[], &["{y}"], &["`{y}`", "{x}, {n}, {trial}, {seed}"]);
    refused(&["--sampler", "oracle"], &["{x}"], &["oracle", "random"]);
    refused(&["--stopper", "hyperband", "--steps", "9"], &["{x}"], &["hyperband", "asha"]);
    refused(&["--stopper", "asha"], &["{x}"], &["--steps"]);
    refused(&["--out", "space.toml"], &["{x}"], &["--out", "--space"]);
    refused(&["--budget", "60"], &["{x}"], &["no unit"]);
    place.refused(&["tune", "--space", "space.toml"], 2, &["COMMAND"]);
    place.refused(&["tune", "--", "sh", "program.sh"], 2, &["--space"]);
    place.refused(&["tune", "--space", "no.toml", "--", "sh"], 2, &["no.toml"]);
    place.refused(&["tune", "--resume", "nowhere"], 2, &["nowhere", "eyas tune"]);
    place.refused(&["tune", "--resume", "."], 1, &["tune.jsonl", "eyas tune"]);
    let missing =
        ["tune", "--space", "space.toml", "--run", "r2", "--", "./no-such-program", "{x}"];
    place.refused(&missing, 1, &["cannot start `./no-such-program`"]);
    for (text, words) in [
        ("[[parameter]]\nname = 3", ["line 2", "string"]),
        ("[[parameter]]\nname = \"x\"\ntype = \"float\"", ["`x`", "`low` and `high`"]),
        ("[[parameter]]\nname = \"x\"\ntype = \"bool\"\nlo = 1", ["line 4", "`lo`"]),
        ("", ["nothing to tune", "[[parameter]]"]),
    ] {
        place.file("wrong.toml", text);
        place.refused(&["tune", "--space", "wrong.toml", "--", "sh", "program.sh"], 2, &words);
    }
    assert!(!place.path("ran").exists());
}

#[test]
fn a_space_may_be_json() {
    let place = place(QUADRATIC);
    place.file(
        "space.json",
        r#"{"parameter": [{"name": "x", "type": "float", "low": 0, "high": 2}]}"#,
    );
    let base =
        ["tune", "--space", "space.json", "--trials", "9", "--", "sh", "program.sh", "{x}", "4"];
    assert!(place.run(&base).done().starts_with("sh program.sh "));
}

#[test]
fn the_example_works() {
    let has_python = Command::new("python3").arg("--version").output().is_ok();
    if !has_python {
        eprintln!("there is no python3 here; the example is not run");
        return;
    }
    let place = Workplace::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tune");
    let (space, program) = (folder.join("space.toml"), folder.join("train.py"));
    let (space, program) = (space.to_str().unwrap(), program.to_str().unwrap());
    let base = [
        "--json",
        "tune",
        "--space",
        space,
        "--trials",
        "20",
        "--jobs",
        "2",
        "--stopper",
        "asha",
        "--steps",
        "200",
    ];
    let command = ["--", "python3", program, "{rate}", "{degree}", "{momentum}"];
    let report = place.run(&[&base[..], &command].concat()).json();
    let value = report["best"]["value"].as_f64().unwrap();
    assert!(value < 0.02, "the default has a loss of 0.16: {report}");
    assert!(
        report["best"]["notes"]["train_loss"].is_number()
            || !report["best"]["stopped_at"].is_null()
    );
    assert!(report["n_stopped"].as_u64().unwrap() > 0, "{report}");
}
