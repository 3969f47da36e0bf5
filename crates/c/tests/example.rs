//! The C example, linked dynamically and statically, under Valgrind too; the header in C99 and C++.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use eyas_model::measure::synthetic::Synthetic;
use eyas_model::{Predictor, RowSource, Scratch, Value};

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];
/// What the standard library needs beside a static library on Linux.
const SYSTEM: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

fn place() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("c-example")
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn must(command: &mut Command) -> Output {
    let output = command.output().expect("the program is installed");
    assert!(output.status.success(), "{command:?}: {}", told(&output));
    output
}

/// Builds both libraries into a folder of their own: Cargo builds none for tests.
fn libraries() -> PathBuf {
    let target = place().join("target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--quiet", "--manifest-path"]).arg(source("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target).env_remove("CARGO_BUILD_TARGET");
    must(&mut cargo);
    target.join("debug")
}

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// Compiles the example against one kind of library.
fn build(libraries: &Path, is_static: bool) -> PathBuf {
    let program = place().join(if is_static { "predict-static" } else { "predict-dynamic" });
    let mut cc = Command::new("cc");
    cc.arg("-std=c99").args(STRICT).args(["-g", "-O1", "-I"]).arg(source("include"));
    cc.arg(source("examples/predict.c")).arg("-o").arg(&program);
    if is_static {
        cc.arg(libraries.join("libeyas.a")).args(SYSTEM);
    } else {
        cc.arg("-L").arg(libraries).arg("-leyas");
        cc.arg(format!("-Wl,-rpath,{}", libraries.display()));
    }
    must(&mut cc);
    program
}

/// A model file, rows for it as the example reads them, and what it must print.
struct Case {
    model: PathBuf,
    rows: String,
    expected: Vec<f64>,
}

impl Case {
    fn new(name: &str, wanted: Synthetic) -> Case {
        let model = place().join(format!("{name}.eyas"));
        let bytes = wanted.model().to_bytes();
        std::fs::write(&model, &bytes).expect("the folder can be written");
        let predictor = Predictor::from_bytes(&bytes).expect("sound");
        let rows = wanted.rows(60);
        let n_columns = predictor.schema().columns.len();
        let mut expected = vec![0.0; 60 * predictor.n_outputs()];
        predictor.predict_batch(&rows, &mut Scratch::default(), &mut expected).expect("sound");
        let cell = |row, column| match rows.cell(row, column) {
            Value::Missing => String::new(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.to_string(),
        };
        let line = |row| (0..n_columns).map(|at| cell(row, at)).collect::<Vec<_>>().join(",");
        Case { model, rows: (0..60).map(|row| line(row) + "\n").collect(), expected }
    }

    /// Runs a command with the model as its last argument.
    fn run(&self, command: &mut Command, rows: &str) -> Output {
        command.arg(&self.model);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program is there");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(rows.as_bytes()).expect("it reads its rows");
        drop(input);
        child.wait_with_output().expect("it ends")
    }

    fn check(&self, command: &mut Command) {
        let output = self.run(command, &self.rows);
        assert!(output.status.success(), "{}", told(&output));
        let text = String::from_utf8(output.stdout).expect("numbers");
        let predicted: Vec<u64> = text
            .split([',', '\n'])
            .filter(|cell| !cell.is_empty())
            .map(|cell| cell.parse::<f64>().expect("a number").to_bits())
            .collect();
        let expected: Vec<u64> = self.expected.iter().map(|number| number.to_bits()).collect();
        assert_eq!(predicted, expected);
    }
}

#[test]
fn the_example_predicts_as_rust_does() {
    std::fs::create_dir_all(place()).expect("the folder can be made");
    let libraries = libraries();
    let small = Synthetic { n_trees: 20, n_numeric: 6, ..Synthetic::default() };
    let cases = [
        Case::new("numbers", small),
        Case::new("mixed", Synthetic { n_categorical: 3, n_outputs: 3, linear: true, ..small }),
    ];
    let programs = [build(&libraries, false), build(&libraries, true)];
    for case in &cases {
        programs.iter().for_each(|program| case.check(&mut Command::new(program)));
    }
    let refused = cases[0].run(&mut Command::new(&programs[0]), "1,2\n");
    assert_eq!(
        (refused.status.code(), told(&refused).contains("line 1 has not 6 cells")),
        (Some(1), true)
    );
    let bad = cases[1].rows.replacen(',', "x,", 1);
    let refused = cases[1].run(&mut Command::new(&programs[0]), &bad);
    assert!(told(&refused).contains("is not a number"), "{}", told(&refused));
    if is_installed("valgrind") {
        for case in &cases {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
            case.check(valgrind.args(["--errors-for-leak-kinds=all"]).arg(&programs[0]));
        }
    }
}

#[test]
fn the_header_is_c99_and_cpp() {
    std::fs::create_dir_all(place()).expect("the folder can be made");
    let languages = [("cc", "c", "-std=c99"), ("c++", "c++", "-std=c++11")];
    for (compiler, suffix, standard) in languages {
        if !is_installed(compiler) {
            continue;
        }
        let unit = place().join(format!("header.{suffix}"));
        let text = "#include \"eyas.h\"\n#include \"eyas.h\"\n\
            int main(void) { struct eyas_value v = eyas_number(1.0); return v.kind != EYAS_NUMBER; }\n";
        std::fs::write(&unit, text).expect("the folder can be written");
        let mut command = Command::new(compiler);
        command.arg(standard).args(STRICT).args(["-fsyntax-only", "-I"]);
        must(command.arg(source("include")).arg(&unit));
    }
}
