//! The help of every command, as text that is read in review.

use assert_cmd::Command;

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_eyas"))
        .args(arguments)
        .arg("--help")
        .env_remove("EYAS_DATA")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_of_every_command() {
    for command in [
        "",
        "fit",
        "grid",
        "compare",
        "predict",
        "evaluate",
        "export",
        "inspect",
        "bench",
        "verify",
        "import",
        "resume",
        "memory",
        "schedule",
        "tune",
        "completions",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        let text = help(&arguments);
        assert!(text.contains("Example"), "`{command}` has no example");
        assert!(text.contains("--json"), "`{command}` has no --json");
        insta::assert_snapshot!(format!("help {command}").trim().replace(' ', "_"), text);
    }
}

#[test]
fn help_of_every_memory_command() {
    for command in ["list", "show", "forget", "export", "import"] {
        let text = help(&["memory", command]);
        assert!(text.contains("Example"), "`{command}` has no example");
        insta::assert_snapshot!(format!("help_memory_{command}"), text);
    }
}
