//! Whole runs on small tables: what they promise whatever the machine and the number of threads.

use std::path::Path;
use std::time::Instant;

use eyas::event::{Event, Observer, Silent};
use eyas::journal::{self, journal_path};
use eyas::{Budget, Error, FitOptions, Interrupt, Method, Report, Validation};
use eyas_learn::TaskOptions;
use eyas_learn::data::{Column, ColumnData, Table};
use eyas_memory::Memory;
use eyas_model::{Predictor, Scratch, Value};
use eyas_search::random::Stream;

/// Rows whose class follows from a threshold on `x`, a level of `color`, and luck.
fn table(n_rows: usize, seed: u64) -> Table {
    let mut random = Stream::new(&[seed]);
    let (mut x, mut noise, mut colors, mut classes) = (vec![], vec![], vec![], vec![]);
    for row in 0..n_rows {
        let (value, color) = (random.uniform(), random.below(3) as u32);
        let score = value + 0.3 * f64::from(color) + 0.2 * (random.uniform() - 0.5);
        x.push(if row % 17 == 0 { f64::NAN } else { value });
        noise.push(random.uniform());
        colors.push(color);
        classes.push(u32::from(score > 0.8));
    }
    let names = |codes, names: &[&str]| ColumnData::Category {
        codes,
        levels: names.iter().map(|name| (*name).to_owned()).collect(),
        boolean: false,
    };
    let columns = vec![
        Column { name: "x".into(), data: ColumnData::Number(x) },
        Column { name: "noise".into(), data: ColumnData::Number(noise) },
        Column { name: "color".into(), data: names(colors, &["red", "green", "blue"]) },
        Column { name: "class".into(), data: names(classes, &["no", "yes"]) },
    ];
    Table { columns }
}

fn options(folder: &Path, work: u64) -> FitOptions {
    FitOptions {
        task: TaskOptions { target: "class".into(), ..TaskOptions::default() },
        stated_columns: Vec::new(),
        latency_ns: None,
        size_bytes: None,
        memory_bytes: None,
        budget: Budget::Work(work),
        validation: Validation::Auto,
        threads: 1,
        seed: 3,
        without: Vec::new(),
        out: folder.join("model.eyas"),
        run_dir: folder.join("run"),
        data_name: "a test".into(),
        sampler: None,
        caller_state: "{}".into(),
    }
}

fn run(table: &Table, options: &FitOptions) -> Result<Report, Error> {
    eyas::fit(table, options, None, &Interrupt::new(), &Silent)
}

/// Members and their numbers; notes differ by seconds.
fn model_without_notes(path: &Path) -> eyas_model::Model {
    let bytes = std::fs::read(path).expect("the model was written");
    let mut model = eyas_model::Model::from_bytes(&bytes).expect("the model is whole");
    model.notes.clear();
    model
}

const WORK: u64 = 60_000_000;

#[test]
fn by_work_the_model_is_the_same_on_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(400, 1);
    let mut models = Vec::new();
    for threads in [1, 2, 5] {
        let options = FitOptions {
            threads,
            run_dir: folder.path().join(format!("run{threads}")),
            ..options(folder.path(), WORK)
        };
        let report = run(&table, &options).expect("a model");
        assert!(report.n_trials > 6, "only {} trials", report.n_trials);
        models.push(model_without_notes(&options.out));
    }
    assert_eq!(models[0], models[1]);
    assert_eq!(models[0], models[2]);
}

#[test]
fn the_model_predicts_what_the_report_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = options(folder.path(), WORK);
    let report = run(&table(400, 1), &options).expect("a model");
    assert!(report.score.value > 0.9, "{:?}", report.score);
    assert!(report.contract.met);
    let fresh = table(500, 2);
    let predictor = Predictor::load(&options.out).expect("loads");
    let (mut scratch, mut out) = (Scratch::default(), [0.0]);
    let mut n_right = 0;
    for row in 0..500 {
        let cell = |name: &str| fresh.column(name).expect("a column").data.value(row);
        let columns = &predictor.schema().columns;
        let values: Vec<Value<'_>> = columns.iter().map(|c| cell(&c.name)).collect();
        predictor.predict_row(&values, &mut scratch, &mut out).expect("a row");
        let predicted = if out[0] > 0.5 { "yes" } else { "no" };
        n_right += usize::from(cell("class") == Value::Text(predicted));
    }
    assert!(n_right > 425, "{n_right} of 500 are right");
    assert_eq!(report.importances[0].0, "x", "{:?}", report.importances);
    assert!(report.members.iter().map(|m| m.0).sum::<f64>() > 0.999);
}

#[test]
fn a_run_that_was_cut_off_anywhere_ends_as_the_whole_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(300, 4);
    let options = options(folder.path(), WORK / 2);
    run(&table, &options).expect("a model");
    let whole = model_without_notes(&options.out);
    let journal = std::fs::read(journal_path(&options.run_dir)).expect("a journal");
    let ends: Vec<usize> =
        (0..journal.len()).filter(|&i| journal[i] == b'\n').map(|i| i + 1).collect();
    // After the header, after an even number of trials (rounds of two), and within a line.
    for cut in [ends[0], ends[2] + 7, ends[4], journal.len()] {
        std::fs::write(journal_path(&options.run_dir), &journal[..cut]).expect("cut");
        std::fs::remove_file(&options.out).expect("removed");
        std::fs::remove_file(options.run_dir.join("report.json")).expect("removed");
        let dir = &options.run_dir;
        let report = eyas::resume(dir, &table, &options, None, &Interrupt::new(), &Silent);
        report.expect("resumed");
        assert_eq!(model_without_notes(&options.out), whole, "cut at {cut} of {}", journal.len());
    }
}

#[test]
fn other_data_is_not_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = options(folder.path(), WORK / 10);
    run(&table(200, 1), &options).expect("a model");
    let same = table(200, 1);
    let ended = eyas::resume(&options.run_dir, &same, &options, None, &Interrupt::new(), &Silent);
    let error = ended.expect_err("it has ended").to_string();
    assert!(error.contains("has ended"), "{error}");
    std::fs::remove_file(options.run_dir.join("report.json")).expect("removed");
    let resumed =
        eyas::resume(&options.run_dir, &table(200, 2), &options, None, &Interrupt::new(), &Silent);
    let error = resumed.expect_err("other data").to_string();
    assert!(error.contains("not the data"), "{error}");
}

#[test]
fn a_limit_that_nothing_meets_is_said_and_the_fastest_is_returned() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = FitOptions {
        latency_ns: Some(0.001),
        budget: Budget::Wall { started: Instant::now(), seconds: 1.5 },
        ..options(folder.path(), 0)
    };
    let report = run(&table(300, 1), &options).expect("a model all the same");
    assert!(!report.contract.met);
    assert!(report.contract.explanation.contains("no model met the latency limit"));
    assert!(Predictor::load(&options.out).is_ok());
}

#[test]
fn size_limits_are_met_by_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = FitOptions {
        size_bytes: Some(40_000),
        budget: Budget::Wall { started: Instant::now(), seconds: 2.0 },
        ..options(folder.path(), 0)
    };
    let report = run(&table(500, 1), &options).expect("a model");
    assert!(report.contract.met, "{}", report.contract.explanation);
    let file = std::fs::metadata(&options.out).expect("written");
    // The notes come on top of what was measured.
    assert!(report.file_bytes <= 40_000 && file.len() >= report.file_bytes);
}

#[test]
fn methods_that_are_off_do_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = FitOptions { without: Method::ALL.to_vec(), ..options(folder.path(), WORK) };
    let report = run(&table(300, 1), &options).expect("a model");
    assert_eq!(report.members.len(), 1);
    assert!(report.contributions.iter().all(|c| !c.on && c.score_gain == 0.0));
    let (_, entries, _) = journal::read(&options.run_dir).expect("a journal");
    assert!(entries.iter().all(|e| e.trial.origin == eyas_search::Origin::Default));
}

#[test]
fn a_second_run_hears_of_the_first_through_the_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut memory = Memory::open(folder.path().join("memory.db")).expect("a memory");
    let first = options(folder.path(), WORK / 2);
    let silent = Interrupt::new();
    eyas::fit(&table(300, 1), &first, Some(&mut memory), &silent, &Silent).expect("a model");
    assert_eq!(memory.list().expect("readable").len(), 1);
    let second = FitOptions { run_dir: folder.path().join("second"), ..first };
    eyas::fit(&table(320, 9), &second, Some(&mut memory), &silent, &Silent).expect("a model");
    let (_, entries, _) = journal::read(&second.run_dir).expect("a journal");
    assert!(entries.iter().any(|e| e.trial.origin == eyas_search::Origin::Memory));
    assert_eq!(memory.list().expect("readable").len(), 1, "it is the same task");
}

/// Asks to finish as soon as the first trial has ended.
struct InterruptAtOnce<'a>(&'a Interrupt);

impl Observer for InterruptAtOnce<'_> {
    fn event(&self, event: &Event) {
        if matches!(event, Event::TrialEnded { .. }) {
            self.0.raise();
        }
    }
}

#[test]
fn an_interrupted_run_ends_with_what_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let interrupt = Interrupt::new();
    let options = options(folder.path(), u64::MAX / 4);
    let observer = InterruptAtOnce(&interrupt);
    let report = eyas::fit(&table(300, 1), &options, None, &interrupt, &observer);
    let report = report.expect("the first model");
    assert_eq!(report.stop_reason, "interrupted");
    assert!(Predictor::load(&options.out).is_ok());
}

#[test]
fn a_validation_table_is_used_for_validation_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let validation = Validation::Table(table(150, 8));
    let options = FitOptions { validation, ..options(folder.path(), WORK / 4) };
    let report = run(&table(300, 1), &options).expect("a model");
    assert_eq!(report.validation, "a file of 150 rows");
    assert_eq!(report.score.n_rows, 150);
}

#[test]
fn wrong_options_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = options(folder.path(), 0);
    let error = run(&table(100, 1), &base).expect_err("no work").to_string();
    assert!(error.contains("--work"), "{error}");
    let folds = FitOptions { validation: Validation::Folds(1), ..options(folder.path(), WORK) };
    let error = run(&table(100, 1), &folds).expect_err("one fold").to_string();
    assert!(error.contains("--folds"), "{error}");
}
