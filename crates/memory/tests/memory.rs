//! The memory as its users see it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_memory::{Error, Forget, Imported, MAX_TRIALS, Memory, TaskRecord, TrialRecord};
use eyas_search::Config;
use eyas_search::transfer::{TaskFacts, propose};

fn task(fingerprint: &str, kind: &str, time: i64) -> TaskRecord {
    let facts = TaskFacts {
        fingerprint: fingerprint.to_owned(),
        kind: kind.to_owned(),
        n_rows: 1000,
        n_features: 10,
        n_categorical: 2,
        n_classes: 2,
        missing_share: 0.125,
    };
    TaskRecord { name: format!("{fingerprint}.csv"), metric: "log_loss".to_owned(), time, facts }
}

fn trial(depth: i64, loss: f64) -> TrialRecord {
    let config = Config { learner: "forest".to_owned(), values: BTreeMap::new() };
    let config = config.with("depth", depth).with("learning_rate", 0.1 + 1e-17);
    TrialRecord { config, loss, seconds: 1.5, ns: 100.0 * depth as f64, bytes: 1 << 20 }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("memory.sqlite");
    (folder, path)
}

#[test]
fn remembers_across_openings() {
    let (_folder, path) = folder();
    let id = {
        let mut memory = Memory::open(&path).unwrap();
        memory
            .remember(&task("a", "binary", 10), &[trial(1, 0.5), trial(2, 0.3), trial(3, f64::NAN)])
            .unwrap()
    };
    let memory = Memory::open(&path).unwrap();
    let (stored, trials) = memory.show(id).unwrap();
    assert_eq!((stored.n_trials, &stored.task), (3, &task("a", "binary", 10)));
    assert_eq!(trials[0].config, trial(2, 0.3).config);
    let losses: Vec<_> = trials.iter().map(|t| (t.loss_normalised, t.loss)).collect();
    assert_eq!(losses, [(0.0, Some(0.3)), (0.5, Some(0.5)), (1.0, None)]);
    assert!(matches!(memory.show(99), Err(Error::NoSuchTask { id: 99 })));
}

#[test]
fn a_task_seen_again_takes_its_latest_facts_and_results() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    let first = memory.remember(&task("a", "binary", 10), &[trial(1, 0.5), trial(2, 0.3)]).unwrap();
    let mut again = task("a", "binary", 20);
    again.facts.n_rows = 1100;
    let second = memory.remember(&again, &[trial(1, 0.1), trial(4, 0.2)]).unwrap();
    assert_eq!(first, second);
    let (stored, trials) = memory.show(first).unwrap();
    assert_eq!((stored.task, stored.n_trials), (again, 3));
    assert_eq!((trials[0].loss, trials[0].time), (Some(0.1), 20));
    let mut other_metric = task("a", "binary", 5);
    other_metric.metric = "auc".to_owned();
    assert_ne!(memory.remember(&other_metric, &[]).unwrap(), first);
}

#[test]
fn recalls_by_kind_and_metric_latest_first_and_proposes() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    memory.remember(&task("old", "binary", 1), &[trial(1, 0.5), trial(2, 0.3)]).unwrap();
    memory.remember(&task("new", "binary", 2), &[trial(5, 0.5), trial(2, 0.3)]).unwrap();
    memory.remember(&task("other", "regression", 3), &[trial(7, 0.1)]).unwrap();
    let past = memory.past_tasks("binary", Some("log_loss")).unwrap();
    let names: Vec<_> = past.iter().map(|t| t.facts.fingerprint.as_str()).collect();
    assert_eq!(names, ["new", "old"]);
    assert!(memory.past_tasks("binary", Some("auc")).unwrap().is_empty());
    assert_eq!(memory.past_tasks("regression", None).unwrap().len(), 1);
    let proposed = propose(&past, &task("third", "binary", 4).facts, f64::INFINITY, 3);
    assert_eq!(proposed[0], trial(2, 0.3).config);
}

#[test]
fn keeps_the_best_trials_of_a_task() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    let trials: Vec<TrialRecord> = (0..300).map(|i| trial(i, (i * 7 % 300) as f64)).collect();
    let id = memory.remember(&task("a", "binary", 1), &trials).unwrap();
    let (_, kept) = memory.show(id).unwrap();
    assert_eq!(kept.len(), MAX_TRIALS);
    assert!(kept.iter().all(|t| t.loss.unwrap() < MAX_TRIALS as f64));
}

#[test]
fn forgets_one_or_all_with_their_trials() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    let a = memory.remember(&task("a", "binary", 1), &[trial(1, 0.5)]).unwrap();
    memory.remember(&task("b", "binary", 2), &[trial(1, 0.5)]).unwrap();
    memory.remember(&task("c", "binary", 2), &[trial(1, 0.5)]).unwrap();
    assert_eq!(memory.forget(Forget::Task(a)).unwrap(), 1);
    assert!(matches!(memory.forget(Forget::Task(a)), Err(Error::NoSuchTask { .. })));
    assert_eq!(memory.list().unwrap().len(), 2);
    assert_eq!(memory.forget(Forget::All).unwrap(), 2);
    // A new task must not find the trials of one that is gone.
    let again = memory.remember(&task("a", "binary", 1), &[]).unwrap();
    assert!(memory.show(again).unwrap().1.is_empty());
}

#[test]
fn an_export_is_imported_as_it_was() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    memory.remember(&task("a", "binary", 1), &[trial(1, 0.5), trial(2, f64::NAN)]).unwrap();
    memory.remember(&task("b", "binary", 2), &[trial(3, 0.1)]).unwrap();
    let mut text = Vec::new();
    assert_eq!(memory.export(&mut text).unwrap(), 2);
    let mut copy = Memory::open(path.with_file_name("copy.sqlite")).unwrap();
    let imported = copy.import(&mut text.as_slice()).unwrap();
    assert_eq!(imported, Imported { n_tasks: 2, n_trials: 3 });
    copy.import(&mut text.as_slice()).unwrap();
    let mut again = Vec::new();
    copy.export(&mut again).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), String::from_utf8(again).unwrap());
}

#[test]
fn a_bad_import_changes_nothing_and_names_the_line() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    memory.remember(&task("a", "binary", 1), &[trial(1, 0.5)]).unwrap();
    let mut text = Vec::new();
    memory.export(&mut text).unwrap();
    memory.forget(Forget::All).unwrap();
    text.extend_from_slice(b"\n{\"eyas_memory\": 1}\n");
    let error = memory.import(&mut text.as_slice()).unwrap_err();
    assert!(matches!(error, Error::BadLine { line: 3, .. }), "{error}");
    assert!(memory.list().unwrap().is_empty());
    let later = String::from_utf8(text).unwrap().replace("\"eyas_memory\":1", "\"eyas_memory\":2");
    let message = memory.import(&mut later.as_bytes()).unwrap_err().to_string();
    assert!(message.contains("its format is 2, this release reads 1"), "{message}");
}

#[test]
fn a_later_format_is_refused_with_what_to_do() {
    let (_folder, path) = folder();
    drop(Memory::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Memory::open(&path).unwrap_err();
    assert!(matches!(error, Error::NewerVersion { found: 99, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("export there and import here"));
}

#[test]
fn what_is_not_a_memory_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("text"), "not a database, but long enough to look like one. ".repeat(50))
        .unwrap();
    assert!(matches!(Memory::open(at("text")), Err(Error::Damaged { .. })));
    let other = rusqlite::Connection::open(at("other")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(Memory::open(at("other")), Err(Error::NotAMemory { .. })));
    assert!(matches!(Memory::open(folder.path()), Err(Error::CannotOpen { .. })));
    assert!(matches!(Memory::open_read_only(at("absent")), Err(Error::CannotOpen { .. })));
    let error = Memory::open("postgresql://user:secret@host/db").unwrap_err();
    assert!(matches!(error, Error::PostgresUnsupported { .. }));
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn a_damaged_page_is_an_error_and_no_panic() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    for i in 0..20 {
        let trials: Vec<TrialRecord> = (0..50).map(|d| trial(d, d as f64)).collect();
        memory.remember(&task(&i.to_string(), "binary", i), &trials).unwrap();
    }
    drop(memory);
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte = !*byte;
    }
    std::fs::write(&path, bytes).unwrap();
    let damaged = Memory::open(&path).and_then(|memory| memory.past_tasks("binary", None));
    assert!(matches!(damaged, Err(Error::Damaged { .. })), "{damaged:?}");
}

#[test]
fn read_only_can_be_read_and_says_why_it_cannot_be_written() {
    let (_folder, path) = folder();
    let mut memory = Memory::open(&path).unwrap();
    memory.remember(&task("a", "binary", 1), &[trial(1, 0.5)]).unwrap();
    let mut reader = Memory::open_read_only(&path).unwrap();
    assert_eq!(reader.past_tasks("binary", None).unwrap().len(), 1);
    let error = reader.remember(&task("b", "binary", 1), &[]).unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
}

/// Writes 20 tasks from each of 4 threads.
fn write_from_threads(path: &Path, who: &str) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let mut memory = Memory::open(path).unwrap();
                for i in 0..20 {
                    let task = task(&format!("{who}-{thread}-{i}"), "binary", i);
                    memory.remember(&task, &[trial(1, 0.5), trial(2, 0.1)]).unwrap();
                }
            });
        }
    });
}

/// Not a test by itself: what the other process of the next test does.
#[test]
fn other_process() {
    if let Some(path) = std::env::var_os("EYAS_MEMORY_OF_OTHER_PROCESS") {
        write_from_threads(Path::new(&path), "other");
    }
}

#[test]
fn several_processes_and_threads_write_at_once() {
    let (_folder, path) = folder();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "other_process"])
        .env("EYAS_MEMORY_OF_OTHER_PROCESS", &path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    write_from_threads(&path, "this");
    assert!(other.wait().unwrap().success());
    let memory = Memory::open(&path).unwrap();
    let past = memory.past_tasks("binary", None).unwrap();
    assert_eq!(past.len(), 160);
    assert!(past.iter().all(|t| t.trials.len() == 2));
}

fn version_1() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/memory/version1.sqlite")
}

fn fill_version_1(memory: &mut Memory) {
    memory.remember(&task("a", "binary", 10), &[trial(1, 0.5), trial(2, 0.3)]).unwrap();
    memory.remember(&task("b", "regression", 20), &[trial(3, f64::NAN)]).unwrap();
}

/// With `EYAS_RECORD` set it first makes the file; done once per format, by the release that has it.
#[test]
fn files_of_format_1_are_read() {
    if std::env::var_os("EYAS_RECORD").is_some() {
        fill_version_1(&mut Memory::open(version_1()).unwrap());
    }
    let (_folder, path) = folder();
    let mut expected = Memory::open(&path).unwrap();
    fill_version_1(&mut expected);
    let copy = path.with_file_name("version1.sqlite");
    std::fs::copy(version_1(), &copy).unwrap();
    let memory = Memory::open(&copy).unwrap();
    assert_eq!(memory.list().unwrap(), expected.list().unwrap());
    for stored in memory.list().unwrap() {
        assert_eq!(memory.show(stored.id).unwrap(), expected.show(stored.id).unwrap());
    }
}
