//! C source that is compiled and run predicts what Eyas predicts.
//!
//! `gcc` or `cc` must be there; `clang` is tried too. A compiler that is not found is named in the
//! test's output.

mod models;
mod recorded;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_convert::EXPORTERS;
use eyas_model::{ColumnKind, Model, Predictor, Scratch, Value};
use models::{Cell, Named};

fn export(model: &Model, name: &str) -> String {
    let exporter = EXPORTERS.iter().find(|known| known.name == "c").expect("it is listed");
    let bytes = (exporter.write)(model, name).expect("it can be exported");
    String::from_utf8(bytes).expect("C source is text")
}

/// A program that prints the predictions of the rows of every model.
fn main_of(all: &[Named]) -> String {
    let mut text = String::from("#include <stdio.h>\n#include <math.h>\n");
    for named in all {
        let upper = named.name.to_ascii_uppercase();
        let _ = write!(text, "#define {upper}_DECLARATIONS_ONLY\n#include \"{}.c\"\n", named.name);
    }
    all.iter().for_each(|named| rows_of(&mut text, named));
    text.push_str("\nint main(void)\n{\n    size_t row, k;\n");
    for Named { name, .. } in all {
        let upper = name.to_ascii_uppercase();
        let _ = write!(
            text,
            "    for (row = 0; row < sizeof {name}_rows / sizeof {name}_rows[0]; row++) {{\n\
             \x20       double out[{upper}_N_OUTPUTS];\n\
             \x20       {name}_predict(&{name}_rows[row], out);\n\
             \x20       for (k = 0; k < {upper}_N_OUTPUTS; k++)\n\
             \x20           printf(\"{name} %.17g\\n\", out[k]);\n    }}\n"
        );
    }
    text.push_str("    return 0;\n}\n");
    text
}

/// The rows of a model as a table.
fn rows_of(text: &mut String, Named { name, model, rows }: &Named) {
    let _ = writeln!(text, "\nstatic const {name}_row {name}_rows[] = {{");
    for row in rows {
        let cells = row.iter().zip(&model.schema.columns).map(|(cell, column)| {
            let is_text = matches!(column.kind, ColumnKind::Category | ColumnKind::Boolean);
            match cell {
                Cell::Missing if is_text => "NULL".into(),
                Cell::Missing => "NAN".into(),
                Cell::Number(number) if number.is_infinite() => {
                    if *number > 0.0 {
                        "INFINITY".into()
                    } else {
                        "-INFINITY".to_string()
                    }
                }
                Cell::Number(number) => format!("{number:e}"),
                Cell::Text(text) => c_string(text),
            }
        });
        let _ = writeln!(text, "    {{{}}},", cells.collect::<Vec<_>>().join(", "));
    }
    text.push_str("};\n");
}

fn c_string(text: &str) -> String {
    let bytes = text.bytes().map(|byte| format!("\\{byte:03o}"));
    format!("\"{}\"", bytes.collect::<String>())
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_source");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

fn found(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Compiles and runs all models; the predictions of each, row after row.
fn run(compiler: &str, all: &[Named]) -> BTreeMap<String, Vec<f64>> {
    let folder = folder();
    let program = folder.join(format!("main_{compiler}"));
    let output = Command::new(compiler)
        .args(["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o"])
        .arg(&program)
        .arg(folder.join("main.c"))
        .args(all.iter().map(|named| folder.join(format!("{}.c", named.name))))
        .arg("-lm")
        .output()
        .expect("the compiler runs");
    assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(&program).output().expect("the program runs");
    assert!(output.status.success(), "{compiler}");
    let mut predictions: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).expect("text").lines() {
        let (name, number) = line.split_once(' ').expect("a name and a number");
        let number = number.parse().expect("a number");
        predictions.entry(name.into()).or_default().push(number);
    }
    predictions
}

fn predictions(named: &Named) -> Vec<f64> {
    let predictor = Predictor::compile(named.model.clone()).expect("sound");
    let mut scratch = Scratch::default();
    let mut all = Vec::new();
    for row in &named.rows {
        let cells: Vec<Value> = row.iter().map(Cell::value).collect();
        let mut out = vec![0.0; predictor.n_outputs()];
        predictor.predict_row(&cells, &mut scratch, &mut out).expect("a sound row");
        all.extend(out);
    }
    all
}

#[test]
fn compiled_source_predicts_the_same() {
    let first = if found("gcc") { "gcc" } else { "cc" };
    assert!(found(first), "this test needs a C compiler: install gcc");
    let (folder, all) = (folder(), models::all());
    for Named { name, model, .. } in &all {
        std::fs::write(folder.join(format!("{name}.c")), export(model, name)).expect("written");
    }
    std::fs::write(folder.join("main.c"), main_of(&all)).expect("written");
    for compiler in [first, "clang"] {
        if !found(compiler) {
            // Past the capture of tests, so that it is seen.
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "C source: skipped {compiler}, which is not there");
            continue;
        }
        let predictions = run(compiler, &all);
        all.iter().for_each(|named| check(compiler, named, &predictions[&named.name]));
    }
}

fn check(compiler: &str, named: &Named, theirs: &[f64]) {
    let ours = predictions(named);
    assert_eq!(ours.len(), theirs.len(), "{compiler}, {}", named.name);
    for (index, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let same = if models::is_linear(&named.model) {
            a.to_bits() == b.to_bits()
        } else {
            (a - b).abs() <= 1e-14 * a.abs().max(1.0) || a == b
        };
        let row = &named.rows[index / named.model.schema.n_outputs()];
        assert!(same, "{compiler}, {}: {row:?}: Eyas {a:e}, C {b:e}", named.name);
    }
}

#[test]
fn texts_that_c_cannot_hold_are_refused() {
    let exporter = EXPORTERS.iter().find(|known| known.name == "c").expect("it is listed");
    for (level, expected) in [("a\0b".to_string(), "character 0"), ("x".repeat(5000), "4095")] {
        let model = models::with_level(&level);
        let message = (exporter.write)(&model, "m").expect_err("refused").to_string();
        assert!(message.contains(expected), "{message}");
    }
}
