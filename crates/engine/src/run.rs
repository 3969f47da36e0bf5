//! The search of one run: workers that ask what to try, try it and record what came of it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard};

use eyas_learn::task::Facts;
use eyas_search::frontier::{Frontier, Objectives};
use eyas_search::samplers::Sampler;
use eyas_search::strategy::{Decision, Price, Proposal, Rules, StopReason, next, seed_of_trial};
use eyas_search::{Config, History, Point, Trial};

use crate::budget::{FitLimit, Meter, Moment};
use crate::candidates::Candidates;
use crate::error::Error;
use crate::event::{Event, Observer};
use crate::journal::{Entry, Journal};
use crate::storage;
use crate::strategies::{Pricer, Strategies};
use crate::trial::{Candidate, TrialContext, TrialEnd, run_trial};

/// What the workers of a run share and do not change.
pub(crate) struct Run<'a> {
    pub context: TrialContext<'a>,
    pub strategies: &'a Strategies,
    pub memory_proposals: &'a [Config],
    pub facts: Facts,
    pub meter: &'a Meter<'a>,
    pub observer: &'a dyn Observer,
    pub run_dir: &'a Path,
    pub defaults_only: bool,
    pub screening: Option<f64>,
    pub sampler: Option<&'static dyn Sampler>,
    pub limit_memory_bytes: f64,
    /// Predicted p99 of the fastest strategy there is.
    pub least_ns: f64,
    pub threads: usize,
    pub seed: u64,
    /// Seconds kept for what comes after the search, besides the refit.
    pub reserve_seconds: f64,
    /// Whether the chosen strategies are fitted again on all rows.
    pub refits: bool,
    /// When the search must end, in seconds of the run; moves as candidates become known.
    pub search_end: Moment,
}

/// What the workers share and change, under one lock.
pub(crate) struct State {
    pub history: History,
    pub candidates: Candidates,
    pub frontier: Frontier<u64>,
    pub journal: Journal,
    /// Trials that were under way when the run was cut off, and the seconds that they had taken.
    under_way: VecDeque<(Proposal, f64)>,
    pending: Vec<Proposal>,
    stop: Option<StopReason>,
    failure: Option<Error>,
}

/// Trials of a round when work is counted; fixed, so that threads do not matter.
const ROUND: usize = 2;
/// Largest share of the budget that one trial on one split may take; what is cut off there is
/// still usable, as a trial on some of the folds is not.
const MOST_SHARE_OF_TRIAL: f64 = 0.25;

/// More trials than a run can have.
const MOST_TRIALS: u64 = 1 << 40;

/// A candidate is stored for a resume if its bytes are below this many a second of the budget:
/// writing it takes under half a percent of the run.
const STORED_BYTES_A_SECOND: f64 = 1e5;

impl State {
    /// The state of a run whose history is known so far.
    pub fn new(history: History, candidates: Candidates, journal: Journal) -> State {
        let mut frontier = Frontier::default();
        let points = history.trials.iter().filter(|trial| trial.fidelity >= 1.0);
        for (trial, point) in points.flat_map(|t| t.curve.iter().map(move |p| (t.id, p))) {
            frontier.insert(objectives(point), trial);
        }
        State {
            history,
            candidates,
            frontier,
            journal,
            under_way: VecDeque::new(),
            pending: Vec::new(),
            stop: None,
            failure: None,
        }
    }
}

impl<'a> Run<'a> {
    /// Searches until the budget's share for it is used; says why it ended.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn search(&self, state: State) -> Result<(State, StopReason), Error> {
        let shared = Mutex::new(state);
        if self.meter.by_work() {
            self.search_in_rounds(&shared);
        } else {
            self.search_by_clock(&shared);
        }
        let mut state = shared.into_inner().expect("no worker panics while it holds the lock");
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        let reason = state.stop.unwrap_or(StopReason::BudgetSpent);
        Ok((state, reason))
    }

    fn search_by_clock(&self, shared: &Mutex<State>) {
        let changed = Condvar::new();
        std::thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| self.work_by_clock(shared, &changed));
            }
        });
    }

    fn work_by_clock(&self, shared: &Mutex<State>, changed: &Condvar) {
        loop {
            let mut state = lock(shared);
            if state.stop.is_some() || state.failure.is_some() {
                return;
            }
            let mut before = 0.0;
            let decision = match self.cut_off(&mut state) {
                Some((proposal, seconds)) => {
                    before = seconds;
                    Decision::Try(proposal)
                }
                None => self.decide(&state),
            };
            match decision {
                Decision::Stop(reason) => {
                    state.stop = Some(reason);
                    changed.notify_all();
                    return;
                }
                Decision::Wait if state.pending.is_empty() => {
                    state.stop = Some(StopReason::BudgetSpent);
                    return;
                }
                Decision::Wait => {
                    drop(changed.wait(state).expect("no worker panics while it holds the lock"));
                }
                Decision::Try(proposal) => {
                    state.pending.push(proposal.clone());
                    let limit = self.trial_limit(&state, before);
                    let incumbent = incumbent(&state);
                    drop(state);
                    let end = self.try_out(&proposal, incumbent.as_deref(), limit, before);
                    let mut state = lock(shared);
                    state.pending.retain(|other| other.id != proposal.id);
                    self.record(&mut state, end);
                    changed.notify_all();
                }
            }
        }
    }

    fn search_in_rounds(&self, shared: &Mutex<State>) {
        loop {
            let mut state = lock(shared);
            let mut proposals: Vec<Proposal> = Vec::with_capacity(ROUND);
            while proposals.len() < ROUND && state.failure.is_none() {
                match self.decide(&state) {
                    Decision::Try(proposal) => {
                        state.pending.push(proposal.clone());
                        proposals.push(proposal);
                    }
                    Decision::Wait => break,
                    Decision::Stop(reason) => {
                        state.stop = Some(reason);
                        break;
                    }
                }
            }
            if proposals.is_empty() {
                return;
            }
            let limit = self.trial_limit(&state, 0.0);
            let incumbent = incumbent(&state);
            drop(state);
            let ends = self.try_out_all(&proposals, incumbent.as_deref(), limit);
            let mut state = lock(shared);
            state.pending.clear();
            state.stop = None;
            for end in ends {
                self.meter.book(end.trial.work);
                self.record(&mut state, end);
            }
        }
    }

    fn try_out_all(
        &self,
        proposals: &[Proposal],
        incumbent: Option<&[f64]>,
        limit: f64,
    ) -> Vec<TrialEnd> {
        if self.threads < 2 {
            return proposals.iter().map(|p| self.try_out(p, incumbent, limit, 0.0)).collect();
        }
        std::thread::scope(|scope| {
            let one = |p| scope.spawn(move || self.try_out(p, incumbent, limit, 0.0));
            let handles: Vec<_> = proposals.iter().map(one).collect();
            let join = |handle: std::thread::ScopedJoinHandle<'_, TrialEnd>| {
                handle.join().expect("a trial catches the panics of its fits")
            };
            handles.into_iter().map(join).collect()
        })
    }

    /// Runs a trial that took `before` seconds until it was cut off.
    fn try_out(
        &self,
        proposal: &Proposal,
        incumbent: Option<&[f64]>,
        limit: f64,
        before: f64,
    ) -> TrialEnd {
        let limit = FitLimit::new(self.meter, limit).or_at(&self.search_end);
        let clock = || self.meter.elapsed();
        run_trial(&self.context, proposal, incumbent, &limit, clock() - before, clock)
    }

    /// The state with the trials that were under way when the run was cut off: they come first, under
    /// their numbers.
    ///
    /// By work there are none: the same trials are proposed again, since that depends on the history
    /// only, and find their fits where they were.
    pub fn with_cut_off(&self, mut state: State) -> State {
        if self.meter.by_work() {
            return state;
        }
        let is_known = |id: u64| state.history.trials.iter().any(|trial| trial.id == id);
        let found = self.context.keeper.under_way().into_iter();
        state.under_way = found.filter(|(p, _)| !is_known(p.id) && self.is_of_run(p)).collect();
        state
    }

    /// Whether this run can have made the proposal.
    fn is_of_run(&self, proposal: &Proposal) -> bool {
        let Proposal { id, config, fidelity, seed, .. } = proposal;
        let allowed = self.strategies.spaces.iter().any(|space| space.check(config).is_ok());
        let of_seed = *id <= MOST_TRIALS && *seed == seed_of_trial(self.seed, *id);
        allowed && of_seed && *fidelity > 0.0 && *fidelity <= 1.0
    }

    /// The next trial to go on with, and the seconds that it has taken.
    fn cut_off(&self, state: &mut State) -> Option<(Proposal, f64)> {
        if self.remaining(state) > 0.0 { state.under_way.pop_front() } else { None }
    }

    /// Fits an earlier trial again, for its candidate.
    pub fn again(&self, trial: &Trial) -> Option<Candidate> {
        let proposal = Proposal {
            id: trial.id,
            config: trial.config.clone(),
            fidelity: trial.fidelity,
            seed: trial.seed,
            origin: trial.origin,
        };
        let limit = if self.meter.by_work() { f64::INFINITY } else { self.meter.total() };
        let end = self.try_out(&proposal, None, limit, 0.0);
        self.context.keeper.forget(trial.id);
        let candidate = end.candidate?;
        Some(Candidate { seconds: trial.seconds, ..candidate })
    }

    /// What is left for trials, in seconds or work units.
    fn remaining(&self, state: &State) -> f64 {
        let remaining = self.meter.remaining();
        if self.meter.by_work() { remaining } else { remaining - self.reserve(state) }
    }

    /// Seconds kept for what comes after the search.
    fn reserve(&self, state: &State) -> f64 {
        let refits = self.refits || self.needs_single_models(state);
        let refit = if refits { self.refit_seconds(state) } else { 0.0 };
        self.reserve_seconds + refit.min(0.25 * self.meter.total())
    }

    /// Whether the best candidate's folds are too slow together, so that one model must be fitted.
    fn needs_single_models(&self, state: &State) -> bool {
        let n_folds = self.context.splits.len() as f64;
        state.candidates.best().is_some_and(|best| best.ns * n_folds > self.context.limit_ns)
    }

    /// What fitting the best few candidates again would take, on all threads.
    fn refit_seconds(&self, state: &State) -> f64 {
        let best = state.candidates.list().iter().take(2);
        let seconds: Vec<f64> = best.map(|c| c.seconds / c.models.len().max(1) as f64).collect();
        let longest = seconds.iter().copied().fold(0.0, f64::max);
        1.3 * longest.max(seconds.iter().sum::<f64>() / self.threads.max(1) as f64)
    }

    /// Where a trial that starts now, or goes on after `before` seconds, must end: a time of the run,
    /// or its own work units.
    fn trial_limit(&self, state: &State, before: f64) -> f64 {
        let remaining = self.remaining(state);
        let cuttable = self.context.splits.len() == 1;
        let share = if cuttable { MOST_SHARE_OF_TRIAL } else { 1.0 };
        let most = share * self.meter.total();
        if self.meter.by_work() {
            remaining.min(most).max(1.0)
        } else {
            self.meter.elapsed() + remaining.min(most - before)
        }
    }

    fn decide(&self, state: &State) -> Decision {
        let pricer = Pricer {
            facts: &self.facts,
            cost: self.context.cost,
            n_folds: self.context.splits.len(),
            by_work: self.meter.by_work(),
        };
        let remaining = self.remaining(state);
        let most = (MOST_SHARE_OF_TRIAL * self.meter.total()).min(remaining);
        // A fit on one split keeps what it has when it is cut off, so it never costs more than
        // what a trial may take.
        let cuttable = self.context.splits.len() == 1;
        let price = |config: &Config, fidelity: f64| {
            let price = pricer.price(&state.history, config, fidelity);
            let cost = if cuttable { price.cost.min(0.999 * most) } else { price.cost };
            Price { cost, ..price }
        };
        let rules = Rules {
            spaces: &self.strategies.spaces,
            portfolio: &self.strategies.portfolio,
            memory: self.memory_proposals,
            price: &price,
            remaining,
            // Where nothing is feasible the fastest is wanted all the same.
            limit_ns: self.context.limit_ns.max(self.least_ns),
            limit_memory_bytes: self.limit_memory_bytes,
            screening: self.screening,
            sampler: self.sampler,
            extras: &self.strategies.extras,
            defaults_only: self.defaults_only,
            by_work: self.meter.by_work(),
            seed: self.seed,
        };
        if self.remaining(state) <= 0.0 {
            return Decision::Stop(StopReason::BudgetSpent);
        }
        next(&rules, &state.history, &state.pending)
    }

    fn record(&self, state: &mut State, end: TrialEnd) {
        let TrialEnd { trial, candidate, steps } = end;
        let elapsed = self.meter.elapsed();
        if let Some(candidate) = candidate {
            let ns = candidate.ns;
            let bytes = candidate.shape.file_bytes * candidate.models.len() as f64;
            let kept = state.candidates.insert(candidate.clone(), ns, self.context.limit_ns);
            if kept && bytes < STORED_BYTES_A_SECOND * self.meter.total() {
                // What is not stored is fitted again on resume; the run itself goes on.
                let _ = storage::store(self.run_dir, self.context.data, &candidate);
            }
        }
        if trial.fidelity >= 1.0 {
            for point in &trial.curve {
                state.frontier.insert(objectives(point), trial.id);
            }
        }
        match state.journal.append(&Entry { elapsed, trial: trial.clone() }) {
            Ok(()) => self.context.keeper.forget(trial.id),
            Err(error) => state.failure = Some(error),
        }
        self.meter.beat(elapsed);
        if !steps.is_empty() {
            let stride = steps.len().div_ceil(200);
            let thinned = steps.iter().step_by(stride);
            let steps = thinned.map(|s| (s.step, s.learning_rate, s.loss)).collect();
            self.observer.event(&Event::Steps { trial: trial.id, steps });
        }
        self.observer.event(&Event::TrialEnded { elapsed, trial: trial.clone() });
        state.history.trials.push(trial);
        if !self.meter.by_work() {
            self.search_end.set(self.meter.elapsed() + self.remaining(state));
        }
        let metric = self.context.metric;
        self.observer.event(&Event::Progress {
            elapsed,
            fraction: (self.meter.used() / self.meter.total()).min(1.0),
            n_trials: state.history.trials.len(),
            frontier_size: state.frontier.points().len(),
            best: state.candidates.best().map(|c| metric.value(c.loss)),
        });
    }
}

fn objectives(point: &Point) -> Objectives {
    Objectives { loss: point.loss, ns: point.ns, bytes: point.bytes as f64 }
}

fn incumbent(state: &State) -> Option<Vec<f64>> {
    state.candidates.best().map(|candidate| candidate.fold_losses.clone())
}

fn lock<'m>(shared: &'m Mutex<State>) -> MutexGuard<'m, State> {
    shared.lock().expect("no worker panics while it holds the lock")
}
