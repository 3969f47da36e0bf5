//! Files that pyarrow and polars wrote (testdata/data/make_arrow.py), and round trips.

use std::path::{Path, PathBuf};

use eyas_arrow::{Format, column_names, create, format_of, open_rows, open_table, write_table};
use eyas_learn::data::{
    Column, ColumnData, KindOverride, OutputCells, OutputColumn, ReadOptions, RowBlock, Table,
    read_csv_bytes,
};
use eyas_model::Value;
use proptest::prelude::*;

const TYPES: [&str; 8] = [
    "types_none.parquet",
    "types_snappy.parquet",
    "types_zstd.parquet",
    "types_gzip.parquet",
    "types_lz4.parquet",
    "types_lz4.arrow",
    "types_zstd.arrow",
    "types_stream.arrows",
];
const DAY: f64 = 1_717_113_600.0;
const TIME: f64 = DAY + 12.0 * 3600.0 + 30.0 * 60.0 + 15.25;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/data").join(name)
}

fn table(name: &str) -> Table {
    open_table(&file(name), &ReadOptions::default()).unwrap().0
}

fn error(name: &str, types: &[(&str, KindOverride)]) -> String {
    let types = types.iter().map(|(name, kind)| (name.to_string(), *kind)).collect();
    let options = ReadOptions { types, ..ReadOptions::default() };
    open_table(&file(name), &options).unwrap_err().to_string()
}

#[test]
fn formats_are_told_by_their_bytes() {
    assert_eq!(format_of(&file("types_zstd.parquet")).unwrap(), Format::Parquet);
    assert_eq!(format_of(&file("types_lz4.arrow")).unwrap(), Format::ArrowFile);
    assert_eq!(format_of(&file("types_stream.arrows")).unwrap(), Format::ArrowStream);
    assert_eq!(format_of(&file("make_arrow.py")).unwrap(), Format::Csv);
    let message = open_table(&file("none.parquet"), &ReadOptions::default()).unwrap_err();
    assert!(message.to_string().contains("no such file"), "{message}");
}

#[test]
fn every_type_is_read() {
    let number = Value::Number;
    let expected: [(&str, Value<'_>, Value<'_>); 22] = [
        ("int8", number(1.0), number(-3.0)),
        ("int64", number(1.0), number(1_099_511_627_776.0)),
        ("uint16", number(1.0), number(65_535.0)),
        ("uint64", number(1.0), number(9_223_372_036_854_775_808.0)),
        ("half", number(0.5), number(-2.0)),
        ("float", number(0.5), number(0.25)),
        ("double", number(0.1), number(1e300)),
        ("bool", Value::Text("true"), Value::Text("false")),
        ("string", Value::Text("a"), Value::Text("é, \"x\"")),
        ("large", Value::Text("a"), Value::Text("b")),
        ("view", Value::Text("a"), Value::Text("a longer text than twelve bytes")),
        ("dictionary", Value::Text("x"), Value::Text("y")),
        ("date32", number(DAY), number(-86_400.0)),
        ("date64", number(DAY), number(DAY)),
        ("second", number(TIME - 0.25), number(TIME - 0.25)),
        ("micro", number(TIME), number(TIME)),
        ("nano", number(TIME), number(TIME)),
        ("zoned", number(TIME), number(TIME)),
        ("decimal", number(12.3), number(-0.01)),
        ("nothing", Value::Missing, Value::Missing),
        ("dates_as_text", number(DAY), number(DAY + 86_400.0)),
        ("digits_as_text", Value::Text("0150"), Value::Text("5003")),
    ];
    for name in TYPES {
        let table = table(name);
        assert_eq!((table.n_rows(), table.columns.len()), (3, expected.len()), "{name}");
        for (column, (column_name, first, third)) in table.columns.iter().zip(expected) {
            let cells = [0, 1, 2].map(|row| column.data.value(row));
            assert_eq!(column.name, column_name, "{name}");
            assert_eq!(cells, [first, Value::Missing, third], "{name}, {column_name}");
        }
        let is = |column: &str| &table.column(column).unwrap().data;
        assert!(matches!(is("bool"), ColumnData::Category { boolean: true, .. }));
        assert!(matches!(is("micro"), ColumnData::DateTime(_)));
    }
}

#[test]
fn rows_are_streamed_by_name() {
    for name in TYPES {
        let wanted = ["string", "int8", "date32", "int8"];
        let mut rows = open_rows(&file(name), &ReadOptions::default(), &wanted).unwrap();
        assert_eq!(rows.columns(), wanted);
        let mut block = RowBlock::default();
        let mut all = Vec::new();
        while rows.next_block(2, &mut block).unwrap() {
            assert!(block.n_rows() <= 2);
            for row in 0..block.n_rows() {
                all.push(block.row(row).map(|value| format!("{value:?}")).collect::<Vec<_>>());
            }
        }
        assert_eq!(all.len(), 3, "{name}");
        assert_eq!(all[0], ["Text(\"a\")", "Number(1.0)", "Number(1717113600.0)", "Number(1.0)"]);
        assert_eq!(all[1], ["Missing"; 4]);
    }
    let lacking = open_rows(&file(TYPES[0]), &ReadOptions::default(), &["int9", "zzz"]);
    let message = lacking.err().unwrap().to_string();
    assert!(message.contains("`int9` (is it `int8`?), `zzz`"), "{message}");
}

#[test]
fn polars_files_are_read() {
    for name in ["polars.parquet", "polars.arrow"] {
        let table = table(name);
        assert_eq!(
            column_names(&file(name), &ReadOptions::default()).unwrap(),
            ["x", "name", "when", "kind"]
        );
        assert_eq!(table.column("when").unwrap().data.value(1), Value::Number(DAY));
        assert_eq!(table.column("kind").unwrap().data.value(1), Value::Text("q"));
        assert!(table.column("x").unwrap().data.is_missing(2));
    }
}

#[test]
fn errors_name_the_column() {
    let message = error("nested.parquet", &[]);
    assert!(
        message.contains("column `list`: its type List(") && message.contains("drop the column"),
        "{message}"
    );
    let options = ReadOptions {
        types: vec![("list".to_string(), KindOverride::Drop)],
        ..ReadOptions::default()
    };
    assert_eq!(open_table(&file("nested.parquet"), &options).unwrap().0.columns.len(), 1);
    let message = error("infinite.parquet", &[]);
    assert!(message.contains("column `x`: row 2 is inf; a finite number"), "{message}");
    assert!(error("no_rows.parquet", &[]).contains("no rows"));
    let message = error("polars.parquet", &[("name", KindOverride::Number)]);
    assert!(message.contains("column `name`: row 1 is `a`"), "{message}");
    let message = error("polars.parquet", &[("when", KindOverride::Number)]);
    assert!(message.contains("column `when`: its type Date32"), "{message}");
    let message = error("polars.parquet", &[("nam", KindOverride::Number)]);
    assert!(message.contains("did you mean `name`?"), "{message}");
}

#[test]
fn damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["types_zstd.parquet", "types_lz4.arrow", "types_stream.arrows"] {
        let bytes = std::fs::read(file(name)).unwrap();
        let path = folder.path().join(name);
        for length in (8..bytes.len() - 16).step_by(bytes.len() / 40) {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let result = open_table(&path, &ReadOptions::default());
            // A stream that ends between two messages is a whole, shorter stream.
            let short = result.as_ref().is_ok_and(|(table, _)| table.n_rows() < 3);
            assert!(short || result.is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn stated_types_overrule() {
    let types = [
        ("int8", KindOverride::Category),
        ("digits_as_text", KindOverride::Number),
        ("dates_as_text", KindOverride::Category),
    ];
    let types = types.map(|(name, kind)| (name.to_string(), kind)).to_vec();
    let options = ReadOptions { types, ..ReadOptions::default() };
    let (table, _) = open_table(&file(TYPES[0]), &options).unwrap();
    let cell = |name: &str| table.column(name).unwrap().data.value(2);
    assert_eq!(cell("int8"), Value::Text("-3"));
    assert_eq!(cell("digits_as_text"), Value::Number(5003.0));
    assert_eq!(cell("dates_as_text"), Value::Text("2024-06-01"));
}

#[test]
fn memory_limit_is_kept() {
    let options = ReadOptions { memory_limit_bytes: Some(100), ..ReadOptions::default() };
    let message = open_table(&file(TYPES[0]), &options).unwrap_err().to_string();
    assert!(message.contains("over the memory limit of 100"), "{message}");
}

#[test]
fn predictions_are_written_block_by_block() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["no".to_string(), "yes".to_string()];
    for file_name in ["p.parquet", "p.csv", "p.csv.gz"] {
        let path = folder.path().join(file_name);
        let mut writer = create(&path).unwrap();
        for block in 0..3 {
            let shares = [0.25, f64::NAN, f64::from(block)];
            let columns = [
                OutputColumn {
                    name: "prediction",
                    cells: OutputCells::Names { codes: &[0, 1, 1], names: &names },
                },
                OutputColumn { name: "p", cells: OutputCells::Numbers(&shares) },
                OutputColumn {
                    name: "note",
                    cells: OutputCells::Texts(&[Some("a"), None, Some("b")]),
                },
            ];
            writer.write(&columns).unwrap();
        }
        assert!(!path.exists(), "not under its name before it is finished");
        writer.finish().unwrap();
        let (table, _) = open_table(&path, &ReadOptions::default()).unwrap();
        assert_eq!(table.n_rows(), 9, "{file_name}");
        assert_eq!(table.column("p").unwrap().data.value(5), Value::Number(1.0));
        assert_eq!(table.column("prediction").unwrap().data.value(7), Value::Text("yes"));
        assert!(table.column("note").unwrap().data.is_missing(4));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A table is the same from Parquet as from CSV.
    #[test]
    fn parquet_is_as_csv(
        numbers in prop::collection::vec(prop::option::of(-1e9f64..1e9), 2..40),
        names in prop::collection::vec("[ab]{1,2}", 40),
    ) {
        let n = numbers.len();
        let mut text = "x,name,when\n".to_string();
        for (row, number) in numbers.iter().enumerate() {
            let number = number.map_or(String::new(), |number| number.to_string());
            text += &format!("{number},{},2024-05-{:02}T10:00:00.125\n", names[row], row % 28 + 1);
        }
        let (table, _) = read_csv_bytes("t", text.into_bytes(), &ReadOptions::default()).unwrap();
        prop_assert_eq!(table.n_rows(), n);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write_table(&path, &table).unwrap();
        let (back, _) = open_table(&path, &ReadOptions::default()).unwrap();
        prop_assert_eq!(format!("{back:?}"), format!("{table:?}"));
    }
}

#[test]
fn an_empty_category_is_a_column() {
    let data = ColumnData::Category { codes: vec![u32::MAX; 2], levels: vec![], boolean: false };
    let table = Table { columns: vec![Column { name: "c".into(), data }] };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    write_table(&path, &table).unwrap();
    let (back, _) = open_table(&path, &ReadOptions::default()).unwrap();
    assert!(back.columns[0].data.is_missing(0) && back.n_rows() == 2);
}
