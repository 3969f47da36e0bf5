//! Whole comparisons on a small table, by work units.

use std::cell::RefCell;
use std::path::Path;

use eyas_learn::{Column, ColumnData};
use eyas_model::Model;
use eyas_search::random::Stream;

use super::*;

const WORK: u64 = 3_000_000;

/// Rows whose class follows from `x`, a colour and luck.
fn table(n_rows: usize, seed: u64) -> Table {
    let mut random = Stream::new(&[seed]);
    let (mut x, mut colors, mut classes) = (vec![], vec![], vec![]);
    for row in 0..n_rows {
        let (value, color) = (random.uniform(), random.below(3) as u32);
        let score = value + 0.3 * f64::from(color) + 0.3 * (random.uniform() - 0.5);
        x.push(if row % 17 == 0 { f64::NAN } else { value });
        colors.push(color);
        classes.push(u32::from(score > 0.8));
    }
    let names = |codes, names: &[&str]| ColumnData::Category {
        codes,
        levels: names.iter().map(|name| (*name).to_owned()).collect(),
        boolean: false,
    };
    let column = |name: &str, data| Column { name: name.into(), data };
    Table {
        columns: vec![
            column("x", ColumnData::Number(x)),
            column("color", names(colors, &["red", "green", "blue", "violet"])),
            column("class", names(classes, &["no", "yes"])),
        ],
    }
}

fn options(dir: &Path, methods: &[Method]) -> CompareOptions {
    let fit = FitOptions {
        task: TaskOptions { target: "class".into(), ..TaskOptions::default() },
        stated_columns: Vec::new(),
        latency_ns: None,
        size_bytes: None,
        memory_bytes: None,
        budget: Budget::Work(WORK),
        validation: Validation::Auto,
        threads: 1,
        seed: 3,
        without: Vec::new(),
        out: std::path::PathBuf::new(),
        run_dir: dir.to_owned(),
        data_name: "a test".into(),
        checkpoint_seconds: None,
        sampler: None,
        caller_state: "{}".into(),
    };
    CompareOptions { fit, methods: methods.to_vec(), n_seeds: 1, sealing: Sealing::Share(0.25) }
}

fn run(table: &Table, options: &CompareOptions) -> Comparison {
    compare(table, options, None, &Interrupt::new(), &|_| ()).expect("a comparison")
}

/// What must not depend on the machine.
fn without_clock(mut comparison: Comparison) -> Comparison {
    for run in &mut comparison.runs {
        run.seconds = 0.0;
        (run.measured_p50_ns, run.measured_p99_ns) = (None, None);
    }
    comparison.variants.iter_mut().for_each(|variant| variant.seconds = None);
    for method in &mut comparison.methods {
        let effects = [&mut method.added, &mut method.alone];
        effects.into_iter().flatten().for_each(|effect| effect.seconds = 0.0);
    }
    comparison.run_dir.clear();
    comparison
}

fn model(path: &Path) -> Model {
    let mut model = Model::from_bytes(&std::fs::read(path).expect("written")).expect("a model");
    model.notes.clear();
    model
}

#[test]
fn by_work_nothing_depends_on_threads_and_a_stop_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(240, 1);
    let base = options(&folder.path().join("whole"), &[Method::Pruning]);
    let base = CompareOptions { n_seeds: 2, ..base };
    let whole = run(&table, &base);
    assert_eq!((whole.n_planned, whole.n_ended), (8, 8));
    assert!(whole.runs.iter().all(|run| run.score > Some(0.6)), "{:?}", whole.runs);
    assert!(whole.methods[0].added.as_ref().is_some_and(|added| added.n_pairs == 2));
    let whole = without_clock(whole);

    let mut stopped = options(&folder.path().join("stopped"), &[Method::Pruning]);
    (stopped.n_seeds, stopped.fit.threads) = (2, 3);
    let interrupt = Interrupt::new();
    let stop = |step: &Step<'_>| {
        if matches!(step, Step::Started { number: 4, .. }) {
            interrupt.raise();
        }
    };
    let part = compare(&table, &stopped, None, &interrupt, &stop).expect("what is known");
    assert_eq!((part.n_planned, part.n_ended), (8, 3), "the fourth was cut short");
    let started = RefCell::new(Vec::new());
    let watch = |step: &Step<'_>| {
        if let Step::Started { number, .. } = step {
            started.borrow_mut().push(*number);
        }
    };
    let rest = compare(&table, &stopped, None, &Interrupt::new(), &watch).expect("the rest");
    assert_eq!(*started.borrow(), [4, 5, 6, 7, 8]);
    assert_eq!(without_clock(rest), whole);
}

#[test]
fn runs_do_not_see_the_sealed_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(240, 2);
    let before = options(&folder.path().join("before"), &[Method::Rate]);
    let (task, _) = Task::new(&table, &before.fit.task).expect("a task");
    let sealed = sealing::folds(&table, &task, &before.fit.task, before.sealing, 3).expect("one");
    let mut changed = table.clone();
    for &row in &sealed[0].sealed {
        let row = row as usize;
        if let ColumnData::Number(values) = &mut changed.columns[0].data {
            values[row] = 1e6 - values[row];
        }
        if let ColumnData::Category { codes, .. } = &mut changed.columns[1].data {
            codes[row] = 3;
        }
    }
    let after = options(&folder.path().join("after"), &[Method::Rate]);
    let (first, second) = (run(&table, &before), run(&changed, &after));
    let files = std::fs::read_dir(before.fit.run_dir.join("models")).expect("models");
    let names: Vec<_> = files.map(|file| file.expect("a file").file_name()).collect();
    assert_eq!(names.len(), 4);
    for name in names {
        let of = |options: &CompareOptions| model(&options.fit.run_dir.join("models").join(&name));
        assert_eq!(of(&before), of(&after), "{name:?}");
    }
    assert_ne!(first.runs[0].score, second.runs[0].score, "but they are scored on them");
}

#[test]
fn every_run_reads_the_memory_as_it_was_and_nobody_writes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut memory = Memory::open(folder.path().join("memory.db")).expect("a memory");
    let other = Table {
        columns: table(200, 7)
            .columns
            .into_iter()
            .map(|column| Column { name: column.name.replace("color", "shade"), ..column })
            .collect(),
    };
    let table = table(240, 4);
    let mut learn = |name: &str, table: &Table| {
        let fit_options = FitOptions {
            out: folder.path().join("past.eyas"),
            ..options(&folder.path().join(name), &Method::ALL).fit
        };
        fit(table, &fit_options, Some(&mut memory), &Interrupt::new(), &Silent).expect("a model");
    };
    learn("other", &other);
    learn("same", &table);
    let list = |memory: &Memory| memory.list().expect("readable");
    let before = list(&memory);
    assert_eq!(before.len(), 2);

    let dir = folder.path().join("compared");
    let mut asked = options(&dir, &[Method::Transfer]);
    asked.n_seeds = 2;
    let found = compare(&table, &asked, Some(&memory), &Interrupt::new(), &|_| ());
    let found = found.expect("a comparison");
    assert_eq!(found.n_past_tasks, 1);
    assert!(found.notices.iter().any(|note| note.contains("this very table")), "{found:?}");
    assert_eq!(list(&memory), before, "the memory is as it was");
    let kept = Memory::open(folder::memory_path(&dir)).expect("kept");
    assert_eq!(list(&kept).len(), 1, "what the runs left is in none of the copies");
    drop(kept);

    // The last run with everything on is the run that one fit with that memory is.
    let mut alone = Past::copy(&dir).expect("a copy");
    let (task, _) = Task::new(&table, &asked.fit.task).expect("a task");
    let folds = sealing::folds(&table, &task, &asked.fit.task, asked.sealing, 3).expect("one");
    let fit_options = FitOptions {
        out: folder.path().join("direct.eyas"),
        run_dir: folder.path().join("direct"),
        seed: 4,
        ..asked.fit.clone()
    };
    let part = sealing::part_of(&table, &folds[0].learned);
    fit(&part, &fit_options, Some(&mut alone), &Interrupt::new(), &Silent).expect("a model");
    let of_all = dir.join("models").join("all-fold0-seed4.eyas");
    assert_eq!(model(&of_all), model(&fit_options.out));
}

#[test]
fn an_empty_memory_cannot_help_and_is_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = options(&folder.path().join("run"), &[Method::Transfer, Method::Rate]);
    let found = run(&table(200, 5), &asked);
    assert_eq!(found.n_planned, 4);
    let verdicts: Vec<(&str, Verdict)> =
        found.methods.iter().map(|it| (it.method.as_str(), it.verdict)).collect();
    assert_eq!(verdicts[1], ("transfer", Verdict::CannotHelpYet));
    let only = options(&folder.path().join("only"), &[Method::Transfer]);
    let refused = compare(&table(200, 5), &only, None, &Interrupt::new(), &|_| ());
    let error = refused.expect_err("nothing to run").to_string();
    assert!(error.contains("cannot help yet") && !only.fit.run_dir.exists(), "{error}");
}

#[test]
fn folds_give_each_method_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = options(&folder.path().join("run"), &[Method::Selection]);
    let asked = CompareOptions { sealing: Sealing::Folds(3), ..asked };
    let found = run(&table(240, 6), &asked);
    assert_eq!((found.n_folds, found.n_ended), (3, 12));
    let added = found.methods[0].added.as_ref().expect("three pairs");
    assert_eq!((added.n_pairs, added.score.degrees_of_freedom), (3, Some(2.0)));
    // The mean of the pairs, and its error, by hand.
    let of = |name: &str| -> Vec<f64> {
        let runs = found.runs.iter().filter(|run| run.variant == name);
        runs.map(|run| run.score.expect("scored")).collect()
    };
    let (all, without) = (of("all"), of("without selection"));
    let gains: Vec<f64> = all.iter().zip(&without).map(|(a, b)| a - b).collect();
    let mean = gains.iter().sum::<f64>() / 3.0;
    let spread = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / 2.0;
    let se = (spread * (1.0 / 3.0 + 0.5)).sqrt();
    assert!((added.score.value - mean).abs() < 1e-12);
    assert!((added.score.se.expect("known") - se).abs() < 1e-12);
}

#[test]
fn mistakes_are_told_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("run");
    let good = options(&dir, &[Method::Rate]);
    let with = |change: &dyn Fn(&mut CompareOptions)| {
        let mut options = good.clone();
        change(&mut options);
        options
    };
    let cases: [(CompareOptions, &str); 8] = [
        (with(&|o| o.methods.clear()), "--methods"),
        (with(&|o| o.methods.push(Method::Rate)), "twice"),
        (with(&|o| o.fit.budget = Budget::Work(10)), "--work"),
        (with(&|o| o.n_seeds = 0), "--seeds"),
        (with(&|o| o.sealing = Sealing::Folds(1)), "--folds"),
        (with(&|o| o.sealing = Sealing::Share(1.0)), "--holdout"),
        (with(&|o| o.fit.without = vec![Method::Rate]), "--without"),
        (with(&|o| o.fit.task.target = "clas".into()), "`clas`"),
    ];
    for (options, word) in cases {
        let refused = compare(&table(100, 1), &options, None, &Interrupt::new(), &|_| ());
        let error = refused.expect_err(word).to_string();
        assert!(error.contains(word), "{error}");
        assert!(!dir.exists(), "{word}");
    }
}
