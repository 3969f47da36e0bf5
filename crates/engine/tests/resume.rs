//! Runs that are cut off inside a fit. A copy of a run's folder, made while the run works, is what
//! `kill -9` would have left at that moment.

mod small;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use eyas::event::{Event, Observer, Silent};
use eyas::{Budget, FitOptions, Interrupt, Report, Validation, journal};
use eyas_learn::data::Table;
use small::{model_without_notes, options, table};

/// Remembers what was said.
#[derive(Default)]
struct Heard {
    /// Trial, learner and steps of fits that were taken up.
    taken_up: Mutex<Vec<(u64, String, usize)>>,
    notices: Mutex<Vec<String>>,
    /// Times of trials.
    ended: Mutex<Vec<f64>>,
}

impl Observer for Heard {
    fn event(&self, event: &Event) {
        match event {
            Event::TakenUp { trial, learner, steps, .. } => {
                self.taken_up.lock().expect("held").push((*trial, learner.clone(), *steps));
            }
            Event::Notice { text } => self.notices.lock().expect("held").push(text.clone()),
            Event::TrialEnded { elapsed, .. } => self.ended.lock().expect("held").push(*elapsed),
            _ => {}
        }
    }
}

/// Names and sizes of the states in a run's folder.
fn states(run_dir: &Path) -> BTreeMap<String, u64> {
    let Ok(entries) = std::fs::read_dir(run_dir.join("checkpoints")) else {
        return BTreeMap::new();
    };
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_state = name.starts_with("trial-") && name.ends_with(".state");
        Some((name, entry.metadata().ok()?.len())).filter(|_| is_state)
    };
    entries.flatten().filter_map(file).collect()
}

/// Copies a folder that others write in: what goes meanwhile is left out.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    let Ok(entries) = std::fs::read_dir(from) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().expect("it has a name"));
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, target)),
        }
    }
}

/// Copies the folder of a run when a state of a trial is kept for the first time, until there are
/// `most` copies; then a run by the clock may end early.
struct Copier<'a> {
    options: &'a FitOptions,
    most: usize,
    interrupt: &'a Interrupt,
    /// By trial.
    copies: Mutex<BTreeMap<u64, PathBuf>>,
}

impl Observer for Copier<'_> {
    fn event(&self, event: &Event) {
        let Event::Kept { trial } = event else { return };
        let mut copies = self.copies.lock().expect("held");
        let (run_dir, by_clock) =
            (&self.options.run_dir, matches!(self.options.budget, Budget::Wall { .. }));
        // By the clock there must be a model to end with, and a time to go on from.
        let is_early = by_clock && (n_trials(run_dir) < 2 || !run_dir.join("elapsed").exists());
        if is_early || copies.len() >= self.most || copies.contains_key(trial) {
            return;
        }
        let to = self.options.out.with_file_name(format!("copy-{}", copies.len()));
        copy(run_dir, &to);
        copies.insert(*trial, to);
        if by_clock && copies.len() == self.most {
            self.interrupt.raise();
        }
    }
}

/// Runs a fit, and copies its folder while trials are under way: at least one copy, at most `most`.
fn cut_off(table: &Table, options: &FitOptions, most: usize) -> Vec<PathBuf> {
    let copies = copies_of(table, options, most);
    assert!(!copies.is_empty(), "no state was kept");
    copies
}

fn copies_of(table: &Table, options: &FitOptions, most: usize) -> Vec<PathBuf> {
    let (interrupt, copies) = (Interrupt::new(), Mutex::default());
    let copier = Copier { options, most, interrupt: &interrupt, copies };
    eyas::fit(table, options, None, &interrupt, &copier).expect("a model");
    copier.copies.into_inner().expect("held").into_values().collect()
}

fn resume(
    run_dir: &Path,
    table: &Table,
    options: &FitOptions,
    heard: &Heard,
) -> Result<Report, eyas::Error> {
    let out = run_dir.join("model.eyas");
    let options = FitOptions { out, ..options.clone() };
    eyas::resume(run_dir, table, &options, None, &Interrupt::new(), heard)
}

fn n_trials(run_dir: &Path) -> usize {
    journal::read(run_dir).map_or(0, |(_, entries, _)| entries.len())
}

#[test]
fn by_work_a_run_cut_off_inside_a_fit_ends_as_the_whole_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(20_000, 4);
    for (name, validation) in [("folds", Validation::Folds(3)), ("part", Validation::Holdout(0.3))]
    {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).expect("made");
        let options = FitOptions {
            checkpoint_seconds: Some(1e-3),
            validation,
            threads: 2,
            ..options(&folder, 400_000_000)
        };
        let copies = cut_off(&table, &options, 4);
        assert_eq!(states(&options.run_dir), BTreeMap::new(), "no state is left behind");
        assert!(!options.run_dir.join("checkpoints").exists());
        let whole = model_without_notes(&options.out);
        let mut n_taken_up = 0;
        for copy in copies.into_iter().step_by(2) {
            let heard = Heard::default();
            resume(&copy, &table, &options, &heard).expect("resumed");
            assert_eq!(model_without_notes(&copy.join("model.eyas")), whole, "{copy:?}");
            n_taken_up += heard.taken_up.into_inner().expect("held").len();
            assert_eq!(heard.notices.into_inner().expect("held"), Vec::<String>::new());
        }
        assert!(n_taken_up > 0, "no fit was taken up");
    }
}

#[test]
fn by_the_clock_trials_under_way_come_first_and_their_time_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(20_000, 5);
    let wall = |seconds| Budget::Wall { started: Instant::now(), seconds };
    let mut options = FitOptions {
        checkpoint_seconds: Some(1e-3),
        validation: Validation::Folds(5),
        budget: wall(120.0),
        ..options(folder.path(), 0)
    };
    let copies = cut_off(&table, &options, 1);
    let copy = copies.last().expect("a state was kept");
    let (_, before, _) = journal::read(copy).expect("a journal");
    let beat = std::fs::read_to_string(copy.join("elapsed")).expect("the time was kept");
    let beat: f64 = beat.trim().parse().expect("seconds");
    options.budget = wall(beat + 15.0);
    let heard = Heard::default();
    let began = Instant::now();
    resume(copy, &table, &options, &heard).expect("resumed");
    assert!(began.elapsed() < Duration::from_secs(18), "15 s were left: {:?}", began.elapsed());
    let taken_up = heard.taken_up.into_inner().expect("held");
    let (trial, learner, steps) = &taken_up[0];
    assert!(*steps > 0);
    let (_, after, _) = journal::read(copy).expect("a journal");
    let first = &after[before.len()].trial;
    assert_eq!((first.id, &first.config.learner), (*trial, learner), "it comes first");
    assert!(before.iter().all(|entry| entry.trial.id != *trial));
    let ids: std::collections::BTreeSet<u64> = after.iter().map(|entry| entry.trial.id).collect();
    assert_eq!(ids.len(), after.len(), "numbers are given once");
    assert!(heard.ended.into_inner().expect("held").iter().all(|&elapsed| elapsed >= beat));
}

#[test]
fn damaged_and_foreign_states_are_named_and_left_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = table(20_000, 4);
    let options = FitOptions {
        checkpoint_seconds: Some(1e-3),
        validation: Validation::Folds(3),
        ..options(folder.path(), 400_000_000)
    };
    let copies = cut_off(&table, &options, 3);
    let copy = copies.into_iter().next().expect("a state was kept");
    let names: Vec<String> = states(&copy).into_keys().collect();
    for name in &names {
        let path = copy.join("checkpoints").join(name);
        let mut bytes = std::fs::read(&path).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).expect("written");
    }
    let heard = Heard::default();
    resume(&copy, &table, &options, &heard).expect("resumed");
    assert_eq!(
        model_without_notes(&copy.join("model.eyas")),
        model_without_notes(&options.out),
        "the fits began anew"
    );
    assert!(heard.taken_up.into_inner().expect("held").is_empty());
    let notices = heard.notices.into_inner().expect("held");
    assert!(!names.is_empty() && notices.len() == names.len(), "{notices:?}");
    assert!(notices[0].contains(&names[0]) && notices[0].contains("damaged"), "{notices:?}");
}

#[test]
fn without_an_interval_nothing_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = FitOptions { checkpoint_seconds: None, ..options(folder.path(), 30_000_000) };
    assert!(copies_of(&table(600, 4), &options, 1).is_empty());
    let wrong = FitOptions {
        checkpoint_seconds: Some(f64::NAN),
        run_dir: folder.path().join("second"),
        ..options
    };
    let error = eyas::fit(&table(60, 4), &wrong, None, &Interrupt::new(), &Silent);
    let error = error.expect_err("no time").to_string();
    assert!(error.contains("--checkpoint-every"), "{error}");
}
