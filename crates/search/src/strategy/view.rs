//! The history as a decision needs it, worked out once per decision.

use super::{Proposal, Rules, guard};
use crate::history::{History, Origin, Trial};
use crate::screening::Screened;
use crate::space::{Config, Space};

/// A trial, ended or pending, in a few numbers.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Index of the learner's space; `None` if the rules have no such learner.
    pub learner: Option<usize>,
    fingerprint: u64,
    id: u64,
    /// Place in the history; `None` while pending.
    trial: Option<usize>,
    /// Best loss within the latency limit, as measured; infinite if there is none.
    raw_loss: f64,
    /// The same, brought to full fidelity; comparable between all trials.
    pub loss: f64,
    loss_se: f64,
    pub cost: f64,
    fidelity: f64,
    pub origin: Origin,
    /// Whether it is the first trial of its configuration.
    pub is_first: bool,
}

impl Seen {
    pub fn is_pending(&self) -> bool {
        self.trial.is_none()
    }

    fn is_full(&self) -> bool {
        self.fidelity >= 1.0
    }

    /// A newcomer is the first trial of a configuration that is no default.
    pub fn is_newcomer(&self) -> bool {
        self.is_first && self.origin != Origin::Default
    }
}

/// What is known of one learner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Trials of different configurations, pending ones included.
    pub n_trials: usize,
    /// Best loss; infinite if there is none.
    pub best: f64,
    best_se: f64,
    /// How far a loss lies above the learner's best: the median, or the search's if there are
    /// fewer than three. Never 0.
    pub spread: f64,
    /// Mean cost of a newcomer, or of its default; `None` if none has ended.
    pub cost: Option<f64>,
}

/// The history in numbers.
#[derive(Debug)]
pub(super) struct View {
    /// Ended trials by place in the history, then pending ones.
    pub seen: Vec<Seen>,
    /// By learner.
    pub learners: Vec<Standing>,
    /// Best loss at full fidelity; infinite if there is none.
    pub best: f64,
    best_se: f64,
}

impl View {
    pub fn new(rules: &Rules<'_>, history: &History, pending: &[Proposal]) -> View {
        let ended = history.trials.iter().enumerate();
        let mut seen: Vec<Seen> = ended.map(|(i, t)| seen_trial(rules, i, t)).collect();
        seen.extend(pending.iter().map(|p| seen_pending(rules, p)));
        mark_first(&mut seen);
        bring_to_full(&mut seen);
        let full = seen.iter().filter(|s| s.is_full() && s.loss.is_finite());
        let best = full.min_by(|a, b| a.loss.total_cmp(&b.loss));
        let (best, best_se) = best.map_or((f64::INFINITY, 0.0), |s| (s.loss, s.loss_se));
        let spread = overall_spread(&seen, rules.spaces.len(), best, best_se);
        let learners =
            (0..rules.spaces.len()).map(|learner| standing(&seen, learner, spread)).collect();
        View { seen, learners, best, best_se }
    }

    /// Whether a configuration was tried at any fidelity, or is being tried.
    pub fn is_tried(&self, learner: usize, fingerprint: u64) -> bool {
        self.seen.iter().any(|s| s.learner == Some(learner) && s.fingerprint == fingerprint)
    }

    /// The same, at one fidelity.
    pub fn is_tried_at(&self, learner: usize, fingerprint: u64, fidelity: f64) -> bool {
        let mut alike = self.seen.iter().filter(|s| s.fidelity == fidelity);
        alike.any(|s| s.learner == Some(learner) && s.fingerprint == fingerprint)
    }

    /// Trials at this fidelity by number.
    pub fn screened(&self, fidelity: f64) -> Vec<Screened> {
        let mut at: Vec<&Seen> = self.seen.iter().filter(|s| s.fidelity == fidelity).collect();
        at.sort_by_key(|s| s.id);
        let screened = |s: &&Seen| Screened { trial: s.trial, loss: s.raw_loss, cost: s.cost };
        at.iter().map(screened).collect()
    }

    /// Newcomers so far, pending ones included.
    pub fn n_newcomers(&self) -> usize {
        self.seen.iter().filter(|s| s.is_newcomer()).count()
    }

    /// The memory's share, if it may propose the next newcomer.
    pub fn memory_allowance(&self) -> Option<f64> {
        let of_memory = |s: &&Seen| s.is_newcomer() && s.origin == Origin::Memory;
        let n_tried = self.seen.iter().filter(of_memory).count();
        let n_helped = self.n_helped(Origin::Memory);
        let allowed = guard::is_allowed(n_tried, n_helped, self.n_newcomers());
        allowed.then(|| guard::memory_share(n_tried, n_helped))
    }

    /// Full trials of an origin that gave the best loss of their time.
    fn n_helped(&self, origin: Origin) -> usize {
        let mut best = f64::INFINITY;
        let mut n_helped = 0;
        for seen in self.seen.iter().filter(|s| s.is_full() && s.loss < f64::INFINITY) {
            if seen.loss < best {
                n_helped += usize::from(seen.origin == origin);
                best = seen.loss;
            }
        }
        n_helped
    }

    pub fn cost_spent(&self) -> f64 {
        self.seen.iter().map(|s| s.cost).sum()
    }

    pub fn memory_cost(&self) -> f64 {
        self.seen.iter().filter(|s| s.origin == Origin::Memory).map(|s| s.cost).sum()
    }

    /// Learners, best loss first, ties in their order.
    pub fn learners_by_loss(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.learners.len()).collect();
        order.sort_by(|&a, &b| self.learners[a].best.total_cmp(&self.learners[b].best));
        order
    }

    /// Whether a learner's best loss is above the best by more than three of its spreads and two
    /// standard errors of the difference; learners that were not tried are not dominated.
    pub fn is_dominated(&self, learner: usize) -> bool {
        let standing = &self.learners[learner];
        if standing.n_trials == 0 || !self.best.is_finite() {
            return false;
        }
        let se = libm::hypot(standing.best_se, self.best_se);
        standing.best - self.best > 3.0 * standing.spread + 2.0 * se
    }
}

fn identity(spaces: &[Space], config: &Config) -> (Option<usize>, u64) {
    let learner = spaces.iter().position(|s| s.learner == config.learner);
    (learner, learner.map_or(0, |learner| spaces[learner].fingerprint(config)))
}

fn seen_trial(rules: &Rules<'_>, index: usize, trial: &Trial) -> Seen {
    let (learner, fingerprint) = identity(rules.spaces, &trial.config);
    let best = trial.best_within(rules.limit_ns);
    let loss = best.map_or(f64::INFINITY, |point| point.loss);
    let loss_se = best.map_or(0.0, |point| point.loss_se);
    let cost = if rules.by_work { trial.work as f64 } else { trial.seconds };
    Seen {
        learner,
        fingerprint,
        id: trial.id,
        trial: Some(index),
        raw_loss: loss,
        loss,
        loss_se: if loss_se.is_finite() { loss_se } else { 0.0 },
        cost: if cost.is_finite() { cost.max(0.0) } else { 0.0 },
        fidelity: trial.fidelity,
        origin: trial.origin,
        is_first: true,
    }
}

fn seen_pending(rules: &Rules<'_>, proposal: &Proposal) -> Seen {
    let (learner, fingerprint) = identity(rules.spaces, &proposal.config);
    let cost = (rules.price)(&proposal.config, proposal.fidelity).cost;
    Seen {
        learner,
        fingerprint,
        id: proposal.id,
        trial: None,
        raw_loss: f64::INFINITY,
        loss: f64::INFINITY,
        loss_se: 0.0,
        cost: if cost.is_finite() { cost.max(0.0) } else { 0.0 },
        fidelity: proposal.fidelity,
        origin: proposal.origin,
        is_first: true,
    }
}

/// What runs in full is a first trial unless it was screened before.
fn mark_first(seen: &mut [Seen]) {
    let screened = seen.iter().filter(|s| !s.is_full()).map(|s| (s.learner, s.fingerprint));
    let screened: Vec<(Option<usize>, u64)> = screened.collect();
    for full in seen.iter_mut().filter(|s| s.is_full()) {
        full.is_first = !screened.contains(&(full.learner, full.fingerprint));
    }
}

/// Brings losses of screened trials to full fidelity: less the median difference of those that
/// ran both ways, or as they are if there are none.
fn bring_to_full(seen: &mut [Seen]) {
    let full = |low: &Seen| {
        let mut alike = seen.iter().filter(|s| s.is_full());
        alike.find(|s| s.learner == low.learner && s.fingerprint == low.fingerprint)
    };
    let low = seen.iter().filter(|s| !s.is_full() && s.raw_loss.is_finite());
    let differences = low.filter_map(|low| Some(low.raw_loss - full(low)?.raw_loss));
    let difference = median(differences.filter(|d| d.is_finite()).collect()).unwrap_or(0.0);
    for low in seen.iter_mut().filter(|s| !s.is_full()) {
        low.loss = low.raw_loss - difference;
    }
}

fn overall_spread(seen: &[Seen], n_learners: usize, best: f64, best_se: f64) -> f64 {
    let within = (0..n_learners).flat_map(|learner| distances(seen, learner));
    let within = median(within.filter(|d| *d > 0.0).collect());
    let across = seen.iter().filter(|s| s.loss.is_finite()).map(|s| s.loss - best);
    let across = across.fold(0.0, f64::max) / 4.0;
    let least = if best.is_finite() { 1e-9 * best.abs() + 1e-12 } else { 1.0 };
    within.unwrap_or(if across > 0.0 { across } else { best_se }).max(least)
}

/// Distances of a learner's losses from its best one.
fn distances(seen: &[Seen], learner: usize) -> Vec<f64> {
    let losses = seen.iter().filter(|s| s.learner == Some(learner) && s.loss.is_finite());
    let losses: Vec<f64> = losses.map(|s| s.loss).collect();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    losses.into_iter().map(|loss| loss - best).collect()
}

fn standing(seen: &[Seen], learner: usize, overall_spread: f64) -> Standing {
    let of_learner = || seen.iter().filter(|s| s.learner == Some(learner));
    let best = of_learner().filter(|s| s.loss.is_finite());
    let best = best.min_by(|a, b| a.loss.total_cmp(&b.loss));
    let far = distances(seen, learner);
    let spread = if far.len() < 3 { None } else { median(far).filter(|spread| *spread > 0.0) };
    let mean = |costs: Vec<f64>| {
        (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64)
    };
    let ended = || of_learner().filter(|s| !s.is_pending());
    let newcomers = mean(ended().filter(|s| s.is_newcomer()).map(|s| s.cost).collect());
    Standing {
        n_trials: of_learner().filter(|s| s.is_first).count(),
        best: best.map_or(f64::INFINITY, |s| s.loss),
        best_se: best.map_or(0.0, |s| s.loss_se),
        spread: spread.unwrap_or(overall_spread),
        cost: newcomers.or_else(|| mean(ended().map(|s| s.cost).collect())),
    }
}

/// The middle value, the lower one of two; `None` of none.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}
