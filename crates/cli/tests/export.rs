//! `eyas export` as a user sees it.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

fn eyas(folder: &Path, arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_eyas"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("EYAS_DATA")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a model.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    std::fs::copy(model.join("export/catboost_ctr.eyas"), folder.path().join("m.eyas")).unwrap();
    std::fs::copy(model.join("model/v1.eyas"), folder.path().join("dated.eyas")).unwrap();
    folder
}

#[test]
fn the_ending_tells_the_format() {
    let folder = folder();
    let output = eyas(folder.path(), &["export", "m.eyas", "-o", "my model.c"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("of c written to my model.c"));
    assert!(output.stdout.is_empty());
    let source = std::fs::read_to_string(folder.path().join("my model.c")).unwrap();
    assert!(source.contains("void my_model_predict(const my_model_row *row, double *out)"));
    let output = eyas(folder.path(), &["--json", "export", "m.eyas", "--out", "m.onnx"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let bytes = std::fs::read(folder.path().join("m.onnx")).unwrap();
    let expected =
        format!("{{\"bytes\":{},\"format\":\"onnx\",\"out\":\"m.onnx\"}}\n", bytes.len());
    assert_eq!(text(&output.stdout), expected);
    let output = eyas(folder.path(), &["export", "m.eyas", "-o", "m.bin", "--format", "onnx"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(std::fs::read(folder.path().join("m.bin")).unwrap().len(), bytes.len());
}

#[test]
fn mistakes_are_said_and_nothing_is_written() {
    let folder = folder();
    std::fs::write(folder.path().join("bad.eyas"), "no model").unwrap();
    for (arguments, code, expected) in [
        (&["export", "m.eyas", "-o", "m.txt"][..], 2, "known are onnx (.onnx), c (.c)"),
        (&["export", "m.eyas"], 2, "--out"),
        (&["export", "m.eyas", "-o", "m.c", "--format", "java"], 2, "java"),
        (&["export", "no.eyas", "-o", "m.c"], 2, "there is no such file"),
        (&["export", "m.eyas", "-o", "m.eyas", "--format", "c"], 2, "would be overwritten"),
        (&["export", "dated.eyas", "-o", "m.onnx"], 1, "column `date` holds dates"),
        (&["export", "bad.eyas", "-o", "m.c"], 1, "cannot load `bad.eyas`"),
        (&["export", "m.eyas", "-o", "no/m.c"], 1, "cannot write no/m.c"),
    ] {
        let output = eyas(folder.path(), arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
        let n_files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(n_files, 3, "{arguments:?}");
    }
}
