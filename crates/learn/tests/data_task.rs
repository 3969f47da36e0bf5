//! Tasks and datasets: every named error, what is inferred, and what becomes of columns.

use eyas_learn::data::{KindOverride, Notice, ReadOptions, Table, read_csv_bytes};
use eyas_learn::dataset::{BuildOptions, Numbers};
use eyas_learn::{Dataset, Error, Target, Task, TaskOptions};
use eyas_model::encoder::bin_of_number;
use eyas_model::{Bins, ColumnKind, Derive, TaskKind};
use proptest::prelude::*;

fn table(text: &str) -> Table {
    read_csv_bytes("test.csv", text.as_bytes().to_vec(), &ReadOptions::default()).unwrap().0
}

fn options(target: &str) -> TaskOptions {
    TaskOptions { target: target.to_string(), ..TaskOptions::default() }
}

fn task(text: &str, options: &TaskOptions) -> Result<(Task, Vec<Notice>), Error> {
    Task::new(&table(text), options)
}

fn task_error(text: &str, options: &TaskOptions) -> String {
    task(text, options).unwrap_err().to_string()
}

fn build(text: &str, options: &TaskOptions) -> Result<(Dataset, Vec<Notice>), Error> {
    let table = table(text);
    let (task, _) = Task::new(&table, options)?;
    Dataset::build(&table, &task, &BuildOptions::default())
}

fn column(name: &str, cells: impl Iterator<Item = String>) -> String {
    let mut text = format!("{name},y\n");
    for (row, cell) in cells.enumerate() {
        text += &format!("{cell},{}.5\n", row % 7);
    }
    text
}

#[test]
fn errors_say_what_to_do() {
    let xy = "x,y\n1,a\n2,b\n3,a\n4,b\n";
    let stated = |kind| TaskOptions { kind: Some(kind), ..options("y") };
    let metric = |name: &str| TaskOptions { metric: Some(name.into()), ..options("y") };
    let many: String = (0..1001).fold("y\n".into(), |text, i| format!("{text}c{i}\nc{i}\n"));
    for (text, options, expected) in [
        (xy, options("z"), "there is no target column `z`; did you mean `x`?"),
        (xy, options("price"), "there is no target column `price`; the columns are `x`, `y`"),
        ("x,y\n1,\n2,NA\n", options("y"), "the target `y` is missing in all 2 rows"),
        ("x,y\n1,3\n", options("y"), "the target `y` is present in 1 row; at least 2"),
        ("x,y\n1,a\n2,a\n", options("y"), "the target `y` is `a` in every row"),
        ("x,y\n1,5\n2,5\n", options("y"), "the target `y` is `5` in every row"),
        ("x,y\n1,a\n2,a\n3,b\n", options("y"), "class `b` of the target `y` has 1 row"),
        (&many, options("y"), "the target `y` has 1001 classes, more than the 1000 allowed"),
        (
            xy,
            stated(TaskKind::Regression),
            "regression needs numbers, but the target `y` has names such as `a`",
        ),
        (
            "y\na\nb\nc\na\nb\nc\n",
            stated(TaskKind::Binary),
            "a binary task has 2 classes, but the target `y` has 3",
        ),
        ("y\n2024-01-01\n2024-01-02\n", options("y"), "the target `y` is a date"),
    ] {
        let message = task_error(text, &options);
        assert!(message.starts_with(expected), "{message}");
    }
    for name in ["rmse", "nonsense"] {
        let message = task_error(xy, &metric(name));
        assert!(message.contains(name) && message.contains("roc_auc, "), "{message}");
    }
}

#[test]
fn errors_of_other_columns() {
    let text = "x,g,t,w,y\n1,a,b,-1,1.5\n2,,b,1,2.5\n3,b,b,2,3.5\n";
    let groups = |name: &str| TaskOptions { groups: Some(name.into()), ..options("y") };
    let time = |name: &str| TaskOptions { time: Some(name.into()), ..options("y") };
    let weights = |name: &str| TaskOptions { weights: Some(name.into()), ..options("y") };
    let drop = TaskOptions { drop: vec!["nothing".into()], ..options("y") };
    for (options, expected) in [
        (groups("gg"), "there is no group column `gg`; did you mean `g`?"),
        (groups("g"), "the group column `g` is missing in 1 of 3 rows, first in row 2"),
        (time("when"), "there is no time column `when`"),
        (time("t"), "the time column `t` is neither dates nor numbers"),
        (weights("ww"), "there is no weight column `ww`; did you mean `w`?"),
        (weights("w"), "the weight column `w` is -1 in row 1; weights must be 0 or more"),
        (weights("t"), "the weight column `t` has cells that are no numbers"),
        (drop, "there is no dropped column `nothing`"),
    ] {
        let message = task_error(text, &options);
        assert!(message.starts_with(expected), "{message}");
    }
    let nan = "w,y\n1,1.5\n,2.5\n3,3.5\n";
    assert!(task_error(nan, &weights("w")).contains("`w` is missing in row 2"));
    assert!(task_error("w,y\n0,1.5\n0,2.5\n0,3.5\n", &weights("w")).contains("are all 0"));
    let balanced = TaskOptions { balance_classes: true, ..options("y") };
    assert!(task_error("y\n1.5\n2.5\n3.5\n", &balanced).contains("regression task has no classes"));
}

#[test]
fn nothing_to_learn_from() {
    let message = build("x,y\n1,2.5\n1,3.5\n1,4.5\n", &options("y")).unwrap_err().to_string();
    assert!(message.contains("column `x`: is the same in every row"), "{message}");
    let message = build("y\n2.5\n3.5\n4.5\n", &options("y")).unwrap_err().to_string();
    assert!(message.starts_with("none of the 0 columns beside the target"), "{message}");
}

#[test]
fn classes_are_sorted() {
    let (found, _) = task("y\nyes\nno\nyes\nno\n", &options("y")).unwrap();
    assert_eq!((found.kind, found.classes), (TaskKind::Binary, vec!["no".into(), "yes".into()]));
    assert_eq!(found.target, Target::Classes(vec![1, 0, 1, 0]));
    assert_eq!(found.metric.name, "roc_auc");

    let stated = TaskOptions { kind: Some(TaskKind::Multiclass), ..options("y") };
    let (found, _) = task("y\n10\n9\n100\n10\n9\n100\n", &stated).unwrap();
    assert_eq!(found.classes, ["9", "10", "100"], "numbers by size");
    assert_eq!(found.target, Target::Classes(vec![1, 0, 2, 1, 0, 2]));
    assert_eq!(found.metric.name, "log_loss");

    let (found, notices) = task("y\n2\n1\n2\n1\n", &stated).unwrap();
    assert_eq!(found.kind, TaskKind::Binary, "two classes");
    assert_eq!(notices.len(), 1);
}

#[test]
fn rows_without_target_are_left_out() {
    let text = "x,g,t,y\n1,a,5,1.5\n2,b,6,\n3,b,7,2.5\n4,a,8,3.5\n";
    let options = TaskOptions { groups: Some("g".into()), time: Some("t".into()), ..options("y") };
    let (found, notices) = task(text, &options).unwrap();
    assert_eq!(found.rows, [0, 2, 3]);
    assert_eq!(found.groups, Some(vec![0, 1, 0]));
    assert_eq!(found.times, Some(vec![5.0, 7.0, 8.0]));
    assert_eq!(
        notices[0].to_string(),
        "column `y`: the target is missing in 1 of 4 rows: they are left out"
    );
    let (data, _) = build(text, &options).unwrap();
    assert_eq!(data.numbers, [vec![1.0, 3.0, 4.0].into()], "groups and times are no features");
    assert_eq!(data.target, Target::Numbers(vec![1.5, 2.5, 3.5]));
}

#[test]
fn ambiguous_numbers_are_told() {
    let text: String = (0..100).fold("y\n".into(), |text, i| format!("{text}{}\n", i % 5));
    let (found, notices) = task(&text, &options("y")).unwrap();
    assert_eq!(found.kind, TaskKind::Multiclass);
    assert!(notices[0].what.contains("5 distinct whole numbers: taken for classes"));
    let stated = TaskOptions { kind: Some(TaskKind::Regression), ..options("y") };
    let (found, notices) = task(&text, &stated).unwrap();
    assert_eq!((found.kind, notices.len()), (TaskKind::Regression, 0));
}

#[test]
fn columns_become_features() {
    let mut text = "id,const,city,when,note,name,x,y\n".to_string();
    for row in 0..60 {
        let city = if row % 3 == 0 { "Oslo" } else { "Rome" };
        let city = if row == 7 { "" } else { city };
        let day = row % 28 + 1;
        text += &format!(
            "{row},1,{city},2024-05-{day:02},a note of many words {row},n{row},{},{}.5\n",
            row * row,
            row % 9
        );
    }
    let (data, notices) = build(&text, &options("y")).unwrap();
    let names: Vec<&str> = data.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["city", "when.weekday", "when.epoch", "x"], "what varies");
    let dropped: Vec<&str> = notices.iter().map(|notice| notice.column.as_str()).collect();
    assert_eq!(dropped, ["id", "const", "note", "name"]);
    let kinds: Vec<ColumnKind> = data.schema.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [ColumnKind::Category, ColumnKind::DateTime, ColumnKind::Number]);
    assert_eq!(data.features.iter().map(|f| f.column).collect::<Vec<_>>(), [0, 1, 1, 2]);
    assert_eq!(data.features[1].derive, Derive::Weekday);
    assert_eq!(data.features[0].bins, Bins::Levels(vec!["Rome".into(), "Oslo".into()]));
    assert_eq!(data.bins[0][..8], [2, 1, 1, 2, 1, 1, 2, 0]);
    assert!(data.numbers[0] == Numbers::default() && data.number(3, 9) == 81.0);
    let facts = data.facts(50);
    assert_eq!((facts.n_rows, facts.n_features, facts.n_categorical), (50, 4, 1));
    assert_eq!(facts.n_bins, data.features.iter().map(|f| f.bins.n_bins()).sum::<usize>());
}

#[test]
fn stated_columns_are_kept() {
    let text = column("id", (0..50).map(|i| i.to_string()));
    assert!(build(&text, &options("y")).is_err());
    let table = table(&text);
    let (task, _) = Task::new(&table, &options("y")).unwrap();
    let stated = BuildOptions { stated: vec!["id".into()], ..BuildOptions::default() };
    assert_eq!(Dataset::build(&table, &task, &stated).unwrap().0.n_features(), 1);
}

#[test]
fn a_time_column_of_dates_gives_no_year() {
    let mut text = "when,y\n".to_string();
    for row in 0..40 {
        text +=
            &format!("20{:02}-{:02}-01T{:02}:00:00,{row}.5\n", row % 20, row % 12 + 1, row % 24);
    }
    let options = TaskOptions { time: Some("when".into()), ..options("y") };
    let (data, _) = build(&text, &options).unwrap();
    let derived: Vec<Derive> = data.features.iter().map(|feature| feature.derive).collect();
    assert_eq!(derived, [Derive::Month, Derive::Weekday, Derive::Hour]);
}

#[test]
fn rare_levels_share_the_bucket_of_unseen_ones() {
    // Level i is used i / 10 + 1 times; ties go by name.
    let cells = (0..300).flat_map(|i| std::iter::repeat_n(format!("v{i:03}"), i / 10 + 1));
    let (data, _) = build(&column("c", cells.clone()), &options("y")).unwrap();
    let Bins::Levels(levels) = &data.features[0].bins else { panic!("levels") };
    assert_eq!(levels.len(), 253);
    assert_eq!(levels[..2], ["v290", "v291"]);
    assert_eq!(data.features[0].bins.n_bins(), 255);
    for (cell, &bin) in cells.zip(&data.bins[0]) {
        let expected = levels.iter().position(|level| *level == cell).map_or(254, |at| at + 1);
        assert_eq!(bin as usize, expected, "{cell}");
    }
}

#[test]
fn missing_is_told_from_the_only_value() {
    let text = column("x", (0..20).map(|i| if i % 2 == 0 { "5".into() } else { String::new() }));
    let (data, _) = build(&text, &options("y")).unwrap();
    assert_eq!(data.features[0].bins, Bins::Edges(vec![]));
    assert_eq!(data.bins[0][..3], [1, 0, 1]);
    let text = column("x", (0..20).map(|i| if i % 2 == 0 { "a".into() } else { String::new() }));
    assert_eq!(build(&text, &options("y")).unwrap().0.bins[0][..3], [1, 0, 1]);
}

#[test]
fn a_limit_of_memory_is_checked_before() {
    let table = table(&column("x", (0..1000).map(|i| i.to_string())));
    let (task, _) = Task::new(&table, &options("y")).unwrap();
    let needed = Dataset::memory_bytes_needed(&table, &task);
    assert_eq!(needed, 1000 * (9 + 8));
    let with = |limit| BuildOptions { memory_limit_bytes: Some(limit), ..BuildOptions::default() };
    assert!(Dataset::build(&table, &task, &with(needed)).is_ok());
    let error = Dataset::build(&table, &task, &with(needed - 1)).unwrap_err();
    assert!(matches!(error, Error::Memory { needed_bytes: 17_000, .. }), "{error}");
}

#[test]
fn ten_thousand_columns() {
    let names: Vec<String> = (0..10_000).map(|i| format!("x{i}")).collect();
    let mut text = format!("{},y\n", names.join(","));
    for row in 0..20 {
        let cells: Vec<String> = (0..10_000).map(|i| (row * i % 17).to_string()).collect();
        text += &format!("{},{}\n", cells.join(","), if row % 2 == 0 { "a" } else { "b" });
    }
    let (data, notices) = build(&text, &options("y")).unwrap();
    assert_eq!(data.n_features() + notices.len(), 10_000);
    assert_eq!(data.n_features(), 10_000 - 10_000usize.div_ceil(17));
}

#[test]
fn threads_do_not_change_a_dataset() {
    let table = table(&column("x", (0..3000).map(|i| (i * 7919 % 3001).to_string())));
    let (task, _) = Task::new(&table, &options("y")).unwrap();
    let with = |threads| {
        let options = BuildOptions { threads, ..BuildOptions::default() };
        format!("{:?}", Dataset::build(&table, &task, &options).unwrap())
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn tables_split_and_rows_are_taken() {
    let table = table(&column("x", (0..100).map(|i| i.to_string())));
    let (first, second) = table.split(0.2, 7);
    assert_eq!((first.n_rows(), second.n_rows()), (80, 20));
    let cells = |table: &Table| -> Vec<String> {
        (0..table.n_rows()).map(|row| format!("{:?}", table.columns[0].data.value(row))).collect()
    };
    let mut all = [cells(&first), cells(&second)].concat();
    let mut expected = cells(&table);
    all.sort();
    expected.sort();
    assert_eq!(all, expected, "every row is in one of them");
    assert_eq!(table.split(0.2, 7).1, second);
    assert_ne!(table.split(0.2, 8).1, second);
    assert_eq!(cells(&table.take(&[5, 5, 2])), ["Number(5.0)", "Number(5.0)", "Number(2.0)"]);
}

#[test]
fn a_stated_category_of_numbers() {
    let types = vec![("x".to_string(), KindOverride::Category)];
    let text = column("x", (0..30).map(|i| (i % 3).to_string()));
    let read = ReadOptions { types, ..ReadOptions::default() };
    let (table, _) = read_csv_bytes("t", text.into_bytes(), &read).unwrap();
    let (task, _) = Task::new(&table, &options("y")).unwrap();
    let (data, _) = Dataset::build(&table, &task, &BuildOptions::default()).unwrap();
    assert_eq!(data.features[0].bins, Bins::Levels(vec!["0".into(), "1".into(), "2".into()]));
}

proptest! {
    /// Bins are those of the model's encoder, and a duplicated table has the same thresholds.
    #[test]
    fn bins_are_those_of_the_model(
        cells in prop::collection::vec(prop::option::weighted(0.9, -1000i32..1000), 20..600)
    ) {
        let numbers = cells.iter().map(|cell| cell.map_or(String::new(), |n| n.to_string()));
        let text = column("x", numbers);
        let Ok((data, _)) = build(&text, &options("y")) else { return Ok(()) };
        let Bins::Edges(edges) = &data.features[0].bins else { panic!("edges") };
        prop_assert!(edges.len() <= 254 && edges.windows(2).all(|pair| pair[0] < pair[1]));
        for (row, &bin) in data.bins[0].iter().enumerate() {
            let number = data.number(0, row);
            prop_assert_eq!(bin, bin_of_number(edges, number));
        }
    }
}
