//! CSV files: every named error, kinds, and round trips against the `csv` crate's plain reader.

use std::io::Write;
use std::path::{Path, PathBuf};

use eyas_learn::data::{
    Column, ColumnData, CsvRows, KindOverride, Notice, ReadOptions, ReadRows, RowBlock, Table,
    read_csv, read_csv_bytes,
};
use eyas_learn::{Error, data::write::write_csv};
use eyas_model::Value;
use proptest::prelude::*;

fn read(text: &str) -> Result<(Table, Vec<Notice>), Error> {
    read_csv_bytes("test.csv", text.as_bytes().to_vec(), &ReadOptions::default())
}

fn read_as(text: &str, types: &[(&str, KindOverride)]) -> Result<(Table, Vec<Notice>), Error> {
    let types = types.iter().map(|(name, kind)| (name.to_string(), *kind)).collect();
    let options = ReadOptions { types, ..ReadOptions::default() };
    read_csv_bytes("test.csv", text.as_bytes().to_vec(), &options)
}

fn table(text: &str) -> Table {
    read(text).unwrap().0
}

fn error(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn kind_of(table: &Table, name: &str) -> &'static str {
    match &table.column(name).unwrap().data {
        ColumnData::Number(_) => "number",
        ColumnData::DateTime(_) => "datetime",
        ColumnData::Text { .. } => "text",
        ColumnData::Category { boolean: true, .. } => "boolean",
        ColumnData::Category { .. } => "category",
    }
}

fn in_folder(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn gzip(parts: &[&str]) -> Vec<u8> {
    let mut all = Vec::new();
    for part in parts {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(part.as_bytes()).unwrap();
        all.extend(writer.finish().unwrap());
    }
    all
}

#[test]
fn kinds_are_found() {
    let text = "n,b,zero_one,c,d,mixed,none\n\
                1,yes,0,a,2024-01-01,1,\n\
                2.5,No,1,b,2024-02-30T00:00:00,x,NA\n\
                ,,,,,,?\n";
    let table = table(&text.replace("02-30", "02-28"));
    let kinds: Vec<&str> = table.columns.iter().map(|c| kind_of(&table, &c.name)).collect();
    assert_eq!(
        kinds,
        ["number", "boolean", "number", "category", "datetime", "category", "number"]
    );
    assert_eq!(table.n_rows(), 3);
    assert!(table.columns.iter().all(|column| column.data.is_missing(2)));
    assert_eq!(table.column("d").unwrap().data.value(0), Value::Number(1_704_067_200.0));
    assert_eq!(kind_of(&self::table(text), "d"), "category", "30 February is no date");
}

#[test]
fn text_is_told_from_category() {
    let mut text = "note,city\n".to_string();
    for i in 0..40 {
        text += &format!("the customer number {i} called about a bill,city {i}\n");
    }
    let table = table(&text);
    assert_eq!(kind_of(&table, "note"), "text");
    assert_eq!(kind_of(&table, "city"), "category");
}

#[test]
fn a_number_late_in_a_column_of_names_stays_a_name() {
    // More than one block: names come first, then numbers; and the other way round.
    let filler = "x".repeat(200);
    let rows = 60_000;
    let mut text = "early,late,filler\n".to_string();
    for i in 0..rows {
        let early = if i == 0 { "abc".to_string() } else { i.to_string() };
        let late = if i == rows - 1 { "abc".to_string() } else { i.to_string() };
        text += &format!("{early},{late},{filler}\n");
    }
    let table = table(&text);
    for name in ["early", "late"] {
        let ColumnData::Category { codes, levels, .. } = &table.column(name).unwrap().data else {
            panic!("{name} is {}", kind_of(&table, name));
        };
        assert_eq!((codes.len(), levels.len()), (rows, rows));
        assert!(codes.iter().enumerate().all(|(row, &code)| code as usize == row));
        assert_eq!(levels[1234], "1234");
    }
}

#[test]
fn threads_do_not_change_a_table() {
    let mut text = "a,b\n".to_string();
    for i in 0..400_000u64 {
        text += &format!("name {},{}\n", i * 7919 % 1013, i % 977);
    }
    let with = |threads| {
        let options = ReadOptions { threads, ..ReadOptions::default() };
        read_csv_bytes("test.csv", text.clone().into_bytes(), &options).unwrap().0
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn stated_types_overrule() {
    let text = "a,b,c,d\n1,0,x y,q\n2,1,z,r\n";
    let types = [
        ("a", KindOverride::Category),
        ("b", KindOverride::Boolean),
        ("c", KindOverride::Text),
        ("d", KindOverride::Drop),
    ];
    let (table, _) = read_as(text, &types).unwrap();
    assert_eq!(table.columns.len(), 3);
    assert_eq!(["a", "b", "c"].map(|c| kind_of(&table, c)), ["category", "boolean", "text"]);

    let wrong = |types: &[(&str, KindOverride)]| read_as(text, types).unwrap_err().to_string();
    let message = wrong(&[("d", KindOverride::Number)]);
    assert!(message.starts_with("test.csv, line 2, column `d`: `q` is no number"), "{message}");
    let message = wrong(&[("d", KindOverride::DateTime)]);
    assert!(message.contains("`q` is no date such as 2024-05-31"), "{message}");
    let message = wrong(&[("dd", KindOverride::Number)]);
    assert!(message.contains("no such column; did you mean `d`?"), "{message}");
    let message = read_as("a\n1\n2\n3\n", &[("a", KindOverride::Boolean)]).unwrap_err().to_string();
    assert!(message.contains("3 distinct values, `3` among them"), "{message}");
}

#[test]
fn errors_name_the_place() {
    for (text, expected) in [
        ("", "test.csv: the file is empty"),
        ("\n\n", "test.csv: the file is empty"),
        ("a,b\n", "test.csv: the file has a header but no rows"),
        ("a,b\n\n\n", "test.csv: the file has a header but no rows"),
        ("a,b\n1,2\n3\n", "test.csv, line 3: 1 cell, but the header names 2 columns"),
        ("a,b\n1,2\n\n3,4,5\n", "test.csv, line 4: 3 cells, but the header names 2 columns"),
        (
            "a,b,a\n1,2,3\n",
            "test.csv, line 1, column `a`: the header names it twice, as columns 1 and 3",
        ),
        ("a,b\n1,2\n3,inf\n", "test.csv, line 3, column `b`: `inf` is not finite"),
        ("a,b\n1,-Infinity\n", "test.csv, line 2, column `b`: `-Infinity` is not finite"),
        ("a,b\n1,1e999\n", "test.csv, line 2, column `b`: `1e999` is not finite"),
        ("a,b\n1,2\n\"x\ny,3\nz,4\n", "test.csv, line 3: a quote opens here and is never closed"),
        ("a,\"b\n1,2\n", "test.csv, line 1: a quote opens here and is never closed"),
    ] {
        let message = error(text);
        assert!(message.starts_with(expected), "{text:?}: {message}");
    }
}

#[test]
fn infinite_is_a_name_among_names() {
    assert_eq!(kind_of(&table("a\ninf\nx\n"), "a"), "category");
    assert_eq!(kind_of(&table("a\nx\ninf\n"), "a"), "category");
}

#[test]
fn lines_within_quotes_are_counted() {
    let message = error("a,b\n\"x\n\ny\",1\n2,3,4\n");
    assert!(message.starts_with("test.csv, line 5: 3 cells"), "{message}");
}

#[test]
fn bad_utf8_is_placed() {
    let read = |bytes: &[u8]| read_csv_bytes("test.csv", bytes.to_vec(), &ReadOptions::default());
    let message = read(b"a,b\nx,y\nz,\xe9t\xe9\n").unwrap_err().to_string();
    let expected = "test.csv, line 3: byte 0xE9 at position 3 of the line is no UTF-8";
    assert!(message.starts_with(expected), "{message}");
    let message = read(b"\xff\xfea\0").unwrap_err().to_string();
    assert!(message.contains("UTF-16"), "{message}");
}

#[test]
fn files_that_cannot_be_read() {
    let options = ReadOptions::default();
    let message = read_csv(Path::new("no/such.csv"), &options).unwrap_err().to_string();
    assert_eq!(message, "cannot read `no/such.csv`: no such file; check the path");
    let folder = tempfile::tempdir().unwrap();
    let message = read_csv(folder.path(), &options).unwrap_err().to_string();
    assert!(message.contains("is a directory"), "{message}");
    let mut cut = gzip(&["a,b\n1,2\n"]);
    cut.truncate(cut.len() - 6);
    let (_folder, path) = in_folder("cut.csv.gz", &cut);
    let message = read_csv(&path, &options).unwrap_err().to_string();
    assert!(message.contains("cut off"), "{message}");
}

#[test]
fn a_delimiter_must_be_plain() {
    let options = ReadOptions { delimiter: Some(b'"'), ..ReadOptions::default() };
    let message = read_csv_bytes("t", b"a\n1\n".to_vec(), &options).unwrap_err().to_string();
    assert!(message.starts_with("parameter `delimiter` is"), "{message}");
}

#[test]
fn memory_limit_is_kept() {
    let text = format!("a,b\n{}", "1,2\n".repeat(2_000_000));
    let options = ReadOptions { memory_limit_bytes: Some(1 << 20), ..ReadOptions::default() };
    let error = read_csv_bytes("t", text.into_bytes(), &options).unwrap_err();
    assert!(matches!(error, Error::Memory { limit_bytes: 1_048_576, .. }), "{error}");
}

#[test]
fn unnamed_columns_get_a_name() {
    let (table, notices) = read(",a\n0,5\n1,6\n").unwrap();
    assert_eq!(table.columns[0].name, "column_1");
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].column, "column_1");
}

#[test]
fn variants_of_one_file_are_equal() {
    let plain = table("a,b\n1,x y\n2,\"z\"\n");
    for text in [
        "\u{feff}a,b\n1,x y\n2,z\n",
        "a,b\r\n1,x y\r\n2,z\r\n",
        "a,b\r1,x y\r2,z",
        "a;b\n1;x y\n2;z\n",
        "a\tb\n1\tx y\n2\tz\n",
        "\"a\",\"b\"\n\"1\",\"x y\"\n 2 ,z\n\n",
    ] {
        assert_eq!(table(text), plain, "{text:?}");
    }
    let (_folder, path) = in_folder("parts.csv.gz", &gzip(&["a,b\n1,x", " y\n2,z\n"]));
    assert_eq!(read_csv(&path, &ReadOptions::default()).unwrap().0, plain, "two gzip members");
}

#[test]
fn rows_are_streamed_by_name() {
    let text = "a,b,c\n1,\"x, y\",2024-01-01\n,NA,\n3,z,w\n";
    let (_folder, path) = in_folder("rows.csv", text.as_bytes());
    let mut rows = CsvRows::open(&path, &ReadOptions::default(), &["c", "a", "c"]).unwrap();
    let mut block = RowBlock::default();
    let mut all = Vec::new();
    while rows.next_block(2, &mut block).unwrap() {
        assert!(block.n_rows() <= 2);
        for row in 0..block.n_rows() {
            all.push(block.row(row).map(|value| format!("{value:?}")).collect::<Vec<_>>());
        }
    }
    let text = |s: &str| format!("Text({s:?})");
    let missing = || "Missing".to_string();
    assert_eq!(
        all,
        [
            vec![text("2024-01-01"), text("1"), text("2024-01-01")],
            vec![missing(), missing(), missing()],
            vec![text("w"), text("3"), text("w")],
        ]
    );
    assert!(!rows.next_block(2, &mut block).unwrap());
}

#[test]
fn lacking_columns_are_listed() {
    let (_folder, path) = in_folder("rows.csv", b"age,wage\n1,2\n");
    let result = CsvRows::open(&path, &ReadOptions::default(), &["age", "wages", "zip"]);
    let message = result.err().unwrap().to_string();
    assert!(message.contains("`wages` (is it `wage`?), `zip`"), "{message}");
}

#[test]
fn ragged_rows_stop_a_stream() {
    let (_folder, path) = in_folder("rows.csv", b"a,b\n1,2\n3\n");
    let mut rows = CsvRows::open(&path, &ReadOptions::default(), &["a"]).unwrap();
    let mut block = RowBlock::default();
    let message = rows.next_block(10, &mut block).unwrap_err().to_string();
    assert!(message.contains("line 3: 1 cell, but"), "{message}");
}

#[test]
fn a_name_that_means_missing_is_not_written() {
    let data = ColumnData::Category { codes: vec![0], levels: vec!["NA".into()], boolean: false };
    let table = Table { columns: vec![Column { name: "a".into(), data }] };
    let folder = tempfile::tempdir().unwrap();
    let message = write_csv(&folder.path().join("t.csv"), &table).unwrap_err().to_string();
    assert!(message.contains("`NA` would be read back"), "{message}");
}

fn any_cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z\",\n\r;é ]{0,6}",
        1 => Just(String::new()),
        1 => any::<i16>().prop_map(|n| n.to_string()),
    ]
}

proptest! {
    /// The cells of a file written by the `csv` crate are those that its own reader gives.
    #[test]
    fn cells_are_those_of_the_csv_crate(
        rows in prop::collection::vec(prop::collection::vec(any_cell(), 3), 1..20)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let bytes = writer.into_inner().unwrap();
        let mut oracle = csv::Reader::from_reader(&bytes[..]);
        let expected: Vec<csv::StringRecord> = oracle.records().map(|r| r.unwrap()).collect();
        let types = ["a", "b", "c"].map(|name| (name.to_string(), KindOverride::Category));
        let options =
            ReadOptions { delimiter: Some(b','), types: types.to_vec(), ..ReadOptions::default() };
        let (table, _) = read_csv_bytes("t", bytes, &options).unwrap();
        prop_assert_eq!(table.n_rows(), expected.len());
        for (row, record) in expected.iter().enumerate() {
            for (column, cell) in record.iter().enumerate() {
                match table.columns[column].data.value(row) {
                    Value::Missing => prop_assert!(cell.trim().is_empty(), "{cell:?}"),
                    value => prop_assert_eq!(value, Value::Text(cell)),
                }
            }
        }
    }

    /// A table written and read is the same table.
    #[test]
    fn tables_round_trip(
        numbers in prop::collection::vec(prop::option::of(-1e12f64..1e12), 1..30),
        seed in any::<u64>(),
        gz in any::<bool>(),
    ) {
        let n = numbers.len();
        let texts = ["plain", "with, comma", "two\nlines", "a \"quote\"", " edge ", "é;|\t"];
        let pick = |row: usize| (seed.rotate_left(row as u32) % texts.len() as u64) as usize;
        let mut levels: Vec<String> = Vec::new();
        let codes = (0..n).map(|row| {
            let text = texts[pick(row)];
            levels.iter().position(|level| level == text).unwrap_or_else(|| {
                levels.push(text.to_string());
                levels.len() - 1
            }) as u32
        }).collect();
        let mut values: Vec<f64> = numbers.iter().map(|v| v.unwrap_or(f64::NAN)).collect();
        values[0] = 0.5;
        let dates: Vec<f64> = (0..n).map(|row| 1e9 + (row * 86_399) as f64).collect();
        let columns = vec![
            Column { name: "x, y".into(), data: ColumnData::Number(values) },
            Column { name: "name".into(), data: ColumnData::Category { codes, levels, boolean: false } },
            Column { name: "when".into(), data: ColumnData::DateTime(dates) },
        ];
        let table = Table { columns };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(if gz { "t.csv.gz" } else { "t.csv" });
        write_csv(&path, &table).unwrap();
        let (back, notices) = read_csv(&path, &ReadOptions::default()).unwrap();
        prop_assert!(notices.is_empty());
        prop_assert_eq!(format!("{:?}", back), format!("{:?}", table));
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file left");
    }
}
