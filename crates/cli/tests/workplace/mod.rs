//! A folder of its own for each test, and the command in it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use eyas_model::{
    Bins, ColumnKind, Derive, Feature, InputColumn, Linear, Link, Member, Model, Node, Part,
    Schema, TaskKind, Term, Test, Tree, TreeOutput, Trees,
};
use tempfile::TempDir;

/// A folder that goes away with the test.
pub struct Workplace {
    dir: TempDir,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workplace {
    pub fn new() -> Workplace {
        Workplace { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// The command with arguments; its home is in the folder.
    pub fn eyas(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
        command.args(arguments).current_dir(self.dir.path());
        for variable in ["XDG_DATA_HOME", "XDG_STATE_HOME", "HOME"] {
            command.env(variable, self.dir.path());
        }
        command.env("NO_COLOR", "1").env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(&self.eyas(arguments).output().unwrap())
    }

    /// Runs `fit` on a file with a short budget and without a memory.
    pub fn fit(&self, data: &str, target: &str, more: &[&str]) -> Ended {
        let mut arguments =
            vec!["fit", data, "--target", target, "--memory", "off", "--run", "run"];
        if !more.contains(&"--budget") && !more.contains(&"--work") {
            arguments.extend(["--budget", "3s"]);
        }
        arguments.extend(more);
        self.run(&arguments)
    }

    /// Expects a refusal with this exit code, and words that its message must hold.
    pub fn refused(&self, arguments: &[&str], code: i32, words: &[&str]) {
        self.run(arguments).is_refusal(code, words);
    }
}

impl Ended {
    /// Checks a refusal: exit code, one error, no panic, the words.
    pub fn is_refusal(&self, code: i32, words: &[&str]) {
        let Ended { stderr, .. } = self;
        assert_eq!(self.code, code, "{stderr}");
        assert!(!stderr.contains("bug") && !stderr.contains("panicked"), "{stderr}");
        assert!(stderr.contains("error: "), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "`{word}` is missing in: {stderr}");
        }
    }

    /// Checks success and gives standard output.
    pub fn done(&self) -> &str {
        assert_eq!(self.code, 0, "{}", self.stderr);
        &self.stdout
    }

    /// Checks success and gives standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.done()).unwrap()
    }
}

/// How a process ended.
pub fn ended(output: &std::process::Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Rows `x,color,y`: y is yes where x is large or the color is red, with a little noise.
pub fn classes_csv(n_rows: u64) -> String {
    let mut text = String::from("x,color,y\n");
    for row in 0..n_rows {
        let x = (row * 7919) % 1000;
        let color = ["red", "green", "blue"][(row % 3) as usize];
        let yes = (x > 600 || color == "red") != (row % 17 == 0);
        text += &format!("{x},{color},{}\n", if yes { "yes" } else { "no" });
    }
    text
}

fn feature(column: u32, name: &str, bins: Bins) -> Feature {
    Feature { column, derive: Derive::Itself, name: name.into(), bins }
}

fn schema(task: TaskKind, classes: &[&str]) -> Schema {
    let column = |name: &str, kind| InputColumn { name: name.into(), kind };
    Schema {
        task,
        target: "y".into(),
        classes: classes.iter().map(|class| class.to_string()).collect(),
        columns: vec![column("x", ColumnKind::Number), column("color", ColumnKind::Category)],
    }
}

/// A model of `y` made by hand: 10 where x is at most 1, else 20.
pub fn number_model(notes: &str) -> Model {
    let leaf = |value| Node::Leaf { value };
    let split = Node::Split {
        feature: 0,
        test: Test::Above { threshold: 1, missing_right: false },
        left: 1,
        right: 2,
        gain: 1.0,
    };
    let tree = Tree { nodes: vec![split, leaf(0), leaf(1)], values: vec![10.0, 20.0] };
    let trees =
        Trees { base: vec![0.0], trees: vec![tree], outputs: vec![TreeOutput::One(0)], scale: 1.0 };
    model(TaskKind::Regression, &[], Link::Identity, Part::Trees(trees), notes)
}

/// A model of the classes `no` and `yes` made by hand: the larger x, the more likely yes.
pub fn class_model(notes: &str) -> Model {
    let term = Term::Number {
        feature: 0,
        center: 0.0,
        scale: 1.0,
        clip: 1e9,
        weights: vec![1.0],
        missing: vec![0.0],
    };
    let linear = Linear { intercept: vec![-1.0], terms: vec![term] };
    model(TaskKind::Binary, &["no", "yes"], Link::Logistic, Part::Linear(linear), notes)
}

fn model(task: TaskKind, classes: &[&str], link: Link, part: Part, notes: &str) -> Model {
    Model {
        schema: schema(task, classes),
        features: vec![
            feature(0, "x", Bins::Edges(vec![1.0, 2.0])),
            feature(1, "color", Bins::Levels(vec!["red".into()])),
        ],
        members: vec![Member { weight: 1.0, link, part }],
        notes: notes.into(),
    }
}

/// Writes a model file.
pub fn save(model: &Model, path: &Path) {
    std::fs::write(path, model.to_bytes()).unwrap();
}
