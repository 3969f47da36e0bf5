//! Files of states: what is believed of them, and when they are written.

use std::time::Instant;

use super::*;
use crate::budget::{Budget, Interrupt};
use crate::event::Silent;
use eyas_search::Origin;

static NOBODY: Interrupt = Interrupt::new();

fn proposal(id: u64) -> Proposal {
    let config = Config { learner: "boosting".into(), values: Default::default() };
    let config = config.with("learning_rate", 0.1 + 0.2);
    Proposal { id, config, fidelity: 1.0, seed: 0x1234_5678_9ABC_DEF0, origin: Origin::Default }
}

fn head(id: u64, place: Place) -> Head {
    let data = "data".to_owned();
    Head { data, input: u64::MAX - 3, proposal: proposal(id), place, elapsed: 7.25, seconds: 1.5 }
}

fn meter() -> Meter<'static> {
    Meter::new(Budget::Wall { started: Instant::now(), seconds: 1e6 }, 0.0, &NOBODY)
}

fn keeper<'a>(dir: &Path, meter: &'a Meter<'a>, every: Option<f64>) -> Keeper<'a> {
    let (heads, _) = found(dir, "data");
    Keeper::new(dir, "data", (meter, &Silent), every, heads)
}

fn identity<'a>(rows: &'a [u32], config: &'a Config) -> Identity<'a> {
    Identity {
        train: rows,
        valid: &[],
        features: &[0, 1],
        metric_name: "log_loss",
        config,
        seed: 5,
        last_truncation: None,
    }
}

#[test]
fn a_file_is_read_whole_or_not_at_all() {
    let head = head(3, Place::Fold(2));
    let bytes = to_bytes(&head, &[1, 2, 3]);
    assert_eq!(parse(&bytes), Some((head, &[1, 2, 3][..])));
    for n in 0..bytes.len() {
        assert_eq!(parse(&bytes[..n]), None, "cut at {n}");
        for change in [1, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[n] ^= change;
            assert_eq!(parse(&damaged), None, "byte {n}");
        }
    }
}

#[test]
fn a_file_made_to_harm_is_left_aside() {
    let sealed = |mut bytes: Vec<u8>| {
        let sum = xxh3_64(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    };
    let with_head = |text: &str| {
        let length = (text.len() as u32).to_le_bytes();
        sealed([MAGIC, &length[..], text.as_bytes()].concat())
    };
    let good = serde_json::to_string(&head(1, Place::Refit)).expect("plain data");
    assert!(parse(&with_head(&good)).is_some());
    for text in [
        "",
        "{}",
        "[1, 2]",
        &good.replace("7.25", "1e300"),
        &good.replace("7.25", "-1.0"),
        &good.replace("1.5", "null"),
        &good.replace("refit", "nowhere"),
        &"[".repeat(100_000),
    ] {
        assert_eq!(parse(&with_head(text)), None, "{:.40}", text);
    }
    assert_eq!(parse(&sealed([MAGIC, &u32::MAX.to_le_bytes()[..], b"{}"].concat())), None);
    assert_eq!(parse(&sealed(b"EYASFIT2....".to_vec())), None);
    assert_eq!(parse(&sealed(Vec::new())), None);
}

#[test]
fn files_of_others_are_told_apart_and_stay() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = folder(dir.path());
    std::fs::create_dir_all(&folder).expect("made");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("written");
    let whole = to_bytes(&head(3, Place::Fold(0)), b"state");
    write("trial-3-fold-0.state", &whole);
    write("trial-4-fold-0.state", &whole);
    write("trial-5-fold-0.state", &whole[..whole.len() - 1]);
    write("trial-6-refit.state", &to_bytes(&head(6, Place::Refit), b""));
    let other = Head { data: "other".into(), ..head(7, Place::Fold(1)) };
    write("trial-7-fold-1.state", &to_bytes(&other, b""));
    write(".trial-3-fold-0.state.77.0.part", b"half");
    write("epoch-1.pt", b"somebody's");
    let (heads, notices) = found(dir.path(), "data");
    assert_eq!(heads, [head(3, Place::Fold(0)), head(6, Place::Refit)]);
    assert_eq!(notices.len(), 3, "{notices:?}");
    assert!(notices[0].contains("trial-4") && notices[0].contains("another run"), "{notices:?}");
    assert!(notices[1].contains("trial-5") && notices[1].contains("damaged"), "{notices:?}");
    remove(dir.path());
    let left: Vec<_> = std::fs::read_dir(&folder).expect("it is not empty").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].file_name(), "epoch-1.pt");
}

#[test]
fn a_state_is_found_again_by_the_fit_that_kept_it_only() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (meter, proposal) = (meter(), proposal(2));
    let (rows, other_rows) = ([1, 2, 3], [1, 2, 4]);
    let first = keeper(dir.path(), &meter, Some(60.0));
    let config = &proposal.config;
    let fit = first.fit(&proposal, Place::Fold(1), -2.0, identity(&rows, config));
    assert_eq!(fit.earlier(), None);
    fit.keep(b"one".to_vec());
    fit.keep(b"two".to_vec());
    let second = keeper(dir.path(), &meter, Some(60.0));
    let under_way = second.under_way();
    assert_eq!(under_way.len(), 1);
    assert_eq!(under_way[0].0, proposal);
    assert!(under_way[0].1 >= 2.0, "the trial began before");
    let earlier =
        |place, identity: Identity<'_>| second.fit(&proposal, place, 0.0, identity).earlier();
    let same = identity(&rows, config);
    assert_eq!(earlier(Place::Fold(1), same), Some(b"two".to_vec()));
    assert_eq!(earlier(Place::Fold(0), same), None);
    assert_eq!(earlier(Place::Refit, same), None);
    let other_config = config.clone().with("learning_rate", 0.3);
    for other in [
        Identity { train: &other_rows, ..same },
        Identity { train: &rows[..2], valid: &rows[2..], ..same },
        Identity { features: &[0], ..same },
        Identity { metric_name: "auc", ..same },
        Identity { config: &other_config, ..same },
        Identity { seed: 6, ..same },
        Identity { last_truncation: Some(0), ..same },
    ] {
        assert_eq!(earlier(Place::Fold(1), other), None);
    }
    second.forget(2);
    assert_eq!(found(dir.path(), "data").0, []);
    assert_eq!(second.under_way(), []);
}

#[test]
fn a_refit_is_kept_beyond_its_trial() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (meter, proposal) = (meter(), proposal(2));
    let keeper = keeper(dir.path(), &meter, Some(60.0));
    let identity = identity(&[1], &proposal.config);
    keeper.fit(&proposal, Place::Refit, -3.0, identity).keep(b"refit".to_vec());
    keeper.forget(2);
    assert!(keeper.under_way().is_empty());
    assert!(keeper.seconds_of_refit(2) >= 3.0 && keeper.seconds_of_refit(1) == 0.0);
}

#[test]
fn states_are_due_by_time_and_by_what_they_take() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (meter, proposal) = (meter(), proposal(0));
    let due = |every, n_bytes, ended| {
        let keeper = keeper(dir.path(), &meter, every);
        let fit = keeper.fit(&proposal, Place::Fold(0), 0.0, identity(&[], &proposal.config));
        // As if it had begun a minute ago.
        fit.timing().last -= 60.0;
        fit.is_due(n_bytes, ended)
    };
    assert!(due(Some(59.0), 1000, false) && !due(Some(70.0), 1000, false));
    assert!(due(Some(1000.0), 1000, true) && !due(Some(1300.0), 1000, true));
    assert!(!due(None, 0, false) && !due(None, 0, true));
    // 100 MB a second and a hundredth of the time.
    assert!(due(Some(1.0), 50_000_000, false) && !due(Some(1.0), 80_000_000, false));
    let keeper = keeper(dir.path(), &meter, Some(1.0));
    let fit = keeper.fit(&proposal, Place::Fold(0), 0.0, identity(&[], &proposal.config));
    fit.timing().last -= 60.0;
    fit.timing().took = 0.5;
    assert!(fit.is_due(1, false));
    fit.timing().took = 0.7;
    assert!(!fit.is_due(1, false));
}
