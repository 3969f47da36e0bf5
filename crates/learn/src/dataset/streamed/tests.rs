//! Files read in passes give the bins of their tables.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::data::{ColumnData, CsvSource, read_csv};
use crate::random::Stream;

const SILENT: &(dyn Fn(usize, u64) + Sync) = &|_, _| {};

/// A file with columns of every kind, some of which change their kind on the way.
fn file(folder: &Path, n_rows: usize, seed: u64) -> std::path::PathBuf {
    let mut random = Stream::new(&[seed]);
    let mut text = String::from(
        "amount,count,flag,city,when,code,constant,customer_id,note,mostly,weight,target\n",
    );
    for row in 0..n_rows {
        let amount = (random.uniform() - 0.5) * 100.0;
        let gap = |text: String, share: f64, random: &mut Stream| {
            if random.uniform() < share { String::new() } else { text }
        };
        let amount = gap(format!("{amount}"), 0.1, &mut random);
        let city = gap(format!("city {}", random.below(40)), 0.05, &mut random);
        // Numbers first, names later: the column is one of names.
        let code = if row < n_rows / 2 { format!("{}", row % 7) } else { format!("c{}", row % 5) };
        let mostly = if random.uniform() < 0.01 { "1.5".into() } else { String::new() };
        let day = 1 + random.below(28);
        let month = 1 + random.below(12);
        let _ = writeln!(
            text,
            "{amount},{},{},{city},2024-{month:02}-{day:02},{code},x,{row},\
             the quick brown fox number {row} jumps,{mostly},{},{}",
            random.below(300),
            if random.below(2) == 0 { "yes" } else { "no" },
            1 + random.below(3),
            ["a", "b", "c"][random.below(3)],
        );
    }
    let path = folder.join("data.csv");
    std::fs::write(&path, text).expect("a temporary file");
    path
}

fn streamed(path: &Path, read: &ReadOptions, task: &TaskOptions) -> Result<Streamed, Error> {
    let (source, _) = CsvSource::open(path, read)?;
    let build = BuildOptions::default();
    super::read(
        &source,
        &StreamOptions { read, task, build: &build, n_raw_rows: 100, progress: SILENT },
    )
}

fn task_options() -> TaskOptions {
    TaskOptions {
        target: "target".into(),
        weights: Some("weight".into()),
        drop: vec!["count".into()],
        ..TaskOptions::default()
    }
}

#[test]
fn a_streamed_file_gives_the_bins_of_its_table() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (n_rows, seed) in [(50, 1), (3000, 2), (90_000, 3)] {
        let path = file(folder.path(), n_rows, seed);
        let task_options = task_options();
        let (table, _) = read_csv(&path, &ReadOptions::default()).expect("a table");
        let (task, _) = Task::new(&table, &task_options).expect("a task");
        let build = BuildOptions { bins_only: true, ..BuildOptions::default() };
        let (expected, notices) = Dataset::build(&table, &task, &build).expect("a dataset");
        for threads in [1, 3] {
            let read = ReadOptions { threads, ..ReadOptions::default() };
            let made = streamed(&path, &read, &task_options).expect("a dataset");
            assert_eq!(made.data.schema, expected.schema);
            assert_eq!(made.data.features, expected.features);
            assert_eq!(made.data.bins, expected.bins);
            assert_eq!(made.data.target, expected.target);
            assert_eq!(made.data.weights, expected.weights);
            assert_eq!(made.task.rows, task.rows);
            let told = |notices: &[Notice]| -> Vec<String> {
                notices.iter().map(Notice::to_string).collect()
            };
            assert!(told(&made.notices).ends_with(&told(&notices)), "{:?}", made.notices);
        }
    }
}

#[test]
fn raw_rows_are_rows_of_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(folder.path(), 3000, 4);
    let (table, _) = read_csv(&path, &ReadOptions::default()).expect("a table");
    let made = streamed(&path, &ReadOptions::default(), &task_options()).expect("a dataset");
    assert_eq!(made.rows.n_rows(), 100);
    let key = |table: &Table, row: usize| -> Vec<String> {
        made.rows
            .columns
            .iter()
            .map(|column| {
                let column = table.column(&column.name).expect("the same columns");
                format!("{:?}", column.data.value(row))
            })
            .collect()
    };
    let all: std::collections::BTreeSet<Vec<String>> =
        (0..table.n_rows()).map(|row| key(&table, row)).collect();
    for row in 0..100 {
        assert!(all.contains(&key(&made.rows, row)), "row {row}");
    }
    assert!(matches!(
        made.rows.column("flag").unwrap().data,
        ColumnData::Category { boolean: true, .. }
    ));
}

#[test]
fn numbers_are_the_means_of_their_bins() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("data.csv");
    let rows: String = (0..1000).map(|row| format!("{},{}\n", row % 4, row % 2)).collect();
    std::fs::write(&path, format!("x,target\n{rows}")).expect("a temporary file");
    let options = TaskOptions { target: "target".into(), ..TaskOptions::default() };
    let made = streamed(&path, &ReadOptions::default(), &options).expect("a dataset");
    let seen: Vec<f64> = (0..4).map(|row| made.data.number(0, row)).collect();
    assert_eq!(seen, [0.0, 1.0, 2.0, 3.0], "few values are kept exactly");
}

#[test]
fn rows_without_a_target_are_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("data.csv");
    let target =
        |row: usize| if row.is_multiple_of(3) { String::new() } else { format!("{}", row % 2) };
    let rows: String = (0..600).map(|row| format!("{row}.5,{}\n", target(row))).collect();
    std::fs::write(&path, format!("x,target\n{rows}")).expect("a temporary file");
    let options = TaskOptions { target: "target".into(), ..TaskOptions::default() };
    let made = streamed(&path, &ReadOptions::default(), &options).expect("a dataset");
    assert_eq!((made.data.n_rows, made.data.bins[0].len()), (400, 400));
}

#[test]
fn quantiles_of_many_rows_are_near() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("data.csv");
    let n = 300_000;
    let rows: String = (0..n).map(|row| format!("{},{}\n", (row * 7919) % n, row % 2)).collect();
    std::fs::write(&path, format!("x,target\n{rows}")).expect("a temporary file");
    let options = TaskOptions { target: "target".into(), ..TaskOptions::default() };
    let one = streamed(&path, &ReadOptions { threads: 1, ..ReadOptions::default() }, &options);
    let two = streamed(&path, &ReadOptions { threads: 2, ..ReadOptions::default() }, &options);
    let (one, two) = (one.expect("a dataset"), two.expect("a dataset"));
    assert_eq!(one.data.bins, two.data.bins, "threads do not matter");
    let mut counts = [0_usize; 256];
    one.data.bins[0].iter().for_each(|&bin| counts[usize::from(bin)] += 1);
    let (least, most) = (counts[1..].iter().min().unwrap(), counts[1..].iter().max().unwrap());
    let share = n / 255;
    assert!(*least > share * 6 / 10 && *most < share * 14 / 10, "{least} to {most} of {share}");
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(folder.path(), 100, 5);
    let problem = |read: &ReadOptions, task: &TaskOptions| {
        streamed(&path, read, task).map(|_| ()).expect_err("a mistake").to_string()
    };
    let read = ReadOptions::default();
    let task = TaskOptions { target: "tarket".into(), ..TaskOptions::default() };
    let told = problem(&read, &task);
    assert!(
        told.contains("there is no target column `tarket`") && told.contains("target"),
        "{told}"
    );
    let task = TaskOptions { drop: vec!["cont".into()], ..task_options() };
    assert!(problem(&read, &task).contains("dropped column `cont`"));
    let kinds = ReadOptions { types: vec![("city".into(), KindOverride::Number)], ..read.clone() };
    assert!(problem(&kinds, &task_options()).contains("no number"));
    std::fs::write(&path, "a,target\n").expect("a temporary file");
    assert!(
        problem(&read, &TaskOptions { target: "target".into(), ..TaskOptions::default() })
            .contains("no rows")
    );
}

#[test]
fn progress_is_told_by_pass() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(folder.path(), 1000, 6);
    let (source, _) = CsvSource::open(&path, &ReadOptions::default()).expect("a file");
    let told = Mutex::new(Vec::new());
    let (read, task, build) = (ReadOptions::default(), task_options(), BuildOptions::default());
    let progress = |pass: usize, rows: u64| told.lock().expect("not poisoned").push((pass, rows));
    let options = StreamOptions {
        read: &read,
        task: &task,
        build: &build,
        n_raw_rows: 10,
        progress: &progress,
    };
    super::read(&source, &options).expect("a dataset");
    let told = told.into_inner().expect("not poisoned");
    assert!(told.contains(&(1, 1000)) && told.contains(&(2, 1000)), "{told:?}");
}
