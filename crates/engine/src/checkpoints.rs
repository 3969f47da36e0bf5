//! States of fits that are under way, on disk: a killed run goes on from inside its trials.
//!
//! `checkpoints/trial-N-fold-K.state` holds one fit: eight letters, the length of a head, the head as
//! JSON ([`Head`]: the trial's proposal, which fit of it, the time of the run), the state as the learner
//! wrote it, and a checksum of all of that. It is written whole or not at all, from the fit's own thread.
//! It goes when the line of its trial is in the journal.
//!
//! A state is kept once in so many seconds ([`crate::FitOptions::checkpoint_seconds`]), and once more
//! when a fit of some length has ended while its trial goes on. Keeping states takes under a hundredth
//! of the time, whatever their size and the disk: see [`Fit::is_due`].
//!
//! Nothing in these files is trusted. One that is torn or damaged fails its checksum; one of another
//! run, other data, other rows, another configuration or another version has another sum over its
//! input ([`Identity`]). Such files are left aside, and the fit begins anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use eyas_learn::Checkpoints;
use eyas_search::{Config, Proposal};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::budget::Meter;
use crate::event::{Event, Observer};

/// First bytes of a file, with its version.
const MAGIC: &[u8; 8] = b"EYASFIT1";
/// Bytes that the disk writes in a second at the least, as far as is known before the first time.
const BYTES_A_SECOND: f64 = 1e8;
/// Keeping a state takes at most this share of the time.
const MOST_SHARE: f64 = 0.01;
/// An ended fit is kept if this share of the time between two states has gone by since the last.
const ENDED_SHARE: f64 = 0.05;
/// Seconds of a run beyond which a file is not believed: thirty years.
const MOST_SECONDS: f64 = 1e9;

/// Which fit of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// That of a fold, counted from 0.
    Fold(usize),
    /// That on all rows, at the end of the run.
    Refit,
}

/// What is known of a state without the learner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Sum over the data of the run.
    data: String,
    /// Sum over all that the fit depends on.
    input: u64,
    /// The trial.
    pub proposal: Proposal,
    /// Which fit of it.
    pub place: Place,
    /// Seconds of the run when it was written.
    pub elapsed: f64,
    /// Seconds that the trial (or the refit) had taken by then.
    pub seconds: f64,
}

/// All that a fit depends on besides the data.
#[derive(Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub train: &'a [u32],
    pub valid: &'a [u32],
    pub features: &'a [u32],
    pub metric_name: &'a str,
    pub config: &'a Config,
    pub seed: u64,
    pub last_truncation: Option<usize>,
}

impl Identity<'_> {
    fn sum(&self, data: &str) -> u64 {
        let mut hash = Xxh3::new();
        let mut text = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        text(env!("CARGO_PKG_VERSION"));
        text(data);
        text(self.metric_name);
        text(&serde_json::to_string(self.config).expect("plain data serialises"));
        for list in [self.train, self.valid, self.features] {
            hash.update(&(list.len() as u64).to_le_bytes());
            list.iter().for_each(|number| hash.update(&number.to_le_bytes()));
        }
        hash.update(&self.seed.to_le_bytes());
        let last = self.last_truncation.map_or(u64::MAX, |last| last as u64);
        hash.update(&last.to_le_bytes());
        hash.digest()
    }
}

/// The states of a run.
pub(crate) struct Keeper<'a> {
    dir: PathBuf,
    data: &'a str,
    meter: &'a Meter<'a>,
    observer: &'a dyn Observer,
    /// Seconds between two states of a fit; infinite if none are kept.
    every: f64,
    shared: Mutex<Shared>,
}

/// What the fits of a run share.
#[derive(Default)]
struct Shared {
    /// Heads of the files that are there.
    heads: BTreeMap<(u64, Place), Head>,
    /// Whether a file could not be written; said once.
    failed: bool,
}

impl<'a> Keeper<'a> {
    /// Keeps states of a run on `data` (a sum over it) every so many seconds. `heads` are those that
    /// an earlier part of the run left ([`found`]).
    pub fn new(
        run_dir: &Path,
        data: &'a str,
        (meter, observer): (&'a Meter<'a>, &'a dyn Observer),
        every_seconds: Option<f64>,
        heads: Vec<Head>,
    ) -> Keeper<'a> {
        let heads = heads.into_iter().map(|head| ((head.proposal.id, head.place), head));
        Keeper {
            dir: folder(run_dir),
            data,
            meter,
            observer,
            every: every_seconds.unwrap_or(f64::INFINITY),
            shared: Mutex::new(Shared { heads: heads.collect(), failed: false }),
        }
    }

    /// Where the fit of `place` of a trial that began at `began` (seconds of the run) keeps its states.
    pub fn fit<'k>(
        &'k self,
        proposal: &'k Proposal,
        place: Place,
        began: f64,
        identity: Identity<'k>,
    ) -> Fit<'k> {
        let now = self.meter.elapsed();
        let timing = Timing { last: now, asked: now, took: 0.0 };
        let timing = Mutex::new(timing);
        Fit { keeper: self, proposal, place, began, identity, sum: OnceLock::new(), timing }
    }

    /// The trials that were under way when the run was cut off, with the seconds that they had taken,
    /// by their ids.
    pub fn under_way(&self) -> Vec<(Proposal, f64)> {
        let mut found: BTreeMap<u64, (Proposal, f64)> = BTreeMap::new();
        let shared = self.shared();
        let folds = shared.heads.values().filter(|head| head.place != Place::Refit);
        for head in folds {
            let known = found.entry(head.proposal.id);
            let (_, seconds) = known.or_insert_with(|| (head.proposal.clone(), 0.0));
            *seconds = seconds.max(head.seconds);
        }
        found.into_values().collect()
    }

    /// Seconds that a refit had taken when the run was cut off.
    pub fn seconds_of_refit(&self, trial: u64) -> f64 {
        self.shared().heads.get(&(trial, Place::Refit)).map_or(0.0, |head| head.seconds)
    }

    /// The trial is in the journal: its states are not needed any more.
    pub fn forget(&self, trial: u64) {
        let mut shared = self.shared();
        let all = (trial, Place::Fold(0))..(trial, Place::Refit);
        let places: Vec<_> = shared.heads.range(all).map(|(place, _)| *place).collect();
        for place in places {
            shared.heads.remove(&place);
            // What stays costs room and nothing else.
            let _ = std::fs::remove_file(self.dir.join(file_name(place.0, place.1)));
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, head: Head, state: &[u8]) {
        let path = self.dir.join(file_name(head.proposal.id, head.place));
        let written =
            std::fs::create_dir_all(&self.dir).map_err(|error| error.to_string()).and_then(|()| {
                eyas_model::file::write_whole(&path, &to_bytes(&head, state))
                    .map_err(|error| error.to_string())
            });
        let mut shared = self.shared();
        match written {
            Ok(()) => {
                let trial = head.proposal.id;
                shared.heads.insert((trial, head.place), head);
                drop(shared);
                self.observer.event(&Event::Kept { trial });
            }
            Err(problem) if !std::mem::replace(&mut shared.failed, true) => {
                drop(shared);
                let text =
                    format!("a fit under way could not be kept for `eyas resume`: {problem}");
                self.observer.event(&Event::Notice { text });
            }
            Err(_) => {}
        }
    }
}

/// Where one fit keeps its states.
pub(crate) struct Fit<'k> {
    keeper: &'k Keeper<'k>,
    proposal: &'k Proposal,
    place: Place,
    began: f64,
    identity: Identity<'k>,
    sum: OnceLock<u64>,
    timing: Mutex<Timing>,
}

/// Times of a fit, in seconds of the run.
struct Timing {
    /// When the fit began or last kept a state.
    last: f64,
    /// When it was told to keep one.
    asked: f64,
    /// How long keeping the last one took.
    took: f64,
}

impl Fit<'_> {
    fn sum(&self) -> u64 {
        *self.sum.get_or_init(|| self.identity.sum(self.keeper.data))
    }

    fn timing(&self) -> MutexGuard<'_, Timing> {
        self.timing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> String {
        let trial = format!("trial {} ({})", self.proposal.id, self.proposal.config.learner);
        match self.place {
            Place::Fold(fold) => format!("{trial}, fold {}", fold + 1),
            Place::Refit => format!("the refit of {trial}"),
        }
    }
}

impl Checkpoints for Fit<'_> {
    fn earlier(&self) -> Option<Vec<u8>> {
        let place = (self.proposal.id, self.place);
        // Only files that were there when the run began are looked at.
        let known = self.keeper.shared().heads.get(&place).cloned()?;
        let state = (known.input == self.sum()).then(|| {
            let bytes = std::fs::read(self.keeper.dir.join(file_name(place.0, place.1))).ok()?;
            let (head, state) = parse(&bytes)?;
            (head == known).then(|| state.to_vec())
        });
        let state = state.flatten();
        if state.is_none() {
            self.taken_up(None);
        }
        state
    }

    fn taken_up(&self, after: Option<(usize, &'static str)>) {
        let event = match after {
            Some((steps, unit)) => Event::TakenUp {
                trial: self.proposal.id,
                learner: self.proposal.config.learner.clone(),
                fold: match self.place {
                    Place::Fold(fold) => Some(fold + 1),
                    Place::Refit => None,
                },
                steps,
                unit,
            },
            None => Event::Notice {
                text: format!("{} begins anew: what was kept of it is of no use", self.name()),
            },
        };
        self.keeper.observer.event(&event);
    }

    /// Due once the time between two states has gone by, and a hundred times what keeping one takes
    /// (as long as the last time, and at least what its bytes take on a disk).
    fn is_due(&self, n_bytes: usize, ended: bool) -> bool {
        let every = self.keeper.every;
        if every.is_infinite() {
            return false;
        }
        let now = self.keeper.meter.elapsed();
        let mut timing = self.timing();
        let least = if ended { ENDED_SHARE * every } else { every };
        let takes = timing.took.max(n_bytes as f64 / BYTES_A_SECOND);
        let due = now - timing.last >= least.max(takes / MOST_SHARE);
        if due {
            timing.asked = now;
        }
        due
    }

    fn keep(&self, state: Vec<u8>) {
        let now = self.keeper.meter.elapsed();
        let head = Head {
            data: self.keeper.data.to_owned(),
            input: self.sum(),
            proposal: self.proposal.clone(),
            place: self.place,
            elapsed: now,
            seconds: now - self.began,
        };
        self.keeper.write(head, &state);
        let mut timing = self.timing();
        timing.last = self.keeper.meter.elapsed();
        timing.took = timing.last - timing.asked;
    }
}

fn folder(run_dir: &Path) -> PathBuf {
    run_dir.join("checkpoints")
}

fn file_name(trial: u64, place: Place) -> String {
    match place {
        Place::Fold(fold) => format!("trial-{trial}-fold-{fold}.state"),
        Place::Refit => format!("trial-{trial}-refit.state"),
    }
}

/// Whether a file of this name is ours: a state, or one that was being written.
fn is_ours(name: &str) -> bool {
    let is_state = name.starts_with("trial-") && name.ends_with(".state");
    is_state || (name.starts_with(".trial-") && name.ends_with(".part"))
}

fn to_bytes(head: &Head, state: &[u8]) -> Vec<u8> {
    let head = serde_json::to_vec(head).expect("plain data serialises");
    let mut bytes = Vec::with_capacity(20 + head.len() + state.len());
    bytes.extend(MAGIC);
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(head);
    bytes.extend(state);
    let sum = xxh3_64(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Head and state of a file, if it is whole.
fn parse(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (content, sum) = bytes.split_last_chunk()?;
    if xxh3_64(content) != u64::from_le_bytes(*sum) {
        return None;
    }
    let rest = content.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk()?;
    let (head, state) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    let is_time = |seconds: f64| (0.0..MOST_SECONDS).contains(&seconds);
    (is_time(head.elapsed) && is_time(head.seconds)).then_some((head, state))
}

/// Heads of the states that a run on `data` (a sum over it) left, and what is to be said about other
/// files. Files that were being written are removed; the caller owns the run.
pub(crate) fn found(run_dir: &Path, data: &str) -> (Vec<Head>, Vec<String>) {
    let (mut heads, mut notices) = (Vec::new(), Vec::new());
    for (path, name) in files(run_dir) {
        if name.ends_with(".part") {
            let _ = std::fs::remove_file(path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let head = parse(&bytes).map(|(head, _)| head);
        let of_run =
            |head: &Head| head.data == data && file_name(head.proposal.id, head.place) == name;
        match head {
            Some(head) if of_run(&head) => heads.push(head),
            Some(_) => {
                notices.push(format!("the checkpoint `{name}` is of another run: left aside"))
            }
            None => notices.push(format!("the checkpoint `{name}` is damaged: left aside")),
        }
    }
    (heads, notices)
}

/// Removes all states of a run that has ended.
pub(crate) fn remove(run_dir: &Path) {
    for (path, _) in files(run_dir) {
        let _ = std::fs::remove_file(path);
    }
    // Only an empty folder goes; what somebody else put there stays.
    let _ = std::fs::remove_dir(folder(run_dir));
}

/// Our files, by name.
fn files(run_dir: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = std::fs::read_dir(folder(run_dir)) else { return Vec::new() };
    let named = entries.flatten().map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (entry.path(), name)
    });
    let mut ours: Vec<_> = named.filter(|(_, name)| is_ours(name)).collect();
    ours.sort();
    ours
}

#[cfg(test)]
mod tests;
